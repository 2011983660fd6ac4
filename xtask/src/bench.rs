//! `cargo xtask bench`: builds the measurements for release, with the programs that they measure,
//! and runs them. They are a program of their own (`bench/`), since they hold a Kubernetes
//! client, which chores don't.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::binaries::build_measurements;

/// Runs the measurement that these words name, or all of them.
///
/// # Errors
/// If it does not compile, a measurement fails, or its harness is at fault.
pub fn run(arguments: &[String]) -> Result<()> {
    eprintln!(
        "building the operator and the measurements for release; the first time takes some minutes"
    );
    let status = Command::new(build_measurements()?)
        .args(arguments)
        .status()
        .context("the measurements can't be run")?;
    ensure!(status.success(), "a measurement failed, see above");
    Ok(())
}
