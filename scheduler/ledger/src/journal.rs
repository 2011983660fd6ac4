//! The journal as one file: for a book without a cluster, for tests and for export
//! (L12, crates §1.5.1). Knows segments as bytes; what they mean is not its business.
//!
//! ```text
//! file   = record*
//! record = magic (8) ‖ length (4, big-endian) ‖ check (8) ‖ hash (32) ‖ bytes (length)
//! check  = the first 8 bytes of SHA-256(magic ‖ length ‖ hash)
//! hash   = SHA-256(bytes), bytes = Segment::to_bytes
//! ```
//!
//! The head of a record checks itself, so that a damaged length can't hide the records
//! after it. What is not a whole record is a torn tail where no whole record follows it
//! (a crash in the middle of an append, which was never acknowledged), and is cut off;
//! anywhere else it is damage, and the journal isn't opened. A last record that was
//! damaged after it was written looks just like a torn one: what was cut is told, and the
//! head that is published elsewhere tells whether it mattered (L12, `LedgerRewound`).

mod records;

use std::{
    future::{Future, ready},
    io::{self, SeekFrom},
    path::Path,
};

pub use records::{Ending, Records};

use crate::{
    chain::Algorithm,
    disk::{Disk, DiskFile, RealDisk},
    segment::{AppendError, ReadError, Segment, SegmentStore},
};

const MAGIC: &[u8; 8] = b"EDUGRID\n";
const HEAD_BYTES: usize = 52;
/// Far above any segment: a length beyond it is damage.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// A journal in a file, open for one process.
#[derive(Debug)]
pub struct FileJournal<F = std::fs::File> {
    file: F,
    /// The sequence of its first segment: 0 but for a part of an archive.
    first: u64,
    /// Where each record begins, and at the end where the next one will.
    offsets: Vec<u64>,
    /// After a failed write nobody knows what the file holds: only opening tells.
    is_broken: bool,
}

/// What was found on opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whole segments.
    pub segments: u64,
    /// Bytes of a torn tail that were cut off.
    pub torn_bytes: u64,
}

/// Why a journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file can't be read or written.
    #[error("the journal can't be {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the journal is open in another process")]
    Locked,
    /// A record before the last one isn't as it was written.
    #[error("record {record} at byte {offset} is damaged, restore the journal from a copy")]
    Damaged {
        /// Its number, from 0: the segment's sequence.
        record: u64,
        /// Where it begins.
        offset: u64,
    },
}

impl FileJournal {
    /// Opens the journal at `path` on this machine's disk.
    ///
    /// # Errors
    /// As [`open_on`](FileJournal::open_on).
    pub fn open(path: &Path) -> Result<(Self, Found), JournalError> {
        Self::open_on(&RealDisk, path, 0)
    }
}

impl<F: DiskFile> FileJournal<F> {
    /// Opens the journal at `path`, or makes an empty one in an existing directory; its first
    /// segment has the sequence `first`.
    ///
    /// # Errors
    /// If another process has it open, if a record that is followed by another one is
    /// damaged, or if the file system fails.
    pub fn open_on(
        disk: &impl Disk<File = F>,
        path: &Path,
        first: u64,
    ) -> Result<(Self, Found), JournalError> {
        let mut file = disk.open(path).map_err(io("opened"))?;
        if !file.try_lock().map_err(io("locked"))? {
            return Err(JournalError::Locked);
        }
        // Also where the file is old: whoever made it may have died before this.
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        disk.sync_directory(directory).map_err(io("made durable"))?;
        let (offsets, torn_bytes) = whole_records(&mut file)?;
        if torn_bytes > 0 {
            let end = offsets.last().copied().unwrap_or(0);
            file.set_len(end).map_err(io("cut"))?;
            file.sync_data().map_err(io("made durable"))?;
        }
        let found = Found {
            segments: u64::try_from(offsets.len().saturating_sub(1)).unwrap_or(0),
            torn_bytes,
        };
        let journal = Self {
            file,
            first,
            offsets,
            is_broken: false,
        };
        Ok((journal, found))
    }

    /// Appends a segment and waits until it is on disk: one write and one `fdatasync`,
    /// however many entries the segment has.
    ///
    /// # Errors
    /// If its sequence isn't the next one, or if the write failed; after that the
    /// journal takes nothing until it is opened again.
    pub fn append_now(&mut self, segment: &Segment) -> Result<(), AppendError> {
        let sequence = segment.sequence;
        let refused = |why: String| AppendError::Refused { sequence, why };
        if self.is_broken {
            return Err(refused(
                "a write failed before, open the journal again".into(),
            ));
        }
        if sequence != self.next() {
            return Err(refused(format!("the next segment is {}", self.next())));
        }
        let record = frame(segment)
            .ok_or_else(|| refused(format!("it is above {RECORD_BYTES_MAX} bytes")))?;
        let start = self.end();
        self.is_broken = true;
        self.write_at(start, &record)
            .map_err(|error| AppendError::Unknown {
                sequence,
                source: Box::new(error),
            })?;
        self.is_broken = false;
        let length = u64::try_from(record.len()).unwrap_or(u64::MAX);
        self.offsets.push(start.saturating_add(length));
        Ok(())
    }

    /// Reads at most `limit` segments from sequence `from` on.
    ///
    /// # Errors
    /// If the file can't be read or isn't as it was when it was opened.
    pub fn read_now(&mut self, from: u64, limit: usize) -> Result<Vec<Segment>, ReadError> {
        let first = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let spans: Vec<_> = self
            .offsets
            .windows(2)
            .skip(first)
            .take(limit)
            .filter_map(|span| Some((*span.first()?, *span.last()?)))
            .collect();
        spans
            .into_iter()
            .map(|(start, end)| self.segment_at(start, end))
            .collect::<Result<_, _>>()
            .map_err(|source| ReadError { from, source })
    }

    /// How many segments it holds.
    pub fn segments(&self) -> u64 {
        u64::try_from(self.offsets.len().saturating_sub(1)).unwrap_or(u64::MAX)
    }

    /// The next segment's sequence.
    pub(crate) fn next(&self) -> u64 {
        self.first.saturating_add(self.segments())
    }

    /// How long its records are.
    pub(crate) fn bytes(&self) -> u64 {
        self.end()
    }

    fn end(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    fn write_at(&mut self, start: u64, record: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(record)?;
        self.file.sync_data()
    }

    fn segment_at(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Segment, Box<dyn std::error::Error + Send + Sync>> {
        let length = usize::try_from(end.saturating_sub(start))?;
        let mut record = vec![0; length];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut record)?;
        let record = Records::new(io::Cursor::new(record))?.next_record()?;
        let bytes = record.ok_or("the record has changed on disk")?;
        Ok(Segment::from_bytes(&bytes)?)
    }
}

impl<F: DiskFile + Send> SegmentStore for FileJournal<F> {
    fn append(
        &mut self,
        segment: &Segment,
    ) -> impl Future<Output = Result<(), AppendError>> + Send {
        ready(self.append_now(segment))
    }

    fn read(
        &mut self,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Segment>, ReadError>> + Send {
        ready(self.read_now(from, limit))
    }
}

fn io(what: &'static str) -> impl Fn(io::Error) -> JournalError {
    move |source| JournalError::Io { what, source }
}

/// Where the whole records begin and the last one ends, and how many bytes are torn after it.
fn whole_records(file: &mut impl DiskFile) -> Result<(Vec<u64>, u64), JournalError> {
    let mut records = Records::new(file).map_err(io("read"))?;
    let mut offsets = vec![0_u64];
    while records.next_record().map_err(io("read"))?.is_some() {
        offsets.push(records.offset());
    }
    match records.ending().map_err(io("read"))? {
        Ending::Whole => Ok((offsets, 0)),
        Ending::Torn { bytes } => Ok((offsets, bytes)),
        Ending::Damaged => Err(JournalError::Damaged {
            record: records.read(),
            offset: records.offset(),
        }),
    }
}

/// The record of a segment; `None` if it is too large for one.
fn frame(segment: &Segment) -> Option<Vec<u8>> {
    let mut record = vec![0; HEAD_BYTES];
    segment.write_to(&mut record);
    let (head, bytes) = record.split_at_mut_checked(HEAD_BYTES)?;
    let length = Some(bytes.len()).filter(|length| *length <= RECORD_BYTES_MAX)?;
    let length = u32::try_from(length).ok()?.to_be_bytes();
    let hash = Algorithm::Sha256.digest(bytes).0;
    head.copy_from_slice(&[MAGIC, &length[..], &check(&length, &hash), &hash].concat());
    Some(record)
}

fn check(length: &[u8], hash: &[u8]) -> [u8; 8] {
    let digest = Algorithm::Sha256.digest(&[MAGIC, length, hash].concat());
    let mut check = [0; 8];
    check.copy_from_slice(digest.0.split_at(8).0);
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Digest;

    fn segment(sequence: u64) -> Segment {
        Segment {
            sequence,
            epoch: 1,
            nonce: "n".into(),
            codec: "c".into(),
            previous: Digest([7; 32]),
            payload: format!("entry {sequence}\n").into_bytes(),
        }
    }

    /// A journal of three segments, as bytes with the offsets of its records.
    fn written() -> (Vec<u8>, Vec<u64>) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("journal");
        let (mut journal, _) = FileJournal::open(&path).expect("opens");
        for sequence in 0..3 {
            journal.append_now(&segment(sequence)).expect("appends");
        }
        let offsets = journal.offsets.clone();
        (std::fs::read(&path).expect("reads"), offsets)
    }

    fn reopen(bytes: &[u8]) -> Result<(FileJournal, Found, tempfile::TempDir), JournalError> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("journal");
        std::fs::write(&path, bytes).expect("writes");
        FileJournal::open(&path).map(|(journal, found)| (journal, found, directory))
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let (bytes, _) = written();
        let (mut journal, found, _directory) = reopen(&bytes).expect("opens");
        assert_eq!((found.segments, found.torn_bytes), (3, 0));
        let read = journal.read_now(1, 10).expect("reads");
        assert_eq!(read, [segment(1), segment(2)]);
        assert_eq!(journal.read_now(0, 1).expect("reads"), [segment(0)]);
        assert!(journal.read_now(3, 10).expect("reads").is_empty());
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_off_and_the_journal_goes_on() {
        let (bytes, offsets) = written();
        let last = usize::try_from(offsets[2]).expect("small");
        for length in last..bytes.len() {
            let (mut journal, found, _directory) = reopen(&bytes[..length]).expect("opens");
            assert_eq!(found.segments, 2, "cut at {length}");
            assert_eq!(found.torn_bytes, (length - last) as u64);
            journal.append_now(&segment(2)).expect("appends");
            assert_eq!(journal.read_now(2, 1).expect("reads"), [segment(2)]);
        }
    }

    #[test]
    fn a_tail_of_zeros_is_torn() {
        let (mut bytes, offsets) = written();
        bytes.extend([0; 100]);
        let (_, found, _directory) = reopen(&bytes).expect("opens");
        assert_eq!((found.segments, found.torn_bytes), (3, 100));
        let last = usize::try_from(offsets[2]).expect("small");
        bytes[last..].fill(0);
        let (_, found, _directory) = reopen(&bytes).expect("opens");
        assert_eq!(found.segments, 2);
    }

    #[test]
    fn a_byte_altered_before_the_last_record_is_damage() {
        let (bytes, offsets) = written();
        let last = usize::try_from(offsets[2]).expect("small");
        for position in 0..last {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            let record = offsets.iter().filter(|it| **it <= position as u64).count() - 1;
            match reopen(&altered).map(|_| ()) {
                Err(JournalError::Damaged { record: found, .. }) => {
                    assert_eq!(found, record as u64, "byte {position}");
                }
                other => panic!("byte {position}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_the_next_sequence_is_appended() {
        let (bytes, _) = written();
        let (mut journal, ..) = reopen(&bytes).expect("opens");
        for sequence in [2, 4] {
            let refused = journal.append_now(&segment(sequence));
            assert!(matches!(refused, Err(AppendError::Refused { .. })));
        }
        journal.append_now(&segment(3)).expect("appends");
    }

    #[test]
    fn one_process_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("journal");
        let first = FileJournal::open(&path).expect("opens");
        assert!(matches!(
            FileJournal::open(&path),
            Err(JournalError::Locked)
        ));
        drop(first);
        FileJournal::open(&path).expect("opens again");
    }
}
