//! Where tenants and pools stand, as numbers and conditions.

use std::collections::BTreeMap;

use edugrid_units::{MilliUnits, NodeName, PoolName, ReasonCode, Resources, Stamp, TenantName};

use super::why::Memo;
use crate::{
    quota::{Balance, Dealings, Loans, PoolIx},
    share::{Average, Share},
    tenants::{QuotaSpec, TreeFault, TreeIx},
    topology::Counts,
    world::{JobState, TakingBack, World},
};

/// A tenant as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantView {
    /// The tenant.
    pub name: TenantName,
    /// The tenant above.
    pub parent: Option<TenantName>,
    /// What is wrong with it.
    pub conditions: Vec<TenantCondition>,
    /// Attempts of its subtree that are admitted.
    pub running: u32,
    /// Its own jobs that wait, its subtree's not included.
    pub waiting: usize,
    /// A line for each pool that is declared or used.
    pub pools: Vec<TenantPoolView>,
}

/// Jobs that wait, by tenant and code; no code: not looked at yet.
#[derive(Clone, Debug, Default)]
pub struct Pending<'a>(BTreeMap<(&'a TenantName, Option<ReasonCode>), Alike>);

/// Jobs of one tenant that wait for one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// How many.
    pub jobs: usize,
    /// Since when the oldest of them counts as waiting (O5).
    pub oldest: Stamp,
}

impl<'a> Pending<'a> {
    /// All counts.
    pub fn counts(
        &self,
    ) -> impl Iterator<Item = ((&'a TenantName, Option<ReasonCode>), Alike)> + '_ {
        self.0.iter().map(|(key, alike)| (*key, *alike))
    }

    /// Of one tenant, its subtree's not included.
    fn of(&self, tenant: &TenantName) -> usize {
        let own = self.0.range((tenant, None)..);
        own.take_while(|((of, _), _)| *of == tenant)
            .fold(0, |sum, (_, alike)| sum.saturating_add(alike.jobs))
    }
}

/// A tenant in one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPoolView {
    /// The pool.
    pub pool: PoolName,
    /// What it declares; nothing: the sum of its children's (Q1).
    pub nominal: Option<MilliUnits>,
    /// The most that it may borrow; absent: no cap of its own (Q2).
    pub borrowing_limit: Option<MilliUnits>,
    /// What of that is effective (Q1).
    pub effective: MilliUnits,
    /// What its subtree uses.
    pub used: MilliUnits,
    /// What of it is borrowed (O3).
    pub borrowed: MilliUnits,
    /// Who lends to its subtree from outside, and how much (Q8): a neighbour, or a tenant
    /// above it of what that holds beside its children.
    pub lenders: Vec<(TenantName, MilliUnits)>,
    /// What of its own is used outside of its subtree (Q8).
    pub lent: MilliUnits,
    /// By whom, and how much (Q8).
    pub borrowers: Vec<(TenantName, MilliUnits)>,
    /// What is free for it; negative where it is overdrawn (Q3).
    pub available: Balance,
    /// What is being stopped of what its subtree uses, where it is overdrawn.
    pub leaving: MilliUnits,
    /// What is done where it is overdrawn (Q3); nothing: what runs goes on.
    pub taking_back: Option<TakingBack>,
    /// Its share of what is and was borrowed, over all pools of the kind (O3).
    pub share: Share,
    /// What it borrowed on average, over all pools of the kind (O3).
    pub average: Average,
}

/// What is wrong with a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantCondition {
    /// It hangs in no tree and admits nothing (Q1).
    Fault {
        /// The tenant of its path where that begins.
        at: TenantName,
        /// What is wrong there.
        fault: TreeFault,
    },
    /// It claims more of a pool than its parent's nominal covers (Q1).
    QuotaOvercommitted {
        /// The pool.
        pool: PoolName,
        /// What it claims, by itself or through its children.
        claimed: MilliUnits,
        /// What is effective.
        effective: MilliUnits,
    },
    /// Its children together claim more of a pool than it has (Q1).
    ChildrenOvercommitted {
        /// The pool.
        pool: PoolName,
        /// What they claim.
        claimed: MilliUnits,
        /// What it has.
        effective: MilliUnits,
    },
}

/// A pool as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolView {
    /// The pool.
    pub name: PoolName,
    /// Its unit; nothing if only admissions know it.
    pub counts: Option<Counts>,
    /// Its nodes.
    pub nodes: usize,
    /// Those that take new pods.
    pub nodes_usable: usize,
    /// What all its nodes have.
    pub capacity: Resources,
    /// What those that take new pods have.
    pub allocatable: Resources,
    /// What our open admissions hold.
    pub used: Resources,
    /// What pods that are not ours hold.
    pub foreign: Resources,
    /// What is free on nodes that take new pods (Q4).
    pub free: Resources,
    /// What quota counts as used (N4).
    pub billed: MilliUnits,
    /// What tenants declare to own of it, in its unit: the root's nominal (Q4).
    pub declared: MilliUnits,
    /// What its healthy nodes have, in its unit (Q4).
    pub healthy: MilliUnits,
    /// What is wrong with it.
    pub conditions: Vec<PoolCondition>,
}

/// What is wrong with a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolCondition {
    /// Two pools of one unit match a node; the older keeps it (N4).
    NodeContested {
        /// The node.
        node: NodeName,
        /// The other pool.
        other: PoolName,
    },
    /// Tenants declare to own more than healthy nodes have (Q4): some of it can't be
    /// given to its owners now.
    Overdeclared {
        /// What they declare.
        declared: MilliUnits,
        /// What there is.
        healthy: MilliUnits,
    },
}

impl World {
    /// Jobs that wait, counted in one walk over them.
    pub fn pending(&self) -> Pending<'_> {
        let (mut counts, mut memo) = (BTreeMap::new(), Memo::default());
        for job in self.jobs.values() {
            if matches!(job.state, JobState::Parked(_) | JobState::Waiting(_)) {
                let code = self.why(job, &mut memo).map(|reason| reason.code);
                let alike = counts.entry((&job.spec.tenant, code)).or_insert(Alike {
                    jobs: 0,
                    oldest: job.eligible,
                });
                alike.jobs = alike.jobs.saturating_add(1);
                alike.oldest = alike.oldest.min(job.eligible);
            }
        }
        Pending(counts)
    }

    /// All tenants, by name.
    pub fn tenants(&self) -> Vec<TenantView> {
        self.tenants_with(&self.pending())
    }

    /// The same for whoever has counted the waiting jobs already.
    pub fn tenants_with(&self, pending: &Pending<'_>) -> Vec<TenantView> {
        let tree = &self.standing.tree;
        let dealings: BTreeMap<PoolIx, BTreeMap<TreeIx, Dealings>> = self
            .standing
            .pools()
            .map(|(name, pool)| (pool, self.loans(name, pool).dealings(tree)))
            .collect();
        let specs = self.tenants.values();
        let known = specs.filter_map(|spec| Some((spec, tree.tenant(&spec.name)?)));
        known
            .map(|(spec, ix)| TenantView {
                name: spec.name.clone(),
                parent: spec.parent.clone(),
                conditions: self.tenant_conditions(&spec.name, ix),
                running: self.standing.tally(ix).jobs,
                waiting: pending.of(&spec.name),
                pools: self.tenant_pools(&spec.name, ix, &dealings),
            })
            .collect()
    }

    /// Who lends to whom of a pool (Q8).
    fn loans(&self, name: &PoolName, pool: PoolIx) -> Loans {
        let spec = self.topology.declared(name).map(|(_, spec)| spec);
        let owner = spec.map_or_else(|| TenantName::from(""), |spec| spec.owner.clone());
        self.standing.quota(pool).loans(&self.standing.tree, &owner)
    }

    fn tenant_pools(
        &self,
        name: &TenantName,
        ix: TreeIx,
        dealings: &BTreeMap<PoolIx, BTreeMap<TreeIx, Dealings>>,
    ) -> Vec<TenantPoolView> {
        let tree = &self.standing.tree;
        let lines = self.standing.pools().map(|(pool, at)| {
            let quota = self.standing.quota(at);
            let kind = self.standing.measure(at).map(|measure| measure.kind);
            let dealings = dealings.get(&at).and_then(|all| all.get(&ix));
            let told = |sums: fn(&Dealings) -> &BTreeMap<TenantName, Balance>| {
                let sums = dealings.into_iter().flat_map(sums);
                let told = sums.map(|(name, amount)| (name.clone(), amount.floor()));
                told.collect()
            };
            let available = quota.available(tree, ix).0;
            let overdrawn = available.0 < 0;
            TenantPoolView {
                leaving: match overdrawn {
                    true => self.leaving(ix, at),
                    false => MilliUnits::ZERO,
                },
                taking_back: overdrawn.then(|| self.taking_back(ix, at)).flatten(),
                lenders: told(|dealings| &dealings.lenders),
                lent: dealings.map_or(MilliUnits::ZERO, Dealings::lent),
                borrowers: told(|dealings| &dealings.borrowers),
                pool: pool.clone(),
                nominal: self.nominal(name, pool),
                borrowing_limit: self
                    .declared(name, pool)
                    .and_then(|line| line.borrowing_limit),
                effective: quota.effective(ix).floor(),
                used: quota.used(ix).floor(),
                borrowed: quota.borrowed(ix).floor(),
                available,
                share: kind.map_or(Share(0), |kind| self.standing.share(ix, kind)),
                average: kind.map_or(Average(0), |kind| self.standing.average(ix, kind)),
            }
        });
        lines.collect()
    }

    /// What a tenant declares to own of a pool, by amount or share (Q4).
    pub(super) fn nominal(&self, tenant: &TenantName, pool: &PoolName) -> Option<MilliUnits> {
        let healthy = self.standing.pool(pool).map(|ix| self.standing.healthy(ix));
        self.declared(tenant, pool)?
            .owns(healthy.unwrap_or_default())
    }

    /// The most that a tenant may borrow of a pool (Q2).
    pub(super) fn borrowing_limit(
        &self,
        tenant: &TenantName,
        pool: &PoolName,
    ) -> Option<MilliUnits> {
        self.declared(tenant, pool)?.borrowing_limit
    }

    /// A tenant's declaration for a pool.
    fn declared(&self, tenant: &TenantName, pool: &PoolName) -> Option<&QuotaSpec> {
        let mut lines = self.tenants.get(tenant)?.quotas.iter();
        lines.find(|line| line.pool == *pool)
    }

    fn tenant_conditions(&self, name: &TenantName, ix: TreeIx) -> Vec<TenantCondition> {
        let tree = &self.standing.tree;
        if let Some((at, fault)) = tree.fault(name).cloned() {
            return vec![TenantCondition::Fault { at, fault }];
        }
        let mut conditions = Vec::new();
        for (pool, at) in self.standing.pools() {
            let quota = self.standing.quota(at);
            let effective = quota.effective(ix);
            if quota.claimed(ix) > effective {
                conditions.push(TenantCondition::QuotaOvercommitted {
                    pool: pool.clone(),
                    claimed: quota.claimed(ix).floor(),
                    effective: effective.floor(),
                });
            }
            let children = tree.node(ix).children.iter();
            let claimed = Balance(children.fold(0, |sum: i128, child| {
                sum.saturating_add(quota.claimed(*child).0)
            }));
            if claimed > effective {
                conditions.push(TenantCondition::ChildrenOvercommitted {
                    pool: pool.clone(),
                    claimed: claimed.floor(),
                    effective: effective.floor(),
                });
            }
        }
        conditions
    }

    /// All pools, by name, those included that only admissions know.
    pub fn pools(&self) -> Vec<PoolView> {
        let mut views = Vec::new();
        for (ix, pool) in self.topology.pools() {
            let quota = self.standing.pool(&pool.name);
            let root = self.standing.tree.root();
            let billed = quota.zip(root).map_or(MilliUnits::ZERO, |(quota, root)| {
                self.standing.quota(quota).used(root).floor()
            });
            let declared = quota.zip(root).map_or(MilliUnits::ZERO, |(quota, root)| {
                self.standing.quota(quota).claimed(root).floor()
            });
            let healthy = self.topology.healthy(ix);
            let mut view = PoolView {
                declared,
                healthy,
                name: pool.name.clone(),
                counts: pool.spec.as_ref().map(|spec| spec.counts.clone()),
                nodes: pool.members.len(),
                nodes_usable: 0,
                capacity: Resources::default(),
                allocatable: Resources::default(),
                used: Resources::default(),
                foreign: Resources::default(),
                free: Resources::default(),
                billed,
                conditions: Vec::new(),
            };
            for &host in pool.members.values() {
                let all = self.topology.allocatable(ix, host);
                view.capacity = view.capacity.saturating_add(&all);
                view.used = view.used.saturating_add(&self.topology.held(ix, host));
                let foreign = self.topology.foreign(ix, host);
                view.foreign = view.foreign.saturating_add(&foreign);
                if self.topology.usable(host) {
                    view.nodes_usable = view.nodes_usable.saturating_add(1);
                    view.allocatable = view.allocatable.saturating_add(&all);
                    view.free = view.free.saturating_add(&self.topology.free(ix, host));
                }
            }
            let contested = pool.contested.iter();
            view.conditions = contested
                .map(|(node, other)| PoolCondition::NodeContested {
                    node: node.clone(),
                    other: other.clone(),
                })
                .collect();
            if declared > healthy {
                view.conditions
                    .push(PoolCondition::Overdeclared { declared, healthy });
            }
            views.push(view);
        }
        views
    }
}
