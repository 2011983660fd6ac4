//! Statuses of jobs that somebody changed by hand, while no policy refused it: told, and written again from the books.
//!
//! An epoch above this leader's means that a later one has written (A4), or that somebody raised it. The journal decides:
//! a later leader's first act is a segment, so if a batch that is taken after the look at that status still becomes
//! durable, no later leader was there when it was written. From then on the job's statuses carry the raised epoch, since
//! it may never go down; whoever leads next proves it anew.

use std::collections::BTreeMap;

use edugrid_units::JobUid;

use super::Desk;

/// Jobs whose status says a later epoch than this leader's, by the epoch.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Seen since the last batch was taken.
    seen: BTreeMap<JobUid, i64>,
    /// Seen before the batch under way was taken.
    proving: BTreeMap<JobUid, i64>,
}

impl Doubts {
    /// Whether a batch is wanted that decides.
    pub(super) fn is_waiting(&self) -> bool {
        !self.seen.is_empty()
    }

    /// A batch is taken: it decides what was seen until now.
    pub(super) fn batch_taken(&mut self) {
        self.proving = std::mem::take(&mut self.seen);
    }
}

impl Desk {
    /// A status was not written since the object says a later epoch.
    pub(super) fn outranked(&mut self, uid: &JobUid, epoch: i64) {
        tracing::warn!(%uid, epoch, own = self.epoch, "a job's status says a later epoch, the journal will decide");
        self.doubts.seen.insert(uid.clone(), epoch);
    }

    /// A batch is durable: no later leader was there when the epochs were seen that it decides.
    pub(super) fn doubts_decided(&mut self) {
        for (uid, epoch) in std::mem::take(&mut self.doubts.proving) {
            tracing::error!(%uid, epoch, "status.epoch was raised by hand: the status is written again under it");
            if let Some(job) = self.jobs.get_mut(&uid) {
                job.telling.epoch = Some(epoch);
                job.telling.is_due();
                self.untold.insert(uid);
            }
        }
    }

    /// Writes a status again that is not what this leader wrote last, or, of what it has not written yet, that is behind
    /// the books; at most once a tick, whoever changes it however often.
    pub(super) fn put_right(&mut self, uid: &JobUid) {
        if let Some(job) = self.jobs.get(uid).filter(|job| job.telling.is_untouched())
            && (job.lags() || self.differs_from_books(job))
        {
            self.untold_later.insert(uid.clone());
            return;
        }
        let Some(job) = self.jobs.get_mut(uid).filter(|job| job.is_edited()) else {
            return;
        };
        let (namespace, name) = (&job.identity.namespace, &job.identity.name);
        tracing::warn!(%uid, namespace, name, "a job's status was changed by somebody else and is written again");
        job.telling.is_due();
        self.untold_later.insert(uid.clone());
    }
}

#[cfg(test)]
#[path = "edited_tests.rs"]
mod tests;
