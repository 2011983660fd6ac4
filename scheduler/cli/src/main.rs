//! `kubectl-edugrid`: what people ask of EduGrid from a shell, as `kubectl edugrid …`.
//!
//! It reads, through the API server and with the rights of the kubeconfig's user, from
//! `visibility.edugrid.io` alone; only `ledger` reads the books themselves, from the cluster
//! or from files. It computes nothing that the operator or the books compute: it shows.

mod arguments;
mod cluster;
mod duration;
mod explain;
mod failure;
mod grid;
mod journal;
mod ledger;
mod output;
mod queue;
mod statement;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Books, Command};
use cluster::Cluster;
use failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.told());
            failure.exit_code()
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        connection,
        command,
    } = arguments;
    match command {
        Command::Queue(asked) => queue::run(&Cluster::connect(&connection).await?, &asked).await,
        Command::Explain(asked) => {
            explain::run(&Cluster::connect(&connection).await?, &asked).await
        }
        Command::Statement(asked) => {
            statement::run(&Cluster::connect(&connection).await?, &asked).await
        }
        Command::Ledger(Books::Export(asked)) => ledger::export(&connection, &asked).await,
        Command::Ledger(Books::Verify(asked)) => ledger::verify(&connection, &asked).await,
    }
}
