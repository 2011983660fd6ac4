//! Where every tenant and user stands: quota and usage per pool, what limits count
//! (Q5), and the share of what is and was borrowed, per kind of compute (O3; no tilt yet).
//!
//! Borrowed is what a subtree uses above its effective nominal, so a lender is never
//! ranked behind for using its own. A user owns nothing: all that it uses counts, and
//! only against the other users of its leaf (O2). It must not know jobs or nodes.
//!
//! Shares are compared as [`Claim`]s: each times G(now) of [`crate::past`], which is the same
//! for all, so that nothing has to be divided. Between events claims only rise.

mod recall;

use std::{collections::BTreeMap, sync::Arc};

use edugrid_units::{ComputeKind, MilliUnits, PoolName, Ratio, TenantName, UserName};

use crate::{
    past::{Past, SCALE, Sum, Sums, standard},
    quota::{PoolIx, Quota},
    tenants::{TenantSpec, Tree, TreeIx},
};

/// How usage of a pool counts in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub kind: ComputeKind,
    /// Standard units per billed unit.
    pub factor: Ratio,
}

/// (Borrowed now + past weight × borrowed on average) ÷ weight, in 2⁻²⁰ of a standard
/// milli-unit, floored; less goes first (O3). For people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u128);

/// A share × G(now) × the denominator of the past's weight, floored: O2 compares these. Those
/// of one instant compare as the shares do; one of earlier is never above that of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim(u128);

/// How much a subtree or user borrowed on average, in 2⁻²⁰ of a standard milli-unit, floored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Average(pub u128);

impl Share {
    /// The same in standard units ÷ weight, to the thousandth, floored.
    pub fn standard_units(self) -> MilliUnits {
        milli(self.0)
    }
}

impl Average {
    /// The same in standard units, to the thousandth, floored.
    pub fn standard_units(self) -> MilliUnits {
        milli(self.0)
    }
}

fn milli(scaled: u128) -> MilliUnits {
    let milli = scaled.checked_div(SCALE).unwrap_or_default();
    MilliUnits(u64::try_from(milli).unwrap_or(u64::MAX))
}

/// Quota and usage of one pool, and how its usage counts in shares.
#[derive(Clone, Debug)]
struct PoolStanding {
    quota: Quota,
    measure: Option<Measure>,
    /// Its unit is a card: limits on cards count it (Q5).
    cards: bool,
    /// The healthy capacity of which shares were taken (Q4).
    healthy: MilliUnits,
}

/// A pool as the standing sees it.
#[derive(Clone, Debug)]
pub(crate) struct PoolFacts {
    pub name: PoolName,
    /// Nothing if only admissions know it.
    pub measure: Option<Measure>,
    /// Whether its unit is a card.
    pub cards: bool,
    /// What its healthy nodes have, in its unit (Q4).
    pub healthy: MilliUnits,
}

/// What one open admission adds: where it counts, for whom, and how much (N4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub pool: PoolIx,
    pub leaf: TreeIx,
    pub user: UserName,
    pub billed: MilliUnits,
}

/// What limits count of a subtree, or of one user in it (Q5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Open admissions.
    pub jobs: u32,
    /// What they are billed in pools that count cards.
    pub cards: MilliUnits,
}

/// What one user holds in a subtree.
#[derive(Clone, Copy, Debug, Default)]
struct UserUse {
    tally: Tally,
    /// In standard units of each kind. A user owns nothing, so all of it is borrowed.
    used: [u128; 3],
}

/// All counters that decisions about tenants rest on. Derived from open admissions
/// (Q7): whoever builds it anew counts them again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub tree: Tree,
    pools: Vec<PoolStanding>,
    pool_by_name: BTreeMap<PoolName, PoolIx>,
    /// Per node, in standard units of each kind.
    borrowed: Vec<[u128; 3]>,
    /// Per node.
    tallies: Vec<Tally>,
    /// Per node, whoever holds something in its subtree.
    users: Vec<BTreeMap<UserName, UserUse>>,
    /// What was borrowed in the past, as the journal tells it.
    past: Arc<Past>,
    /// Of that, each node's.
    averaged: Vec<Sums>,
    /// κ: how much the past counts beside the present.
    past_weight: Ratio,
    scale: Scale,
}

/// What claims of one instant are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// G(now); 1 where the past does not count.
    growth: u128,
    /// The weight of the past; nothing while no averages are kept.
    past: Ratio,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            growth: 1,
            past: Ratio::ZERO,
        }
    }
}

impl Standing {
    /// The standing of these tenants in these pools, with nothing used; what was keeps from
    /// `before`.
    pub fn build(
        specs: &BTreeMap<TenantName, TenantSpec>,
        pools: &[PoolFacts],
        before: Self,
    ) -> Self {
        let tree = Tree::build(specs);
        let mut standing = Self {
            pools: pools
                .iter()
                .map(|pool| PoolStanding {
                    quota: Quota::build(&tree, specs, &pool.name, pool.healthy),
                    measure: pool.measure,
                    cards: pool.cards,
                    healthy: pool.healthy,
                })
                .collect(),
            pool_by_name: pools
                .iter()
                .zip(0..)
                .map(|(pool, at)| (pool.name.clone(), PoolIx(at)))
                .collect(),
            borrowed: vec![[0; 3]; tree.rows()],
            tallies: vec![Tally::default(); tree.rows()],
            users: vec![BTreeMap::new(); tree.rows()],
            averaged: vec![Sums::default(); tree.rows()],
            past: before.past,
            past_weight: before.past_weight,
            scale: before.scale,
            tree,
        };
        standing.average_all();
        standing
    }

    /// Whether it was built with that pool in it.
    pub fn knows(&self, pool: PoolIx) -> bool {
        pool.0 < self.pools.len()
    }

    /// The pool of that name.
    pub fn pool(&self, name: &PoolName) -> Option<PoolIx> {
        self.pool_by_name.get(name).copied()
    }

    /// All pools by name.
    pub fn pools(&self) -> impl Iterator<Item = (&PoolName, PoolIx)> {
        self.pool_by_name.iter().map(|(name, ix)| (name, *ix))
    }

    /// The quota of a pool.
    pub fn quota(&self, pool: PoolIx) -> &Quota {
        &self.pools[pool.0].quota
    }

    /// How a pool counts in shares; nothing if the pool is not known.
    pub fn measure(&self, pool: PoolIx) -> Option<Measure> {
        self.pools[pool.0].measure
    }

    /// Whether limits on cards count what is billed in a pool (Q5).
    pub fn counts_cards(&self, pool: PoolIx) -> bool {
        self.pools[pool.0].cards
    }

    /// The healthy capacity of which shares of a pool were taken (Q4).
    pub fn healthy(&self, pool: PoolIx) -> MilliUnits {
        self.pools[pool.0].healthy
    }

    /// Counts one admission more. O(depth).
    pub fn add(&mut self, load: &Load) {
        self.change(load, |quota, tree| quota.add(tree, load.leaf, load.billed));
        let (cards, used) = self.counted(load);
        for ix in self.tree.up(load.leaf) {
            let user = self.users[ix.row()].entry(load.user.clone()).or_default();
            for tally in [&mut self.tallies[ix.row()], &mut user.tally] {
                tally.jobs = tally.jobs.saturating_add(1);
                tally.cards = tally.cards.saturating_add(cards);
            }
            if let Some((kind, used)) = used {
                user.used[kind] = user.used[kind].saturating_add(used);
            }
        }
    }

    /// Counts one admission less. O(depth).
    pub fn remove(&mut self, load: &Load) {
        self.change(load, |quota, tree| {
            quota.remove(tree, load.leaf, load.billed);
        });
        let (cards, used) = self.counted(load);
        for ix in self.tree.up(load.leaf) {
            let Some(user) = self.users[ix.row()].get_mut(&load.user) else {
                continue;
            };
            for tally in [&mut self.tallies[ix.row()], &mut user.tally] {
                tally.jobs = tally.jobs.saturating_sub(1);
                tally.cards = tally.cards.saturating_sub(cards);
            }
            if let Some((kind, used)) = used {
                user.used[kind] = user.used[kind].saturating_sub(used);
            }
            if user.tally.jobs == 0 {
                self.users[ix.row()].remove(&load.user);
            }
        }
    }

    /// What a load adds to tallies and to its user's use of its kind.
    fn counted(&self, load: &Load) -> (MilliUnits, Option<(usize, u128)>) {
        let pool = &self.pools[load.pool.0];
        let cards = if pool.cards {
            load.billed
        } else {
            MilliUnits::ZERO
        };
        let used = pool.measure.map(|measure| {
            let used = standard(load.billed, measure.factor);
            (measure.kind as usize, used)
        });
        (cards, used)
    }

    fn change(&mut self, load: &Load, edit: impl FnOnce(&mut Quota, &Tree)) {
        let PoolStanding { quota, measure, .. } = &mut self.pools[load.pool.0];
        let tree = &self.tree;
        let before: Vec<_> = tree.up(load.leaf).map(|ix| quota.borrowed(ix)).collect();
        edit(quota, tree);
        let Some(measure) = measure else { return };
        for (ix, before) in tree.up(load.leaf).zip(before) {
            let after = standard(quota.borrowed(ix).floor(), measure.factor);
            let sum = &mut self.borrowed[ix.row()][measure.kind as usize];
            *sum = sum
                .saturating_sub(standard(before.floor(), measure.factor))
                .saturating_add(after);
        }
    }

    /// What of a node is compared with its siblings' (O2, O3).
    pub fn claim(&self, ix: TreeIx, kind: ComputeKind) -> Claim {
        let weight = self.tree.node(ix).weight;
        let borrowed = self.borrowed[ix.row()][kind as usize];
        let past = self.averaged[ix.row()][kind as usize];
        self.scale.claim(borrowed, past, weight)
    }

    /// What a subtree borrows now of that kind, over its weight: what victims are chosen
    /// by, since history never chooses one (E2).
    pub fn borrowed_now(&self, ix: TreeIx, kind: ComputeKind) -> Share {
        let weight = u128::from(self.tree.node(ix).weight);
        let borrowed = self.borrowed[ix.row()][kind as usize];
        Share(borrowed.checked_div(weight).unwrap_or(borrowed))
    }

    /// The same of a user of a leaf: all that the user holds there counts, for users are its
    /// implicit children, of weight 1 and without quota of their own (O2).
    pub fn user_claim(&self, leaf: TreeIx, user: &UserName, kind: ComputeKind) -> Claim {
        let known = self.users[leaf.row()].get(user);
        let used = known.map_or(0, |user| user.used[kind as usize]);
        let past = self.past.user(&self.tree.node(leaf).tenant, user);
        self.scale.claim(used, past[kind as usize], 1)
    }

    /// The share of a node in what is and was borrowed of that kind (O3).
    pub fn share(&self, ix: TreeIx, kind: ComputeKind) -> Share {
        self.scale.share(self.claim(ix, kind))
    }

    /// The same of a user of a leaf.
    pub fn user_share(&self, leaf: TreeIx, user: &UserName, kind: ComputeKind) -> Share {
        self.scale.share(self.user_claim(leaf, user, kind))
    }

    /// What a node borrowed on average (O3).
    pub fn average(&self, ix: TreeIx, kind: ComputeKind) -> Average {
        self.scale.average(self.averaged[ix.row()][kind as usize])
    }

    /// What a user of a leaf used there on average (O3).
    pub fn user_average(&self, leaf: TreeIx, user: &UserName, kind: ComputeKind) -> Average {
        let past = self.past.user(&self.tree.node(leaf).tenant, user);
        self.scale.average(past[kind as usize])
    }

    /// What limits count of the subtree (Q5).
    pub fn tally(&self, ix: TreeIx) -> Tally {
        self.tallies[ix.row()]
    }

    /// What limits count of one user in the subtree (Q5).
    pub fn user_tally(&self, ix: TreeIx, user: &UserName) -> Tally {
        let known = self.users[ix.row()].get(user);
        known.map_or_else(Tally::default, |user| user.tally)
    }
}

impl Scale {
    fn claim(&self, borrowed: u128, past: Sum, weight: u32) -> Claim {
        let present = borrowed.saturating_mul(self.growth);
        let present = present.saturating_mul(u128::from(self.past.den()));
        let past = match self.past.num() {
            0 => 0,
            times => past.averaged(self.growth).saturating_mul(u128::from(times)),
        };
        let sum = present.saturating_add(past);
        Claim(sum.checked_div(u128::from(weight)).unwrap_or(sum))
    }

    fn share(&self, claim: Claim) -> Share {
        let times = self.growth.saturating_mul(u128::from(self.past.den()));
        Share(claim.0.checked_div(times).unwrap_or_default())
    }

    fn average(&self, past: Sum) -> Average {
        let sum = match self.past.num() {
            0 => 0,
            _ => past.averaged(self.growth),
        };
        Average(sum.checked_div(self.growth).unwrap_or_default())
    }
}
