//! Runs seeds, and tells what came of them.

use std::process::ExitCode;

use clap::Parser;
use edugrid_simcluster::{Options, Rules, run};

/// Runs the operator in a simulated cluster that fails.
#[derive(Debug, Parser)]
struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// A protection of the API server that is taken out.
    #[arg(long, value_parser = ["fence", "epochs"])]
    without: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let shipped = edugrid_scheduler::policies::shipped();
    let stands = |rule: &str| !args.without.iter().any(|without| without == rule);
    let rules = Rules {
        names_once: stands("fence"),
        epochs_rise: stands("epochs"),
    };
    let options = Options {
        rules,
        told: args.trace,
    };
    let mut bad = 0;
    for seed in args.seed..args.seed + args.count {
        let began = std::time::Instant::now();
        match run(seed, options, shipped) {
            Ok(outcome) => {
                for line in &outcome.trace {
                    println!("{line}");
                }
                println!(
                    "seed {seed}: {} steps, {:?} simulated in {:?}, {:?}, fingerprint {:016x}",
                    outcome.steps,
                    outcome.lasted,
                    began.elapsed(),
                    outcome.sums,
                    outcome.fingerprint
                );
                for fault in &outcome.faults {
                    println!("  FAULT {fault}");
                }
                bad += usize::from(!outcome.faults.is_empty());
            }
            Err(error) => {
                println!("seed {seed}: {error}");
                bad += 1;
            }
        }
    }
    if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
