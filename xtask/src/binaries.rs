//! Builds the programs of an installation with cargo. It must not know what they are run on.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

/// The binaries that an installation runs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `edugrid-scheduler`.
    pub scheduler: PathBuf,
    /// `kubectl-edugrid`.
    pub cli: PathBuf,
}

impl Binaries {
    /// Builds both with cargo and says where they are.
    ///
    /// # Errors
    /// With cargo's words, if they don't compile.
    pub fn build() -> Result<Self> {
        let output = crate::cargo::command(&[
            "build",
            "--quiet",
            "--package=edugrid-scheduler",
            "--package=edugrid-cli",
            "--bins",
            "--message-format=json-render-diagnostics",
        ])
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
