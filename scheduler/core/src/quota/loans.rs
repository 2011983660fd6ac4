//! Who lends to whom (Q8): each unit that somebody uses beyond what is its own has a
//! lender, whose own it is.
//!
//! From the leaves up, what a subtree lacks is met within it before anything is taken
//! from outside, and what it gives to the outside keeps within its lending limit, as the
//! algebra has it. Of several lenders the owner of the pool comes first, then the one
//! with the largest unused nominal, then by name. Only an overdrawn tree (Q3) leaves
//! units without a lender.
//!
//! It is read, never part of a decision.

use std::{cmp::Reverse, collections::BTreeMap};

use edugrid_units::{MilliUnits, TenantName};

use super::{Balance, Quota};
use crate::tenants::{Tree, TreeIx};

/// So much of the lender's own is used at the borrower. Both are leaves of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loan {
    pub lender: TreeIx,
    pub borrower: TreeIx,
    /// In milli-units, above zero.
    pub amount: i128,
}

/// The loans of a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loans(Vec<Loan>);

/// What a subtree takes from outside and gives to it, by name of the other side: the
/// largest part of the tree that lies beside the subtree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dealings {
    pub lenders: BTreeMap<TenantName, Balance>,
    pub borrowers: BTreeMap<TenantName, Balance>,
}

/// Leaves with what they lack or have left.
type Sums = Vec<(TreeIx, i128)>;

#[derive(Clone, Debug, Default)]
struct Side {
    lacking: Sums,
    unused: Sums,
}

impl Quota {
    /// Who lends to whom now; `owner` owns the pool's nodes. O(n log n).
    pub fn loans(&self, tree: &Tree, owner: &TenantName) -> Loans {
        let owner = tree.tenant(owner);
        let mut sides = vec![Side::default(); tree.rows()];
        let mut loans = Vec::new();
        for &ix in tree.sound().iter().rev() {
            let node = tree.node(ix);
            let mut side = Side::default();
            if node.children.is_empty() {
                let slack = self.slack(ix).0;
                match slack.signum() {
                    1 => side.unused.push((ix, slack)),
                    -1 => side.lacking.push((ix, slack.saturating_neg())),
                    _ => {}
                }
            }
            for child in node.children.iter().chain(&node.own_leaf) {
                let child = std::mem::take(&mut sides[child.row()]);
                side.lacking.extend(child.lacking);
                side.unused.extend(child.unused);
            }
            side.settle(tree, owner, &mut loans);
            if let Some(limit) = self.cell(ix).lending_limit {
                side.keep_within(limit);
            }
            sides[ix.row()] = side;
        }
        Loans(loans)
    }
}

impl Side {
    /// Meets what is lacking from what is unused, until one of both is gone.
    fn settle(&mut self, tree: &Tree, owner: Option<TreeIx>, loans: &mut Vec<Loan>) {
        if self.lacking.is_empty() || self.unused.is_empty() {
            return;
        }
        let name = |ix: TreeIx| (&tree.node(ix).tenant, ix);
        let is_owners = |ix: TreeIx| match owner {
            // Below the root everybody is the root's: only its own leaf counts.
            Some(owner) if tree.root() == Some(owner) => {
                tree.node(ix).tenant == tree.node(owner).tenant
            }
            Some(owner) => tree.up(ix).any(|above| above == owner),
            None => false,
        };
        self.unused
            .sort_by_key(|(ix, rest)| (!is_owners(*ix), Reverse(*rest), name(*ix)));
        self.lacking.sort_by_key(|(ix, _)| name(*ix));
        let mut lenders = self.unused.iter_mut().peekable();
        for (borrower, lacks) in &mut self.lacking {
            while *lacks > 0
                && let Some((lender, rest)) = lenders.peek_mut()
            {
                let amount = (*lacks).min(*rest);
                loans.push(Loan {
                    lender: *lender,
                    borrower: *borrower,
                    amount,
                });
                *lacks = lacks.saturating_sub(amount);
                *rest = rest.saturating_sub(amount);
                if *rest == 0 {
                    lenders.next();
                }
            }
        }
        self.unused.retain(|(_, rest)| *rest > 0);
        self.lacking.retain(|(_, lacks)| *lacks > 0);
    }

    /// What is unused and may leave the subtree.
    fn keep_within(&mut self, limit: i128) {
        let mut left = limit;
        for (_, rest) in &mut self.unused {
            *rest = (*rest).min(left);
            left = left.saturating_sub(*rest);
        }
        self.unused.retain(|(_, rest)| *rest > 0);
    }
}

impl Loans {
    /// All of them, for tests.
    #[cfg(test)]
    pub fn all(&self) -> &[Loan] {
        &self.0
    }

    /// What every subtree takes from outside and gives to it. O(loans × depth).
    pub fn dealings(&self, tree: &Tree) -> BTreeMap<TreeIx, Dealings> {
        let mut all: BTreeMap<TreeIx, Dealings> = BTreeMap::new();
        for loan in &self.0 {
            let lender: Vec<TreeIx> = tree.up(loan.lender).collect();
            let borrower: Vec<TreeIx> = tree.up(loan.borrower).collect();
            // The paths differ from the leaves up to where they meet.
            let met = |path: &[TreeIx], other: &[TreeIx]| {
                path.iter().position(|ix| other.contains(ix)).unwrap_or(0)
            };
            let sides = [
                (&lender[..met(&lender, &borrower)], true),
                (&borrower[..met(&borrower, &lender)], false),
            ];
            let top = |path: &[TreeIx]| path.last().map(|ix| tree.node(*ix).tenant.clone());
            let (Some(from), Some(to)) = (top(sides[0].0), top(sides[1].0)) else {
                continue;
            };
            for (path, lends) in sides {
                for ix in path {
                    let dealings = all.entry(*ix).or_default();
                    let sum = if lends {
                        dealings.borrowers.entry(to.clone())
                    } else {
                        dealings.lenders.entry(from.clone())
                    };
                    let sum = sum.or_default();
                    sum.0 = sum.0.saturating_add(loan.amount);
                }
            }
        }
        all
    }
}

impl Dealings {
    /// All that it gives to others.
    pub fn lent(&self) -> MilliUnits {
        let sum = self
            .borrowers
            .values()
            .fold(0, |sum: i128, amount| sum.saturating_add(amount.0));
        Balance(sum).floor()
    }
}
