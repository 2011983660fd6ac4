//! A made-up book on disk, as long as wanted, for whoever measures how it is read: its segments
//! in two files, up to a snapshot and after it, and the snapshot's parts. It must not know what
//! is measured. It is written without waiting for the disk, which is nobody's measurement.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use edugrid_ledger::{
    Algorithm, Disk, DiskFile, FileJournal, Frozen, Manifest, Part, RealDisk, Segment, Snapshot,
};
use edugrid_lives::Life;
use rustix::fs::Advice;

/// Any; the same seed gives the same book.
const SEED: u64 = 12;
/// One in so many vouchers and prices comes: some hundreds in ten million entries.
const CALM: u64 = 50;

/// A book on disk.
pub struct Written {
    folder: PathBuf,
    /// The first segment after the snapshot.
    pub first_after: u64,
    /// Of all segments.
    pub segments: u64,
    /// Of all segments.
    pub entries: u64,
}

impl Written {
    /// Makes up a book in an empty folder: at least so many entries before the snapshot, and so
    /// many segments after it.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn make(folder: &Path, entries: u64, after: u64) -> Result<Self> {
        let (mut life, opening) = Life::new(SEED, Algorithm::Sha256);
        life.calm(CALM);
        let mut journal = journal(&folder.join("before"), 0)?;
        append(&mut journal, &opening)?;
        while life.entries() < entries {
            append(&mut journal, &life.step())?;
        }
        let frozen = life.books().freeze().context("something is under way")?;
        keep(&folder.join("snapshot"), &frozen)?;
        let first_after = journal.segments();
        let mut journal = self::journal(&folder.join("after"), first_after)?;
        while journal.segments() < after {
            append(&mut journal, &life.step())?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            first_after,
            segments: first_after.saturating_add(journal.segments()),
            entries: life.entries(),
        })
    }

    /// The files of segments, in order.
    pub fn files(&self) -> [PathBuf; 2] {
        [self.folder.join("before"), self.folder.join("after")]
    }

    /// The bytes of those files.
    ///
    /// # Errors
    /// If they are gone.
    pub fn bytes(&self) -> Result<u64> {
        let lengths = self.files().map(|path| Ok(fs::metadata(path)?.len()));
        lengths.into_iter().sum()
    }

    /// Where a view of it belongs.
    pub fn view(&self) -> PathBuf {
        self.folder.join("view")
    }

    /// The snapshot, put together from its parts with their hashes checked.
    ///
    /// # Errors
    /// If it isn't whole.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let folder = self.folder.join("snapshot");
        let manifest = Manifest::from_bytes(&fs::read(folder.join("manifest"))?)?;
        let part = |part: &Part| fs::read(folder.join(name(part))).ok();
        Ok(Snapshot::assemble(manifest, part)?)
    }

    /// The bytes of the snapshot's parts.
    ///
    /// # Errors
    /// If it isn't whole.
    pub fn snapshot_bytes(&self) -> Result<u64> {
        let snapshot = self.snapshot()?;
        Ok(snapshot
            .manifest()
            .parts
            .iter()
            .map(|part| part.bytes)
            .sum())
    }

    /// Takes all of it out of the memory that the system keeps of files.
    ///
    /// # Errors
    /// If a file can't be opened.
    pub fn cool(&self) -> Result<()> {
        cool(&self.folder)
    }
}

fn journal(path: &Path, first: u64) -> Result<FileJournal<UnsyncedFile>> {
    let (journal, found) = FileJournal::open_on(&Unsynced, path, first)?;
    ensure!(found.segments == 0, "{} is in use", path.display());
    Ok(journal)
}

fn append(journal: &mut FileJournal<UnsyncedFile>, segments: &[Segment]) -> Result<()> {
    for segment in segments {
        journal.append_now(segment)?;
    }
    Ok(())
}

fn keep(folder: &Path, frozen: &Frozen<'_>) -> Result<()> {
    fs::create_dir(folder)?;
    let rows = frozen.lines().flatten().collect();
    let snapshot = frozen.snapshot(rows, Vec::new()).context("not opened")?;
    for (part, bytes) in snapshot.parts() {
        fs::write(folder.join(name(part)), bytes)?;
    }
    fs::write(folder.join("manifest"), snapshot.manifest().to_bytes())?;
    Ok(())
}

fn name(part: &Part) -> String {
    format!("{}-{}", part.section.as_str(), part.index)
}

fn cool(path: &Path) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            cool(&entry?.path())?;
        }
        return Ok(());
    }
    let file = File::open(path)?;
    // Only what is on disk can be dropped.
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}

/// The disk of this machine, asked to make nothing durable.
struct Unsynced;

/// A file there.
struct UnsyncedFile(File);

impl Disk for Unsynced {
    type File = UnsyncedFile;

    fn open(&self, path: &Path) -> io::Result<UnsyncedFile> {
        RealDisk.open(path).map(UnsyncedFile)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        RealDisk.make_directory(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl io::Read for UnsyncedFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl io::Write for UnsyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl io::Seek for UnsyncedFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl DiskFile for UnsyncedFile {
    fn try_lock(&mut self) -> io::Result<bool> {
        DiskFile::try_lock(&mut self.0)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}
