//! What the books need no more (L10, L12): jobs whose objects are gone and whose attempts are
//! settled. A UID never comes back, so nothing of such a job is ever decided again; statements
//! are made of entries, not of this memory.

use std::collections::BTreeSet;

use edugrid_ledger::Command;
use edugrid_units::{JobUid, Seconds};

use super::Desk;

/// Between two looks, in real time.
const FORGET_EVERY: Seconds = Seconds(600);
/// Jobs of one command, so that it stays far below what a segment may hold (L12).
const JOBS_MAX: usize = 2000;

impl Desk {
    /// Once in a while, and only when every watch has told all that exists: before, an object
    /// that nobody has told of may still be there.
    pub(super) fn forget_gone(&mut self) {
        let real = self.ticker.clock().real_now();
        if !self.is_synced() || real.seconds_since(self.forgot_at) < FORGET_EVERY {
            return;
        }
        let open = self.books.open_attempts();
        let open: BTreeSet<&JobUid> = open.map(|attempt| &attempt.admission.key.job).collect();
        let known = self.books.jobs();
        let gone = known.filter(|job| !self.jobs.contains_key(*job) && !open.contains(job));
        let jobs: Vec<JobUid> = gone.take(JOBS_MAX).cloned().collect();
        // A full command is followed by the next one at once.
        if jobs.len() < JOBS_MAX {
            self.forgot_at = real;
        }
        if !jobs.is_empty() {
            let at = self.ticker.tick();
            self.stage(at, Command::Forget { at, jobs });
        }
    }
}
