//! The queue as people read it: all jobs in the order, each with its place. Made by
//! `explain`; no decision looks at it (N2).

use std::collections::BTreeMap;

use edugrid_units::{JobUid, MilliUnits, PoolName, Tier};

/// A job's place in the order.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub uid: JobUid,
    pub pool: PoolName,
    pub tier: Tier,
    pub billed: MilliUnits,
    /// In the pool's queue, from 1.
    pub in_pool: usize,
    /// Among its tenant's own jobs in that queue, from 1.
    pub in_tenant: usize,
}

/// All jobs in the order, and where each is in it.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub places: Vec<Place>,
    by_job: BTreeMap<JobUid, usize>,
}

impl Order {
    /// These places, the first first.
    pub fn of(places: Vec<Place>) -> Self {
        let by_job = places.iter().zip(0..);
        let by_job = by_job.map(|(place, at)| (place.uid.clone(), at)).collect();
        Self { places, by_job }
    }

    /// A job's place, and all before it.
    pub fn find(&self, uid: &JobUid) -> Option<(&Place, &[Place])> {
        let (before, from) = self.places.split_at_checked(*self.by_job.get(uid)?)?;
        Some((from.first()?, before))
    }
}
