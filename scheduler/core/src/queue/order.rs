//! The queue as people read it: all jobs in the order, each with its place. Made by
//! `explain`; no decision looks at it (N2).

use std::collections::BTreeMap;

use edugrid_units::{JobUid, MilliUnits, PoolName, TenantName, Tier};

/// A job's place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The job.
    pub uid: JobUid,
    /// Its tenant.
    pub tenant: TenantName,
    /// The pool in whose queue it stands: its most preferred one that could ever hold it.
    pub pool: PoolName,
    /// Its tier there.
    pub tier: Tier,
    /// What it is billed there (N4).
    pub billed: MilliUnits,
    /// Its place in the pool's queue, from 1.
    pub in_pool: usize,
    /// Its place among its tenant's own jobs in that queue, from 1.
    pub in_tenant: usize,
}

/// All jobs in the order, and where each is in it. Those that something of their own holds
/// back have no place.
#[derive(Clone, Debug, Default)]
pub struct Order {
    pub(crate) places: Vec<Place>,
    by_job: BTreeMap<JobUid, usize>,
    in_pools: BTreeMap<PoolName, usize>,
}

impl Order {
    /// These places, the first first.
    pub(crate) fn of(places: Vec<Place>) -> Self {
        let by_job = places.iter().zip(0..);
        let by_job = by_job.map(|(place, at)| (place.uid.clone(), at)).collect();
        let mut in_pools: BTreeMap<PoolName, usize> = BTreeMap::new();
        for place in &places {
            let count = in_pools.entry(place.pool.clone()).or_default();
            *count = count.saturating_add(1);
        }
        Self {
            places,
            by_job,
            in_pools,
        }
    }

    /// A job's place, and all before it.
    pub fn find(&self, uid: &JobUid) -> Option<(&Place, &[Place])> {
        let (before, from) = self.places.split_at_checked(*self.by_job.get(uid)?)?;
        Some((from.first()?, before))
    }

    /// How many stand in a pool's queue.
    pub fn in_pool(&self, pool: &PoolName) -> usize {
        self.in_pools.get(pool).copied().unwrap_or(0)
    }
}
