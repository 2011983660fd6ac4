//! `LedgerSegment`: one batch of the journal (L12), written by the operator alone and never changed.
//!
//! Its payload is opaque: a schema that reached into it would change what is read when the schema changes, and the
//! hash over it would break.

use crate::rules;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Digits of a segment's name: its sequence number, padded, so that names sort as numbers.
pub const NAME_DIGITS: usize = 20;
/// Largest payload before it is encoded, in bytes.
pub const PAYLOAD_BYTES_MAX: u32 = 512 * 1024;
/// Largest payload as base64, in characters.
pub const PAYLOAD_TEXT_MAX: u32 = PAYLOAD_BYTES_MAX.div_ceil(3) * 4;

/// One batch of the journal.
#[derive(
    CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "ledger.edugrid.io",
    version = "v1alpha1",
    kind = "LedgerSegment",
    plural = "ledgersegments",
    shortname = "lseg",
    category = "edugrid",
    derive = "PartialEq",
    derive = "Default",
    doc = "One batch of the journal. Created by the leader, never changed; the name is the sequence number with 20 digits.",
    validation = rules::refuse(
        "self.metadata.name.matches('^[0-9]{20}$') && int(self.metadata.name) == \
         self.spec.sequence",
        "metadata.name is '%s' and spec.sequence %d: the name of a LedgerSegment is its \
         spec.sequence with 20 digits",
        "self.metadata.name, self.spec.sequence",
    ),
    printcolumn(name = "Sequence", type_ = "integer", json_path = ".spec.sequence"),
    printcolumn(name = "Epoch", type_ = "integer", json_path = ".spec.epoch"),
    printcolumn(name = "Codec", type_ = "string", json_path = ".spec.codec"),
    printcolumn(name = "Writer", type_ = "string", json_path = ".spec.nonce", priority = 1),
    printcolumn(name = "Previous", type_ = "string", json_path = ".spec.previous", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::immutable_spec(
    "LedgerSegment",
    "books are corrected by further entries",
))]
pub struct LedgerSegmentSpec {
    /// Its place in the journal, from 0.
    #[schemars(range(min = 0))]
    pub sequence: i64,
    /// Epoch of the leader that wrote it (A4).
    #[schemars(range(min = 0))]
    pub epoch: i64,
    /// Chosen anew by each writer: by it a leader knows its own segment again after a lost answer.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9_-]+$"))]
    pub nonce: String,
    /// How the payload is encoded.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[a-z0-9][a-z0-9.+/-]*$"))]
    pub codec: String,
    /// Hash of the last entry before it, 64 hexadecimal digits.
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub previous: String,
    /// The entries, as base64 of at most 512 KiB.
    #[schemars(length(max = PAYLOAD_TEXT_MAX))]
    pub payload: String,
}

/// The name of the segment with this sequence number.
#[must_use]
pub fn name(sequence: i64) -> String {
    format!("{sequence:0NAME_DIGITS$}")
}
