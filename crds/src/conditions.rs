//! Condition types and reasons: the one place where their words are spelled, and the schema of a list of conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{Schema, SchemaGenerator, json_schema};

/// The object is understood and in effect.
pub const READY: &str = "Ready";
/// A job is admitted: its admission stands in the journal (A1).
pub const ADMITTED: &str = "Admitted";
/// An attempt of a job was stopped for another's sake; its reason says why (E2).
pub const PREEMPTED: &str = "Preempted";
/// A job has come to its end.
pub const FINISHED: &str = "Finished";
/// Children claim more of a pool than their parent has (Q1).
pub const QUOTA_OVERCOMMITTED: &str = "QuotaOvercommitted";
/// A tenant's subtree uses more of a pool than its quota, and what it may borrow, allow: after a cut, or a loss of nodes (Q3).
pub const OVER_QUOTA: &str = "OverQuota";
/// A second tenant without a parent; it admits nothing (Q1).
pub const SECOND_ROOT: &str = "SecondRoot";
/// The object differs from its declaration.
pub const DRIFTED: &str = "Drifted";
/// A node is matched by two pools with the same resource (N4).
pub const NODE_CONFLICT: &str = "NodeConflict";
/// Tenants declare to own more of a pool than its healthy nodes have (Q4).
pub const OVERDECLARED: &str = "Overdeclared";
/// A voucher was approved by a second person.
pub const APPROVED: &str = "Approved";
/// A voucher's grant, or a line's total, stands in the books.
pub const POSTED: &str = "Posted";

/// Reasons of a job's condition [`ADMITTED`] while it is false, as rule W closes the list.
pub const WAITING: [&str; 29] = [
    "Held",
    "NotBefore",
    "DependsOn",
    "LimitReached",
    "QuotaExceeded",
    "BorrowingLimit",
    "InsufficientFunds",
    "NoPrice",
    "NoMatchingPool",
    "DataClass",
    "ModelNotFiled",
    "NoIsolation",
    "Fragmented",
    "Topology",
    "Reserved",
    "BehindClaim",
    "BehindInOrder",
    "WaitingForPreemption",
    "NeedsCheckpoint",
    "BackOff",
    "Unhealthy",
    "TooLarge",
    "NotAllowed",
    "TenantStopped",
    "UnknownReference",
    "TemplateRefused",
    "NamespaceNotRestricted",
    "LedgerUnavailable",
    "LedgerRewound",
];

/// Most conditions on one object.
pub const CONDITIONS_MAX: u32 = 16;

/// A list of conditions with the bounds of Kubernetes' own, merged by type.
pub fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": CONDITIONS_MAX,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "type": "string",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "reason": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {"type": "string", "maxLength": 4096},
            },
        },
    })
}

/// The condition of a type, if it stands in the list.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of a type stands in the list as `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}
