//! Kueue's generated load in numbers, and the schedule that an API server without cost would
//! allow: jobs start by priority, then by age, and whatever fits fills the gaps. The bound
//! beside which B6 stands. Source of the numbers: Kueue's
//! `test/performance/scheduler/configs/baseline/generator.yaml`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One class of jobs as each queue submits it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The class.
    pub class: &'static str,
    /// Jobs of a queue, in the full load.
    pub count: u64,
    /// Milliseconds before each.
    pub interval_ms: u64,
    /// Milliseconds that each runs.
    pub run_ms: u64,
    /// Its priority.
    pub priority: u32,
    /// Cores that each asks for.
    pub cores: u32,
}

/// The baseline's three.
pub const KINDS: [Kind; 3] = [
    Kind {
        class: "small",
        count: 350,
        interval_ms: 100,
        run_ms: 200,
        priority: 50,
        cores: 1,
    },
    Kind {
        class: "medium",
        count: 100,
        interval_ms: 500,
        run_ms: 500,
        priority: 100,
        cores: 5,
    },
    Kind {
        class: "large",
        count: 50,
        interval_ms: 1_200,
        run_ms: 1_000,
        priority: 200,
        cores: 20,
    },
];

/// Groups of queues that lend to each other, and queues of one.
pub const COHORTS: u32 = 5;
/// Queues of a cohort.
pub const QUEUES: u32 = 6;
/// Cores that each queue owns.
pub const NOMINAL: u32 = 20;
/// Cores that each may borrow: all the others' together.
pub const BORROWING_LIMIT: u32 = NOMINAL * (QUEUES - 1);

/// Jobs of one queue in a part of the load.
pub fn count(kind: &Kind, divisor: u64) -> u64 {
    kind.count / divisor
}

/// How long the ideal schedule of one cohort takes, from the first second on: all cohorts are
/// alike and don't meet.
pub fn wall_ms(divisor: u64) -> u64 {
    let mut arrivals = Vec::new();
    for kind in &KINDS {
        for index in 1..=count(kind, divisor) {
            for _ in 0..QUEUES {
                arrivals.push((index * kind.interval_ms, *kind));
            }
        }
    }
    arrivals.sort_by_key(|(at, kind)| (Reverse(*at), kind.priority));
    let mut free = NOMINAL * QUEUES;
    let mut pending: Vec<Kind> = Vec::new();
    let mut ends: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut now = 0;
    loop {
        let next_arrival = arrivals.last().map(|(at, _)| *at);
        let next_end = ends.peek().map(|Reverse((at, _))| *at);
        let Some(next) = [next_arrival, next_end].into_iter().flatten().min() else {
            return now;
        };
        now = next;
        while let Some((_, kind)) = arrivals.pop_if(|(at, _)| *at == now) {
            pending.push(kind);
        }
        while ends.peek().is_some_and(|Reverse((at, _))| *at == now)
            && let Some(Reverse((_, cores))) = ends.pop()
        {
            free += cores;
        }
        pending.sort_by_key(|kind| Reverse(kind.priority));
        pending.retain(|kind| {
            let starts = kind.cores <= free;
            if starts {
                free -= kind.cores;
                ends.push(Reverse((now + kind.run_ms, kind.cores)));
            }
            !starts
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_load_takes_what_was_derived_for_it() {
        assert_eq!(COHORTS * QUEUES * 500, 15_000);
        let jobs: u64 = KINDS.iter().map(|kind| count(kind, 1)).sum();
        assert_eq!(jobs, 500);
        // The work alone fills 66 s of the quota.
        let work: u64 = KINDS
            .iter()
            .map(|kind| kind.count * kind.run_ms * u64::from(kind.cores))
            .sum();
        assert_eq!(
            work * u64::from(QUEUES) / u64::from(NOMINAL * QUEUES),
            66_000
        );
        let wall = wall_ms(1);
        assert!((66_000..=68_000).contains(&wall), "{wall} ms");
    }
}
