//! Statements in the form in which people read them; summed by the books alone.

use edugrid_crds::{
    text::Money,
    visibility::{
        AccountLine, LedgerPosition, Movement, Statement, StatementList, Totals, Transfer,
        VoucherShare,
    },
};
use edugrid_ledger::{Month, Usage, ViewError};
use edugrid_units::{Seconds, TenantName};

use super::{
    Desk,
    answer::{money, quantity, time},
};
use crate::visibility::{NotFound, Page};

/// Months that a list looks back.
const MONTHS_LISTED: usize = 24;

impl Desk {
    /// The months of a tenant in which something moved, the latest first.
    pub(super) fn statements(
        &self,
        tenant: &TenantName,
        page: &Page,
    ) -> Result<StatementList, NotFound> {
        self.known_tenant(tenant)?;
        let mut month = Month::of(self.ticker.clock().now());
        let mut items = Vec::new();
        for _ in 0..MONTHS_LISTED {
            if let Ok(mut told) = self.statement(tenant, &month.to_string()) {
                told.accounts.clear();
                told.movements.clear();
                told.transfers.clear();
                items.push(told);
            }
            month = Month::of(month.start().before(Seconds(1)));
        }
        let (items, metadata) = page.cut(items, |told| told.month.clone());
        let mut list = StatementList::new(self.age(), items);
        list.metadata = metadata;
        Ok(list)
    }

    /// One month of a tenant.
    pub(super) fn statement(&self, tenant: &TenantName, name: &str) -> Result<Statement, NotFound> {
        self.known_tenant(tenant)?;
        let absent = || NotFound::Month {
            tenant: tenant.clone(),
            month: name.to_owned(),
        };
        let month = Month::parse(name).map_err(|_| absent())?;
        let source = edugrid_ledger::statement(&self.history, tenant, month);
        let source = source.map_err(|error| match error {
            ViewError::NeedsArchive { first } => NotFound::Archived {
                tenant: tenant.clone(),
                month: name.to_owned(),
                first: first.to_string(),
            },
            error => {
                tracing::error!(%tenant, %error, "the local view can't be read");
                absent()
            }
        })?;
        if source.usage.is_empty() && source.movements.is_empty() {
            return Err(absent());
        }
        let mut told = Statement::new(self.age(), tenant.as_str(), &month.to_string());
        told.accounts = source
            .accounts
            .iter()
            .map(|line| AccountLine {
                account: line.account.to_string(),
                opening: signed(line.opening.posted),
                closing: signed(line.closing.posted),
            })
            .collect();
        told.movements = source.usage.iter().map(movement).collect();
        // The books order attempts by their UIDs, people by time.
        told.movements.sort_by(|one, other| {
            let key = |line: &Movement| (line.started_at.clone(), line.at.clone());
            key(one).cmp(&key(other))
        });
        told.transfers = source
            .movements
            .iter()
            .map(|moved| Transfer {
                entry: moved.entry,
                at: time(moved.at),
                verb: moved.verb.to_owned(),
                debit: moved.leg.debit.to_string(),
                credit: moved.leg.credit.to_string(),
                amount: money(moved.leg.amount),
            })
            .collect();
        let sum = |part: fn(&Usage) -> i128| {
            signed(
                source
                    .usage
                    .iter()
                    .fold(0, |sum: i128, usage| sum.saturating_add(part(usage))),
            )
        };
        told.totals = Totals {
            cost: sum(Usage::cost),
            vouchers: sum(Usage::granted),
            own: sum(|usage| usage.own),
        };
        let position = self.books.position();
        told.ledger = LedgerPosition {
            entries: position.entries,
            head: position.head.to_string(),
        };
        Ok(told)
    }
}

fn movement(usage: &Usage) -> Movement {
    let admission = &usage.admit.admission;
    Movement {
        at: time(usage.until.unwrap_or(admission.at)),
        namespace: admission.namespace.clone(),
        job: admission.name.clone(),
        attempt: admission.key.attempt,
        pool: admission.pool.to_string(),
        units: quantity(admission.billed),
        started_at: usage.started.map(time),
        finished_at: usage.until.map(time),
        seconds: usage.seconds,
        rate_per_unit_hour: Some(money(usage.admit.hold.rates.per_unit_hour)),
        cost: signed(usage.cost()),
        vouchers: usage
            .vouchers
            .iter()
            .map(|(name, amount)| VoucherShare {
                name: name.to_string(),
                amount: signed(*amount),
            })
            .collect(),
        own: signed(usage.own),
        outcome: usage.outcome.map(|outcome| outcome.as_str().to_owned()),
    }
}

/// An amount that may be a refund, in yuan.
fn signed(micro: i128) -> Money {
    let size = edugrid_units::MicroYuan(u64::try_from(micro.unsigned_abs()).unwrap_or(u64::MAX));
    let sign = if micro < 0 { "-" } else { "" };
    format!("{sign}{size}").into()
}
