//! `Statement`: a tenant's month in the books. Its source is the ledger's own statement, field by field; nothing is
//! summed or rounded here.

use super::{Age, ObjectMeta, STATEMENTS, api_version, list, metadata};
use crate::labels::home_namespace;
use crate::text::{Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// A month of a tenant and its subtree, in the tenant's home namespace; its name is the month, `2026-11` (Asia/Shanghai). In
/// a list it stands without `accounts`, `movements` and `transfers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `Statement`.
    pub kind: String,
    /// The home namespace and the month.
    pub metadata: ObjectMeta,
    /// When it was true; a month that has not ended still grows.
    #[serde(flatten)]
    pub age: Age,
    /// Whose.
    pub tenant: String,
    /// `2026-11`.
    pub month: String,
    /// The tenant's accounts at both ends of the month.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountLine>,
    /// What attempts used and who paid for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub movements: Vec<Movement>,
    /// What moved otherwise: grants, deposits, expiries, revocations, in the order of the books.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<Transfer>,
    /// Sums over the movements.
    pub totals: Totals,
    /// Where in the ledger this was read.
    pub ledger: LedgerPosition,
}

impl Statement {
    /// An empty month.
    #[must_use]
    pub fn new(age: Age, tenant: &str, month: &str) -> Self {
        Self {
            api_version: api_version(),
            kind: STATEMENTS.kind.to_owned(),
            metadata: metadata(&home_namespace(tenant), month),
            age,
            tenant: tenant.to_owned(),
            month: month.to_owned(),
            accounts: Vec::new(),
            movements: Vec::new(),
            transfers: Vec::new(),
            totals: Totals::default(),
            ledger: LedgerPosition::default(),
        }
    }
}

list! {
    /// The months of a tenant that have movements, the latest first.
    StatementList of Statement
}

/// An account at both ends of the month, in yuan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountLine {
    /// `grant:<voucher>` or `budget:<tenant>`.
    pub account: String,
    /// At the start.
    pub opening: Money,
    /// At the end, or now.
    pub closing: Money,
}

/// What one attempt used in the month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    /// When it was charged last.
    pub at: Time,
    /// The job's namespace.
    pub namespace: String,
    /// The job's name.
    pub job: String,
    /// Which attempt.
    pub attempt: u32,
    /// Where it ran.
    pub pool: String,
    /// Billed units (N4).
    pub units: Quantity,
    /// Start of the charged interval (A5); absent: it never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Its length in whole seconds.
    pub seconds: u64,
    /// The price, in yuan for one unit and hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_unit_hour: Option<Money>,
    /// What it cost.
    pub cost: Money,
    /// What vouchers paid of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouchers: Vec<VoucherShare>,
    /// What own money paid of it.
    pub own: Money,
    /// How the attempt ended; absent for an interim charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// What one voucher paid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoucherShare {
    /// The voucher.
    pub name: String,
    /// Yuan.
    pub amount: Money,
}

/// Money that moved without a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// Number of the ledger's entry.
    pub entry: u64,
    /// When it was written.
    pub at: Time,
    /// What for: the command's verb.
    pub verb: String,
    /// The account that gave.
    pub debit: String,
    /// The account that got.
    pub credit: String,
    /// Yuan.
    pub amount: Money,
}

/// Sums in yuan: `cost = vouchers + own`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// All that was charged.
    pub cost: Money,
    /// Of it, paid by vouchers.
    pub vouchers: Money,
    /// Of it, paid by own money.
    pub own: Money,
}

/// A position in the ledger, to hold against `kubectl edugrid ledger verify`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerPosition {
    /// Entries so far.
    pub entries: u64,
    /// Hash of the last one, in hexadecimal digits (L11).
    pub head: String,
}
