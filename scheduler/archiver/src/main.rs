//! The binary of the archiver: reads its arguments and goes round until it is told to stop.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use clap::Parser;
use edugrid_archiver::{
    logs,
    probes::{self, Probes},
    process::Process,
};
use edugrid_ledger::RealDisk;
use edugrid_units::Stamp;
use kube::Client;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Copies the journal of a cluster into a directory, and deletes from the cluster what is
/// kept, read back and covered by a snapshot that it has proved.
#[derive(Clone, Debug, Parser)]
#[command(name = "edugrid-archiver", version)]
struct Args {
    /// The directory of the archive; made if it is absent. Outlives the cluster: a volume that
    /// is backed up, or a mounted object store with rename and fsync.
    #[arg(long, env = "EDUGRID_ARCHIVE_DIR")]
    archive: PathBuf,

    /// Seconds between two rounds.
    #[arg(long, env = "EDUGRID_ARCHIVE_SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// How many of the last segments always stay in the cluster.
    #[arg(long, env = "EDUGRID_ARCHIVE_STAY", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=100_000))]
    stay: u64,

    /// Where probes and metrics are served; nowhere unless it is given.
    #[arg(long, env = "EDUGRID_METRICS_ADDRESS")]
    metrics_address: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> ExitCode {
    logs::begin();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let probes = Arc::new(Probes::new());
    if let Some(address) = args.metrics_address {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("--metrics-address {address} can't be used"))?;
        tokio::spawn(probes::serve(listener, probes.clone()));
    }
    let client = Client::try_default()
        .await
        .context("no cluster: set KUBECONFIG or run in one")?;
    let (mut stop, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let process = Process {
        client,
        disk: RealDisk,
        archive: args.archive,
        pause: Duration::from_secs(args.seconds),
        stay: args.stay,
        now,
        probes,
    };
    let stopped = async {
        tokio::select! {
            _ = stop.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(process.live(stopped).await?)
}

fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.unwrap_or_default().as_nanos();
    Stamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}
