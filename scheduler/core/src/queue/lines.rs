//! All lines, and which of them are worth a look (O6).
//!
//! A line is looked at only while somebody in it is awake and its shape may have a place.
//! What fails sleeps on one condition:
//!
//! | fails for | what sleeps | woken by |
//! | --- | --- | --- |
//! | quota, at the node that binds | all of the line below a node | usage that ends below the node that binds, as far as its room reaches |
//! | a limit of a tenant | all of the line below that tenant | an admission that ends below it |
//! | a limit of a user | the user's part of the line | an admission of the user that ends there |
//! | nodes | the line | more room on a node of the pool |
//! | money | the group | see `world::poverty` |
//!
//! Shares and order wake nobody. Keys follow usage lazily: a line catches up with what
//! has moved when it is looked at. With the past in them (O3) they rise with time too: the
//! first of a line, and the first of all lines, are found again where time has passed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_units::{ComputeKind, MilliUnits, PoolName, Tier, UserName};

use super::{
    ShapeId,
    line::{Line, PathKey, Pick, Spot, Turn},
};
use crate::{
    quota::PoolIx,
    share::{Load, Scale, Standing},
    tenants::TreeIx,
};

/// What has moved is remembered for so many changes; a line that is further behind takes
/// all its keys anew.
const MOVES_MAX: usize = 512;

/// Which line: tiers come first (O1), then lanes.
///
/// A lane says when a pool has its turn for a job: pools are worked off by name, and a
/// job that failed in one falls to its next one, where it comes after all whose turn was
/// before. So the lane of a job's k-th pool is what is left of its first k pools when
/// each that is followed by a later name is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId {
    pub tier: Tier,
    pub lane: Arc<[PoolName]>,
    pub shape: ShapeId,
}

/// The lane of the last of these pools, tried in this order.
pub(crate) fn lane(pools: &[&PoolName]) -> Arc<[PoolName]> {
    let mut left: Vec<PoolName> = Vec::new();
    for pool in pools {
        while left.last().is_some_and(|before| before < *pool) {
            left.pop();
        }
        left.push((*pool).clone());
    }
    left.into()
}

/// What a sleeping part waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Until {
    /// So much is available at a node (Q1).
    Room(TreeIx, i128),
    /// An admission below a tenant ends.
    Tenant(TreeIx),
    /// An admission of the part's user below a tenant ends.
    User(TreeIx),
    /// Something is declared anew.
    Declared,
}

type Naps = BTreeSet<(LineId, Spot)>;
type RoomNaps = BTreeSet<(i128, LineId, Spot)>;

#[derive(Clone, Debug)]
struct Kept {
    line: Line,
    /// How many moves its keys have followed.
    followed: u64,
    /// What wakes its sleeping parts, so that nobody wakes a line that is gone.
    naps: BTreeSet<(Until, Spot)>,
}

/// What has moved lately.
#[derive(Clone, Debug, Default)]
struct Moves {
    all: std::collections::VecDeque<(TreeIx, UserName)>,
    count: u64,
}

/// The lines of one lane that are being worked off, by their first jobs.
#[derive(Clone, Debug, Default)]
struct Front {
    of: BTreeMap<LineId, First>,
    order: BTreeSet<(PathKey, LineId)>,
    unread: BTreeSet<LineId>,
    lane: Option<(Tier, Arc<[PoolName]>)>,
}

/// A line's first job.
#[derive(Clone, Debug)]
struct First {
    key: PathKey,
    pick: Pick,
    /// As of when it was first.
    scale: Scale,
}

/// What is to be done next.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// Nothing is worth a look.
    Nothing,
    /// A line was read; ask again.
    Read,
    /// Try this job of this line.
    Try(LineId, Pick),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    lines: BTreeMap<LineId, Kept>,
    worth: BTreeSet<LineId>,
    front: Front,
    moves: Moves,
    /// Lines whose shape has no place until a pool has more room.
    stuck: BTreeMap<PoolIx, BTreeSet<LineId>>,
    /// By how much room they need, so that a little wakes no more than it can serve.
    rooms: BTreeMap<(PoolIx, TreeIx), RoomNaps>,
    tenants: BTreeMap<TreeIx, Naps>,
    users: BTreeMap<(TreeIx, UserName), Naps>,
}

impl Lines {
    /// Whether anything is worth a look.
    pub fn is_restless(&self) -> bool {
        !self.worth.is_empty()
    }

    /// Puts a head into its line, made if there is none.
    pub fn insert(
        &mut self,
        standing: &Standing,
        id: &LineId,
        (pool, kind, billed): (PoolIx, ComputeKind, MilliUnits),
        pick: &Pick,
    ) {
        let followed = self.moves.count;
        let kept = self.lines.entry(id.clone()).or_insert_with(|| Kept {
            line: Line::new(pool, kind, billed),
            followed,
            naps: BTreeSet::new(),
        });
        kept.line.insert(standing, pick);
        self.look_at(id);
    }

    /// Takes a head out of its line.
    pub fn remove(&mut self, standing: &Standing, id: &LineId, pick: &Pick) {
        let Some(kept) = self.lines.get_mut(id) else {
            return;
        };
        kept.line.remove(standing, pick);
        if kept.line.is_empty() {
            self.drop_line(id);
        } else {
            self.front.unread(id);
        }
    }

    fn drop_line(&mut self, id: &LineId) {
        let Some(kept) = self.lines.remove(id) else {
            return;
        };
        self.forget(id);
        if let Some(stuck) = self.stuck.get_mut(&kept.line.pool) {
            stuck.remove(id);
        }
        for (until, spot) in kept.naps {
            let nap = (id.clone(), spot.clone());
            match (until, spot) {
                (Until::Room(ix, needed), spot) => {
                    if let Some(naps) = self.rooms.get_mut(&(kept.line.pool, ix)) {
                        naps.remove(&(needed, id.clone(), spot));
                    }
                }
                (Until::Tenant(ix), _) => {
                    if let Some(naps) = self.tenants.get_mut(&ix) {
                        naps.remove(&nap);
                    }
                }
                (Until::User(ix), Spot::User(_, user)) => {
                    if let Some(naps) = self.users.get_mut(&(ix, user)) {
                        naps.remove(&nap);
                    }
                }
                (Until::User(_) | Until::Declared, _) => {}
            }
        }
    }

    /// The first job in order of all that are awake, if it is known already.
    pub fn next(&mut self, standing: &Standing) -> Next {
        let Some(first) = self.worth.first() else {
            return Next::Nothing;
        };
        let lane = (first.tier, first.lane.clone());
        if self.front.lane.as_ref() != Some(&lane) {
            let lines = self.worth.range(first.clone()..);
            let lines = lines.take_while(|id| id.tier == lane.0 && id.lane == lane.1);
            self.front = Front {
                unread: lines.cloned().collect(),
                lane: Some(lane),
                ..Front::default()
            };
        }
        if let Some(id) = self.front.unread.pop_first() {
            self.read(standing, id);
            return Next::Read;
        }
        let Some((_, id)) = self.front.order.first() else {
            // All lines of the lane were read and are asleep.
            self.front = Front::default();
            return Next::Read;
        };
        match self.front.of.get(id) {
            Some(first) if first.scale == standing.scale() => {
                Next::Try(id.clone(), first.pick.clone())
            }
            Some(_) => {
                self.read(standing, id.clone());
                Next::Read
            }
            None => Next::Nothing,
        }
    }

    /// Takes out all lines of the lane that is worked off, for a reader, whose lines are all of
    /// one instant: who stands in them, in the order of their turns as things stand.
    pub fn take_lane(&mut self, standing: &Standing) -> BTreeMap<Turn, Vec<Pick>> {
        let mut turns: BTreeMap<Turn, Vec<Pick>> = BTreeMap::new();
        let Some((tier, lane)) = std::mem::take(&mut self.front).lane else {
            return turns;
        };
        let lines = self.lines.keys();
        let own = lines.filter(|id| id.tier == tier && id.lane == lane);
        for id in own.cloned().collect::<Vec<_>>() {
            if let Some(kept) = self.lines.get_mut(&id) {
                self.moves.follow(standing, kept);
                for (turn, pick) in kept.line.turns(standing) {
                    turns.entry(turn).or_default().push(pick);
                }
            }
            self.drop_line(&id);
        }
        turns
    }

    /// Finds the first job of a line, or that nobody is awake in it.
    fn read(&mut self, standing: &Standing, id: LineId) {
        self.front.drop_line(&id);
        let Some(kept) = self.lines.get_mut(&id) else {
            self.worth.remove(&id);
            return;
        };
        self.moves.follow(standing, kept);
        match kept.line.first(standing) {
            Some((key, pick)) => {
                self.front.order.insert((key.clone(), id.clone()));
                let scale = standing.scale();
                self.front.of.insert(id, First { key, pick, scale });
            }
            None => drop(self.worth.remove(&id)),
        }
    }

    /// A line has somebody awake, or other keys than it had.
    fn look_at(&mut self, id: &LineId) {
        let Some(kept) = self.lines.get(id) else {
            return;
        };
        let stuck = self.stuck.get(&kept.line.pool);
        if stuck.is_some_and(|stuck| stuck.contains(id)) {
            return;
        }
        self.worth.insert(id.clone());
        self.front.unread(id);
    }

    fn forget(&mut self, id: &LineId) {
        self.worth.remove(id);
        self.front.drop_line(id);
    }

    /// Usage has moved: keys of this leaf, its user and all above are others. Where it
    /// grew, whoever does not stand below the same node below the root stays first.
    pub fn moved(&mut self, standing: &Standing, load: &Load) {
        self.moves.push(load);
        let below_root = |leaf: TreeIx| {
            let mut path = standing.tree.up(leaf);
            path.find(|ix| standing.tree.node(*ix).parent == standing.tree.root())
        };
        let top = below_root(load.leaf);
        let touched = self.front.of.iter();
        let touched = touched.filter(|(_, first)| below_root(first.pick.leaf) == top);
        let touched: Vec<LineId> = touched.map(|(id, _)| id.clone()).collect();
        for id in touched {
            self.front.unread(&id);
        }
    }

    /// What was is counted otherwise: claims of a user and of all above may have fallen.
    pub fn recounted(&mut self, leaf: TreeIx, user: UserName) {
        self.moves.push_back(leaf, user);
        self.front = Front::default();
    }

    /// Any claim may be another.
    pub fn restated(&mut self) {
        self.moves.forget();
        self.front = Front::default();
    }

    /// Usage has ended: wakes what it may have kept out.
    pub fn released(&mut self, standing: &Standing, load: &Load) {
        self.moves.push(load);
        self.front = Front::default();
        let quota = standing.quota(load.pool);
        for ix in standing.tree.up(load.leaf) {
            let mut woken: Vec<(LineId, Until, Spot)> = Vec::new();
            for (id, spot) in self.tenants.remove(&ix).unwrap_or_default() {
                woken.push((id, Until::Tenant(ix), spot));
            }
            let user = (ix, load.user.clone());
            for (id, spot) in self.users.remove(&user).unwrap_or_default() {
                woken.push((id, Until::User(ix), spot));
            }
            if let Some(naps) = self.rooms.get_mut(&(load.pool, ix)) {
                // Its own alone: what is above may have no room now and more later, and that is told there. Whoever
                // wakes finds it and sleeps on that.
                let room = quota.own_room(&standing.tree, ix);
                while naps.first().is_some_and(|(needed, ..)| *needed <= room)
                    && let Some((needed, id, spot)) = naps.pop_first()
                {
                    woken.push((id, Until::Room(ix, needed), spot));
                }
            }
            for (id, until, spot) in woken {
                self.wake(standing, &id, until, spot);
            }
        }
    }

    fn wake(&mut self, standing: &Standing, id: &LineId, until: Until, spot: Spot) {
        let Some(kept) = self.lines.get_mut(id) else {
            return;
        };
        kept.line.set_asleep(standing, &spot, false);
        kept.naps.remove(&(until, spot));
        self.look_at(id);
    }

    /// Lets a part of a line sleep.
    pub fn sleep(&mut self, standing: &Standing, id: &LineId, spot: &Spot, until: Until) {
        let Some(kept) = self.lines.get_mut(id) else {
            return;
        };
        kept.line.set_asleep(standing, spot, true);
        kept.naps.insert((until, spot.clone()));
        let nap = (id.clone(), spot.clone());
        match (until, spot) {
            (Until::Room(ix, needed), _) => {
                let naps = self.rooms.entry((kept.line.pool, ix)).or_default();
                naps.insert((needed, nap.0, nap.1));
            }
            (Until::Tenant(ix), _) => {
                self.tenants.entry(ix).or_default().insert(nap);
            }
            (Until::User(ix), Spot::User(_, user)) => {
                let naps = self.users.entry((ix, user.clone())).or_default();
                naps.insert(nap);
            }
            (Until::User(_) | Until::Declared, _) => {}
        }
        self.front.unread(id);
    }

    /// The line's shape has no place in its pool as it is.
    pub fn stick(&mut self, id: &LineId) {
        if let Some(kept) = self.lines.get(id) {
            let stuck = self.stuck.entry(kept.line.pool).or_default();
            stuck.insert(id.clone());
        }
        self.forget(id);
    }

    /// A pool has more room.
    pub fn unstick(&mut self, pool: PoolIx) {
        for id in self.stuck.remove(&pool).unwrap_or_default() {
            self.look_at(&id);
        }
    }
}

impl Front {
    /// The first job of a line of this lane is to be found anew.
    fn unread(&mut self, id: &LineId) {
        let lane = self.lane.as_ref();
        if lane.is_some_and(|(tier, lane)| id.tier == *tier && id.lane == *lane) {
            self.drop_line(id);
            self.unread.insert(id.clone());
        }
    }

    fn drop_line(&mut self, id: &LineId) {
        if let Some(first) = self.of.remove(id) {
            self.order.remove(&(first.key, id.clone()));
        }
        self.unread.remove(id);
    }
}

impl Moves {
    fn push(&mut self, load: &Load) {
        self.push_back(load.leaf, load.user.clone());
    }

    fn push_back(&mut self, leaf: TreeIx, user: UserName) {
        self.all.push_back((leaf, user));
        self.count = self.count.saturating_add(1);
        if self.all.len() > MOVES_MAX {
            self.all.pop_front();
        }
    }

    /// Every line is further behind than what is remembered.
    fn forget(&mut self) {
        self.all.clear();
        self.count = self.count.saturating_add(1);
    }

    /// Brings a line's keys up to date.
    fn follow(&self, standing: &Standing, kept: &mut Kept) {
        let behind = self.count.saturating_sub(kept.followed);
        kept.followed = self.count;
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        match self.all.len().checked_sub(behind) {
            Some(from) => {
                for (leaf, user) in self.all.range(from..) {
                    kept.line.refresh(standing, *leaf, user);
                }
            }
            None => kept.line.refresh_all(standing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_keeps_the_pools_that_come_after_all_behind_them() {
        let lane_of = |pools: &[&str]| {
            let names: Vec<PoolName> = pools.iter().map(|pool| (*pool).into()).collect();
            let lane = lane(&names.iter().collect::<Vec<_>>());
            lane.iter()
                .map(PoolName::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (pools, expected) in [
            (&["a"][..], "a"),
            (&["a", "b"], "b"),
            (&["b", "a"], "b a"),
            (&["c", "a", "b"], "c b"),
            (&["c", "b", "a"], "c b a"),
            (&["a", "c", "b"], "c b"),
        ] {
            assert_eq!(lane_of(pools), expected, "{pools:?}");
        }
    }
}
