//! The command line as its users have it: a plugin of kubectl, in both languages, from a typo
//! in a file to a watch that somebody ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, binaries, job, wait_for};
use serde_json::Value;
use xtask::{installation::InstallOptions, tools::Tool};

const CHINESE: (&str, &str) = ("LC_ALL", "zh_CN.UTF-8");
const ENGLISH: (&str, &str) = ("LC_ALL", "C.UTF-8");

/// Who may know what compute costs.
const CATALOGUE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: catalogue-readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edugrid-catalogue-reader}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: sdu-cs-users}]
";

#[test]
fn a_plugin_of_kubectl_in_both_languages() -> Result<()> {
    let shell = Shell::start()?;
    kubectl_finds_it(&shell)?;
    what_is_wrong_is_told_and_creates_nothing(&shell)?;
    a_dry_run_tells_the_cost(&shell)?;
    rights_are_the_clusters(&shell)?;
    a_queue_is_read(&shell)?;
    tenants_and_money_are_read(&shell)?;
    a_watch_ends_with_a_signal(&shell)
}

/// A person's shell: kubectl, and the plugin installed as the guide says.
struct Shell {
    province: Province,
    bin: PathBuf,
}

/// What a command came to.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Shell {
    fn start() -> Result<Self> {
        let province = Province::start(2, InstallOptions::default())?;
        let bin = province.cluster().dir().join("bin");
        std::fs::create_dir_all(&bin)?;
        let cli = binaries()?.cli;
        for name in ["kubectl-edugrid", "kubectl_complete-edugrid"] {
            symlink(&cli, bin.join(name))?;
        }
        Ok(Self { province, bin })
    }

    fn kubectl(&self, user: &str, locale: (&str, &str), args: &[&str]) -> Command {
        let cluster = self.province.cluster();
        let path = format!("{}:/usr/bin:/bin", self.bin.display());
        let mut command = Command::new(cluster.tools().path(Tool::Kubectl));
        command
            .args(args)
            .env("PATH", path)
            .env("KUBECONFIG", cluster.kubeconfig(user))
            .envs(cluster.client_environment())
            .env(locale.0, locale.1)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `kubectl edugrid …` with text on standard input.
    fn edugrid(
        &self,
        user: &str,
        locale: (&str, &str),
        args: &[&str],
        input: &str,
    ) -> Result<Said> {
        let args = [&["edugrid"], args].concat();
        let mut child = self
            .kubectl(user, locale, &args)
            .stdin(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("standard input")?;
        // Whoever doesn't read it may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output()?;
        let said = Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        };
        ensure!(
            !said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'),
            "colours in a pipe: {:?}",
            said.out
        );
        Ok(said)
    }

    fn ok(&self, user: &str, locale: (&str, &str), args: &[&str]) -> Result<String> {
        let said = self.edugrid(user, locale, args, "")?;
        ensure!(
            said.code == Some(0),
            "{args:?}: {:?} {}",
            said.code,
            said.err
        );
        Ok(said.out)
    }

    /// The names of the jobs in sdu-cs.
    fn jobs(&self) -> Result<String> {
        let args = ["get", "computejobs", "--namespace=sdu-cs", "--output=name"];
        self.province.cluster().kubectl("admin", &args)?.ok()
    }
}

impl Said {
    /// The exit code and words that must be among what was said.
    fn expect(&self, code: i32, words: &[&str]) -> Result<()> {
        let all = format!("{}{}", self.out, self.err);
        ensure!(
            self.code == Some(code),
            "{:?} is not {code}: {all}",
            self.code
        );
        for word in words {
            ensure!(all.contains(word), "{word:?} is not in: {all}");
        }
        Ok(())
    }
}

fn kubectl_finds_it(shell: &Shell) -> Result<()> {
    let output = shell
        .kubectl("alice", ENGLISH, &["plugin", "list"])
        .output()?;
    let listed = String::from_utf8(output.stdout)?;
    let plugin = shell.bin.join("kubectl-edugrid").display().to_string();
    ensure!(
        output.status.success() && listed.contains(&plugin),
        "{listed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = shell
        .kubectl("alice", ENGLISH, &["__complete", "edugrid", "que"])
        .output()?;
    let completed = String::from_utf8(output.stdout)?;
    ensure!(
        completed.starts_with("queue\t") && completed.contains(":4"),
        "{completed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let script = shell.ok("alice", ENGLISH, &["completion", "bash"])?;
    ensure!(script.contains("kubectl-edugrid"), "{script}");
    let wrong = shell.edugrid("alice", ENGLISH, &["queues"], "")?;
    wrong.expect(2, &["queue"])
}

/// A typo in the spec and one in a template, each beside a good job: all are told, none is made.
fn what_is_wrong_is_told_and_creates_nothing(shell: &Shell) -> Result<()> {
    let good = job("sdu-cs", "good", 1, 8, "1s", 0);
    let spec = job("sdu-cs", "spec", 1, 8, "1s", 0).replace("walltime:", "waltime:");
    let template = job("sdu-cs", "template", 1, 8, "1s", 0).replace("image:", "imagee:");
    let all = format!("{good}---\n{spec}---\n{template}");
    let submit = ["submit", "-"];
    let said = shell.edugrid("alice", ENGLISH, &submit, &all)?;
    said.expect(
        5,
        &[
            "2 of 3 jobs can't be",
            "stdin#2: sdu-cs/spec: spec.waltime: unknown field",
            "stdin#3: sdu-cs/template: spec.roles[worker].template.spec.containers[0].imagee: unknown field",
        ],
    )?;
    let said = shell.edugrid("alice", CHINESE, &submit, &template)?;
    said.expect(5, &["未提交任何作业", "containers[0].imagee: 没有这个字段"])?;
    let zero = good.replace("walltime: 1h", "walltime: 0s");
    let said = shell.edugrid("alice", ENGLISH, &submit, &zero)?;
    said.expect(5, &["spec.walltime"])?;
    // The schema takes it, the operator would not.
    let services = good.replace(
        "spec:\n  walltime",
        "spec:\n  deadline: \"2030-01-01T00:00:00Z\"\n  walltime",
    );
    let said = shell.edugrid("alice", ENGLISH, &submit, &services)?;
    said.expect(5, &["NotAllowed", "spec.deadline"])?;
    let said = shell.edugrid("alice", ENGLISH, &submit, "kind: Tenant")?;
    said.expect(5, &["submit takes ComputeJob"])?;
    ensure!(shell.jobs()?.is_empty(), "created: {}", shell.jobs()?);
    Ok(())
}

fn a_dry_run_tells_the_cost(shell: &Shell) -> Result<()> {
    let good = job("sdu-cs", "good", 1, 8, "1s", 0);
    let dry_run = ["submit", "-", "--dry-run"];
    let said = shell.edugrid("alice", ENGLISH, &dry_run, &good)?;
    said.expect(
        0,
        &["edugrid-catalogue-reader", "would be created (dry run)"],
    )?;
    shell.province.cluster().apply("admin", CATALOGUE)?;
    // 8 cards × 6.00 × 1 h (L2).
    let said = shell.edugrid("alice", CHINESE, &dry_run, &good)?;
    said.expect(
        0,
        &["最高费用", "sdu-cs/good", "48.00", "可以创建（试运行）"],
    )?;
    let json = ["submit", "-", "--dry-run", "-o", "json"];
    let said = shell.edugrid("alice", ENGLISH, &json, &good)?;
    said.expect(0, &[])?;
    let told: Value = serde_json::from_str(&said.out)?;
    let first = &told["jobs"][0];
    ensure!(
        first["estimates"][0]["costAtMost"] == "48.00"
            && first["templatesTried"] == true
            && first["created"] == false,
        "{told:#}"
    );
    ensure!(
        shell.jobs()?.is_empty(),
        "a dry run created {}",
        shell.jobs()?
    );
    Ok(())
}

fn rights_are_the_clusters(shell: &Shell) -> Result<()> {
    let good = job("sdu-cs", "good", 1, 8, "1s", 0);
    let said = shell.edugrid("bob", ENGLISH, &["submit", "-"], &good)?;
    said.expect(
        6,
        &["you may not create computejobs.edugrid.io in namespace \"sdu-cs\""],
    )?;
    let said = shell.edugrid("bob", CHINESE, &["queue", "-n", "sdu-cs"], "")?;
    said.expect(6, &["您无权在命名空间 sdu-cs 中"])?;
    let said = shell.edugrid("bob", ENGLISH, &["tenants", "sdu"], "")?;
    said.expect(6, &["edugrid-tenant-viewer"])?;
    let said = shell.edugrid("alice", ENGLISH, &["explain", "nobody", "-n", "sdu-cs"], "")?;
    said.expect(4, &["nobody", "hint:"])?;
    let said = shell.edugrid("alice", ENGLISH, &["queue", "--context", "nowhere"], "")?;
    said.expect(1, &["kubeconfig"])
}

/// One job fills the pool, another waits for it.
fn a_queue_is_read(shell: &Shell) -> Result<()> {
    let fills = job("sdu-cs", "fills", 2, 8, "10m", 0);
    let waits = job("sdu-cs", "waits", 1, 8, "1s", 0);
    let said = shell.edugrid("alice", ENGLISH, &["submit", "-"], &fills)?;
    said.expect(0, &["computejob.edugrid.io/fills -n sdu-cs created"])?;
    shell.province.wait_phase("sdu-cs", "fills", "Running")?;
    let said = shell.edugrid("alice", ENGLISH, &["submit", "-"], &waits)?;
    said.expect(0, &[])?;
    let taken = shell.edugrid("alice", ENGLISH, &["submit", "-"], &waits)?;
    taken.expect(5, &["metadata.name: is taken"])?;
    let queue = ["queue", "-n", "sdu-cs"];
    wait_for("the queue to know why", || {
        let told = shell.ok("alice", ENGLISH, &queue)?;
        let line = told.lines().find(|line| line.starts_with("waits"));
        Ok(line.is_some_and(|line| line.contains("Waiting") && line.contains("a100")))
    })?;
    let told = shell.ok("alice", CHINESE, &queue)?;
    for word in [
        "作业",
        "排队位置",
        "运行中",
        "等待",
        "共列出 2 个作业。",
        "截至 ",
    ] {
        ensure!(told.contains(word), "{word} is not in\n{told}");
    }
    let flag = ["queue", "-n", "sdu-cs", "--lang", "en", "-o", "wide"];
    let told = shell.ok("alice", CHINESE, &flag)?;
    ensure!(
        told.contains("SUBMITTER") && told.contains("alice"),
        "{told}"
    );
    let json: Value = serde_json::from_str(&shell.ok(
        "alice",
        CHINESE,
        &[&queue[..], &["-o", "json"]].concat(),
    )?)?;
    let yaml = shell.ok("alice", CHINESE, &[&queue[..], &["-o", "yaml"]].concat())?;
    let yaml: Value = serde_saphyr::from_str(&yaml)?;
    for told in [json, yaml] {
        let names: Vec<&Value> = told["items"]
            .as_array()
            .context("items")?
            .iter()
            .map(|job| &job["metadata"]["name"])
            .collect();
        ensure!(names == ["fills", "waits"], "{told:#}");
    }
    let one = shell.ok("alice", ENGLISH, &["queue", "-n", "sdu-cs", "--limit", "1"])?;
    ensure!(one.contains("Jobs shown: 1; 1 more"), "{one}");
    let explain = ["explain", "waits", "-n", "sdu-cs"];
    let english = shell.ok("alice", ENGLISH, &explain)?;
    let chinese = shell.ok("alice", CHINESE, &explain)?;
    ensure!(english.contains("What helps: "), "{english}");
    ensure!(
        chinese.contains("解决办法：") && chinese.contains("sdu-cs/waits：等待"),
        "{chinese}"
    );
    Ok(())
}

fn tenants_and_money_are_read(shell: &Shell) -> Result<()> {
    let tree = shell.ok("alice", ENGLISH, &["tenants", "sdu"])?;
    ensure!(
        tree.contains("AVAILABLE") && tree.contains("\n  sdu-cs"),
        "{tree}"
    );
    let tree = shell.ok("alice", CHINESE, &["tenants", "sdu", "-o", "wide"])?;
    ensure!(
        tree.contains("份额") && tree.contains("计算机学院") && tree.contains("alice"),
        "{tree}"
    );
    let vouchers = shell.ok("alice", CHINESE, &["vouchers", "sdu"])?;
    for word in [
        "算力券",
        "sdu-2026-a",
        "补贴",
        "有效",
        "自有资金",
        "50000.00",
    ] {
        ensure!(vouchers.contains(word), "{word} is not in\n{vouchers}");
    }
    let json = shell.ok("alice", ENGLISH, &["vouchers", "sdu", "--output=json"])?;
    let json: Value = serde_json::from_str(&json)?;
    ensure!(json["kind"] == "VoucherUseList", "{json:#}");
    let everywhere = shell.ok("province-admin", ENGLISH, &["tenants"])?;
    ensure!(
        everywhere.contains("\nprovince") && everywhere.contains("\n    sdu-cs"),
        "{everywhere}"
    );
    let sound = shell.ok("province-checker", CHINESE, &["ledger", "verify"])?;
    ensure!(
        sound.contains("账本") && sound.contains("正常："),
        "{sound}"
    );
    Ok(())
}

fn a_watch_ends_with_a_signal(shell: &Shell) -> Result<()> {
    for signal in ["-INT", "-TERM"] {
        let args = [
            "edugrid",
            "queue",
            "-n",
            "sdu-cs",
            "--watch",
            "--interval=1",
        ];
        let mut child = shell
            .kubectl("alice", ENGLISH, &args)
            .stdin(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("standard output")?);
        let mut head = String::new();
        lines.read_line(&mut head)?;
        ensure!(head.starts_with("JOB "), "{head}");
        // It still reads: the process is there, and ends when it is told to.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        ensure!(child.try_wait()?.is_none(), "the watch ended by itself");
        let told: ExitStatus = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()?;
        ensure!(told.success(), "kill {signal}");
        let mut rest = String::new();
        lines.read_to_string(&mut rest)?;
        let ended = child.wait()?;
        ensure!(ended.code() == Some(0), "{signal}: {ended}: {rest}");
        ensure!(rest.contains("waits") && !rest.contains('\u{1b}'), "{rest}");
    }
    Ok(())
}
