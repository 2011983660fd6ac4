//! Answers what people ask of the operator's memory (API.md, "How people read"). Nothing is
//! decided or counted here: engine and books are read as they stand.
//!
//! Whoever reads in a namespace sees the namespace's tenant, those above it and those below
//! it; of all others only numbers are told. `relation` draws that line for every answer.

use std::sync::Arc;

use edugrid_core::Order;
use edugrid_crds::{
    text::{Money, Quantity},
    visibility::{
        Age, Amount as ToldAmount, AmountUnit, Reason as ToldReason, ReasonDetails, Relation,
        VirtualClock,
    },
};
use edugrid_units::{Amount, Language, MicroYuan, MilliUnits, Reason, Stamp, TenantName};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Desk, Recalled};
use crate::{
    jobs::Job,
    visibility::{Asked, NotFound, Query, Reply},
};

/// The order is found anew at most so often that it takes one part in so many of the loop's
/// time: with few jobs for every question, with very many once a second or so.
const ORDER_SHARE: u64 = 10;

/// The order of all that waits, and as of when.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub order: Arc<Order>,
    /// By the book's clock.
    pub as_of: Stamp,
    /// By the machine's clock: found then, and kept until then.
    found: Stamp,
    until: Stamp,
}

impl Desk {
    /// Answers, as of now or of the order that the answer rests on; what is asked of the past is
    /// told by who has the view.
    pub fn answer(&mut self, asked: Asked) {
        let Asked { query, reply } = asked;
        let answer = match query {
            Query::Statements { tenant, page } => {
                return self.ask_of_past(tenant, Recalled::Months(page), reply);
            }
            Query::Statement { tenant, month } => {
                return self.ask_of_past(tenant, Recalled::Month(month), reply);
            }
            Query::Queue {
                namespace,
                select,
                page,
            } => self
                .queue(namespace.as_deref(), &select, &page)
                .map(Reply::Queue),
            Query::Job { namespace, name } => self
                .queued_job(&namespace, &name)
                .map(|told| Reply::Job(Box::new(told))),
            Query::Explain { namespace, name } => self
                .explain(&namespace, &name)
                .map(|told| Reply::Explanation(Box::new(told))),
            Query::TenantUses { home, page } => self
                .tenant_uses(home.as_ref(), &page)
                .map(Reply::TenantUses),
            Query::VoucherUses { home, page } => self
                .voucher_uses(home.as_ref(), &page)
                .map(Reply::VoucherUses),
        };
        // Whoever asked may have gone away meanwhile.
        let _ = reply.send(answer);
    }

    /// The order of all that waits, found anew or a moment old.
    pub(super) fn ordered(&mut self) -> Ordered {
        let real = self.ticker.clock().real_now();
        if let Some(ordered) = &self.ordered
            && (ordered.found..ordered.until).contains(&real)
        {
            return ordered.clone();
        }
        let order = self.world.order();
        let cost = self
            .ticker
            .clock()
            .real_now()
            .0
            .saturating_sub(real.0)
            .max(0);
        let share = i64::try_from(ORDER_SHARE).unwrap_or(i64::MAX);
        let ordered = Ordered {
            order,
            as_of: self.ticker.clock().now(),
            found: real,
            until: Stamp(real.0.saturating_add(cost.saturating_mul(share))),
        };
        self.ordered.insert(ordered).clone()
    }

    /// The age of an answer that was true at that instant.
    pub(super) fn age_at(&self, as_of: Stamp) -> Age {
        let clock = self.ticker.clock();
        Age {
            as_of: time(as_of),
            clock: (clock.factor != 1).then(|| VirtualClock {
                origin: time(clock.origin),
                factor: clock.factor,
            }),
        }
    }

    /// The age of an answer that is true now.
    pub(super) fn age(&self) -> Age {
        self.age_at(self.ticker.clock().now())
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

    /// How a tenant stands to the one for whose people an answer is; `None`: they may not
    /// know of each other.
    pub(super) fn relation(&self, reader: &TenantName, other: &TenantName) -> Option<Relation> {
        let above = |tenant: &TenantName| self.tenants.path(tenant.as_str()).unwrap_or_default();
        if reader == other {
            Some(Relation::Own)
        } else if above(reader).contains(other) {
            Some(Relation::Above)
        } else if above(other).contains(reader) {
            Some(Relation::Below)
        } else {
            None
        }
    }
}

pub(super) fn reason(reason: &Reason) -> ToldReason {
    ToldReason {
        code: reason.code.as_str().to_owned(),
        message: reason.to_string(),
        message_zh: Some(reason.sentence(Language::Chinese)),
        way_out: Some(reason.code.way_out(Language::English).to_owned()),
        way_out_zh: Some(reason.code.way_out(Language::Chinese).to_owned()),
        details: details(reason),
    }
}

pub(super) fn details(reason: &Reason) -> ReasonDetails {
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

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
