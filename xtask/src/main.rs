//! The command line of `cargo xtask`: one subcommand per chore. It parses and dispatches;
//! the work is in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::controlplane;

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
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Controlplane { action } => controlplane::run(action),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
