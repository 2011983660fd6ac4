//! What follows from a durable batch (A1), and from the journal at start (A2).

use std::sync::Arc;

use edugrid_core::{AdmittedAttempt, Event};
use edugrid_ledger::{Admit, Batch, Command, OpenAttempt};
use edugrid_units::{Admission, AttemptKey, JobUid, MicroYuan, Seconds, Stamp};

use super::{Desk, Timer};
use crate::{
    attempt::{Attempt, NOT_STARTED_AFTER},
    history::{Past, Verdict},
};

/// A status says Running only of what has run so long, in real time (A6).
const TELL_RUNNING_AFTER: Seconds = Seconds(5);

impl Desk {
    /// Draws the consequences of a batch that is durable now.
    ///
    /// # Errors
    /// If the books don't know the batch: then they are no longer the journal's, and the
    /// process must end.
    pub fn appended(&mut self, batch: &Batch) -> Result<(), edugrid_ledger::NotInFlight> {
        self.books.committed(batch.segment().sequence)?;
        self.doubts_decided();
        self.shadow.tell(batch);
        for entry in batch.entries() {
            self.note_past(entry);
            match &entry.command {
                Command::Admit(admit) => self.admitted(admit),
                Command::Bound { key, placement } => {
                    let (key, placement) = (key.clone(), placement.clone());
                    if let Some(attempt) = self.attempts.get_mut(&key) {
                        let admission = Admission {
                            placement: placement.clone(),
                            ..(*attempt.admission).clone()
                        };
                        attempt.admission = Arc::new(admission);
                        self.note_last(&key);
                    }
                    self.engine(Event::Bound { key, placement });
                }
                Command::Started { key, at } => self.started(key, *at),
                Command::Stop { key, outcome } => {
                    if let Some(attempt) = self.attempts.get_mut(key) {
                        attempt.stopping = Some((*outcome, entry.at));
                        self.restless.insert(key.clone());
                    }
                    self.set_timer(key);
                }
                Command::End { key, .. } => self.ended(key),
                Command::FundingLine(_)
                | Command::PriceBook(_)
                | Command::Grant(_)
                | Command::VoucherState { .. }
                | Command::Expire { .. } => {
                    self.money.retry();
                    self.engine(Event::MoneyChanged);
                }
                Command::Open(_)
                | Command::Epoch { .. }
                | Command::Alive { .. }
                | Command::Capture { .. }
                | Command::Owned(_)
                | Command::Rebase { .. }
                | Command::Moved { .. }
                | Command::Forget { .. } => {}
            }
        }
        Ok(())
    }

    /// Puts the journal's open attempts on the desk and tells the engine of them (A2).
    pub(super) fn reopen_attempts(&mut self) {
        let open: Vec<OpenAttempt> = self.books.open_attempts().cloned().collect();
        for known in open {
            let key = known.admission.key.clone();
            let (started, stopping) = (known.started, known.stopping);
            let held = known.hold.total();
            self.engine(Event::Admitted(Box::new(AdmittedAttempt {
                admission: known.admission.clone(),
                bound: None,
            })));
            if stopping.is_some() {
                self.engine(Event::Stopping(key.clone()));
            }
            self.put_attempt(known.admission, held);
            if let Some(attempt) = self.attempts.get_mut(&key) {
                attempt.started = started;
                attempt.stopping = stopping;
            }
            self.set_timer(&key);
        }
    }

    fn admitted(&mut self, admit: &Admit) {
        let admission = &admit.admission;
        let key = admission.key.clone();
        self.count_admitted(admission);
        self.put_attempt(admission.clone(), admit.hold.total());
        self.set_timer(&key);
        self.hear_executor(&key.job);
        if let Some(job) = self.jobs.get_mut(&key.job) {
            job.open = Some(key.clone());
            job.telling.is_due();
            self.untold.insert(key.job.clone());
        }
        self.note_last(&key);
        self.restless.insert(key);
    }

    fn put_attempt(&mut self, admission: Admission, held: MicroYuan) {
        let clock = *self.ticker.clock();
        let start_by = clock.to_virtual(clock.to_real(admission.at).after(NOT_STARTED_AFTER));
        let attempt = Attempt::new(Arc::new(admission), held, start_by);
        self.attempts.insert(attempt.key().clone(), attempt);
    }

    fn note_last(&mut self, key: &AttemptKey) {
        let admission = self
            .attempts
            .get(key)
            .map(|attempt| attempt.admission.clone());
        if let Some(job) = self.jobs.get_mut(&key.job) {
            job.last = admission;
        }
    }

    pub(super) fn set_timer(&mut self, key: &AttemptKey) {
        if let Some(due) = self.attempts.get(key).and_then(Attempt::due) {
            self.timers.insert((due, Timer::Attempt(key.clone())));
        }
    }

    fn started(&mut self, key: &AttemptKey, at: Stamp) {
        let Some(attempt) = self.attempts.get_mut(key) else {
            return;
        };
        attempt.started = Some(at);
        self.count_started(key);
        self.restless.insert(key.clone());
        self.set_timer(key);
        let real = self.ticker.clock().real_now().after(TELL_RUNNING_AFTER);
        let tell_at = self.ticker.clock().to_virtual(real);
        self.timers
            .insert((tell_at, Timer::TellRunning(key.job.clone())));
    }

    fn ended(&mut self, key: &AttemptKey) {
        let Some(attempt) = self.attempts.remove(key) else {
            return;
        };
        let past = self.past_of(&key.job).0;
        let last = past.last().cloned();
        let mut not_before = None;
        let mut finished = true;
        if let Some(job) = self.jobs.get_mut(&key.job) {
            job.past = past;
            job.open = None;
            job.telling.is_due();
            self.untold.insert(key.job.clone());
            if let Verdict::Waits(span) = job.verdict() {
                finished = false;
                let real = self.ticker.clock().real_now().after(span);
                not_before = (span > Seconds(0)).then(|| self.ticker.clock().to_virtual(real));
            }
            if let Some(at) = job.finished() {
                let goes = at.after(job.ttl);
                self.timers.insert((goes, Timer::Remove(key.job.clone())));
            }
        }
        if let Some(last) = last {
            self.count_ended(&attempt.admission, &last);
        }
        self.engine(Event::Ended {
            key: key.clone(),
            not_before,
            finished,
        });
        self.tell_engine(&key.job.clone());
    }

    /// A job's settled attempts, oldest first, and its last decision where it is known.
    pub(super) fn past_of(&self, uid: &JobUid) -> (Vec<Past>, Option<Arc<Admission>>) {
        let settled = self.books.settled_attempts(uid);
        let past = settled
            .map(|(key, settled)| Past {
                number: key.attempt,
                started: settled.settlement.started,
                ended: settled.settlement.ended,
                outcome: settled.outcome,
                charged: settled.settlement.charged,
            })
            .collect();
        let known = self.jobs.get(uid).and_then(|job| job.last.clone());
        let last = || self.books.settled_attempts(uid).last();
        let decided = || last().map(|(_, settled)| Arc::new(settled.admission.clone()));
        (past, known.or_else(decided))
    }
}
