//! What people read of the operator's memory: group `visibility.edugrid.io`, namespaced and read-only, served through the
//! API server's aggregation layer (API.md, "How people read what is in memory").
//!
//! These are answers, not stored objects: no schema, no status, nothing to write. Queues and explanations stand in the
//! jobs' namespaces, statements, use and vouchers in the tenants' home namespaces, so that RBAC there decides who reads
//! them. What a namespace's answers name is its own tenant, the tenants above it and those below it; of all others only
//! numbers are told. How an answer comes about, and who serves it, is not known here.

mod explanation;
mod queue;
mod reason;
mod statement;
mod tenant_use;
mod voucher_use;

pub use explanation::{AHEAD_MAX, Ahead, Explanation, PathStep, Placed};
pub use queue::{QueuePhase, QueuedJob, QueuedJobList};
pub use reason::{Amount, AmountUnit, Reason, ReasonDetails};
pub use statement::{
    AccountLine, LedgerPosition, Movement, Statement, StatementList, Totals, Transfer, VoucherShare,
};
pub use tenant_use::{
    OwnMoney, Party, PoolUse, ReasonCount, TenantUse, TenantUseList, UserPool, UserUse,
    VoucherMoney,
};
pub use voucher_use::{Relation, VoucherUse, VoucherUseList, VoucherUseState};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta, Time};
use serde::{Deserialize, Serialize};

/// API group of the answers.
pub const GROUP: &str = "visibility.edugrid.io";
/// Their only version so far.
pub const VERSION: &str = "v1alpha1";
/// Group and version as objects spell it.
pub const API_VERSION: &str = "visibility.edugrid.io/v1alpha1";

/// A resource of this group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// Its kind.
    pub kind: &'static str,
    /// The kind of its list; `None` where only single answers are read.
    pub list_kind: Option<&'static str>,
    /// Its name in paths and RBAC rules.
    pub plural: &'static str,
    /// Its name for one.
    pub singular: &'static str,
    /// What people type instead.
    pub short_names: &'static [&'static str],
}

impl Resource {
    /// What may be done with it: never more than reading.
    #[must_use]
    pub fn verbs(&self) -> &'static [&'static str] {
        if self.list_kind.is_some() {
            &["get", "list"]
        } else {
            &["get"]
        }
    }
}

/// The unfinished jobs of a namespace.
pub const QUEUED_JOBS: Resource = Resource {
    kind: "QueuedJob",
    list_kind: Some("QueuedJobList"),
    plural: "queuedjobs",
    singular: "queuedjob",
    short_names: &["qj"],
};
/// Why one job waits, or where it runs.
pub const EXPLANATIONS: Resource = Resource {
    kind: "Explanation",
    list_kind: None,
    plural: "explanations",
    singular: "explanation",
    short_names: &[],
};
/// A tenant's months in the books.
pub const STATEMENTS: Resource = Resource {
    kind: "Statement",
    list_kind: Some("StatementList"),
    plural: "statements",
    singular: "statement",
    short_names: &[],
};
/// Quota, use and money of a tenant and of all below it, at this moment.
pub const TENANT_USES: Resource = Resource {
    kind: "TenantUse",
    list_kind: Some("TenantUseList"),
    plural: "tenantuses",
    singular: "tenantuse",
    short_names: &["tu"],
};
/// The vouchers that a tenant can spend or watch over, at this moment.
pub const VOUCHER_USES: Resource = Resource {
    kind: "VoucherUse",
    list_kind: Some("VoucherUseList"),
    plural: "voucheruses",
    singular: "voucheruse",
    short_names: &["vu"],
};
/// The metrics of a tenant and of all below it, in Prometheus' text and not as an object.
pub const TENANT_METRICS: Resource = Resource {
    kind: "TenantMetrics",
    list_kind: None,
    plural: "tenantmetrics",
    singular: "tenantmetrics",
    short_names: &[],
};
/// All of them, in the order of discovery.
pub const RESOURCES: [Resource; 6] = [
    QUEUED_JOBS,
    EXPLANATIONS,
    STATEMENTS,
    TENANT_USES,
    VOUCHER_USES,
    TENANT_METRICS,
];

/// Most answers in one page of a list, whatever `limit` asks for; without `limit` too.
pub const PAGE_MAX: usize = 10_000;

/// The age of an answer, flattened into it. Memory is always a little behind the cluster: whoever decides by an answer
/// sees by how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// The instant at which the answer was true, by the operator's clock.
    pub as_of: Time,
    /// Present when that clock is virtual: then every instant of the answer is (N5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<VirtualClock>,
}

/// A clock that runs faster than the world's: `origin + factor × (real − origin)` (N5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualClock {
    /// The instant at which virtual and real time agreed.
    pub origin: Time,
    /// Virtual seconds in a real one, above 1.
    pub factor: u32,
}

/// The metadata of an answer about `name` in `namespace`.
#[must_use]
pub fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

/// The group and version of a list or object; the default is the only one there is.
fn api_version() -> String {
    API_VERSION.to_owned()
}

/// A list of answers as Kubernetes writes it, with the age of the whole.
macro_rules! list {
    ($(#[$doc:meta])* $list:ident of $item:ident $(with $(#[$extra_doc:meta])* $extra:ident: $type:ty)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $list {
            /// `visibility.edugrid.io/v1alpha1`.
            #[serde(default = "super::api_version")]
            pub api_version: String,
            /// The list's kind.
            pub kind: String,
            /// Of a page that isn't the last: `continue`, by which the next one is asked for, and `remainingItemCount`,
            /// how many come after it.
            #[serde(default)]
            pub metadata: super::ListMeta,
            /// When it was true.
            #[serde(flatten)]
            pub age: super::Age,
            /// The answers.
            pub items: Vec<$item>,
            $(
                $(#[$extra_doc])*
                #[serde(default, skip_serializing_if = "Vec::is_empty")]
                pub $extra: Vec<$type>,
            )?
        }

        impl $list {
            /// A list of these answers.
            #[must_use]
            pub fn new(age: super::Age, items: Vec<$item>) -> Self {
                Self {
                    api_version: super::api_version(),
                    kind: stringify!($list).to_owned(),
                    metadata: super::ListMeta::default(),
                    age,
                    items,
                    $($extra: Vec::new(),)?
                }
            }
        }
    };
}
use list;

#[cfg(test)]
mod tests;
