//! The binary: reads its arguments, waits for the lease, leads.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use edugrid_scheduler::{
    args::{Args, Chore},
    clock::Ticker,
    desk::{Desk, Replayed},
    http::{self, Readiness},
    journal::ClusterJournal,
    lead::{self, Leader},
    lease::{Lease, Timing},
    metrics::{self, CountRequests, Metrics},
    startup,
    visibility::{self, Leadership},
};
use kube::{Client, client::ClientBuilder};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

/// Questions that wait for the loop; more are told to come again.
const QUESTIONS_MAX: usize = 64;
/// Between looks at what has gone missing while this process leads.
const LOOK_WHILE_LEADING: std::time::Duration = std::time::Duration::from_secs(10);
/// Between looks at what is missing.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,kube_client=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
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
    tokio::pin!(stop);
    let identity = identity();
    let timing = Timing {
        duration: args.lease(),
    };
    let lease = Lease::new(
        client.clone(),
        &args.namespace,
        "edugrid-scheduler",
        &identity,
        timing,
    );
    let ready = async {
        wait_until_complete(&client, &readiness).await;
        readiness.send_replace(Readiness::Standby);
        leadership.send_replace(Leadership::Standby { leader: None });
        tracing::info!(identity, "waiting for the lease");
        let held_by = |leader: Option<&str>| {
            let leader = leader.map(str::to_owned);
            leadership.send_replace(Leadership::Standby { leader });
        };
        lease.acquire(held_by).await;
        leadership.send_replace(Leadership::Opening);
    };
    tokio::select! {
        () = &mut stop => return Ok(()),
        () = ready => {}
    }
    let mut journal = ClusterJournal::new(client.clone());
    let opening = startup::open(&mut journal, &args.data_dir, args.clock_factor);
    let led = lease.kept_while(opening).await?;
    let last = led.clock.now();
    tracing::info!(
        epoch = led.epoch,
        entries = led.books.position().entries,
        "leading"
    );
    let ticker = Ticker::new(led.clock, last);
    let desk = Desk::new(
        ticker,
        Replayed {
            epoch: led.epoch,
            books: led.books,
            history: Box::new(led.view),
            past: led.past,
        },
        metrics.clone(),
        args.settings(),
    );
    metrics.leading.set(1);
    readiness.send_replace(Readiness::Leading);
    leadership.send_replace(Leadership::Leading);
    let (guarded, guarded_seen) = watch::channel(Vec::new());
    tokio::spawn(keep_looking(client.clone(), readiness, guarded));
    let clock = led.clock;
    let leader = Leader {
        client,
        desk,
        journal,
        lease,
        metrics,
        clock,
        questions,
        guarded: guarded_seen,
    };
    lead::lead(leader, stop).await.context("no longer leading")
}

/// Waits until nothing is missing; `/readyz` says what is.
async fn wait_until_complete(client: &Client, readiness: &watch::Sender<Readiness>) {
    loop {
        let missing = startup::missing(client).await.lines();
        if missing.is_empty() {
            return;
        }
        tracing::warn!(?missing, "not ready");
        readiness.send_replace(Readiness::NotReady(missing));
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A policy that is taken away or altered makes a leader not ready: it says so, and admits and
/// posts nothing, until it is back (L12). A server that does not answer stops nothing here:
/// without it nothing can be written down either.
async fn keep_looking(
    client: Client,
    readiness: watch::Sender<Readiness>,
    guarded: watch::Sender<Vec<String>>,
) {
    loop {
        tokio::time::sleep(LOOK_WHILE_LEADING).await;
        let missing = startup::missing(&client).await;
        if missing.server.is_empty() || !missing.policies.is_empty() {
            guarded.send_replace(missing.policies.clone());
        }
        let missing = missing.lines();
        let now = if missing.is_empty() {
            Readiness::Leading
        } else {
            tracing::error!(?missing, "no longer ready");
            Readiness::NotReady(missing)
        };
        readiness.send_replace(now);
    }
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
    if getrandom::fill(&mut random).is_err() {
        random = std::process::id().to_be_bytes();
    }
    let suffix: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{host}_{suffix}")
}
