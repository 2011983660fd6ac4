//! `JobClass`: how urgent a job is, how long it may run, and whether it may be stopped for another's sake (O1, E1, E3).

use crate::bounds::{self, NAME_MAX};
use crate::conditions;
use crate::rules;
use crate::tenant::Lifecycle;
use crate::text::DurationText;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The class and the price tier of a job or class that names none.
pub const STANDARD: &str = "standard";

/// What a person says of a class.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "JobClass",
    plural = "jobclasses",
    shortname = "jclass",
    category = "edugrid",
    status = "JobClassStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A class of jobs: tier, priority, protection, longest run and price tier.",
    validation = rules::name_is_label("JobClass", NAME_MAX),
    printcolumn(name = "Tier", type_ = "string", json_path = ".spec.tier"),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority"),
    printcolumn(name = "Preemptible", type_ = "boolean", json_path = ".spec.preemptible"),
    printcolumn(name = "Default", type_ = "string", json_path = ".spec.defaultWalltime", description = "Walltime of a job that names none"),
    printcolumn(name = "Max", type_ = "string", json_path = ".spec.maxWalltime", description = "Longest walltime"),
    printcolumn(name = "Price", type_ = "string", json_path = ".spec.priceTier"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::refuse(
        &rules::with_durations(
            &["self.defaultWalltime", "self.maxWalltime"],
            "duration(self.defaultWalltime) <= duration(self.maxWalltime)",
        ),
        "spec.defaultWalltime %s is longer than spec.maxWalltime %s: shorten the one or lengthen \
         the other",
        "self.defaultWalltime, self.maxWalltime",
    ).field_path(".defaultWalltime"),
    validation = rules::refuse(
        &rules::with_durations(
            &["self.notice", "self.defaultWalltime"],
            "duration(self.notice) < duration(self.defaultWalltime)",
        ),
        "spec.notice %s must be shorter than spec.defaultWalltime %s, since it comes before the \
         end",
        "self.notice, self.defaultWalltime",
    ).field_path(".notice")
)]
pub struct JobClassSpec {
    /// Jobs of a higher tier go first; only tenants that list the class may use it (O1).
    pub tier: Tier,
    /// Order among the jobs of one user.
    #[serde(default)]
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub priority: i32,
    /// May run on borrowed capacity and be stopped when its owner needs it. Otherwise it runs within nominal only (E1).
    #[serde(default = "yes")]
    pub preemptible: bool,
    /// How long a job is left in peace after its start; doubled with each eviction (E3).
    #[serde(default = "no_time")]
    pub min_runtime: DurationText,
    /// Longest such protection, doubling included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_protection: Option<DurationText>,
    /// Walltime of a job that names none (T1).
    #[x_kube(validation = rules::positive_duration("spec.defaultWalltime"))]
    pub default_walltime: DurationText,
    /// Longest walltime that a job may ask for.
    #[x_kube(validation = rules::positive_duration("spec.maxWalltime"))]
    pub max_walltime: DurationText,
    /// After so long in the queue a job takes its subtree's next claim (O5).
    #[serde(default = "one_week")]
    #[x_kube(validation = rules::positive_duration("spec.maxWait"))]
    pub max_wait: DurationText,
    /// How long before a stop a job is told, unless it says so itself (E5).
    #[serde(default = "two_minutes")]
    pub notice: DurationText,
    /// Which prices of the price book apply.
    #[serde(default = "standard")]
    #[schemars(schema_with = "bounds::name", default = "standard")]
    pub price_tier: String,
    /// What happens to a job that leaves its cards idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleRule>,
    /// Retired: no new jobs may name it.
    #[serde(default)]
    pub state: Lifecycle,
}

fn yes() -> bool {
    true
}

fn no_time() -> DurationText {
    "0s".into()
}

fn one_week() -> DurationText {
    "168h".into()
}

fn two_minutes() -> DurationText {
    "2m".into()
}

fn standard() -> String {
    STANDARD.into()
}

/// Tiers of classes, the most urgent first (O1).
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
pub enum Tier {
    /// Examinations, disasters.
    Emergency,
    /// Work on the province's behalf.
    Mission,
    /// Everything else.
    #[default]
    Standard,
    /// What may run when nobody else wants the cards.
    Scavenger,
}

/// What happens to a job whose cards stay idle.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleRule {
    /// Utilisation in percent below which a card counts as idle.
    #[schemars(range(min = 1, max = 100))]
    pub below: i32,
    /// For how long without a break.
    #[x_kube(validation = rules::positive_duration("spec.idle.for"))]
    #[serde(rename = "for")]
    pub for_: DurationText,
    /// What happens then.
    #[serde(default)]
    pub action: IdleAction,
}

/// What happens to an idle job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum IdleAction {
    /// Its user is told.
    #[default]
    Warn,
    /// It is stopped with notice (E2, `Idle`).
    Stop,
}

/// What the operator saw of a class.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobClassStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}
