//! Finds a Prometheus with its `promtool`, or takes Debian's package apart into the cache:
//! no installation, no service, no root but for the lists of packages. It must not know what
//! is scraped.
//!
//! Order: `PATH`; the cache; Debian's package of the version that this machine's lists name.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use super::build::exclusive;
use super::cache_folder;
use crate::progress::Progress;

/// The two programs, and the package that has them.
const PACKAGE: &str = "prometheus";
const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];
/// Where Debian puts them.
const BIN: &str = "usr/bin";
/// What to do where nothing works.
const WAY_OUT: &str =
    "install Debian's package `prometheus`, or put prometheus and promtool 2.31 or newer on PATH";

/// Where both programs lie.
#[derive(Clone, Debug)]
pub struct Prometheus {
    /// The server.
    pub server: PathBuf,
    /// The checker of texts and rules.
    pub promtool: PathBuf,
}

impl Prometheus {
    /// Finds both, or fetches the package, once per machine.
    ///
    /// # Errors
    /// It is nowhere and can't be fetched; the message says what was tried and the way out.
    pub fn ready() -> Result<Self> {
        if let Some(found) = Self::there(&cache_folder()?) {
            return Ok(found);
        }
        let cache = cache_folder()?;
        std::fs::create_dir_all(&cache).with_context(|| {
            format!(
                "cannot make {}\nset EDUGRID_CACHE to a folder you may write",
                cache.display()
            )
        })?;
        let _lock = exclusive(
            &cache.join("prometheus.lock"),
            "another fetch of Prometheus",
        )?;
        // Another process may have fetched it while this one waited.
        if let Some(found) = Self::there(&cache) {
            return Ok(found);
        }
        let home = fetch(&cache).with_context(|| {
            format!("no Prometheus on PATH, and Debian's can't be fetched\n{WAY_OUT}")
        })?;
        Self::in_folder(&home.join(BIN)).with_context(|| {
            format!(
                "{} holds no Prometheus that runs\nremove it, and {WAY_OUT}",
                home.display()
            )
        })
    }

    fn there(cache: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).find_map(|folder| Self::in_folder(&folder));
        on_path.or_else(|| {
            let entries = std::fs::read_dir(cache).ok()?;
            let folders = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
            let mut homes: Vec<PathBuf> = folders.filter(|folder| is_home(folder)).collect();
            homes.sort();
            homes
                .iter()
                .rev()
                .find_map(|home| Self::in_folder(&home.join(BIN)))
        })
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let [server, promtool] = PROGRAMS.map(|name| folder.join(name));
        (runs(&server) && runs(&promtool)).then_some(Self { server, promtool })
    }
}

/// A folder of the cache with an unpacked package.
fn is_home(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with("prometheus-") && !name.ends_with(".new"))
}

fn runs(program: &Path) -> bool {
    program.is_file()
        && Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
}

/// Fetches the package and takes it apart; says where it lies.
fn fetch(cache: &Path) -> Result<PathBuf> {
    let mut progress = Progress::start("fetch Debian's prometheus");
    let work = cache.join("prometheus.fetching");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    progress.tick("download");
    if let Err(first) = apt(&work, &["download", PACKAGE]) {
        // The lists of packages are missing or old: that needs root.
        progress.tick("lists of packages");
        apt(&work, &["update"]).map_err(|second| anyhow!("{first:#}\nthen {second:#}"))?;
        apt(&work, &["download", PACKAGE])?;
    }
    let package = std::fs::read_dir(&work)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")?;
    let name = package
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let version = name
        .as_deref()
        .and_then(version_of)
        .context("a package without version")?;
    progress.tick("unpack");
    let home = cache.join(format!("prometheus-{version}"));
    let fresh = cache.join(format!("prometheus-{version}.new"));
    for old in [&home, &fresh] {
        if old.exists() {
            std::fs::remove_dir_all(old)?;
        }
    }
    let (from, to) = (package.as_os_str(), fresh.as_os_str());
    run(Command::new("dpkg-deb").arg("--extract").args([from, to]))?;
    std::fs::rename(&fresh, &home)?;
    std::fs::remove_dir_all(&work)?;
    progress.done(&version);
    Ok(home)
}

fn apt(folder: &Path, args: &[&str]) -> Result<()> {
    run(Command::new("apt-get")
        .args(["--quiet", "--yes"])
        .args(args)
        .current_dir(folder))
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<String> = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let line = format!("{program} {}", words.join(" "));
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{line}` can't be run"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}` failed: {}", said.trim());
    Ok(())
}

/// The version in a package's file name, `name_version_architecture.deb`.
fn version_of(file: &str) -> Option<String> {
    let version = file.split('_').nth(1)?;
    // A colon of an epoch is written so.
    Some(version.replace("%3a", "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_keyed_by_the_package_s_version() {
        assert_eq!(
            version_of("prometheus_2.42.0+ds-5+deb12u1_amd64.deb").as_deref(),
            Some("2.42.0+ds-5+deb12u1")
        );
        assert_eq!(
            version_of("prometheus_1%3a3.0-1_arm64.deb").as_deref(),
            Some("1-3.0-1")
        );
        assert_eq!(version_of("prometheus.deb"), None);
        assert!(is_home(Path::new("/cache/prometheus-2.42.0")));
        assert!(!is_home(Path::new("/cache/prometheus-2.42.0.new")));
        assert!(!is_home(Path::new("/cache/prometheus.fetching")));
    }

    #[test]
    fn what_does_not_run_is_not_found() -> Result<()> {
        let cache = tempfile::tempdir()?;
        let bin = cache.path().join("prometheus-1").join(BIN);
        std::fs::create_dir_all(&bin)?;
        for name in PROGRAMS {
            std::fs::write(bin.join(name), "no program")?;
        }
        assert!(Prometheus::in_folder(&bin).is_none());
        Ok(())
    }
}
