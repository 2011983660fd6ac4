//! `Explanation`: why one job waits, with the numbers that would change it, or where it runs.

use super::{Age, EXPLANATIONS, ObjectMeta, QueuePhase, api_version, metadata};
use crate::text::{DurationText, Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// Most jobs of `ahead`.
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
    /// The first of the jobs before it, at most [`AHEAD_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Ahead>,
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
            position_in_pool: None,
            walltime: None,
            highest_cost: None,
            placement: Vec::new(),
        }
    }
}

/// A reason with its fields (W). Amounts are text with their unit where it isn't the pool's: `12`, `384.00 yuan`, `8h`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_zh: Option<String>,
    /// What whoever waits can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_out_zh: Option<String>,
    /// The tenant of the tree where the check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The pool it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What it names: a field, a resource, an object, a job in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How much was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// How much there is for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<String>,
    /// How much is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// When it may end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
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
    /// What it could still use, borrowing included; negative after a cut (Q3).
    pub available: Quantity,
    /// How much it may borrow; absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowing_limit: Option<Quantity>,
}

/// A job that comes before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ahead {
    /// Its place in the pool's order, from 1.
    pub position: u64,
    /// Its tenant.
    pub tenant: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its billed units.
    pub units: Quantity,
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
