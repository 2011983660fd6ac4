//! `TenantUse`: what a tenant has, uses and can spend at this moment; the list of a home is a tree.

use super::{Age, ObjectMeta, TENANT_USES, api_version, list, metadata};
use crate::tenant::{DisplayName, TenantLevel};
use crate::text::{Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// A tenant at this moment, named like it. In a home namespace stand the home's tenant and all tenants below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantUse {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `TenantUse`.
    pub kind: String,
    /// The home namespace in which it was asked for, and the tenant.
    pub metadata: ObjectMeta,
    /// When it was true.
    #[serde(flatten)]
    pub age: Age,
    /// The tenant above; absent for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How many steps it stands below the home's tenant, which itself is at 0; where all namespaces are read, below the
    /// root.
    #[serde(default)]
    pub depth: u32,
    /// What it is called for people: Province, City, University, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<TenantLevel>,
    /// Its names for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// Quota and use of its subtree, by pool.
    #[serde(default)]
    pub pools: Vec<PoolUse>,
    /// Attempts of its subtree that are admitted.
    #[serde(default)]
    pub running: u64,
    /// Jobs of its subtree that wait.
    #[serde(default)]
    pub waiting: u64,
    /// The same by reason, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_by_reason: Vec<ReasonCount>,
    /// Who has jobs in the tenant itself, by name; those of the tenants below stand there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserUse>,
    /// The vouchers that it holds itself, in sum; each stands among the `voucheruses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers: Option<VoucherMoney>,
    /// Its own money; absent: it holds no OwnFunds voucher and an ancestor's pays (L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnMoney>,
}

impl TenantUse {
    /// A tenant that has and uses nothing, as it is read in `namespace`.
    #[must_use]
    pub fn new(age: Age, namespace: &str, tenant: &str) -> Self {
        Self {
            api_version: api_version(),
            kind: TENANT_USES.kind.to_owned(),
            metadata: metadata(namespace, tenant),
            age,
            parent: None,
            depth: 0,
            level: None,
            display_name: None,
            pools: Vec::new(),
            running: 0,
            waiting: 0,
            waiting_by_reason: Vec::new(),
            users: Vec::new(),
            vouchers: None,
            own: None,
        }
    }
}

list! {
    /// A tenant and all below it: each before those below it, siblings by name.
    TenantUseList of TenantUse
}

/// Quota and use of a subtree in one pool, in its units (Q1, Q2).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolUse {
    /// The pool.
    pub pool: String,
    /// Declared for the subtree.
    pub nominal: Quantity,
    /// What counts of it (Q1).
    pub effective_nominal: Quantity,
    /// Used by the subtree.
    pub usage: Quantity,
    /// Used above the effective nominal.
    pub borrowed: Quantity,
    /// Whose quota that is; the units of all add up to `borrowed` (Q8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lenders: Vec<Party>,
    /// Used by others out of what it owns (Q8).
    #[serde(default)]
    pub lent: Quantity,
    /// Who uses it; the units of all add up to `lent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub borrowers: Vec<Party>,
    /// What it could still use, borrowing included; negative after a cut (Q3).
    pub available: Quantity,
    /// From when on what is borrowed is stopped, where it is over quota after a cut and it, or a tenant above it, takes
    /// back (Q3); absent: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_from: Option<Time>,
    /// How much it may borrow; absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowing_limit: Option<Quantity>,
    /// What it borrowed on average: standard units, half of which is forgotten after each half-life, over all pools of
    /// the kind (O3).
    #[serde(default)]
    pub average_borrowed: Quantity,
    /// Its share of what is and was borrowed, by which the order is kept (O3): (borrowed + past weight × average) ÷
    /// weight, in standard units, over all pools of the kind. Less goes first.
    #[serde(default)]
    pub share: Quantity,
}

/// The other side of borrowed quota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Which tenant; absent: others that the reader may not know, in sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How much, in the pool's units.
    pub units: Quantity,
}

/// How many jobs wait for a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The code: a word of rule W.
    pub reason: String,
    /// Jobs.
    pub jobs: u64,
}

/// What a user has in the tenant itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserUse {
    /// The user, as the API server names it.
    pub user: String,
    /// Admitted attempts.
    pub running: u64,
    /// Waiting jobs.
    pub waiting: u64,
    /// What the admitted ones use, by pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<UserPool>,
}

/// What a user's admitted attempts use of a pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserPool {
    /// The pool.
    pub pool: String,
    /// Billed units.
    pub usage: Quantity,
}

/// Several vouchers in sum, in yuan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VoucherMoney {
    /// How many.
    pub count: u64,
    /// Set aside for admitted jobs.
    pub held: Money,
    /// Charged.
    pub spent: Money,
    /// Left.
    pub available: Money,
}

/// A tenant's budget, in yuan: `deposited = held + spent + available`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnMoney {
    /// Whose.
    #[serde(default)]
    pub tenant: String,
    /// Paid in, over all time.
    #[serde(default)]
    pub deposited: Money,
    /// Set aside for admitted jobs.
    pub held: Money,
    /// Charged, over all time.
    pub spent: Money,
    /// Left.
    pub available: Money,
}
