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
            for settled in keys.iter().filter_map(|key| self.settled.remove(key)) {
                // Only what paid for an attempt counted the job.
                for (name, _) in &settled.payments.vouchers {
                    if let Some(voucher) = self.vouchers.get_mut(name) {
                        voucher.by_job.remove(job);
                    }
                }
            }
            self.last_attempts.remove(job);
            self.known.forget_job(job);
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
