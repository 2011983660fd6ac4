//! The disk, as far as the stores ask it for anything: each call is one thing that can fail,
//! be torn or be lost in a crash, so that a test can put a disk in its place that does.
//!
//! Contract: what was written is in the file at once for whoever reads it, and there after a
//! crash only from [`DiskFile::sync_data`] on. A name (made, renamed or removed) is there, or
//! gone, after a crash only from [`Disk::sync_directory`] on.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

/// A file system.
pub trait Disk {
    /// Its open files.
    type File: DiskFile;

    /// Opens a file for reading and writing, made empty where it isn't there.
    ///
    /// # Errors
    /// As the system says.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// All bytes of a file.
    ///
    /// # Errors
    /// As the system says; `NotFound` where there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Makes a directory with those above it; nothing where it is there.
    ///
    /// # Errors
    /// As the system says.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in their order; none where it isn't there.
    ///
    /// # Errors
    /// As the system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Gives a file another name, in place of a file that has it.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; nothing where it isn't there.
    ///
    /// # Errors
    /// As the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As the system says.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file. After a write that failed, any part of it may be written.
pub trait DiskFile: Read + Write + Seek {
    /// Takes the file for this process until it is dropped; whether nobody else had it.
    ///
    /// # Errors
    /// As the system says.
    fn try_lock(&mut self) -> io::Result<bool>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// As the system says.
    fn set_len(&mut self, length: u64) -> io::Result<()>;

    /// Makes what was written durable, and the length with it (`fdatasync`).
    ///
    /// # Errors
    /// As the system says; then nobody knows what is.
    fn sync_data(&mut self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl DiskFile for File {
    fn try_lock(&mut self) -> io::Result<bool> {
        match Self::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Self::sync_data(self)
    }
}
