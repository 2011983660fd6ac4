//! `cargo xtask bench`: builds the measurements for release and runs them. They are a program of
//! their own (`bench/`), since they hold a Kubernetes client, which chores don't.

use anyhow::{Context, Result, ensure};

/// Runs the measurement that these words name, or all of them.
///
/// # Errors
/// If it does not compile, a measurement fails, or its harness is at fault.
pub fn run(arguments: &[String]) -> Result<()> {
    let run = [
        "run",
        "--quiet",
        "--release",
        "--package=edugrid-bench",
        "--",
    ];
    eprintln!("building the measurements for release; the first time takes some minutes");
    let status = crate::cargo::command(&run)
        .args(arguments)
        .status()
        .context("cargo can't be run")?;
    ensure!(status.success(), "a measurement failed, see above");
    Ok(())
}
