//! One trial: may this job run in this pool now? The checks come in W's order, money
//! last (A3); the first that fails is the reason.
//!
//! How `order` and `nodes` of W are told apart: a job that has quota but finds too
//! little free on the nodes even in sum is `BehindInOrder`, for what it needs went to
//! jobs that were admitted before it; it is `Fragmented` if the sum would do, and
//! `Unhealthy` if it would fit with all nodes in good health.

use edugrid_units::{
    Admission, Amount, AttemptKey, HoldAsk, JobUid, MilliUnits, ObjectKind, Purse, Reason,
    ReasonCode, RolePlacement, Shortage, Subject, TenantName,
};

use crate::{
    place::{self, Lack, View},
    queue::{GroupId, ShapeId},
    tenants::TreeIx,
    world::{Choice, Failed, JobState, World},
};

impl World {
    /// Admits the job in its group's `at`-th pool, or says why not.
    pub(super) fn admit(
        &mut self,
        id: GroupId,
        at: usize,
        uid: &JobUid,
        round: u64,
        purse: &mut dyn Purse,
    ) -> Result<Admission, Reason> {
        let gone = || {
            Reason::new(ReasonCode::UnknownReference).about(Subject::object(ObjectKind::Job, uid))
        };
        let choice = self.terms(id).and_then(|terms| terms.choices.get(at));
        let choice = choice.cloned().ok_or_else(gone)?;
        let shape = self.groups.get(id).map(|group| group.signature.shape);
        let shape = shape.ok_or_else(gone)?;
        let leaf = self.terms(id).map(|terms| terms.leaf).ok_or_else(gone)?;
        self.within_limits(id, &choice)?;
        self.within_quota(id, &choice)?;
        let placement = self.find_place((leaf, shape), &choice, round)?;
        let admission = self
            .admission(id, &choice, uid, placement)
            .ok_or_else(gone)?;
        self.pay(&admission, purse)?;
        self.withdraw(uid);
        if let Some(job) = self.jobs.get_mut(uid) {
            job.state = JobState::Open(admission.key.clone());
            job.next_attempt = admission.key.attempt.saturating_add(1);
        }
        self.open(admission.clone(), admission.placement.clone());
        Ok(admission)
    }

    /// Q1–Q3.
    fn within_quota(&self, id: GroupId, choice: &Choice) -> Result<(), Reason> {
        let Some(terms) = self.terms(id) else {
            return Ok(());
        };
        let tree = &self.standing.tree;
        let (available, binding) = self.standing.quota(choice.pool).available(tree, terms.leaf);
        if i128::from(choice.billed.0) <= available.0 {
            return Ok(());
        }
        let code = if binding.borrowing {
            ReasonCode::BorrowingLimit
        } else {
            ReasonCode::QuotaExceeded
        };
        Err(Reason::new(code)
            .in_pool(choice.name.clone())
            .at(tree.node(binding.node).tenant.clone())
            .numbers(
                Amount::Units(choice.billed),
                Amount::Units(available.floor()),
            ))
    }

    /// A place for the whole gang. A shape that found none in a pool is not tried
    /// again there, by no tenant, until a node of it has more room (O6); only what it
    /// lacks is read again, once a round.
    fn find_place(
        &mut self,
        (leaf, shape): (TreeIx, ShapeId),
        choice: &Choice,
        round: u64,
    ) -> Result<Vec<RolePlacement>, Reason> {
        let pool = self.topology.pool(choice.pool);
        let (room, taken, name) = (pool.room, pool.taken, &choice.name);
        let known = self.fitness.get(&(shape, choice.pool));
        let failed = known.and_then(|known| known.failed.as_ref());
        let failed = failed.filter(|failed| failed.room == room);
        if let Some(failed) = failed
            && (failed.taken == taken || failed.round == round)
        {
            return Err(self.lacking(&failed.lack, choice, leaf));
        }
        let hopeless = failed.is_some();
        let (Some(spec), Some(roles)) = (&pool.spec, self.groups.roles(shape)) else {
            let pool = Subject::object(ObjectKind::Pool, name);
            return Err(Reason::new(ReasonCode::UnknownReference).about(pool));
        };
        let asks = place::asks(&self.topology, choice.pool, spec, &roles);
        if !hopeless
            && let Some(placement) = place::place(&self.topology, choice.pool, &asks, View::Now)
        {
            return Ok(placement);
        }
        let lack = place::diagnose(&self.topology, choice.pool, &asks);
        let reason = self.lacking(&lack, choice, leaf);
        if let Some(fitness) = self.fitness.get_mut(&(shape, choice.pool)) {
            fitness.failed = Some(Failed {
                room,
                taken,
                round,
                lack,
            });
        }
        Err(reason)
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

fn is_nothing(amount: &Amount) -> bool {
    match amount {
        Amount::Units(units) => units.0 == 0,
        Amount::Count(count) => *count == 0,
        Amount::Money(money) => money.0 == 0,
        Amount::Span(span) => span.0 == 0,
    }
}
