//! The disks of the simulated machines: real files in memory that can be full.

use std::{cell::Cell, fs::File, io, path::Path};

use edugrid_ledger::{
    Base, Disk, DiskFile, Entry, HistoryView, Month, Position, RealDisk, Record, SledView,
    ViewError,
};
use edugrid_units::{JobUid, TenantName};

thread_local! {
    static FULL: Cell<bool> = const { Cell::new(false) };
}

/// Whether the disk of whoever runs on this thread next is full.
pub fn is_full(full: bool) {
    FULL.set(full);
}

fn has_room() -> io::Result<()> {
    if FULL.get() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

/// Copies a directory with all below it.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A view whose disk may be full.
#[derive(Debug)]
pub struct FullDisk(pub SledView);

impl HistoryView for FullDisk {
    fn position(&self) -> Result<Position, ViewError> {
        self.0.position()
    }

    fn base(&self) -> Option<&Base> {
        self.0.base()
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        if FULL.get() {
            return Err(ViewError::Io {
                what: "written",
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        self.0.append(records, after)
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.0.flush()
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        self.0.entry(sequence)
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        self.0.of_tenant(tenant, until, visit)
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        self.0.of_job(job)
    }
}

/// A disk that may be full.
#[derive(Clone, Copy, Debug)]
pub struct MaybeFull;

impl Disk for MaybeFull {
    type File = FileOnIt;

    fn open(&self, path: &Path) -> io::Result<FileOnIt> {
        if !path.exists() {
            has_room()?;
        }
        RealDisk.open(path).map(FileOnIt)
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

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_directory(path)
    }
}

/// A file on it.
#[derive(Debug)]
pub struct FileOnIt(File);

impl io::Read for FileOnIt {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl io::Seek for FileOnIt {
    fn seek(&mut self, place: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(place)
    }
}

impl io::Write for FileOnIt {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The last block takes a part: what is written is torn before the last byte.
        let (part, _) = bytes.split_at(bytes.len() / 2);
        if FULL.get() && !part.is_empty() {
            return self.0.write(part);
        }
        has_room()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl DiskFile for FileOnIt {
    fn try_lock(&mut self) -> io::Result<bool> {
        DiskFile::try_lock(&mut self.0)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        DiskFile::set_len(&mut self.0, length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        DiskFile::sync_data(&mut self.0)
    }
}
