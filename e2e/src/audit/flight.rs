//! What was in flight at an instant, found out afterwards from the books and the API server's record: what a fault hit.
//! It judges nothing.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use super::{books::Books, trace::Trace};

/// How many attempts and writes were where at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// Segments that had arrived at the API server and were not answered.
    pub batches: usize,
    /// Other writes of the operator that were not answered.
    pub writes: usize,
    /// Attempts that were admitted, with native Jobs still to be made.
    pub admitted: usize,
    /// With native Jobs made, and pods still to be pinned.
    pub created: usize,
    /// Pinned, and not known to have started.
    pub pinned: usize,
    /// Running.
    pub running: usize,
    /// Being stopped.
    pub ending: usize,
    /// Settled, and not told in the job's status.
    pub untold: usize,
}

impl Flight {
    /// What was where at `at`.
    pub fn at(
        books: &Books,
        trace: &Trace,
        durable: &BTreeMap<u64, Timestamp>,
        at: Timestamp,
    ) -> Self {
        let mut flight = Self::default();
        let under_way = trace.writes.iter().filter(|it| it.is_the_operator_s());
        for write in under_way.filter(|it| it.received <= at && at < it.answered) {
            match write.resource.as_str() {
                "ledgersegments" => flight.batches += 1,
                _ => flight.writes += 1,
            }
        }
        let had = |entry: Option<u64>| {
            entry
                .and_then(|entry| durable.get(&entry))
                .is_some_and(|it| *it <= at)
        };
        for ((uid, number), attempt) in &books.attempts {
            let number = number.to_string();
            let number = number.as_str();
            let last = |verb, resource| {
                let of_it = move |it: &&super::trace::Write| {
                    it.label("edugrid.io/job-uid") == uid
                        && it.label("edugrid.io/attempt") == number
                };
                let all = trace.standing(verb, resource).filter(of_it);
                all.filter(|it| it.is_the_operator_s())
                    .map(|it| it.answered)
                    .max()
            };
            if !had(Some(attempt.admit)) {
                continue;
            }
            if had(attempt.end) {
                let ended = attempt.end.and_then(|end| durable.get(&end)).copied();
                let told = trace.standing("patch", "computejobs/status");
                let told = told
                    .filter(|it| it.after["metadata"]["uid"] == **uid && Some(it.answered) > ended);
                let told = told.map(|it| it.answered).min();
                flight.untold += usize::from(told.is_some_and(|told| told > at));
            } else if had(attempt.stop) {
                flight.ending += 1;
            } else if had(attempt.started) {
                flight.running += 1;
            } else if last("create", "jobs").is_none_or(|made| made > at) {
                flight.admitted += 1;
            } else if last("patch", "pods").is_none_or(|pinned| pinned > at) {
                flight.created += 1;
            } else {
                flight.pinned += 1;
            }
        }
        flight
    }

    /// What was in flight at several instants together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            batches: self.batches + other.batches,
            writes: self.writes + other.writes,
            admitted: self.admitted + other.admitted,
            created: self.created + other.created,
            pinned: self.pinned + other.pinned,
            running: self.running + other.running,
            ending: self.ending + other.ending,
            untold: self.untold + other.untold,
        }
    }
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "batch {}, writes {}, admitted {}, created {}, pinned {}, running {}, ending {}, untold {}",
            self.batches,
            self.writes,
            self.admitted,
            self.created,
            self.pinned,
            self.running,
            self.ending,
            self.untold
        )
    }
}
