//! The quota algebra of one pool over the tenant tree (Q1–Q3): effective nominals,
//! what is kept, lent and borrowed, and what is still free for a tenant.
//!
//! It is Kueue's algebra (`resource_node.go`, KEP-79) on the residual
//! own(n) = nominal(n) − Σ effective nominal(children). It must not know jobs, nodes
//! or order.

mod loans;

use std::{collections::BTreeMap, fmt};

use edugrid_units::{MilliUnits, PoolName, TenantName};

pub(crate) use loans::{Dealings, Loans};

use crate::tenants::{QuotaSpec, TenantSpec, Tree, TreeIx};

/// A pool by index; handed out once per name and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolIx(pub usize);

/// Milli-units that may be negative: what is available may be (Q3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Balance(pub i128);

impl Balance {
    /// What is there, nothing if it is overdrawn.
    pub fn floor(self) -> MilliUnits {
        MilliUnits(u64::try_from(self.0.max(0)).unwrap_or(u64::MAX))
    }
}

/// Units with up to three decimals, with a minus where it is overdrawn.
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = u64::try_from(self.0.unsigned_abs()).unwrap_or(u64::MAX);
        f.pad(&format!("{sign}{}", MilliUnits(size)))
    }
}

/// The node and the rule that leave too little free for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The node whose rule binds.
    pub node: TreeIx,
    /// Whether that is its borrowing limit; otherwise the tree has no more.
    pub borrowing: bool,
}

/// One node's part in the algebra, in milli-units. Only sums and differences of 64-bit
/// amounts are kept, so 128 bits never overflow in practice; all the same they saturate.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// What the subtree says it owns: its nominal, or the sum of its children's.
    claimed: i128,
    /// What of that is covered by the parent's (Q1).
    effective: i128,
    /// What the subtree brings in: its residual and what its children lend.
    subtree: i128,
    /// Of that, what it keeps for itself.
    local: i128,
    borrowing_limit: Option<i128>,
    lending_limit: Option<i128>,
    /// Usage that the algebra sees here: of a parent, only what its children's own
    /// kept parts don't cover.
    charged: i128,
    /// All that the subtree uses.
    used: i128,
}

impl Cell {
    /// What it may still draw from above, where its borrowing is limited.
    fn cap(&self) -> Option<i128> {
        let limit = self.borrowing_limit?;
        let lent = self.subtree.saturating_sub(self.local);
        let drawn = self.charged.saturating_sub(self.local).max(0);
        Some(lent.saturating_sub(drawn).saturating_add(limit))
    }

    /// What is free of the part that it keeps for itself.
    fn kept(&self) -> i128 {
        self.local.saturating_sub(self.charged).max(0)
    }
}

/// The quota of one pool over the whole tree, with its usage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quota {
    cells: Vec<Cell>,
    /// Per node, whether some node below it keeps a part of its quota for itself.
    keeps_below: Vec<bool>,
}

impl Quota {
    /// The quota that these tenants declare for the pool, with nothing used. A share is
    /// one of `healthy`, the capacity of its healthy nodes (Q4).
    pub fn build(
        tree: &Tree,
        specs: &BTreeMap<TenantName, TenantSpec>,
        pool: &PoolName,
        healthy: MilliUnits,
    ) -> Self {
        let mut quota = Self {
            cells: vec![Cell::default(); tree.rows()],
            keeps_below: vec![false; tree.rows()],
        };
        let line = |ix: TreeIx| -> Option<&QuotaSpec> {
            let node = tree.node(ix);
            let spec = specs.get(&node.tenant).filter(|_| !node.implicit)?;
            spec.quotas.iter().find(|line| line.pool == *pool)
        };
        for &ix in tree.sound().iter().rev() {
            let children = tree.node(ix).children.iter();
            let sum = children.fold(0, |sum: i128, child| {
                sum.saturating_add(quota.cell(*child).claimed)
            });
            let nominal = line(ix).and_then(|line| line.owns(healthy)).map(milli);
            quota.cell_mut(ix).claimed = nominal.unwrap_or(sum);
        }
        let residuals = quota.divide(tree);
        for &ix in tree.sound().iter().rev() {
            let own = residuals.get(ix.row()).copied().unwrap_or(0);
            let node = tree.node(ix);
            let lent = node.children.iter().fold(own, |sum, child| {
                let child = quota.cell(*child);
                sum.saturating_add(child.subtree.saturating_sub(child.local))
            });
            let lending = line(ix).and_then(|line| line.lending_limit).map(milli);
            let cell = quota.cell_mut(ix);
            cell.lending_limit = lending;
            cell.subtree = lent;
            cell.local = lending.map_or(0, |limit| lent.saturating_sub(limit).max(0));
            let borrowing = line(ix).and_then(|line| line.borrowing_limit).map(milli);
            cell.borrowing_limit = borrowing.filter(|_| node.parent.is_some());
            let keeps = cell.local > 0 || quota.keeps_below[ix.row()];
            if let Some(parent) = node.parent.filter(|_| keeps) {
                quota.keeps_below[parent.row()] = true;
            }
        }
        quota
    }

    /// Sets the effective nominals from the root down, the oldest child first (Q1);
    /// returns what each node keeps beside its children.
    fn divide(&mut self, tree: &Tree) -> Vec<i128> {
        let mut residuals = vec![0; tree.rows()];
        if let Some(root) = tree.root() {
            let cell = self.cell_mut(root);
            cell.effective = cell.claimed;
        }
        for &ix in tree.sound() {
            let node = tree.node(ix);
            if node.implicit {
                continue;
            }
            let mut rest = self.cell(ix).effective;
            for &child in &node.children {
                let cell = self.cell_mut(child);
                cell.effective = cell.claimed.min(rest);
                rest = rest.saturating_sub(cell.effective);
            }
            if let Some(leaf) = node.own_leaf {
                let cell = self.cell_mut(leaf);
                (cell.claimed, cell.effective) = (rest, rest);
            }
            if let Some(residual) = residuals.get_mut(ix.row()) {
                *residual = rest;
            }
        }
        residuals
    }

    /// Adds usage at a leaf and on its path. O(depth).
    pub fn add(&mut self, tree: &Tree, leaf: TreeIx, amount: MilliUnits) {
        self.change(tree, leaf, milli(amount));
    }

    /// Takes usage away at a leaf and on its path. O(depth).
    pub fn remove(&mut self, tree: &Tree, leaf: TreeIx, amount: MilliUnits) {
        self.change(tree, leaf, milli(amount).saturating_neg());
    }

    fn change(&mut self, tree: &Tree, leaf: TreeIx, amount: i128) {
        let mut carried = amount;
        for ix in tree.up(leaf) {
            let cell = self.cell_mut(ix);
            cell.used = cell.used.saturating_add(amount);
            let before = cell.charged.saturating_sub(cell.local).max(0);
            cell.charged = cell.charged.saturating_add(carried);
            let after = cell.charged.saturating_sub(cell.local).max(0);
            carried = after.saturating_sub(before);
        }
    }

    /// What is free for a job that counts at `leaf`, and what binds it. O(depth).
    pub fn available(&self, tree: &Tree, leaf: TreeIx) -> (Balance, Binding) {
        let mut path: Vec<TreeIx> = tree.up(leaf).collect();
        let root = path.pop().unwrap_or(leaf);
        let top = self.cell(root);
        let mut free = top.subtree.saturating_sub(top.charged);
        let mut binding = Binding {
            node: root,
            borrowing: false,
        };
        for ix in path.into_iter().rev() {
            let cell = self.cell(ix);
            if let Some(cap) = cell.cap().filter(|cap| *cap < free) {
                free = cap;
                binding = Binding {
                    node: ix,
                    borrowing: true,
                };
            }
            free = free.saturating_add(cell.kept());
        }
        (Balance(free), binding)
    }

    /// The most that a node by itself leaves free for what is below it, whatever is free above: without a borrowing limit
    /// it sets no bound.
    pub fn own_room(&self, tree: &Tree, ix: TreeIx) -> i128 {
        let cell = self.cell(ix);
        if tree.root() == Some(ix) {
            return cell.subtree.saturating_sub(cell.charged);
        }
        cell.cap()
            .map_or(i128::MAX, |cap| cap.saturating_add(cell.kept()))
    }

    /// How much of its use a subtree is to give back after a cut (Q3): what is missing at
    /// its node, and never more than it borrows, so nothing where it is within its nominal
    /// (E2). The root borrows from nobody: whatever is missing there is its own. O(depth).
    pub fn overdraft(&self, tree: &Tree, ix: TreeIx) -> Balance {
        let missing = self.available(tree, ix).0.0.saturating_neg().max(0);
        if tree.root() == Some(ix) {
            return Balance(missing);
        }
        Balance(missing.min(self.borrowed(ix).0))
    }

    /// Whether some node below this one keeps quota for itself, and so may have room
    /// where this one has none.
    pub fn keeps_below(&self, ix: TreeIx) -> bool {
        self.keeps_below[ix.row()]
    }

    /// What must be available at `above`, at the least, before so much can be available
    /// at `at` below it. O(depth).
    pub fn needed_at(&self, tree: &Tree, above: TreeIx, at: TreeIx, amount: MilliUnits) -> i128 {
        let between = tree.up(at).take_while(|ix| *ix != above);
        between.fold(milli(amount), |needed, ix| {
            needed.saturating_sub(self.cell(ix).local)
        })
    }

    /// The most that could ever be free at `leaf`, whatever is used. O(depth).
    pub fn potential(&self, tree: &Tree, leaf: TreeIx) -> Balance {
        let mut path: Vec<TreeIx> = tree.up(leaf).collect();
        let root = path.pop().unwrap_or(leaf);
        let mut most = self.cell(root).subtree;
        for ix in path.into_iter().rev() {
            let cell = self.cell(ix);
            most = most.saturating_add(cell.local);
            if let Some(limit) = cell.borrowing_limit {
                most = most.min(cell.subtree.saturating_add(limit));
            }
        }
        Balance(most)
    }

    /// What the subtree says it owns (Q1).
    pub fn claimed(&self, ix: TreeIx) -> Balance {
        Balance(self.cell(ix).claimed)
    }

    /// What of it is effective (Q1).
    pub fn effective(&self, ix: TreeIx) -> Balance {
        Balance(self.cell(ix).effective)
    }

    /// What the subtree uses.
    pub fn used(&self, ix: TreeIx) -> Balance {
        Balance(self.cell(ix).used)
    }

    /// What the subtree uses above its effective nominal (O3).
    pub fn borrowed(&self, ix: TreeIx) -> Balance {
        let cell = self.cell(ix);
        Balance(cell.used.saturating_sub(cell.effective).max(0))
    }

    /// What more the subtree can use before it borrows (O2); negative where it does.
    pub fn slack(&self, ix: TreeIx) -> Balance {
        let cell = self.cell(ix);
        Balance(cell.effective.saturating_sub(cell.used))
    }

    fn cell(&self, ix: TreeIx) -> &Cell {
        &self.cells[ix.row()]
    }

    fn cell_mut(&mut self, ix: TreeIx) -> &mut Cell {
        &mut self.cells[ix.row()]
    }
}

fn milli(amount: MilliUnits) -> i128 {
    i128::from(amount.0)
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
