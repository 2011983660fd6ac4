//! What memory lets go: jobs whose objects are gone, and instants that have passed. The same
//! whether the books are replayed from the start or from a snapshot, since it is a command.

use edugrid_units::{AttemptKey, JobUid, Stamp};

use super::State;

impl State {
    /// Whether an attempt of the job is admitted and hasn't ended.
    pub(super) fn is_open(&self, job: &JobUid) -> bool {
        let first = first_attempt(job);
        let next = self.open.range(first..).next();
        next.is_some_and(|(key, _)| key.job == *job)
    }

    pub(super) fn carry_forget(&mut self, at: Stamp, jobs: &[JobUid]) {
        for job in jobs {
            let of_job = self.settled.range(first_attempt(job)..);
            let keys: Vec<AttemptKey> = of_job
                .map(|(key, _)| key)
                .take_while(|key| key.job == *job)
                .cloned()
                .collect();
            for key in keys {
                self.settled.remove(&key);
            }
            self.last_attempts.remove(job);
            self.known.forget_job(job);
            for voucher in self.vouchers.values_mut() {
                voucher.by_job.remove(job);
            }
        }
        self.known.forget_before(at);
    }
}

fn first_attempt(job: &JobUid) -> AttemptKey {
    AttemptKey {
        job: job.clone(),
        task: 0,
        attempt: 0,
    }
}
