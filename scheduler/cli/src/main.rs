//! `kubectl-edugrid`: what people ask of EduGrid from a shell, as `kubectl edugrid …`.
//!
//! It reads, through the API server and with the rights of the kubeconfig's user, from
//! `visibility.edugrid.io` alone; only `ledger` reads the books themselves, from the cluster
//! or from files, and only `submit` writes, and reads the catalogue of pools and prices. It
//! computes nothing that the operator or the books compute: it shows.

mod arguments;
mod checkpoint;
mod cluster;
mod completion;
mod duration;
mod explain;
mod failure;
mod grid;
mod journal;
mod language;
mod ledger;
mod look;
mod output;
mod progress;
mod queue;
mod reasons;
mod reconcile;
#[cfg(test)]
mod samples;
mod sentences;
mod statement;
mod submit;
mod tenants;
mod vouchers;
mod watch;
mod words;

use std::{env, process::ExitCode};

use clap::Parser;

use arguments::{Arguments, Books, Command, Taste};
use cluster::Cluster;
use failure::Failure;
use look::Look;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut called = env::args_os();
    if completion::is_helper(called.next().as_deref()) {
        let words: Vec<_> = called.collect();
        return ended(output::print(&completion::answer(&words)), Look::default());
    }
    let arguments = Arguments::parse();
    let look = look(arguments.taste);
    ended(run(arguments, look).await, look)
}

/// How this reader wants answers to look.
fn look(taste: Taste) -> Look {
    let variable = |name: &str| env::var(name).ok();
    Look {
        language: language::chosen(taste.lang, variable),
        colour: look::colours(taste.color, variable),
        wide: false,
    }
}

fn ended(result: Result<(), Failure>, look: Look) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.told(look.language));
            failure.exit_code()
        }
    }
}

async fn run(arguments: Arguments, look: Look) -> Result<(), Failure> {
    let Arguments {
        connection,
        command,
        ..
    } = arguments;
    let cluster = async || Cluster::connect(&connection).await;
    match command {
        Command::Submit(asked) => submit::run(&connection, &asked, look).await,
        Command::Queue(asked) => queue::run(&cluster().await?, &asked, look).await,
        Command::Explain(asked) => explain::run(&cluster().await?, &asked, look).await,
        Command::Tenants(asked) => tenants::run(&cluster().await?, &asked, look).await,
        Command::Vouchers(asked) => vouchers::run(&cluster().await?, &asked, look).await,
        Command::Statement(asked) => statement::run(&cluster().await?, &asked, look).await,
        Command::Ledger(Books::Export(asked)) => ledger::export(&connection, &asked).await,
        Command::Ledger(Books::Verify(asked)) => ledger::verify(&connection, &asked, look).await,
        Command::Ledger(Books::Reconcile(asked)) => reconcile::run(&connection, &asked, look).await,
        Command::Completion(asked) => output::print(&completion::script(asked.shell)),
        Command::Complete(asked) => output::print(&completion::answer(&asked.words)),
    }
}
