//! `cargo xtask sim`: builds the simulated cluster optimised, and runs many seeds of it. Not to be known here: what a
//! seed does.

use std::num::NonZero;

use anyhow::{Context, Result, ensure};
use clap::Args;

/// Which seeds.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The first.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How many at once; else as many as there are cores.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// A protection of the API server that is taken out, to see that it is missed.
    #[arg(long, value_parser = ["fence", "epochs"])]
    without: Vec<String>,
}

/// Runs the seeds; some twenty minutes for ten thousand on two cores.
///
/// # Errors
/// It does not compile, or a seed found something; each is told with its seed.
pub fn run(options: &Options) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = options.jobs.map_or(cores, NonZero::get);
    let mut command = crate::cargo::command(&[
        "run",
        "--quiet",
        "--release",
        "--package=edugrid-simcluster",
        "--",
    ]);
    command
        .arg(format!("--seed={}", options.seed))
        .arg(format!("--count={}", options.count))
        .arg(format!("--jobs={jobs}"));
    for without in &options.without {
        command.arg(format!("--without={without}"));
    }
    eprintln!("building the simulated cluster optimised; the first time takes some minutes");
    let status = command.status().context("cargo can't be run")?;
    ensure!(status.success(), "a seed found something, see above");
    Ok(())
}
