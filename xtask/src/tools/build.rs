//! Builds the missing programs with one `go build`, so that they share their compiled
//! packages, and moves each into the cache when all of them stand.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::pins::parse_go_version;
use super::{Pins, Tool, absent, find};
use crate::progress::{Progress, in_words};

/// About how many packages a build with a cold cache compiles; only shown, never relied on.
const PACKAGES_ROUGHLY: usize = 2970;
/// What it takes of all cores together, in minutes; only shown.
const CORE_MINUTES_ROUGHLY: usize = 12;
/// From how many packages on their pace says something.
const PACKAGES_FOR_A_PACE: usize = 100;
/// The seven stripped programs take half of this; the Go build cache asks for more where it lies.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// How much of a failed build's log stands in the message.
const LOG_LINES_SHOWN: usize = 15;

/// Builds what `find` does not find, one process at a time per cache folder.
pub(super) fn build_missing(pins: &Pins, bin: &Path) -> Result<()> {
    let home = bin.parent().context("the cache folder has no parent")?;
    std::fs::create_dir_all(bin).with_context(|| {
        format!(
            "cannot make the cache folder {}\nset EDUGRID_CACHE to a folder you may write",
            bin.display()
        )
    })?;
    let _lock = exclusive(&home.join("lock"), "another build of the control plane")?;
    // Another process may have built them while this one waited.
    let missing = absent(&find(pins, bin));
    if missing.is_empty() {
        return Ok(());
    }
    check_go(pins)?;
    check_space(home)?;
    let fresh = home.join("building");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).context("cannot remove the remains of an earlier build")?;
    }
    std::fs::create_dir_all(&fresh)?;
    go_build(pins, &missing, &fresh, &home.join("build.log"))?;
    for tool in missing {
        std::fs::rename(fresh.join(tool.built_name()), bin.join(tool.binary()))
            .with_context(|| format!("cannot move {} into {}", tool.built_name(), bin.display()))?;
    }
    std::fs::remove_dir_all(&fresh).context("cannot remove the build folder")
}

/// Waits until nobody else holds the lock, saying for `what`.
pub(super) fn exclusive(path: &Path, what: &str) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open the lock {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut waiting = Progress::start(format!("wait for {what}"));
            while let Err(TryLockError::WouldBlock) = file.try_lock() {
                std::thread::sleep(Duration::from_millis(300));
                waiting.tick("");
            }
            waiting.done("it has ended");
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    Ok(file)
}

fn check_go(pins: &Pins) -> Result<()> {
    let (major, minor) = pins.go_floor();
    let way_out = format!(
        "install Go {major}.{minor} or newer and put it on PATH, or point KUBEBUILDER_ASSETS at a folder with {} of the pinned versions",
        Tool::ALL.map(Tool::binary).join(", ")
    );
    let output = Command::new("go")
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            anyhow!("the control plane must be built and `go` cannot be run: {error}\n{way_out}")
        })?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let version = parse_go_version(&said).with_context(|| {
        format!("`go env GOVERSION` said {said:?}, which names no version\n{way_out}")
    })?;
    ensure!(
        version >= (major, minor),
        "`go` is {said}, Kubernetes needs {major}.{minor}\n{way_out}"
    );
    Ok(())
}

fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder)
        .ok()
        .map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn check_space(folder: &Path) -> Result<()> {
    let Some(free) = free_bytes(folder) else {
        return Ok(());
    };
    ensure!(
        free >= FREE_BYTES_MIN,
        "{} has {} MiB free, the programs need {} MiB\nfree some, or set EDUGRID_CACHE to another disk",
        folder.display(),
        free >> 20,
        FREE_BYTES_MIN >> 20
    );
    Ok(())
}

fn linker_flags(pins: &Pins) -> Result<String> {
    let kubernetes = pins.kubernetes()?;
    let mut numbers = kubernetes.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let mut flags = String::from("-s -w");
    // Without these `/version` answers v0.0.0-master and clients misread what the server can do.
    for package in [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ] {
        flags += &format!(
            " -X {package}.gitVersion={kubernetes} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        );
    }
    if let Some(helm) = pins.version(Tool::Helm.module()) {
        flags += &format!(" -X helm.sh/helm/v3/internal/version.version={helm}");
    }
    Ok(flags)
}

/// How long a build with a cold cache takes, in minutes: some linking is left to one core.
fn minutes_roughly(cores: usize) -> usize {
    1 + CORE_MINUTES_ROUGHLY.div_ceil(cores.max(1))
}

/// How long the rest of the packages takes at the pace so far; nothing while that is a guess.
fn left_roughly(passed: Duration, count: usize) -> Option<Duration> {
    if count < PACKAGES_FOR_A_PACE {
        return None;
    }
    let left = PACKAGES_ROUGHLY.saturating_sub(count);
    passed
        .checked_mul(u32::try_from(left).ok()?)?
        .checked_div(u32::try_from(count).ok()?)
}

fn go_build(pins: &Pins, tools: &[Tool], fresh: &Path, log: &Path) -> Result<()> {
    let mut output = fresh.as_os_str().to_owned();
    output.push("/");
    let names: Vec<&str> = tools.iter().map(|tool| tool.binary()).collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    eprintln!(
        "building {} from Go modules, once: about {} minutes on {cores} cores when nothing is cached, \
         and the time for the downloads",
        names.join(", "),
        minutes_roughly(cores)
    );
    let mut progress = Progress::start("go build");
    let began = Instant::now();
    let mut child = Command::new("go")
        .current_dir(pins.folder())
        .args([
            "build",
            "-v",
            "-trimpath",
            "-ldflags",
            &linker_flags(pins)?,
            "-o",
        ])
        .arg(output)
        .args(tools.iter().map(|tool| tool.package()))
        .envs([
            ("GOFLAGS", "-mod=readonly"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
            ("CGO_ENABLED", "0"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `go build`")?;
    let stderr = child
        .stderr
        .take()
        .context("`go build` has no standard error")?;
    let compiled = AtomicUsize::new(0);
    let (status, last) = std::thread::scope(|scope| -> Result<_> {
        let reader = scope.spawn(|| copy_log(BufReader::new(stderr), log, &compiled));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(200));
            let count = compiled.load(Ordering::Relaxed);
            let left = left_roughly(began.elapsed(), count).map_or(String::new(), |left| {
                format!(", about {} left", in_words(left))
            });
            progress.tick(&format!(
                "{count} of about {PACKAGES_ROUGHLY} packages{left}"
            ));
        };
        let last = reader
            .join()
            .map_err(|_| anyhow!("the reader of the build log panicked"))??;
        Ok((status, last))
    })?;
    if !status.success() {
        return Err(build_failure(&last, log, fresh));
    }
    progress.done("built");
    Ok(())
}

/// Copies the compiler's lines to the log, counts packages, and keeps the last lines.
fn copy_log(source: impl BufRead, log: &Path, compiled: &AtomicUsize) -> Result<VecDeque<String>> {
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut last = VecDeque::new();
    for line in source.lines() {
        let line = line?;
        // The pipe must be drained even when the log's disk is full, or the build would hang.
        let _ = writeln!(file, "{line}");
        compiled.fetch_add(1, Ordering::Relaxed);
        if last.len() == LOG_LINES_SHOWN {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok(last)
}

fn build_failure(last: &VecDeque<String>, log: &Path, fresh: &Path) -> anyhow::Error {
    let text = last
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n");
    let free = free_bytes(fresh).map_or(String::new(), |bytes| {
        format!("{} MiB free there", bytes >> 20)
    });
    let hint = if text.contains("no space left on device") {
        format!(
            "the disk is full: free 5 GB, or set EDUGRID_CACHE ({}, {free}), GOCACHE and GOTMPDIR to another disk",
            fresh.display()
        )
    } else if text.contains("dial tcp") || text.contains("no such host") {
        "the modules could not be downloaded: set GOPROXY to a mirror that this machine reaches"
            .to_owned()
    } else {
        "run again after the cause is gone; compiled packages are kept".to_owned()
    };
    anyhow!(
        "`go build` failed; its last lines:\n{text}\nthe whole log: {}\n{hint}",
        log.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_cores_take_less_time_and_never_none() {
        assert_eq!([1, 2, 16].map(minutes_roughly), [13, 7, 2]);
    }

    #[test]
    fn the_rest_goes_at_the_pace_so_far() {
        let minute = Duration::from_secs(60);
        assert_eq!(left_roughly(minute, 5), None, "too early to tell");
        assert_eq!(left_roughly(minute, PACKAGES_ROUGHLY / 2), Some(minute));
        assert_eq!(
            left_roughly(minute, PACKAGES_ROUGHLY + 9),
            Some(Duration::ZERO)
        );
    }
}
