//! The measurements of EduGrid, as `cargo xtask bench` runs them: each beside a limit that is
//! measured in the same run on the same machine. This file parses and dispatches; the order of
//! events of each measurement is in a file of its own.

mod books;
mod ceiling;
mod engine;
mod host;
mod ideal;
mod kueue;
mod limit;
mod measure;
mod queue;
mod report;
mod requests;
mod site;
mod watching;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
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
            Self::B5,
            Self::B6 { divisor: 10 },
            Self::Queue { size: 50_000 },
        ]
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let what = Arguments::parse().what;
    let mut is_well = true;
    for what in what.map_or_else(What::all, |one| vec![one]) {
        match measured(&what).await {
            Ok(well) => is_well &= well,
            Err(error) => {
                eprintln!("error: {error:#}");
                is_well = false;
            }
        }
    }
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measured(what: &What) -> Result<bool> {
    let before = host::Load::now();
    let (report, in_time) = match what {
        What::B1 { pending, tenants } => {
            let sizes = engine::Sizes {
                pending: pending.clone(),
                tenants: tenants.clone(),
            };
            (engine::run(&sizes)?, true)
        }
        What::B11 { directory } => {
            let usual = || xtask::installation::repository().join("target/bench");
            (books::run(&directory.clone().unwrap_or_else(usual))?, true)
        }
        What::B5 => (ceiling::run(&Site::start()?).await?, true),
        What::B6 { divisor } => (kueue::run(&Site::start()?, *divisor).await?, true),
        What::Queue { size } => {
            let report = queue::run(&Site::start()?, *size).await?;
            let in_time = queue::is_in_time(&report);
            (report, in_time)
        }
    };
    conclude(&report, &before, in_time)
}

fn conclude(report: &Report, before: &host::Load, in_time: bool) -> Result<bool> {
    let is_sound = report.finish((before, &host::Load::now()))?;
    if !in_time {
        println!("  an answer took too long");
    }
    Ok(is_sound && in_time)
}
