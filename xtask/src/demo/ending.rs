//! What the demo says after the play: who got what, who waited for what, what it cost whom, the
//! statements and the proof, in this order, and what to try next. It judges nothing that it does
//! not print.

use std::path::Path;

use anyhow::Result;

use super::report::{self, Statements};
use super::scene::Scene;
use super::trace::{self, Job};
use super::waits::Waits;
use super::window::{View, Window};
use super::words::Language;
use super::world::{CHECKER, MEMBERS, Member, OFFICERS, PROVINCE, institution_of, subtree};
use super::{agreement, text};
use crate::cluster::{Cluster, FAKE_NODE_KEY};
use crate::installation::Installation;

/// `spec.walltime` of `examples/first-job/30-job.yaml`.
const FIRST_JOB_WALLTIME_SECONDS: u32 = 3600;

/// What to try after a demo that is gone.
pub fn after(language: Language) -> &'static str {
    language.pick([
        "
next:  cargo xtask demo --keep       leave it running, and be one of its users
       cargo xtask demo --lang zh    the same in Chinese
       examples/demo/README.md       the jobs, the province, and the rules between them
       examples/first-job/           the smallest world, to be applied by hand",
        "
接下来:  cargo xtask demo --keep          保持运行，以其中一位用户的身份操作
         examples/demo/README.zh-CN.md    作业、全省以及两者之间的规则
         examples/first-job/              最小的例子，可手工创建",
    ])
}

/// Prints the report; gives back what should not be, and the sums of it.
///
/// # Errors
/// If the cluster does not answer.
pub fn print(
    edugrid: &Installation,
    window: &Window<'_>,
    played: &[Job],
    (view, waits): &(View, Waits),
    language: Language,
) -> Result<(Vec<String>, Summary)> {
    let mut statements = Statements::new();
    let mut faults = agreement::not_succeeded(played, &view.jobs);
    let failed = faults.len();
    for member in MEMBERS {
        let months = window.statements(member.tenant)?;
        faults.extend(agreement::disagreements(
            member.tenant,
            &view.jobs,
            &months,
        )?);
        statements.insert(member.tenant, months);
    }
    let disagreed = faults.len() - failed;
    print_tables(played, view, waits, &statements, language)?;
    for (user, tenant) in shortest(&statements) {
        faults.extend(command(edugrid, &user, &["statement", tenant], language)?);
    }
    faults.extend(command(edugrid, CHECKER, &["ledger", "verify"], language)?);
    let summary = Summary {
        ran: played.len() - failed,
        all: played.len(),
        agreed: disagreed == 0,
        cost: agreement::sum(&view.jobs)?,
    };
    Ok((faults, summary))
}

/// What the verdict says beside whether all went well.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    ran: usize,
    all: usize,
    agreed: bool,
    cost: u64,
}

impl Summary {
    /// The verdict in words.
    pub fn verdict(self, well: bool, seconds: u64, language: Language) -> String {
        let Summary { ran, all, .. } = self;
        let cost = text::yuan(self.cost);
        let (passed, agreed) = match language {
            Language::En => (
                ["FAILED", "passed"][usize::from(well)],
                [
                    "objects and statements differ",
                    "objects and statements agree on",
                ][usize::from(self.agreed)],
            ),
            Language::Zh => (
                ["失败", "通过"][usize::from(well)],
                ["作业对象与对账单不一致", "作业对象与对账单一致："][usize::from(self.agreed)],
            ),
        };
        match language {
            Language::En => format!(
                "demo: {passed} in {seconds} s: {ran} of {all} jobs ran to their end, {agreed} {cost} yuan"
            ),
            Language::Zh => format!(
                "demo: {seconds} 秒内{passed}：{all} 个作业中 {ran} 个运行完毕，{agreed}{cost} 元"
            ),
        }
    }
}

/// Whose statements are printed, each as its own reader: of all colleges and schools that were charged
/// for something the one with the shortest, and its institution, whose administrator reads it.
fn shortest(statements: &Statements) -> Vec<(String, &'static str)> {
    let length = |tenant: &str| -> usize {
        let months = statements.get(tenant).into_iter().flatten();
        months.map(|month| month.movements.len()).sum()
    };
    let of_institution = |member: &&&Member| {
        let (index, _) = institution_of(member.tenant)?;
        let below = subtree(index).iter();
        Some(below.map(|place| length(place.name)).sum::<usize>())
    };
    let charged = MEMBERS.iter().filter(|member| length(member.tenant) > 0);
    let Some(member) = charged.min_by_key(of_institution) else {
        return Vec::new();
    };
    let mut shortest = vec![(member.user.to_owned(), member.tenant)];
    shortest.extend(institution_of(member.tenant).map(|(_, institution)| {
        let name = institution.name;
        (format!("{name}-admin"), name)
    }));
    shortest
}

fn print_tables(
    played: &[Job],
    view: &View,
    waits: &Waits,
    statements: &Statements,
    language: Language,
) -> Result<()> {
    let clock = view.queue.age.clock.as_ref();
    let got = report::who_got_what(played, &view.jobs, statements, clock, language)?;
    println!(
        "\n{}\n{got}",
        language.pick(["Who got what", "谁得到了什么"])
    );
    println!(
        "{}\n",
        match language {
            Language::En => format!(
                "Waits are from submission, or from when the user let the job go, to the last pod bound; exact to {}.
Hours are by the operator's clock. Money is in yuan, cut to the fen.",
                text::minutes(u64::from(trace::FACTOR)),
            ),
            Language::Zh => format!(
                "等待从提交（或用户放行）起，到最后一个 Pod 绑定为止，精确到 {}。时间按系统时钟；金额单位为元，舍去分以下。",
                text::minutes(u64::from(trace::FACTOR)),
            ),
        }
    );
    println!(
        "{}",
        language.pick([
            "Who waited for what (hours of all jobs together, as seen once a second)",
            "谁在等待什么（所有作业合计的小时数，每秒查看一次）",
        ])
    );
    println!("{}", report::who_waited(waits, language));
    println!("{}", report::meanings(waits, language));
    println!("{}", language.pick(["What it cost whom", "谁付了多少"]));
    print!("{}", report::purses(&Scene::of(view), language));
    println!(
        "{}\n",
        language.pick([
            "What a university hands on to its college counts as spent by the university.",
            "高校转给学院的资金计入高校的已用。",
        ])
    );
    Ok(())
}

/// Runs `kubectl edugrid` as a user and shows it as typed; that it failed is a fault.
fn command(
    edugrid: &Installation,
    user: &str,
    args: &[&str],
    language: Language,
) -> Result<Option<String>> {
    let typed = format!("kubectl edugrid {}", args.join(" "));
    println!("{user}$ {typed}");
    let output = edugrid.edugrid_in(language.locale(), user, args)?;
    println!("{}\n", String::from_utf8_lossy(&output.stdout).trim_end());
    let words = String::from_utf8_lossy(&output.stderr);
    let failed = !output.status.success();
    Ok(failed.then(|| format!("`{typed}` as {user} failed: {}", words.trim())))
}

/// How to go on with a demo that stays.
pub fn how_to_go_on(cluster: &Cluster, cli: &Path, end: &str, language: Language) -> String {
    let dir = cluster.dir().display();
    let path = cli.parent().unwrap_or(cli).display();
    let (factor, member) = (trace::FACTOR, MEMBERS[0]);
    let (user, tenant) = (member.user, member.tenant);
    let users = MEMBERS.map(|it| format!("{} ({})", it.user, it.tenant));
    let officers = OFFICERS.map(|(officer, _)| officer);
    let edits = match cluster.is_borrowed() {
        false => format!("'s/sdu-cs/{tenant}/'"),
        // The fake nodes keep other people's pods away.
        true => format!(
            "'s/sdu-cs/{tenant}/; s|^      spec:|&\\n        tolerations: [{{key: {FAKE_NODE_KEY}, operator: Exists}}]|'"
        ),
    };
    let walltime = FIRST_JOB_WALLTIME_SECONDS / factor;
    let words = match language {
        Language::En => [
            format!("everything is still running, and its clock still {factor} times faster"),
            format!("its pods never exit here, so its walltime ends it after {walltime} s"),
        ],
        Language::Zh => [
            format!("一切仍在运行，时钟仍快 {factor} 倍"),
            format!("这里的 Pod 不会自己退出，{walltime} 秒后到达时限"),
        ],
    };
    format!(
        "
{}
  users    {}
           {}, {PROVINCE}, {CHECKER}
  be one   export KUBECONFIG='{}'
           export PATH='{path}':\"$PATH\"
  or       eval \"$(cargo xtask controlplane env --dir '{dir}' --user {user})\"
  ask      kubectl edugrid queue -n {tenant}
           kubectl edugrid statement {tenant}
           kubectl get computejobs -n {tenant}
  submit   sed {edits} examples/first-job/30-job.yaml | kubectl create -f -
           kubectl edugrid explain first -n {tenant}
           ({})
  end      {end}",
        words[0],
        users.join(", "),
        officers.join(", "),
        cluster.kubeconfig(user).display(),
        words[1],
    )
}
