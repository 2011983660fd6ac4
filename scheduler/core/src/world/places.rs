//! Where groups stand in lines: in one line per pool that could ever hold them, with
//! their first job. What waits for money stands aside.

use std::collections::BTreeMap;

use edugrid_units::{Reason, Stamp};

use super::{Choice, Resolution, World};
use crate::{
    queue::{GroupId, Head, LineId, Lines, Pick, ShapeId, lane},
    quota::PoolIx,
};

/// Who can't pay is tried again at each full minute, for prices and vouchers have hours.
const MONEY_EVERY_SECONDS: i64 = 60;

/// A group in its lines.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub pick: Pick,
    /// A line per choice of its terms, in that order.
    pub lines: Vec<LineId>,
}

/// Who has a place and quota and no money, and why (L2).
#[derive(Clone, Debug, Default)]
pub(crate) struct Poor {
    why: BTreeMap<(GroupId, usize), Reason>,
    /// Money has moved since they were tried.
    moved: bool,
    /// The minute in which they were tried last.
    minute: i64,
}

impl World {
    /// Puts a new group into the lines of all its pools.
    pub(crate) fn enter(&mut self, id: GroupId) {
        self.resolve(id);
        let Some(pick) = self.first_of(id) else {
            return;
        };
        let (Some(terms), Some(group)) = (self.terms(id), self.groups.get(id)) else {
            return;
        };
        let names: Vec<_> = terms.choices.iter().map(|choice| &choice.name).collect();
        let line = |at: usize| LineId {
            tier: terms.tier,
            lane: lane(names.get(..=at).unwrap_or_default()),
            shape: group.signature.shape,
        };
        let lines: Vec<LineId> = (0..names.len()).map(line).collect();
        self.entries.insert(id, Entry { pick, lines });
        for at in 0..self.entries.get(&id).map_or(0, |entry| entry.lines.len()) {
            self.stand(id, at);
        }
    }

    /// Puts a group's first job into the line of its `at`-th pool.
    fn stand(&mut self, id: GroupId, at: usize) {
        let (Some(terms), Some(entry)) = (self.terms(id), self.entries.get(&id)) else {
            return;
        };
        let (Some(choice), Some(line)) = (terms.choices.get(at), entry.lines.get(at)) else {
            return;
        };
        let Some(measure) = self.standing.measure(choice.pool) else {
            return;
        };
        let facts = (choice.pool, measure.kind, choice.billed);
        self.lines.insert(&self.standing, line, facts, &entry.pick);
    }

    /// The jobs of a group are others: its first one may be another, or it is gone.
    pub(super) fn group_changed(&mut self, id: GroupId) {
        let first = self.first_of(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            if self.groups.get(id).is_none() {
                self.fresh.remove(&id);
                self.resolved.remove(&id);
            } else if !self.resolved.contains_key(&id) {
                self.fresh.insert(id);
            }
            return;
        };
        if first.as_ref() == Some(&entry.pick) {
            return;
        }
        let old = match &first {
            Some(first) => std::mem::replace(&mut entry.pick, first.clone()),
            None => entry.pick.clone(),
        };
        let lines = entry.lines.clone();
        for (at, line) in lines.iter().enumerate() {
            self.lines.remove(&self.standing, line, &old);
            if first.is_none() {
                self.poor.why.remove(&(id, at));
            } else if !self.poor.why.contains_key(&(id, at)) {
                self.stand(id, at);
            }
        }
        if first.is_none() {
            self.entries.remove(&id);
            self.resolved.remove(&id);
        }
    }

    /// What is declared has changed: everybody is new.
    pub(super) fn enter_all(&mut self) {
        self.lines = Lines::default();
        self.entries.clear();
        self.poor.why.clear();
        self.fresh = self.groups.ids().collect();
    }

    /// The first job of a group whose terms are known.
    fn first_of(&self, id: GroupId) -> Option<Pick> {
        let (terms, group) = (self.terms(id)?, self.groups.get(id)?);
        let (eligible, job): &(Stamp, _) = group.jobs.first()?;
        Some(Pick {
            leaf: terms.leaf,
            user: group.signature.submitter.clone(),
            head: Head {
                priority: std::cmp::Reverse(terms.priority),
                eligible: *eligible,
                job: job.clone(),
                group: id,
            },
        })
    }

    /// Which of the group's pools a line of it is for.
    pub(crate) fn choice_in(&self, id: GroupId, line: &LineId) -> Option<(usize, Choice)> {
        let lines = &self.entries.get(&id)?.lines;
        let at = lines.iter().position(|own| own == line)?;
        Some((at, self.terms(id)?.choices.get(at)?.clone()))
    }

    /// Whether a shape is known to have no place in a pool as it is (O6).
    pub(crate) fn is_hopeless(&self, shape: ShapeId, pool: PoolIx) -> bool {
        let known = self.fitness.get(&(shape, pool));
        known.is_some_and(|known| known.failed_at == Some(self.topology.pool(pool).room))
    }

    /// The group can't pay in its `at`-th pool: it stands aside until money moves.
    pub(crate) fn out_of_money(&mut self, id: GroupId, at: usize, why: Reason) {
        if let Some(entry) = self.entries.get(&id)
            && let Some(line) = entry.lines.get(at)
        {
            self.lines.remove(&self.standing, line, &entry.pick);
            self.poor.why.insert((id, at), why);
        }
    }

    /// Why a group could not pay in its `at`-th pool.
    pub(crate) fn why_poor(&self, id: GroupId, at: usize) -> Option<&Reason> {
        self.poor.why.get(&(id, at))
    }

    /// Money has moved: what it refused may pass now.
    pub(super) fn money_moved(&mut self) {
        self.poor.moved = true;
    }

    /// Lets those try again whose money may have come.
    pub(super) fn wake_poor(&mut self) {
        let minute = self.now.seconds().div_euclid(MONEY_EVERY_SECONDS);
        if !std::mem::take(&mut self.poor.moved) && minute == self.poor.minute {
            return;
        }
        self.poor.minute = minute;
        for (id, at) in std::mem::take(&mut self.poor.why).into_keys() {
            self.stand(id, at);
        }
    }

    /// When those who can't pay are tried again.
    pub(super) fn next_money(&self) -> Option<Stamp> {
        let next = self.poor.minute.saturating_add(1);
        let at = Stamp::from_seconds(next.saturating_mul(MONEY_EVERY_SECONDS));
        (!self.poor.why.is_empty()).then_some(at)
    }

    /// Shapes that found no place may find one where a pool has more room.
    pub(super) fn wake_shapes(&mut self) {
        let pools = self.topology.pools_by_index();
        self.rooms_seen.resize(pools.len(), 0);
        for (at, (pool, seen)) in pools.iter().zip(&mut self.rooms_seen).enumerate() {
            if pool.room != *seen {
                *seen = pool.room;
                self.lines.unstick(PoolIx(at));
            }
        }
    }

    /// The resolution of a group that can run nowhere.
    pub(crate) fn refusal(&self, id: GroupId) -> Option<&Resolution> {
        let known = self.resolved.get(&id).map(|known| &known.resolution);
        known.filter(|known| matches!(known, Resolution::Refused(..)))
    }
}
