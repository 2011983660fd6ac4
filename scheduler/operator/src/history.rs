//! What became of a job's attempts, and what follows for the job (P8, T1, E5).
//!
//! Pure. The history is the ledger's (A7): it is read from there, never from the object.

use edugrid_units::{MicroYuan, Outcome, Seconds, Stamp};

/// After this many attempts that never started the job has failed (P8).
pub const NOT_STARTED_MAX: u32 = 5;
/// Wait before the attempt after the first that never started; doubles each time. Real
/// time (N5).
const BACK_OFF: Seconds = Seconds(10);

/// A settled attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its number, from 1.
    pub number: u32,
    /// The charged interval's start; none if it never started.
    pub started: Option<Stamp>,
    /// The charged interval's end.
    pub ended: Option<Stamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub charged: MicroYuan,
}

/// What follows for a job that has no open attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits for its next attempt; for so long, in real time, at the least.
    Waits(Seconds),
    /// It has succeeded.
    Succeeded,
    /// It has failed for good.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Verdict {
    /// Whether it never runs again.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waits(_))
    }
}

/// The verdict after these attempts, oldest first. Only its own failures count against a
/// job's retries (E5).
pub fn verdict(past: &[Past], retries: u32, cancelled: bool) -> Verdict {
    let count = |outcome| {
        past.iter()
            .filter(|attempt| attempt.outcome == outcome)
            .count()
    };
    let not_started = u32::try_from(count(Outcome::NotStarted)).unwrap_or(u32::MAX);
    let failures = u32::try_from(count(Outcome::Failed)).unwrap_or(u32::MAX);
    let verdict = match past.last().map(|attempt| attempt.outcome) {
        Some(Outcome::Succeeded) => Verdict::Succeeded,
        Some(Outcome::Walltime) => Verdict::Failed,
        Some(Outcome::Cancelled | Outcome::Deleted) => Verdict::Cancelled,
        Some(Outcome::Failed) if failures > retries => Verdict::Failed,
        Some(Outcome::NotStarted) if not_started >= NOT_STARTED_MAX => Verdict::Failed,
        Some(Outcome::NotStarted) => Verdict::Waits(back_off(not_started)),
        Some(Outcome::Failed | Outcome::Held | Outcome::Disrupted | Outcome::QuotaCut) | None => {
            Verdict::Waits(Seconds(0))
        }
    };
    if cancelled && !verdict.is_final() {
        Verdict::Cancelled
    } else {
        verdict
    }
}

fn back_off(times: u32) -> Seconds {
    let doublings = times.saturating_sub(1).min(16);
    Seconds(BACK_OFF.0.saturating_mul(1 << doublings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcomes: &[Outcome]) -> Vec<Past> {
        (1..)
            .zip(outcomes)
            .map(|(number, outcome)| Past {
                number,
                started: None,
                ended: None,
                outcome: *outcome,
                charged: MicroYuan::ZERO,
            })
            .collect()
    }

    #[test]
    fn only_own_failures_use_up_retries() {
        use Outcome::{
            Cancelled, Disrupted, Failed, Held, NotStarted, QuotaCut, Succeeded, Walltime,
        };
        let waits = Verdict::Waits(Seconds(0));
        for (outcomes, retries, expected) in [
            (&[][..], 0, waits),
            (&[Failed], 0, Verdict::Failed),
            (&[Failed], 1, waits),
            (&[Failed, Failed], 1, Verdict::Failed),
            (&[Disrupted, Held, Failed], 1, waits),
            (&[QuotaCut], 0, waits),
            (&[QuotaCut, QuotaCut, Failed], 1, waits),
            (&[Walltime], 5, Verdict::Failed),
            (&[Failed, Succeeded], 1, Verdict::Succeeded),
            (&[Cancelled], 1, Verdict::Cancelled),
            (&[NotStarted], 0, Verdict::Waits(Seconds(10))),
            (
                &[NotStarted, NotStarted, NotStarted],
                0,
                Verdict::Waits(Seconds(40)),
            ),
            (&[NotStarted; 5], 9, Verdict::Failed),
        ] {
            assert_eq!(
                verdict(&after(outcomes), retries, false),
                expected,
                "{outcomes:?}"
            );
        }
    }

    #[test]
    fn a_cancelled_job_waits_no_longer_but_stays_what_it_became() {
        assert_eq!(verdict(&[], 0, true), Verdict::Cancelled);
        assert_eq!(
            verdict(&after(&[Outcome::Disrupted]), 0, true),
            Verdict::Cancelled
        );
        assert_eq!(
            verdict(&after(&[Outcome::Succeeded]), 0, true),
            Verdict::Succeeded
        );
    }
}
