//! What goes wrong, how often, and how often it did. Each seed draws its own mixture, with
//! some faults left out: a run in which everything fails all the time gets nowhere.

use std::{collections::BTreeMap, fmt};

use crate::{network::Fate, random::Random};

/// The most often that a fault of time strikes, of a thousand looks; a run takes some thousand.
const OF_TIME_MOST: u64 = 10;
/// The most often that a fault of messages does, of a thousand messages.
const OF_MESSAGES_MOST: u64 = 100;

/// Everything that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed between two polls; its disk stays as it was handed over.
    Crash,
    /// It is killed and its disk is lost.
    CrashDiskLost,
    /// It is killed and a file on its disk is cut or altered.
    CrashDiskDamaged,
    /// The process is stopped for seconds and goes on where it was.
    Freeze,
    /// It is stopped for longer than its lease.
    FreezePastLease,
    /// Its wall clock jumps.
    ClockJump,
    /// Its disk is full for a while.
    DiskFull,
    /// A request never arrives.
    RequestLost,
    /// A request is carried out, its answer lost.
    AnswerLost,
    /// A request is carried out twice; the second answer arrives.
    RequestDoubled,
    /// 429, 500, 503 or 504, not done.
    Refused,
    /// 500 or 504, done.
    RefusedDone,
    /// A request or answer takes seconds.
    Slow,
    /// Nobody reaches the API server for a while.
    Outage,
    /// A watch ends.
    WatchCut,
    /// It breaks in the middle of a line.
    WatchTorn,
    /// It says 410.
    WatchExpired,
    /// A change is told twice.
    Duplicated,
    /// Two changes are told in the other order.
    Reordered,
    /// Old changes are forgotten: whoever comes late hears 410.
    Compacted,
    /// A node says nothing for a while.
    NodeSilent,
    /// A node is deleted with what runs on it.
    NodeGone,
    /// A policy is taken away for a while.
    PolicyGone,
    /// No fault: the archiver deletes a segment that it has kept and snapshots cover.
    Archived,
    /// Somebody writes into a status what the operator never would.
    StatusEdited,
    /// Somebody deletes a native Job, takes its labels off, or orphans its pods.
    NativeTaken,
    /// Somebody deletes a pod.
    PodTaken,
    /// Somebody deletes a namespace with all that is in it.
    NamespaceGone,
    /// Somebody deletes the lease, or writes himself into it.
    LeaseTaken,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::Crash,
        Self::CrashDiskLost,
        Self::CrashDiskDamaged,
        Self::Freeze,
        Self::FreezePastLease,
        Self::ClockJump,
        Self::DiskFull,
        Self::RequestLost,
        Self::AnswerLost,
        Self::RequestDoubled,
        Self::Refused,
        Self::RefusedDone,
        Self::Slow,
        Self::Outage,
        Self::WatchCut,
        Self::WatchTorn,
        Self::WatchExpired,
        Self::Duplicated,
        Self::Reordered,
        Self::Compacted,
        Self::NodeSilent,
        Self::NodeGone,
        Self::PolicyGone,
        Self::Archived,
        Self::StatusEdited,
        Self::NativeTaken,
        Self::PodTaken,
        Self::NamespaceGone,
        Self::LeaseTaken,
    ];

    /// Whether it is drawn as time passes; the others are as messages go.
    pub fn is_of_time(self) -> bool {
        !matches!(
            self,
            Self::RequestLost
                | Self::AnswerLost
                | Self::RequestDoubled
                | Self::Refused
                | Self::RefusedDone
                | Self::Slow
                | Self::WatchCut
                | Self::WatchTorn
                | Self::WatchExpired
                | Self::Duplicated
                | Self::Reordered
                | Self::Archived
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How often each happens, of a thousand chances, and did.
#[derive(Clone, Debug)]
pub struct Faults {
    often: BTreeMap<Fault, u64>,
    /// How often each has happened.
    pub seen: BTreeMap<Fault, u64>,
    /// No fault happens any more: what moves is to come to rest.
    pub over: bool,
}

impl Faults {
    /// The mixture of a seed.
    pub fn new(random: &mut Random) -> Self {
        let mut often = BTreeMap::new();
        for fault in Fault::ALL {
            let most = if fault.is_of_time() {
                OF_TIME_MOST
            } else {
                OF_MESSAGES_MOST
            };
            if random.per_mille(450) {
                often.insert(fault, random.between(1, most));
            }
        }
        Self {
            often,
            seen: BTreeMap::new(),
            over: false,
        }
    }

    /// Whether it happens now.
    pub fn strikes(&mut self, fault: Fault, random: &mut Random) -> bool {
        let often = self.often.get(&fault).copied().unwrap_or(0);
        let strikes = !self.over && often > 0 && random.per_mille(often);
        if strikes {
            *self.seen.entry(fault).or_default() += 1;
        }
        strikes
    }

    /// Counts one that is not drawn here.
    pub fn note(&mut self, fault: Fault) {
        *self.seen.entry(fault).or_default() += 1;
    }

    /// What becomes of a request.
    pub fn fate(&mut self, random: &mut Random) -> Fate {
        if self.strikes(Fault::RequestLost, random) {
            Fate::Lost
        } else if self.strikes(Fault::AnswerLost, random) {
            Fate::AnswerLost
        } else if self.strikes(Fault::RequestDoubled, random) {
            Fate::Doubled
        } else if self.strikes(Fault::Refused, random) {
            Fate::Refused([429, 500, 503, 504][random.index(4)])
        } else if self.strikes(Fault::RefusedDone, random) {
            Fate::RefusedDone([500, 504][random.index(2)])
        } else {
            Fate::Fine
        }
    }
}
