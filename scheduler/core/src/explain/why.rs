//! Why a job waits (W), in words made when somebody reads: each check is held against
//! what stands now, so a reason's numbers are never older than the question. Only why
//! money did not reach is what the purse said when it was asked last.
//!
//! How `order` and `nodes` of W are told apart: a job that has quota but finds too
//! little free on the nodes even in sum is `BehindInOrder`, for what it needs went to
//! jobs that were admitted before it; it is `Fragmented` if the sum would do, and
//! `Unhealthy` if it would fit with all nodes in good health.

use std::{collections::BTreeMap, sync::Arc};

use edugrid_units::{
    Amount, JobUid, MilliUnits, PoolName, Reason, ReasonCode, Subject, TenantName, UserName,
};

use crate::{
    place::{self, Lack, View},
    queue::{GroupId, ShapeId},
    quota::PoolIx,
    schedule::{Reached, first_reached},
    tenants::{TenantLimits, TreeIx},
    world::{Choice, Job, JobState, Resolution, World},
};

/// What was found out for one reader, so that like jobs are looked at once.
#[derive(Debug, Default)]
pub(super) struct Memo {
    groups: BTreeMap<GroupId, Option<Arc<Reason>>>,
    lacks: BTreeMap<(ShapeId, PoolIx), Option<Lack>>,
}

impl World {
    /// Every job that waits, with why. Each has a reason once [`World::schedule`] has
    /// said that no work is left; before that, jobs not yet looked at are left out.
    pub fn waiting(&self) -> impl Iterator<Item = (&JobUid, Arc<Reason>)> {
        let mut memo = Memo::default();
        let jobs = self.jobs.iter();
        jobs.filter_map(move |(uid, job)| Some((uid, self.why(job, &mut memo)?)))
    }

    /// Why this job waits; nothing if it does not, or has not been looked at yet.
    pub fn reason_of(&self, uid: &JobUid) -> Option<Arc<Reason>> {
        self.why(self.jobs.get(uid)?, &mut Memo::default())
    }

    /// Why one job waits.
    pub(super) fn why(&self, job: &Job, memo: &mut Memo) -> Option<Arc<Reason>> {
        match &job.state {
            JobState::Open(_) | JobState::Finished => None,
            JobState::Parked(_) | JobState::Waiting(_) if self.ledger_reason.is_some() => {
                self.ledger_reason.clone()
            }
            JobState::Parked(reason) => Some(reason.clone()),
            JobState::Waiting(id) => {
                if let Some(known) = memo.groups.get(id) {
                    return known.clone();
                }
                let reason = self.why_group(*id, memo).map(Arc::new);
                memo.groups.insert(*id, reason.clone());
                reason
            }
        }
    }

    /// The reason of the most preferred pool that could ever hold the group (W).
    fn why_group(&self, id: GroupId, memo: &mut Memo) -> Option<Reason> {
        match self.refusal(id) {
            Some(Resolution::Refused(reason, _)) => Some(reason.clone()),
            _ => self.why_in(id, 0, memo),
        }
    }

    /// The reason in each pool, in order of preference; then why others never hold it.
    pub(super) fn why_each(&self, id: GroupId, memo: &mut Memo) -> Vec<(PoolName, Reason)> {
        if let Some(Resolution::Refused(_, pools)) = self.refusal(id) {
            return pools.clone();
        }
        let Some(terms) = self.terms(id) else {
            return Vec::new();
        };
        let choices = terms.choices.iter().enumerate();
        let told = choices
            .filter_map(|(at, choice)| Some((choice.name.clone(), self.why_in(id, at, memo)?)));
        let mut told: Vec<_> = told.collect();
        told.extend(terms.never.iter().cloned());
        told
    }

    /// The first check that the group fails in its `at`-th pool.
    fn why_in(&self, id: GroupId, at: usize, memo: &mut Memo) -> Option<Reason> {
        self.entries.get(&id)?;
        let (terms, group) = (self.terms(id)?, self.groups.get(id)?);
        let choice = terms.choices.get(at)?;
        self.over_limit(terms.leaf, &group.signature.submitter, choice)
            .or_else(|| self.over_quota(terms.leaf, choice))
            .or_else(|| {
                let lack = self.lack(group.signature.shape, choice, memo)?;
                Some(self.lacking(&lack, choice, terms.leaf))
            })
            .or_else(|| self.why_poor(id, at).cloned())
    }

    /// Q5: the first limit from the job's tenant up to the root that it does not keep.
    fn over_limit(&self, leaf: TreeIx, user: &UserName, choice: &Choice) -> Option<Reason> {
        let tree = &self.standing.tree;
        let cards = self.standing.counts_cards(choice.pool);
        let cards = cards.then_some(choice.billed);
        tree.up(leaf).find_map(|ix| {
            let spec = self.limited(ix)?;
            if let Some(reached) = first_reached(&spec.limits, self.standing.tally(ix), cards) {
                return Some(limit(reached, None, &spec.name, choice));
            }
            if spec.user_limits == TenantLimits::default() {
                return None;
            }
            let tally = self.standing.user_tally(ix, user);
            let reached = first_reached(&spec.user_limits, tally, cards)?;
            Some(limit(reached, Some(user), &spec.name, choice))
        })
    }

    /// Q1–Q3.
    fn over_quota(&self, leaf: TreeIx, choice: &Choice) -> Option<Reason> {
        let tree = &self.standing.tree;
        let (available, binding) = self.standing.quota(choice.pool).available(tree, leaf);
        if i128::from(choice.billed.0) <= available.0 {
            return None;
        }
        let code = if binding.borrowing {
            ReasonCode::BorrowingLimit
        } else {
            ReasonCode::QuotaExceeded
        };
        let (asked, free) = (choice.billed, available.floor());
        Some(
            Reason::new(code)
                .in_pool(choice.name.clone())
                .at(tree.node(binding.node).tenant.clone())
                .numbers(Amount::Units(asked), Amount::Units(free)),
        )
    }

    /// What a gang lacks on the nodes now, if it does.
    fn lack(&self, shape: ShapeId, choice: &Choice, memo: &mut Memo) -> Option<Lack> {
        let key = (shape, choice.pool);
        if let Some(known) = memo.lacks.get(&key) {
            return known.clone();
        }
        let spec = self.topology.pool(choice.pool).spec.as_ref()?;
        let roles = self.groups.roles(shape)?;
        let asks = place::asks(&self.topology, choice.pool, spec, &roles);
        let fits = !self.is_hopeless(shape, choice.pool)
            && place::place(&self.topology, choice.pool, &asks, View::Now).is_some();
        let lack = (!fits).then(|| place::diagnose(&self.topology, choice.pool, &asks));
        memo.lacks.insert(key, lack.clone());
        lack
    }

    fn lacking(&self, lack: &Lack, choice: &Choice, leaf: TreeIx) -> Reason {
        let reason = match lack {
            Lack::Shapes { asked, free } => {
                Reason::new(ReasonCode::Fragmented).numbers(*asked, *free)
            }
            Lack::Health { nodes } => {
                Reason::new(ReasonCode::Unhealthy).about(Subject::Nodes(nodes.clone()))
            }
            Lack::Taken {
                resource,
                asked,
                free,
                foreign,
            } => {
                let (own, others) = self.holders(choice, leaf);
                Reason::new(ReasonCode::BehindInOrder)
                    .about(Subject::Holders {
                        resource,
                        own,
                        others,
                        foreign: (!is_nothing(foreign)).then_some(*foreign),
                    })
                    .numbers(*asked, *free)
            }
        };
        reason.in_pool(choice.name.clone())
    }

    /// What the leaf's own side of the tree uses of the pool, and what all others use:
    /// their names are not the reader's business.
    fn holders(
        &self,
        choice: &Choice,
        leaf: TreeIx,
    ) -> (Option<(TenantName, MilliUnits)>, MilliUnits) {
        let (tree, quota) = (&self.standing.tree, self.standing.quota(choice.pool));
        let Some(root) = tree.root() else {
            return (None, MilliUnits::ZERO);
        };
        let all = quota.used(root).floor();
        // The path's last node below the root; the root itself where it stands alone.
        let side = tree.up(leaf).take_while(|ix| *ix != root).last();
        let side = side.unwrap_or(root);
        let used = quota.used(side).floor();
        let own = (used > MilliUnits::ZERO).then(|| (tree.node(side).tenant.clone(), used));
        (own, all.saturating_sub(used))
    }
}

fn limit(
    reached: Reached,
    user: Option<&UserName>,
    tenant: &TenantName,
    choice: &Choice,
) -> Reason {
    Reason::new(ReasonCode::LimitReached)
        .about(Subject::Limit {
            name: reached.name,
            user: user.map(ToString::to_string),
        })
        .in_pool(choice.name.clone())
        .at(tenant.clone())
        .numbers(reached.asked, reached.free)
}

fn is_nothing(amount: &Amount) -> bool {
    match amount {
        Amount::Units(units) => units.0 == 0,
        Amount::Count(count) => *count == 0,
        Amount::Money(money) => money.0 == 0,
        Amount::Span(span) => span.0 == 0,
    }
}
