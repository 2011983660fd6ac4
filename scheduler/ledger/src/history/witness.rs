//! How far a journal was seen to reach, in a small file beside the view: read in no time, while
//! the view itself may take a minute to open. It is a witness against a journal that was set back
//! (L12, design 0012 R10), and says from which snapshot on the view can be continued.
//!
//! Contract: whoever writes to the view has written here before, synced, that the journal reaches
//! at least so far. So a file that is whole never knows less than the view; where it can't be
//! written it is removed first. One that is missing beside a view, or isn't as it was written,
//! says nothing: then the view itself is opened and asked, however long that takes.

use std::{
    ffi::OsString,
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use super::{
    HistoryView, SledView,
    restore::Rewound,
    sled_view::{read_position, seal, unseal, write_position},
};
use crate::{
    books::Position,
    command::Command,
    disk::{Disk, DiskFile, RealDisk},
    replay::Replay,
};

/// What is known of a book beside its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The book's id.
    pub book: String,
    /// How far its journal was seen to reach.
    pub journal: Position,
    /// How far the view has it for sure, whatever crashed meanwhile.
    pub view: Position,
}

impl Known {
    /// What an opened view knows.
    pub(super) fn of(view: &SledView) -> Option<Self> {
        let position = view.position().ok()?;
        let first = view.entry(0).ok()?.map(|entry| entry.command);
        let opening = match (view.base(), first) {
            (Some(base), _) => base.opening.clone(),
            (None, Some(Command::Open(opening))) => Some(opening),
            _ => None,
        };
        Some(Self {
            book: opening?.book,
            journal: position,
            view: position,
        })
    }

    /// Whether a journal that was replayed to its end has all that was seen of it. Only what is
    /// durable is ever noted; so where more is known of a book than its journal tells, or than one
    /// that is empty, the journal has lost it.
    ///
    /// # Errors
    /// If it lacks something.
    pub fn check(&self, replay: &Replay) -> Result<(), Rewound> {
        let end = replay.position();
        let is_of_it = end == Position::START || replay.book() == self.book;
        if is_of_it && self.journal.segments > end.segments {
            return Err(Rewound::new(end, "the local view", self.journal));
        }
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (journal, view) = (write_position(self.journal), write_position(self.view));
        seal(&[&journal[..], &view, self.book.as_bytes()].concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (journal, rest) = unseal(bytes)?.split_first_chunk::<POSITION_BYTES>()?;
        let (view, book) = rest.split_first_chunk::<POSITION_BYTES>()?;
        Some(Self {
            book: String::from_utf8(book.to_vec()).ok()?,
            journal: read_position(journal)?,
            view: read_position(view)?,
        })
    }
}

/// Two numbers of eight bytes and a hash.
const POSITION_BYTES: usize = 48;

/// The file beside the view in a directory.
#[derive(Clone, Debug)]
pub struct Witness<D = RealDisk> {
    disk: D,
    path: PathBuf,
}

impl<D: Disk> Witness<D> {
    /// That of the view in `directory`.
    pub fn new(disk: D, directory: &Path) -> Self {
        let mut path = OsString::from(directory);
        path.push(".known");
        Self {
            disk,
            path: path.into(),
        }
    }

    /// What it says; `None` where it is missing or isn't as it was written.
    pub fn read(&self) -> Option<Known> {
        Known::from_bytes(&self.disk.read(&self.path).ok()?)
    }

    /// Writes it down, before the view is told. Where that can't be done, the file is removed.
    ///
    /// # Errors
    /// If it can be neither written nor removed: then the view may not be told either.
    pub fn write(&self, known: &Known) -> io::Result<()> {
        let written = self.replace(&known.to_bytes());
        written.or_else(|_| self.remove())
    }

    /// Takes it away, so that the next start asks the view itself.
    ///
    /// # Errors
    /// As the disk says.
    pub fn remove(&self) -> io::Result<()> {
        self.disk.remove(&self.path)?;
        self.sync()
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut beside = OsString::from(&self.path);
        beside.push(".new");
        let beside = PathBuf::from(beside);
        if let Some(folder) = self.path.parent() {
            self.disk.make_directory(folder)?;
        }
        let mut file = self.disk.open(&beside)?;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(bytes)?;
        file.sync_data()?;
        self.disk.rename(&beside, &self.path)?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        self.path
            .parent()
            .map_or(Ok(()), |folder| self.disk.sync_directory(folder))
    }
}

/// What a start finds beside its journal.
#[derive(Debug, Default)]
pub struct Sight {
    /// What is known of the book.
    pub known: Option<Known>,
    /// The view, where it had to be opened to know that: sled takes long, so it is opened once.
    pub opened: Option<SledView>,
}

impl Sight {
    /// How far the view reaches for sure; `None` where there is none.
    pub fn view(&self) -> Option<Position> {
        let known = self.known.as_ref().map(|known| known.view);
        known.filter(|position| *position != Position::START)
    }
}

/// Looks what is known beside the journal, in the file or else in the view in `directory`.
pub fn look(directory: &Path) -> Sight {
    let known = Witness::new(RealDisk, directory).read();
    if known.is_some() || !directory.is_dir() {
        return Sight {
            known,
            opened: None,
        };
    }
    // One that can't be opened is moved aside and made again by `restore`.
    let opened = SledView::open(directory).ok();
    Sight {
        known: opened.as_ref().and_then(Known::of),
        opened,
    }
}
