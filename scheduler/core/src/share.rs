//! Where every tenant stands: its quota and usage per pool, and its share of what is
//! borrowed, per kind of compute (O3's borrowed-now part: no past, no tilt yet).
//!
//! Borrowed is what a subtree uses above its effective nominal, so a lender is never
//! ranked behind for using its own. It must not know jobs or nodes.

use std::collections::BTreeMap;

use edugrid_units::{MilliUnits, PoolName, Ratio, TenantName};

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

const SCALE: u128 = 1 << 20;

/// Quota and usage of one pool, and how its usage counts in shares.
#[derive(Clone, Debug)]
struct PoolStanding {
    quota: Quota,
    measure: Option<Measure>,
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
    /// Open admissions of the subtree, per node.
    running: Vec<u32>,
}

impl Standing {
    /// The standing of these tenants in these pools, with nothing used.
    pub fn build(
        specs: &BTreeMap<TenantName, TenantSpec>,
        pools: &[(PoolName, Option<Measure>)],
    ) -> Self {
        let tree = Tree::build(specs);
        Self {
            pools: pools
                .iter()
                .map(|(pool, measure)| PoolStanding {
                    quota: Quota::build(&tree, specs, pool),
                    measure: *measure,
                })
                .collect(),
            pool_by_name: pools
                .iter()
                .zip(0..)
                .map(|((pool, _), at)| (pool.clone(), PoolIx(at)))
                .collect(),
            borrowed: vec![[0; 3]; tree.rows()],
            running: vec![0; tree.rows()],
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

    /// Counts one admission more. O(depth).
    pub fn add(&mut self, pool: PoolIx, leaf: TreeIx, billed: MilliUnits) {
        self.change(pool, leaf, |quota, tree| quota.add(tree, leaf, billed));
        for ix in self.tree.up(leaf) {
            let count = &mut self.running[ix.row()];
            *count = count.saturating_add(1);
        }
    }

    /// Counts one admission less. O(depth).
    pub fn remove(&mut self, pool: PoolIx, leaf: TreeIx, billed: MilliUnits) {
        self.change(pool, leaf, |quota, tree| quota.remove(tree, leaf, billed));
        for ix in self.tree.up(leaf) {
            let count = &mut self.running[ix.row()];
            *count = count.saturating_sub(1);
        }
    }

    fn change(&mut self, pool: PoolIx, leaf: TreeIx, edit: impl FnOnce(&mut Quota, &Tree)) {
        let PoolStanding { quota, measure } = &mut self.pools[pool.0];
        let tree = &self.tree;
        let before: Vec<_> = tree.up(leaf).map(|ix| quota.borrowed(ix)).collect();
        edit(quota, tree);
        let Some(measure) = measure else { return };
        for (ix, before) in tree.up(leaf).zip(before) {
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

    /// Open admissions of the subtree.
    pub fn running(&self, ix: TreeIx) -> u32 {
        self.running[ix.row()]
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
