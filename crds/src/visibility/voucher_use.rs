//! `VoucherUse`: what became of a voucher, and what is left of it.

use super::{Age, ObjectMeta, OwnMoney, VOUCHER_USES, api_version, list, metadata};
use crate::compute_voucher::{VoucherCaps, VoucherScope, VoucherType};
use crate::text::{Money, Ratio};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// A voucher at this moment, in a tenant's home namespace and named like the voucher. In a home stand the vouchers that
/// the tenant holds, those of the tenants above, which its jobs can be paid with too (L2), and those of the tenants below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoucherUse {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `VoucherUse`.
    pub kind: String,
    /// The home namespace in which it was asked for, and the voucher.
    pub metadata: ObjectMeta,
    /// When it was true.
    #[serde(flatten)]
    pub age: Age,
    /// Who holds it.
    pub holder: String,
    /// How the holder stands to the home's tenant; absent where all namespaces are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// What kind of money it is.
    #[serde(rename = "type")]
    pub type_: VoucherType,
    /// Who granted it.
    pub issuer: String,
    /// The funding line it comes from; absent for own funds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_line: Option<String>,
    /// What it is now.
    pub state: VoucherUseState,
    /// What it was made for, in yuan.
    pub face: Money,
    /// Set aside for admitted jobs. Like `spent`, `returned` and `left` absent for own funds, which mix with other
    /// deposits: see the list's `ownMoney`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
    /// Charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Money>,
    /// Given back to its funding line by expiry or revocation (L8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Money>,
    /// What it can still pay: `face = held + spent + returned + left`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Money>,
    /// The part of a price that it pays.
    #[serde(default)]
    pub coverage: Ratio,
    /// Valid from this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Time>,
    /// Valid before this instant; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// Whether it ends within 30 days with something left.
    #[serde(default)]
    pub expiring_soon: bool,
    /// What it may be spent on; absent: on everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<VoucherScope>,
    /// Most of it that is spent at once or in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caps: Option<VoucherCaps>,
    /// Vouchers with a smaller number are spent first (L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

impl VoucherUse {
    /// A voucher of which nothing was spent, as it is read in `namespace`.
    #[must_use]
    pub fn new(age: Age, namespace: &str, voucher: &str, state: VoucherUseState) -> Self {
        Self {
            api_version: api_version(),
            kind: VOUCHER_USES.kind.to_owned(),
            metadata: metadata(namespace, voucher),
            age,
            holder: String::new(),
            relation: None,
            type_: VoucherType::default(),
            issuer: String::new(),
            funding_line: None,
            state,
            face: Money::default(),
            held: None,
            spent: None,
            returned: None,
            left: None,
            coverage: Ratio::default(),
            valid_from: None,
            valid_until: None,
            expiring_soon: false,
            scope: None,
            caps: None,
            priority: None,
        }
    }
}

list! {
    /// The vouchers of a home: its tenant's own, then those of the tenants above, then of those below; each in the order of
    /// their names.
    VoucherUseList of VoucherUse with
    /// The budgets into which deposits of own money went: of the home's tenant, of the one above that pays where it has
    /// none (L2), and of the tenants below. In the first page only.
    own_money: OwnMoney
}

/// How a voucher's holder stands to the tenant in whose home it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// The tenant itself.
    Own,
    /// A tenant above: it pays for this tenant's jobs too.
    Above,
    /// A tenant below.
    Below,
}

impl Relation {
    /// The word in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "Own",
            Self::Above => "Above",
            Self::Below => "Below",
        }
    }
}

/// What a voucher is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoucherUseState {
    /// Nobody has approved it yet.
    AwaitsApproval,
    /// It was refused, and pays nothing ever.
    Refused,
    /// Approved, but the books don't take it: the voucher's own status says why.
    NotPosted,
    /// It pays, once `validFrom` has come.
    Active,
    /// It pays nothing new for now.
    Frozen,
    /// It never pays again; its rest went back.
    Revoked,
    /// Its time is over; its rest went back (L8).
    Expired,
}

impl VoucherUseState {
    /// The word in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitsApproval => "AwaitsApproval",
            Self::Refused => "Refused",
            Self::NotPosted => "NotPosted",
            Self::Active => "Active",
            Self::Frozen => "Frozen",
            Self::Revoked => "Revoked",
            Self::Expired => "Expired",
        }
    }
}
