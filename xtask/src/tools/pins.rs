//! Reads the versions of the control plane from the Go module that pins them, so that
//! they stand in one place only.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// The files whose content decides what a build yields.
const PINNING_FILES: [&str; 3] = ["go.mod", "go.sum", "tools.go"];

/// The pinned versions, and a key that changes with any of them.
#[derive(Clone, Debug)]
pub struct Pins {
    folder: PathBuf,
    module_file: String,
    key: String,
}

impl Pins {
    /// Reads `xtask/controlplane`.
    ///
    /// # Errors
    /// A file is missing, or `go.mod` does not pin Kubernetes.
    pub fn of_repository() -> Result<Self> {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane"))
    }

    fn read(folder: &Path) -> Result<Self> {
        let mut hash = Sha256::new();
        for name in PINNING_FILES {
            let file = folder.join(name);
            let content = std::fs::read(&file).with_context(|| {
                format!("cannot read {}: is the checkout complete?", file.display())
            })?;
            hash.update(name.as_bytes());
            hash.update(content.len().to_le_bytes());
            hash.update(&content);
        }
        let module_file = std::fs::read_to_string(folder.join("go.mod"))?;
        let hex: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut pins = Self {
            folder: folder.to_path_buf(),
            module_file,
            key: String::new(),
        };
        let kubernetes = pins.kubernetes()?.to_owned();
        pins.key = format!("{kubernetes}-{hex}-{}", std::env::consts::ARCH);
        Ok(pins)
    }

    /// The version that `go.mod` requires of a module, such as `v1.36.3`.
    pub fn version(&self, module: &str) -> Option<&str> {
        self.module_file.lines().find_map(|line| {
            let mut words = line.trim_start_matches("require ").split_whitespace();
            (words.next() == Some(module))
                .then(|| words.next())
                .flatten()
        })
    }

    /// The pinned version of Kubernetes.
    ///
    /// # Errors
    /// `go.mod` does not require it as `vMAJOR.MINOR.PATCH`.
    pub fn kubernetes(&self) -> Result<&str> {
        let version = self
            .version("k8s.io/kubernetes")
            .context("go.mod does not require k8s.io/kubernetes")?;
        ensure!(
            version.starts_with('v') && version.split('.').count() == 3,
            "go.mod requires k8s.io/kubernetes {version}, which is not of the form v1.36.3"
        );
        Ok(version)
    }

    /// The lowest Go that builds the module: its `go` line, as (major, minor).
    pub fn go_floor(&self) -> (u32, u32) {
        self.module_file
            .lines()
            .find_map(|line| line.strip_prefix("go "))
            .and_then(parse_go_version)
            .unwrap_or((1, 26))
    }

    /// The name of the cache folder that holds this version's programs.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The folder of the Go module.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Reads `1.26.0`, `go1.26.8` or `go1.27rc1` as (major, minor).
pub(super) fn parse_go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().trim_start_matches("go").split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_in_the_repository_pins_every_program() {
        let pins = Pins::of_repository().expect("the module is in the checkout");
        for tool in super::super::Tool::ALL {
            let version = pins.version(tool.module());
            assert!(
                version.is_some_and(|v| v.starts_with('v')),
                "{}: {version:?}",
                tool.binary()
            );
        }
        assert!(
            pins.key()
                .starts_with(pins.kubernetes().expect("kubernetes is pinned"))
        );
    }

    #[test]
    fn a_changed_pin_changes_the_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written")
        };
        write(
            "go.mod",
            "module m\ngo 1.26.0\nrequire k8s.io/kubernetes v1.36.3\n",
        );
        write("go.sum", "");
        write("tools.go", "package m\n");
        let before = Pins::read(folder.path()).expect("readable");
        assert_eq!(before.go_floor(), (1, 26));
        write("go.sum", "one line\n");
        let after = Pins::read(folder.path()).expect("readable");
        assert_ne!(before.key(), after.key());
        write("go.mod", "module m\ngo 1.26.0\n");
        assert!(Pins::read(folder.path()).is_err());
    }

    #[test]
    fn go_versions_are_read_with_and_without_prefix() {
        let cases = [
            ("go1.26.8", Some((1, 26))),
            ("1.26", Some((1, 26))),
            ("go1.27rc1", Some((1, 27))),
            ("devel", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_version(text), expected, "{text}");
        }
    }
}
