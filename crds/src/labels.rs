//! The keys and fixed names by which EduGrid marks what it owns in a cluster: the one place where they are spelled.

/// API group of the kinds that people write.
pub const GROUP: &str = "edugrid.io";
/// API group of the books, apart from [`GROUP`] so that a right on `*` there can never include them.
pub const LEDGER_GROUP: &str = "ledger.edugrid.io";
/// The only API version so far.
pub const VERSION: &str = "v1alpha1";

/// What every key of ours starts with; pod templates may not carry labels under it.
pub const KEY_PREFIX: &str = "edugrid.io/";
/// What every environment variable of ours starts with; containers may not set one.
pub const ENV_PREFIX: &str = "EDUGRID_";

/// Label on a namespace: the tenant it belongs to. One label, so one tenant, by construction (Q6).
pub const TENANT: &str = "edugrid.io/tenant";
/// Label on native workloads and pods: the name of the `ComputeJob` in the same namespace.
pub const JOB: &str = "edugrid.io/job";
/// Label on native workloads and pods: the UID of the `ComputeJob`, since a name can be used again.
pub const JOB_UID: &str = "edugrid.io/job-uid";
/// Label on native workloads and pods: the role within the job.
pub const ROLE: &str = "edugrid.io/role";
/// Label on native workloads and pods: the number of the attempt, counted from 1.
pub const ATTEMPT: &str = "edugrid.io/attempt";
/// Label on nodes, by convention of the examples: the pool a node belongs to. Pools select by any label.
pub const POOL: &str = "edugrid.io/pool";

/// Annotation on a declared object: the declaration it came from, to notice drift.
pub const DECLARED: &str = "edugrid.io/declared";
/// Annotation on a job or its pods: when the last checkpoint was complete, RFC 3339 (E4).
pub const LAST_CHECKPOINT: &str = "edugrid.io/last-checkpoint";

/// Scheduling gate that every pod with a device carries until the operator has pinned it (Q5, P7).
pub const PLACEMENT_GATE: &str = "edugrid.io/placement";

/// Field manager of everything the operator writes.
pub const FIELD_MANAGER: &str = "edugrid-scheduler";
/// The operator's own namespace; no tenant can be called `system`, so no home namespace collides with it.
pub const SYSTEM_NAMESPACE: &str = "edugrid-system";
/// A tenant's home namespace is this followed by the tenant's name.
pub const HOME_NAMESPACE_PREFIX: &str = "edugrid-";
/// The tenant name that would make the operator's namespace a home namespace.
pub const RESERVED_TENANT_NAME: &str = "system";

/// The home namespace of a tenant, where rights on it are granted by RBAC.
#[must_use]
pub fn home_namespace(tenant: &str) -> String {
    format!("{HOME_NAMESPACE_PREFIX}{tenant}")
}
