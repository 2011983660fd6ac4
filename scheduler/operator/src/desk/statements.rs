//! Statements in the form in which people read them; summed by the books alone. The desk only
//! knows whose there are; who has the view tells them ([`crate::shadow`]).

use edugrid_crds::{
    text::Money,
    visibility::{
        AccountLine, Age, LedgerPosition, Movement, Statement, StatementList, Totals, Transfer,
        VoucherShare,
    },
};
use edugrid_ledger::{HistoryView, Month, Position, Usage, ViewError};
use edugrid_units::{Seconds, Stamp, TenantName};
use tokio::sync::oneshot;

use super::{
    Desk,
    answer::{money, quantity, time},
};
use crate::visibility::{NotFound, Page, Reply};

/// Months that a list looks back.
const MONTHS_LISTED: usize = 24;

/// What is asked of a tenant's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// The months in which something moved, the latest first.
    Months(Page),
    /// One month, by its name as it was asked for.
    Month(String),
}

/// A question about a tenant's past, on its way to who has the view.
#[derive(Debug)]
pub struct Recollection {
    /// Where the journal ended when it was asked.
    pub at: Position,
    /// Of a tenant that there is.
    pub tenant: TenantName,
    /// What.
    pub what: Recalled,
    /// When, for who reads the answer.
    pub age: Age,
    /// When, by the book's clock.
    pub now: Stamp,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Reply, NotFound>>,
}

impl Desk {
    /// Has a question about a tenant's past answered by who has the view.
    pub(super) fn ask_of_past(
        &self,
        tenant: TenantName,
        what: Recalled,
        reply: oneshot::Sender<Result<Reply, NotFound>>,
    ) {
        let known = self.known_tenant(&tenant);
        let asked = Recollection {
            at: self.books.position(),
            tenant,
            what,
            age: self.age(),
            now: self.ticker.clock().now(),
            reply,
        };
        match known {
            Ok(()) => self.shadow.recall(asked),
            Err(absent) => asked.answer(Err(absent)),
        }
    }
}

impl Recollection {
    /// Answers it. Whoever asked may have gone away meanwhile.
    pub fn answer(self, answer: Result<Reply, NotFound>) {
        let _ = self.reply.send(answer);
    }

    /// Answers it from a view that reaches to `position`. `false`: the view can't be read.
    pub fn tell(self, view: &dyn HistoryView, position: Position) -> bool {
        let answer = match &self.what {
            Recalled::Months(page) => self.months(view, position, page).map(Reply::Statements),
            Recalled::Month(name) => {
                let told = self.month(view, position, name);
                told.map(|told| Reply::Statement(Box::new(told)))
            }
        };
        let is_read = !matches!(answer, Err(NotFound::NotYet(_)));
        self.answer(answer);
        is_read
    }

    fn months(
        &self,
        view: &dyn HistoryView,
        position: Position,
        page: &Page,
    ) -> Result<StatementList, NotFound> {
        let mut month = Month::of(self.now);
        let mut items = Vec::new();
        for _ in 0..MONTHS_LISTED {
            match self.month(view, position, &month.to_string()) {
                Ok(mut told) => {
                    told.accounts.clear();
                    told.movements.clear();
                    told.transfers.clear();
                    items.push(told);
                }
                Err(NotFound::NotYet(why)) => return Err(NotFound::NotYet(why)),
                Err(_) => {}
            }
            month = Month::of(month.start().before(Seconds(1)));
        }
        let (items, metadata) = page.cut(items, |told| told.month.clone());
        let mut list = StatementList::new(self.age.clone(), items);
        list.metadata = metadata;
        Ok(list)
    }

    fn month(
        &self,
        view: &dyn HistoryView,
        position: Position,
        name: &str,
    ) -> Result<Statement, NotFound> {
        let tenant = &self.tenant;
        let absent = || NotFound::Month {
            tenant: tenant.clone(),
            month: name.to_owned(),
        };
        let month = Month::parse(name).map_err(|_| absent())?;
        let source = edugrid_ledger::statement(view, tenant, month);
        let source = source.map_err(|error| match error {
            ViewError::NeedsArchive { first } => NotFound::Archived {
                tenant: tenant.clone(),
                month: name.to_owned(),
                first: first.to_string(),
            },
            error => {
                tracing::error!(%tenant, %error, "the local view can't be read");
                NotFound::NotYet(error.to_string())
            }
        })?;
        if source.usage.is_empty() && source.movements.is_empty() {
            return Err(absent());
        }
        let mut told = Statement::new(self.age.clone(), tenant.as_str(), &month.to_string());
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

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
