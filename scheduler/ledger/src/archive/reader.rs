//! An archive as it is read: by a leader that has lost its view, by a restore, by whoever
//! proves the books. Takes no lock and changes nothing.

use std::{
    io::{self, Cursor},
    path::{Path, PathBuf},
};

use super::{
    ArchiveError, HEAD, Head, OWNER, Owner, SNAPSHOTS, failed, firsts, manifest, part_name,
    segments_path, small, snapshot_directory,
};
use crate::{
    disk::Disk,
    journal::{Ending, JournalError, Records},
    segment::Segment,
    snapshot::Snapshot,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct ArchiveReader<D> {
    disk: D,
    directory: PathBuf,
    /// The file that was read last, by its first segment: who reads on needs it again.
    read: Option<(u64, Vec<Segment>)>,
}

impl<D: Disk> ArchiveReader<D> {
    /// The archive in a directory, which may be empty or absent.
    pub fn new(disk: D, directory: &Path) -> Self {
        Self {
            disk,
            directory: directory.to_owned(),
            read: None,
        }
    }

    /// How far it reaches, as published; `None` before the first time.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn head(&self) -> Result<Option<Head>, ArchiveError> {
        small(&self.disk, &self.directory.join(HEAD))
    }

    /// Whose it is; `None` before the first claim.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn owner(&self) -> Result<Option<Owner>, ArchiveError> {
        small(&self.disk, &self.directory.join(OWNER))
    }

    /// At most `limit` segments from a sequence on; none where there are no more.
    ///
    /// # Errors
    /// If a file can't be read, or one before the last is damaged.
    pub fn segments(&mut self, from: u64, limit: usize) -> Result<Vec<Segment>, ArchiveError> {
        let firsts = firsts(&self.disk, &self.directory)?;
        let Some(first) = firsts.into_iter().rev().find(|first| *first <= from) else {
            return Ok(Vec::new());
        };
        let place = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let known = self.read.as_ref();
        // The last file grows, so what was read of it is only good for what it holds.
        if !known.is_some_and(|(of, segments)| *of == first && place < segments.len()) {
            self.read = Some((first, self.file(first)?));
        }
        let segments = self.read.iter().flat_map(|(_, segments)| segments);
        Ok(segments.skip(place).take(limit).cloned().collect())
    }

    fn file(&self, first: u64) -> Result<Vec<Segment>, ArchiveError> {
        let path = segments_path(&self.directory, first);
        let bytes = self.disk.read(&path).map_err(failed(&path, "read"))?;
        let mut records = Records::new(Cursor::new(bytes)).map_err(failed(&path, "read"))?;
        let mut segments = Vec::new();
        let damaged = |records: &Records<Cursor<Vec<u8>>>| ArchiveError::Segments {
            path: path.clone(),
            source: JournalError::Damaged {
                record: records.read(),
                offset: records.offset(),
            },
        };
        while let Some(bytes) = records.next_record().map_err(failed(&path, "read"))? {
            let segment = Segment::from_bytes(&bytes).map_err(|_| damaged(&records))?;
            segments.push(segment);
        }
        match records.ending().map_err(failed(&path, "read"))? {
            Ending::Damaged => Err(damaged(&records)),
            Ending::Whole | Ending::Torn { .. } => Ok(segments),
        }
    }

    /// The sequences of its whole snapshots, ascending.
    ///
    /// # Errors
    /// If they can't be listed.
    pub fn snapshots(&self) -> Result<Vec<u64>, ArchiveError> {
        let path = self.directory.join(SNAPSHOTS);
        let names = self.disk.list(&path).map_err(failed(&path, "listed"))?;
        let mut all = Vec::new();
        for sequence in names.iter().filter_map(|name| name.parse().ok()) {
            if manifest(&self.disk, &self.directory, sequence)?.is_some() {
                all.push(sequence);
            }
        }
        all.sort_unstable();
        Ok(all)
    }

    /// A snapshot, with the hashes of its parts checked.
    ///
    /// # Errors
    /// If it isn't there, or not whole.
    pub fn snapshot(&self, sequence: u64) -> Result<Snapshot, ArchiveError> {
        let directory = snapshot_directory(&self.directory, sequence);
        let manifest = manifest(&self.disk, &self.directory, sequence)?
            .ok_or_else(|| failed(&directory, "read")(io::Error::from(io::ErrorKind::NotFound)))?;
        Snapshot::assemble(manifest, |part| {
            let path = directory.join(part_name(part.section, part.index));
            self.disk.read(&path).ok()
        })
        .map_err(|source| ArchiveError::Snapshot { sequence, source })
    }
}
