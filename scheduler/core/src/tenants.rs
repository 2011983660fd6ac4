//! The tenant tree (Q1, Q2): who stands below whom, where a tenant's own jobs count,
//! and what is wrong with tenants that hang in no tree.
//!
//! It must not know pools' contents, usage or jobs: it is built from the specs alone
//! and stands until one of them changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use edugrid_units::{ClassName, MilliUnits, PoolName, Seconds, Stamp, TenantName};

/// A node of the tenant tree, as its administrators declare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSpec {
    /// Its name.
    pub name: TenantName,
    /// The object's UID; breaks ties of age (Q1).
    pub uid: String,
    /// When the object was made: the older of two claims on quota counts first (Q1).
    pub created: Stamp,
    /// The tenant above; absent for the root.
    pub parent: Option<TenantName>,
    /// What the subtree owns, a line per pool.
    pub quotas: Vec<QuotaSpec>,
    /// Weight among its siblings (O3); 0 counts as 1.
    pub weight: u32,
    /// Limits of the subtree (Q5).
    pub limits: TenantLimits,
    /// Limits of each single user in the subtree (Q5).
    pub user_limits: TenantLimits,
    /// Classes that its subtree may use, each by these people only, or by all where
    /// none is named; absent: as the parent. Only narrows (O1).
    pub classes: Option<BTreeMap<ClassName, BTreeSet<ClassSubject>>>,
    /// Nothing of its subtree is admitted: held, draining or retired.
    pub stopped: bool,
    /// What becomes of what runs in its subtree when that is more than is left (Q3).
    pub on_cut: OnQuotaCut,
}

/// What becomes of what runs when a quota is cut below its use (Q3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnQuotaCut {
    /// It goes on; nothing new starts until enough has ended.
    #[default]
    Keep,
    /// What is borrowed is stopped.
    Reclaim {
        /// After it has been too much for so long.
        delay: Seconds,
    },
}

/// What a subtree owns of one pool, in the pool's unit (Q1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSpec {
    /// The pool.
    pub pool: PoolName,
    /// What the subtree owns, children included; absent, and no share either: the sum
    /// of its children's.
    pub nominal: Option<MilliUnits>,
    /// The same in percent of the capacity of the pool's healthy nodes (Q4); counts
    /// where there is no nominal.
    pub share: Option<u32>,
    /// The most that it borrows; absent: no cap of its own (Q2).
    pub borrowing_limit: Option<MilliUnits>,
    /// The most that it lends; absent: everything (Q2).
    pub lending_limit: Option<MilliUnits>,
}

impl QuotaSpec {
    /// What the subtree owns by its own declaration, of a pool with so much healthy
    /// capacity; a share is rounded down to the milli-unit.
    pub(crate) fn owns(&self, healthy: MilliUnits) -> Option<MilliUnits> {
        let share = || {
            let parts = u128::from(healthy.0).saturating_mul(u128::from(self.share?));
            let units = parts.checked_div(100)?;
            Some(MilliUnits(u64::try_from(units).unwrap_or(u64::MAX)))
        };
        self.nominal.or_else(share)
    }
}

/// Somebody whom a class is given to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClassSubject {
    /// A user, or a service account by its user name.
    User(String),
    /// All members of a group.
    Group(String),
}

/// Limits of a subtree, or of each single user in it (Q5); what is absent is not
/// limited. Every tenant of a job's path judges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Jobs that are admitted at once.
    pub running_jobs: Option<u32>,
    /// Jobs that wait in the order at once. Of those that nothing of their own holds
    /// back the oldest by eligible time, then UID, are in; the others are over the
    /// limit, wait aside and come in as places fall free.
    pub pending_jobs: Option<u32>,
    /// Billed units in use at once, over all pools that count cards.
    pub cards: Option<MilliUnits>,
    /// Billed units of one job in a pool that counts cards.
    pub cards_per_job: Option<MilliUnits>,
    /// Longest walltime of a job.
    pub walltime: Option<Seconds>,
}

/// Why a tenant and all below it hang in no tree and admit nothing (Q1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeFault {
    /// It names a parent that does not exist.
    UnknownParent(TenantName),
    /// It has no parent, but an older tenant is the root.
    SecondRoot {
        /// The root.
        root: TenantName,
    },
    /// Following its parents never ends.
    Cycle,
}

/// A node of the [`Tree`] by index. Valid until the tree is built anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TreeIx(usize);

/// One node of the tree: a tenant, or the implicit leaf of one (Q2).
#[derive(Clone, Debug)]
pub(crate) struct TreeNode {
    /// The tenant; of an implicit leaf, the tenant whose jobs it holds.
    pub tenant: TenantName,
    /// Whether this is the leaf for the own jobs of a tenant that has children (Q2).
    pub implicit: bool,
    /// The node above.
    pub parent: Option<TreeIx>,
    /// Tenants below, the oldest first, then by UID (Q1). Never the implicit leaf.
    pub children: Vec<TreeIx>,
    /// The implicit leaf, if it has children.
    pub own_leaf: Option<TreeIx>,
    /// Weight among the siblings, at least 1.
    pub weight: u32,
    /// Place among the siblings by name; the implicit leaf's empty name is first.
    pub rank: usize,
}

/// The tree as it stands: indices instead of names, parents before children.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<TreeNode>,
    by_name: BTreeMap<TenantName, TreeIx>,
    root: Option<TreeIx>,
    /// Every node that hangs below the root, parents first.
    order: Vec<TreeIx>,
    /// Tenants that hang in no tree, with the tenant where it breaks.
    faults: BTreeMap<TenantName, (TenantName, TreeFault)>,
}

impl TreeIx {
    /// The position in tables that have a row per node.
    pub fn row(self) -> usize {
        self.0
    }
}

impl Tree {
    /// The tree of these tenants. Never fails: what hangs wrong becomes a fault.
    pub fn build(specs: &BTreeMap<TenantName, TenantSpec>) -> Self {
        let mut tree = Self::default();
        for spec in specs.values() {
            let ix = TreeIx(tree.nodes.len());
            tree.by_name.insert(spec.name.clone(), ix);
            tree.nodes.push(TreeNode {
                tenant: spec.name.clone(),
                implicit: false,
                parent: None,
                children: Vec::new(),
                own_leaf: None,
                weight: spec.weight.max(1),
                rank: ix.0.saturating_add(1),
            });
        }
        let tops = tree.link(specs);
        tree.root = specs
            .values()
            .filter(|spec| spec.parent.is_none())
            .min_by_key(|spec| age(spec))
            .and_then(|spec| tree.by_name.get(&spec.name).copied());
        tree.order = tree.root.map(|root| tree.below(root)).unwrap_or_default();
        tree.find_faults(specs, &tops);
        for ix in tree.order.clone() {
            tree.add_own_leaf(ix);
        }
        tree
    }

    /// Hangs children under parents; returns the tenants that hang under nobody.
    fn link(&mut self, specs: &BTreeMap<TenantName, TenantSpec>) -> Vec<TreeIx> {
        let mut by_age: Vec<&TenantSpec> = specs.values().collect();
        by_age.sort_by_key(|spec| age(spec));
        let mut tops = Vec::new();
        for spec in by_age {
            let Some(&ix) = self.by_name.get(&spec.name) else {
                continue;
            };
            let parent = spec
                .parent
                .as_ref()
                .and_then(|name| self.by_name.get(name).copied());
            match parent {
                Some(parent) => self.node_mut(parent).children.push(ix),
                None => tops.push(ix),
            }
            self.node_mut(ix).parent = parent;
        }
        tops
    }

    /// `top` and all below it, parents first.
    fn below(&self, top: TreeIx) -> Vec<TreeIx> {
        let (mut queue, mut order) = (VecDeque::from([top]), Vec::new());
        while let Some(ix) = queue.pop_front() {
            order.push(ix);
            queue.extend(self.node(ix).children.iter().copied());
        }
        order
    }

    /// Marks what does not hang below the root, and cuts it off, so that every walk
    /// upwards ends.
    fn find_faults(&mut self, specs: &BTreeMap<TenantName, TenantSpec>, tops: &[TreeIx]) {
        let mut sound = vec![false; self.nodes.len()];
        for ix in &self.order {
            if let Some(flag) = sound.get_mut(ix.0) {
                *flag = true;
            }
        }
        for &top in tops.iter().filter(|top| Some(**top) != self.root) {
            let name = self.node(top).tenant.clone();
            let parent = specs.get(&name).and_then(|spec| spec.parent.clone());
            let fault = match (parent, self.root) {
                (Some(parent), _) => TreeFault::UnknownParent(parent),
                (None, Some(root)) => TreeFault::SecondRoot {
                    root: self.node(root).tenant.clone(),
                },
                (None, None) => continue,
            };
            for ix in self.below(top) {
                if let Some(flag) = sound.get_mut(ix.0) {
                    *flag = true;
                }
                let tenant = self.node(ix).tenant.clone();
                self.faults.insert(tenant, (name.clone(), fault.clone()));
            }
        }
        let lost = sound.iter().zip(0..).filter(|(sound, _)| !**sound);
        for ix in lost.map(|(_, ix)| TreeIx(ix)).collect::<Vec<_>>() {
            let tenant = self.node(ix).tenant.clone();
            self.faults
                .insert(tenant.clone(), (tenant, TreeFault::Cycle));
        }
        for tenant in self.faults.keys().cloned().collect::<Vec<_>>() {
            if let Some(&ix) = self.by_name.get(&tenant) {
                let node = self.node_mut(ix);
                node.parent = None;
                node.children.clear();
            }
        }
    }

    /// Gives a tenant with children the leaf for its own jobs (Q2).
    fn add_own_leaf(&mut self, parent: TreeIx) {
        if self.node(parent).children.is_empty() {
            return;
        }
        let leaf = TreeIx(self.nodes.len());
        let tenant = self.node(parent).tenant.clone();
        self.node_mut(parent).own_leaf = Some(leaf);
        self.order.push(leaf);
        self.nodes.push(TreeNode {
            tenant,
            implicit: true,
            parent: Some(parent),
            children: Vec::new(),
            own_leaf: None,
            weight: 1,
            rank: 0,
        });
    }

    /// The node of that index.
    pub fn node(&self, ix: TreeIx) -> &TreeNode {
        &self.nodes[ix.0]
    }

    fn node_mut(&mut self, ix: TreeIx) -> &mut TreeNode {
        &mut self.nodes[ix.0]
    }

    /// How many rows a table with a row per node has.
    pub fn rows(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes below the root and the root, parents first.
    pub fn sound(&self) -> &[TreeIx] {
        &self.order
    }

    /// The node of a tenant, whether it is sound or not.
    pub fn tenant(&self, name: &TenantName) -> Option<TreeIx> {
        self.by_name.get(name).copied()
    }

    /// Where a tenant's own jobs count: itself, or its implicit leaf (Q2).
    pub fn leaf_of(&self, name: &TenantName) -> Option<TreeIx> {
        let ix = self.tenant(name)?;
        Some(self.node(ix).own_leaf.unwrap_or(ix))
    }

    /// The root.
    pub fn root(&self) -> Option<TreeIx> {
        self.root
    }

    /// Why a tenant hangs in no tree, with the tenant where it breaks.
    pub fn fault(&self, name: &TenantName) -> Option<&(TenantName, TreeFault)> {
        self.faults.get(name)
    }

    /// The node and those above it, up to the root.
    pub fn up(&self, from: TreeIx) -> impl Iterator<Item = TreeIx> {
        std::iter::successors(Some(from), |ix| self.node(*ix).parent)
    }

    /// The tenants from that of the node up to the root, each once.
    pub fn path(&self, from: TreeIx) -> impl Iterator<Item = &TenantName> {
        self.up(from)
            .map(|ix| self.node(ix))
            .filter(|node| !node.implicit)
            .map(|node| &node.tenant)
    }
}

/// Who is older (Q1).
fn age(spec: &TenantSpec) -> (Stamp, &str, &TenantName) {
    (spec.created, &spec.uid, &spec.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name parent created`, a line each; `-` for no parent.
    fn tree(text: &str) -> Tree {
        let specs = text.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [name, parent, created] = words[..] else {
                panic!("not a tenant: {line}");
            };
            let spec = TenantSpec {
                name: name.into(),
                uid: format!("uid-{name}"),
                created: Stamp::from_seconds(created.parse().unwrap()),
                parent: (parent != "-").then(|| parent.into()),
                quotas: Vec::new(),
                weight: 1,
                limits: TenantLimits::default(),
                user_limits: TenantLimits::default(),
                classes: None,
                stopped: false,
                on_cut: OnQuotaCut::Keep,
            };
            (spec.name.clone(), spec)
        });
        Tree::build(&specs.collect())
    }

    fn path(tree: &Tree, name: &str) -> Vec<String> {
        let leaf = tree.leaf_of(&name.into()).unwrap();
        tree.path(leaf).map(ToString::to_string).collect()
    }

    #[test]
    fn a_tenant_with_children_has_a_leaf_of_its_own() {
        let tree = tree("root - 0\na root 1\nb root 2\nlab a 3");
        assert_eq!(path(&tree, "lab"), ["lab", "a", "root"]);
        assert_eq!(path(&tree, "a"), ["a", "root"]);
        let leaf = tree.leaf_of(&"a".into()).unwrap();
        assert!(tree.node(leaf).implicit);
        assert!(!tree.node(tree.leaf_of(&"b".into()).unwrap()).implicit);
        assert_eq!(
            tree.sound().len(),
            6,
            "four tenants, two with implicit leaves"
        );
    }

    #[test]
    fn what_hangs_wrong_is_told_and_cut_off() {
        let tree = tree(
            "root - 0\nlate - 5\nunder-late late 6\norphan gone 1\n\
             c1 c2 1\nc2 c1 1\nunder-cycle c1 2\nself self 1",
        );
        let fault = |name: &str| tree.fault(&name.into()).cloned();
        let root = TreeFault::SecondRoot {
            root: "root".into(),
        };
        assert_eq!(fault("root"), None);
        assert_eq!(fault("late"), Some(("late".into(), root.clone())));
        assert_eq!(fault("under-late"), Some(("late".into(), root)));
        assert_eq!(
            fault("orphan"),
            Some(("orphan".into(), TreeFault::UnknownParent("gone".into())))
        );
        for name in ["c1", "c2", "under-cycle", "self"] {
            assert_eq!(fault(name), Some((name.into(), TreeFault::Cycle)));
            assert_eq!(path(&tree, name), [name], "walks upwards end");
        }
    }
}
