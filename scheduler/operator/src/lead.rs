//! The loop of a leading operator: select what happened, then change state synchronously
//! (HOUSE, shape 4). Async is only in this room and at the rims.

use std::time::Duration;

use edugrid_crds::labels;
use edugrid_ledger::{AppendError, Batch, Position, SegmentStore};
use kube::{Api, Client};
use tokio::{
    sync::{mpsc, oneshot, watch as state},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    change::{Change, NativeFact, Wake},
    clock::Clock,
    desk::Desk,
    journal::ClusterJournal,
    lease::{Held, Lease},
    metrics::{Events, Metrics},
    pile::Pile,
    pods,
    translate::tenancy,
    visibility::Asked,
    watch::{self, Seen},
    writes::{self, Done, QUEUE_MAX, Write},
};

/// Changes that wait for the loop; a full channel pauses the watches.
const CHANGES_MAX: usize = 4096;
/// Events that one turn takes before it acts on them.
const EVENTS_PER_TURN: usize = 1024;
/// Between ticks.
const TICK: Duration = Duration::from_millis(500);
/// Between two looks for the metrics at the least, a little less than two ticks.
const MEASURE_EVERY: Duration = Duration::from_millis(900);
/// What a look takes of the loop's time is at most one part of so many.
const MEASURING_SHARE: u32 = 50;
/// Longest wait for what is under way when the operator is asked to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Why a leader stops leading.
#[derive(Debug, thiserror::Error)]
pub enum LeadError {
    /// The lease is lost, or can't be renewed.
    #[error("the lease is lost")]
    LeaseLost,
    /// The journal went on without this leader, or refuses it (A3).
    #[error("the journal can't be continued")]
    Journal(#[from] AppendError),
    /// Memory and journal disagree.
    #[error("the books are not those of the journal")]
    Books(#[from] edugrid_ledger::NotInFlight),
    /// A part of the operator ended that never should.
    #[error("{0} ended")]
    PartEnded(&'static str),
}

/// What a leader needs.
pub struct Leader {
    /// The client, without a rate limit.
    pub client: Client,
    /// The state.
    pub desk: Desk,
    /// Where batches go.
    pub journal: ClusterJournal,
    /// The lease that is held.
    pub lease: Lease,
    /// What is counted.
    pub metrics: Metrics,
    /// The clock of the book.
    pub clock: Clock,
    /// Questions from the visibility API.
    pub questions: mpsc::Receiver<Asked>,
    /// What of the journal is in etcd.
    pub pile: Pile,
    /// The first segment that is there, as often as somebody looks.
    pub first_live: state::Receiver<u64>,
    /// Why nothing may be admitted, if too much of the journal is in etcd.
    pub over: state::Sender<Option<String>>,
    /// How far the journal reaches, for who looks whether it still does.
    pub reached: state::Sender<Position>,
    /// What each look at the policies found missing or altered (L12).
    pub guarded: state::Receiver<Vec<String>>,
}

/// Leads until told to stop, or until something says that this process must not go on.
///
/// # Errors
/// With the reason; the process should then end, since what it holds in memory may be
/// behind the journal.
pub async fn lead(leader: Leader, stop: impl Future<Output = ()>) -> Result<(), LeadError> {
    let Leader {
        client,
        mut desk,
        journal,
        lease,
        metrics,
        clock,
        mut questions,
        mut guarded,
        pile,
        first_live,
        over,
        reached,
    } = leader;
    let mut tasks = JoinSet::new();
    let (changes_in, mut changes) = mpsc::channel(CHANGES_MAX);
    watch_all(&client, clock, metrics.events(), &changes_in, &mut tasks);
    let (writes_in, writes_out) = mpsc::channel(QUEUE_MAX);
    let (answers_in, mut answers) = mpsc::channel(QUEUE_MAX);
    let held = lease.held();
    let writer = writes::run(
        client,
        held.clone(),
        metrics.events().clone(),
        writes_out,
        answers_in,
    );
    tasks.spawn(writer);
    let mut turn = Turn {
        journal,
        metrics,
        clock,
        pile,
        first_live,
        over,
        reached,
        appending: None,
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut measuring = Measuring::default();
    let keep = lease.keep();
    tokio::pin!(stop, keep);
    loop {
        let again = desk.is_restless() && turn.appending.is_none();
        // Who asks before all is read would hear that there is no such thing; so he waits.
        let knows_all = desk.is_synced();
        let wake = tokio::select! {
            biased;
            () = &mut stop => break,
            () = &mut keep => return Err(LeadError::LeaseLost),
            appended = turn.appended() => {
                turn.consequences(appended, &mut desk)?;
                None
            }
            Some(change) = changes.recv() => Some(Wake::Change(Box::new(change))),
            Some(done) = answers.recv() => Some(Wake::Done(Box::new(done))),
            Ok(()) = guarded.changed() => Some(Wake::Guarded(guarded.borrow_and_update().clone())),
            Some(asked) = questions.recv(), if knows_all => Some(Wake::Asked(asked)),
            _ = ticks.tick() => Some(Wake::Tick),
            Some(_) = tasks.join_next() => return Err(LeadError::PartEnded("a watch or the writer")),
            () = std::future::ready(()), if again => None,
        };
        let is_tick = matches!(wake, Some(Wake::Tick));
        if let Some(wake) = wake {
            desk.apply(wake);
        }
        drain(&mut desk, &mut changes, &mut answers);
        if !held.is_valid() {
            return Err(LeadError::LeaseLost);
        }
        turn.take(&mut desk, &held);
        if send(&mut desk, &writes_in)? {
            turn.metrics.writes_overflowed.inc();
        }
        if is_tick {
            turn.weigh();
            measuring.tick(&mut desk);
        }
    }
    wind_up(&mut desk, &mut turn, writes_in, &mut tasks).await?;
    lease.release().await;
    Ok(())
}

/// When the numbers for Prometheus are taken: walking over everything may cost the loop no
/// more than a fiftieth of its time.
#[derive(Debug, Default)]
struct Measuring {
    due: Option<Instant>,
    took: Duration,
}

impl Measuring {
    fn tick(&mut self, desk: &mut Desk) {
        let began = Instant::now();
        if self.due.is_some_and(|due| began < due) {
            return;
        }
        desk.measure(self.took.as_secs_f64());
        self.took = began.elapsed();
        let rest = self.took.saturating_mul(MEASURING_SHARE).max(MEASURE_EVERY);
        self.due = Some(began + rest);
    }
}

/// The batch under way (A3).
struct Turn {
    journal: ClusterJournal,
    metrics: Metrics,
    clock: Clock,
    pile: Pile,
    first_live: state::Receiver<u64>,
    over: state::Sender<Option<String>>,
    reached: state::Sender<Position>,
    appending: Option<Appending>,
}

struct Appending {
    batch: Batch,
    since: Instant,
    result: oneshot::Receiver<Result<(), AppendError>>,
}

impl Turn {
    /// Waits for the batch under way; for ever if there is none.
    async fn appended(&mut self) -> Result<(), AppendError> {
        match &mut self.appending {
            Some(appending) => match (&mut appending.result).await {
                Ok(result) => result,
                // The task was cancelled: only when the process ends.
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    fn consequences(
        &mut self,
        result: Result<(), AppendError>,
        desk: &mut Desk,
    ) -> Result<(), LeadError> {
        result?;
        if let Some(appending) = self.appending.take() {
            self.count(&appending);
            desk.appended(&appending.batch)?;
            self.reached.send_replace(appending.batch.after());
        }
        Ok(())
    }

    /// Once a tick: what of the journal is in etcd, and whether that is too much.
    fn weigh(&mut self) {
        self.pile.trim(*self.first_live.borrow_and_update());
        let events = self.metrics.events();
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        events.live_segments.set(whole(self.pile.segments()));
        events.live_bytes.set(whole(self.pile.bytes()));
        let over = self.pile.over();
        self.over.send_if_modified(|told| {
            let is_news = *told != over;
            *told = over;
            is_news
        });
    }

    fn count(&mut self, appended: &Appending) {
        let events = self.metrics.events();
        let seconds = appended.since.elapsed().as_secs_f64();
        events.append.observe(seconds);
        #[expect(clippy::cast_precision_loss, reason = "for a histogram (N1)")]
        events
            .batch_entries
            .observe(appended.batch.entries().count() as f64);
        let bytes = appended.batch.segment().payload.len();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.pile.push(bytes);
        events.appended_bytes.inc_by(bytes);
        events.appended_at.set(self.clock.real_now().seconds());
    }

    /// Takes what can be decided now and sends it to the journal.
    fn take(&mut self, desk: &mut Desk, held: &Held) {
        if self.appending.is_some() || !held.is_valid() {
            return;
        }
        let began = Instant::now();
        let batch = desk.step();
        self.metrics.step.observe(began.elapsed().as_secs_f64());
        let Some(batch) = batch else { return };
        let (answer, result) = oneshot::channel();
        let mut journal = self.journal.clone();
        let segment = batch.segment().clone();
        tokio::spawn(async move {
            // The loop is gone only when the process ends.
            let _ = answer.send(journal.append(&segment).await);
        });
        self.appending = Some(Appending {
            batch,
            since: Instant::now(),
            result,
        });
    }
}

/// Takes what else has happened, so that a burst costs one turn.
fn drain(
    desk: &mut Desk,
    changes: &mut mpsc::Receiver<Change>,
    answers: &mut mpsc::Receiver<Done>,
) {
    for _ in 0..EVENTS_PER_TURN {
        if let Ok(change) = changes.try_recv() {
            desk.apply(Wake::Change(Box::new(change)));
        } else if let Ok(done) = answers.try_recv() {
            desk.apply(Wake::Done(Box::new(done)));
        } else {
            return;
        }
    }
}

/// Whether writes are left for which the writer has no room.
fn send(desk: &mut Desk, writer: &mpsc::Sender<Write>) -> Result<bool, LeadError> {
    for write in desk.writes(writer.capacity()) {
        if writer.try_send(write).is_err() {
            return Err(LeadError::PartEnded("the writer"));
        }
    }
    Ok(desk.has_writes())
}

/// A graceful stop: the batch under way and the writes already sent are finished.
async fn wind_up(
    desk: &mut Desk,
    turn: &mut Turn,
    writer: mpsc::Sender<Write>,
    tasks: &mut JoinSet<()>,
) -> Result<(), LeadError> {
    tracing::info!("stopping");
    if turn.appending.is_some()
        && let Ok(result) = tokio::time::timeout(STOP_WAIT, turn.appended()).await
    {
        turn.consequences(result, desk)?;
        send(desk, &writer)?;
    }
    drop(writer);
    // The first task to end is the writer, with its queue done; the watches never do.
    let _ = tokio::time::timeout(STOP_WAIT, tasks.join_next()).await;
    tasks.abort_all();
    Ok(())
}

/// One watch per kind.
fn watch_all(
    client: &Client,
    clock: Clock,
    events: &Events,
    sender: &mpsc::Sender<Change>,
    tasks: &mut JoinSet<()>,
) {
    macro_rules! all {
        ($change:ident) => {
            tasks.spawn(watch::run(
                Api::all(client.clone()),
                None,
                events.clone(),
                clock,
                sender.clone(),
                |seen| Some(Change::$change(seen)),
            ));
        };
    }
    all!(Tenant);
    all!(Pool);
    all!(Class);
    all!(Voucher);
    all!(FundingLine);
    all!(PriceBook);
    all!(Namespace);
    tasks.spawn(watch::run(
        Api::all(client.clone()),
        None,
        events.clone(),
        clock,
        sender.clone(),
        |seen| Some(Change::Job(Box::new(seen))),
    ));
    tasks.spawn(watch::run(
        Api::all(client.clone()),
        None,
        events.clone(),
        clock,
        sender.clone(),
        |seen: Seen<_>| {
            seen.map(|node| Some(tenancy::node(&node)))
                .map(Change::Node)
        },
    ));
    tasks.spawn(watch::run(
        Api::all(client.clone()),
        None,
        events.clone(),
        clock,
        sender.clone(),
        move |seen: Seen<_>| {
            seen.map(|pod| Some(pods::read(&pod, &clock)))
                .map(Change::Pod)
        },
    ));
    tasks.spawn(watch::run(
        Api::all(client.clone()),
        Some(labels::JOB_UID.to_owned()),
        events.clone(),
        clock,
        sender.clone(),
        |seen: Seen<_>| seen.map(|job| NativeFact::read(&job)).map(Change::Native),
    ));
}
