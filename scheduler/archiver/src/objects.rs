//! Segments and parts of snapshots as objects, and back. Says which field is wrong where an
//! object isn't one; asks nobody.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_crds::{
    LedgerSegment, LedgerSegmentSpec, LedgerSnapshotPart, LedgerSnapshotPartSpec,
    ledger_snapshot_part as part,
};
use edugrid_ledger::{Digest, Manifest, Section, Segment, Snapshot};
use kube::core::ObjectMeta;

/// The section of a manifest, beside those of [`Section`].
pub const MANIFEST: &str = "Manifest";

/// Why an object can't be read, or not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("object {name} can't be read: {what}")]
pub struct Unreadable {
    /// The object.
    pub name: String,
    /// What is wrong with it.
    pub what: String,
}

/// A segment as an object.
///
/// # Errors
/// If a number is above what an object can hold.
pub fn of_segment(segment: &Segment) -> Result<LedgerSegment, Unreadable> {
    let name = segment.name();
    let spec = LedgerSegmentSpec {
        sequence: signed(&name, segment.sequence)?,
        epoch: signed(&name, segment.epoch)?,
        nonce: segment.nonce.clone(),
        codec: segment.codec.clone(),
        previous: segment.previous.to_string(),
        payload: BASE64.encode(&segment.payload),
    };
    let metadata = named(name);
    Ok(LedgerSegment { metadata, spec })
}

/// The segment of an object.
///
/// # Errors
/// If a field isn't one of a segment's, or the name isn't that of its sequence.
pub fn to_segment(object: LedgerSegment) -> Result<Segment, Unreadable> {
    let name = object.metadata.name.unwrap_or_default();
    let unreadable = |what: String| Unreadable {
        name: name.clone(),
        what,
    };
    let number = |field: &str, number: i64| {
        u64::try_from(number).map_err(|_| unreadable(format!("{field} is negative")))
    };
    let spec = object.spec;
    let segment = Segment {
        sequence: number("spec.sequence", spec.sequence)?,
        epoch: number("spec.epoch", spec.epoch)?,
        nonce: spec.nonce,
        codec: spec.codec,
        previous: Digest::parse(&spec.previous)
            .ok_or_else(|| unreadable("spec.previous is no hash".into()))?,
        payload: BASE64
            .decode(&spec.payload)
            .map_err(|error| unreadable(format!("spec.payload is not base64: {error}")))?,
    };
    if segment.name() != name {
        return Err(unreadable(format!("spec.sequence is {}", segment.sequence)));
    }
    Ok(segment)
}

/// The objects of a snapshot, the manifest last.
///
/// # Errors
/// If a number is above what an object can hold.
pub fn of_snapshot(snapshot: &Snapshot) -> Result<Vec<LedgerSnapshotPart>, Unreadable> {
    let sequence = snapshot.manifest().sequence;
    let object = |section: &str, index: u32, bytes: &[u8]| {
        let name = part::name(sequence, section, index);
        let spec = LedgerSnapshotPartSpec {
            sequence: signed(&name, sequence)?,
            section: section.to_owned(),
            index: i64::from(index),
            payload: BASE64.encode(bytes),
        };
        let metadata = named(name);
        Ok(LedgerSnapshotPart { metadata, spec })
    };
    let parts = snapshot.parts();
    let mut objects = parts
        .map(|(part, bytes)| object(part.section.as_str(), part.index, bytes))
        .collect::<Result<Vec<_>, _>>()?;
    objects.push(object(MANIFEST, 0, &snapshot.manifest().to_bytes())?);
    Ok(objects)
}

/// The bytes of a part; `None` if they aren't base64.
pub fn bytes_of(object: &LedgerSnapshotPart) -> Option<Vec<u8>> {
    BASE64.decode(&object.spec.payload).ok()
}

/// The manifest of an object.
///
/// # Errors
/// If it isn't one, or not that of its name.
pub fn to_manifest(object: &LedgerSnapshotPart) -> Result<Manifest, Unreadable> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let unreadable = |what: String| Unreadable {
        name: name.clone(),
        what,
    };
    let bytes = bytes_of(object).ok_or_else(|| unreadable("spec.payload is not base64".into()))?;
    let manifest = Manifest::from_bytes(&bytes)
        .map_err(|error| unreadable(format!("the manifest {error}")))?;
    if manifest_name(manifest.sequence) != name {
        return Err(unreadable(format!(
            "it is of segment {}",
            manifest.sequence
        )));
    }
    Ok(manifest)
}

/// The name of a snapshot's manifest.
pub fn manifest_name(sequence: u64) -> String {
    part::name(sequence, MANIFEST, 0)
}

/// The name of a part.
pub fn part_name(sequence: u64, section: Section, index: u32) -> String {
    part::name(sequence, section.as_str(), index)
}

/// The sequence in the name of a part, and whether it is a manifest; `None` for a name that
/// is not a part's.
pub fn sequence_in(name: &str) -> Option<(u64, bool)> {
    let (sequence, rest) = name.split_once('-')?;
    let is_manifest = rest.starts_with("manifest-");
    Some((sequence.parse().ok()?, is_manifest))
}

fn named(name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        ..ObjectMeta::default()
    }
}

fn signed(name: &str, number: u64) -> Result<i64, Unreadable> {
    i64::try_from(number).map_err(|_| Unreadable {
        name: name.to_owned(),
        what: format!("{number} is above what an object can hold"),
    })
}
