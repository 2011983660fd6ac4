//! What the demo says before the play: whose world this is, where the jobs come from, and by which
//! rules a row of the trace became a job. It plays nothing.

use super::trace::{
    self, CARDS_PER_JOB_MAX, CARDS_PER_POD_MAX, CORES_PER_TEST, Changes, FACTOR, HOLD_SECONDS, Job,
    PUT_OFF_SECONDS, RUN_SECONDS_MAX, RUN_SECONDS_MIN, TEST_SECONDS,
};
use super::words::Language;
use super::world::{A100, BANDS, MEMBERS, POOLS, place_of};
use super::{maintenance, text};

/// Says what will be seen, and by which rules.
pub fn print(jobs: &[Job], changes: Changes, language: Language) {
    println!("\n{}\n", world(language));
    println!("{}\n", rules(jobs, changes, language));
    println!("{}", mapping(jobs, language));
}

fn world(language: Language) -> String {
    let mut text = language
        .pick([
            "The province: three universities and two cities, with a rural school, share three pools:",
            "全省：三所高校、两个市和一所乡村学校，共享三个资源池：",
        ])
        .to_owned();
    for pool in POOLS {
        let capacity = format!("{} {}", pool.capacity(), language.pick(pool.unit));
        text += &format!(
            "\n  {:<11} {:>2} {} × {:>2} = {} {}",
            pool.name,
            pool.nodes,
            language.pick(["nodes", "节点"]),
            pool.per_node,
            text::fit(&capacity, 10),
            language.pick(pool.about),
        );
    }
    let bands: Vec<String> = BANDS
        .iter()
        .map(|band| {
            format!(
                "{} {:02}:00-{:02}:00 ×0.{}",
                language.pick(band.called),
                band.from,
                band.to,
                band.tenths
            )
        })
        .collect();
    text + "\n" + language.pick(["  cheaper: ", "  分时折扣："]) + &bands.join(", ")
}

fn rules(jobs: &[Job], changes: Changes, language: Language) -> String {
    let row = |job: Option<&Job>| job.map_or(0, |job| job.row);
    let (first, last) = (row(jobs.first()), row(jobs.last()));
    let (longest, shortest) = (
        text::minutes(RUN_SECONDS_MAX),
        text::minutes(RUN_SECONDS_MIN),
    );
    let (test, minutes) = (text::minutes(TEST_SECONDS), FACTOR / 60);
    let (put_off, held) = (text::minutes(PUT_OFF_SECONDS), text::minutes(HOLD_SECONDS));
    let Changes {
        longer,
        shorter,
        wider,
        tests,
        put_off: put_offs,
        held: helds,
    } = changes;
    let count = jobs.len();
    let (nodes, rack) = (maintenance::NODES, A100.name);
    let (from, to) = (maintenance::FROM_SECONDS, maintenance::TO_SECONDS);
    let (from, to) = (text::minutes(from), text::minutes(to));
    match language {
        Language::En => format!(
            "The jobs: {count} consecutive rows ({first} to {last}) of Microsoft's Philly trace of 2017 (CC BY 4.0;
Jeon et al., USENIX ATC 2019), each submitted by a person of the college that stands for its virtual cluster.
  time     one second here is {minutes} minutes there ({FACTOR}×), for arrivals, runs and the operator's clock
  runs     cut at {longest} ({longer} were longer), at least {shortest} ({shorter} were shorter)
  gangs    in pods of up to {CARDS_PER_POD_MAX} cards, cut at {CARDS_PER_JOB_MAX} cards ({wider} were wider)
  tests    {tests} jobs of one card that ran under {test} ask for {CORES_PER_TEST} cores in place of the card
  people   {put_offs} jobs are put off for {put_off} by their users, {helds} are submitted on hold and let go after {held}
  nodes    {nodes} nodes of {rack} are taken out for maintenance from {from} to {to}; what runs there goes on"
        ),
        Language::Zh => format!(
            "作业：微软 2017 年 Philly 公开负载中连续的 {count} 行（第 {first} 至 {last} 行；CC BY 4.0，
Jeon 等，USENIX ATC 2019），每行由对应虚拟集群的学院的用户提交。
  时间     此处一秒等于彼处 {minutes} 分钟（{FACTOR} 倍），到达、运行与系统时钟相同
  时长     上限 {longest}（{longer} 个更长），下限 {shortest}（{shorter} 个更短）
  成组     每个 Pod 至多 {CARDS_PER_POD_MAX} 卡，上限 {CARDS_PER_JOB_MAX} 卡（{wider} 个更宽）
  测试     {tests} 个不足 {test} 的单卡作业改用 {CORES_PER_TEST} 个处理器核
  用户     {put_offs} 个作业由用户推迟 {put_off}，{helds} 个先挂起、{held} 后放行
  节点     {rack} 的 {nodes} 个节点从 {from} 到 {to} 停机维护，其上运行的作业不受影响"
        ),
    }
}

/// Who stands for which virtual cluster.
fn mapping(jobs: &[Job], language: Language) -> String {
    let words = [
        ["VIRTUAL CLUSTER", "虚拟集群"],
        ["IS PLAYED BY", "扮演者"],
        ["", ""],
        ["SUBMITTED BY", "提交人"],
        ["ASKS FOR", "请求"],
        ["JOBS", "作业"],
        ["ON CORES", "用核"],
    ];
    let mut rows = vec![words.map(|pair| language.pick(pair).to_owned()).to_vec()];
    for member in MEMBERS {
        let mine: Vec<&Job> = jobs
            .iter()
            .filter(|job| job.member.tenant == member.tenant)
            .collect();
        let tests = mine
            .iter()
            .filter(|job| matches!(job.each, trace::Each::Cores(_)))
            .count();
        let called = place_of(member.tenant).map(|(_, place)| place.called(language));
        let pools: Vec<&str> = member.pools.iter().map(|pool| pool.name).collect();
        rows.push(vec![
            member.clusters.join(" "),
            member.tenant.to_owned(),
            called.unwrap_or_default().to_owned(),
            member.user.to_owned(),
            pools.join(language.pick([", then ", "，其次 "])),
            mine.len().to_string(),
            tests.to_string(),
        ]);
    }
    text::table(&rows, 5)
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
