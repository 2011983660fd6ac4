//! The archive of a province's journal: its archiver, what is restored from it, and who may not lead meanwhile.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::installation::{InstallOptions, NAMESPACE, OPERATOR};

use crate::{Province, binaries, wait_for};

/// The archiver, as a program of the cluster.
pub const ARCHIVER: &str = "edugrid-archiver";
/// Who it is.
pub const ARCHIVER_USER: &str = "system:serviceaccount:edugrid-system:edugrid-archiver";
/// The archiver's own account: in the cluster the chart makes it.
const ACCOUNT: &str = "apiVersion: v1
kind: ServiceAccount
metadata: {namespace: edugrid-system, name: edugrid-archiver}
";

/// A snapshot every few segments, and an archive that the operator can read.
pub fn options(archive: Option<&Path>) -> InstallOptions {
    let mut arguments = vec!["--snapshot-segments=5".to_owned()];
    arguments.extend(archive.map(|place| format!("--archive-dir={}", place.display())));
    InstallOptions {
        arguments,
        values: format!("ledger: {{archiver: {{user: '{ARCHIVER_USER}'}}}}\n"),
        ..InstallOptions::default()
    }
}

/// The names of all objects of a kind.
///
/// # Errors
/// If they can't be listed.
pub fn names(province: &Province, kind: &str) -> Result<Vec<String>> {
    let args = ["get", kind, "--output=name"];
    let text = province.cluster().kubectl("admin", &args)?.ok()?;
    let name = |line: &str| line.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(text.lines().map(name).collect())
}

/// What a tenant is told of this month.
///
/// # Errors
/// If it is told nothing.
pub fn statement(province: &Province) -> Result<Value> {
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

/// Starts the archiver with its own rights.
///
/// # Errors
/// If it does not start.
pub fn start_archiver(province: &Province, archive: &Path) -> Result<()> {
    let cluster = province.cluster();
    cluster.apply("admin", ACCOUNT)?;
    let config = cluster.service_account_kubeconfig(NAMESPACE, ARCHIVER)?;
    let mut command = Command::new(binaries()?.archiver);
    command
        .env("KUBECONFIG", config)
        .arg(format!("--archive={}", archive.display()))
        .args(["--seconds=1", "--stay=2"]);
    cluster.spawn(ARCHIVER, &mut command).map(drop)
}

/// `edugrid-scheduler restore` with the operator's rights.
///
/// # Errors
/// If it can't be run; what it says is in the output.
pub fn restore(province: &Province, archive: &Path, more: &[&str]) -> Result<Output> {
    let config = province
        .cluster()
        .service_account_kubeconfig(NAMESPACE, OPERATOR)?;
    let output = Command::new(binaries()?.scheduler)
        .env("KUBECONFIG", config)
        .arg("restore")
        .arg(format!("--archive={}", archive.display()))
        .args(more)
        .output()?;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(output)
}

/// What a restore or an archiver says when it refuses.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until nobody may lead, for a reason with these words.
///
/// # Errors
/// If it does not come to that.
pub fn wait_not_ready(province: &Province, words: &str) -> Result<()> {
    let mut last = String::new();
    let waited = wait_for(words, || {
        let (is_ready, body) = province.edugrid.readiness().unwrap_or_default();
        last = body;
        Ok(!is_ready && last.contains(words))
    });
    waited.with_context(|| format!("/readyz says {last}"))?;
    println!("/readyz: {last}");
    Ok(())
}

/// Waits until the archive has every segment that is in the cluster.
///
/// # Errors
/// If it does not come to that.
pub fn wait_all_archived(province: &Province, archive: &Path) -> Result<()> {
    wait_for("all segments to be archived", || {
        let segments = names(province, "ledgersegments")?;
        let last = segments.last().context("a segment")?;
        let head: Value = serde_json::from_slice(&std::fs::read(archive.join("head.json"))?)?;
        let kept: u64 = head["segments"].as_str().context("segments")?.parse()?;
        Ok(*last == format!("{:020}", kept.saturating_sub(1)))
    })
}
