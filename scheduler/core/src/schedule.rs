//! The step (O6): what an event made possible is admitted in bounded steps, whose
//! cursor is state.
//!
//! A round looks at every group once. It first gathers them into lanes by tier and
//! pool (each in the most preferred pool that could ever hold it), then works the
//! lanes off: the first group in order (O2) is tried; an admitted job leaves the next
//! of its group in its place, a failed group falls to its next pool or out of the
//! round with its verdict. During a round usage only grows, so what failed stays
//! failed, and nobody is tried twice for the same thing.
//!
//! A round that admitted something is followed by one that admits nothing and tells
//! every group the reason and numbers that stand now.
//!
//! An event between two steps starts the round anew, for what it frees belongs to the
//! first in order and not to whom the cursor has come. So admissions are the same
//! however a round is cut into steps (tested), and a job waits for later steps only
//! while events come faster than steps.

mod limits;
mod trial;

use std::cmp::Reverse;

use edugrid_units::{Admission, PoolName, Purse, Reason, Stamp, Tier};

use crate::{
    queue::{GroupId, Head, Pick, Round, Verdict},
    quota::PoolIx,
    world::{Resolution, Terms, World},
};

/// What one step decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Admissions in the order in which they were decided. They count already; the
    /// purse has staged each with its hold (A3).
    pub admissions: Vec<Admission>,
    /// Whether work is left: call again, after these are durable.
    pub more: bool,
}

/// What a lane of the agenda is for.
type Lane = (Tier, PoolName, PoolIx);

impl World {
    /// Admits what can be admitted, in at most `ops` bounded operations: one per group
    /// gathered and one per trial. Says what it admitted and whether work is left.
    pub fn schedule(&mut self, now: Stamp, ops: u32, purse: &mut dyn Purse) -> Plan {
        self.advance(now);
        self.settle();
        self.wake();
        let mut plan = Plan::default();
        if self.ledger_reason.is_some() {
            self.round = None;
            self.dirty = true;
            return plan;
        }
        if std::mem::take(&mut self.dirty) {
            self.round = Some(self.next_round());
        }
        let Some(mut round) = self.round.take() else {
            return plan;
        };
        for _ in 0..ops {
            if std::mem::take(&mut self.promoted) {
                // Whoever came in may stand before those that are still to be tried.
                round = self.next_round();
            }
            if !round.complete {
                self.gather(&mut round);
            } else if !self.step(&mut round, purse, &mut plan) {
                if !round.admitted {
                    self.dirty = false;
                    return plan;
                }
                round = self.next_round();
            }
        }
        // Only this step's own admissions changed anything since it began.
        self.dirty = false;
        plan.more = true;
        self.round = Some(round);
        plan
    }

    fn next_round(&mut self) -> Round {
        self.rounds = self.rounds.saturating_add(1);
        Round {
            number: self.rounds,
            ..Round::default()
        }
    }

    /// Puts one more group into the agenda.
    fn gather(&mut self, round: &mut Round) {
        let Some(id) = self.groups.after(round.gathered) else {
            round.complete = true;
            return;
        };
        round.gathered = Some(id);
        match self.resolve(id) {
            Some(Resolution::Terms(_)) => {
                if let Some((lane, pick)) = self.entry(id, 0) {
                    round.agenda.add(lane, pick);
                }
            }
            Some(Resolution::Refused(reason, pools)) => {
                let (reason, pools) = (reason.clone(), pools.clone());
                self.groups.judge(id, Verdict { reason, pools });
            }
            None => {}
        }
    }

    /// Where the first job of a group stands with its `at`-th pool.
    pub(crate) fn entry(&self, id: GroupId, at: usize) -> Option<(Lane, Pick)> {
        let terms = self.terms(id)?;
        let choice = terms.choices.get(at)?;
        let (eligible, job) = self.groups.get(id)?.jobs.first()?;
        let head = Head {
            priority: Reverse(terms.priority),
            eligible: *eligible,
            job: job.clone(),
            group: id,
        };
        let pick = Pick {
            leaf: terms.leaf,
            user: self.groups.get(id)?.signature.submitter.clone(),
            billed: choice.billed,
            head,
        };
        Some(((terms.tier, choice.name.clone(), choice.pool), pick))
    }

    /// The terms of a group, if they belong to the standing as it is.
    pub(crate) fn terms(&self, id: GroupId) -> Option<&Terms> {
        let known = self.resolved.get(&id)?;
        match &known.resolution {
            Resolution::Terms(terms) if known.epoch == self.epoch => Some(terms),
            _ => None,
        }
    }

    /// Tries the first in order; false when nothing is left.
    fn step(&mut self, round: &mut Round, purse: &mut dyn Purse, plan: &mut Plan) -> bool {
        let pick = round
            .walk
            .as_ref()
            .and_then(|walk| walk.first(&self.standing));
        let (Some(pick), Some(walk)) = (pick, round.walk.as_mut()) else {
            round.walk = round.agenda.next_walk(&self.standing);
            return round.walk.is_some();
        };
        let id = pick.head.group;
        let at = round.failed.get(&id).map_or(0, Vec::len);
        walk.remove(&self.standing, &pick);
        match self.admit(id, at, &pick.head.job, round.number, purse) {
            Ok(admission) => {
                round.admitted = true;
                plan.admissions.push(admission);
                walk.refresh(&self.standing, pick.leaf);
                match self.entry(id, at) {
                    Some((_, next)) => walk.insert(&self.standing, next),
                    None => drop(round.failed.remove(&id)),
                }
            }
            Err(reason) => {
                let pool = self.terms(id).and_then(|terms| terms.choices.get(at));
                if let Some(pool) = pool.map(|choice| choice.name.clone()) {
                    round.failed.entry(id).or_default().push((pool, reason));
                }
                match self.entry(id, at.saturating_add(1)) {
                    Some((lane, next)) => {
                        round.agenda.add(lane, next);
                    }
                    None => self.conclude(id, round.failed.remove(&id).unwrap_or_default()),
                }
            }
        }
        true
    }

    /// The group has failed in all its pools: the most preferred one's reason is its
    /// own (W).
    fn conclude(&mut self, id: GroupId, mut pools: Vec<(PoolName, Reason)>) {
        let Some((_, reason)) = pools.first().cloned() else {
            return;
        };
        if let Some(terms) = self.terms(id) {
            pools.extend(terms.never.iter().cloned());
        }
        self.groups.judge(id, Verdict { reason, pools });
    }
}
