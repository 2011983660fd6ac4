//! Finds a program that extends cargo in exactly one version, or installs it once into the
//! cache. It must not know what the programs are asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::runner::{Log, cargo};
use crate::progress::Progress;
use crate::tools::cache_folder;

/// A program that cargo's registry has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// Its crate, and its binary.
    pub(crate) name: &'static str,
    /// The version that counts.
    pub(crate) version: &'static str,
}

/// What is denied stands in `deny.toml`, which is written for this version.
pub(crate) const CARGO_DENY: Program = Program {
    name: "cargo-deny",
    version: "0.20.2",
};
/// What is fuzzed stands in `fuzz/`.
pub(crate) const CARGO_FUZZ: Program = Program {
    name: "cargo-fuzz",
    version: "0.13.2",
};

impl Program {
    /// Where it is: in the cache, else on `PATH` in exactly this version, else built.
    ///
    /// # Errors
    /// There is no place for a cache, or it cannot be installed; the message says the way out.
    pub(crate) fn ready(self, log: &mut Log, progress: &mut Progress) -> Result<PathBuf> {
        let Self { name, version } = self;
        let home = cache_folder()?.join(format!("{name}-{version}"));
        let cached = home.join("bin").join(name);
        if self.is_pinned(&cached) {
            return Ok(cached);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        if let Some(found) = candidates.find(|candidate| self.is_pinned(candidate)) {
            return Ok(found);
        }
        self.install(&home, log, progress)?;
        ensure!(
            self.is_pinned(&cached),
            "{} does not run after its installation\nremove {} and run again",
            cached.display(),
            home.display()
        );
        Ok(cached)
    }

    fn is_pinned(self, program: &Path) -> bool {
        program.is_file()
            && Command::new(program)
                .arg("--version")
                .stdin(Stdio::null())
                .output()
                .is_ok_and(|output| self.is_version(&String::from_utf8_lossy(&output.stdout)))
    }

    fn is_version(self, said: &str) -> bool {
        said.split_whitespace().nth(1) == Some(self.version)
    }

    /// Builds it with a target folder of its own, which goes away again: a debug build is
    /// a third of the time, and what it does takes little.
    fn install(self, home: &Path, log: &mut Log, progress: &mut Progress) -> Result<()> {
        let Self { name, version } = self;
        let target = home.join("building");
        let (root, building) = (home.display().to_string(), target.display().to_string());
        let mut command = cargo(&[
            "install",
            name,
            "--version",
            version,
            "--locked",
            "--debug",
            "--root",
            &root,
            "--target-dir",
            &building,
        ]);
        // The settings of the repository are not for somebody else's program.
        command
            .current_dir(home.parent().unwrap_or(home))
            .env_remove("RUSTFLAGS");
        std::fs::create_dir_all(home).with_context(|| {
            format!(
                "cannot make {}\nset EDUGRID_CACHE to a folder you may write",
                home.display()
            )
        })?;
        let installed = log.run(&mut command, progress)?;
        std::fs::remove_dir_all(&target)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .with_context(|| format!("cannot remove {building}"))?;
        ensure!(
            installed,
            "{name} {version} cannot be installed\nput that version on PATH, or make the registry reachable"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_counts() {
        assert!(CARGO_DENY.is_version("cargo-deny 0.20.2\n"));
        for other in ["cargo-deny 0.20.1", "cargo-deny 0.20.20", "0.20.2", ""] {
            assert!(!CARGO_DENY.is_version(other), "{other}");
        }
        assert!(!CARGO_FUZZ.is_pinned(Path::new("/nowhere/cargo-fuzz")));
    }
}
