//! Journals as bytes and objects: what is read back is what was written, or it is refused.

use std::{fs, path::Path, sync::OnceLock};

use edugrid_crds::LedgerSegment;
use edugrid_ledger::{FileJournal, JournalError, Segment};
use edugrid_translate::segment;

use crate::input::Input;

/// The header and payload of a segment in one run of bytes: one spelling only.
pub fn segment_bytes(data: &[u8]) {
    if let Ok(segment) = Segment::from_bytes(data) {
        assert_eq!(segment.to_bytes(), data, "another spelling was taken");
    }
}

/// A `LedgerSegment` as the API server would tell it.
pub fn segment_object(data: &[u8]) {
    let Ok(object) = serde_json::from_slice::<LedgerSegment>(data) else {
        return;
    };
    if let Ok(read) = segment::segment(&object) {
        let again = segment::object(&read).expect("it came from an object");
        assert_eq!(again.spec, object.spec, "another spelling was taken");
        assert_eq!(again.metadata.name, object.metadata.name);
    }
}

/// A journal in a file: any bytes, or a sound journal with edits.
pub fn journal_file(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() % 2 == 0 {
        opened(input.0, None);
    } else {
        let (bytes, segments) = sound();
        let edited = input.edit(bytes);
        opened(&edited, Some(segments));
    }
}

/// The worked example as a file.
fn sound() -> &'static (Vec<u8>, Vec<Segment>) {
    static SOUND: OnceLock<(Vec<u8>, Vec<Segment>)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let segments = edugrid_lives::worked_example();
        let (mut journal, _) = FileJournal::open(&path).expect("opens");
        for segment in &segments {
            journal.append_now(segment).expect("appends");
        }
        (fs::read(&path).expect("reads"), segments)
    })
}

/// Opens a file of these bytes. `written`: the segments that were in it before it was edited;
/// whoever can't make hashes can only remove whole ones.
fn opened(bytes: &[u8], written: Option<&Vec<Segment>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    fs::write(&path, bytes).expect("writes");
    let (mut journal, found) = match FileJournal::open(&path) {
        Ok(opened) => opened,
        Err(JournalError::Damaged { offset, .. }) => {
            assert!(offset <= bytes.len() as u64);
            assert_eq!(fs::read(&path).expect("reads"), bytes, "damage was touched");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let left = fs::metadata(&path).expect("is there").len();
    assert_eq!(left + found.torn_bytes, bytes.len() as u64);
    let Ok(read) = journal.read_now(0, usize::MAX) else {
        return;
    };
    assert_eq!(read.len() as u64, found.segments);
    if let Some(written) = written {
        let mut rest = written.iter();
        let in_order = read.iter().all(|it| rest.any(|other| other == it));
        assert!(in_order, "a segment was read that nobody wrote");
    }
    goes_on(journal, &path, &read);
}

/// Whatever was cut off, the next segment is appended and read back.
fn goes_on(mut journal: FileJournal, path: &Path, read: &[Segment]) {
    let next = Segment {
        sequence: read.len() as u64,
        ..sound().1[0].clone()
    };
    journal.append_now(&next).expect("appends");
    drop(journal);
    let (mut journal, found) = FileJournal::open(path).expect("opens again");
    assert_eq!((found.segments, found.torn_bytes), (next.sequence + 1, 0));
    let again = journal.read_now(0, usize::MAX).expect("reads");
    assert_eq!(again.split_last(), Some((&next, read)));
}
