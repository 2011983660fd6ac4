//! Keeps the page of the docs that lists all metrics in step with the operator's registry.
//! The operator prints the page; this room must not know what stands in it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::binaries::Binaries;
use crate::installation::repository;

/// The page, from the root of the repository.
const PAGE: &str = "docs/metrics.md";

/// Writes the page, or with `check` only compares.
///
/// # Errors
/// The operator does not compile, the page can't be written, or with `check` it is stale:
/// then the message names the command that cures it.
pub fn run(check: bool) -> Result<()> {
    // Built like the binaries of the tests: alone, the operator's package asks for other
    // features of what it stands on, and all of that would be compiled once more.
    let output = Command::new(Binaries::build()?.scheduler)
        .arg("metrics-table")
        .stderr(Stdio::inherit())
        .output()
        .context("the operator can't be run")?;
    ensure!(
        output.status.success(),
        "the operator does not print its metrics, see above"
    );
    let wanted = String::from_utf8(output.stdout).context("the page is no text")?;
    let path = repository().join(PAGE);
    let found = std::fs::read_to_string(&path).ok();
    if found.as_ref() == Some(&wanted) {
        return Ok(());
    }
    if check {
        bail!("{PAGE} is stale\nrun `cargo xtask metrics` and commit what it writes");
    }
    std::fs::write(&path, wanted).with_context(|| format!("{} can't be written", path.display()))
}
