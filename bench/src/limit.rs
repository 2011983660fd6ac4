//! The limit of B1: what any scheduler must do for a decision and nothing else. It pops the
//! first of a heap, looks whether three counters on a path let it pass, adds to them, writes
//! one record, and takes the oldest record back with its counters.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// As many records stand at once as jobs run in the engine's world.
const RUNNING: usize = 1_000;
/// What each job takes.
const UNITS: u64 = 1_000;

/// What a decision leaves at the least: job, tenant, node, units, instant, walltime, billed units
/// and hold, a word each.
type Record = [u64; 8];

/// The loop with its state.
#[derive(Debug)]
pub struct Stripped {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    leaves: Vec<u64>,
    inner: Vec<u64>,
    root: u64,
    records: VecDeque<Record>,
    next: u64,
    tenants_per_inner: usize,
}

impl Stripped {
    /// A heap of `pending` jobs of `tenants` tenants, of which `tenants_per_inner` hang on one.
    pub fn new(pending: usize, tenants: usize, tenants_per_inner: usize) -> Self {
        let mut stripped = Self {
            heap: BinaryHeap::with_capacity(pending + 1),
            leaves: vec![0; tenants],
            inner: vec![0; tenants.div_ceil(tenants_per_inner)],
            root: 0,
            records: VecDeque::with_capacity(RUNNING + 1),
            next: 0,
            tenants_per_inner,
        };
        for _ in 0..pending {
            stripped.push();
        }
        stripped
    }

    /// Makes so many decisions and says how long they took.
    pub fn run(&mut self, decisions: usize) -> Duration {
        let begun = Instant::now();
        for at in 0..decisions {
            self.decide(at as u64);
        }
        let spent = begun.elapsed();
        std::hint::black_box(&self.records);
        spent
    }

    fn decide(&mut self, at: u64) {
        let Some(Reverse((_, job))) = self.heap.pop() else {
            return;
        };
        let tenant = usize::try_from(job).unwrap_or(0) % self.leaves.len();
        let inner = tenant / self.tenants_per_inner;
        if self.root >= u64::MAX / 2 || self.inner[inner] >= u64::MAX / 2 {
            return;
        }
        self.leaves[tenant] += UNITS;
        self.inner[inner] += UNITS;
        self.root += UNITS;
        let record = [job, tenant as u64, 0, UNITS, at, 3600, UNITS, 0];
        self.records.push_back(record);
        if self.records.len() > RUNNING
            && let Some([_, old, _, units, ..]) = self.records.pop_front()
        {
            let old = usize::try_from(old).unwrap_or(0);
            self.leaves[old] -= units;
            self.inner[old / self.tenants_per_inner] -= units;
            self.root -= units;
        }
        self.push();
    }

    /// Keys are scattered, so that the heap works as it would for jobs in any order.
    fn push(&mut self) {
        let job = self.next;
        self.next += 1;
        let key = job.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        self.heap.push(Reverse((key, job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_keeps_its_length_and_the_counters_what_stands() {
        let mut stripped = Stripped::new(2_000, 20, 10);
        stripped.run(5_000);
        assert_eq!(stripped.heap.len(), 2_000);
        assert_eq!(stripped.records.len(), RUNNING);
        assert_eq!(stripped.root, UNITS * RUNNING as u64);
        assert_eq!(stripped.leaves.iter().sum::<u64>(), stripped.root);
    }
}
