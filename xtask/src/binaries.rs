//! Builds the programs of an installation with cargo. It must not know what they are run on.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

/// What a first build takes of all cores together, in minutes; only shown.
const CORE_MINUTES_ROUGHLY: usize = 6;

const SCHEDULER: &str = "edugrid-scheduler";
const CLI: &str = "kubectl-edugrid";
const ARCHIVER: &str = "edugrid-archiver";
const MEASUREMENTS: &str = "edugrid-bench";

/// The binaries that an installation runs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `edugrid-scheduler`.
    pub scheduler: PathBuf,
    /// `kubectl-edugrid`.
    pub cli: PathBuf,
    /// `edugrid-archiver`.
    pub archiver: PathBuf,
}

impl Binaries {
    /// What is about to be done, with how long it takes where nothing was built yet.
    pub fn announcement() -> String {
        let folder = std::env::current_exe().ok();
        let folder = folder.as_deref().and_then(|program| program.parent());
        let built = folder.is_some_and(|folder| folder.join(SCHEDULER).is_file());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match built {
            true => "build the operator and kubectl-edugrid".to_owned(),
            false => format!(
                "build the operator and kubectl-edugrid, once about {} minutes on {cores} cores",
                1 + CORE_MINUTES_ROUGHLY.div_ceil(cores)
            ),
        }
    }

    /// Builds both with cargo and says where they are.
    ///
    /// # Errors
    /// With cargo's words, if they don't compile.
    pub fn build() -> Result<Self> {
        let built = build_with(&[])?;
        Ok(Self {
            scheduler: executable(&built, SCHEDULER)?,
            cli: executable(&built, CLI)?,
            archiver: executable(&built, ARCHIVER)?,
        })
    }

    /// Those that were built together with this program, as [`build_measurements`] does.
    ///
    /// # Errors
    /// If they are not in its folder.
    pub fn beside_this_program() -> Result<Self> {
        let program = std::env::current_exe().context("this program's path is unknown")?;
        let find = |name: &str| {
            let path = program.with_file_name(name);
            let there = path.is_file();
            ensure!(
                there,
                "{} is missing, build it with `cargo xtask bench`",
                path.display()
            );
            Ok(path)
        };
        Ok(Self {
            scheduler: find(SCHEDULER)?,
            cli: find(CLI)?,
            archiver: find(ARCHIVER)?,
        })
    }
}

/// Builds the measurements and what they measure, optimised as it is shipped, and says where the
/// measurements are. One call of cargo builds all: crates on which several programs stand get one
/// set of features, and are compiled once.
///
/// # Errors
/// With cargo's words, if they don't compile.
pub fn build_measurements() -> Result<PathBuf> {
    let built = build_with(&["--release", "--package=edugrid-bench"])?;
    executable(&built, MEASUREMENTS)
}

/// What cargo said of what it built, a line of JSON each.
fn build_with(more: &[&str]) -> Result<Vec<u8>> {
    let args = [
        "build",
        "--quiet",
        "--package=edugrid-scheduler",
        "--package=edugrid-cli",
        "--package=edugrid-archiver",
        "--bins",
        "--message-format=json-render-diagnostics",
    ];
    let output = crate::cargo::command(&[&args[..], more].concat())
        .stderr(Stdio::inherit())
        .output()
        .context("cargo can't be run")?;
    ensure!(
        output.status.success(),
        "the operator does not compile, see above"
    );
    Ok(output.stdout)
}

fn executable(built: &[u8], name: &str) -> Result<PathBuf> {
    let lines = built.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice(line).ok());
    let mut paths = messages.filter_map(|message: serde_json::Value| {
        let is_it = message["target"]["name"] == name;
        let path = message["executable"].as_str().filter(|_| is_it)?;
        Some(PathBuf::from(path))
    });
    let last = paths.next_back();
    last.with_context(|| format!("cargo did not say where {name} is"))
}
