//! Builds the programs of an installation with cargo. It must not know what they are run on.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

/// What a first build takes of all cores together, in minutes; only shown.
const CORE_MINUTES_ROUGHLY: usize = 6;

/// The binaries that an installation runs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `edugrid-scheduler`.
    pub scheduler: PathBuf,
    /// `kubectl-edugrid`.
    pub cli: PathBuf,
}

impl Binaries {
    /// What is about to be done, with how long it takes where nothing was built yet.
    pub fn announcement() -> String {
        let folder = std::env::current_exe().ok();
        let folder = folder.as_deref().and_then(|program| program.parent());
        let built = folder.is_some_and(|folder| folder.join("edugrid-scheduler").is_file());
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
        Self::build_with(&[])
    }

    /// The same as they are shipped: optimised, for measurements.
    ///
    /// # Errors
    /// As [`Binaries::build`].
    pub fn build_release() -> Result<Self> {
        Self::build_with(&["--release"])
    }

    fn build_with(more: &[&str]) -> Result<Self> {
        let args = [
            "build",
            "--quiet",
            "--package=edugrid-scheduler",
            "--package=edugrid-cli",
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
        let find = |name: &str| {
            let lines = output.stdout.split(|byte| *byte == b'\n');
            let messages = lines.filter_map(|line| serde_json::from_slice(line).ok());
            let mut found = None;
            for message in messages {
                let message: serde_json::Value = message;
                if message["target"]["name"] == name
                    && let Some(path) = message["executable"].as_str()
                {
                    found = Some(PathBuf::from(path));
                }
            }
            found.with_context(|| format!("cargo did not say where {name} is"))
        };
        Ok(Self {
            scheduler: find("edugrid-scheduler")?,
            cli: find("kubectl-edugrid")?,
        })
    }
}
