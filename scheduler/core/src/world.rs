//! The world: all that the engine knows, changed by events and nothing else (N2).
//!
//! Flow: [`World::apply`] takes one event and never fails; what it names and does not
//! exist is remembered and becomes a reason. Counters follow open admissions (Q7) in
//! O(depth); a change of tenants or pools only marks them, and the next step builds
//! them anew, so that a thousand tenants at start cost one rebuild. Until then readers
//! see tenants and counters as the last step left them.
//!
//! It must not know a client, a clock, or money.

mod apply;
mod crowd;
mod cuts;
mod open;
mod places;
mod resolve;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_units::{
    Admission, AttemptKey, ClassName, JobUid, NodeName, Ownership, PoolName, Ratio, Reason,
    ReasonCode, RolePlacement, Stamp, Subject, TenantName,
};

use cuts::Cuts;

pub use cuts::TakingBack;
use places::{Entry, Poor};

pub(crate) use open::Open;
pub(crate) use resolve::{Choice, Fitness, Resolution, Resolved};

use crate::{
    past::{Past, PastEvent},
    queue::{ClassSpec, GroupId, Groups, JobSpec, Lines, Order, ShapeId, Waitlist},
    quota::PoolIx,
    share::Standing,
    tenants::TenantSpec,
    topology::{NodeResources, NodeSpec, PoolSpec, Topology},
};

/// Something that happened. Repeated events change nothing; order between objects
/// that name each other does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A tenant is there, or has changed.
    TenantSet(Box<TenantSpec>),
    /// A tenant is gone. Its open admissions go on and count on the nearest tenant of
    /// their path that is left.
    TenantGone(TenantName),
    /// A pool is there, or has changed.
    PoolSet(Box<PoolSpec>),
    /// A pool is gone. Its open admissions go on.
    PoolGone(PoolName),
    /// A class is there, or has changed.
    ClassSet(Box<ClassSpec>),
    /// A class is gone.
    ClassGone(ClassName),
    /// A node is there, or has changed.
    NodeSet(Box<NodeSpec>),
    /// A node is gone.
    NodeGone(NodeName),
    /// What pods that are not ours hold on a node, all together (Q4).
    ForeignUse {
        /// The node.
        node: NodeName,
        /// What they hold.
        used: NodeResources,
    },
    /// An unfinished job is there, or has changed. Changes nothing of an admission.
    JobSet(Box<JobSpec>),
    /// A job's object is gone. An open admission of it stays until it ends (A7).
    JobGone(JobUid),
    /// An admission from the journal is open (A2): it counts whatever the objects say.
    Admitted(Box<AdmittedAttempt>),
    /// Where the pods of an attempt really are, in place of the plan (P7).
    Bound {
        /// The attempt.
        key: AttemptKey,
        /// All its roles.
        placement: Vec<RolePlacement>,
    },
    /// An attempt is being stopped, for whatever reason. It holds what it holds until it
    /// has ended; that it goes is counted when others are to be stopped (Q3).
    Stopping(AttemptKey),
    /// An attempt ended: what it held is free.
    Ended {
        /// The attempt.
        key: AttemptKey,
        /// When its job may be tried again, where it has to back off (P8).
        not_before: Option<Stamp>,
        /// Whether the job is finished with it; otherwise it waits for its next attempt.
        finished: bool,
    },
    /// The books changed: what money refused may pass now.
    MoneyChanged,
    /// Whether admissions can be written down.
    Ledger(LedgerState),
    /// What an entry of the journal says of who used and owned how much, once it is durable:
    /// all of them, in the journal's order, also at a start (O3).
    Past(Box<PastEvent>),
    /// How much the past counts beside the present in shares (O3's κ).
    PastWeight(Ratio),
}

/// An open admission as the journal tells it (A2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedAttempt {
    /// The admission.
    pub admission: Admission,
    /// Where its pods really are, if that is recorded (P7).
    pub bound: Option<Vec<RolePlacement>>,
}

/// Whether admissions can be written down: the first check of W.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// They can.
    #[default]
    Ready,
    /// They can't, or must not, for the reason given.
    Unavailable(String),
    /// The journal is older than its published head: nobody may continue it.
    Rewound,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Something of its own holds it back.
    Parked(Arc<Reason>),
    /// It is in the order.
    Waiting(GroupId),
    /// An attempt of it is admitted.
    Open(AttemptKey),
    /// It is done; only its object is left.
    Finished,
}

/// A job whose object is there.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub spec: JobSpec,
    pub state: JobState,
    /// Since when nothing of the user's own held it back (O5); kept over attempts.
    pub eligible: Stamp,
    /// When it last came off a hold, if it was on one.
    released: Option<Stamp>,
    /// The number of its next attempt.
    pub next_attempt: u32,
    back_off: Option<Stamp>,
    timer: Option<Stamp>,
    /// It counts among those that wait (Q5): nothing of its own holds it back.
    counted: bool,
}

/// The engine's state.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub(crate) now: Stamp,
    pub(crate) tenants: BTreeMap<TenantName, TenantSpec>,
    pub(crate) classes: BTreeMap<ClassName, ClassSpec>,
    pub(crate) topology: Topology,
    pub(crate) standing: Standing,
    /// Tenants or pools changed since the standing was built.
    stale: bool,
    /// Counts how often the standing was built: indices into it are of one epoch.
    pub(crate) epoch: u64,
    /// The epoch of which the journal was told who owns how much.
    recorded: u64,
    /// Counts changes of tenants, classes, pools and what may ever fit.
    pub(crate) facts: u64,
    pub(crate) groups: Groups,
    pub(crate) resolved: BTreeMap<GroupId, Resolved>,
    pub(crate) fitness: BTreeMap<(ShapeId, PoolIx), Fitness>,
    pub(crate) jobs: BTreeMap<JobUid, Job>,
    pub(crate) open: BTreeMap<AttemptKey, Open>,
    timers: BTreeSet<(Stamp, JobUid)>,
    waitlist: Waitlist,
    /// What every waiting job is told while nothing can be written down.
    pub(crate) ledger_reason: Option<Arc<Reason>>,
    /// Groups that are to be put into lines.
    pub(crate) fresh: BTreeSet<GroupId>,
    pub(crate) entries: BTreeMap<GroupId, Entry>,
    pub(crate) lines: Lines,
    poor: Poor,
    cuts: Cuts,
    /// The facts as of which groups were put into lines.
    entered: u64,
    /// Per pool, the room in which shapes were last tried.
    rooms_seen: Vec<u64>,
    /// The queue as people read it, if anybody has since the last change.
    pub(crate) order: OnceCell<Arc<Order>>,
}

impl World {
    /// A world with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A world of which nothing is known but what was borrowed, as the journal tells it.
    pub fn with_past(past: Past) -> Self {
        Self {
            standing: Standing::with_past(past),
            ..Self::default()
        }
    }

    /// When [`World::schedule`] should next be called even if nothing happens: the
    /// earliest `startAfter`, back-off or delay after a cut that ends, or the next minute
    /// for who can't pay.
    pub fn next_timer(&self) -> Option<Stamp> {
        let job = self.timers.first().map(|(at, _)| *at);
        let others = self.next_money().into_iter().chain(self.next_cut());
        job.into_iter().chain(others).min()
    }

    /// What was borrowed in the past, as far as the journal was followed.
    pub fn past(&self) -> &Past {
        self.standing.past()
    }

    /// What of who owns how much the journal has to be told, once for each change of it; an
    /// answer must become an entry, and that an [`Event::Past`] (O3).
    pub fn unrecorded(&mut self) -> Option<Ownership> {
        let is_new = std::mem::replace(&mut self.recorded, self.epoch) != self.epoch;
        is_new.then(|| self.standing.unrecorded(self.now)).flatten()
    }

    /// Time never goes back (N2). Every change begins here.
    pub(crate) fn advance(&mut self, now: Stamp) {
        self.order.take();
        let second = self.now.seconds();
        self.now = self.now.max(now);
        if self.now.seconds() != second {
            self.standing.set_now(self.now);
        }
    }

    fn set_ledger(&mut self, state: LedgerState) {
        let reason = match state {
            LedgerState::Ready => None,
            LedgerState::Unavailable(why) => {
                Some(Reason::new(ReasonCode::LedgerUnavailable).about(Subject::Words(why)))
            }
            LedgerState::Rewound => Some(Reason::new(ReasonCode::LedgerRewound)),
        };
        self.ledger_reason = reason.map(Arc::new);
    }
}
