//! `ComputePool`: one kind of capacity, counted in one unit (N4).

use crate::bounds::{self, NAME_MAX, TEXT_MAX};
use crate::compute_job::DataClass;
use crate::conditions;
use crate::rules;
use crate::tenant::Lifecycle;
use crate::text::{Quantity, Ratio};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most levels of topology, the widest first.
pub const TOPOLOGY_LEVELS_MAX: u32 = 8;

/// What a person says of a pool.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "ComputePool",
    plural = "computepools",
    shortname = "cpool",
    category = "edugrid",
    status = "ComputePoolStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "One kind of capacity: which nodes, counted in which resource, owned by whom.",
    validation = rules::name_is_label("ComputePool", NAME_MAX),
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.kind"),
    printcolumn(name = "Resource", type_ = "string", json_path = ".spec.resource"),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model"),
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.owner"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodes"),
    printcolumn(name = "Healthy", type_ = "string", json_path = ".status.healthy", description = "Units on healthy nodes"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Data", type_ = "string", json_path = ".spec.maxDataClass", priority = 1),
    printcolumn(name = "Domestic", type_ = "boolean", json_path = ".spec.domestic", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::immutable(
    "resource",
    "spec.resource",
    "quotas, prices and running jobs are counted in it; make another pool and retire this one",
))]
pub struct ComputePoolSpec {
    /// What the capacity is for: 智算, 通算 or 超算.
    pub kind: PoolKind,
    /// The tenant that owns the nodes. Its whole subtree uses them free of charge, unless it is the root (L2).
    #[schemars(schema_with = "bounds::tenant_name")]
    pub owner: String,
    /// Labels of its nodes. A node that two pools match stays with the older one (N4).
    #[schemars(schema_with = "bounds::node_selector")]
    pub node_selector: BTreeMap<String, String>,
    /// The resource that is counted: any extended resource, or cpu.
    #[schemars(schema_with = "bounds::qualified_name")]
    pub resource: String,
    /// The model of the accelerator or machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub model: Option<String>,
    /// What CPU and memory come with one unit; a job that takes more of them is billed for more units (N4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    /// How many standard cards one unit is worth, for reports and fair share; money never depends on it.
    #[serde(default)]
    pub standard_factor: Ratio,
    /// Highest class of data that its jobs may work on.
    #[serde(default)]
    pub max_data_class: DataClass,
    /// Built from domestic chips.
    #[serde(default)]
    pub domestic: bool,
    /// Node labels that name ever smaller domains, the widest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "levels")]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = rules::refuse_plainly(
            "self.all(x, self.exists_one(y, x == y))",
            "spec.topology names a level twice: name each node label once, the widest first",
        )
    )]
    pub topology: Vec<String>,
    /// For people: where it stands, who runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = TEXT_MAX))]
    pub note: Option<String>,
    /// Retired: takes no new jobs.
    #[serde(default)]
    pub state: Lifecycle,
}

/// What a pool's capacity is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum PoolKind {
    /// 智算: accelerators.
    #[default]
    Intelligent,
    /// 通算: general CPU.
    General,
    /// 超算: high-performance computing.
    Super,
}

/// CPU and memory that come with one unit of a pool.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = rules::refuse_plainly(
    "has(self.cpu) || has(self.memory)",
    "a bundle needs cpu, memory or both; leave it out where neither is billed",
))]
pub struct Bundle {
    /// Cores per unit. Absent: cores are not billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::positive_quantity("spec.bundle.cpu"))]
    pub cpu: Option<Quantity>,
    /// Memory per unit. Absent: memory is not billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::positive_quantity("spec.bundle.memory"))]
    pub memory: Option<Quantity>,
}

/// What the operator saw of a pool.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputePoolStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Nodes that belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub nodes: Option<i32>,
    /// Units on all its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Quantity>,
    /// Units on its healthy nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Quantity>,
    /// Ready, NodeConflict, Overdeclared, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}

fn levels(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": TOPOLOGY_LEVELS_MAX,
        "items": bounds::qualified_name(generator),
    })
}
