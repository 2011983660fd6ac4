//! The measurements of EduGrid, as `cargo xtask bench` runs them: each beside a limit that is
//! measured in the same run on the same machine. This file parses and dispatches; the order of
//! events of each measurement is in a file of its own.

mod books;
mod ceiling;
mod copied;
mod engine;
mod host;
mod ideal;
mod kueue;
mod limit;
mod made_up;
mod measure;
mod queue;
mod reopen;
mod report;
mod requests;
mod running;
mod site;
mod stored;
mod watching;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};
use measure::RUNS;
use report::Report;
use site::Site;

/// Measures EduGrid, each figure beside its limit of the same run.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// The engine: quota decisions per second.
    B1 {
        /// Pending jobs, ascending.
        #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
        pending: Vec<usize>,
        /// Tenants, ascending.
        #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000])]
        tenants: Vec<usize>,
    },
    /// The API server: W, writes of our own objects per second.
    B5,
    /// Kueue's baseline load on a real API server.
    B6 {
        /// 1: the full load of 15,000 jobs; 10: a tenth.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=50))]
        divisor: u64,
    },
    /// The books: durable charges per second.
    B11 {
        /// Where the journal lies; else target/bench, on the disk of the repository.
        #[arg(long)]
        directory: Option<PathBuf>,
    },
    /// The books: opened again, and copied for a snapshot.
    B12 {
        /// Entries of the book; a thousand take a megabyte and a half of disk.
        #[arg(long, default_value_t = reopen::ENTRIES)]
        entries: u64,
        /// How often it is opened in each way.
        #[arg(long, default_value_t = RUNS)]
        runs: usize,
        /// Live attempts in books that are copied; a million take some gigabytes of memory.
        #[arg(long, value_delimiter = ',', default_values_t = reopen::ATTEMPTS)]
        attempts: Vec<usize>,
        /// Where the book lies; else target/bench, on the disk of the repository.
        #[arg(long)]
        directory: Option<PathBuf>,
    },
    /// What a job takes in etcd, before and after compaction.
    Etcd {
        /// The part of B6's load, as there.
        #[arg(long, default_value_t = stored::DIVISOR, value_parser = clap::value_parser!(u64).range(1..=50))]
        divisor: u64,
    },
    /// Answers about a deep queue.
    Queue {
        /// Pending jobs.
        #[arg(long, default_value_t = 50_000)]
        size: usize,
    },
}

impl What {
    /// What runs when nothing is named: all of it in the sizes of the issue.
    fn all() -> Vec<Self> {
        vec![
            Self::B1 {
                pending: vec![1_000, 10_000, 100_000],
                tenants: vec![10, 100, 1_000, 10_000],
            },
            Self::B11 { directory: None },
            Self::B12 {
                entries: reopen::ENTRIES,
                runs: RUNS,
                attempts: reopen::ATTEMPTS.to_vec(),
                directory: None,
            },
            Self::B5,
            Self::B6 { divisor: 10 },
            Self::Etcd {
                divisor: stored::DIVISOR,
            },
            Self::Queue { size: 50_000 },
        ]
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let what = Arguments::parse()
        .what
        .map_or_else(What::all, |one| vec![one]);
    let (begun, start) = (Instant::now(), host::Load::now());
    let (mut reports, mut faults) = (Vec::new(), Vec::new());
    for what in what {
        match measured(&what).await {
            Ok(report) => {
                let of = |fault| format!("{} {fault}", report.id);
                faults.extend(report.faults().into_iter().map(of));
                reports.push(report);
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                faults.push(format!("{what:?}: {error:#}"));
            }
        }
    }
    println!("\n{}", report::table(&reports));
    println!(
        "{}; load {start} before, {} after {:.1} min",
        host::described(),
        host::Load::now(),
        begun.elapsed().as_secs_f64() / 60.0
    );
    for fault in &faults {
        println!("fault: {fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Takes one measurement; its raw data are kept at once.
async fn measured(what: &What) -> Result<Report> {
    let before = host::Load::now();
    let report = match what {
        What::B1 { pending, tenants } => engine::run(&engine::Sizes {
            pending: pending.clone(),
            tenants: tenants.clone(),
        })?,
        What::B11 { directory } => books::run(&on(directory.as_deref()))?,
        What::B12 {
            entries,
            runs,
            attempts,
            directory,
        } => {
            let sizes = reopen::Sizes {
                entries: *entries,
                after: reopen::AFTER,
                runs: *runs,
                attempts: attempts.clone(),
            };
            reopen::run(&on(directory.as_deref()), &sizes)?
        }
        What::B5 => ceiling::run(&Site::start()?).await?,
        What::B6 { divisor } => kueue::run(&Site::start()?, *divisor).await?,
        What::Etcd { divisor } => stored::run(&Site::archived()?, *divisor).await?,
        What::Queue { size } => queue::run(&Site::start()?, *size).await?,
    };
    let raw = report.keep((&before, &host::Load::now()))?;
    eprintln!("  {}: raw data in {}", report.id, raw.display());
    Ok(report)
}

/// Where files lie that are measured.
fn on(directory: Option<&Path>) -> PathBuf {
    let usual = || xtask::installation::repository().join("target/bench");
    directory.map_or_else(usual, Path::to_owned)
}
