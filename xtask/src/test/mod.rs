//! `cargo xtask test`: everything that must hold, in one go and with a plain verdict. It runs
//! what a person could run by hand and must not know what the tests check.
//!
//! Contract. Every stage runs, also after another failed, unless it needs one that failed.
//! A stage's whole output lies in a log of its own below the target folder; it is shown only
//! when the stage fails. A stage of tests that ran none has failed. Progress goes to standard
//! error; standard output ends with a line for the verdict and a line `N passed, M failed`.

pub(crate) mod program;
pub(crate) mod runner;
mod stage;
mod tally;
mod work;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::cluster;
use crate::progress::in_words;
use stage::Outcome;
pub use stage::Stage;
use tally::Tally;

/// Which stages, and how thoroughly.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Only what needs no cluster.
    #[arg(long, conflicts_with = "only")]
    inner: bool,
    /// Only this stage; may be given several times.
    #[arg(long, value_name = "STAGE")]
    only: Vec<Stage>,
    /// Try every seed of the crash tests instead of a few.
    #[arg(long)]
    all_seeds: bool,
}

impl Options {
    fn stages(&self) -> Vec<Stage> {
        let mut stages = Stage::ALL.to_vec();
        if self.inner {
            stages.retain(|stage| !stage.needs_cluster());
        } else if !self.only.is_empty() {
            stages.retain(|stage| self.only.contains(stage));
        }
        stages
    }
}

/// Runs the stages and prints the verdict.
///
/// # Errors
/// The log folder cannot be written. That a stage failed is the exit code, not an error, so
/// that the line of the sums is the last one.
pub fn run(options: &Options) -> Result<ExitCode> {
    let began = Instant::now();
    let logs = runner::log_folder();
    std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let leftovers = cluster::sweep().context("cannot end the remains of earlier clusters")?;
    if leftovers > 0 {
        eprintln!("ended {leftovers} process(es) of clusters whose test was interrupted");
    }
    let stages = options.stages();
    let mut results: Vec<(Stage, Outcome)> = Vec::new();
    for (index, &stage) in stages.iter().enumerate() {
        let number = format!("[{}/{}]", index + 1, stages.len());
        let missing = stage.needs().filter(|needed| {
            results
                .iter()
                .any(|(earlier, outcome)| earlier == needed && !outcome.passed)
        });
        let outcome = match missing {
            Some(needed) => {
                eprintln!("{number} {stage}: not run, because {needed} failed");
                Outcome {
                    passed: false,
                    tally: Tally::default(),
                }
            }
            None => work::run(stage, &number, &logs, options),
        };
        results.push((stage, outcome));
    }
    Ok(verdict(&results, &in_words(began.elapsed())))
}

/// Prints the last two lines and says the exit code.
fn verdict(results: &[(Stage, Outcome)], time: &str) -> ExitCode {
    let failed: Vec<String> = results
        .iter()
        .filter(|(_, outcome)| !outcome.passed)
        .map(|(stage, _)| stage.to_string())
        .collect();
    let mut sum = Tally::default();
    for (_, outcome) in results {
        sum += outcome.tally;
    }
    let count = results.len();
    let scope = if count == Stage::ALL.len() {
        format!("all {count} stages")
    } else {
        format!("{count} of {} stages", Stage::ALL.len())
    };
    if failed.is_empty() {
        println!("ok: {scope} passed in {time}");
    } else {
        println!("FAILED: {} ({scope} took {time})", failed.join(", "));
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn stages(args: &[&str]) -> Vec<Stage> {
        let line = Line::try_parse_from([&["test"], args].concat()).expect("a command line");
        line.options.stages()
    }

    #[test]
    fn nothing_is_left_out_unless_asked() {
        assert_eq!(stages(&[]), Stage::ALL);
        assert_eq!(stages(&["--all-seeds"]), Stage::ALL);
        assert_eq!(
            stages(&["--only", "unit", "--only", "tidy"]),
            [Stage::Tidy, Stage::Unit]
        );
        let inner = stages(&["--inner"]);
        assert!(inner.contains(&Stage::Unit) && !inner.iter().any(|stage| stage.needs_cluster()));
        assert!(Line::try_parse_from(["test", "--only", "everything"]).is_err());
    }
}
