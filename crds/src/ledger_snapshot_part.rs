//! `LedgerSnapshotPart`: a part of the books as they stood before a segment (L12), written by the operator alone and
//! never changed. The manifest is the part that is written last: without it the others are nothing.
//!
//! Like a segment's, its payload is opaque: what it holds and whether it is whole is the ledger's business.

use crate::{ledger_segment::PAYLOAD_TEXT_MAX, rules};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Digits of a part's index in its name.
pub const INDEX_DIGITS: usize = 5;

/// A part of a snapshot.
#[derive(
    CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "ledger.edugrid.io",
    version = "v1alpha1",
    kind = "LedgerSnapshotPart",
    plural = "ledgersnapshotparts",
    shortname = "lsnap",
    category = "edugrid",
    derive = "PartialEq",
    derive = "Default",
    doc = "A part of the books as they stood before a segment. Created by the leader, never changed; the name is the sequence number with 20 digits, the section and the index with 5 digits.",
    validation = rules::refuse(
        "self.metadata.name.matches('^[0-9]{20}-[a-z]+-[0-9]{5}$') && \
         int(self.metadata.name.split('-')[0]) == self.spec.sequence && \
         self.metadata.name.split('-')[1] == self.spec.section.lowerAscii() && \
         int(self.metadata.name.split('-')[2]) == self.spec.index",
        "metadata.name is '%s': the name of a LedgerSnapshotPart is its spec.sequence with 20 digits, its spec.section \
         in lower case and its spec.index with 5 digits, with '-' between",
        "self.metadata.name",
    ),
    printcolumn(name = "Sequence", type_ = "integer", json_path = ".spec.sequence"),
    printcolumn(name = "Section", type_ = "string", json_path = ".spec.section"),
    printcolumn(name = "Index", type_ = "integer", json_path = ".spec.index"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::immutable_spec(
    "LedgerSnapshotPart",
    "a later snapshot takes the place of an earlier one",
))]
pub struct LedgerSnapshotPartSpec {
    /// The first segment that the snapshot does not cover.
    #[schemars(range(min = 0))]
    pub sequence: i64,
    /// What it is of: Ledger and Past hold what was known, Manifest names all parts.
    #[schemars(length(min = 1, max = 16), regex(pattern = "^(Ledger|Past|Manifest)$"))]
    pub section: String,
    /// Its place in its section, from 0.
    #[schemars(range(min = 0, max = 99_999))]
    pub index: i64,
    /// Its bytes, as base64 of at most 512 KiB.
    #[schemars(length(max = PAYLOAD_TEXT_MAX))]
    pub payload: String,
}

/// The name of a part.
#[must_use]
pub fn name(sequence: u64, section: &str, index: u32) -> String {
    let section = section.to_ascii_lowercase();
    format!("{sequence:020}-{section}-{index:0INDEX_DIGITS$}")
}
