//! What the desk counts for Prometheus beside its state: the work of each tenant since this
//! process began, and whether what must always hold did so.

use std::{collections::BTreeMap, time::Duration};

use edugrid_units::{Admission, AttemptKey, MilliUnits, Outcome, PoolName};
use tokio::time::Instant;

use super::Desk;
use crate::{
    history::{Past, Verdict},
    metrics::{self, TierLabel},
};

/// Between looks whether books and usage agree: it takes a walk over all accounts (L13).
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What was counted of one tenant's own work.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub admitted: u64,
    pub retried: u64,
    pub started: u64,
    /// Attempts that ended, and the milli-unit-seconds that they held.
    pub ended: BTreeMap<Outcome, (u64, u128)>,
    /// Jobs that are over, by phase.
    pub finished: BTreeMap<&'static str, u64>,
}

/// What the last look found.
#[derive(Debug, Default)]
pub(super) struct Faults {
    looked: Option<Instant>,
    books: u64,
    usage: u64,
}

impl Faults {
    pub(super) fn are_due(&self) -> bool {
        self.looked
            .is_none_or(|looked| looked.elapsed() >= LOOK_EVERY)
    }

    pub(super) fn found(&mut self, books: u64, usage: u64) {
        self.looked = Some(Instant::now());
        (self.books, self.usage) = (books, usage);
    }

    /// No rows before the first look: 0 would be a claim.
    pub(super) fn rows(&self) -> Vec<metrics::Check> {
        if self.looked.is_none() {
            return Vec::new();
        }
        let check = |check, faults| metrics::Check { check, faults };
        vec![check("books", self.books), check("usage", self.usage)]
    }
}

/// Pools whose usage, as quota counts it, is not the sum of what is open there (Q7). A pool
/// that quota doesn't know counts nothing.
pub(super) fn usage_faults<'a>(
    counted: impl Iterator<Item = (&'a PoolName, MilliUnits)>,
    open: impl Iterator<Item = (&'a PoolName, MilliUnits)>,
) -> u64 {
    let mut sums: BTreeMap<&PoolName, (MilliUnits, MilliUnits)> = BTreeMap::new();
    for (pool, units) in counted {
        sums.entry(pool).or_default().0 = units;
    }
    for (pool, units) in open {
        let (_, sum) = sums.entry(pool).or_default();
        *sum = MilliUnits(sum.0.saturating_add(units.0));
    }
    let mut faults: u64 = 0;
    for (pool, (counted, open)) in sums {
        if counted != open {
            tracing::error!(%pool, %counted, %open, "usage is not what is open (Q7)");
            faults = faults.saturating_add(1);
        }
    }
    faults
}

impl Desk {
    fn tally(&mut self, admission: &Admission) -> Option<&mut Tally> {
        let tenant = admission.tenant()?;
        Some(self.tallies.entry(tenant.clone()).or_default())
    }

    /// A durable admission.
    pub(super) fn count_admitted(&mut self, admission: &Admission) {
        let waited = admission.at.seconds_since(admission.eligible);
        let tier = admission.tier.as_str();
        #[expect(clippy::cast_precision_loss, reason = "for a histogram (N1)")]
        let waited = waited.0 as f64;
        self.metrics
            .wait
            .get_or_create_owned(&TierLabel { tier })
            .observe(waited);
        if let Some(job) = self.jobs.get_mut(&admission.key.job) {
            let told = job.telling.queued.take();
            // Whatever has waited for a reason could not start when it was first seen.
            if let (Some(told), None) = (told, job.telling.waits.take()) {
                self.metrics
                    .scheduling
                    .observe(told.elapsed().as_secs_f64());
            }
        }
        let is_retry = admission.key.attempt > 1;
        if let Some(tally) = self.tally(admission) {
            tally.admitted = tally.admitted.saturating_add(1);
            tally.retried = tally.retried.saturating_add(u64::from(is_retry));
        }
    }

    /// A durable start.
    pub(super) fn count_started(&mut self, key: &AttemptKey) {
        let admission = self
            .attempts
            .get(key)
            .map(|attempt| attempt.admission.clone());
        if let Some(tally) = admission.and_then(|admission| self.tally(&admission)) {
            tally.started = tally.started.saturating_add(1);
        }
    }

    /// A settled attempt, and what follows for its job.
    pub(super) fn count_ended(&mut self, admission: &Admission, last: &Past) {
        let seconds = last
            .started
            .zip(last.ended)
            .map_or(0, |(start, end)| end.seconds_since(start).0);
        let held = u128::from(admission.billed.0).saturating_mul(u128::from(seconds));
        let phase = self
            .jobs
            .get(&admission.key.job)
            .and_then(|job| match job.verdict() {
                Verdict::Waits(_) => None,
                Verdict::Succeeded => Some("Succeeded"),
                Verdict::Failed => Some("Failed"),
                Verdict::Cancelled => Some("Cancelled"),
            });
        let Some(tally) = self.tally(admission) else {
            return;
        };
        let (ended, sum) = tally.ended.entry(last.outcome).or_default();
        *ended = ended.saturating_add(1);
        *sum = sum.saturating_add(held);
        if let Some(phase) = phase {
            let count = tally.finished.entry(phase).or_default();
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_the_sum_of_what_is_open_pool_by_pool() {
        let [a100, h800] = ["a100", "h800"].map(PoolName::from);
        let faults = |counted: &[(&PoolName, u64)], open: &[(&PoolName, u64)]| {
            let units = |rows: &[(&PoolName, u64)]| -> Vec<(PoolName, MilliUnits)> {
                let row = |(pool, units): &(&PoolName, u64)| ((*pool).clone(), MilliUnits(*units));
                rows.iter().map(row).collect()
            };
            let (counted, open) = (units(counted), units(open));
            usage_faults(
                counted.iter().map(|(pool, units)| (pool, *units)),
                open.iter().map(|(pool, units)| (pool, *units)),
            )
        };
        assert_eq!(faults(&[(&a100, 3)], &[(&a100, 1), (&a100, 2)]), 0);
        assert_eq!(faults(&[(&a100, 0), (&h800, 5)], &[(&h800, 5)]), 0);
        assert_eq!(faults(&[(&a100, 4)], &[(&a100, 1), (&a100, 2)]), 1);
        assert_eq!(faults(&[(&a100, 1)], &[]), 1);
        assert_eq!(
            faults(&[(&a100, 2)], &[(&a100, 2), (&h800, 1)]),
            1,
            "a pool unknown"
        );
    }

    #[test]
    fn nothing_is_claimed_before_the_first_look() {
        let mut found = Faults::default();
        assert!(found.rows().is_empty() && found.are_due());
        found.found(1, 0);
        assert!(!found.are_due());
        let rows: Vec<_> = found
            .rows()
            .iter()
            .map(|row| (row.check, row.faults))
            .collect();
        assert_eq!(rows, [("books", 1), ("usage", 0)]);
    }
}
