//! Books in files and objects, sound and not.

use edugrid_ledger::{Algorithm, Books, Command, FileJournal, Opening};
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
    journal_of(folder, &segments())
}

/// A journal file of any segments, whether they belong together or not.
pub fn journal_of(folder: &Path, segments: &[Segment]) -> PathBuf {
    let path = folder.join("journal");
    let (mut journal, _) = FileJournal::open(&path).expect("opens");
    for (segment, sequence) in segments.iter().zip(0..) {
        let of_its_number = Segment {
            sequence,
            ..segment.clone()
        };
        journal.append_now(&of_its_number).expect("appends");
    }
    path
}

/// All pieces, and what was torn after them.
async fn pieces(path: &Path) -> (Vec<Piece>, u64) {
    let mut source = Source::of_file(path).expect("opens");
    let mut pieces = Vec::new();
    while let Some(piece) = source.next().await.expect("reads") {
        pieces.push(piece);
    }
    let (done, all) = source.progress();
    assert!(all.is_some_and(|all| done <= all));
    (pieces, source.torn_bytes())
}

/// Where the record of that number begins.
fn begin(bytes: &[u8], number: usize) -> usize {
    let begins = bytes
        .windows(8)
        .enumerate()
        .filter(|(_, it)| *it == b"EDUGRID\n");
    begins.map(|(at, _)| at).nth(number).expect("a record")
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
    let whole: Vec<_> = segments().into_iter().map(Piece::Segment).collect();
    assert_eq!(pieces(&path).await, (whole, 4));
    assert_eq!(std::fs::read(&path).expect("reads"), bytes);
}

#[tokio::test]
async fn a_damaged_record_is_told_after_the_sound_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = journal_file(folder.path());
    let mut bytes = std::fs::read(&path).expect("reads");
    let third = begin(&bytes, 2);
    bytes[third + 60] ^= 1;
    std::fs::write(&path, &bytes).expect("writes");
    let what = format!("the record at byte {third} is not as it was written");
    let mut expected: Vec<_> = segments().into_iter().take(2).map(Piece::Segment).collect();
    expected.push(Piece::Damage(Unread { segment: 2, what }));
    assert_eq!(pieces(&path).await, (expected, 0));
}

/// Whatever a file without line feeds holds, no more than a line's worth is in memory.
#[tokio::test]
async fn lines_of_an_export_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("export");
    std::fs::write(&path, vec![b'x'; 2 * PAYLOAD_BYTES_MAX + 7]).expect("writes");
    let (pieces, _) = pieces(&path).await;
    let lengths: Vec<_> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Line(line) => line.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lengths, [PAYLOAD_BYTES_MAX + 1, PAYLOAD_BYTES_MAX + 1, 5]);
}

/// An archive: the same records in files, each named by its first segment.
#[tokio::test]
async fn an_archive_is_read_file_by_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = std::fs::read(journal_file(folder.path())).expect("reads");
    let (first, second) = bytes.split_at(begin(&bytes, 2));
    let segments_folder = folder.path().join("segments");
    std::fs::create_dir(&segments_folder).expect("makes");
    let write = |number: u64, bytes: &[u8]| {
        let path = segments_folder.join(format!("{number:020}.journal"));
        std::fs::write(path, bytes).expect("writes");
    };
    write(2, second);
    write(0, first);
    let whole: Vec<_> = segments().into_iter().map(Piece::Segment).collect();
    assert_eq!(pieces(folder.path()).await, (whole, 0));
    // Only of the last file may the end be torn.
    write(0, &first[..first.len() - 1]);
    let (found, _) = pieces(folder.path()).await;
    assert_eq!(found.len(), 2);
    assert!(
        matches!(&found[1], Piece::Damage(it) if it.segment == 1),
        "{found:?}"
    );
    write(0, first);
    write(2, &second[..second.len() - 1]);
    let (found, torn) = pieces(folder.path()).await;
    assert!(found.len() == 3 && torn > 0, "{found:?}");
}
