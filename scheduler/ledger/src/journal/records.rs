//! The records of a journal file, one after the other: in as much memory as one record needs,
//! however long the journal is, and without touching the file.
//!
//! A record that isn't whole ends the reading. Whether it is a torn tail or damage depends on
//! what follows it: [`Records::ending`] looks.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::{HEAD_BYTES, MAGIC, RECORD_BYTES_MAX, check};
use crate::chain::Algorithm;

/// How much of a tail is looked at in one go.
const WINDOW_BYTES: usize = 1 << 16;

/// The records of a file, from its start.
#[derive(Debug)]
pub struct Records<R> {
    file: BufReader<R>,
    /// Where the next record begins.
    offset: u64,
    length: u64,
    read: u64,
}

/// What stands after the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing.
    Whole,
    /// An append that was interrupted, and never acknowledged.
    Torn {
        /// Its bytes.
        bytes: u64,
    },
    /// A record that isn't as it was written, since whole ones follow it.
    Damaged,
}

impl<R: Read + Seek> Records<R> {
    /// The records of `file`, which is read from its start to what is its end now.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn new(mut file: R) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Self {
            file: BufReader::new(file),
            offset: 0,
            length,
            read: 0,
        })
    }

    /// Whether a file that begins with these bytes is meant to be a journal.
    pub fn is_journal(begin: &[u8]) -> bool {
        begin.starts_with(MAGIC)
    }

    /// How many whole records were read: the number of the next one.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Where the next record begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How long the file is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of the next record, which are those of a segment; `None` where no whole one
    /// begins.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn next_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(bytes) = self.record_at(self.offset)? else {
            return Ok(None);
        };
        let whole = HEAD_BYTES.saturating_add(bytes.len());
        self.offset = self
            .offset
            .saturating_add(u64::try_from(whole).unwrap_or(u64::MAX));
        self.read = self.read.saturating_add(1);
        Ok(Some(bytes))
    }

    /// What stands after the last whole record.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn ending(&mut self) -> io::Result<Ending> {
        let bytes = self.length.saturating_sub(self.offset);
        if bytes == 0 {
            return Ok(Ending::Whole);
        }
        let mut from = self.offset;
        while let Some(at) = self.magic_from(from)? {
            if self.record_at(at)?.is_some() {
                return Ok(Ending::Damaged);
            }
            from = at.saturating_add(1);
        }
        Ok(Ending::Torn { bytes })
    }

    /// The whole record that begins there, if one does.
    fn record_at(&mut self, start: u64) -> io::Result<Option<Vec<u8>>> {
        let left = self.length.saturating_sub(start);
        let Some(left) = left.checked_sub(HEAD_BYTES as u64) else {
            return Ok(None);
        };
        self.seek(start)?;
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact(&mut head)?;
        let Some((length, hash)) = taken_apart(&head) else {
            return Ok(None);
        };
        if length > RECORD_BYTES_MAX || u64::try_from(length).is_ok_and(|length| length > left) {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        Ok((Algorithm::Sha256.digest(&bytes).0 == hash).then_some(bytes))
    }

    /// Where the next thing that looks like the begin of a record stands, from there on.
    fn magic_from(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut start = from;
        let mut window = vec![0; WINDOW_BYTES];
        while start < self.length {
            self.seek(start)?;
            let filled = fill(&mut self.file, &mut window)?;
            let seen = window.get(..filled).unwrap_or_default();
            let found = seen.windows(MAGIC.len()).position(|it| it == MAGIC);
            if let Some(place) = found {
                let place = u64::try_from(place).unwrap_or(u64::MAX);
                return Ok(Some(start.saturating_add(place)));
            }
            // The begin may be cut by the end of the window.
            let step = filled.saturating_sub(MAGIC.len().saturating_sub(1)).max(1);
            start = start.saturating_add(u64::try_from(step).unwrap_or(u64::MAX));
        }
        Ok(None)
    }

    /// Reading on from where one is costs no request to the system.
    fn seek(&mut self, to: u64) -> io::Result<()> {
        let here = self.file.stream_position()?;
        let (to_signed, here) = (i64::try_from(to), i64::try_from(here));
        match (to_signed, here) {
            (Ok(to), Ok(here)) => self.file.seek_relative(to.saturating_sub(here)),
            _ => self.file.seek(SeekFrom::Start(to)).map(|_| ()),
        }
    }
}

/// Length and hash out of a record's head, if it is one.
fn taken_apart(head: &[u8]) -> Option<(usize, [u8; 32])> {
    let rest = head.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_at_checked(4)?;
    let (given, hash) = rest.split_at_checked(8)?;
    if given != check(length, hash) {
        return None;
    }
    let length = u32::from_be_bytes(length.try_into().ok()?);
    Some((usize::try_from(length).ok()?, hash.try_into().ok()?))
}

fn fill(file: &mut impl Read, window: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = window.get_mut(filled..).filter(|it| !it.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => filled = filled.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
