//! The pod template of a role: opaque but for the fields that policy must see.
//!
//! A full pod schema would cost the API server milliseconds per request and silently prune the fields of a newer
//! Kubernetes. So each typed object here keeps what it does not know in `rest`, and what a template holds survives the
//! round trip word for word. Whether the native API server takes the template is tried by a dry run of the operator
//! (`TemplateRefused`).

use crate::bounds::{self, KEY_MAX};
use crate::labels::{ENV_PREFIX, KEY_PREFIX};
use crate::rules;
use crate::text::QUANTITY;
use kube::KubeSchema;
use kube::core::Rule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most containers, and most init containers, of a template.
pub const CONTAINERS_MAX: u32 = 16;
/// Most environment variables of a container.
pub const ENV_MAX: u32 = 256;
/// Most labels of a template.
pub const LABELS_MAX: u32 = 64;
/// Most tolerations of a template.
pub const TOLERATIONS_MAX: u32 = 32;
/// Most resources in one list of requests or limits.
pub const RESOURCES_MAX: u32 = 32;
/// Longest grace after SIGTERM: it is not charged, so it is bounded (T1).
pub const GRACE_SECONDS_MAX: u32 = 600;

/// Fields of a Kubernetes object that this crate does not look at.
pub type Rest = BTreeMap<String, Value>;

/// A pod template, as in a native Job.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodTemplate {
    /// Labels and annotations of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// The pods.
    pub spec: TemplateSpec,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Labels and annotations of the pods.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateMetadata {
    /// Labels of the pods; none of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels")]
    #[x_kube(validation = no_label_of_ours())]
    pub labels: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

fn no_label_of_ours() -> Rule {
    rules::refuse_plainly(
        format!("self.all(key, !key.startsWith('{KEY_PREFIX}'))"),
        format!(
            "a template's labels may not start with {KEY_PREFIX}: those are written by EduGrid; take another key"
        ),
    )
}

fn labels(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": LABELS_MAX,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}

/// The pods of a role. Fields that a template may not set are typed only so that they can be refused.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = forbidden(
        "nodeName",
        "the plan chooses nodes; ask for kinds of them by spec.pools or the template's \
         nodeSelector",
    ),
    validation = forbidden(
        "schedulerName",
        "the cluster's own scheduler binds what EduGrid has placed",
    ),
    validation = forbidden("priority", "it follows from the job's spec.class"),
    validation = forbidden("priorityClassName", "it follows from the job's spec.class"),
    validation = forbidden("schedulingGates", "EduGrid sets its own gate and opens it"),
    validation = forbidden(
        "resourceClaims",
        "they are not supported yet; ask for devices by spec.roles[].cards",
    ),
    validation = forbidden("activeDeadlineSeconds", "the time limit is the job's spec.walltime")
)]
pub struct TemplateSpec {
    /// Containers.
    #[schemars(length(min = 1, max = CONTAINERS_MAX))]
    pub containers: Vec<TemplateContainer>,
    /// Containers that run before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = CONTAINERS_MAX))]
    pub init_containers: Vec<TemplateContainer>,
    /// Never, or absent, for training: a retry is a new attempt (P8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub restart_policy: Option<String>,
    /// Grace after SIGTERM in seconds; not charged (T1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = GRACE_SECONDS_MAX))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Tolerations; none of our taints, and none of every taint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = TOLERATIONS_MAX))]
    #[x_kube(validation = no_toleration_of_ours())]
    pub tolerations: Vec<TemplateToleration>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node_name: Option<String>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub scheduler_name: Option<String>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2_147_483_648_i64, max = 2_147_483_647))]
    pub priority: Option<i32>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "opaque_list")]
    pub scheduling_gates: Option<Vec<Value>>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "opaque_list")]
    pub resource_claims: Option<Vec<Value>>,
    /// May not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub active_deadline_seconds: Option<i64>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// A field that a template may not set, and what to do instead.
fn forbidden(field: &str, way_out: &str) -> Rule {
    rules::refuse_plainly(
        format!("!has(self.{field})"),
        format!("a template may not set {field}: {way_out}; remove it"),
    )
    .field_path(format!(".{field}"))
}

fn no_toleration_of_ours() -> Rule {
    rules::refuse_plainly(
        format!("self.all(t, has(t.key) && t.key != '' && !t.key.startsWith('{KEY_PREFIX}'))"),
        format!(
            "a template may not tolerate every taint or taints under {KEY_PREFIX}: pools' taints are tolerated by \
             EduGrid itself; name the key of another taint"
        ),
    )
}

fn opaque_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    })
}

/// A container of a template.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateContainer {
    /// Its name in the pod.
    #[schemars(schema_with = "bounds::name")]
    pub name: String,
    /// The image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image: Option<String>,
    /// What it takes of a node. A device here stands in place of `cards`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<TemplateResources>,
    /// Environment; none of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ENV_MAX))]
    #[x_kube(validation = no_env_of_ours())]
    pub env: Vec<TemplateEnv>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

fn no_env_of_ours() -> Rule {
    rules::refuse_plainly(
        format!("self.all(e, !e.name.startsWith('{ENV_PREFIX}'))"),
        format!(
            "a template may not set environment variables that start with {ENV_PREFIX}: those are written by EduGrid; \
             take another name"
        ),
    )
}

/// Requests and limits of a container, in quantities.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateResources {
    /// What it is promised.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "resource_list")]
    pub requests: BTreeMap<String, Value>,
    /// What it may not exceed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "resource_list")]
    pub limits: BTreeMap<String, Value>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Quantities stay as they were written, number or text, in a spelling that a later dry run can bear.
fn resource_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": RESOURCES_MAX,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
            "x-kubernetes-validations": [{
                "rule": format!("string(self).matches(r'{QUANTITY}')"),
                "message": "no quantity that can be compared: write for example 4, '500m' or '120Gi'",
            }],
        },
    })
}

/// An environment variable of a container.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateEnv {
    /// Its name.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// A toleration of a template.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateToleration {
    /// The taint's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = KEY_MAX))]
    pub key: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}
