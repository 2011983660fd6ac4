//! Three thousand jobs that can't start: the queue, an explanation and the metrics still answer,
//! and answer rightly. `cargo xtask bench queue` measures the same at fifty thousand.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::Province;
use serde_json::Value;
use xtask::installation::InstallOptions;

/// Jobs that wait.
const JOBS: usize = 3_000;
/// Calls of kubectl that create them at once: each keeps to its own rate.
const CALLS: usize = 6;
/// How long the operator may take to know them all, on a busy machine.
const KNOWN_LIMIT: Duration = Duration::from_secs(300);
/// How long an answer may take. Generous: this is no measurement.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

#[test]
fn answers_about_three_thousand_jobs() -> Result<()> {
    // A machine busy with three thousand creates may be late with a short lease.
    let options = InstallOptions {
        lease_seconds: 30,
        ..InstallOptions::default()
    };
    let province = Province::start(1, options)?;
    submit(&province)?;
    let sample = "edugrid_pending_jobs{";
    let deadline = Instant::now() + KNOWN_LIMIT;
    while pending(&province, sample)? < JOBS {
        ensure!(Instant::now() < deadline, "not all jobs are known");
        std::thread::sleep(Duration::from_millis(500));
    }
    let queue = timed("queue", || {
        answer(&province, &["queue", "--namespace=sdu-cs"])
    })?;
    let items = queue["items"].as_array().map_or(0, Vec::len);
    ensure!(items > 0 && items <= JOBS, "{items} jobs are told");
    let explained = timed("explain", || {
        answer(&province, &["explain", "deep-7", "--namespace=sdu-cs"])
    })?;
    ensure!(
        explained["reason"]["code"].is_string(),
        "the reason is told: {explained:#}"
    );
    timed("/metrics", || province.edugrid.metrics()).map(drop)
}

/// More cards than the quota has, so that none of them starts.
fn submit(province: &Province) -> Result<()> {
    let per_call = JOBS.div_ceil(CALLS);
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                scope.spawn(move || {
                    let first = call * per_call;
                    let jobs = (first..JOBS.min(first + per_call)).map(manifest);
                    let text = jobs.collect::<Vec<_>>().join("---\n");
                    let args = ["create", "--filename=-", "--output=name"];
                    let cluster = province.cluster();
                    cluster.kubectl_with_input("alice", &args, &text)?.ok()
                })
            })
            .collect();
        for call in calls {
            call.join().ok().context("a call of kubectl panicked")??;
        }
        Ok(())
    })
}

fn manifest(index: usize) -> String {
    edugrid_e2e::job("sdu-cs", &format!("deep-{index}"), 3, 8, "1s", 0)
}

fn pending(province: &Province, family: &str) -> Result<usize> {
    let text = province.edugrid.metrics()?;
    let samples = text.lines().filter(|line| line.starts_with(family));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    // Counts, which a metric tells as floating numbers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts"
    )]
    Ok(values.sum::<f64>() as usize)
}

fn answer(province: &Province, args: &[&str]) -> Result<Value> {
    let output = province
        .edugrid
        .edugrid("alice", &[args, &["--output=json"]].concat())?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{args:?}: {words}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn timed<T>(what: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let answer = ask()?;
    let spent = begun.elapsed();
    println!("{what}: {spent:?}");
    ensure!(spent < ANSWER_LIMIT, "{what} took {spent:?}");
    Ok(answer)
}
