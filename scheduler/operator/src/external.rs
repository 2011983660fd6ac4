//! The life of an attempt that somebody else runs (`executor: External`): a Slurm site, a
//! benchmark. Nothing of it exists in the cluster; its executor says in `status.external`
//! when it began and how it ended, and the rest follows from here.
//!
//! What is reported is believed within bounds: instants are clamped to [admission,
//! receipt], a start that was journalled stands (A5), and silence is no way to keep cards
//! for nothing:
//! - Walltime and notice over without a report of the end: it ended at its walltime. One
//!   whose start was never reported counts from its admission.
//! - Cancelled or held: the executor has the notice to say when it stopped; without a word
//!   it ended when that was decided.
//! - Deleted: nobody can report any more, so it ends at the last confirmed instant (A7).
//!
//! Pure. Must not know: the API server, the books, the clock.

use edugrid_units::{Admission, Outcome, Stamp};

use crate::attempt::{Attempt, Todo, Wish};

/// What an executor says of an attempt, in virtual time, as it stands in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The attempt's number.
    pub attempt: u32,
    /// When it began.
    pub started: Option<Stamp>,
    /// When and how it ended: `Succeeded` or `Failed`.
    pub ended: Option<(Stamp, Outcome)>,
}

/// What has been heard of one attempt, clamped when it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct External {
    started: Option<Stamp>,
    ended: Option<(Stamp, Outcome)>,
}

impl External {
    /// Takes a report, received at `receipt`. What was heard before stands. Whether there
    /// was anything new in it.
    pub fn hear(&mut self, admission: &Admission, report: &Report, receipt: Stamp) -> bool {
        if report.attempt != admission.key.attempt {
            return false;
        }
        let before = self.clone();
        let earliest = first_second(admission);
        let clamp = |at: Stamp, from: Stamp| at.min(receipt).max(from);
        if self.started.is_none() {
            self.started = report.started.map(|at| clamp(at, earliest));
        }
        if self.ended.is_none() {
            let from = self.started.unwrap_or(earliest);
            self.ended = report.ended.map(|(at, how)| (clamp(at, from), how));
        }
        *self != before
    }

    /// What is to be done for the attempt now; see [`Attempt::next`].
    pub fn next(&self, attempt: &Attempt, now: Stamp, wish: Wish) -> Vec<Todo> {
        let started = attempt.started.or(self.started);
        if let Some((at, how)) = self.ended {
            let outcome = match (how, attempt.stopping) {
                // Work that was complete before the stop reached it has succeeded.
                (Outcome::Failed, Some((stop, _))) => stop,
                (how, _) => how,
            };
            return vec![Todo::End {
                outcome,
                started,
                ended: Some(at),
            }];
        }
        if let Some((outcome, since)) = attempt.stopping {
            return Self::stopped(attempt, outcome, since, started, now, wish);
        }
        if let (None, Some(at)) = (attempt.started, self.started) {
            let placement = attempt.admission.placement.clone();
            return vec![Todo::Start { placement, at }];
        }
        let outcome = match wish {
            Wish::Run if now < self.due(attempt) => return Vec::new(),
            Wish::Run => {
                let from = started.unwrap_or(first_second(&attempt.admission));
                return vec![Todo::End {
                    outcome: Outcome::Walltime,
                    started: Some(from),
                    ended: Some(from.after(attempt.admission.walltime)),
                }];
            }
            Wish::Cancel => Outcome::Cancelled,
            Wish::Hold => Outcome::Held,
            Wish::Gone => Outcome::Deleted,
        };
        vec![Todo::Stop(outcome)]
    }

    fn stopped(
        attempt: &Attempt,
        outcome: Outcome,
        since: Stamp,
        started: Option<Stamp>,
        now: Stamp,
        wish: Wish,
    ) -> Vec<Todo> {
        let ended = match wish {
            Wish::Gone => None,
            _ if now < since.after(attempt.admission.grace) => return Vec::new(),
            _ => Some(since),
        };
        vec![Todo::End {
            outcome,
            started,
            ended,
        }]
    }

    /// When silence is taken for an end.
    pub fn due(&self, attempt: &Attempt) -> Stamp {
        let admission = &attempt.admission;
        if let Some((_, since)) = attempt.stopping {
            return since.after(admission.grace);
        }
        let started = attempt.started.or(self.started);
        started
            .unwrap_or(first_second(admission))
            .after(admission.walltime)
            .after(admission.grace)
    }
}

/// Reported instants have whole seconds, so one may lie before the decision it follows from.
fn first_second(admission: &Admission) -> Stamp {
    Stamp::from_seconds(admission.at.seconds())
}

#[cfg(test)]
#[path = "external_tests.rs"]
mod tests;
