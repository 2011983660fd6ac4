//! B6: Kueue's baseline load, or a part of it, on a real API server: thirty queues in five
//! cohorts, `executor: External`, and this program in the parts of the users and the executor.
//! Beside it stand the ideal schedule and three writes per job at W, measured in the same run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::http::Request;
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::ceiling;
use crate::ideal::{BORROWING_LIMIT, COHORTS, KINDS, Kind, NOMINAL, QUEUES, count, wall_ms};
use crate::measure::{RUNS, Samples, quantile};
use crate::report::{Line, Report};
use crate::requests::{Counts, grown, of_operator, of_server};
use crate::site::{
    EXECUTOR, JSON, MERGE, PROGRAMS, Queue, SUBMITTER, Site, expect, job, jobs_path, request, send,
};
use crate::watching::{Admitted, Lives, until_over};

/// How long a run may take before something is wrong.
const RUN_LIMIT: Duration = Duration::from_secs(600);
/// How long a new leader has to see to what it finds, such as home namespaces.
pub const SETTLE: Duration = Duration::from_secs(5);
/// The label that says how long a job runs.
const RUN_MS: &str = "bench.example.org/run-ms";

/// What one run showed.
#[derive(Debug)]
pub struct Run {
    wall_seconds: f64,
    lives: Lives,
    server: Counts,
    operator: Counts,
    /// API server, etcd and operator.
    cpu: [f64; 3],
    w: f64,
}

/// Measures and reports; `divisor` 1 is the full load, 10 a tenth.
///
/// # Errors
/// If a job does not succeed or a request is refused.
pub async fn run(site: &Site, divisor: u64) -> Result<Report> {
    prepare(site)?;
    let jobs = jobs_in(divisor);
    let mut runs = Vec::new();
    for index in 0..RUNS {
        // As in B5: what the server can do without an operator.
        let w = ceiling::now(site, &format!("w{index}")).await?.writes();
        site.edugrid.start()?;
        tokio::time::sleep(SETTLE).await;
        let run = tokio::select! {
            run = tokio::time::timeout(RUN_LIMIT, once(site, divisor, index, w)) => run,
            ended = site.operator_ended() => ended?,
        };
        let run = run.with_context(|| format!("a run took longer than {RUN_LIMIT:?}"))??;
        site.edugrid.stop()?;
        eprintln!(
            "  B6: run {} of {RUNS}: {:.1} s for {jobs} jobs",
            index + 1,
            run.wall_seconds
        );
        runs.push(run);
    }
    Ok(report(divisor, &runs))
}

/// Makes the queues of the load.
///
/// # Errors
/// If one is refused.
pub fn prepare(site: &Site) -> Result<()> {
    site.tenants(&cohorts(), &queues())
}

/// Jobs of the load.
pub fn jobs_in(divisor: u64) -> usize {
    let per_queue: u64 = KINDS.iter().map(|kind| count(kind, divisor)).sum();
    usize::try_from(per_queue * u64::from(COHORTS * QUEUES)).unwrap_or(usize::MAX)
}

fn cohorts() -> Vec<Queue> {
    let cohort = |index| Queue {
        name: format!("cohort-{index}"),
        parent: "province".to_owned(),
        nominal: NOMINAL * QUEUES,
        borrowing_limit: 0,
    };
    (0..COHORTS).map(cohort).collect()
}

fn queues() -> Vec<Queue> {
    let pairs = (0..COHORTS).flat_map(|cohort| (0..QUEUES).map(move |queue| (cohort, queue)));
    pairs
        .map(|(cohort, queue)| Queue {
            name: format!("cq-{cohort}-{queue}"),
            parent: format!("cohort-{cohort}"),
            nominal: NOMINAL,
            borrowing_limit: BORROWING_LIMIT,
        })
        .collect()
}

/// Carries the load out once; `w` is what the server could do just before.
///
/// # Errors
/// If a job does not succeed or a request is refused.
pub async fn once(site: &Site, divisor: u64, index: usize, w: f64) -> Result<Run> {
    let prefix = format!("r{index}-");
    let jobs = jobs_in(divisor);
    let admin = site.client("admin").await?;
    let server_before = of_server(&text(&admin, "/metrics").await?);
    let operator_before = of_operator(&site.edugrid.metrics()?);
    let cpu_before = site.cpu()?;
    let (admissions, admitted) = mpsc::unbounded_channel();
    let (ready, is_ready) = oneshot::channel();
    let watch = site.client(EXECUTOR).await?;
    let watching = tokio::spawn({
        let prefix = prefix.clone();
        async move { until_over(watch, &prefix, jobs, ready, admissions).await }
    });
    is_ready.await.context("the watch did not begin")?;
    let executor = tokio::spawn(execute(site.client(EXECUTOR).await?, admitted));
    let submitter = site.client(SUBMITTER).await?;
    let begun = Instant::now();
    submit(&submitter, divisor, &prefix).await?;
    let lives = watching.await??;
    executor.await??;
    let last = lives.values().filter_map(|life| life.over).max();
    let wall_seconds = last.map_or(0.0, |last| (last - begun).as_secs_f64());
    let cpu_after = site.cpu()?;
    let mut cpu = cpu_after;
    for (after, before) in cpu.iter_mut().zip(cpu_before) {
        *after -= before;
    }
    expect("jobs over", lives.len(), jobs)?;
    let failed = lives.values().filter(|life| !life.is_well).count();
    expect("jobs not succeeded", failed, 0)?;
    let server = grown(&server_before, &of_server(&text(&admin, "/metrics").await?));
    let operator = grown(&operator_before, &of_operator(&site.edugrid.metrics()?));
    Ok(Run {
        wall_seconds,
        lives,
        server,
        operator,
        cpu,
        w,
    })
}

async fn text(client: &Client, path: &str) -> Result<String> {
    let request = Request::get(path).body(Vec::new())?;
    Ok(client.request_text(request).await?)
}

/// Every set of jobs is a loop of its own, as in Kueue's generator: wait, create, wait.
async fn submit(client: &Client, divisor: u64, prefix: &str) -> Result<()> {
    let mut sets = JoinSet::new();
    for queue in queues() {
        for kind in KINDS {
            let (client, prefix) = (client.clone(), prefix.to_owned());
            let namespace = queue.name.clone();
            sets.spawn(async move { set(&client, &namespace, &kind, divisor, &prefix).await });
        }
    }
    while let Some(set) = sets.join_next().await {
        set??;
    }
    Ok(())
}

async fn set(
    client: &Client,
    namespace: &str,
    kind: &Kind,
    divisor: u64,
    prefix: &str,
) -> Result<()> {
    let labels = json!({RUN_MS: kind.run_ms.to_string()});
    for index in 0..count(kind, divisor) {
        tokio::time::sleep(Duration::from_millis(kind.interval_ms)).await;
        let name = format!("{prefix}{}-{index}", kind.class);
        let body = job(namespace, &name, kind.class, kind.cores, &labels);
        send(client, request("POST", &jobs_path(namespace), JSON, &body)?).await?;
    }
    Ok(())
}

/// Runs whatever is admitted for its time and reports it, until nothing more can come.
async fn execute(client: Client, mut admitted: mpsc::UnboundedReceiver<Admitted>) -> Result<()> {
    let mut running = JoinSet::new();
    while let Some(next) = admitted.recv().await {
        let client = client.clone();
        running.spawn(async move { report_on(&client, &next).await });
    }
    while let Some(run) = running.join_next().await {
        run??;
    }
    Ok(())
}

async fn report_on(client: &Client, admitted: &Admitted) -> Result<()> {
    let started = Timestamp::now();
    let span = admitted
        .labels
        .get(RUN_MS)
        .and_then(|span| span.parse().ok());
    let span = span.context("a job without its label")?;
    tokio::time::sleep(Duration::from_millis(span)).await;
    let (namespace, name) = &admitted.job;
    let path = format!("{}/{name}/status", jobs_path(namespace));
    let instant = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let report = json!({"status": {"external": {
        "attempt": admitted.attempt,
        "startedAt": instant(started),
        "finishedAt": instant(Timestamp::now()),
        "outcome": "Succeeded",
    }}});
    send(client, request("PATCH", &path, MERGE, &report)?).await
}

fn report(divisor: u64, runs: &[Run]) -> Report {
    let of = |value: &dyn Fn(&Run) -> f64| Samples(runs.iter().map(value).collect());
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let jobs = jobs_in(divisor) as f64;
    #[expect(clippy::cast_precision_loss, reason = "some minutes")]
    let ideal = wall_ms(divisor) as f64 / 1000.0;
    let wall = of(&|run| run.wall_seconds);
    let ideals = of(&|_| ideal);
    let writes = of(&|run| 3.0 * jobs / run.w);
    let larger = of(&|run| ideal.max(3.0 * jobs / run.w));
    let mut lines = vec![
        Line::beside("wall, beside the ideal schedule", "s", wall.clone(), ideals),
        Line::beside(
            "wall, beside 3 writes × jobs ÷ W",
            "s",
            wall.clone(),
            writes,
        ),
        Line::beside("wall, beside the larger of the two", "s", wall, larger),
        Line::plain("W in the same run", "writes/s", of(&|run| run.w)),
    ];
    for kind in KINDS {
        let waits = of(&|run| quantile(&waits(run, kind.class), 0.5));
        lines.push(Line::plain(
            format!("wait to admission, {}, p50", kind.class),
            "s",
            waits,
        ));
    }
    for (index, program) in PROGRAMS.iter().enumerate() {
        let spent = of(&|run| 1000.0 * run.cpu[index] / jobs);
        lines.push(Line::plain(
            format!("processor time per job, {program}"),
            "ms",
            spent,
        ));
    }
    let capacity = f64::from(NOMINAL * QUEUES * COHORTS);
    let truly = work_core_seconds(divisor);
    lines.push(Line::plain(
        "quota truly running, mean",
        "%",
        of(&|run| 100.0 * truly / (capacity * run.wall_seconds)),
    ));
    lines.push(Line::plain(
        "quota reserved, mean",
        "%",
        of(&|run| 100.0 * reserved_core_seconds(&run.lives) / (capacity * run.wall_seconds)),
    ));
    let (first, mut notes) = (
        runs.first(),
        vec![
            format!(
                "{jobs} jobs in {} queues; ideal schedule {ideal:.1} s",
                COHORTS * QUEUES
            ),
            format!("the user created {jobs} jobs, the executor wrote {jobs} reports"),
        ],
    );
    for (whose, counts) in [
        (
            "API server, all writers (W's own of this run apart)",
            first.map(|run| &run.server),
        ),
        ("operator", first.map(|run| &run.operator)),
    ] {
        let words: Vec<String> = counts
            .into_iter()
            .flatten()
            .map(|(name, count)| format!("{name} {count:.0}"))
            .collect();
        notes.push(format!(
            "requests of the first run, {whose}: {}",
            words.join(", ")
        ));
    }
    Report {
        id: "B6",
        title: "Kueue's baseline load on a real API server, executor External",
        lines,
        notes,
        raw: json!({"divisor": divisor, "runs": runs.iter().map(raw).collect::<Vec<Value>>()}),
    }
}

/// Seconds from a job's first sight to its admission.
fn waits(run: &Run, class: &str) -> Vec<f64> {
    let of_class = run
        .lives
        .iter()
        .filter(|((_, name), _)| name.contains(class));
    of_class
        .filter_map(|(_, life)| Some((life.admitted? - life.seen?).as_secs_f64()))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn work_core_seconds(divisor: u64) -> f64 {
    let work = |kind: &Kind| count(kind, divisor) * kind.run_ms * u64::from(kind.cores);
    let of_queue: u64 = KINDS.iter().map(work).sum();
    of_queue as f64 * f64::from(COHORTS * QUEUES) / 1000.0
}

/// Cores held from an admission to the end of the job, as one sees it from outside.
fn reserved_core_seconds(lives: &Lives) -> f64 {
    let held = lives.iter().filter_map(|((_, name), life)| {
        let kind = KINDS.iter().find(|kind| name.contains(kind.class))?;
        Some((life.over? - life.admitted?).as_secs_f64() * f64::from(kind.cores))
    });
    held.sum()
}

fn raw(run: &Run) -> Value {
    let waits = |class: &str| {
        let waits = waits(run, class);
        json!({"p50": quantile(&waits, 0.5), "p99": quantile(&waits, 0.99)})
    };
    json!({
        "wallSeconds": run.wall_seconds,
        "writesPerSecond": run.w,
        "waits": {"small": waits("small"), "medium": waits("medium"), "large": waits("large")},
        "requests": {"server": run.server, "operator": run.operator},
        "cpuSeconds": {"apiserver": run.cpu[0], "etcd": run.cpu[1], "operator": run.cpu[2]},
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::watching::Life;

    #[test]
    fn a_run_becomes_lines_beside_both_limits() {
        let begun = Instant::now();
        let at = |millis| Some(begun + Duration::from_millis(millis));
        let life = Life {
            seen: at(0),
            admitted: at(100),
            over: at(600),
            is_well: true,
        };
        let key = ("cq-0-0".to_owned(), "r0-medium-1".to_owned());
        let run = Run {
            wall_seconds: 30.0,
            lives: Lives::from([(key, life)]),
            server: Counts::new(),
            operator: Counts::new(),
            cpu: [3.0, 1.5, 0.75],
            w: 450.0,
        };
        // Half a second of five cores.
        assert!((reserved_core_seconds(&run.lives) - 2.5).abs() < 1e-6);
        assert_eq!(waits(&run, "medium").len(), 1);
        let report = report(10, &[run]);
        let lines: Vec<_> = report
            .lines
            .iter()
            .map(|line| line.measured.median())
            .collect();
        // 1,500 jobs take 10 s of 450 writes a second.
        assert_eq!((jobs_in(10), lines[0], lines[3]), (1_500, 30.0, 450.0));
        let limits: Vec<f64> = report.lines[..3]
            .iter()
            .filter_map(|line| Some(line.limit.as_ref()?.1.median()))
            .collect();
        assert_eq!((limits[1], limits[2]), (10.0, limits[0].max(10.0)));
    }
}
