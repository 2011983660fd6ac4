//! Answers what people ask of the operator's memory (API.md, "How people read"). Nothing
//! is decided or counted here: engine and books are read as they stand.

use std::collections::BTreeMap;

use edugrid_core::QueueFilter;
use edugrid_crds::{
    text::{Money, Quantity},
    visibility::{
        Age, Ahead, Amount as ToldAmount, AmountUnit, Explanation, PAGE_MAX, PathStep, Placed,
        QueuePhase, QueuedJob, QueuedJobList, Reason as ToldReason, ReasonDetails, VirtualClock,
    },
};
use edugrid_units::{Amount, JobUid, Language, MicroYuan, MilliUnits, Reason, Stamp, TenantName};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::Desk;
use crate::{
    jobs::Job,
    visibility::{NotFound, Query, Reply},
};

impl Desk {
    /// The answer, as of now.
    ///
    /// # Errors
    /// If what is asked about is not there.
    pub fn answer(&self, query: &Query) -> Result<Reply, NotFound> {
        match query {
            Query::Queue { namespace } => self.queue(namespace.as_deref()).map(Reply::Queue),
            Query::Explain { namespace, name } => self
                .explain(namespace, name)
                .map(|told| Reply::Explanation(Box::new(told))),
            Query::Statements { tenant } => self.statements(tenant).map(Reply::Statements),
            Query::Statement { tenant, month } => self
                .statement(tenant, month)
                .map(|told| Reply::Statement(Box::new(told))),
            Query::TenantUses { home } => self.tenant_uses(home.as_ref()).map(Reply::TenantUses),
            Query::VoucherUses { home } => self.voucher_uses(home.as_ref()).map(Reply::VoucherUses),
        }
    }

    pub(super) fn age(&self) -> Age {
        let clock = self.ticker.clock();
        Age {
            as_of: time(clock.now()),
            clock: (clock.factor != 1).then(|| VirtualClock {
                origin: time(clock.origin),
                factor: clock.factor,
            }),
        }
    }

    fn queue(&self, namespace: Option<&str>) -> Result<QueuedJobList, NotFound> {
        if let Some(name) = namespace
            && self
                .namespaces
                .get(name)
                .is_none_or(|facts| facts.tenant.is_none())
        {
            return Err(NotFound::Namespace(name.to_owned()));
        }
        let filter = QueueFilter {
            namespace: namespace.map(str::to_owned),
            ..QueueFilter::default()
        };
        let places = self.world.queue(&filter);
        let order: BTreeMap<&JobUid, usize> = places
            .iter()
            .enumerate()
            .map(|(at, entry)| (&entry.job.uid, at))
            .collect();
        let inside = |job: &&Job| {
            namespace.is_none_or(|name| job.identity.namespace == name) && !job.is_over()
        };
        let mut jobs: Vec<&Job> = self.jobs.values().filter(inside).collect();
        // What runs comes first, then what waits in its order.
        jobs.sort_by_key(|job| {
            (
                job.open.is_none(),
                order.get(job.uid()).copied().unwrap_or(usize::MAX),
            )
        });
        let left_out = jobs.len().saturating_sub(PAGE_MAX);
        let lines = jobs.into_iter().take(PAGE_MAX).map(|job| {
            let place = order.get(job.uid()).and_then(|at| places.get(*at));
            self.queued(job, place)
        });
        let mut list = QueuedJobList::new(self.age(), lines.collect());
        list.metadata.remaining_item_count =
            i64::try_from(left_out).ok().filter(|count| *count > 0);
        Ok(list)
    }

    fn queued(&self, job: &Job, place: Option<&edugrid_core::QueueEntry>) -> QueuedJob {
        let identity = &job.identity;
        let phase = self.phase(job);
        let mut line = QueuedJob::new(self.age(), &identity.namespace, &identity.name, phase);
        line.metadata.uid = Some(identity.uid.to_string());
        line.tenant = self.tenant_of(job).map(|tenant| tenant.to_string());
        line.class = job.spec().ok().map(|spec| spec.class);
        if let Some(attempt) = job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            let admission = &attempt.admission;
            line.tenant = admission.tenant().map(ToString::to_string);
            line.tier = Some(admission.tier.as_str().to_owned());
            line.pool = Some(admission.pool.to_string());
            line.units = Some(quantity(admission.billed));
            line.submitter = Some(admission.submitter.clone());
            line.held = Some(money(attempt.held));
        }
        if let Some(place) = place {
            line.tier = place.tier.map(|tier| tier.as_str().to_owned());
            line.pool = place.pool.as_ref().map(ToString::to_string);
            line.units = place.billed.map(quantity);
            line.submitter = Some(place.submitter.clone());
            line.position_in_pool = place.place.and_then(|place| u64::try_from(place).ok());
            line.position_in_tenant = place
                .place_in_tenant
                .and_then(|place| u64::try_from(place).ok());
            line.waiting_since = Some(time(identity.created));
            line.reason = place
                .reason
                .as_ref()
                .map(|reason| reason.code.as_str().to_owned());
            let reason = place.reason.as_ref();
            line.message = reason.map(ToString::to_string);
            line.message_zh = reason.map(|reason| reason.sentence(Language::Chinese));
            line.details = reason.map(details);
        }
        line
    }

    fn phase(&self, job: &Job) -> QueuePhase {
        match job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            Some(attempt) if attempt.started.is_some() => QueuePhase::Running,
            Some(_) => QueuePhase::Admitted,
            None => QueuePhase::Waiting,
        }
    }

    fn explain(&self, namespace: &str, name: &str) -> Result<Explanation, NotFound> {
        let job = self.jobs.values().find(|job| {
            job.identity.namespace == namespace && job.identity.name == name && !job.is_over()
        });
        let job = job.ok_or_else(|| NotFound::Job {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })?;
        let uid = job.uid();
        let mut told = Explanation::new(self.age(), namespace, name, self.phase(job));
        told.metadata.uid = Some(uid.to_string());
        told.since = Some(time(job.identity.created));
        told.attempts = u32::try_from(job.past.len()).unwrap_or(u32::MAX);
        told.tenant = self.tenant_of(job).map(|tenant| tenant.to_string());
        if let Some(attempt) = job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            let admission = &attempt.admission;
            told.since = Some(time(attempt.started.unwrap_or(admission.at)));
            told.attempts = admission.key.attempt;
            told.walltime = Some(admission.walltime.to_string().into());
            told.highest_cost = Some(money(attempt.held));
            told.placement = placed(admission);
        }
        if let Some(explained) = self.world.explain(uid) {
            self.explain_waiting(explained, &mut told);
        }
        Ok(told)
    }

    fn explain_waiting(&self, explained: edugrid_core::Explanation, told: &mut Explanation) {
        told.reason = explained.reason.as_ref().map(reason);
        let main = explained
            .reason
            .as_ref()
            .and_then(|reason| reason.pool.clone());
        told.other_pools = explained
            .pools
            .iter()
            .filter(|(pool, _)| Some(pool) != main.as_ref())
            .map(|(pool, why)| {
                let mut told = reason(why);
                told.details.pool = Some(pool.to_string());
                told
            })
            .collect();
        told.position_in_pool = explained
            .place_in_pool
            .and_then(|place| u64::try_from(place).ok());
        let pool = explained
            .pool
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let limits: BTreeMap<String, (Option<MilliUnits>, Option<MilliUnits>)> = self
            .world
            .tenants()
            .into_iter()
            .filter_map(|tenant| {
                let line = tenant
                    .pools
                    .iter()
                    .find(|line| line.pool.as_str() == pool)?;
                Some((
                    tenant.name.to_string(),
                    (line.nominal, line.borrowing_limit),
                ))
            })
            .collect();
        told.path = explained
            .path
            .iter()
            .map(|node| {
                let (nominal, limit) = limits
                    .get(node.tenant.as_str())
                    .copied()
                    .unwrap_or_default();
                PathStep {
                    tenant: node.tenant.to_string(),
                    pool: pool.clone(),
                    nominal: quantity(nominal.unwrap_or(node.effective)),
                    effective_nominal: quantity(node.effective),
                    usage: quantity(node.used),
                    borrowed: quantity(node.borrowed),
                    available: Quantity::from(node.available.to_string().as_str()),
                    borrowing_limit: limit.map(quantity),
                }
            })
            .collect();
        told.ahead = (1..)
            .zip(&explained.ahead)
            .map(|(position, ahead)| Ahead {
                position,
                jobs: 1,
                tenant: Some(ahead.tenant.to_string()),
                namespace: Some(ahead.namespace.clone()),
                name: Some(ahead.name.clone()),
                units: quantity(ahead.billed.unwrap_or_default()),
            })
            .collect();
    }

    /// The tenant on which a job counts, or would.
    pub(super) fn tenant_of(&self, job: &Job) -> Option<TenantName> {
        let open = job.open.as_ref().and_then(|key| self.attempts.get(key));
        match open {
            Some(attempt) => attempt.admission.tenant().cloned(),
            None => self.namespaces.get(&job.identity.namespace)?.tenant.clone(),
        }
    }

    pub(super) fn known_tenant(&self, tenant: &TenantName) -> Result<(), NotFound> {
        if self.tenants.contains(tenant.as_str()) {
            Ok(())
        } else {
            Err(NotFound::Tenant(tenant.clone()))
        }
    }
}

fn placed(admission: &edugrid_units::Admission) -> Vec<Placed> {
    let role = |role: &edugrid_units::RolePlacement| {
        let line = |(node, replicas): &(edugrid_units::NodeName, u32)| Placed {
            role: role.role.to_string(),
            pool: admission.pool.to_string(),
            node: node.to_string(),
            replicas: *replicas,
        };
        role.nodes.iter().map(line).collect::<Vec<_>>()
    };
    admission.placement.iter().flat_map(role).collect()
}

fn reason(reason: &Reason) -> ToldReason {
    ToldReason {
        code: reason.code.as_str().to_owned(),
        message: reason.to_string(),
        message_zh: Some(reason.sentence(Language::Chinese)),
        way_out: Some(reason.code.way_out(Language::English).to_owned()),
        way_out_zh: Some(reason.code.way_out(Language::Chinese).to_owned()),
        details: details(reason),
    }
}

fn details(reason: &Reason) -> ReasonDetails {
    ReasonDetails {
        node: reason.node.as_ref().map(ToString::to_string),
        pool: reason.pool.as_ref().map(ToString::to_string),
        subject: reason.subject_in(Language::English),
        asked: reason.asked.map(amount),
        free: reason.free.map(amount),
        missing: reason.missing.map(amount),
        until: reason.until.map(time),
    }
}

fn amount(amount: Amount) -> ToldAmount {
    let (value, unit) = match amount {
        Amount::Units(units) => (units.to_string(), AmountUnit::PoolUnit),
        Amount::Money(money) => (money.to_string(), AmountUnit::Yuan),
        Amount::Count(count) => (count.to_string(), AmountUnit::Count),
        Amount::Span(span) => (span.to_string(), AmountUnit::Duration),
    };
    ToldAmount { value, unit }
}

/// The instant in Kubernetes' form, in whole seconds.
pub(super) fn time(stamp: Stamp) -> Time {
    Time(Timestamp::from_second(stamp.seconds()).unwrap_or(Timestamp::UNIX_EPOCH))
}

pub(super) fn money(amount: MicroYuan) -> Money {
    amount.to_string().into()
}

pub(super) fn quantity(units: MilliUnits) -> Quantity {
    Quantity::from(units.to_string().as_str())
}
