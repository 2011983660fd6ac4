//! What a job's object says of itself, and how the write of its status stands (A6). It must not know what the status
//! says.

use edugrid_crds::job_status::Phase;
use edugrid_units::{ReasonCode, Stamp};
use tokio::time::Instant;

use crate::fingerprint::Prints;

/// What a job's object says of itself, as far as it decides whether a write is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `status.phase`.
    pub phase: Option<Phase>,
    /// Length of `status.attempts`.
    pub attempts: usize,
    /// `status.reason`.
    pub reason: Option<String>,
    /// Of which version of the object this is; versions are numbers that grow.
    pub version: u64,
    /// By what the rest is known again.
    pub prints: Prints,
}

/// Whether the status should be written (A6).
#[derive(Clone, Debug, Default)]
pub struct Telling {
    /// A write is due.
    pub due: bool,
    /// A write is under way.
    pub under_way: bool,
    /// The version at which the last write of this leader stands, and its print.
    pub told: Option<(u64, u64)>,
    /// The print of the write under way.
    pub asked: u64,
    /// An epoch that somebody raised by hand, under which is written since it may never go down (A4).
    pub epoch: Option<i64>,
    /// The code that the engine gave last, and since when in real time.
    pub waits: Option<(ReasonCode, Stamp)>,
    /// Since when a write is due, for the metric.
    pub due_since: Option<Instant>,
    /// Since when the write under way was due.
    pub asked_since: Option<Instant>,
    /// When the engine first heard of it as a job that nothing of its own holds back, until
    /// its admission; for the metric.
    pub queued: Option<Instant>,
}

impl Telling {
    /// A write is due from now on, unless it was before.
    pub fn is_due(&mut self) {
        self.due = true;
        self.due_since.get_or_insert_with(Instant::now);
    }

    /// Whether this leader has written nothing of it yet, and is not about to.
    pub fn is_untouched(&self) -> bool {
        self.told.is_none() && !self.due && !self.under_way
    }

    /// Whether the object says something else than what this leader wrote last.
    pub fn is_edited(&self, seen: &Seen) -> bool {
        let told = self.told.filter(|_| !self.due && !self.under_way);
        told.is_some_and(|(version, print)| seen.version > version && seen.prints.whole != print)
    }
}

/// A version of an object as a number, which it is by Kubernetes' own rules since 1.35.
pub fn number(version: Option<&str>) -> u64 {
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}
