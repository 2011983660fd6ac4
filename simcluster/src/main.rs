//! Runs seeds, and tells what came of them.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use edugrid_simcluster::{Fault, Options, Outcome, Rules, run};

/// As many seeds are told one by one; of more, only what they found.
const TOLD_ONE_BY_ONE: u64 = 100;
const TOLD_EVERY: u64 = 100;

/// Runs the operator in a simulated cluster that fails.
#[derive(Debug, Parser)]
struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// How many seeds are run at once.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Print everything that happens, and what the operators log (chosen by `RUST_LOG`).
    #[arg(long)]
    trace: bool,
    /// A protection of the API server that is taken out.
    #[arg(long, value_parser = ["fence", "epochs"])]
    without: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let stands = |rule: &str| !args.without.iter().any(|without| without == rule);
    let rules = Rules {
        names_once: stands("fence"),
        epochs_rise: stands("epochs"),
    };
    let options = Options {
        rules,
        told: args.trace,
    };
    if args.trace {
        // What the operators say, between what happens to them: no time, it would be the machine's.
        tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_from_default_env()
                    .unwrap_or_else(|_| "off,edugrid=debug,edugrid_scheduler=debug".into()),
            )
            .without_time()
            .with_ansi(false)
            .init();
    }
    let began = Instant::now();
    let next = AtomicU64::new(args.seed);
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.seed.saturating_add(args.count) {
                        return;
                    }
                    let outcome = run(seed, options, edugrid_scheduler::policies::shipped());
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(seed, outcome, args.count);
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.tell(began.elapsed());
    if total.bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What came of all seeds.
#[derive(Default)]
struct Total {
    seeds: u64,
    bad: u64,
    steps: u64,
    simulated: Duration,
    entries: u64,
    admitted: u64,
    settled: u64,
    epochs: u64,
    struck: BTreeMap<Fault, (u64, u64)>,
}

impl Total {
    fn add(&mut self, seed: u64, outcome: std::io::Result<Outcome>, count: u64) {
        self.seeds += 1;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("seed {seed} was not run: {error}");
                self.bad += 1;
                return;
            }
        };
        self.steps += outcome.steps;
        self.simulated += outcome.lasted;
        self.entries += outcome.sums.entries;
        self.admitted += outcome.sums.admitted;
        self.settled += outcome.sums.settled;
        self.epochs += outcome.sums.epochs;
        for (fault, often) in &outcome.struck {
            let row = self.struck.entry(*fault).or_default();
            *row = (row.0 + 1, row.1 + often);
        }
        self.bad += u64::from(!outcome.faults.is_empty());
        for fault in &outcome.faults {
            println!("seed {seed}: FAULT {fault}");
        }
        if count <= TOLD_ONE_BY_ONE {
            println!(
                "seed {seed}: {} steps, {:?} simulated, {:?}, fingerprint {:016x}",
                outcome.steps, outcome.lasted, outcome.sums, outcome.fingerprint
            );
        } else if self.seeds.is_multiple_of(TOLD_EVERY) {
            eprintln!("{} of {count} seeds, {} bad", self.seeds, self.bad);
        }
    }

    fn tell(&self, took: Duration) {
        println!("{:>24} {:>9} {:>9}", "fault", "in seeds", "times");
        for (fault, (seeds, times)) in &self.struck {
            println!("{:>24} {seeds:>9} {times:>9}", fault.to_string());
        }
        println!(
            "{} seeds, {} steps, {} h simulated in {took:?}: {} leaders, {} entries, {} attempts admitted, \
             {} settled; {} seeds with a fault of the operator",
            self.seeds,
            self.steps,
            self.simulated.as_secs() / 3600,
            self.epochs,
            self.entries,
            self.admitted,
            self.settled,
            self.bad
        );
    }
}
