//! `Explanation`: why one job waits, with the numbers that would change it, or where it runs.

use super::{Age, EXPLANATIONS, ObjectMeta, QueuePhase, Reason, api_version, metadata};
use crate::text::{DurationText, Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// Most lines of `ahead`.
pub const AHEAD_MAX: usize = 20;

/// Why one job waits, or where it runs. Its name is the job's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `Explanation`.
    pub kind: String,
    /// The job's namespace and name.
    pub metadata: ObjectMeta,
    /// When it was true.
    #[serde(flatten)]
    pub age: Age,
    /// Where it stands.
    pub phase: QueuePhase,
    /// The tenant it counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Since when it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Attempts so far, the present one included.
    #[serde(default)]
    pub attempts: u32,
    /// Why it waits, about its most preferred pool that could ever hold it (W).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why the other pools don't take it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_pools: Vec<Reason>,
    /// Quota on the way from the job's tenant to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathStep>,
    /// Those before it in the pool's queue, the first at most [`AHEAD_MAX`] lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Ahead>,
    /// Billed units of all that are before it, those without a line included; their count is `positionInPool` − 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_ahead: Option<Quantity>,
    /// How many wait for that pool in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_in_pool: Option<u64>,
    /// Its place among the waiting jobs of its tenant, from 1; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_in_tenant: Option<u64>,
    /// Its place among all that wait for its pool, from 1; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_in_pool: Option<u64>,
    /// The longest it may run once started (T1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walltime: Option<DurationText>,
    /// The most it can cost, in yuan: what must be held for it (L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_cost: Option<Money>,
    /// Where it was placed; empty while it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placement: Vec<Placed>,
}

impl Explanation {
    /// An explanation of a job of which nothing is known yet but where it stands.
    #[must_use]
    pub fn new(age: Age, namespace: &str, name: &str, phase: QueuePhase) -> Self {
        Self {
            api_version: api_version(),
            kind: EXPLANATIONS.kind.to_owned(),
            metadata: metadata(namespace, name),
            age,
            phase,
            tenant: None,
            since: None,
            attempts: 0,
            reason: None,
            other_pools: Vec::new(),
            path: Vec::new(),
            ahead: Vec::new(),
            units_ahead: None,
            waiting_in_pool: None,
            position_in_tenant: None,
            position_in_pool: None,
            walltime: None,
            highest_cost: None,
            placement: Vec::new(),
        }
    }
}

/// The quota of one tenant on the job's path, in one pool's units (Q1, Q2).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStep {
    /// The tenant.
    pub tenant: String,
    /// The pool.
    pub pool: String,
    /// Declared for its subtree.
    pub nominal: Quantity,
    /// What counts of it (Q1).
    pub effective_nominal: Quantity,
    /// Used by its subtree.
    pub usage: Quantity,
    /// Used above what counts of its nominal (O3).
    #[serde(default)]
    pub borrowed: Quantity,
    /// What it borrowed on average, in standard units over all pools of the kind (O3).
    #[serde(default)]
    pub average_borrowed: Quantity,
    /// Its share of what is and was borrowed, by which the order is kept; less goes first (O3).
    #[serde(default)]
    pub share: Quantity,
    /// What it could still use, borrowing included; negative after a cut (Q3).
    pub available: Quantity,
    /// How much it may borrow; absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowing_limit: Option<Quantity>,
}

/// A job that comes before, or a run of jobs of which the reader may not know more than how many and how large.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ahead {
    /// The place of the first of them in the pool's order, from 1.
    pub position: u64,
    /// How many they are; 1 where one is named.
    pub jobs: u64,
    /// Their billed units, in sum.
    pub units: Quantity,
    /// Their tenant; absent: others', one or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The namespace of the one that is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name. Jobs of the reader's tenant and of those below it are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where some replicas of a role were placed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// The role.
    pub role: String,
    /// The pool.
    pub pool: String,
    /// The node.
    pub node: String,
    /// How many replicas of the role.
    pub replicas: u32,
}
