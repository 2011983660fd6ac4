//! The first waiting group in order (O1, O2), found by walking down the tree.
//!
//! The key of a job is, from below the root to its leaf, (over, share, name) per node;
//! at the leaf the user's (share, name) follows, then priority, eligible time and UID.
//! A user owns nothing, so every job of every user is over: that part says nothing. Of these only `over` depends on
//! the job, and only through its billed units: a node is over for a job that is larger
//! than its slack. So each node keeps its active children sorted by the key of their
//! *smallest* job, and the walk carries the bound down that an ancestor's slack put on
//! the size. This is exactly the lexicographic order over all jobs, at O(depth) per
//! change; the property tests compare it with a sort.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use edugrid_units::{JobUid, MilliUnits, PoolName, Stamp, Tier, UserName};

use super::GroupId;
use crate::{
    quota::PoolIx,
    share::{ComputeKind, Load, Share, Standing},
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

/// The heads that wait at a leaf, by user and the size of their jobs.
type LeafQueue = BTreeMap<UserName, BTreeMap<MilliUnits, BTreeSet<Head>>>;

/// What one round still has to try: per tier and pool the heads at each leaf. Tiers
/// come first (O1); within a tier pools are worked off by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    lanes: BTreeMap<(Tier, PoolName), Lane>,
}

#[derive(Clone, Debug)]
struct Lane {
    pool: PoolIx,
    leaves: BTreeMap<TreeIx, LeafQueue>,
}

impl Agenda {
    /// Adds a head to the lane of a tier and pool.
    pub fn add(&mut self, (tier, name, pool): (Tier, PoolName, PoolIx), pick: Pick) {
        let lane = self.lanes.entry((tier, name)).or_insert_with(|| Lane {
            pool,
            leaves: BTreeMap::new(),
        });
        let queue = lane.leaves.entry(pick.leaf).or_default();
        let sizes = queue.entry(pick.user).or_default();
        sizes.entry(pick.billed).or_default().insert(pick.head);
    }

    /// Takes the first lane that has something, ready to be walked. What is added to
    /// that lane meanwhile opens it anew.
    pub fn next_walk(&mut self, standing: &Standing) -> Option<Walk> {
        loop {
            let (_, lane) = self.lanes.pop_first()?;
            if let Some(measure) = standing.measure(lane.pool) {
                return Some(Walk::new(standing, lane.pool, measure.kind, lane.leaves));
            }
        }
    }
}

/// A node with something active below it.
#[derive(Clone, Debug, Default)]
struct Stop {
    /// Key and least size under which its parent lists it.
    listed: Option<(Key, MilliUnits)>,
    children: BTreeSet<(Key, TreeIx)>,
    sizes: BTreeSet<(MilliUnits, TreeIx)>,
    queue: LeafQueue,
}

/// One node's part of O2's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    over: bool,
    share: Share,
    rank: usize,
}

/// The head that comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub leaf: TreeIx,
    pub user: UserName,
    pub billed: MilliUnits,
    pub head: Head,
}

impl Pick {
    /// What it would add if it were admitted in that pool.
    pub fn load(&self, pool: PoolIx) -> Load {
        Load {
            pool,
            leaf: self.leaf,
            user: self.user.clone(),
            billed: self.billed,
        }
    }
}

/// The walk over one lane. Keys are kept right by whoever changes usage: it calls
/// [`Walk::refresh`] for the leaf.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pool: PoolIx,
    kind: ComputeKind,
    stops: BTreeMap<TreeIx, Stop>,
}

impl Walk {
    fn new(
        standing: &Standing,
        pool: PoolIx,
        kind: ComputeKind,
        leaves: BTreeMap<TreeIx, LeafQueue>,
    ) -> Self {
        let mut walk = Self {
            pool,
            kind,
            stops: BTreeMap::new(),
        };
        for (leaf, queue) in leaves {
            walk.stops.entry(leaf).or_default().queue = queue;
            walk.refresh(standing, leaf);
        }
        walk
    }

    /// The pool that is walked.
    pub fn pool(&self) -> PoolIx {
        self.pool
    }

    /// The first head in order, if any is left.
    pub fn first(&self, standing: &Standing) -> Option<Pick> {
        let quota = standing.quota(self.pool);
        let (mut ix, mut bound) = (standing.tree.root()?, MilliUnits(u64::MAX));
        loop {
            let stop = self.stops.get(&ix)?;
            if !stop.queue.is_empty() {
                return self.first_at(standing, ix, bound);
            }
            let (key, child) = stop
                .children
                .iter()
                .find(|(_, child)| self.least(*child).is_some_and(|least| least <= bound))?;
            if !key.over {
                bound = bound.min(quota.slack(*child).floor());
            }
            ix = *child;
        }
    }

    /// The first head at a leaf that is no larger than the bound.
    fn first_at(&self, standing: &Standing, leaf: TreeIx, bound: MilliUnits) -> Option<Pick> {
        let users = self.stops.get(&leaf)?.queue.iter();
        let small = users.filter_map(|(user, sizes)| {
            let small = sizes.range(..=bound);
            let heads = small.filter_map(|(billed, heads)| Some((heads.first()?, *billed)));
            let (head, billed) = heads.min()?;
            let share = standing.user_share(leaf, user, self.kind);
            Some(((share, user), head, billed))
        });
        let ((_, user), head, billed) = small.min_by_key(|(key, ..)| *key)?;
        Some(Pick {
            leaf,
            user: user.clone(),
            billed,
            head: head.clone(),
        })
    }

    /// Takes a head off a leaf.
    pub fn remove(&mut self, standing: &Standing, pick: &Pick) {
        if let Some(stop) = self.stops.get_mut(&pick.leaf)
            && let Some(sizes) = stop.queue.get_mut(&pick.user)
            && let Some(heads) = sizes.get_mut(&pick.billed)
        {
            heads.remove(&pick.head);
            if heads.is_empty() {
                sizes.remove(&pick.billed);
            }
            if sizes.is_empty() {
                stop.queue.remove(&pick.user);
            }
        }
        self.refresh(standing, pick.leaf);
    }

    /// Puts a head on a leaf.
    pub fn insert(&mut self, standing: &Standing, pick: Pick) {
        let queue = &mut self.stops.entry(pick.leaf).or_default().queue;
        let sizes = queue.entry(pick.user).or_default();
        sizes.entry(pick.billed).or_default().insert(pick.head);
        self.refresh(standing, pick.leaf);
    }

    fn least(&self, ix: TreeIx) -> Option<MilliUnits> {
        let (_, least) = self.stops.get(&ix)?.listed?;
        Some(least)
    }

    /// Brings the keys from a leaf up to the root up to date. O(depth).
    pub fn refresh(&mut self, standing: &Standing, leaf: TreeIx) {
        let quota = standing.quota(self.pool);
        for ix in standing.tree.up(leaf) {
            let node = standing.tree.node(ix);
            let stop = self.stops.entry(ix).or_default();
            let users = stop.queue.values();
            let own = users.filter_map(|sizes| Some(*sizes.first_key_value()?.0));
            let least = own
                .min()
                .or_else(|| stop.sizes.first().map(|(billed, _)| *billed));
            let listing = least.map(|least| {
                let key = Key {
                    over: i128::from(least.0) > quota.slack(ix).0,
                    share: standing.share(ix, self.kind),
                    rank: node.rank,
                };
                (key, least)
            });
            let before = std::mem::replace(&mut stop.listed, listing);
            if listing.is_none() {
                self.stops.remove(&ix);
            }
            let Some(parent) = node.parent else { return };
            let parent = self.stops.entry(parent).or_default();
            if let Some((key, least)) = before {
                parent.children.remove(&(key, ix));
                parent.sizes.remove(&(least, ix));
            }
            if let Some((key, least)) = listing {
                parent.children.insert((key, ix));
                parent.sizes.insert((least, ix));
            }
        }
    }
}
