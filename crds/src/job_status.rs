//! The status of a `ComputeJob`: what the operator saw and did, in the user's words.

use crate::bounds::{self, KEY_MAX, MESSAGE_MAX, NAME_MAX, TEXT_MAX};
use crate::conditions;
use crate::rules;
use crate::text::{Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most attempts that stand in a status; older ones are in the ledger.
pub const ATTEMPTS_MAX: u32 = 32;
/// Most fields of a reason.
pub const DETAILS_MAX: u32 = 32;
/// Most nodes of one role.
pub const NODES_MAX: u32 = 5_000;
/// Most vouchers that pay for one job.
pub const VOUCHERS_MAX: u32 = 64;

/// What the operator saw and did.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeJobStatus {
    /// Where it stands. Preempted is a condition, not a phase: such a job is Pending again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The tenant that pays, fixed at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::tenant_name")]
    pub tenant: Option<String>,
    /// The epoch of the leader that wrote last; never goes down (A4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub epoch: Option<i64>,
    /// Why it waits, or how it ended: one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = NAME_MAX), regex(pattern = "^[A-Z][A-Za-z0-9]*$"))]
    pub reason: Option<String>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MESSAGE_MAX))]
    pub message: Option<String>,
    /// The same in fields: tree node, pool, asked, free, missing, until.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = DETAILS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub details: Vec<Detail>,
    /// Billed units in the pool's unit (N4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Quantity>,
    /// The walltime in effect, in the spelling of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walltime: Option<crate::text::DurationText>,
    /// Replicas of a service that are admitted, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// Label selector of a service's pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MESSAGE_MAX))]
    pub selector: Option<String>,
    /// Its attempts with their charged intervals (A5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ATTEMPTS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["number".into()]))]
    pub attempts: Vec<Attempt>,
    /// Where it runs (P7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["role".into()]))]
    pub placement: Vec<RolePlacement>,
    /// What is held and charged for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// When it should start, where that is known (T4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_start: Option<Time>,
    /// When the charged interval of the latest attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// What the executor of an External job reports; the only part that it may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalReport>,
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Admitted, Preempted, Finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Phase {
    /// It waits; the reason says why.
    #[default]
    Pending,
    /// Its admission stands in the journal.
    Admitted,
    /// All its pods are bound.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended otherwise; the reason says how.
    Failed,
    /// Its user ended it.
    Cancelled,
}

impl Phase {
    /// The word of the object.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Admitted => "Admitted",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing follows any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// One field of a reason.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What it is.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub key: String,
    /// Its value.
    #[schemars(length(max = TEXT_MAX))]
    pub value: String,
}

/// One attempt to run a job, with its charged interval (A5).
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Counted from 1.
    #[schemars(range(min = 1))]
    pub number: i32,
    /// When the last pod of the gang was scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When its last container finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Yuan charged for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
}

/// How an attempt ended: its own end, or one of the reasons to stop it (E2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Outcome {
    /// All its pods exited with 0.
    Succeeded,
    /// A pod of its own failed.
    Failed,
    /// A job of a higher tier took its place.
    LowerTier,
    /// An owner took back what was lent.
    Reclaimed,
    /// A borrower with a smaller share took its place.
    Fairness,
    /// A job of higher priority of the same user group took its place.
    Priority,
    /// A reserved window began.
    Window,
    /// A topology cell was needed by its owner.
    Cell,
    /// Quota was cut.
    QuotaCut,
    /// Its node or tenant is being drained.
    Drain,
    /// A service's lease was not renewed.
    LeaseOut,
    /// It outlived the prediction by which it was started.
    Overran,
    /// It left its cards idle.
    Idle,
    /// Its walltime was over.
    Walltime,
    /// Its user ended it.
    Cancelled,
    /// Its object was deleted.
    Deleted,
    /// Its user holds it.
    Held,
    /// Its pods were not all bound in time.
    NotStarted,
    /// A pod of it was taken away: its node was lost, or it was evicted.
    Disrupted,
}

/// Where the replicas of a role are.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolePlacement {
    /// The role.
    #[schemars(schema_with = "bounds::name")]
    pub role: String,
    /// The pool.
    #[schemars(schema_with = "bounds::name")]
    pub pool: String,
    /// The nodes.
    #[schemars(length(max = NODES_MAX))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub nodes: Vec<NodeShare>,
}

/// How many replicas are on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct NodeShare {
    /// The node.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Replicas on it.
    #[schemars(range(min = 1))]
    pub replicas: i32,
}

/// What is held and charged for a job, in yuan; vouchers and own money add up to the whole.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
    /// Charged so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
    /// The part of each voucher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = VOUCHERS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub vouchers: Vec<VoucherCost>,
    /// The part of the tenant's own money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnCost>,
}

/// What one voucher bears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct VoucherCost {
    /// The voucher.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub name: String,
    /// Held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
    /// Charged so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
}

/// What the tenant's own money bears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct OwnCost {
    /// Held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
    /// Charged so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
}

/// What the executor of an External job reports. Its instants are clamped to admission and receipt.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::refuse(
        "!has(self.startedAt) || !has(self.finishedAt) || self.startedAt <= self.finishedAt",
        "status.external.finishedAt %s is before startedAt %s",
        "string(self.finishedAt), string(self.startedAt)",
    ),
    validation = rules::refuse_plainly(
        "has(self.finishedAt) == has(self.outcome) && (!has(self.finishedAt) || has(self.startedAt))",
        "status.external: an end is startedAt, finishedAt and outcome (Succeeded or Failed) together; before it, leave \
         finishedAt and outcome out (null in a patch)",
    ),
    validation = rules::refuse(
        "oldSelf.attempt <= self.attempt",
        "status.external.attempt %d: attempt %d was reported already, an earlier one is settled",
        "self.attempt, oldSelf.attempt",
    ).field_path(".attempt"),
    validation = rules::refuse_plainly(
        "oldSelf.attempt != self.attempt || !has(oldSelf.startedAt) || \
         (has(self.startedAt) && self.startedAt == oldSelf.startedAt)",
        "status.external.startedAt is final once it is reported for an attempt",
    ).field_path(".startedAt"),
    validation = rules::refuse_plainly(
        "oldSelf.attempt != self.attempt || !has(oldSelf.finishedAt) || self == oldSelf",
        "status.external is final once finishedAt is reported for an attempt",
    )
)]
pub struct ExternalReport {
    /// The attempt that it is about: the open one of `status.attempts`.
    #[schemars(range(min = 1))]
    pub attempt: i32,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ExternalOutcome>,
    /// The executor's own name for the run, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = KEY_MAX))]
    pub reference: Option<String>,
}

/// How an External run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ExternalOutcome {
    /// Well.
    Succeeded,
    /// Not well.
    Failed,
}
