//! The journal kept outside of the cluster, in a directory (L12): every segment from the first
//! on, some snapshots, how far it reaches, and whose it is. Knows no request and no clock.
//!
//! ```text
//! owner.json                       which cluster may write here
//! head.json                        how far it reaches, and when that was written
//! segments/<20 digits>.journal     records as in `journal`, named by the first segment
//! snapshots/<20 digits>/…          the parts of a snapshot, and manifest.json last
//! ```
//!
//! Contract: what [`append`](Archive::append) and [`keep`](Archive::keep) say is kept was synced
//! and read back; what a crash leaves half written is cut off or overwritten at the next try.
//! The small files are replaced whole: written beside, synced, renamed, the directory synced.
//! One process writes at a time; readers ([`ArchiveReader`]) need no lock and change nothing.

mod heads;
mod reader;

use std::{
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

pub use heads::{Head, Owner};
pub use reader::ArchiveReader;

use crate::{
    disk::{Disk, DiskFile},
    journal::{FileJournal, JournalError},
    segment::{AppendError, ReadError, Segment},
    snapshot::{Manifest, Section, Snapshot, SnapshotError},
    wire::{self, Wire, WireError},
};

/// After so many bytes a new file of segments is begun.
const FILE_BYTES: u64 = if cfg!(test) { 2000 } else { 32 << 20 };
/// Snapshots that are kept; the oldest go first, since the segments are all there.
const SNAPSHOTS_KEPT: usize = 3;

const SEGMENTS: &str = "segments";
const SNAPSHOTS: &str = "snapshots";
const MANIFEST: &str = "manifest.json";
const HEAD: &str = "head.json";
const OWNER: &str = "owner.json";

/// Why an archive can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file system refuses.
    #[error("{path} can't be {what}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A file of segments is damaged, or open elsewhere.
    #[error("{path} can't be used")]
    Segments {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: JournalError,
    },
    /// A segment isn't known to be kept.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Segments can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was written isn't what is read back.
    #[error("{what} is not read back as it was written")]
    ReadBack {
        /// A segment or a snapshot.
        what: String,
    },
    /// A small file isn't one.
    #[error("{path}: {why}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: WireError,
    },
    /// A snapshot in it isn't whole.
    #[error("snapshot {sequence} of the archive can't be used")]
    Snapshot {
        /// Which.
        sequence: u64,
        /// What is wrong.
        #[source]
        source: SnapshotError,
    },
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Io { path, what, source }
}

/// An archive, open for the one who writes it.
#[derive(Debug)]
pub struct Archive<D: Disk> {
    disk: D,
    directory: PathBuf,
    /// The last file of segments.
    last: FileJournal<D::File>,
}

impl<D: Disk + Clone> Archive<D> {
    /// Opens the archive in a directory, or begins one there; a torn last record is cut off.
    ///
    /// # Errors
    /// If another process writes it, if its last file is damaged, or if the disk fails.
    pub fn open(disk: D, directory: &Path) -> Result<Self, ArchiveError> {
        for name in [SEGMENTS, SNAPSHOTS] {
            let path = directory.join(name);
            disk.make_directory(&path).map_err(failed(&path, "made"))?;
        }
        disk.sync_directory(directory)
            .map_err(failed(directory, "made durable"))?;
        let first = firsts(&disk, directory)?.last().copied().unwrap_or(0);
        let last = open_file(&disk, directory, first)?;
        Ok(Self {
            last,
            directory: directory.to_owned(),
            disk,
        })
    }

    /// The sequence of the segment that it takes next.
    pub fn next(&self) -> u64 {
        self.last.next()
    }

    /// Keeps the next segment: written, synced and read back.
    ///
    /// # Errors
    /// If that failed; then it is kept or not, and opening the archive again tells.
    pub fn append(&mut self, segment: &Segment) -> Result<(), ArchiveError> {
        if self.last.bytes() >= FILE_BYTES {
            self.last = open_file(&self.disk, &self.directory, self.next())?;
        }
        self.last.append_now(segment)?;
        let there = self.last.read_now(segment.sequence, 1)?;
        if there.first() == Some(segment) {
            Ok(())
        } else {
            let what = format!("segment {}", segment.sequence);
            Err(ArchiveError::ReadBack { what })
        }
    }

    /// Keeps a snapshot: its parts, then its manifest, read back. Older ones make room.
    ///
    /// # Errors
    /// If that failed; what is half written means nothing without its manifest.
    pub fn keep(&mut self, snapshot: &Snapshot) -> Result<(), ArchiveError> {
        let manifest = snapshot.manifest();
        let directory = self.directory.join(SNAPSHOTS).join(manifest.name());
        self.disk
            .make_directory(&directory)
            .map_err(failed(&directory, "made"))?;
        for (part, bytes) in snapshot.parts() {
            let path = directory.join(part_name(part.section, part.index));
            self.write(&path, bytes)?;
        }
        let above = self.directory.join(SNAPSHOTS);
        self.sync(&directory)?;
        self.sync(&above)?;
        self.replace(&directory, MANIFEST, &manifest.to_bytes())?;
        let there = self.reader().snapshot(manifest.sequence)?;
        if there != *snapshot {
            let what = format!("snapshot {}", manifest.sequence);
            return Err(ArchiveError::ReadBack { what });
        }
        self.forget_snapshots()
    }

    /// The manifest goes first: without it the rest means nothing.
    fn forget_snapshots(&self) -> Result<(), ArchiveError> {
        let mut all = self.reader().snapshots()?;
        all.truncate(all.len().saturating_sub(SNAPSHOTS_KEPT));
        for sequence in all {
            let directory = snapshot_directory(&self.directory, sequence);
            let remove = |name: &str| {
                let path = directory.join(name);
                self.disk.remove(&path).map_err(failed(&path, "removed"))
            };
            remove(MANIFEST)?;
            let names = self.disk.list(&directory);
            for name in names.map_err(failed(&directory, "listed"))? {
                remove(&name)?;
            }
        }
        Ok(())
    }

    /// Publishes how far the archive reaches.
    ///
    /// # Errors
    /// If the disk fails; then the old one or the new one stands there.
    pub fn publish(&mut self, head: &Head) -> Result<(), ArchiveError> {
        self.replace(&self.directory, HEAD, &wire::canonical(head))
    }

    /// Writes whose archive it is.
    ///
    /// # Errors
    /// If the disk fails; then the old one or the new one stands there.
    pub fn claim(&mut self, owner: &Owner) -> Result<(), ArchiveError> {
        self.replace(&self.directory, OWNER, &wire::canonical(owner))
    }

    /// The same archive for reading.
    pub fn reader(&self) -> ArchiveReader<D> {
        ArchiveReader::new(self.disk.clone(), &self.directory)
    }

    fn replace(&self, directory: &Path, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (path, beside) = (directory.join(name), directory.join(format!("{name}.new")));
        self.write(&beside, bytes)?;
        self.disk
            .rename(&beside, &path)
            .map_err(failed(&path, "put in place"))?;
        self.sync(directory)
    }

    /// A file with these bytes alone, synced; its name isn't yet.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), ArchiveError> {
        let mut file = self.disk.open(path).map_err(failed(path, "opened"))?;
        file.set_len(0).map_err(failed(path, "emptied"))?;
        file.rewind().map_err(failed(path, "written"))?;
        file.write_all(bytes).map_err(failed(path, "written"))?;
        file.sync_data().map_err(failed(path, "made durable"))
    }

    fn sync(&self, directory: &Path) -> Result<(), ArchiveError> {
        self.disk
            .sync_directory(directory)
            .map_err(failed(directory, "made durable"))
    }
}

fn open_file<D: Disk>(
    disk: &D,
    directory: &Path,
    first: u64,
) -> Result<FileJournal<D::File>, ArchiveError> {
    let path = segments_path(directory, first);
    match FileJournal::open_on(disk, &path, first) {
        Ok((journal, _)) => Ok(journal),
        Err(source) => Err(ArchiveError::Segments { path, source }),
    }
}

fn segments_path(directory: &Path, first: u64) -> PathBuf {
    directory
        .join(SEGMENTS)
        .join(format!("{first:020}.journal"))
}

fn snapshot_directory(directory: &Path, sequence: u64) -> PathBuf {
    directory.join(SNAPSHOTS).join(format!("{sequence:020}"))
}

fn part_name(section: Section, index: u32) -> String {
    format!("{}-{index:05}", section.as_str().to_ascii_lowercase())
}

/// The first segments of the files, ascending.
fn firsts(disk: &impl Disk, directory: &Path) -> Result<Vec<u64>, ArchiveError> {
    let path = directory.join(SEGMENTS);
    let names = disk.list(&path).map_err(failed(&path, "listed"))?;
    let mut firsts: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".journal")?.parse().ok())
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// A small file; `None` where there is none.
fn small<T: Wire>(disk: &impl Disk, path: &Path) -> Result<Option<T>, ArchiveError> {
    match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "read")(error)),
        Ok(bytes) => wire::read(&bytes)
            .map(Some)
            .map_err(|why| ArchiveError::Content {
                path: path.to_owned(),
                why,
            }),
    }
}

/// The manifest of a snapshot; `None` where none is finished.
fn manifest(
    disk: &impl Disk,
    directory: &Path,
    sequence: u64,
) -> Result<Option<Manifest>, ArchiveError> {
    small(
        disk,
        &snapshot_directory(directory, sequence).join(MANIFEST),
    )
}
