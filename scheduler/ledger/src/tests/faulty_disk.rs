//! A disk that does to a store what disks do (crates §1.5.1): it loses what was not synced,
//! tears a write, forgets names, runs full, and stops in the middle of anything. Which of it
//! happens follows from a seed.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{Disk, DiskFile};

#[derive(Clone, Debug, Default)]
struct Content {
    /// What who reads it sees.
    now: Vec<u8>,
    /// What a crash leaves for certain.
    synced: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    locked: Vec<usize>,
    /// Calls until one fails, and whether it is the last ever.
    until: Option<(u32, bool)>,
    is_stopped: bool,
    calls: u32,
    random: u64,
}

impl State {
    /// Counts a call; fails where it is its turn.
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.is_stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        match self.until {
            Some((0, stops)) => {
                self.until = None;
                self.is_stopped = stops;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some((rest, stops)) => {
                self.until = Some((rest - 1, stops));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.random >> 33).expect("small") % limit
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

impl FaultyDisk {
    pub fn new(seed: u64) -> Self {
        let disk = Self::default();
        disk.state().random = seed;
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds it")
    }

    pub fn calls(&self) -> u32 {
        self.state().calls
    }

    /// After so many calls the machine stops.
    pub fn stop_after(&self, calls: u32) {
        self.state().until = Some((calls, true));
    }

    /// After so many calls one fails, as on a disk that is full for a moment.
    pub fn fail_once_after(&self, calls: u32) {
        self.state().until = Some((calls, false));
    }

    /// The machine starts again: what was synced is there; of the rest each file has lost all,
    /// kept all or been torn, and each name is there or not.
    pub fn restart(&self) {
        let mut state = self.state();
        for index in 0..state.contents.len() {
            let Content { now, synced } = state.contents[index].clone();
            let after = match state.below(3) {
                0 => synced,
                1 => now,
                _ if now.len() > synced.len() => {
                    let more = state.below(now.len() - synced.len());
                    now[..synced.len() + more].to_vec()
                }
                _ => synced,
            };
            state.contents[index] = Content {
                now: after.clone(),
                synced: after,
            };
        }
        let (names, synced) = (state.names.clone(), state.synced_names.clone());
        let mut after = BTreeMap::new();
        for path in names.keys().chain(synced.keys()) {
            let survives = if state.below(2) == 0 { &names } else { &synced };
            after.extend(survives.get(path).map(|file| (path.clone(), *file)));
        }
        (state.names, state.synced_names) = (after.clone(), after);
        state.locked.clear();
        (state.is_stopped, state.until) = (false, None);
    }
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn open(&self, path: &Path) -> io::Result<FaultyFile> {
        let mut state = self.state();
        state.call()?;
        let file = match state.names.get(path) {
            Some(file) => *file,
            None => {
                state.contents.push(Content::default());
                let file = state.contents.len() - 1;
                state.names.insert(path.to_owned(), file);
                file
            }
        };
        Ok(FaultyFile {
            disk: self.clone(),
            file,
            place: 0,
            has_lock: false,
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.call()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.contents[file].now.clone())
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        self.state().call()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.call()?;
        let below = state
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(path).ok());
        let first = below.filter_map(|rest| rest.iter().next()?.to_str().map(str::to_owned));
        let mut names: Vec<_> = first.collect();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        state.names.remove(path);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let is_in = |name: &Path| name.parent() == Some(path);
        let names = state.names.clone();
        state.synced_names.retain(|name, _| !is_in(name));
        let there = names.into_iter().filter(|(name, _)| is_in(name));
        state.synced_names.extend(there);
        Ok(())
    }
}

/// A file of such a disk.
#[derive(Debug)]
pub struct FaultyFile {
    disk: FaultyDisk,
    file: usize,
    place: usize,
    has_lock: bool,
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        if self.has_lock {
            let file = self.file;
            self.disk.state().locked.retain(|locked| *locked != file);
        }
    }
}

impl Read for FaultyFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.call()?;
        let mut rest = state.contents[self.file]
            .now
            .get(self.place..)
            .unwrap_or_default();
        let read = rest.read(bytes)?;
        self.place += read;
        Ok(read)
    }
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let done = state.call();
        // A write that fails may have written any part.
        let length = match &done {
            Ok(()) => bytes.len(),
            Err(_) => state.below(bytes.len() + 1),
        };
        let now = &mut state.contents[self.file].now;
        now.resize(now.len().max(self.place + length), 0);
        now[self.place..self.place + length].copy_from_slice(&bytes[..length]);
        done?;
        self.place += length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for FaultyFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.disk.state().contents[self.file].now.len();
        let place = match to {
            SeekFrom::Start(place) => i64::try_from(place).expect("small"),
            SeekFrom::End(place) => i64::try_from(length).expect("small") + place,
            SeekFrom::Current(place) => i64::try_from(self.place).expect("small") + place,
        };
        self.place = usize::try_from(place).map_err(io::Error::other)?;
        Ok(self.place as u64)
    }
}

impl DiskFile for FaultyFile {
    fn try_lock(&mut self) -> io::Result<bool> {
        let mut state = self.disk.state();
        state.call()?;
        if state.locked.contains(&self.file) {
            return Ok(false);
        }
        state.locked.push(self.file);
        drop(state);
        self.has_lock = true;
        Ok(true)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call()?;
        let length = usize::try_from(length).expect("small");
        state.contents[self.file].now.resize(length, 0);
        Ok(())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.call()?;
        let content = &mut state.contents[self.file];
        content.synced.clone_from(&content.now);
        Ok(())
    }
}
