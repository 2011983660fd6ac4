//! Books and view from the journal, in one pass; the view is made again where it is
//! missing, damaged or of another journal (L12). Moves directories, logs nothing: what
//! was found is a value.
//!
//! Where the books begin at a snapshot, the part of the view before it is believed as far as
//! the view's own mark there is the snapshot's hash, which is that of all entries before. A
//! view that must be made anew is filled from an archive, or begins at the snapshot.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use super::{Base, HistoryView, SledView, ViewError};
use crate::{
    books::{Books, Position},
    command::Command,
    entry::{Entry, Record},
    replay::{Damage, Replay},
    segment::{ReadError, Segment},
};

/// Books and view, in step with the journal.
#[derive(Debug)]
pub struct Restored {
    /// The books. Nobody leads them yet.
    pub books: Books,
    /// The view.
    pub view: SledView,
    /// What became of the view that was there.
    pub found: ViewFound,
}

/// What became of the view that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewFound {
    /// There was none, or an empty one where sled had lost all: it was filled.
    Missing,
    /// It agreed with the journal as far as it reached, and took the rest.
    Kept,
    /// It was made again.
    Rebuilt {
        /// What was wrong.
        why: String,
        /// Where the old one was moved.
        moved_to: PathBuf,
    },
}

/// Why there are no books.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The journal isn't as it was written.
    #[error(transparent)]
    Journal(#[from] Damage),
    /// Earlier segments can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Not even a new view can be made.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The journal is older than what was seen of it, or another one under its name: what was
    /// acknowledged is not in it any more (`LedgerRewound`).
    #[error(transparent)]
    Rewound(#[from] Rewound),
}

/// A journal that lacks what was published of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal in the cluster ends before segment {journal} with entry {journal_entries}, {witness} knows {known} segments and {known_entries} entries"
)]
pub struct Rewound {
    /// Where the journal ends.
    pub journal: u64,
    /// Its entries.
    pub journal_entries: u64,
    /// Who knows more.
    pub witness: &'static str,
    /// The segments that it knows of.
    pub known: u64,
    /// The entries that it knows of.
    pub known_entries: u64,
}

impl Rewound {
    /// Between the end of a journal and what somebody knows of it.
    pub fn new(journal: Position, witness: &'static str, known: Position) -> Self {
        Self {
            journal: journal.segments,
            journal_entries: journal.entries,
            witness,
            known: known.segments,
            known_entries: known.entries,
        }
    }
}

/// Where segments before the journal's own are read from, in order, from a sequence on;
/// nothing: there are no more.
pub type Earlier<'a> = &'a mut dyn FnMut(u64) -> Result<Vec<Segment>, ReadError>;

/// Replays a journal into books and into the view in `directory`, from `start` on, which is the
/// place of `segments`' first; `each` is shown every entry of them once, in order.
///
/// # Errors
/// If the journal is damaged, if the view there knows more of this journal than the journal
/// does, or if a new view can't be made.
pub fn restore(
    directory: &Path,
    start: Replay,
    segments: &[Segment],
    earlier: Option<Earlier<'_>>,
    mut each: impl FnMut(&Entry),
) -> Result<Restored, RestoreError> {
    let view = SledView::open(directory);
    let seen = view.as_ref().ok().and_then(Seen::of);
    let opened = view.and_then(|view| Follower::new(view, &start));
    let (mut follower, mut why) = match opened {
        Ok(follower) => (Some(follower), None),
        Err(error) => (None, Some(error)),
    };
    let mut replay = start.clone();
    for segment in segments {
        let records = replay.segment(segment)?;
        records.iter().for_each(|record| each(&record.entry));
        let followed = follower
            .as_mut()
            .map_or(Ok(()), |it| it.follow(&records, &replay));
        if let Err(error) = followed {
            (follower, why) = (None, Some(error));
        }
    }
    if let Some(seen) = seen {
        seen.check(&replay)?;
    }
    let books = replay.finish();
    let was_there = follower.as_ref().is_some_and(|it| it.reached > 0);
    let finished = follower.map(Follower::finish).transpose();
    let rebuilt = |why| rebuild(directory, &start, segments, earlier, why);
    let (view, found) = match (finished, why) {
        (Ok(Some(view)), _) if was_there => (view, ViewFound::Kept),
        (Ok(Some(view)), _) => (view, ViewFound::Missing),
        (Ok(None), why) => rebuilt(why)?,
        (Err(error), _) => rebuilt(Some(error))?,
    };
    Ok(Restored { books, view, found })
}

/// How far the view in a directory says it reaches; `None` where there is none, or none that
/// can be read.
pub fn reached(directory: &Path) -> Option<Position> {
    if !directory.is_dir() {
        return None;
    }
    let position = SledView::open(directory).ok()?.position().ok()?;
    Some(position).filter(|position| *position != Position::START)
}

/// Moves the directory aside and fills a new one: from the first entry on where the journal or
/// an archive has it, else from the snapshot on.
fn rebuild(
    directory: &Path,
    start: &Replay,
    segments: &[Segment],
    earlier: Option<Earlier<'_>>,
    why: Option<ViewError>,
) -> Result<(SledView, ViewFound), RestoreError> {
    let there = directory.exists();
    let moved_to = move_aside(directory).map_err(|source| ViewError::Io {
        what: "moved aside",
        source,
    })?;
    let mut view = SledView::open(directory)?;
    let mut replay = Replay::new();
    let first = start.position().segments;
    match earlier {
        Some(earlier) => {
            while replay.position().segments < first {
                let next = earlier(replay.position().segments)?;
                if next.is_empty() {
                    return Err(ViewError::NoArchive {
                        from: replay.position().segments,
                    }
                    .into());
                }
                for segment in next.iter().take_while(|it| it.sequence < first) {
                    let records = replay.segment(segment)?;
                    view.append(&records, replay.position())?;
                }
            }
        }
        None if first > 0 => {
            view.begin(&Base::of(&start.freeze()))?;
            replay = start.clone();
        }
        None => {}
    }
    for segment in segments {
        let records = replay.segment(segment)?;
        view.append(&records, replay.position())?;
    }
    let was_missing = matches!(why, Some(ViewError::Behind { found: 0, .. })) || !there;
    let why = why.map_or_else(String::new, |why| why.to_string());
    let found = match was_missing {
        true => ViewFound::Missing,
        false => ViewFound::Rebuilt { why, moved_to },
    };
    Ok((view, found))
}

/// Keeps the damaged view for whoever wants to look, but only the last one.
fn move_aside(directory: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(directory);
    name.push(".damaged");
    let aside = PathBuf::from(name);
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    if directory.exists() {
        std::fs::rename(directory, &aside)?;
    }
    Ok(aside)
}

/// What a view had seen of a book before it was compared with the journal.
struct Seen {
    book: String,
    position: Position,
}

impl Seen {
    fn of(view: &SledView) -> Option<Self> {
        let position = view.position().ok()?;
        let first = view.entry(0).ok()?.map(|entry| entry.command);
        let opening = match (view.base(), first) {
            (Some(base), _) => base.opening.clone(),
            (None, Some(Command::Open(opening))) => Some(opening),
            _ => None,
        };
        let book = opening?.book;
        Some(Self { book, position })
    }

    /// A view is only told what is durable. So one that reaches further than the journal of its
    /// book, or than one that is empty, has seen what the journal has lost.
    fn check(&self, replay: &Replay) -> Result<(), Rewound> {
        let end = replay.position();
        let is_of_it = end == Position::START || replay.book() == self.book;
        if is_of_it && self.position.segments > end.segments {
            return Err(Rewound::new(end, "the local view", self.position));
        }
        Ok(())
    }
}

/// A view that is compared with the journal as far as it reaches, and then extended.
struct Follower {
    view: SledView,
    /// How far the view reached when it was opened.
    reached: u64,
    rows: u64,
}

impl Follower {
    fn new(view: SledView, start: &Replay) -> Result<Self, ViewError> {
        let (reached, from) = (view.position()?, start.position());
        if reached.segments < from.segments {
            return Err(ViewError::Behind {
                found: reached.entries,
                start: from.entries,
            });
        }
        let rows = match view.mark(from)? {
            Some(rows) => rows,
            None => {
                return Err(ViewError::Damaged(
                    "it is of another journal than the snapshot".into(),
                ));
            }
        };
        Ok(Self {
            reached: reached.segments,
            view,
            rows,
        })
    }

    fn follow(&mut self, records: &[Record], replay: &Replay) -> Result<(), ViewError> {
        self.rows = self.rows.saturating_add(super::rows_of(records));
        let position = replay.position();
        if position.segments > self.reached {
            return self.view.append(records, position);
        }
        for record in records {
            if !self.view.holds(record)? {
                let sequence = record.entry.sequence;
                return Err(ViewError::Damaged(format!(
                    "entry {sequence} is not that of the journal"
                )));
            }
        }
        if self.view.mark(position)?.is_none() {
            return Err(ViewError::Damaged(
                "its position is not that of the journal".into(),
            ));
        }
        Ok(())
    }

    /// The view, if it has all that the journal has, and nothing else.
    fn finish(self) -> Result<SledView, ViewError> {
        let rows = self.view.rows()?;
        if rows == self.rows {
            Ok(self.view)
        } else {
            Err(ViewError::Damaged(format!(
                "it has {rows} rows, the journal makes {}",
                self.rows
            )))
        }
    }
}
