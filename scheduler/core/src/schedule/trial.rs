//! One trial: may this job run in this pool now? The checks come in W's order, money
//! last (A3); what the first that fails binds is put to sleep (O6). The words for why are
//! `explain`'s.

use edugrid_units::{
    Admission, Amount, AttemptKey, HoldAsk, JobUid, ObjectKind, Purse, Reason, ReasonCode,
    RolePlacement, Shortage, Subject,
};

use super::first_reached;
use crate::{
    place::{self, View},
    queue::{GroupId, LineId, Pick, ShapeId, Spot, Until},
    world::{Choice, JobState, World},
};

impl World {
    /// Admits the job, or lets sleep what it shares its failure with.
    pub(super) fn try_one(
        &mut self,
        id: &LineId,
        pick: &Pick,
        purse: &mut dyn Purse,
    ) -> Option<Admission> {
        let group = pick.head.group;
        let Some((at, choice)) = self.choice_in(group, id) else {
            // Never: whoever stands in a line has terms.
            self.lines.remove(&self.standing, id, pick);
            return None;
        };
        if let Some((spot, until)) = self.barred(pick, &choice) {
            self.lines.sleep(&self.standing, id, &spot, until);
            return None;
        }
        let Some(placement) = self.find_place(id.shape, &choice) else {
            self.lines.stick(id);
            return None;
        };
        let admission = self.admission(group, &choice, &pick.head.job, placement)?;
        if let Err(reason) = self.pay(&admission, purse) {
            self.out_of_money(group, at, reason);
            return None;
        }
        self.withdraw(&pick.head.job);
        if let Some(job) = self.jobs.get_mut(&pick.head.job) {
            job.state = JobState::Open(admission.key.clone());
            job.next_attempt = admission.key.attempt.saturating_add(1);
        }
        self.open(admission.clone(), admission.placement.clone());
        Some(admission)
    }

    /// What keeps the job out before nodes and money are asked: the highest part of the
    /// tree that has no room or has reached a limit for such jobs, or the user (Q1, Q5).
    fn barred(&self, pick: &Pick, choice: &Choice) -> Option<(Spot, Until)> {
        let tree = &self.standing.tree;
        let quota = self.standing.quota(choice.pool);
        let cards = self.standing.counts_cards(choice.pool);
        let cards = cards.then_some(choice.billed);
        let mut path: Vec<_> = tree.up(pick.leaf).collect();
        path.reverse();
        for &ix in &path {
            let reached = self
                .limited(ix)
                .and_then(|spec| first_reached(&spec.limits, self.standing.tally(ix), cards));
            if let Some(reached) = reached {
                let until = if reached.lasts {
                    Until::Declared
                } else {
                    Until::Tenant(ix)
                };
                return Some((Spot::Node(ix), until));
            }
            // Where somebody below keeps quota for itself, too little room here says
            // nothing of them.
            if !quota.keeps_below(ix) {
                let (room, binding) = quota.available(tree, ix);
                if i128::from(choice.billed.0) > room.0 {
                    let needed = quota.needed_at(tree, binding.node, ix, choice.billed);
                    return Some((Spot::Node(ix), Until::Room(binding.node, needed)));
                }
            }
        }
        for &ix in &path {
            let reached = self.limited(ix).and_then(|spec| {
                let tally = self.standing.user_tally(ix, &pick.user);
                first_reached(&spec.user_limits, tally, cards)
            });
            if let Some(reached) = reached {
                let until = if reached.lasts {
                    Until::Declared
                } else {
                    Until::User(ix)
                };
                return Some((Spot::User(pick.leaf, pick.user.clone()), until));
            }
        }
        None
    }

    /// A place for the whole gang. A shape that found none in a pool is not tried again
    /// there, by no tenant, until a node of it has more room (O6).
    fn find_place(&mut self, shape: ShapeId, choice: &Choice) -> Option<Vec<RolePlacement>> {
        let pool = self.topology.pool(choice.pool);
        let room = pool.room;
        if self.is_hopeless(shape, choice.pool) {
            return None;
        }
        let (spec, roles) = (pool.spec.as_ref()?, self.groups.roles(shape)?);
        let asks = place::asks(&self.topology, choice.pool, spec, &roles);
        let placement = place::place(&self.topology, choice.pool, &asks, View::Now);
        if placement.is_none()
            && let Some(fitness) = self.fitness.get_mut(&(shape, choice.pool))
        {
            fitness.failed_at = Some(room);
        }
        placement
    }

    fn admission(
        &self,
        id: GroupId,
        choice: &Choice,
        uid: &JobUid,
        placement: Vec<RolePlacement>,
    ) -> Option<Admission> {
        let (terms, job) = (self.terms(id)?, self.jobs.get(uid)?);
        let class = self.classes.get(&terms.class)?;
        Some(Admission {
            key: AttemptKey {
                job: uid.clone(),
                task: 0,
                attempt: job.next_attempt,
            },
            namespace: job.spec.namespace.clone(),
            name: job.spec.name.clone(),
            generation: job.spec.generation,
            path: self.standing.tree.path(terms.leaf).cloned().collect(),
            submitter: job.spec.submitter.clone(),
            class: class.name.clone(),
            tier: terms.tier,
            preemptible: class.preemptible,
            pool: choice.name.clone(),
            billed: choice.billed,
            walltime: terms.walltime,
            grace: job.spec.grace.unwrap_or(class.notice),
            eligible: job.eligible,
            placement,
            at: self.now,
        })
    }

    /// The last check: the books set the money aside (A3, L2).
    fn pay(&self, admission: &Admission, purse: &mut dyn Purse) -> Result<(), Reason> {
        let job = self.jobs.get(&admission.key.job);
        let class = self.classes.get(&admission.class);
        let pool = self.topology.declared(&admission.pool);
        let (Some(job), Some(class), Some((_, pool))) = (job, class, pool) else {
            return Err(Reason::new(ReasonCode::UnknownReference));
        };
        let root = admission.path.last();
        let ask = HoldAsk {
            admission,
            price_tier: &class.price_tier,
            provider: &pool.owner,
            own_pool: root != Some(&pool.owner) && admission.path.contains(&pool.owner),
            vouchers: &job.spec.vouchers,
            max_cost: job.spec.max_cost,
        };
        purse
            .try_hold(self.now, &ask)
            .map(drop)
            .map_err(|shortage| short_of(shortage).in_pool(admission.pool.clone()))
    }
}

fn short_of(shortage: Shortage) -> Reason {
    match shortage {
        Shortage::NoPrice { tier, .. } => {
            Reason::new(ReasonCode::NoPrice).about(Subject::PriceTier(tier))
        }
        Shortage::InsufficientFunds {
            needed,
            vouchers,
            own,
        } => Reason::new(ReasonCode::InsufficientFunds)
            .about(Subject::Funds { vouchers, own })
            .numbers(
                Amount::Money(needed),
                Amount::Money(vouchers.saturating_add(own)),
            ),
        Shortage::AboveMaxCost { needed, limit } => Reason::new(ReasonCode::LimitReached)
            .about(Subject::Field("spec.maxCost"))
            .numbers(Amount::Money(needed), Amount::Money(limit)),
        Shortage::UnknownVoucher(voucher) => {
            let voucher = Subject::object(ObjectKind::Voucher, voucher);
            Reason::new(ReasonCode::UnknownReference).about(voucher)
        }
        Shortage::VoucherNotAllowed { voucher, why } => {
            Reason::new(ReasonCode::NotAllowed).about(Subject::VoucherBarred { voucher, why })
        }
        Shortage::Refused(words) => {
            Reason::new(ReasonCode::LedgerUnavailable).about(Subject::Words(words))
        }
    }
}
