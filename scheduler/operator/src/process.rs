//! The life of a process beside its servers: it waits until nothing is missing, then for the
//! lease, opens the books and leads until it is told to stop or must not go on. The same for
//! the binary and for a simulated cluster; only the [`Machine`] differs.

use std::{path::PathBuf, time::Duration};

use edugrid_archiver::cluster::Snapshots;
use kube::Client;
use tokio::sync::{mpsc, watch};

use crate::{
    clock::Ticker,
    compaction::{Compaction, Thresholds},
    desk::{Desk, Replayed, Settings},
    http::Readiness,
    journal::ClusterJournal,
    lead::{self, LeadError, Leader},
    lease::{Lease, Timing},
    machine::Machine,
    metrics::Metrics,
    startup::{self, OpenError},
    visibility::{Asked, Leadership},
};

/// Between looks at what has gone missing while this process leads.
const LOOK_WHILE_LEADING: Duration = Duration::from_secs(10);
/// Between looks at what is missing.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The name of the lease.
const LEASE: &str = "edugrid-scheduler";

/// Why a process ends by itself. Another takes over, or the same one when it is started again.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The books can't be opened, or not by this process.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It led, and may not any more.
    #[error("no longer leading")]
    Lead(#[from] LeadError),
}

/// What a process is given.
pub struct Process {
    /// The client, without a rate limit.
    pub client: Client,
    /// What it runs on.
    pub machine: Machine,
    /// The operator's own namespace.
    pub namespace: String,
    /// Unique to this process.
    pub identity: String,
    /// Of the lease.
    pub timing: Timing,
    /// Of the local view.
    pub data_dir: PathBuf,
    /// How much faster the clock of a new book runs (N5).
    pub clock_factor: u32,
    /// When the books are written down whole.
    pub thresholds: Thresholds,
    /// What an administrator chose.
    pub settings: Settings,
    /// What is counted.
    pub metrics: Metrics,
    /// Questions from the visibility API.
    pub questions: mpsc::Receiver<Asked>,
    /// What `/readyz` says.
    pub readiness: watch::Sender<Readiness>,
    /// What the visibility API says of itself.
    pub leadership: watch::Sender<Leadership>,
}

impl Process {
    /// Lives.
    ///
    /// # Errors
    /// With why it must not go on; the process should then end, since what it holds in memory
    /// may be behind the journal.
    pub async fn live(self, stop: impl Future<Output = ()>) -> Result<(), LifeError> {
        tokio::pin!(stop);
        let lease = Lease::new(
            self.client.clone(),
            &self.namespace,
            LEASE,
            &self.identity,
            self.timing,
            self.machine,
        );
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            () = self.stand_by(&lease) => {}
        }
        let mut journal = ClusterJournal::new(self.client.clone());
        let snapshots = Snapshots::new(self.client.clone());
        let opening = startup::open(
            &self.client,
            &mut journal,
            &snapshots,
            &self.data_dir,
            self.clock_factor,
            self.machine,
        );
        let led = lease.kept_while(opening).await?;
        let last = led.clock.now();
        tracing::info!(
            epoch = led.epoch,
            entries = led.books.position().entries,
            "leading"
        );
        let desk = Desk::new(
            Ticker::new(led.clock, last),
            Replayed {
                epoch: led.epoch,
                books: led.books,
                history: (self.machine.disk)(led.view),
                past: led.past,
            },
            self.metrics.clone(),
            self.settings,
        );
        self.metrics.leading.set(1);
        self.readiness.send_replace(Readiness::Leading);
        self.leadership.send_replace(Leadership::Leading);
        let (guarded, guarded_seen) = watch::channel(Vec::new());
        tokio::spawn(keep_looking(self.client.clone(), self.readiness, guarded));
        let leader = Leader {
            client: self.client,
            desk,
            journal,
            lease,
            metrics: self.metrics,
            clock: led.clock,
            compaction: Compaction::new(snapshots, self.thresholds, led.since_snapshot),
            questions: self.questions,
            guarded: guarded_seen,
        };
        Ok(lead::lead(leader, stop).await?)
    }

    /// Until nothing is missing and the lease is held.
    async fn stand_by(&self, lease: &Lease) {
        self.wait_until_complete().await;
        self.readiness.send_replace(Readiness::Standby);
        self.leadership
            .send_replace(Leadership::Standby { leader: None });
        tracing::info!(self.identity, "waiting for the lease");
        let held_by = |leader: Option<&str>| {
            let leader = leader.map(str::to_owned);
            self.leadership.send_replace(Leadership::Standby { leader });
        };
        lease.acquire(held_by).await;
        self.leadership.send_replace(Leadership::Opening);
    }

    /// Waits until nothing is missing; `/readyz` says what is.
    async fn wait_until_complete(&self) {
        loop {
            let missing = startup::missing(&self.client).await.lines();
            if missing.is_empty() {
                return;
            }
            tracing::warn!(?missing, "not ready");
            self.readiness.send_replace(Readiness::NotReady(missing));
            tokio::time::sleep(LOOK_AGAIN).await;
        }
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
