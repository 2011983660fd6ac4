//! Snapshots of the books: what is taken goes on, and is written again as the same books.

use edugrid_crds::LedgerSnapshotPart;
use edugrid_ledger::{Manifest, Replay, Section, Snapshot};
use edugrid_translate::snapshot as parts;
use std::sync::OnceLock;

use crate::input::Input;

/// A manifest, or a ledger's section with edits under the true manifest's place.
pub fn snapshot(data: &[u8]) {
    let mut input = Input(data);
    if input.byte().is_multiple_of(2) {
        if let Ok(manifest) = Manifest::from_bytes(input.0) {
            let again = Manifest::from_bytes(&manifest.to_bytes());
            assert_eq!(again, Ok(manifest));
        }
        return;
    }
    let (manifest, section) = sound();
    let edited = input.edit(section);
    let Ok(state) = resumed(manifest, &edited) else {
        return;
    };
    // Rows may have stood in another order; written again they have one.
    let written: Vec<u8> = state.freeze().lines().flatten().collect();
    let again = resumed(manifest, &written).expect("it was written from books");
    let twice: Vec<u8> = again.freeze().lines().flatten().collect();
    assert!(written == twice, "the same books are written in two ways");
    if edited == *section {
        assert!(written == *section);
    }
}

/// A part as the API server would tell it.
pub fn snapshot_object(data: &[u8]) {
    let Ok(object) = serde_json::from_slice::<LedgerSnapshotPart>(data) else {
        return;
    };
    let name = object.metadata.name.clone().unwrap_or_default();
    if let Ok(manifest) = parts::to_manifest(&object) {
        assert_eq!(parts::manifest_name(manifest.sequence), name);
        assert_eq!(parts::sequence_in(&name), Some((manifest.sequence, true)));
    }
    let _base64_or_not = parts::bytes_of(&object);
}

/// The manifest and the section of the worked example, short of its end, so that an attempt is
/// open.
fn sound() -> &'static (Manifest, Vec<u8>) {
    static SOUND: OnceLock<(Manifest, Vec<u8>)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let mut replay = Replay::new();
        let segments = edugrid_lives::worked_example();
        for segment in segments.iter().take(segments.len() - 1) {
            replay.segment(segment).expect("sound");
        }
        let frozen = replay.freeze();
        let section: Vec<u8> = frozen.lines().flatten().collect();
        let snapshot = frozen.snapshot(section.clone(), Vec::new());
        let manifest = snapshot.expect("it is open").manifest().clone();
        (manifest, section)
    })
}

/// Books from a section that is said to be the one of a manifest.
fn resumed(manifest: &Manifest, section: &[u8]) -> Result<Replay, String> {
    let mut manifest = manifest.clone();
    let mut part = *manifest.parts.first().ok_or("a part")?;
    part.section = Section::Ledger;
    part.hash = edugrid_ledger::Algorithm::Sha256.digest(section);
    manifest.parts = vec![part];
    let snapshot = Snapshot::assemble(manifest, |_| Some(section.to_vec()));
    let snapshot = snapshot.map_err(|error| error.to_string())?;
    Replay::resume(&snapshot).map_err(|error| error.to_string())
}
