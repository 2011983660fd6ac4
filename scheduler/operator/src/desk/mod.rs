//! The desk: all state of a leading operator and the plain functions that change it
//! (HOUSE, shape 4). Engine, books and the index of the cluster lie on it side by side.
//!
//! Flow of one turn, driven by [`crate::lead`]:
//! 1. [`Desk::apply`] notes what happened.
//! 2. [`Desk::step`], only while no batch is under way: settles, starts, posts and
//!    schedules, all staged in the books, and hands out one [`Batch`] (A3).
//! 3. When the batch is durable, [`Desk::appended`] draws its consequences (A1).
//! 4. [`Desk::writes`] hands out what should now stand in the cluster.
//!
//! Guarantees: no write leaves before the batch that it follows from is durable; after a
//! crash the same writes are said again, from the journal and the cluster alone.
//! It never waits and never fails: what is wrong with an object is told in the object.

mod answer;
mod counts;
mod drive;
mod edited;
mod effects;
mod explanation;
#[cfg(test)]
pub(crate) mod fixture;
mod forget;
mod guard;
mod homes;
mod intake;
mod measure;
mod money;
mod namespaces;
mod past;
mod pools;
mod queue;
pub(crate) mod statements;
mod statuses;
mod tell;
mod templates;
mod uses;
mod vouchers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::namespaces::{NamespaceFacts, Rebinding};
use edugrid_core::{Event, Past, World};
use edugrid_ledger::{Batch, Books};
use edugrid_units::{
    AttemptKey, JobUid, Language, NodeName, PoolName, RoleName, Seconds, Stamp, TenantName,
};

pub use past::{FairShare, recalled};
pub use statements::{Recalled, Recollection};

use crate::{
    attempt::{Attempt, Wish},
    change::{Change, Wake},
    clock::Ticker,
    jobs::Job,
    metrics::Metrics,
    requests::PodRequest,
    shadow::Shadow,
    writes::{QUEUE_MAX, Write},
};

/// Kinds that are watched; the desk acts when each has told all that exists.
pub const WATCHED: usize = 11;
/// Bounded operations of the engine in one step (O6).
const OPERATIONS_PER_STEP: u32 = 20_000;
/// One `Alive` command in so much real time (A2).
const ALIVE_EVERY: Seconds = Seconds(60);

/// What a moment in time is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// An attempt's walltime, or its last moment to start.
    Attempt(AttemptKey),
    /// A job has run long enough for its status to say so (A6).
    TellRunning(JobUid),
    /// A finished job's object goes.
    Remove(JobUid),
}

/// See the module.
pub struct Desk {
    ticker: Ticker,
    epoch: u64,
    world: World,
    books: Books,
    shadow: Shadow,
    metrics: Metrics,

    jobs: BTreeMap<JobUid, Job>,
    attempts: BTreeMap<AttemptKey, Attempt>,
    /// Attempts of which something has changed since they were looked at.
    restless: BTreeSet<AttemptKey>,
    /// Jobs whose status is due.
    untold: BTreeSet<JobUid>,
    /// Attempts and statuses of which a write failed: again with the next tick.
    later: BTreeSet<AttemptKey>,
    untold_later: BTreeSet<JobUid>,
    timers: BTreeSet<(Stamp, Timer)>,

    own_pods: BTreeMap<String, AttemptKey>,
    natives: BTreeMap<String, (AttemptKey, RoleName)>,
    foreign: BTreeMap<NodeName, BTreeMap<String, PodRequest>>,
    foreign_nodes: BTreeMap<String, NodeName>,
    /// Nodes that are gone or don't answer: what runs there is not confirmed (A2).
    silent_nodes: BTreeSet<NodeName>,
    namespaces: BTreeMap<String, NamespaceFacts>,
    rebinding: Rebinding,
    devices: BTreeMap<PoolName, String>,
    tenants: homes::Tenants,
    pools: pools::Pools,
    money: money::Money,
    templates: templates::Templates,
    guard: guard::Guard,
    doubts: edited::Doubts,
    statuses: statuses::Statuses,
    tallies: BTreeMap<TenantName, counts::Tally>,
    faults: counts::Faults,
    /// The order that answers rest on.
    ordered: Option<answer::Ordered>,
    /// Of what is written into jobs for people.
    language: Language,
    fair_share: FairShare,

    /// Which watches have told all that exists, by their place: one that is interrupted tells it again.
    synced: [bool; WATCHED],
    schedule_again: bool,
    look_for_due: bool,
    alive_at: Stamp,
    forgot_at: Stamp,
    outbox: VecDeque<Write>,
}

/// What the journal told a new leader.
pub struct Replayed {
    /// The leader's own epoch.
    pub epoch: u64,
    /// The books.
    pub books: Books,
    /// Who is told of what is durable, and tells of the past.
    pub shadow: Shadow,
    /// What was borrowed (O3).
    pub past: Past,
}

/// What an administrator chose.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of what is written into jobs for people.
    pub language: Language,
    /// How the past counts.
    pub fair_share: FairShare,
}

impl Desk {
    /// A desk with the books as replayed; the engine learns of open attempts (A2) and of what
    /// was borrowed here, of everything else from the watches.
    pub fn new(ticker: Ticker, replayed: Replayed, metrics: Metrics, settings: Settings) -> Self {
        let Replayed {
            epoch,
            books,
            shadow,
            past,
        } = replayed;
        let Settings {
            language,
            fair_share,
        } = settings;
        let now = ticker.clock().now();
        let mut desk = Self {
            alive_at: ticker.clock().real_now(),
            forgot_at: Stamp(0),
            ticker,
            epoch,
            world: World::with_past(past),
            books,
            shadow,
            metrics,
            jobs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            restless: BTreeSet::new(),
            untold: BTreeSet::new(),
            later: BTreeSet::new(),
            untold_later: BTreeSet::new(),
            timers: BTreeSet::new(),
            own_pods: BTreeMap::new(),
            natives: BTreeMap::new(),
            foreign: BTreeMap::new(),
            foreign_nodes: BTreeMap::new(),
            silent_nodes: BTreeSet::new(),
            namespaces: BTreeMap::new(),
            rebinding: Rebinding::new(),
            devices: BTreeMap::new(),
            tenants: homes::Tenants::default(),
            pools: pools::Pools::default(),
            money: money::Money::default(),
            templates: templates::Templates::default(),
            guard: guard::Guard::since(now),
            doubts: edited::Doubts::default(),
            statuses: statuses::Statuses::default(),
            tallies: BTreeMap::new(),
            faults: counts::Faults::default(),
            ordered: None,
            language,
            fair_share,
            synced: [false; WATCHED],
            schedule_again: false,
            look_for_due: true,
            outbox: VecDeque::new(),
        };
        desk.engine(Event::PastWeight(fair_share.past_weight));
        desk.reopen_attempts();
        desk.metrics
            .epoch
            .set(i64::try_from(epoch).unwrap_or(i64::MAX));
        desk
    }

    /// Whether every watch has told all that exists: only then an absence means anything.
    pub fn is_synced(&self) -> bool {
        self.synced.iter().all(|told| *told)
    }

    /// Notes an event.
    pub fn apply(&mut self, wake: Wake) {
        match wake {
            Wake::Change(change) => self.change(*change),
            Wake::Done(done) => self.done(*done),
            Wake::Asked(asked) => self.answer(asked),
            Wake::Guarded(faults) => self.looked(faults),
            Wake::Tick => self.tick(),
        }
    }

    /// Stages everything that can be decided now. `None`: nothing is to be written.
    /// Not to be called while a batch is under way (A3).
    pub fn step(&mut self) -> Option<Batch> {
        if !self.is_synced() {
            return None;
        }
        self.ring_timers();
        self.drive();
        if self.guard.is_whole() {
            self.post_money();
        }
        self.confirm_alive();
        self.post_due();
        self.forget_gone();
        let now = self.ticker.tick();
        let plan = self
            .world
            .schedule(now, OPERATIONS_PER_STEP, &mut self.books);
        self.schedule_again = plan.more;
        self.stop(plan.stops);
        if self.guard.is_whole() {
            self.note_ownership();
        }
        let batch = self.books.take_batch();
        if batch.is_some() {
            self.doubts.batch_taken();
        }
        batch
    }

    /// Whether [`step`](Self::step) has work left that no event announces.
    pub fn is_restless(&self) -> bool {
        self.is_synced() && (self.schedule_again || !self.restless.is_empty())
    }

    /// The next writes, at most `room`.
    pub fn writes(&mut self, room: usize) -> Vec<Write> {
        if self.is_synced() {
            self.tell();
        }
        let count = room.min(QUEUE_MAX).min(self.outbox.len());
        let writes: Vec<Write> = self.outbox.drain(..count).collect();
        writes.iter().for_each(|write| self.statuses.note(write));
        writes
    }

    /// Whether writes wait for room.
    pub fn has_writes(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// What the user wants of the attempt's job. A job that nobody has told of is gone (A7).
    fn wish(&self, key: &AttemptKey) -> Wish {
        self.jobs.get(&key.job).map_or(Wish::Gone, |job| job.wish)
    }

    fn change(&mut self, change: Change) {
        if let Some(watch) = change.synced()
            && let Some(told) = self.synced.get_mut(watch)
        {
            *told = true;
        }
        match change {
            Change::Tenant(seen) => self.see_tenant(seen),
            Change::Pool(seen) => self.see_pool(seen),
            Change::Class(seen) => self.see_class(seen),
            Change::Voucher(seen) => self.see_voucher(seen),
            Change::FundingLine(seen) => self.see_funding_line(seen),
            Change::PriceBook(seen) => self.see_price_book(seen),
            Change::Namespace(seen) => self.see_namespace(seen),
            Change::Job(seen) => self.see_job(*seen),
            Change::Node(seen) => self.see_node(seen),
            Change::Pod(seen) => self.see_pod(seen),
            Change::Native(seen) => self.see_native(seen),
        }
    }

    fn tick(&mut self) {
        self.schedule_again = true;
        self.look_for_due = true;
        self.rebind_namespaces();
        self.note_reasons();
        self.retry_templates();
    }

    fn ring_timers(&mut self) {
        let now = self.ticker.clock().now();
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((_, timer)) = self.timers.pop_first()
        {
            match timer {
                Timer::Attempt(key) => {
                    self.restless.insert(key);
                }
                Timer::TellRunning(job) => self.tell_running(&job),
                Timer::Remove(job) => self.remove(&job),
            }
        }
    }

    /// Once a minute, that what runs still runs: the last confirmed instant (A2).
    fn confirm_alive(&mut self) {
        let real = self.ticker.clock().real_now();
        if real.seconds_since(self.alive_at) < ALIVE_EVERY {
            return;
        }
        self.alive_at = real;
        let started = self
            .attempts
            .values()
            .filter(|attempt| attempt.started.is_some());
        let (mut confirmed, mut except) = (false, Vec::new());
        for attempt in started {
            if attempt.runs_on_any(&self.silent_nodes) {
                except.push(attempt.key().clone());
            } else {
                confirmed = true;
            }
        }
        if confirmed || self.doubts.is_waiting() {
            let at = self.ticker.tick();
            self.stage(at, edugrid_ledger::Command::Alive { at, except });
        }
    }

    /// Interim charges and expiries whose time has come (L5, L8); looked for once a tick,
    /// since it takes a step per open attempt.
    fn post_due(&mut self) {
        if !std::mem::take(&mut self.look_for_due) {
            return;
        }
        let now = self.ticker.tick();
        for command in self.books.due(now) {
            self.stage(now, command);
        }
    }

    /// Stages a command that cannot be refused unless the operator itself is wrong: then
    /// it is told and left, since the rest of the books must go on.
    fn stage(&mut self, now: Stamp, command: edugrid_ledger::Command) -> bool {
        let verb = command.verb();
        match self.books.stage(now, command) {
            Ok(_) => true,
            Err(refused) => {
                tracing::error!(verb, %refused, "the books refuse a command");
                false
            }
        }
    }
}
