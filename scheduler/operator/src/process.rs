//! The life of a process beside its servers: it waits until nothing is missing, then for the
//! lease, opens the books and leads until it is told to stop or must not go on. The same for
//! the binary and for a simulated cluster; only the [`Machine`] differs.

use std::{io, path::PathBuf, time::Duration};

use edugrid_archiver::{
    cluster::{Snapshots, cluster_uid},
    journal::Journal,
};
use edugrid_ledger::Position;
use kube::Client;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    barred,
    clock::Ticker,
    compaction::{Compaction, Thresholds},
    desk::{Desk, Replayed, Settings},
    http::Readiness,
    journal::ClusterJournal,
    lead::{self, LeadError, Leader},
    lease::{Lease, Timing},
    machine::Machine,
    metrics::Metrics,
    outside::{Barred, Outside},
    pile::{Bounds, Pile},
    shadow::{Follow, Other, Shadow, ShadowError},
    startup::{self, Led, OpenError},
    visibility::{Asked, Leadership},
};

/// Between looks at what has gone missing while this process leads.
const LOOK_WHILE_LEADING: Duration = Duration::from_secs(10);
/// Between looks at what is missing.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Longest wait for the local view when the operator is asked to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// The name of the lease.
pub const LEASE: &str = "edugrid-scheduler";

/// Why a process ends by itself. Another takes over, or the same one when it is started again.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The books can't be opened, or not by this process.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal lacks what this leader has written, or goes on elsewhere (L12).
    #[error(transparent)]
    Barred(Barred),
    /// It led, and may not any more.
    #[error("no longer leading")]
    Lead(#[from] LeadError),
    /// Carried out again, the journal gives other books.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// The machine gives no thread.
    #[error("no thread for the books' shadow")]
    Thread(#[from] io::Error),
}

/// How a shadow's life ended.
type Followed = oneshot::Receiver<Result<(), ShadowError>>;

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
    /// Where the archive can be read, if it can.
    pub archive_dir: Option<PathBuf>,
    /// When the books are written down whole.
    pub thresholds: Thresholds,
    /// When too much of the journal is in etcd.
    pub bounds: Bounds,
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
        let mut journal = ClusterJournal::new(self.client.clone());
        let snapshots = Snapshots::new(self.client.clone());
        let opened = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            opened = self.open(&lease, &mut journal, &snapshots) => opened,
        };
        let (led, outside) = opened?;
        let (shadow, other) = Shadow::new();
        shadow.tell(&led.batch);
        let last = led.clock.now();
        let book = led.books.opening().map(|it| it.book.clone());
        let (reached, reached_seen) = watch::channel(led.books.position());
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
                shadow,
                past: led.past,
            },
            self.metrics.clone(),
            self.settings,
        );
        self.metrics.leading.set(1);
        self.readiness.send_replace(Readiness::Leading);
        self.leadership.send_replace(Leadership::Leading);
        let (guarded, guarded_seen) = watch::channel(Vec::new());
        let (over, over_seen) = watch::channel(None);
        tokio::spawn(keep_looking(
            self.client.clone(),
            self.readiness,
            guarded,
            over_seen,
        ));
        let (first, sizes) = led.live;
        let (first_live, first_live_seen) = watch::channel(first);
        let events = self.metrics.events();
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        events.live_segments_max.set(whole(self.bounds.segments));
        events.live_bytes_max.set(whole(self.bounds.bytes));
        let follow = Follow {
            book: book.unwrap_or_default(),
            end: led.end,
            sight: led.sight,
            client: self.client.clone(),
            directory: led.view,
            outside: outside.clone(),
            compaction: Compaction::new(snapshots, self.thresholds, led.reading.since_snapshot()),
            reading: led.reading,
            machine: self.machine,
            metrics: self.metrics.clone(),
        };
        let mut followed = beside(self.machine, follow, other)?;
        let rewound = look_outside(self.client.clone(), outside, reached_seen, first_live);
        let leader = Leader {
            client: self.client,
            desk,
            journal,
            lease,
            metrics: self.metrics,
            clock: led.clock,
            questions: self.questions,
            guarded: guarded_seen,
            pile: Pile::new(first, sizes, self.bounds),
            first_live: first_live_seen,
            over,
            reached,
        };
        // Whoever is rewound under its feet ends as in a crash, and finds out at its next start.
        tokio::select! {
            biased;
            why = rewound => Err(LifeError::Barred(why)),
            why = &mut followed => Err(ended(why)),
            led = lead::lead(leader, stop) => {
                led?;
                // What is durable goes into the view too, if that is soon done.
                let _ = tokio::time::timeout(STOP_WAIT, followed).await;
                Ok(())
            }
        }
    }

    /// Until the books are open. Where nobody may lead, it says so and tries again, without the
    /// lease: whoever restores the books needs it.
    async fn open(
        &self,
        lease: &Lease,
        journal: &mut ClusterJournal,
        snapshots: &Snapshots,
    ) -> Result<(Led, Outside), OpenError> {
        let mut is_barred = false;
        loop {
            self.stand_by(lease, is_barred).await;
            let here = match cluster_uid(&self.client).await {
                Ok(here) => here,
                Err(error) => {
                    tracing::warn!(%error, "the UID of namespace kube-system can't be read yet");
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
            };
            let mut outside = Outside::new(self.archive_dir.as_deref(), here);
            let opening = startup::open(
                &mut outside,
                journal,
                snapshots,
                &self.data_dir,
                self.clock_factor,
                self.machine,
            );
            let opened = lease.kept_while(opening).await;
            let why = match opened {
                Ok(led) => return Ok((led, outside)),
                Err(error) => error.barred().ok_or(error)?,
            };
            tracing::error!(why, "nobody may lead");
            is_barred = true;
            self.readiness
                .send_replace(Readiness::NotReady(vec![why.clone()]));
            barred::tell(&self.client, self.settings.language, &why).await;
            lease.release().await;
            tokio::time::sleep(LOOK_WHILE_LEADING).await;
        }
    }

    /// Until nothing is missing and the lease is held.
    async fn stand_by(&self, lease: &Lease, is_barred: bool) {
        self.wait_until_complete().await;
        if !is_barred {
            self.readiness.send_replace(Readiness::Standby);
        }
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

/// Has the books' shadow follow beside everything else.
fn beside(machine: Machine, follow: Follow, other: Other) -> io::Result<Followed> {
    let (end, followed) = oneshot::channel();
    let work = async move {
        // Nobody listens any more once the process ends.
        let _ = end.send(follow.live(other).await);
    };
    (machine.beside)(Box::pin(work))?;
    Ok(followed)
}

/// Why a shadow ended while the loop goes on.
fn ended(why: Result<Result<(), ShadowError>, oneshot::error::RecvError>) -> LifeError {
    match why {
        Ok(Err(ShadowError::Rewound(rewound))) => LifeError::Barred(rewound.into()),
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) | Err(_) => ShadowError::Gone.into(),
    }
}

/// Until the journal turns out to lack what this leader has written, or to go on elsewhere.
async fn look_outside(
    client: Client,
    outside: Outside,
    reached: watch::Receiver<Position>,
    first_live: watch::Sender<u64>,
) -> Barred {
    let journal = edugrid_archiver::journal::ClusterJournal::new(client);
    loop {
        tokio::time::sleep(LOOK_WHILE_LEADING).await;
        let end = *reached.borrow();
        if let Ok(Some(first)) = journal.first().await {
            first_live.send_replace(first);
        }
        match outside.check_live(&journal, end).await {
            Ok(()) => {}
            // An archive that can't be read for a while says nothing.
            Err(Barred::Archive(error)) => tracing::warn!(%error, "the archive can't be read"),
            Err(barred) => return barred,
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
    over: watch::Receiver<Option<String>>,
) {
    loop {
        tokio::time::sleep(LOOK_WHILE_LEADING).await;
        let missing = startup::missing(&client).await;
        if missing.server.is_empty() || !missing.policies.is_empty() {
            // Too full a journal stops admission like a missing policy; the leader stays ready.
            let full = over.borrow().clone();
            guarded.send_replace(missing.policies.iter().cloned().chain(full).collect());
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
