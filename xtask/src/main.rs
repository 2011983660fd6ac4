//! The command line of `cargo xtask`: one subcommand per chore. It parses and dispatches;
//! the work is in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{
    bench, controlplane, crdgen, demo, examples, fuzz, metrics, policygen, sim, test, tidy,
};

/// Builds and runs what the repository needs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// A real Kubernetes control plane on this machine.
    Controlplane {
        #[command(subcommand)]
        action: controlplane::Action,
    },
    /// Play a province with jobs of a published trace on a real control plane, and show the books.
    Demo(demo::Options),
    /// Measure engine, books and API server, each beside its limit of the same run: b1, b5, b6,
    /// b11, queue; all of them when none is named.
    Bench {
        /// The measurement and its sizes; `--help` after its name lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write the definitions of our objects as YAML, for people and for the chart.
    Crdgen {
        /// Only compare, and fail when a file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Write the tables of the examples' READMEs from the files.
    Examples {
        /// Only compare, and fail when a table is stale.
        #[arg(long)]
        check: bool,
    },
    /// Give made-up bytes to every decoder of bytes from outside, keep what reaches new code, and
    /// count it on the page of the docs. Needs a nightly compiler.
    Fuzz(fuzz::Options),
    /// Write the page of the docs that lists all metrics, from the operator's registry.
    Metrics {
        /// Only compare, and fail when the page is stale.
        #[arg(long)]
        check: bool,
    },
    /// Write what the operator knows of the chart's policies, rendered by helm.
    Policygen {
        /// Only compare, and fail when the file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Run the operator in a simulated cluster that fails, ten thousand times, each by another seed.
    Sim(sim::Options),
    /// Everything that must hold: checks, unit tests, and the tests on a real control plane.
    Test(test::Options),
    /// Check the house's rules: walls, module order, sizes, words that have no place.
    Tidy {
        /// Print the walls as ARCHITECTURE.md must hold them, and check nothing.
        #[arg(long)]
        print_walls: bool,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Bench { arguments } => bench::run(&arguments),
        Chore::Controlplane { action } => controlplane::run(action),
        Chore::Demo(options) => demo::run(&options),
        Chore::Crdgen { check } => crdgen::run(check),
        Chore::Examples { check } => examples::run(check),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::Policygen { check } => policygen::run(check),
        Chore::Metrics { check } => metrics::run(check),
        Chore::Sim(options) => sim::run(&options),
        Chore::Test(options) => match test::run(&options) {
            Ok(verdict) => return verdict,
            Err(error) => Err(error),
        },
        Chore::Tidy { print_walls: true } => {
            print!("{}", tidy::printed_walls());
            Ok(())
        }
        Chore::Tidy { print_walls: false } => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
