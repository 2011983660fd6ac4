//! A deep queue: tens of thousands of jobs that can't start, and how long the answers about them
//! take: `kubectl edugrid queue` and `explain`, and `/metrics`. With the operator's memory, and
//! how long a new leader needs to stand in front of such a queue.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use serde_json::json;
use xtask::installation::OPERATOR;
use xtask::tools::Tool;

use crate::host::{cpu_seconds, resident_bytes};
use crate::measure::{Samples, quantile};
use crate::report::{Line, Report};
use crate::site::{JSON, Queue, SUBMITTER, Site, job, jobs_path, request, send};

/// Every answer is to come within so many seconds.
const ANSWER_SECONDS_MAX: f64 = 1.0;
/// How often each question is asked, one right after the other.
const ASKED: usize = 100;
/// How often each is asked after a new job and a pause, so that nothing found for the question
/// before can be told again.
const ASKED_ANEW: usize = 5;
/// That pause: an order is kept for ten times as long as it takes to find.
const PAUSE: Duration = Duration::from_secs(2);
/// Namespaces over which the jobs are spread, each of a tenant of its own.
const NAMESPACES: usize = 50;
/// Creates in flight.
const IN_FLIGHT: usize = 64;
/// How often it is told how far the queue has grown.
const TOLD_EVERY: usize = 5_000;
/// How long the operator's own time is watched while nobody asks.
const IDLE_SECONDS: u64 = 10;
/// How long the operator may take to count all jobs.
const PENDING_LIMIT: Duration = Duration::from_secs(600);

/// Measures and reports.
///
/// # Errors
/// If a job is refused, or an answer is none.
pub async fn run(site: &Site, jobs: usize) -> Result<Report> {
    let queues: Vec<Queue> = (0..NAMESPACES)
        .map(|index| Queue {
            name: format!("deep-{index}"),
            parent: "province".to_owned(),
            // Less than any of its jobs asks for.
            nominal: 1,
            borrowing_limit: 0,
        })
        .collect();
    site.tenants(&[], &queues)?;
    site.edugrid.start()?;
    site.edugrid.wait_reached()?;
    let begun = Instant::now();
    while_operator_runs(site, fill(site, jobs)).await?;
    let filled = begun.elapsed();
    while_operator_runs(site, wait_pending(site, jobs)).await?;
    let counted = begun.elapsed();
    eprintln!(
        "  queue: {jobs} jobs wait after {:.0} s",
        counted.as_secs_f64()
    );
    let mut lines = answers(site).await?;
    let one = |value: f64| Samples(vec![value]);
    let memory = |program| -> Result<Samples> {
        Ok(one(resident_bytes(site.pid(program)?)? / f64::from(1 << 20)))
    };
    lines.extend([
        Line::plain("all jobs created after", "s", one(filled.as_secs_f64())),
        Line::plain(
            "all counted as waiting after",
            "s",
            one(counted.as_secs_f64()),
        ),
        Line::plain("operator's resident memory", "MiB", memory(OPERATOR)?),
        Line::plain(
            "operator, one core while nobody asks",
            "%",
            one(idle(site).await?),
        ),
        Line::plain(
            "API server's resident memory",
            "MiB",
            memory(Tool::KubeApiserver.binary())?,
        ),
    ]);
    let restarted = restart(site, jobs).await?;
    lines.extend([
        Line::plain(
            "a new leader, from start to all counted",
            "s",
            one(restarted),
        ),
        Line::plain("operator's resident memory, then", "MiB", memory(OPERATOR)?),
    ]);
    Ok(Report {
        id: "queue",
        title: "a deep queue: answers about jobs that can't start",
        lines,
        notes: vec![
            format!(
                "{jobs} waiting jobs in {NAMESPACES} namespaces, each of a tenant; all the while reasons are written into them"
            ),
            "kubectl's times hold the start of the program; its tables hold at most 500 jobs"
                .to_owned(),
        ],
        raw: json!({"jobs": jobs, "namespaces": NAMESPACES, "asked": ASKED}),
    })
}

async fn while_operator_runs<T>(site: &Site, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        ended = site.operator_ended() => ended,
    }
}

/// Submits the jobs.
async fn fill(site: &Site, jobs: usize) -> Result<()> {
    let client = site.client(SUBMITTER).await?;
    let mut answers = stream::iter(0..jobs)
        .map(|index| {
            let client = client.clone();
            tokio::spawn(async move {
                let cores = 2 + u32::try_from(index % 7).unwrap_or(0);
                let class = ["small", "medium", "large"][index % 3];
                let namespace = format!("deep-{}", index % NAMESPACES);
                create(&client, &namespace, &format!("j{index}"), class, cores).await
            })
        })
        .buffer_unordered(IN_FLIGHT);
    let mut done = 0;
    while let Some(answer) = answers.next().await {
        answer.context("a create was dropped")??;
        done += 1;
        if done % TOLD_EVERY == 0 {
            eprintln!("  queue: {done} of {jobs} jobs created");
        }
    }
    Ok(())
}

async fn create(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    class: &str,
    cores: u32,
) -> Result<()> {
    let body = job(namespace, name, class, cores, &json!({}));
    send(client, request("POST", &jobs_path(namespace), JSON, &body)?).await
}

/// Until the operator counts them all as pending.
async fn wait_pending(site: &Site, jobs: usize) -> Result<()> {
    let begun = Instant::now();
    loop {
        let found = site.edugrid.metrics().map_or(0.0, |text| pending(&text));
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        if found >= jobs as f64 {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < PENDING_LIMIT,
            "{found} of {jobs} jobs are pending after {PENDING_LIMIT:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn pending(metrics: &str) -> f64 {
    let samples = metrics
        .lines()
        .filter(|line| line.starts_with("edugrid_pending_jobs{"));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

/// A question, and who asks it.
enum Question {
    Kubectl(&'static [&'static str]),
    Metrics,
}

const QUESTIONS: [(&str, Question); 4] = [
    (
        "queue --all-namespaces",
        Question::Kubectl(&["queue", "--all-namespaces"]),
    ),
    (
        "queue --namespace",
        Question::Kubectl(&["queue", "--namespace=deep-7"]),
    ),
    (
        "explain",
        Question::Kubectl(&["explain", "j7", "--namespace=deep-7"]),
    ),
    ("/metrics", Question::Metrics),
];

impl Question {
    /// Asks it and says how many seconds the answer took.
    fn ask(&self, site: &Site) -> Result<f64> {
        let begun = Instant::now();
        match self {
            Self::Kubectl(args) => {
                let answer = site.edugrid.edugrid("admin", args)?;
                let words = String::from_utf8_lossy(&answer.stderr);
                let is_answer = answer.status.success() && !answer.stdout.is_empty();
                ensure!(is_answer, "{args:?}: {words}");
            }
            Self::Metrics => {
                let text = site.edugrid.metrics()?;
                ensure!(pending(&text) > 0.0, "no waiting jobs in /metrics");
            }
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Two lines for each question: asked again and again, and asked anew.
async fn answers(site: &Site) -> Result<Vec<Line>> {
    let client = site.client(SUBMITTER).await?;
    let mut lines = Vec::new();
    for (index, (what, question)) in QUESTIONS.iter().enumerate() {
        let mut anew = Samples::default();
        for round in 0..ASKED_ANEW {
            create(
                &client,
                "deep-7",
                &format!("new-{index}-{round}"),
                "small",
                2,
            )
            .await?;
            tokio::time::sleep(PAUSE).await;
            anew.0.push(question.ask(site)?);
        }
        let again = (0..ASKED).map(|_| question.ask(site));
        let again = Samples(again.collect::<Result<_>>()?);
        let p99 = Samples(vec![quantile(&again.0, 0.99)]);
        let line = |how: &str, samples| {
            Line::below(format!("{what}{how}"), "s", samples, ANSWER_SECONDS_MAX)
        };
        lines.extend([
            line(", after a change", anew),
            line("", again),
            line(", p99", p99),
        ]);
        eprintln!("  queue: {what}: done");
    }
    Ok(lines)
}

/// The part of one core that the operator takes while nobody asks.
async fn idle(site: &Site) -> Result<f64> {
    let pid = site.pid(OPERATOR)?;
    let before = cpu_seconds(pid)?;
    tokio::time::sleep(Duration::from_secs(IDLE_SECONDS)).await;
    #[expect(clippy::cast_precision_loss, reason = "ten")]
    Ok(100.0 * (cpu_seconds(pid)? - before) / IDLE_SECONDS as f64)
}

/// Stops the leader and says how many seconds the next one takes to count all jobs. After a crash
/// the rest of the old lease would come before that.
async fn restart(site: &Site, jobs: usize) -> Result<f64> {
    site.edugrid.stop()?;
    let begun = Instant::now();
    site.edugrid.start()?;
    while_operator_runs(site, wait_pending(site, jobs)).await?;
    Ok(begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_jobs_are_summed_over_tenants_and_reasons() {
        let text = "edugrid_pending_jobs{tenant=\"a\",reason=\"X\"} 3\nedugrid_pending_jobs{tenant=\"b\",reason=\"Y\"} 4\nedugrid_open_attempts 9\n";
        assert_eq!(pending(text), 7.0);
    }
}
