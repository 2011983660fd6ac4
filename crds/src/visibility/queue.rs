//! `QueuedJob`: one line of the queue, for each unfinished job of a namespace.

use super::{Age, ObjectMeta, QUEUED_JOBS, ReasonDetails, api_version, list, metadata};
use crate::text::{Money, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// Where an unfinished job stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueuePhase {
    /// Not admitted: `reason` says why.
    #[default]
    Waiting,
    /// Admitted (A1), its pods are not all bound yet.
    Admitted,
    /// All its pods are bound; it is charged (A5).
    Running,
}

impl QueuePhase {
    /// The word in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Admitted => "Admitted",
            Self::Running => "Running",
        }
    }
}

/// One unfinished job. Its name is the job's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedJob {
    /// `visibility.edugrid.io/v1alpha1`.
    #[serde(default = "super::api_version")]
    pub api_version: String,
    /// `QueuedJob`.
    pub kind: String,
    /// The job's namespace and name.
    pub metadata: ObjectMeta,
    /// When it was true.
    #[serde(flatten)]
    pub age: Age,
    /// Where it stands.
    pub phase: QueuePhase,
    /// Why it waits: a code of rule W.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_zh: Option<String>,
    /// The same in fields, for readers that make their own sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ReasonDetails>,
    /// The tenant it counts for; absent where the namespace's tenant is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its JobClass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The tier of that class (O1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The pool it runs in, or the most preferred one that could hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Billed units there (N4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Quantity>,
    /// Who submitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitter: Option<String>,
    /// Since when it is eligible (O5), or was until its admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Time>,
    /// Its place among the waiting jobs of its tenant, from 1; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_in_tenant: Option<u64>,
    /// Its place among all that wait for its pool, from 1; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_in_pool: Option<u64>,
    /// Yuan set aside for it (L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
}

impl QueuedJob {
    /// A line about a job of which nothing is known yet but where it stands.
    #[must_use]
    pub fn new(age: Age, namespace: &str, name: &str, phase: QueuePhase) -> Self {
        Self {
            api_version: api_version(),
            kind: QUEUED_JOBS.kind.to_owned(),
            metadata: metadata(namespace, name),
            age,
            phase,
            reason: None,
            message: None,
            message_zh: None,
            details: None,
            tenant: None,
            class: None,
            tier: None,
            pool: None,
            units: None,
            submitter: None,
            waiting_since: None,
            position_in_tenant: None,
            position_in_pool: None,
            held: None,
        }
    }
}

list! {
    /// The queue of a namespace, or of all; the waiting ones in order.
    QueuedJobList of QueuedJob
}
