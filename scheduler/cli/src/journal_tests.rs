//! Books in files and objects, sound and not.

use edugrid_ledger::{Algorithm, Books, Command, Opening};
use edugrid_units::{Seconds, Stamp};

use super::*;

/// A small sound book: it is opened, then led by three leaders one after the other.
pub fn segments() -> Vec<Segment> {
    let mut books = Books::new();
    let origin = Stamp::from_seconds(1_800_000_000);
    let opening = Opening {
        book: "5f0c5f1e-0000-4000-8000-000000000001".into(),
        algorithm: Algorithm::Sha256,
        origin,
        factor: 1,
    };
    let mut segments = Vec::new();
    let commands =
        std::iter::once(Command::Open(opening)).chain((1..=3).map(|epoch| Command::Epoch {
            epoch,
            writer: format!("writer-{epoch}"),
        }));
    for (second, command) in (1..).zip(commands) {
        books
            .stage(origin.after(Seconds(second)), command)
            .expect("a sound command");
        let batch = books.take_batch().expect("something is staged");
        books
            .committed(batch.segment().sequence)
            .expect("in flight");
        segments.push(batch.segment().clone());
    }
    segments
}

/// The same as a journal file.
pub fn journal_file(folder: &Path) -> PathBuf {
    let path = folder.join("journal");
    let (mut journal, _) = FileJournal::open(&path).expect("opens");
    for segment in segments() {
        journal.append_now(&segment).expect("appends");
    }
    path
}

#[tokio::test]
async fn a_journal_file_is_read_without_being_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = journal_file(folder.path());
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes.extend(b"torn");
    std::fs::write(&path, &bytes).expect("writes");
    // As if the operator had it open.
    let held = std::fs::File::open(&path).expect("opens");
    held.lock().expect("locks");
    let mut source = Source::of_file(&path).expect("reads");
    assert!(matches!(source, Source::Journal { torn_bytes: 4, .. }));
    let stretch = source.next().await.expect("reads").expect("is there");
    assert_eq!((stretch.segments, stretch.damage), (segments(), None));
    assert!(source.next().await.expect("reads").is_none());
    assert_eq!(std::fs::read(&path).expect("reads"), bytes);
}

#[tokio::test]
async fn a_damaged_record_is_told_after_the_sound_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = journal_file(folder.path());
    let mut bytes = std::fs::read(&path).expect("reads");
    let third = bytes
        .windows(8)
        .enumerate()
        .filter(|(_, it)| *it == JOURNAL_MAGIC)
        .nth(2);
    let (third, _) = third.expect("four records");
    bytes[third + 60] ^= 1;
    std::fs::write(&path, &bytes).expect("writes");
    let mut source = Source::of_file(&path).expect("reads");
    let stretch = source.next().await.expect("reads").expect("is there");
    assert_eq!(stretch.segments, &segments()[..2]);
    let what = format!("the record at byte {third} is not as it was written");
    assert_eq!(stretch.damage, Some(Unread { segment: 2, what }));
}
