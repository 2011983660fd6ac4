//! The hard bound of the journal in etcd (L12; design 0012, R14): at it admission stops with the numbers and the way
//! out, while what runs ends and is paid for; once the archiver has cut the journal short, admission goes on.

use anyhow::{Result, bail, ensure};
use edugrid_e2e::{
    Province,
    archive::{options, start_archiver, statement},
    job, wait_for,
};

/// A province begins with some ten segments, and each job makes some four.
const BOUND: u32 = 30;
/// More than enough to reach the bound.
const JOBS_MAX: u32 = 40;

/// Submits jobs until one is told that the journal is full; returns its name.
fn fill(province: &Province) -> Result<String> {
    for index in 0..JOBS_MAX {
        let name = format!("job-{index}");
        let manifest = job("sdu-cs", &name, 1, 2, "1s", 0);
        province.cluster().apply("alice", &manifest)?;
        let mut is_full = false;
        wait_for("a job to end or to be told", || {
            let status = &province.job("sdu-cs", &name)?["status"];
            is_full = status["reason"] == "LedgerUnavailable";
            Ok(is_full || status["phase"] == "Succeeded")
        })?;
        if is_full {
            return Ok(name);
        }
    }
    bail!("{JOBS_MAX} jobs ran, beyond a bound of {BOUND} segments")
}

fn ran(province: &Province) -> Result<Option<usize>> {
    let movements = statement(province)?["movements"].clone();
    Ok(movements.as_array().map(Vec::len))
}

#[test]
fn a_full_journal_admits_nothing_until_it_is_cut_short() -> Result<()> {
    let place = tempfile::tempdir()?;
    let archive = place.path().join("archive");
    let mut options = options(Some(&archive));
    let bound = format!("--journal-segments-max={BOUND}");
    options.arguments.push(bound);
    let province = Province::start(2, options)?;
    let running = job("sdu-cs", "running", 1, 2, "60s", 0);
    province.cluster().apply("alice", &running)?;
    province.wait_phase("sdu-cs", "running", "Running")?;

    let waits = fill(&province)?;
    let status = province.job("sdu-cs", &waits)?["status"].clone();
    let message = status["message"].as_str().unwrap_or_default();
    println!("{waits}: {message}");
    ensure!(
        message.contains(&format!("live segments, the bound is {BOUND}"))
            && message.contains("deploy the archiver"),
        "{status:#}"
    );
    let before = ran(&province)?;
    province.wait_phase("sdu-cs", "running", "Succeeded")?;
    ensure!(ran(&province)? > before, "what ends is paid for");
    let status = province.job("sdu-cs", &waits)?["status"].clone();
    ensure!(status["reason"] == "LedgerUnavailable", "{status:#}");

    start_archiver(&province, &archive)?;
    province.wait_phase("sdu-cs", &waits, "Succeeded").map(drop)
}
