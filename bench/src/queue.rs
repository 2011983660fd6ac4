//! A deep queue: tens of thousands of jobs that can't start, and how long the answers about them
//! take: `kubectl edugrid queue` and `explain`, and `/metrics`. With the operator's memory, and
//! how long a new leader needs to stand in front of such a queue.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use serde_json::json;
use xtask::installation::OPERATOR;

use crate::host::{cpu_seconds, resident_bytes};
use crate::measure::{RUNS, Samples};
use crate::report::{Line, Report};
use crate::site::{JSON, POOL, Queue, SUBMITTER, Site, job, jobs_path, request, send};

/// Every answer is to come within so many seconds.
const ANSWER_SECONDS_MAX: f64 = 1.0;
/// Namespaces over which the jobs are spread, each of a tenant of its own.
const NAMESPACES: usize = 50;
/// Creates in flight.
const IN_FLIGHT: usize = 64;
/// How often it is told how far the queue has grown.
const TOLD_EVERY: usize = 5_000;
/// How long the operator's own time is watched while nothing happens.
const IDLE_SECONDS: u64 = 10;

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
    let filled = fill(site, jobs).await?;
    wait_pending(site, jobs).await?;
    let mut lines = answers(site)?;
    let pid = site.pid(OPERATOR)?;
    let resident = resident_bytes(pid)? / (1 << 20) as f64;
    let before = cpu_seconds(pid)?;
    tokio::time::sleep(std::time::Duration::from_secs(IDLE_SECONDS)).await;
    #[expect(clippy::cast_precision_loss, reason = "ten")]
    let idle = 100.0 * (cpu_seconds(pid)? - before) / IDLE_SECONDS as f64;
    let restart = restart(site, jobs).await?;
    let one = |value: f64| Samples(vec![value]);
    lines.extend([
        Line::plain("operator's resident memory", "MiB", one(resident)),
        Line::plain(
            "the same after a restart",
            "MiB",
            one(resident_bytes(site.pid(OPERATOR)?)? / (1 << 20) as f64),
        ),
        Line::plain("one core while nothing happens", "%", one(idle)),
        Line::plain(
            "a new leader, from start to all in the queue",
            "s",
            one(restart),
        ),
        Line::plain("creates meanwhile", "1/s", one(filled)),
    ]);
    Ok(Report {
        id: "queue",
        title: "a deep queue: answers about jobs that can't start",
        lines,
        notes: vec![format!(
            "{jobs} pending jobs in {NAMESPACES} namespaces; kubectl's times hold the start of the program; \
             every answer is to take less than {ANSWER_SECONDS_MAX} s"
        )],
        raw: json!({"jobs": jobs, "namespaces": NAMESPACES}),
    })
}

/// Whether each answer came in time: the first lines of the report.
pub fn is_in_time(report: &Report) -> bool {
    let answers = report.lines.iter().filter(|line| line.limit.is_some());
    answers
        .into_iter()
        .all(|line| line.measured.max() < ANSWER_SECONDS_MAX)
}

/// Submits the jobs and says how many a second it took.
async fn fill(site: &Site, jobs: usize) -> Result<f64> {
    let client = site.client(SUBMITTER).await?;
    let begun = Instant::now();
    let mut answers = stream::iter(0..jobs)
        .map(|index| {
            let client = client.clone();
            tokio::spawn(async move {
                let namespace = format!("deep-{}", index % NAMESPACES);
                let class = ["small", "medium", "large"][index % 3];
                let cores = 2 + u32::try_from(index % 7).unwrap_or(0);
                let body = job(&namespace, &format!("j{index}"), class, cores, &json!({}));
                let request = request("POST", &jobs_path(&namespace), JSON, &body)?;
                send(&client, request).await
            })
        })
        .buffer_unordered(IN_FLIGHT);
    let mut done = 0;
    while let Some(answer) = answers.next().await {
        answer.context("a create was dropped")??;
        done += 1;
        if done % TOLD_EVERY == 0 {
            eprintln!("  queue: {done} of {jobs} jobs");
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let rate = jobs as f64 / begun.elapsed().as_secs_f64();
    Ok(rate)
}

/// Until the operator counts them all as pending.
async fn wait_pending(site: &Site, jobs: usize) -> Result<f64> {
    let begun = Instant::now();
    loop {
        let found = site.edugrid.metrics().map_or(0.0, |text| pending(&text));
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        if found >= jobs as f64 {
            return Ok(begun.elapsed().as_secs_f64());
        }
        ensure!(
            begun.elapsed().as_secs() < 600,
            "{found} of {jobs} jobs are pending after 10 min"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

fn pending(metrics: &str) -> f64 {
    let samples = metrics
        .lines()
        .filter(|line| line.starts_with("edugrid_pending_jobs{"));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

fn answers(site: &Site) -> Result<Vec<Line>> {
    let admin = |args: &[&str]| -> Result<f64> {
        let begun = Instant::now();
        let answer = site.edugrid.edugrid("admin", args)?;
        let words = String::from_utf8_lossy(&answer.stderr).into_owned();
        ensure!(
            answer.status.success() && !answer.stdout.is_empty(),
            "{args:?}: {words}"
        );
        Ok(begun.elapsed().as_secs_f64())
    };
    let metrics = || -> Result<f64> {
        let begun = Instant::now();
        let text = site.edugrid.metrics()?;
        ensure!(text.contains(POOL), "no metrics of the pool");
        Ok(begun.elapsed().as_secs_f64())
    };
    let mut lines = Vec::new();
    let mut time = |what: &str, ask: &dyn Fn() -> Result<f64>| -> Result<()> {
        let samples = (0..RUNS).map(|_| ask()).collect::<Result<Vec<f64>>>()?;
        let limit = Samples(vec![ANSWER_SECONDS_MAX; samples.len()]);
        lines.push(Line::beside(what, "s", Samples(samples), limit));
        Ok(())
    };
    time("kubectl edugrid queue --all-namespaces", &|| {
        admin(&["queue", "--all-namespaces"])
    })?;
    time("kubectl edugrid queue, one namespace", &|| {
        admin(&["queue", "--namespace=deep-7"])
    })?;
    time("kubectl edugrid explain", &|| {
        admin(&["explain", "j7", "--namespace=deep-7"])
    })?;
    time("/metrics", &metrics)?;
    Ok(lines)
}

async fn restart(site: &Site, jobs: usize) -> Result<f64> {
    site.edugrid.kill()?;
    let begun = Instant::now();
    site.edugrid.start()?;
    wait_pending(site, jobs).await?;
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
