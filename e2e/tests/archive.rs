//! The journal is written down whole, archived, cut short and continued from there (L12):
//! balances and statements stay the same whatever is taken away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::Value;
use xtask::installation::InstallOptions;

/// The operator's arguments: a snapshot every few segments.
fn options() -> InstallOptions {
    InstallOptions {
        arguments: vec!["--snapshot-segments=5".to_owned()],
        ..InstallOptions::default()
    }
}

/// The names of all objects of a kind.
fn names(province: &Province, kind: &str) -> Result<Vec<String>> {
    let args = ["get", kind, "--output=name"];
    let text = province.cluster().kubectl("admin", &args)?.ok()?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn manifests(province: &Province) -> Result<usize> {
    let all = names(province, "ledgersnapshotparts")?;
    Ok(all
        .iter()
        .filter(|name| name.contains("-manifest-"))
        .count())
}

/// What a tenant is told of this month.
fn statement(province: &Province) -> Result<Value> {
    let args = ["statement", "sdu", "--output=json"];
    let told = province.edugrid.edugrid("province-admin", &args)?;
    ensure!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let mut told: Value = serde_json::from_slice(&told.stdout)?;
    let fields = told.as_object_mut().context("a statement")?;
    // How far the books reach and when they were asked differs, what they say must not.
    for field in ["ledger", "asOf"] {
        fields.remove(field);
    }
    Ok(told)
}

fn run_jobs(province: &Province, from: u32, to: u32) -> Result<()> {
    for index in from..to {
        let manifest = job("sdu-cs", &format!("job-{index}"), 1, 2, "1s", 0);
        province.cluster().apply("alice", &manifest)?;
    }
    for index in from..to {
        province.wait_phase("sdu-cs", &format!("job-{index}"), "Succeeded")?;
    }
    Ok(())
}

#[test]
fn a_leader_begins_at_the_newest_snapshot() -> Result<()> {
    let province = Province::start(2, options())?;
    run_jobs(&province, 0, 4)?;
    wait_for("a snapshot", || Ok(manifests(&province)? > 0))?;
    std::thread::sleep(Duration::from_secs(1));
    let before = statement(&province)?;
    province.edugrid.kill()?;
    province.edugrid.start()?;
    let log = province.cluster().log_tail("edugrid-scheduler", 200);
    ensure!(log.contains("the books begin at a snapshot"), "{log}");
    ensure!(log.contains("the local view was there"), "{log}");
    ensure!(statement(&province)? == before, "{before:#}");
    run_jobs(&province, 4, 6)
}
