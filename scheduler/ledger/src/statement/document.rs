//! The statement as people and programs get it: JSON, and CSV for a spreadsheet. Money
//! is a decimal string in yuan, exact to the micro-yuan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Statement, Usage, money};
use crate::calendar::shown;

/// The stored and sent twin of a [`Statement`], version `v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementDocument {
    /// Whose it is.
    pub tenant: String,
    /// `2026-11`, in Asia/Shanghai.
    pub month: String,
    /// The book's id.
    pub book: String,
    /// The clock of the books (N5).
    pub clock: ClockDocument,
    /// Balances.
    pub accounts: Vec<AccountDocument>,
    /// What attempts used and who paid.
    pub usage: Vec<UsageDocument>,
    /// Grants, deposits, expiries, revocations.
    pub movements: Vec<MovementDocument>,
    /// The sum of all `usage` costs.
    pub cost: String,
    /// Of it, paid by vouchers.
    pub vouchers: String,
    /// Of it, paid by own money.
    pub own: String,
}

/// Whether the books run on real time, and if not, how (N5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockDocument {
    /// How many times faster than real time; 1 is real time.
    pub factor: u32,
    /// Where virtual time began.
    pub origin: String,
}

/// A balance over the month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDocument {
    /// `grant:sdu-2026-a`, `budget:sdu`, `provider:sdu`.
    pub account: String,
    /// Before the month.
    pub opening: String,
    /// Of it, held.
    pub opening_held: String,
    /// Moved in.
    pub credits: String,
    /// Moved out.
    pub debits: String,
    /// After the month.
    pub closing: String,
    /// Of it, held.
    pub closing_held: String,
}

/// What an attempt used in the month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageDocument {
    /// The tenant that it counted on.
    pub tenant: String,
    /// The job's namespace.
    pub namespace: String,
    /// The job's name.
    pub name: String,
    /// The job's UID.
    pub job: String,
    /// The task.
    pub task: u32,
    /// The attempt.
    pub attempt: u32,
    /// The job's class.
    pub class: String,
    /// The pool.
    pub pool: String,
    /// Who earned.
    pub provider: String,
    /// Billed units.
    pub units: String,
    /// Charged seconds in the month.
    pub seconds: u64,
    /// When the attempt started, where it ended in the month.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started: Option<String>,
    /// Until when it is charged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    /// For one unit for one hour, before bands.
    pub rate: String,
    /// The price book; none for an own pool.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_book: Option<String>,
    /// The charge of the month.
    pub cost: String,
    /// What each voucher paid of it.
    pub vouchers: BTreeMap<String, String>,
    /// What own money paid of it.
    pub own: String,
    /// How it ended, if it did in the month.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<String>,
}

/// A movement that is no charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MovementDocument {
    /// The entry.
    pub entry: String,
    /// When.
    pub at: String,
    /// The command.
    pub verb: String,
    /// Who gave.
    pub from: String,
    /// Who got.
    pub to: String,
    /// How much.
    pub amount: String,
}

impl Statement {
    /// The twin for JSON.
    pub fn document(&self) -> StatementDocument {
        let sum = |part: fn(&Usage) -> i128| {
            let total = self
                .usage
                .iter()
                .fold(0_i128, |sum, usage| sum.saturating_add(part(usage)));
            money(total)
        };
        let opening = self.opening.as_ref();
        StatementDocument {
            tenant: self.tenant.to_string(),
            month: self.month.to_string(),
            book: opening.map(|it| it.book.clone()).unwrap_or_default(),
            clock: ClockDocument {
                factor: opening.map_or(1, |it| it.factor),
                origin: opening.map(|it| shown(it.origin)).unwrap_or_default(),
            },
            accounts: self
                .accounts
                .iter()
                .map(|line| AccountDocument {
                    account: line.account.to_string(),
                    opening: money(line.opening.posted),
                    opening_held: money(line.opening.held),
                    credits: money(line.credits),
                    debits: money(line.debits),
                    closing: money(line.closing.posted),
                    closing_held: money(line.closing.held),
                })
                .collect(),
            usage: self.usage.iter().map(usage_document).collect(),
            movements: self
                .movements
                .iter()
                .map(|movement| MovementDocument {
                    entry: movement.entry.to_string(),
                    at: shown(movement.at),
                    verb: movement.verb.to_owned(),
                    from: movement.leg.debit.to_string(),
                    to: movement.leg.credit.to_string(),
                    amount: movement.leg.amount.to_string(),
                })
                .collect(),
            cost: sum(Usage::cost),
            vouchers: sum(Usage::granted),
            own: sum(|usage| usage.own),
        }
    }

    /// The usage as CSV (RFC 4180) in UTF-8 with a byte order mark, which spreadsheets
    /// need: money as whole micro-yuan, and the cost in yuan too.
    pub fn csv(&self) -> String {
        let clock = match &self.opening {
            Some(it) if it.factor != 1 => {
                format!("virtual from {} x{}", shown(it.origin), it.factor)
            }
            _ => "real".to_owned(),
        };
        let mut csv = String::from(
            "\u{feff}month,tenant,namespace,name,job,task,attempt,class,pool,provider,units,\
             seconds,started,until,rate_yuan,price_book,outcome,cost_micro_yuan,cost_yuan,\
             voucher_micro_yuan,own_micro_yuan,vouchers,clock\r\n",
        );
        for usage in &self.usage {
            let line = usage_document(usage);
            let parts: Vec<_> = usage
                .vouchers
                .iter()
                .map(|(voucher, part)| format!("{voucher}={part}"))
                .collect();
            let cells = [
                self.month.to_string(),
                line.tenant,
                line.namespace,
                line.name,
                line.job,
                line.task.to_string(),
                line.attempt.to_string(),
                line.class,
                line.pool,
                line.provider,
                line.units,
                line.seconds.to_string(),
                line.started.unwrap_or_default(),
                line.until.unwrap_or_default(),
                line.rate,
                line.price_book.unwrap_or_default(),
                line.outcome.unwrap_or_default(),
                usage.cost().to_string(),
                line.cost,
                usage.granted().to_string(),
                usage.own.to_string(),
                parts.join(";"),
                clock.clone(),
            ];
            csv.push_str(&cells.map(|cell| quoted(&cell)).join(","));
            csv.push_str("\r\n");
        }
        csv
    }
}

fn usage_document(usage: &Usage) -> UsageDocument {
    let (admission, hold) = (&usage.admit.admission, &usage.admit.hold);
    UsageDocument {
        tenant: admission
            .tenant()
            .map(ToString::to_string)
            .unwrap_or_default(),
        namespace: admission.namespace.clone(),
        name: admission.name.clone(),
        job: admission.key.job.to_string(),
        task: admission.key.task,
        attempt: admission.key.attempt,
        class: admission.class.to_string(),
        pool: admission.pool.to_string(),
        provider: hold.provider.to_string(),
        units: admission.billed.to_string(),
        seconds: usage.seconds,
        started: usage.started.map(shown),
        until: usage.until.map(shown),
        rate: hold.rates.per_unit_hour.to_string(),
        price_book: hold.price_book.as_ref().map(ToString::to_string),
        cost: money(usage.cost()),
        vouchers: usage
            .vouchers
            .iter()
            .map(|(voucher, part)| (voucher.to_string(), money(*part)))
            .collect(),
        own: money(usage.own),
        outcome: usage.outcome.map(|outcome| outcome.as_str().to_owned()),
    }
}

/// A cell, quoted where CSV needs it.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
