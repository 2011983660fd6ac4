//! Open admissions: what is admitted, where it counts and what it holds (A1, A2, Q7).

use edugrid_units::{Admission, AttemptKey, JobUid, RolePlacement, Stamp};

use super::{AdmittedAttempt, JobState, World};
use crate::{
    quota::PoolIx,
    share::{Load, PoolFacts, Standing},
    tenants::TreeIx,
    topology::Counts,
};

/// One open admission.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub admission: Admission,
    pub pool: PoolIx,
    /// Where it counts; nowhere while none of its path's tenants is known.
    pub leaf: Option<TreeIx>,
    /// The planned nodes, or the real ones once they are known (P7).
    placement: Vec<RolePlacement>,
}

impl World {
    /// The open attempt of a job, whether its object is there or not.
    pub(super) fn open_attempt(&self, uid: &JobUid) -> Option<AttemptKey> {
        let from = AttemptKey {
            job: uid.clone(),
            task: 0,
            attempt: 0,
        };
        let (key, _) = self.open.range(from..).next()?;
        (key.job == *uid).then(|| key.clone())
    }

    /// Takes in an admission that the journal says is open (A2).
    pub(super) fn replay(&mut self, attempt: AdmittedAttempt) {
        let AdmittedAttempt { admission, bound } = attempt;
        let key = admission.key.clone();
        if self.open.contains_key(&key) {
            if let Some(placement) = bound {
                self.rebind(&key, placement);
            }
            return;
        }
        self.withdraw(&key.job);
        if let Some(job) = self.jobs.get_mut(&key.job) {
            job.state = JobState::Open(key);
        }
        let placement = bound.unwrap_or_else(|| admission.placement.clone());
        self.open(admission, placement);
        self.look_for_cuts();
    }

    /// Counts an admission from now on.
    pub(crate) fn open(&mut self, admission: Admission, placement: Vec<RolePlacement>) {
        let pool = self.topology.intern_pool(&admission.pool);
        if self.standing.knows(pool) {
            if let Some(leaf) = leaf(&self.standing, &admission) {
                let load = load(pool, leaf, &admission);
                self.standing.add(&load);
                self.lines.moved(&self.standing, &load);
            }
        } else {
            self.stale = true;
        }
        let open = Open {
            leaf: leaf(&self.standing, &admission),
            placement: Vec::new(),
            pool,
            admission,
        };
        let key = open.admission.key.clone();
        self.open.insert(key.clone(), open);
        self.occupy(&key, placement);
    }

    /// Puts the replicas on their nodes.
    fn occupy(&mut self, key: &AttemptKey, placement: Vec<RolePlacement>) {
        let Some(open) = self.open.get_mut(key) else {
            return;
        };
        for role in &placement {
            for (node, count) in &role.nodes {
                let amount = role.request.times(*count);
                self.topology.hold(open.pool, node, &amount);
            }
        }
        open.placement = placement;
    }

    /// Takes the replicas off their nodes.
    fn vacate(&mut self, key: &AttemptKey) {
        let Some(open) = self.open.get_mut(key) else {
            return;
        };
        for role in std::mem::take(&mut open.placement) {
            for (node, count) in &role.nodes {
                let amount = role.request.times(*count);
                self.topology.release(open.pool, node, &amount);
            }
        }
    }

    /// The real nodes take the place of the planned ones (P7).
    pub(super) fn rebind(&mut self, key: &AttemptKey, placement: Vec<RolePlacement>) {
        let planned = self.open.get(key).map(|open| &open.placement);
        if planned.is_none_or(|planned| *planned == placement) {
            return;
        }
        self.vacate(key);
        self.occupy(key, placement);
    }

    /// Frees what an attempt held; its job is finished or waits again.
    pub(super) fn end(&mut self, key: &AttemptKey, not_before: Option<Stamp>, finished: bool) {
        self.vacate(key);
        let Some(open) = self.open.remove(key) else {
            return;
        };
        self.left(key);
        if let Some(leaf) = open.leaf
            && !self.stale
        {
            let load = load(open.pool, leaf, &open.admission);
            self.standing.remove(&load);
            self.lines.released(&self.standing, &load);
        }
        self.money_moved();
        let Some(job) = self.jobs.get_mut(&key.job) else {
            return;
        };
        if job.state != JobState::Open(key.clone()) {
            return;
        }
        if finished {
            job.state = JobState::Finished;
            return;
        }
        job.next_attempt = job.next_attempt.max(key.attempt.saturating_add(1));
        job.released = job.released.max(Some(open.admission.eligible));
        job.back_off = not_before;
        self.enlist(&key.job);
    }

    /// Builds what changed declarations made stale, counts every open admission again
    /// (Q7), and wakes what other events woke.
    pub(crate) fn settle(&mut self) {
        if self.stale {
            self.rebuild();
        }
        if self.entered != self.facts {
            self.entered = self.facts;
            self.enter_all();
        }
        self.review_cuts();
        self.wake_shapes();
        self.wake_poor();
    }

    fn rebuild(&mut self) {
        self.stale = false;
        self.epoch = self.epoch.saturating_add(1);
        let pools = self.topology.pools_by_index().iter();
        let pools: Vec<_> = pools
            .zip((0..).map(PoolIx))
            .map(|(pool, ix)| PoolFacts {
                healthy: self.topology.healthy(ix),
                name: pool.name.clone(),
                measure: pool.spec.as_ref().map(|spec| spec.measure()),
                cards: matches!(pool.counts, Some(Counts::Card(_))),
            })
            .collect();
        let before = std::mem::take(&mut self.standing);
        self.standing = Standing::build(&self.tenants, &pools, before);
        self.enter_all();
        self.count_all();
        for open in self.open.values_mut() {
            open.leaf = leaf(&self.standing, &open.admission);
            if let Some(leaf) = open.leaf {
                self.standing.add(&load(open.pool, leaf, &open.admission));
            }
        }
    }
}

/// What an admission adds to the counters.
pub(super) fn load(pool: PoolIx, leaf: TreeIx, admission: &Admission) -> Load {
    Load {
        pool,
        leaf,
        user: admission.submitter.as_str().into(),
        billed: admission.billed,
    }
}

/// Where an admission counts: on its tenant, or the nearest tenant of its recorded
/// path that is left.
fn leaf(standing: &Standing, admission: &Admission) -> Option<TreeIx> {
    let path = admission.path.iter();
    path.filter_map(|name| standing.tree.leaf_of(name)).next()
}
