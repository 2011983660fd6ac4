//! `ComputeJob`: the one kind that every user writes, for training and for serving.
//!
//! What the status says is told by the operator alone; it is a consequence of the journal (A1) and never a source.

use crate::bounds::{self, GROUPS_MAX, NAME_MAX, SUBJECT_MAX, TEXT_MAX};
use crate::job_class::STANDARD;
use crate::job_status::Phase;
use crate::pod_template::PodTemplate;
use crate::rules;
use crate::text::{DurationText, Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::job_status::ComputeJobStatus;

/// Most roles of a job.
pub const ROLES_MAX: u32 = 8;
/// Most replicas of a role.
pub const REPLICAS_MAX: u32 = 10_000;
/// Most attempts after the first.
pub const RETRIES_MAX: u32 = 20;
/// Most jobs that one can wait for.
pub const DEPENDENCIES_MAX: u32 = 32;
/// Most tasks of an array.
pub const ARRAY_MAX: u32 = 10_000;
/// Longest time that a finished job stays, in hours: its history is the ledger's (A7).
pub const TTL_HOURS_MAX: u32 = 720;

/// What a user asks.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "ComputeJob",
    plural = "computejobs",
    shortname = "cjob",
    category = "edugrid",
    namespaced,
    status = "ComputeJobStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A training or serving job that waits for its turn, runs on shared compute and is paid with vouchers.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    validation = rules::name_is_label("ComputeJob", NAME_MAX),
    validation = until_admission("walltime"),
    validation = until_admission("maxCost"),
    validation = until_admission("pools"),
    validation = rules::refuse_plainly(
        "!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d.job != self.metadata.name)",
        "spec.dependsOn names the job itself: name jobs that come before it",
    ).field_path(".spec.dependsOn"),
    validation = rules::refuse(
        "!has(oldSelf.status) || !has(oldSelf.status.epoch) || (has(self.status) && \
         has(self.status.epoch) && self.status.epoch >= oldSelf.status.epoch)",
        "status.epoch may never go down from %d: a later leader has written, so read the object \
         again or step down",
        "oldSelf.status.epoch",
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason"),
    printcolumn(name = "Tenant", type_ = "string", json_path = ".status.tenant"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class"),
    printcolumn(name = "Units", type_ = "string", json_path = ".status.units", description = "Billed units of the pool"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".status.placement[0].pool"),
    printcolumn(name = "Held", type_ = "string", json_path = ".status.cost.held", description = "Yuan held for it"),
    printcolumn(name = "Charged", type_ = "string", json_path = ".status.cost.charged", description = "Yuan charged"),
    printcolumn(name = "Estimate", type_ = "date", json_path = ".status.estimatedStart", priority = 1),
    printcolumn(name = "Started", type_ = "date", json_path = ".status.startedAt"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("class"),
    validation = fixed("type"),
    validation = fixed("roles"),
    validation = fixed("vouchers"),
    validation = fixed("checkpoint"),
    validation = fixed("retries"),
    validation = fixed("dataClass"),
    validation = fixed("modelFiling"),
    validation = fixed("ttlAfterFinished"),
    validation = fixed("startAfter"),
    validation = fixed("deadline"),
    validation = fixed("dependsOn"),
    validation = fixed("array"),
    validation = fixed("submitter"),
    validation = fixed("executor"),
    validation = rules::refuse_plainly(
        "oldSelf.state != 'Cancel' || self.state == 'Cancel'",
        "spec.state Cancel is final: a cancelled job never runs again; make another job",
    ).field_path(".state"),
    validation = rules::refuse_plainly(
        "has(self.replicas) == (self.type == 'Inference')",
        "spec.replicas is how many replicas a service has: required with spec.type Inference, and \
         only there; other jobs give spec.roles[].replicas",
    ),
    validation = rules::refuse_plainly(
        "self.type != 'Inference' || (size(self.roles) == 1 && self.roles[0].replicas == 1)",
        "a service (spec.type Inference) has one role, and its number of replicas is \
         spec.replicas: leave spec.roles[0].replicas out",
    ).field_path(".roles"),
    validation = rules::refuse_plainly(
        "self.type != 'Training' || self.roles.all(r, !has(r.template.spec.restartPolicy) || \
         r.template.spec.restartPolicy == 'Never')",
        "a training job's template has restartPolicy Never or none: a retry is a new attempt, see \
         spec.retries",
    ).field_path(".roles"),
    validation = rules::refuse(
        "!has(self.array) || self.type == 'Training'",
        "spec.array is for spec.type Training, not %s: leave it out",
        "self.type",
    ).field_path(".array"),
    validation = rules::refuse(
        "!has(self.startAfter) || !has(self.deadline) || self.startAfter < self.deadline",
        "spec.deadline %s must be later than spec.startAfter %s: give a later deadline or an earlier start",
        "string(self.deadline), string(self.startAfter)",
    ).field_path(".deadline"),
    validation = rules::refuse(
        &format!("!has(self.walltime) || !has(self.checkpoint) || {}", rules::with_durations(
            &["self.walltime", "self.checkpoint.notice"],
            "duration(self.checkpoint.notice) < duration(self.walltime)",
        )),
        "spec.checkpoint.notice %s must be shorter than spec.walltime %s, since it comes before \
         the end: shorten it or lengthen the walltime",
        "self.checkpoint.notice, self.walltime",
    ).field_path(".checkpoint")
)]
pub struct ComputeJobSpec {
    /// Its class.
    #[serde(default = "standard")]
    #[schemars(schema_with = "bounds::name", default = "standard")]
    pub class: String,
    /// Training ends by itself; Inference serves until it is told to stop; Interactive is for a person at work.
    #[serde(default, rename = "type")]
    pub type_: JobType,
    /// Longest run; the class's default when absent. May change until admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::positive_duration("spec.walltime"))]
    pub walltime: Option<DurationText>,
    /// Run, Hold (stop, or wait) or Cancel (final).
    #[serde(default)]
    pub state: DesiredState,
    /// Replicas of a service: what `kubectl scale` and autoscalers change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = REPLICAS_MAX))]
    pub replicas: Option<i32>,
    /// What runs, all or nothing (P1).
    #[schemars(length(min = 1, max = ROLES_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub roles: Vec<JobRole>,
    /// Pools in order of preference; any pool that fits when absent. May change until admission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "bounds::names")]
    pub pools: Vec<String>,
    /// Vouchers to pay with, in this order; the ledger's order when absent (L2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "bounds::names")]
    pub vouchers: Vec<String>,
    /// Most that it may cost, in yuan. May change until admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Money>,
    /// How it is warned before a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Further attempts after failures of its own. Preemptions don't count (E5).
    #[serde(default)]
    #[schemars(range(min = 0, max = RETRIES_MAX))]
    pub retries: i32,
    /// Class of the data it works on; only pools that may see it are used.
    #[serde(default)]
    pub data_class: DataClass,
    /// Filing number of the large model that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub model_filing: Option<String>,
    /// How long the object stays after the end.
    #[serde(default = "one_day")]
    #[x_kube(validation = rules::duration_at_most_hours("spec.ttlAfterFinished", TTL_HOURS_MAX))]
    pub ttl_after_finished: DurationText,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_after: Option<Time>,
    /// Of no use after this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Jobs of the same namespace that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = DEPENDENCIES_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["job".into()]))]
    pub depends_on: Vec<Dependency>,
    /// Many like tasks in one object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArraySpec>,
    /// Who asked. Written from the request when the job is created; what anybody types here is overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitter: Option<Submitter>,
    /// Who runs it.
    #[serde(default)]
    pub executor: Executor,
}

/// A field that never changes (Q6).
fn fixed(field: &str) -> Rule {
    rules::immutable(
        field,
        &format!("spec.{field}"),
        "cancel this job and make another one",
    )
}

/// A field that changes only while the job waits for admission (Q6).
fn until_admission(field: &str) -> Rule {
    let unchanged = rules::unchanged("self.spec", "oldSelf.spec", field);
    let pending = Phase::Pending.as_str();
    let waiting = format!(
        "!has(oldSelf.status) || ((!has(oldSelf.status.phase) || oldSelf.status.phase == '{pending}') && \
         !has(oldSelf.status.placement))"
    );
    rules::refuse_plainly(
        format!("({unchanged}) || {waiting}"),
        format!("spec.{field} may change only until the job is admitted: cancel this job and make another one"),
    )
    .field_path(format!(".spec.{field}"))
}

fn standard() -> String {
    STANDARD.into()
}

fn one_day() -> DurationText {
    "24h".into()
}

/// What kind of work it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum JobType {
    /// Ends by itself.
    #[default]
    Training,
    /// Serves until it is told to stop.
    Inference,
    /// A person works in it.
    Interactive,
}

/// What its user wants of the job now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DesiredState {
    /// To run when its turn comes.
    #[default]
    Run,
    /// To wait; a running attempt is stopped with notice (P8).
    Hold,
    /// To end for good.
    Cancel,
}

/// Class of data, from the lowest to the highest (数据分类分级).
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[schemars(inline)]
pub enum DataClass {
    /// 一般.
    #[default]
    General,
    /// 重要.
    Important,
    /// 核心.
    Core,
}

/// Who runs a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Executor {
    /// The cluster, as native workloads.
    #[default]
    Kubernetes,
    /// Somebody else, who reports in `status.external`.
    External,
}

/// Replicas of one pod template.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::refuse(
        "!has(self.minReplicas) || self.minReplicas <= self.replicas",
        "minReplicas %d of role '%s' is above its replicas, %d: lower it",
        "self.minReplicas, self.name, self.replicas",
    ).field_path(".minReplicas"),
    validation = rules::refuse(
        "!has(self.maxReplicas) || self.maxReplicas >= self.replicas",
        "maxReplicas %d of role '%s' is below its replicas, %d: raise it",
        "self.maxReplicas, self.name, self.replicas",
    ).field_path(".maxReplicas")
)]
pub struct JobRole {
    /// Its name within the job.
    #[schemars(schema_with = "bounds::name")]
    pub name: String,
    /// How many pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = REPLICAS_MAX))]
    pub replicas: i32,
    /// Elastic: the fewest that it starts with (P1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = REPLICAS_MAX))]
    pub min_replicas: Option<i32>,
    /// Elastic: the most that it grows to (P1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = REPLICAS_MAX))]
    pub max_replicas: Option<i32>,
    /// Cards per replica, whatever the vendor. Absent where the template itself asks for a device, or for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards: Option<Quantity>,
    /// How near to each other its pods are (P2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<TopologyWish>,
    /// The pods.
    pub template: PodTemplate,
}

fn one() -> i32 {
    1
}

/// How near to each other the pods of a role are.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyWish {
    /// A level of the pool: a label of its `spec.topology`, or the part of it after the slash.
    #[schemars(schema_with = "bounds::qualified_name")]
    pub level: String,
    /// How strictly.
    #[serde(default)]
    pub mode: TopologyMode,
}

/// How strictly a topology wish is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TopologyMode {
    /// Within one domain of the level, or not at all.
    Required,
    /// Within one domain where that is possible.
    #[default]
    Preferred,
    /// Over as many domains as possible.
    Spread,
}

/// How a job is warned before a stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Checkpoint {
    /// How long before.
    pub notice: DurationText,
}

/// A job that comes first.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name, in the same namespace.
    #[schemars(schema_with = "bounds::name")]
    pub job: String,
    /// How it must have ended.
    #[serde(default)]
    pub condition: DependencyCondition,
}

/// How a job that comes first must have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DependencyCondition {
    /// Well.
    #[default]
    Succeeded,
    /// Not well.
    Failed,
    /// In any way.
    Finished,
}

/// Many like tasks in one object.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = rules::refuse(
    "!has(self.parallelism) || self.parallelism <= self.size",
    "spec.array.parallelism %d is above spec.array.size %d: lower it",
    "self.parallelism, self.size",
).field_path(".parallelism"))]
pub struct ArraySpec {
    /// How many tasks.
    #[schemars(range(min = 1, max = ARRAY_MAX))]
    pub size: i32,
    /// How many at once; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = ARRAY_MAX))]
    pub parallelism: Option<i32>,
}

/// Who asked for a job, as the API server knew them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Submitter {
    /// User name.
    #[schemars(length(min = 1, max = SUBJECT_MAX))]
    pub user: String,
    /// Groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = GROUPS_MAX), inner(length(max = SUBJECT_MAX)))]
    pub groups: Vec<String>,
}
