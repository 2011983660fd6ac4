//! One job explained: why it waits, what stands on its way to the root, and who is before it,
//! or where it was placed.

use std::collections::BTreeMap;

use edugrid_core::{Order, Place};
use edugrid_crds::{
    text::Quantity,
    visibility::{AHEAD_MAX, Ahead, Explanation, PathStep, Placed, Relation},
};
use edugrid_units::{JobUid, MilliUnits, TenantName};

use super::{
    Desk,
    answer::{money, quantity, reason, time},
};
use crate::visibility::NotFound;

/// A line of those ahead while it is drawn together.
struct Run<'a> {
    position: usize,
    jobs: u64,
    units: MilliUnits,
    /// The tenant, if the reader may know it.
    tenant: Option<&'a TenantName>,
    /// The job, if the reader may know it.
    job: Option<&'a JobUid>,
}

impl Desk {
    pub(super) fn explain(&mut self, namespace: &str, name: &str) -> Result<Explanation, NotFound> {
        let ordered = self.ordered();
        let job = self.unfinished(namespace, name)?;
        let age = self.age_at(ordered.as_of);
        let mut told = Explanation::new(age, namespace, name, self.phase(job));
        let tenant = self.tenant_of(job);
        told.metadata.uid = Some(job.uid().to_string());
        told.since = Some(time(job.identity.created));
        told.attempts = u32::try_from(job.past.len()).unwrap_or(u32::MAX);
        told.tenant = tenant.as_ref().map(ToString::to_string);
        if let Some(attempt) = job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            let admission = &attempt.admission;
            told.since = Some(time(attempt.started.unwrap_or(admission.at)));
            told.attempts = admission.key.attempt;
            told.walltime = Some(admission.walltime.to_string().into());
            told.highest_cost = Some(money(attempt.held));
            told.placement = placed(admission);
        }
        let uid = job.uid();
        if let Some(explained) = self.world.explain_in(uid, &ordered.order) {
            tell(explained, &mut told);
        }
        if let Some(tenant) = tenant {
            self.tell_place(&tenant, uid, &ordered.order, &mut told);
        }
        Ok(told)
    }

    /// Where a job stands, and who is before it.
    fn tell_place(&self, reader: &TenantName, uid: &JobUid, order: &Order, told: &mut Explanation) {
        let Some((place, before)) = order.find(uid) else {
            return;
        };
        let count = |count: usize| u64::try_from(count).ok();
        told.position_in_pool = count(place.in_pool);
        told.position_in_tenant = count(place.in_tenant);
        told.waiting_in_pool = count(order.in_pool(&place.pool));
        let before = || before.iter().filter(|ahead| ahead.pool == place.pool);
        let units = before().map(|ahead| ahead.billed);
        told.units_ahead = Some(quantity(
            units.fold(MilliUnits::ZERO, MilliUnits::saturating_add),
        ));
        told.ahead = self.ahead(reader, before());
    }

    /// The first lines of those ahead. Jobs of the reader's tenant and of those below it are
    /// named; of the tenants above only the tenant; all others are a number.
    fn ahead<'a>(
        &self,
        reader: &TenantName,
        before: impl Iterator<Item = &'a Place>,
    ) -> Vec<Ahead> {
        let mut relations: BTreeMap<&TenantName, Option<Relation>> = BTreeMap::new();
        let mut runs: Vec<Run<'a>> = Vec::new();
        for place in before {
            let relation = relations.entry(&place.tenant);
            let relation = *relation.or_insert_with(|| self.relation(reader, &place.tenant));
            let tenant = relation.map(|_| &place.tenant);
            let job = match relation {
                Some(Relation::Own | Relation::Below) => Some(&place.uid),
                Some(Relation::Above) | None => None,
            };
            let like =
                |run: &&mut Run<'_>| job.is_none() && run.job.is_none() && run.tenant == tenant;
            if let Some(run) = runs.last_mut().filter(like) {
                run.jobs = run.jobs.saturating_add(1);
                run.units = run.units.saturating_add(place.billed);
                continue;
            }
            if runs.len() == AHEAD_MAX {
                break;
            }
            runs.push(Run {
                position: place.in_pool,
                jobs: 1,
                units: place.billed,
                tenant,
                job,
            });
        }
        let line = |run: Run<'_>| {
            let named = run.job.and_then(|uid| self.jobs.get(uid));
            Ahead {
                position: u64::try_from(run.position).unwrap_or(u64::MAX),
                jobs: run.jobs,
                units: quantity(run.units),
                tenant: run.tenant.map(ToString::to_string),
                namespace: named.map(|job| job.identity.namespace.clone()),
                name: named.map(|job| job.identity.name.clone()),
            }
        };
        runs.into_iter().map(line).collect()
    }
}

/// What the engine says of a job.
fn tell(explained: edugrid_core::Explanation, told: &mut Explanation) {
    told.reason = explained.reason.as_ref().map(reason);
    let main = explained.reason.as_ref();
    let main = main.and_then(|reason| reason.pool.as_ref());
    let others = explained.pools.iter();
    let others = others.filter(|(pool, _)| Some(pool) != main);
    told.other_pools = others
        .map(|(pool, why)| {
            let mut told = reason(why);
            told.details.pool = Some(pool.to_string());
            told
        })
        .collect();
    let Some(pool) = explained.pool.as_ref() else {
        return;
    };
    let step = |node: &edugrid_core::PathNode| PathStep {
        tenant: node.tenant.to_string(),
        pool: pool.to_string(),
        nominal: quantity(node.nominal.unwrap_or(node.effective)),
        effective_nominal: quantity(node.effective),
        usage: quantity(node.used),
        borrowed: quantity(node.borrowed),
        average_borrowed: quantity(node.average.standard_units()),
        share: quantity(node.share.standard_units()),
        available: Quantity::from(node.available.to_string().as_str()),
        borrowing_limit: node.borrowing_limit.map(quantity),
    };
    told.path = explained.path.iter().map(step).collect();
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
