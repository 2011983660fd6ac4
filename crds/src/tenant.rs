//! `Tenant`: a node of the tree of province, cities, universities, colleges and labs (Q1).
//!
//! Sums over the tree, cycles and a second root need other objects; the operator judges them.

use crate::bounds::{self, NAME_MAX, SUBJECT_MAX, TENANT_NAME_MAX, TEXT_MAX};
use crate::conditions;
use crate::labels::RESERVED_TENANT_NAME;
use crate::rules;
use crate::text::{DurationText, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most pools for which a tenant can hold quota.
pub const QUOTAS_MAX: u32 = 64;
/// Most classes a tenant can list.
pub const CLASSES_MAX: u32 = 32;
/// Most administrators, or subjects of a class.
pub const SUBJECTS_MAX: u32 = 64;

/// What a person asks of a tenant.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "ten",
    category = "edugrid",
    status = "TenantStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A node of the tenant tree: who shares in the compute, how much of it, and under which limits.",
    validation = rules::name_is_label("Tenant", TENANT_NAME_MAX),
    validation = rules::refuse_plainly(
        format!("self.metadata.name != '{RESERVED_TENANT_NAME}'"),
        "metadata.name 'system' is reserved, since namespace edugrid-system is the operator's: \
         choose another name",
    ),
    validation = rules::refuse(
        "!has(self.spec.parent) || self.spec.parent != self.metadata.name",
        "spec.parent is '%s', the tenant itself: name the tenant above it, or nothing for the root",
        "self.spec.parent",
    ),
    printcolumn(name = "Parent", type_ = "string", json_path = ".spec.parent"),
    printcolumn(name = "Level", type_ = "string", json_path = ".spec.level"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.fairShare.weight", priority = 1),
    printcolumn(name = "Equity", type_ = "string", json_path = ".spec.equityTier", priority = 1),
    printcolumn(name = "Stop", type_ = "string", json_path = ".spec.stopPolicy"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1),
    printcolumn(name = "Name-zh", type_ = "string", json_path = ".spec.displayName.zh", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::refuse(
    "!has(self.reclaimDelay) || self.onQuotaCut == 'Reclaim'",
    "spec.reclaimDelay says when a cut is taken back by force, and spec.onQuotaCut is %s: set that to \
     Reclaim, or leave the delay out",
    "self.onQuotaCut",
).field_path(".reclaimDelay"))]
pub struct TenantSpec {
    /// The tenant above this one. Absent for the root, of which there is one (Q1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::tenant_name")]
    pub parent: Option<String>,
    /// What people call such a node. A label only: nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<TenantLevel>,
    /// Names for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// What the whole subtree owns of each pool, children included (Q1). For a pool that is not listed it owns nothing
    /// and may still borrow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = QUOTAS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pool".into()]))]
    pub quotas: Vec<PoolQuota>,
    /// How it shares in what nobody owns or uses.
    #[serde(default)]
    pub fair_share: FairShare,
    /// Tilt in favour of weak and rural schools (L9, O4). Only the root's authority sets it.
    #[serde(default)]
    pub equity_tier: EquityTier,
    /// Limits of the subtree, and of each user in it (Q5). What is absent is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<TenantLimits>,
    /// Job classes that may be used here. Inherited downwards, where they can only be narrowed; absent: as the parent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = CLASSES_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub classes: Vec<AllowedClass>,
    /// What happens to running jobs when quota is cut below use (Q3).
    #[serde(default)]
    pub on_quota_cut: QuotaCut,
    /// How long after a cut its use may stay, with `onQuotaCut: Reclaim`; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaim_delay: Option<DurationText>,
    /// Stops admission for the subtree, and with HoldAndDrain what runs there as well.
    #[serde(default)]
    pub stop_policy: StopPolicy,
    /// Who manages the subtree; the operator binds them in the home namespaces of this tenant and those below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = SUBJECTS_MAX))]
    pub admins: Vec<Subject>,
    /// Retired: takes no more jobs, and may then be deleted when no jobs, money or children are left.
    #[serde(default)]
    pub state: Lifecycle,
}

/// What people call a node of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TenantLevel {
    /// 省.
    Province,
    /// 市.
    City,
    /// 县.
    County,
    /// 高校.
    University,
    /// 学校.
    School,
    /// 学院.
    College,
    /// 实验室.
    Lab,
}

/// Names for people, in Chinese and English.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DisplayName {
    /// Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub zh: Option<String>,
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub en: Option<String>,
}

/// What a subtree owns of one pool, in the pool's unit (N4), and how far it goes beyond.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::refuse(
    "has(self.nominal) != has(self.share)",
    "quota of pool '%s' needs either nominal (units) or share (percent of the healthy capacity), \
     and not both",
    "self.pool",
))]
pub struct PoolQuota {
    /// The pool.
    #[schemars(schema_with = "bounds::name")]
    pub pool: String,
    /// Units owned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nominal: Option<Quantity>,
    /// Percent of the pool's healthy capacity, in place of `nominal` (Q4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub share: Option<i32>,
    /// Most units borrowed above nominal. Absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowing_limit: Option<Quantity>,
    /// Most units lent to others. Absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lending_limit: Option<Quantity>,
}

/// How a tenant shares in what is above nominal (O3, O4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct FairShare {
    /// Weight among its siblings.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub weight: i32,
}

fn one() -> i32 {
    1
}

impl Default for FairShare {
    fn default() -> Self {
        Self { weight: one() }
    }
}

/// Tilt in favour of weak and rural schools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum EquityTier {
    /// 一般.
    #[default]
    Normal,
    /// 薄弱.
    Weak,
    /// 农村.
    Rural,
}

/// Limits of a subtree (Q5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct TenantLimits {
    /// The subtree's own.
    #[serde(flatten)]
    pub own: Limits,
    /// Those of each single user in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_user: Option<Limits>,
}

/// Limits of a subtree or of each user in it (Q5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Limits {
    /// Most jobs admitted or running at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub running_jobs: Option<i32>,
    /// Most jobs waiting in the order at once: the oldest by eligible time. Those above wait aside until places fall free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub pending_jobs: Option<i32>,
    /// Most units of one job, in a pool that counts cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards_per_job: Option<Quantity>,
    /// Most units in use at once, over all pools that count cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards: Option<Quantity>,
    /// Longest walltime of one job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walltime: Option<DurationText>,
}

/// A class that may be used in a subtree.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedClass {
    /// The class.
    #[schemars(schema_with = "bounds::name")]
    pub name: String,
    /// Only these people. Absent: everyone who may submit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = SUBJECTS_MAX))]
    pub subjects: Vec<Subject>,
}

/// A person, a group or a service account, as RBAC names them.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = rules::refuse(
    "has(self.__namespace__) == (self.kind == 'ServiceAccount')",
    "subject '%s' of kind %s: a ServiceAccount gives its namespace; users and groups have none",
    "self.name, self.kind",
))]
pub struct Subject {
    /// What the name is of.
    pub kind: SubjectKind,
    /// The name.
    #[schemars(length(min = 1, max = SUBJECT_MAX))]
    pub name: String,
    /// Namespace of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub namespace: Option<String>,
}

/// What a subject's name is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum SubjectKind {
    /// A user.
    #[default]
    User,
    /// A group.
    Group,
    /// A service account.
    ServiceAccount,
}

/// What happens to running jobs when quota is cut below use (Q3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum QuotaCut {
    /// They keep running; nothing new starts until use is below quota.
    #[default]
    Keep,
    /// What is borrowed in its subtree is stopped with notice, after `reclaimDelay`; no more than is needed.
    Reclaim,
}

/// Whether a subtree admits and runs jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum StopPolicy {
    /// It does both.
    #[default]
    None,
    /// It admits nothing; what runs goes on.
    Hold,
    /// It admits nothing, and what runs is stopped with notice.
    HoldAndDrain,
}

/// Whether an object is still in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Lifecycle {
    /// In use.
    #[default]
    Active,
    /// Takes nothing new.
    Retired,
}

/// What the operator saw of a tenant.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// The namespace where rights on this tenant are granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = NAME_MAX))]
    pub home_namespace: Option<String>,
    /// What of the declared quota is effective (Q1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = QUOTAS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pool".into()]))]
    pub quotas: Vec<EffectiveQuota>,
    /// Ready, QuotaOvercommitted, OverQuota, SecondRoot, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}

/// What of a declared quota is effective.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveQuota {
    /// The pool.
    #[schemars(schema_with = "bounds::name")]
    pub pool: String,
    /// Units of the declared nominal that the parent's covers.
    pub nominal: Quantity,
}
