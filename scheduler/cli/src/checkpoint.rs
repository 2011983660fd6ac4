//! Where a proof begins: at the first entry, or at books that were proved before. A checkpoint
//! is such books in a file; a cluster whose older segments are archived has them as a snapshot.
//!
//! ```text
//! checkpoint = manifest, line feed, the ledger's section of the snapshot
//! ```
//!
//! A checkpoint is believed as far as its hashes go: keep it where nobody else writes.

use std::path::Path;

use edugrid_archiver::cluster::Snapshots;
use edugrid_ledger::{Line, Manifest, PART_BYTES_MAX, Replay, Section, Snapshot};

use crate::{cluster::Cluster, failure::Failure, journal, journal::Piece};

/// Reads a checkpoint.
///
/// # Errors
/// If the file can't be read or isn't one.
pub fn read(path: &Path) -> Result<Replay, Failure> {
    let bytes = std::fs::read(path).map_err(journal::file("read", path))?;
    let bad = |what: String| {
        let error = std::io::Error::other(format!("it is no checkpoint: {what}"));
        journal::file("read", path)(error)
    };
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let split = end.and_then(|end| bytes.split_at_checked(end));
    let (manifest, rest) = split.ok_or_else(|| bad("it has no manifest".to_owned()))?;
    let section = rest.get(1..).unwrap_or_default();
    let manifest = Manifest::from_bytes(manifest).map_err(|error| bad(error.to_string()))?;
    let mut parts = section.chunks(PART_BYTES_MAX);
    let snapshot = Snapshot::assemble(manifest, |part| match part.section {
        Section::Ledger => parts.next().map(<[u8]>::to_vec),
        Section::Past => Some(Vec::new()),
    });
    let snapshot = snapshot.map_err(|error| bad(error.to_string()))?;
    Replay::resume(&snapshot).map_err(|error| bad(error.to_string()))
}

/// Writes what was proved so far.
///
/// # Errors
/// If there is nothing yet, or the file can't be written.
pub fn write(path: &Path, replay: &Replay) -> Result<(), Failure> {
    let frozen = replay.freeze();
    let section: Vec<u8> = frozen.lines().flatten().collect();
    let snapshot = frozen.snapshot(section, Vec::new());
    let snapshot = snapshot.ok_or_else(|| Failure::Refused("there is no entry yet".to_owned()))?;
    let manifest = snapshot.manifest().to_bytes();
    let bytes = [&manifest, &b"\n"[..], snapshot.section(Section::Ledger)].concat();
    std::fs::write(path, bytes).map_err(journal::file("written", path))
}

/// The books before the first segments that a cluster still has.
///
/// # Errors
/// If no snapshot is there from which they go on, or it can't be read.
pub async fn of_cluster(cluster: &Cluster, first: u64) -> Result<Replay, Failure> {
    let snapshots = Snapshots::new(cluster.client().clone());
    let unread = |error: &dyn std::error::Error| Failure::Refused(error.to_string());
    let sequences = snapshots
        .sequences()
        .await
        .map_err(|error| unread(&error))?;
    let Some(sequence) = sequences.into_iter().find(|it| *it >= first) else {
        return Err(Failure::Archived { first });
    };
    let snapshot = snapshots.read(sequence).await;
    let snapshot = snapshot.map_err(|error| unread(&error))?;
    Replay::resume(&snapshot).map_err(|error| unread(&error))
}

/// Whether a piece stands before the place from which a proof goes on.
pub fn is_before(piece: &Piece, replay: &Replay) -> bool {
    let position = replay.position();
    match piece {
        Piece::Segment(segment) => segment.sequence < position.segments,
        Piece::Line(line) => {
            let whole = line.strip_suffix(b"\n").and_then(Line::parse);
            whole.is_some_and(|line| line.sequence < position.entries)
        }
        Piece::Damage(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_ledger::Algorithm;
    use edugrid_lives::Life;

    #[test]
    fn a_checkpoint_goes_on_like_the_books_that_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint");
        let segments = Life::journal(3, Algorithm::Sm3, 400);
        let (mut whole, middle) = (Replay::new(), segments.len() / 2);
        for segment in &segments[..middle] {
            whole.segment(segment).expect("sound");
        }
        write(&path, &whole).expect("writes");
        let mut resumed = read(&path).expect("reads");
        assert_eq!(resumed.position(), whole.position());
        assert!(is_before(
            &Piece::Segment(segments[middle - 1].clone()),
            &resumed
        ));
        for segment in &segments[middle..] {
            assert!(!is_before(&Piece::Segment(segment.clone()), &resumed));
            resumed.segment(segment).expect("sound");
            whole.segment(segment).expect("sound");
        }
        assert_eq!(resumed.verified(), whole.verified());

        let mut bytes = std::fs::read(&path).expect("reads");
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).expect("writes");
        let refused = read(&path).expect_err("it is altered");
        assert!(
            refused.to_string().contains("it is no checkpoint"),
            "{refused}"
        );
    }
}
