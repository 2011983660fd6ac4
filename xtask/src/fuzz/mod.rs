//! `cargo xtask fuzz`: builds the programs of `fuzz/` with a nightly compiler, lets each run for
//! a while, keeps the inputs that reach code which no kept input reached, and adds seconds and
//! executions to the table in the docs. It must not know what the targets claim.
//!
//! What is found lies in `fuzz/artifacts`; nothing else is written outside of the target folder
//! before a target has ended well.

mod corpus;
mod page;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::installation::repository;
use crate::progress::Progress;
use crate::test::{program::CARGO_FUZZ, runner::Log};
use page::Page;

/// The compiler: libFuzzer's instrumentation is not in stable ones.
const TOOLCHAIN: &str = "nightly";
/// The largest input that is tried, in bytes: as the corpus keeps them.
const INPUT_BYTES_MAX: u32 = 8192;
/// An input that takes longer is a finding, in seconds.
const INPUT_SECONDS_MAX: u32 = 10;
/// A target that needs more is a finding, in MiB.
const MEMORY_MEBIBYTES_MAX: u32 = 2048;

/// What to fuzz, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The targets; else all, one after the other.
    targets: Vec<String>,
}

/// How a run of a target went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    seconds: u64,
    executions: u64,
    /// Edges of the program that some input reached.
    edges: u64,
}

/// Fuzzes and counts.
///
/// # Errors
/// There is no nightly compiler, something does not build, or a target found something; the
/// message names the input.
pub fn run(options: &Options) -> Result<()> {
    let folder = repository().join("fuzz");
    let all = corpus::targets(&folder)?;
    for target in &options.targets {
        ensure!(
            all.contains(target),
            "there is no target {target}, there are {}",
            all.join(", ")
        );
    }
    let asked = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    let work = repository().join("target/fuzz");
    std::fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let programs = build(&work)?;
    let mut findings = Vec::new();
    for target in asked {
        match one(target, options.seconds, &programs, &work)? {
            Some(run) => {
                let kept = corpus::minimise(target, &programs.join(target), &folder, &work)?;
                // Read only now: another of these may have run beside it.
                let mut page = Page::read()?;
                page.add(target, run, kept);
                page.write()?;
            }
            None => findings.push(target.clone()),
        }
    }
    if !findings.is_empty() {
        bail!(
            "{} found something: see fuzz/artifacts\nput the input into the target's folder of \
             fuzz/corpus under a name that says what it is, and correct the decoder",
            findings.join(", ")
        );
    }
    Ok(())
}

/// Builds all programs; returns their folder.
fn build(work: &Path) -> Result<PathBuf> {
    let mut progress = Progress::start("build the programs of fuzz/");
    let mut log = Log::create(work.join("build.log"))?;
    let has_nightly = Command::new("rustup")
        .args(["run", TOOLCHAIN, "rustc", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    ensure!(
        has_nightly,
        "there is no nightly compiler\ninstall one with `rustup toolchain install nightly --profile minimal`"
    );
    let program = CARGO_FUZZ.ready(&mut log, &mut progress)?;
    let mut command = Command::new(program);
    // Our code has no unsafe blocks, so the sanitizer of addresses would only make it slow.
    command
        .current_dir(repository())
        .args(["build", "--sanitizer", "none", "--target-dir"])
        .arg(work)
        .env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
        // Those of the compiler that runs this chore.
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env("CARGO_TERM_COLOR", "never");
    ensure!(
        log.run(&mut command, &mut progress)?,
        "the programs do not build, see {}",
        log.path().display()
    );
    progress.done("ok");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    Ok(work.join(triple).join("release"))
}

/// Runs one target; `None` where it found something.
fn one(target: &str, seconds: u64, programs: &Path, work: &Path) -> Result<Option<Run>> {
    let mut progress = Progress::start(format!("fuzz {target}"));
    let mut log = Log::create(work.join(format!("{target}.log")))?;
    let grown = work.join("corpus").join(target);
    let found = repository().join("fuzz/artifacts").join(target);
    for folder in [&grown, &found] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = Command::new(programs.join(target));
    command
        .arg(&grown)
        .arg(repository().join("fuzz/corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MEBIBYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg("-print_final_stats=1");
    let ended_well = log.run(&mut command, &mut progress)?;
    let told = log.text();
    if !ended_well {
        progress.done("FOUND SOMETHING");
        eprintln!("  all of it:   {}", log.path().display());
        return Ok(None);
    }
    let run = read(&told).with_context(|| format!("{} has no sums", log.path().display()))?;
    progress.done(&format!(
        "{} executions, {} edges reached",
        run.executions, run.edges
    ));
    Ok(Some(run))
}

/// What libFuzzer says at its end.
fn read(told: &str) -> Option<Run> {
    let number = |text: &str| text.split_whitespace().next()?.parse::<u64>().ok();
    let after = |line: &str, what: &str| number(line.split_once(what)?.1);
    let last = |what: &str| told.lines().rev().find_map(|line| after(line, what));
    let done = told.lines().rev().find(|line| line.starts_with("Done "))?;
    Some(Run {
        seconds: after(done, " in ")?,
        executions: last("stat::number_of_executed_units:")?,
        edges: last(" cov: ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_a_run_are_read() {
        let told = "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                    #9\tDONE   cov: 464 ft: 900 corp: 9/99b lim: 8 exec/s: 2 rss: 31Mb\n\
                    Done 3528105 runs in 46 second(s)\n\
                    stat::number_of_executed_units: 3528105\n";
        let expected = Run {
            seconds: 46,
            executions: 3_528_105,
            edges: 464,
        };
        assert_eq!(read(told), Some(expected));
        assert_eq!(read("==1== ERROR: libFuzzer: deadly signal\n"), None);
    }
}
