//! Finds cargo-deny, or installs it once into the cache. It must not know what is denied:
//! that stands in `deny.toml`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::runner::{Log, cargo};
use crate::progress::Progress;
use crate::tools::cache_folder;

/// The version for which `deny.toml` is written.
const VERSION: &str = "0.20.2";

/// The program: from the cache, else from `PATH` in exactly this version, else built.
///
/// # Errors
/// There is no place for a cache, or it cannot be installed; the message says the way out.
pub(super) fn ready(log: &mut Log, progress: &mut Progress) -> Result<PathBuf> {
    let home = cache_folder()?.join(format!("cargo-deny-{VERSION}"));
    let cached = home.join("bin/cargo-deny");
    if is_pinned(&cached) {
        return Ok(cached);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("cargo-deny"));
    if let Some(found) = candidates.find(|candidate| is_pinned(candidate)) {
        return Ok(found);
    }
    install(&home, log, progress)?;
    ensure!(
        is_pinned(&cached),
        "{} does not run after its installation\nremove {} and run again",
        cached.display(),
        home.display()
    );
    Ok(cached)
}

fn is_pinned(program: &Path) -> bool {
    program.is_file()
        && Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| is_version(&String::from_utf8_lossy(&output.stdout)))
}

fn is_version(said: &str) -> bool {
    said.split_whitespace().nth(1) == Some(VERSION)
}

/// Builds it with a target folder of its own, which goes away again: a debug build is
/// a third of the time, and what it checks takes seconds.
fn install(home: &Path, log: &mut Log, progress: &mut Progress) -> Result<()> {
    let target = home.join("building");
    let (root, building) = (home.display().to_string(), target.display().to_string());
    let mut command = cargo(&[
        "install",
        "cargo-deny",
        "--version",
        VERSION,
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
        "cargo-deny {VERSION} cannot be installed\nput that version on PATH, or make the registry reachable"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_counts() {
        assert!(is_version("cargo-deny 0.20.2\n"));
        for other in ["cargo-deny 0.20.1", "cargo-deny 0.20.20", "0.20.2", ""] {
            assert!(!is_version(other), "{other}");
        }
        assert!(!is_pinned(Path::new("/nowhere/cargo-deny")));
    }
}
