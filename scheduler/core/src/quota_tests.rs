//! The algebra against KEP-79's invariant, which says the same in other words:
//! T(leaf) = quota − usage, T(node) = quota + Σ min(lending limit, T(child)), and a
//! request is admitted iff afterwards T(x) ≥ −borrowing limit(x) on the whole path,
//! with 0 at the root.

use std::collections::BTreeMap;

use edugrid_units::Stamp;
use proptest::prelude::*;

use super::*;
use crate::tenants::TenantLimits;

/// One tenant of a random tree: parent (an earlier one, so the first is the root),
/// nominal, limits, age.
#[derive(Clone, Debug)]
struct Node {
    parent: usize,
    nominal: Option<u64>,
    borrowing: Option<u64>,
    lending: Option<u64>,
    age: i64,
}

fn node() -> impl Strategy<Value = Node> {
    let limit = || prop::option::weighted(0.4, 0_u64..12);
    (
        0_usize..100,
        prop::option::weighted(0.7, 0_u64..20),
        limit(),
        limit(),
        0_i64..4,
    )
        .prop_map(|(parent, nominal, borrowing, lending, age)| Node {
            parent,
            nominal,
            borrowing,
            lending,
            age,
        })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(node(), 1..12)
}

fn name(at: usize) -> TenantName {
    format!("t{at:02}").into()
}

fn parent(nodes: &[Node], at: usize) -> Option<usize> {
    (at > 0).then(|| nodes[at].parent % at)
}

fn specs(nodes: &[Node]) -> BTreeMap<TenantName, TenantSpec> {
    let spec = |(at, node): (usize, &Node)| {
        let spec = TenantSpec {
            name: name(at),
            uid: format!("uid-{at:02}"),
            created: Stamp(node.age),
            parent: parent(nodes, at).map(name),
            quotas: vec![QuotaSpec {
                pool: "p".into(),
                nominal: node.nominal.map(MilliUnits),
                share: None,
                borrowing_limit: node.borrowing.map(MilliUnits),
                lending_limit: node.lending.map(MilliUnits),
            }],
            weight: 1,
            limits: TenantLimits::default(),
            user_limits: TenantLimits::default(),
            classes: None,
            stopped: false,
            on_cut: crate::tenants::OnQuotaCut::Keep,
        };
        (spec.name.clone(), spec)
    };
    nodes.iter().enumerate().map(spec).collect()
}

/// The oracle: everything from the definitions, recursively, with nothing kept.
struct Oracle<'a> {
    nodes: &'a [Node],
    /// Usage of each tenant's own jobs.
    own_usage: Vec<i128>,
}

impl Oracle<'_> {
    fn children(&self, at: usize) -> Vec<usize> {
        let all = 0..self.nodes.len();
        let mut children: Vec<_> = all.filter(|c| parent(self.nodes, *c) == Some(at)).collect();
        children.sort_by_key(|c| (self.nodes[*c].age, *c));
        children
    }

    fn claimed(&self, at: usize) -> i128 {
        match self.nodes[at].nominal {
            Some(nominal) => i128::from(nominal),
            None => self.children(at).into_iter().map(|c| self.claimed(c)).sum(),
        }
    }

    fn effective(&self, at: usize) -> i128 {
        let Some(parent) = parent(self.nodes, at) else {
            return self.claimed(at);
        };
        let older = self.children(parent).into_iter().take_while(|c| *c != at);
        let before: i128 = older.map(|c| self.claimed(c)).sum();
        self.claimed(at)
            .min((self.effective(parent) - before).max(0))
    }

    fn own(&self, at: usize) -> i128 {
        let children = self.children(at).into_iter();
        self.effective(at) - children.map(|c| self.effective(c)).sum::<i128>()
    }

    fn t(&self, at: usize) -> i128 {
        // A tenant's own jobs draw on its residual, from a leaf without limits (Q2).
        let lent = self.children(at).into_iter().map(|c| {
            let limit = self.nodes[c].lending.map_or(i128::MAX, i128::from);
            self.t(c).min(limit)
        });
        self.own(at) - self.own_usage[at] + lent.sum::<i128>()
    }

    fn path(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |at| parent(self.nodes, *at)).collect()
    }

    /// KEP-79: whether T(x) ≥ −borrowing limit(x) from here to the root.
    fn sound(&self, from: usize) -> bool {
        self.path(from).into_iter().all(|at| {
            let limit = match (at, self.nodes[at].borrowing) {
                (0, _) => 0,
                (_, None) => i128::MAX,
                (_, Some(limit)) => i128::from(limit),
            };
            self.t(at).saturating_add(limit) >= 0
        })
    }

    fn admits(&mut self, at: usize, amount: i128) -> bool {
        self.own_usage[at] += amount;
        let sound = self.sound(at);
        self.own_usage[at] -= amount;
        sound
    }
}

struct World {
    tree: Tree,
    quota: Quota,
}

impl World {
    fn new(nodes: &[Node]) -> Self {
        let specs = specs(nodes);
        let tree = Tree::build(&specs);
        let quota = Quota::build(&tree, &specs, &"p".into(), MilliUnits::ZERO);
        Self { tree, quota }
    }

    fn leaf(&self, at: usize) -> TreeIx {
        self.tree.leaf_of(&name(at)).expect("a tenant of the tree")
    }

    fn free(&self, at: usize) -> i128 {
        self.quota.available(&self.tree, self.leaf(at)).0.0
    }
}

proptest! {
    /// Admit where it fits and give back at random: at every step the algebra admits
    /// what the invariant admits, to the unit, and for every tenant.
    #[test]
    fn available_is_what_the_invariant_leaves(
        nodes in nodes(),
        steps in prop::collection::vec((0_usize..100, 1_u64..15, any::<bool>()), 0..40),
    ) {
        let mut world = World::new(&nodes);
        let mut oracle = Oracle { nodes: &nodes, own_usage: vec![0; nodes.len()] };
        for (at, amount, give_back) in steps {
            let at = at % nodes.len();
            let leaf = world.leaf(at);
            let used = oracle.own_usage[at];
            if give_back && used > 0 {
                let amount = i128::from(amount).min(used);
                let milli = MilliUnits(u64::try_from(amount).unwrap());
                world.quota.remove(&world.tree, leaf, milli);
                oracle.own_usage[at] -= amount;
            } else if i128::from(amount) <= world.free(at) {
                prop_assert!(oracle.admits(at, i128::from(amount)));
                world.quota.add(&world.tree, leaf, MilliUnits(amount));
                oracle.own_usage[at] += i128::from(amount);
            } else {
                prop_assert!(!oracle.admits(at, i128::from(amount)));
            }
            for at in 0..nodes.len() {
                let free = world.free(at);
                prop_assert!(free >= 0 && oracle.admits(at, free), "t{} at {free}", at);
                prop_assert!(!oracle.admits(at, free + 1), "t{} above {free}", at);
            }
        }
    }

    /// Q3: with usage that no longer fits (a cut) the algebra may let a tenant use what
    /// it keeps for itself, but nothing passes that the invariant would admit and the
    /// algebra not, and whoever draws on an overdrawn root gets nothing.
    #[test]
    fn an_overdrawn_tree_admits_no_less_than_the_invariant(
        nodes in nodes(),
        usage in prop::collection::vec(0_u64..25, 12),
    ) {
        let mut world = World::new(&nodes);
        let mut oracle = Oracle { nodes: &nodes, own_usage: vec![0; nodes.len()] };
        for (at, amount) in usage.into_iter().enumerate().take(nodes.len()) {
            let leaf = world.leaf(at);
            world.quota.add(&world.tree, leaf, MilliUnits(amount));
            oracle.own_usage[at] += i128::from(amount);
        }
        for at in 0..nodes.len() {
            let free = world.free(at);
            prop_assert!(!oracle.admits(at, free.max(0) + 1), "t{} above {free}", at);
        }
    }

    /// Effective nominals are Q1's, and what nobody can ever exceed is the potential.
    #[test]
    fn nominals_are_divided_and_potential_bounds_what_is_free(nodes in nodes()) {
        let world = World::new(&nodes);
        let oracle = Oracle { nodes: &nodes, own_usage: vec![0; nodes.len()] };
        for at in 0..nodes.len() {
            let ix = world.tree.tenant(&name(at)).expect("a tenant of the tree");
            prop_assert_eq!(world.quota.effective(ix).0, oracle.effective(at), "t{}", at);
            prop_assert_eq!(world.quota.claimed(ix).0, oracle.claimed(at), "t{}", at);
            let potential = world.quota.potential(&world.tree, world.leaf(at)).0;
            prop_assert_eq!(potential, world.free(at), "t{}: nothing is used", at);
        }
    }

    /// Q7: what was added and taken away leaves no trace, whatever the order.
    #[test]
    fn usage_is_conserved(
        nodes in nodes(),
        amounts in prop::collection::vec((0_usize..100, 1_u64..30), 0..30),
    ) {
        let mut world = World::new(&nodes);
        let before = format!("{:?}", world.quota);
        for (at, amount) in &amounts {
            let leaf = world.leaf(at % nodes.len());
            world.quota.add(&world.tree, leaf, MilliUnits(*amount));
        }
        let root = world.tree.root().expect("a root");
        let sum: u64 = amounts.iter().map(|(_, amount)| amount).sum();
        prop_assert_eq!(world.quota.used(root).0, i128::from(sum));
        for (at, amount) in &amounts {
            let leaf = world.leaf(at % nodes.len());
            world.quota.remove(&world.tree, leaf, MilliUnits(*amount));
        }
        prop_assert_eq!(format!("{:?}", world.quota), before);
    }
}

proptest! {
    /// Q8: whoever uses more than its own has lenders for all of it, as long as the tree
    /// is not overdrawn; nobody gives what it uses itself, and no subtree gives more to
    /// the outside than it may lend.
    #[test]
    fn every_borrowed_unit_has_a_lender(
        nodes in nodes(),
        owner in 0_usize..12,
        steps in prop::collection::vec((0_usize..100, 1_u64..15), 0..40),
    ) {
        let mut world = World::new(&nodes);
        for (at, amount) in steps {
            let at = at % nodes.len();
            if i128::from(amount) <= world.free(at) {
                let leaf = world.leaf(at);
                world.quota.add(&world.tree, leaf, MilliUnits(amount));
            }
        }
        let loans = world.quota.loans(&world.tree, &name(owner));
        let sum = |of: &dyn Fn(&loans::Loan) -> bool| -> i128 {
            let some = loans.all().iter().filter(|loan| of(loan));
            some.map(|loan| loan.amount).sum()
        };
        for (at, node) in nodes.iter().enumerate() {
            let (leaf, top) = (world.leaf(at), world.tree.tenant(&name(at)).unwrap());
            let slack = world.quota.slack(leaf).0;
            prop_assert_eq!(sum(&|loan| loan.borrower == leaf), (-slack).max(0), "t{}", at);
            prop_assert!(sum(&|loan| loan.lender == leaf) <= slack.max(0), "t{}", at);
            let inside = |ix| world.tree.up(ix).any(|above| above == top);
            let out = sum(&|loan| inside(loan.lender) && !inside(loan.borrower));
            let into = sum(&|loan| !inside(loan.lender) && inside(loan.borrower));
            prop_assert!(out == 0 || into == 0, "t{} does both", at);
            prop_assert!(node.lending.is_none_or(|limit| out <= i128::from(limit)));
            let dealings = loans.dealings(&world.tree).remove(&top).unwrap_or_default();
            prop_assert_eq!(i128::from(dealings.lent().0), out);
            prop_assert_eq!(dealings.lenders.values().map(|sum| sum.0).sum::<i128>(), into);
        }
    }
}

#[test]
fn absurd_amounts_saturate() {
    let huge = Node {
        parent: 0,
        nominal: Some(u64::MAX),
        borrowing: Some(u64::MAX),
        lending: None,
        age: 0,
    };
    let mut world = World::new(&[huge.clone(), huge.clone(), huge]);
    for at in [0, 1, 2, 1, 2] {
        let leaf = world.leaf(at);
        world.quota.add(&world.tree, leaf, MilliUnits(u64::MAX));
    }
    assert!(world.free(1) < 0);
    assert_eq!(Balance(-1500).to_string(), "-1.5");
}
