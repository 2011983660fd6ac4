//! A line: the waiting groups of one shape in one pool, in O2's order.
//!
//! The key of a job is, from below the root to its leaf, (over, share, name) per node;
//! at the leaf the user's (share, name) follows, then priority, eligible time and UID.
//! A user owns nothing, so every job of every user is over: that part says nothing.
//! All jobs of a line are billed the same, so each node and user has one key, and the
//! first in order is found by walking down the least of them.
//!
//! Nodes and users sleep: what can't be admitted below them now is not listed, and costs
//! nothing until it is woken. What puts them to sleep and wakes them is not known here.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use edugrid_units::{ComputeKind, JobUid, MilliUnits, Stamp, UserName};

use super::GroupId;
use crate::{
    quota::PoolIx,
    share::{Claim, Load, Standing},
    tenants::TreeIx,
};

/// A group's first job as its user's are ordered: priority, eligible time, UID (O2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Head {
    pub priority: Reverse<i32>,
    pub eligible: Stamp,
    pub job: JobUid,
    pub group: GroupId,
}

/// Where a group stands in the tree, and its first job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pick {
    pub leaf: TreeIx,
    pub user: UserName,
    pub head: Head,
}

/// A part of a line that can sleep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// All below a node.
    Node(TreeIx),
    /// One user of a leaf.
    User(TreeIx, UserName),
}

/// One node's part of O2's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    over: bool,
    claim: Claim,
    rank: usize,
}

/// O2's key of a user of a leaf: all but what tells the user's own jobs apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    nodes: Vec<Key>,
    user: (Claim, UserName),
}

/// O2's whole key of a job; least goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathKey {
    turn: Turn,
    head: Head,
}

/// A node with something below it, or asleep.
#[derive(Clone, Debug, Default)]
struct Stop {
    /// The key under which its parent lists it.
    listed: Option<Key>,
    asleep: bool,
    children: BTreeSet<(Key, TreeIx)>,
    users: BTreeSet<(Claim, UserName)>,
}

/// What a user has waiting at a leaf.
#[derive(Clone, Debug, Default)]
struct Bench {
    /// The claim under which the leaf lists it.
    listed: Option<Claim>,
    asleep: bool,
    heads: BTreeSet<Head>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub pool: PoolIx,
    pub kind: ComputeKind,
    /// What each of its jobs is billed (N4).
    pub billed: MilliUnits,
    stops: BTreeMap<TreeIx, Stop>,
    benches: BTreeMap<(TreeIx, UserName), Bench>,
}

impl Line {
    /// An empty line.
    pub fn new(pool: PoolIx, kind: ComputeKind, billed: MilliUnits) -> Self {
        Self {
            pool,
            kind,
            billed,
            stops: BTreeMap::new(),
            benches: BTreeMap::new(),
        }
    }

    /// Whether nobody stands in it.
    pub fn is_empty(&self) -> bool {
        self.benches.is_empty()
    }

    /// Puts a head in. O(depth).
    pub fn insert(&mut self, standing: &Standing, pick: &Pick) {
        let spot = (pick.leaf, pick.user.clone());
        let bench = self.benches.entry(spot).or_default();
        bench.heads.insert(pick.head.clone());
        self.list_user(standing, pick.leaf, &pick.user);
    }

    /// Takes a head out, if it is in. O(depth).
    pub fn remove(&mut self, standing: &Standing, pick: &Pick) {
        let spot = (pick.leaf, pick.user.clone());
        let Some(bench) = self.benches.get_mut(&spot) else {
            return;
        };
        bench.heads.remove(&pick.head);
        self.list_user(standing, pick.leaf, &pick.user);
    }

    /// The first in order, with its key. Since claims only rise with time, a key that was
    /// listed earlier is never too high: whoever is first by a key that still holds is first.
    pub fn first(&mut self, standing: &Standing) -> Option<(PathKey, Pick)> {
        loop {
            let (key, pick) = self.first_listed(standing)?;
            if !standing.keys_move() || self.is_fresh(standing, &pick) {
                return Some((key, pick));
            }
            self.list_user(standing, pick.leaf, &pick.user);
        }
    }

    /// Whether a pick's user and all nodes above it are listed by what they claim now.
    fn is_fresh(&self, standing: &Standing, pick: &Pick) -> bool {
        let bench = self.benches.get(&(pick.leaf, pick.user.clone()));
        let claim = standing.user_claim(pick.leaf, &pick.user, self.kind);
        bench.and_then(|bench| bench.listed) == Some(claim)
            && standing.tree.up(pick.leaf).all(|ix| {
                let listed = self.stops.get(&ix).and_then(|stop| stop.listed);
                listed.is_some_and(|key| key.claim == standing.claim(ix, self.kind))
            })
    }

    fn first_listed(&self, standing: &Standing) -> Option<(PathKey, Pick)> {
        let mut leaf = standing.tree.root()?;
        if self.stops.get(&leaf)?.asleep {
            return None;
        }
        let mut nodes = Vec::new();
        while let Some((key, child)) = self.stops.get(&leaf)?.children.first() {
            nodes.push(*key);
            leaf = *child;
        }
        let user = self.stops.get(&leaf)?.users.first()?.clone();
        let bench = self.benches.get(&(leaf, user.1.clone()))?;
        let head = bench.heads.first()?.clone();
        let pick = Pick {
            leaf,
            user: user.1.clone(),
            head: head.clone(),
        };
        let turn = Turn { nodes, user };
        Some((PathKey { turn, head }, pick))
    }

    /// All who are awake, by whose turn it is as things stand.
    pub fn turns(&self, standing: &Standing) -> impl Iterator<Item = (Turn, Pick)> {
        self.benches.iter().flat_map(|((leaf, user), bench)| {
            let up = standing.tree.up(*leaf);
            let listed = up.filter_map(|ix| self.stops.get(&ix)?.listed);
            let mut nodes: Vec<Key> = listed.collect();
            nodes.reverse();
            // The root is nobody's child, and in no key.
            nodes.remove(0);
            let turn = bench.listed.map(|claim| Turn {
                nodes,
                user: (claim, user.clone()),
            });
            let picks = bench.heads.iter().map(|head| Pick {
                leaf: *leaf,
                user: user.clone(),
                head: head.clone(),
            });
            turn.into_iter().cycle().zip(picks)
        })
    }

    /// Lets a part sleep or wakes it; false if it is so already. O(depth).
    pub fn set_asleep(&mut self, standing: &Standing, spot: &Spot, asleep: bool) -> bool {
        let known = match spot {
            Spot::Node(ix) if asleep => Some(&mut self.stops.entry(*ix).or_default().asleep),
            Spot::Node(ix) => self.stops.get_mut(ix).map(|stop| &mut stop.asleep),
            Spot::User(leaf, user) => {
                let bench = self.benches.get_mut(&(*leaf, user.clone()));
                bench.map(|bench| &mut bench.asleep)
            }
        };
        let Some(known) = known.filter(|known| **known != asleep) else {
            return false;
        };
        *known = asleep;
        match spot {
            Spot::Node(ix) => self.list(standing, *ix),
            Spot::User(leaf, user) => self.list_user(standing, *leaf, user),
        }
        true
    }

    /// Brings the keys of a user and of the path above it up to date. O(depth).
    pub fn refresh(&mut self, standing: &Standing, leaf: TreeIx, user: &UserName) {
        if self.benches.contains_key(&(leaf, user.clone())) {
            self.list_user(standing, leaf, user);
        } else {
            self.list(standing, leaf);
        }
    }

    /// Brings all keys up to date.
    pub fn refresh_all(&mut self, standing: &Standing) {
        let spots: Vec<(TreeIx, UserName)> = self.benches.keys().cloned().collect();
        for (leaf, user) in spots {
            self.list_user(standing, leaf, &user);
        }
    }

    fn list_user(&mut self, standing: &Standing, leaf: TreeIx, user: &UserName) {
        let spot = (leaf, user.clone());
        let Some(bench) = self.benches.get_mut(&spot) else {
            return;
        };
        let is_listed = !bench.asleep && !bench.heads.is_empty();
        let claim = is_listed.then(|| standing.user_claim(leaf, user, self.kind));
        let before = std::mem::replace(&mut bench.listed, claim);
        if bench.heads.is_empty() {
            self.benches.remove(&spot);
        }
        let stop = self.stops.entry(leaf).or_default();
        if before != claim {
            if let Some(before) = before {
                stop.users.remove(&(before, user.clone()));
            }
            if let Some(claim) = claim {
                stop.users.insert((claim, user.clone()));
            }
        }
        self.list(standing, leaf);
    }

    /// Lists a node with its parent as it should be, and so on up to the root.
    fn list(&mut self, standing: &Standing, from: TreeIx) {
        let quota = standing.quota(self.pool);
        for ix in standing.tree.up(from) {
            // Nobody of this line stands below; those above may still have moved.
            let Some(stop) = self.stops.get_mut(&ix) else {
                continue;
            };
            let node = standing.tree.node(ix);
            let is_empty = stop.children.is_empty() && stop.users.is_empty();
            let key = (!stop.asleep && !is_empty).then(|| Key {
                over: i128::from(self.billed.0) > quota.slack(ix).0,
                claim: standing.claim(ix, self.kind),
                rank: node.rank,
            });
            let before = std::mem::replace(&mut stop.listed, key);
            if !stop.asleep && is_empty {
                self.stops.remove(&ix);
            }
            let Some(parent) = node.parent else { return };
            if before == key {
                continue;
            }
            let parent = self.stops.entry(parent).or_default();
            if let Some(before) = before {
                parent.children.remove(&(before, ix));
            }
            if let Some(key) = key {
                parent.children.insert((key, ix));
            }
        }
    }
}

impl Pick {
    /// What it would add if it were admitted.
    pub fn load(&self, pool: PoolIx, billed: MilliUnits) -> Load {
        Load {
            pool,
            leaf: self.leaf,
            user: self.user.clone(),
            billed,
        }
    }
}
