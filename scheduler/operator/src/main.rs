//! The binary: reads its arguments, waits for the lease, leads.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;
use edugrid_archiver::logs;
use edugrid_crds::labels;
use edugrid_scheduler::{
    args::{Args, Chore},
    http::{self, Readiness},
    lease::{Lease, Timing},
    machine::Machine,
    metrics::{self, CountRequests, Metrics},
    process::{self, Process},
    restoring,
    visibility::{self, Leadership},
};
use kube::{Client, client::ClientBuilder};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

/// How long the lease of a restore lasts without renewal.
const LEASE: Duration = Duration::from_secs(15);
/// Questions that wait for the loop; more are told to come again.
const QUESTIONS_MAX: usize = 64;

#[tokio::main]
async fn main() -> ExitCode {
    logs::begin();
    let args = Args::parse();
    if args.chore == Some(Chore::MetricsTable) {
        print!("{}", metrics::page());
        return ExitCode::SUCCESS;
    }
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let config = kube::Config::infer()
        .await
        .context("no cluster: set KUBECONFIG or run in one")?;
    if let Some(Chore::Restore { archive, take_over }) = &args.chore {
        let client = Client::try_from(config)?;
        return restore(&client, archive, *take_over).await;
    }
    let metrics = Metrics::new();
    let counting = CountRequests {
        events: metrics.events().clone(),
    };
    let client = ClientBuilder::try_from(config)
        .context("the cluster's configuration can't be used")?
        .with_layer(&counting)
        .build();
    let (readiness, readiness_seen) = watch::channel(Readiness::NotReady(vec!["starting".into()]));
    let listener = TcpListener::bind(args.metrics_address)
        .await
        .with_context(|| format!("--metrics-address {} can't be used", args.metrics_address))?;
    tokio::spawn(http::serve(listener, metrics.clone(), readiness_seen));
    let (asked, questions) = mpsc::channel(QUESTIONS_MAX);
    let (leadership, leadership_seen) = watch::channel(Leadership::Starting);
    serve_visibility(&args, &client, asked, leadership_seen, metrics.clone()).await?;

    let mut stop_signal = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = stop_signal.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let process = Process {
        client,
        machine: Machine::REAL,
        namespace: args.namespace.clone(),
        identity: identity(),
        timing: Timing {
            duration: args.lease(),
        },
        data_dir: args.data_dir.clone(),
        clock_factor: args.clock_factor,
        archive_dir: args.archive_dir.clone(),
        thresholds: args.thresholds(),
        bounds: args.bounds(),
        settings: args.settings(),
        metrics,
        questions,
        readiness,
        leadership,
    };
    Ok(process.live(stop).await?)
}

async fn restore(client: &Client, archive: &Path, take_over: bool) -> anyhow::Result<()> {
    let timing = Timing { duration: LEASE };
    let identity = identity();
    let lease = Lease::new(
        client.clone(),
        labels::SYSTEM_NAMESPACE,
        process::LEASE,
        &identity,
        timing,
        Machine::REAL,
    );
    let done = restoring::restore(client, archive, take_over, &lease, Machine::REAL).await?;
    println!(
        "book {} lives in cluster {} now: {} segments were written, it has {} segments with {} entries",
        done.book, done.cluster, done.written, done.segments, done.entries
    );
    if done.deleted > 0 {
        println!(
            "{} jobs had run and been deleted before etcd was set back, and were deleted again",
            done.deleted
        );
    }
    Ok(())
}

async fn serve_visibility(
    args: &Args,
    client: &Client,
    asked: mpsc::Sender<visibility::Asked>,
    leadership: watch::Receiver<Leadership>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let (Some(address), Some(certificate), Some(key)) = (
        args.visibility_address,
        &args.tls_certificate,
        &args.tls_key,
    ) else {
        return Ok(());
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("--visibility-address {address} can't be used"))?;
    let files = visibility::TlsFiles {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let (client, language) = (client.clone(), args.language);
    tokio::spawn(async move {
        let served = visibility::serve(
            client, listener, files, asked, leadership, language, metrics,
        );
        if let Err(error) = served.await {
            tracing::error!(%error, "the visibility api is not served");
        }
    });
    Ok(())
}

/// Unique to this process, and readable.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "edugrid-scheduler".into());
    let mut random = [0_u8; 4];
    // Without randomness the process id still tells two on one host apart.
    if (Machine::REAL.random)(&mut random).is_err() {
        random = std::process::id().to_be_bytes();
    }
    let suffix: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{host}_{suffix}")
}
