//! `TenantUse`: what a tenant has, uses and can spend at this moment.

use super::{Age, ObjectMeta, TENANT_USES, api_version, list, metadata};
use crate::labels::home_namespace;
use crate::text::{Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// A tenant at this moment, in its home namespace and named like it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantUse {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `TenantUse`.
    pub kind: String,
    /// The home namespace and the tenant.
    pub metadata: ObjectMeta,
    /// When it was true.
    #[serde(flatten)]
    pub age: Age,
    /// Its quota and use, by pool.
    #[serde(default)]
    pub pools: Vec<PoolUse>,
    /// The vouchers that it holds itself; those of its ancestors stand in theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouchers: Vec<VoucherUse>,
    /// Its own money; absent: it holds no OwnFunds voucher and an ancestor's pays (L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnMoney>,
}

impl TenantUse {
    /// A tenant that has and uses nothing.
    #[must_use]
    pub fn new(age: Age, tenant: &str) -> Self {
        Self {
            api_version: api_version(),
            kind: TENANT_USES.kind.to_owned(),
            metadata: metadata(&home_namespace(tenant), tenant),
            age,
            pools: Vec::new(),
            vouchers: Vec::new(),
            own: None,
        }
    }
}

list! {
    /// The list of one that a home namespace has.
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
    /// What it could still use, borrowing included; negative after a cut (Q3).
    pub available: Quantity,
}

/// A voucher at this moment, in yuan: `face = held + spent + available` while it is valid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoucherUse {
    /// Its name.
    pub name: String,
    /// What it was made for.
    pub face: Money,
    /// Set aside for admitted jobs.
    pub held: Money,
    /// Charged.
    pub spent: Money,
    /// Left.
    pub available: Money,
    /// When it expires; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// `Pending`, `Active`, `Frozen`, `Revoked` or `Expired`.
    pub state: String,
}

/// A tenant's budget, in yuan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnMoney {
    /// Set aside for admitted jobs.
    pub held: Money,
    /// Charged, over all time.
    pub spent: Money,
    /// Left.
    pub available: Money,
}
