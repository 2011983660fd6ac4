//! Parts of a snapshot of the books as objects, and back (L12): written by the operator, read by
//! it, by the archiver and by whoever proves the books.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_crds::{LedgerSnapshotPart, LedgerSnapshotPartSpec, ledger_snapshot_part as part};
use edugrid_ledger::{Manifest, Section, Snapshot};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

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
        let metadata = ObjectMeta {
            name: Some(name),
            ..ObjectMeta::default()
        };
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

fn signed(name: &str, number: u64) -> Result<i64, Unreadable> {
    i64::try_from(number).map_err(|_| Unreadable {
        name: name.to_owned(),
        what: format!("{number} is above what an object can hold"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_ledger::{Algorithm, Books, Command, Opening};
    use edugrid_units::Stamp;

    fn snapshot() -> Snapshot {
        let mut books = Books::new();
        let opening = Opening {
            book: "b".into(),
            algorithm: Algorithm::Sha256,
            origin: Stamp(0),
            factor: 1,
        };
        books
            .stage(Stamp(1), Command::Open(opening))
            .expect("first");
        let batch = books.take_batch().expect("staged");
        books
            .committed(batch.segment().sequence)
            .expect("in flight");
        let frozen = books.freeze().expect("durable");
        let ledger = frozen.lines().flatten().collect();
        frozen.snapshot(ledger, b"past".to_vec()).expect("opened")
    }

    #[test]
    fn a_snapshot_becomes_objects_and_is_put_together_again() {
        let snapshot = snapshot();
        let objects = of_snapshot(&snapshot).expect("small");
        let names: Vec<_> = objects
            .iter()
            .filter_map(|it| it.metadata.name.clone())
            .collect();
        assert_eq!(
            names,
            [
                "00000000000000000001-ledger-00000",
                "00000000000000000001-past-00000",
                "00000000000000000001-manifest-00000",
            ]
        );
        assert_eq!(sequence_in(&names[0]), Some((1, false)));
        assert_eq!(sequence_in(&names[2]), Some((1, true)));
        assert_eq!(sequence_in("00000000000000000001"), None);
        let manifest = to_manifest(&objects[2]).expect("a manifest");
        let again = Snapshot::assemble(manifest, |part| {
            let name = part_name(1, part.section, part.index);
            bytes_of(&objects[names.iter().position(|it| *it == name)?])
        });
        assert_eq!(again, Ok(snapshot));
    }

    #[test]
    fn a_manifest_that_is_none_says_why() {
        let mut object = of_snapshot(&snapshot()).expect("small").remove(2);
        let mut said = |change: &dyn Fn(&mut LedgerSnapshotPart)| {
            change(&mut object);
            to_manifest(&object).expect_err("it is broken").what
        };
        let name = manifest_name(2);
        assert_eq!(
            said(&|it| it.metadata.name = Some(name.clone())),
            "it is of segment 1"
        );
        assert_eq!(
            said(&|it| it.spec.payload = "e30=".into()),
            "the manifest book is missing"
        );
        assert_eq!(
            said(&|it| it.spec.payload = "%".into()),
            "spec.payload is not base64"
        );
    }
}
