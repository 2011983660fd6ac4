//! Cuts (Q3): which tenants that take back have more in use than is left, and since when.
//!
//! A tenant is watched while its `onQuotaCut` says `Reclaim` and its subtree is overdrawn
//! with what is on its way out counted as gone. The time runs from the event that made it
//! so; once it is over, what can be stopped is named, each attempt once. What then is
//! left over can't be stopped: it is watched no more until something is declared anew.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use edugrid_units::{AttemptKey, MilliUnits, Stamp, TenantName};

use super::{World, open::load};
use crate::{
    preempt::{self, Candidate, Stop, StopCause},
    quota::{PoolIx, Quota},
    share::Load,
    tenants::{OnQuotaCut, TreeIx},
};

/// An overdraft that its tenant takes back.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Since when.
    since: Stamp,
    /// Whether anything was found that can be stopped.
    stoppable: bool,
}

/// See the room.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    watched: BTreeMap<(TenantName, PoolIx), Cut>,
    /// Open admissions that are on their way out.
    leaving: BTreeSet<AttemptKey>,
    /// When something last happened that can overdraw a tenant.
    changed: Stamp,
    /// That has not been looked at yet.
    unseen: bool,
    /// Usage has fallen since the last look, or is going to.
    fell: bool,
}

/// What is done about an overdraft, as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakingBack {
    /// The tenant that takes back: this one, or the nearest above it.
    pub by: TenantName,
    /// From when on what is borrowed is stopped; nothing: no more of it can be.
    pub from: Option<Stamp>,
}

impl World {
    /// Something is declared anew, or known to be open, that may overdraw a tenant.
    pub(super) fn look_for_cuts(&mut self) {
        self.cuts.changed = self.now;
        self.cuts.unseen = true;
    }

    /// An attempt is on its way out.
    pub(super) fn leaves(&mut self, key: AttemptKey) {
        if self.open.contains_key(&key) {
            self.cuts.leaving.insert(key);
            self.cuts.fell = true;
        }
    }

    /// An attempt is gone.
    pub(super) fn left(&mut self, key: &AttemptKey) {
        self.cuts.leaving.remove(key);
        self.cuts.fell = true;
    }

    /// Begins to watch who is overdrawn by what changed, and ends where enough is gone.
    pub(super) fn review_cuts(&mut self) {
        let fell = std::mem::take(&mut self.cuts.fell);
        if std::mem::take(&mut self.cuts.unseen) {
            self.find_cuts();
        } else if fell && !self.cuts.watched.is_empty() {
            let mut watched = std::mem::take(&mut self.cuts.watched);
            watched.retain(|(tenant, pool), _| {
                let ix = self.standing.tree.tenant(tenant);
                ix.is_some_and(|ix| self.is_overdrawn(ix, *pool))
            });
            self.cuts.watched = watched;
        }
    }

    /// Looks at every tenant that takes back. Only a change of what is declared, or of
    /// what is known to be open, overdraws anybody: no admission does.
    fn find_cuts(&mut self) {
        let mut watched = BTreeMap::new();
        for spec in self.tenants.values() {
            let tree = &self.standing.tree;
            let sound = tree
                .tenant(&spec.name)
                .filter(|_| spec.on_cut != OnQuotaCut::Keep && tree.fault(&spec.name).is_none());
            let Some(ix) = sound else { continue };
            for (_, pool) in self.standing.pools() {
                if !self.is_overdrawn(ix, pool) {
                    continue;
                }
                let key = (spec.name.clone(), pool);
                let known = self.cuts.watched.get(&key).filter(|cut| cut.stoppable);
                let cut = Cut {
                    since: known.map_or(self.cuts.changed, |cut| cut.since),
                    stoppable: self.can_take_back(ix, pool),
                };
                watched.insert(key, cut);
            }
        }
        self.cuts.watched = watched;
    }

    /// Whether a subtree has more in use than is left for it once all has gone that goes.
    fn is_overdrawn(&self, ix: TreeIx, pool: PoolIx) -> bool {
        let tree = &self.standing.tree;
        // What goes only makes it less.
        self.standing.quota(pool).overdraft(tree, ix).0 > 0
            && self.quota_to_come(pool).overdraft(tree, ix).0 > 0
    }

    /// The quota of a pool when all has gone that goes.
    fn quota_to_come(&self, pool: PoolIx) -> Cow<'_, Quota> {
        let mut quota = Cow::Borrowed(self.standing.quota(pool));
        for load in self.loads_leaving().filter(|load| load.pool == pool) {
            let quota = quota.to_mut();
            quota.remove(&self.standing.tree, load.leaf, load.billed);
        }
        quota
    }

    fn loads_leaving(&self) -> impl Iterator<Item = Load> {
        self.cuts.leaving.iter().filter_map(|key| self.load_of(key))
    }

    fn load_of(&self, key: &AttemptKey) -> Option<Load> {
        let open = self.open.get(key)?;
        Some(load(open.pool, open.leaf?, &open.admission))
    }

    /// What may be stopped at all: class and journal say which (E2), and each only once.
    fn stoppable(&self) -> impl Iterator<Item = Candidate> {
        let open = self.open.iter();
        let stays = open
            .filter(|(key, open)| open.admission.preemptible && !self.cuts.leaving.contains(*key));
        stays.filter_map(|(key, open)| {
            Some(Candidate {
                key: key.clone(),
                load: load(open.pool, open.leaf?, &open.admission),
                tier: open.admission.tier,
                at: open.admission.at,
            })
        })
    }

    fn can_take_back(&self, top: TreeIx, pool: PoolIx) -> bool {
        let quota = self.quota_to_come(pool);
        let mut of_pool = self.stoppable().filter(|one| one.load.pool == pool);
        of_pool.any(|one| preempt::borrows_below(&quota, &self.standing.tree, one.load.leaf, top))
    }

    /// From when on a watched tenant takes back.
    fn from(&self, tenant: &TenantName, cut: &Cut) -> Option<Stamp> {
        match self.tenants.get(tenant)?.on_cut {
            OnQuotaCut::Reclaim { delay } if cut.stoppable => Some(cut.since.after(delay)),
            _ => None,
        }
    }

    /// When the next delay after a cut is over; never while nothing can be written down.
    pub(super) fn next_cut(&self) -> Option<Stamp> {
        if self.ledger_reason.is_some() {
            return None;
        }
        let watched = self.cuts.watched.iter();
        let due = watched.filter_map(|((tenant, _), cut)| self.from(tenant, cut));
        due.min()
    }

    /// Whom those stop whose delay is over: whoever stands lowest in the tree first, for
    /// what it gives back is missing no more above it.
    pub(crate) fn take_back(&mut self) -> Vec<Stop> {
        let tree = &self.standing.tree;
        let watched = self.cuts.watched.iter();
        let due = watched.filter(|((tenant, _), cut)| {
            self.from(tenant, cut).is_some_and(|from| from <= self.now)
        });
        let mut due: Vec<(usize, TenantName, PoolIx, TreeIx)> = due
            .filter_map(|((tenant, pool), _)| {
                let ix = tree.tenant(tenant)?;
                Some((tree.up(ix).count(), tenant.clone(), *pool, ix))
            })
            .collect();
        if due.is_empty() {
            return Vec::new();
        }
        due.sort_by_key(|(depth, tenant, pool, _)| {
            (std::cmp::Reverse(*depth), tenant.clone(), *pool)
        });
        let mut standing = self.standing.clone();
        for load in self.loads_leaving() {
            standing.remove(&load);
        }
        let mut stops = Vec::new();
        for (_, tenant, pool, ix) in due {
            let victims = preempt::take_back(&mut standing, (ix, pool), self.stoppable().collect());
            for key in victims {
                self.cuts.leaving.insert(key.clone());
                let Some(open) = self.open.get(&key) else {
                    continue;
                };
                let cause = StopCause::QuotaCut {
                    tenant: tenant.clone(),
                    pool: open.admission.pool.clone(),
                };
                stops.push(Stop { key, cause });
            }
            if let Some(cut) = self.cuts.watched.get_mut(&(tenant, pool)) {
                cut.stoppable = false;
            }
        }
        self.cuts.fell = true;
        self.review_cuts();
        stops
    }

    /// What is done about an overdraft of a tenant, if anything is. Nothing is where its
    /// side is within its own (E2).
    pub(crate) fn taking_back(&self, ix: TreeIx, pool: PoolIx) -> Option<TakingBack> {
        let tree = &self.standing.tree;
        let quota = self.standing.quota(pool);
        tree.up(ix).find_map(|above| {
            let tenant = &tree.node(above).tenant;
            let cut = self.cuts.watched.get(&(tenant.clone(), pool))?;
            if !preempt::borrows_below(quota, tree, ix, above) {
                return None;
            }
            Some(TakingBack {
                by: tenant.clone(),
                from: self.from(tenant, cut),
            })
        })
    }

    /// What is on its way out of a subtree, of one pool.
    pub(crate) fn leaving(&self, top: TreeIx, pool: PoolIx) -> MilliUnits {
        let tree = &self.standing.tree;
        let loads = self.loads_leaving().filter(|load| load.pool == pool);
        let below = loads.filter(|load| tree.up(load.leaf).any(|ix| ix == top));
        below.fold(MilliUnits::ZERO, |sum, load| {
            sum.saturating_add(load.billed)
        })
    }
}
