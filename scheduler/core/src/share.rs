//! Where every tenant and user stands: quota and usage per pool, what limits count
//! (Q5), and the share of what is borrowed, per kind of compute (O3's borrowed-now
//! part: no past, no tilt yet).
//!
//! Borrowed is what a subtree uses above its effective nominal, so a lender is never
//! ranked behind for using its own. A user owns nothing: all that it uses counts, and
//! only against the other users of its leaf (O2). It must not know jobs or nodes.

use std::collections::BTreeMap;

use edugrid_units::{MilliUnits, PoolName, Ratio, TenantName, UserName};

use crate::{
    quota::{Balance, PoolIx, Quota},
    tenants::{TenantSpec, Tree, TreeIx},
};

/// What a pool's capacity is for; shares are kept apart by it (O3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComputeKind {
    /// Accelerators.
    Intelligent,
    /// General processors.
    General,
    /// High-performance computing.
    Super,
}

/// How usage of a pool counts in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub kind: ComputeKind,
    /// Standard units per billed unit.
    pub factor: Ratio,
}

/// Borrowed units ÷ weight in 2⁻²⁰ of a standard milli-unit, floored; less goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u128);

impl Share {
    /// The same in standard units ÷ weight, to the thousandth, floored: for people.
    pub fn standard_units(self) -> MilliUnits {
        let milli = self.0.checked_div(SCALE).unwrap_or_default();
        MilliUnits(u64::try_from(milli).unwrap_or(u64::MAX))
    }
}

const SCALE: u128 = 1 << 20;

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
}

impl Standing {
    /// The standing of these tenants in these pools, with nothing used.
    pub fn build(specs: &BTreeMap<TenantName, TenantSpec>, pools: &[PoolFacts]) -> Self {
        let tree = Tree::build(specs);
        Self {
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
            tree,
        }
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
            let billed = Balance(i128::from(load.billed.0));
            (measure.kind as usize, standard(billed, measure.factor))
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
            let after = standard(quota.borrowed(ix), measure.factor);
            let sum = &mut self.borrowed[ix.row()][measure.kind as usize];
            *sum = sum
                .saturating_sub(standard(before, measure.factor))
                .saturating_add(after);
        }
    }

    /// The share of a node in what is borrowed of that kind (O3).
    pub fn share(&self, ix: TreeIx, kind: ComputeKind) -> Share {
        let weight = u128::from(self.tree.node(ix).weight);
        let borrowed = self.borrowed[ix.row()][kind as usize];
        Share(borrowed.checked_div(weight).unwrap_or(borrowed))
    }

    /// What a subtree borrows now of that kind, over its weight: what victims are chosen
    /// by, since history never chooses one (E2).
    pub fn borrowed_now(&self, ix: TreeIx, kind: ComputeKind) -> Share {
        let weight = u128::from(self.tree.node(ix).weight);
        let borrowed = self.borrowed[ix.row()][kind as usize];
        Share(borrowed.checked_div(weight).unwrap_or(borrowed))
    }

    /// The share of a user of a leaf: all that the user holds there, for users are its
    /// implicit children, of weight 1 and without quota of their own (O2).
    pub fn user_share(&self, leaf: TreeIx, user: &UserName, kind: ComputeKind) -> Share {
        let known = self.users[leaf.row()].get(user);
        Share(known.map_or(0, |user| user.used[kind as usize]))
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

/// Standard units, in 2⁻²⁰ of a milli-unit, floored.
fn standard(borrowed: Balance, factor: Ratio) -> u128 {
    let scaled = borrowed.0.max(0).unsigned_abs().saturating_mul(SCALE);
    let times = scaled.saturating_mul(u128::from(factor.num()));
    times.checked_div(u128::from(factor.den())).unwrap_or(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_units_follow_the_factor() {
        let third = Ratio::new(1, 3).unwrap();
        assert_eq!(standard(Balance(3000), third), 1000 * SCALE);
        assert_eq!(standard(Balance(-5), Ratio::ONE), 0);
    }
}
