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

use super::{Base, HistoryView, Known, SledView, ViewError, filling::Filling};
use crate::{
    books::Position,
    entry::{Entry, Record},
    replay::{Damage, Replay},
    segment::{ReadError, Segment},
    snapshot::SnapshotError,
};

/// The books, and the view in step with the journal.
#[derive(Debug)]
pub struct Restored {
    /// The books after the last segment.
    pub replay: Replay,
    /// The view with what became of the one that was there; or why none can be made, which does
    /// not concern the books.
    pub view: Result<(SledView, ViewFound), ViewError>,
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
    /// They can't begin where they should.
    #[error("the snapshot can't be used")]
    Snapshot(#[from] SnapshotError),
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

/// Replays a journal into books and into the view in `directory`, or into `opened`, which is that
/// view; `start` makes the books before `segments`' first, as often as they are needed, and `each`
/// is shown every entry of the segments once, in order.
///
/// # Errors
/// If the journal is damaged, or if the view there knows more of this journal than the journal
/// does.
pub fn restore(
    directory: &Path,
    opened: Option<SledView>,
    start: &dyn Fn() -> Result<Replay, SnapshotError>,
    segments: &[Segment],
    earlier: Option<Earlier<'_>>,
    mut each: impl FnMut(&Entry),
) -> Result<Restored, RestoreError> {
    let view = opened.map_or_else(|| SledView::open(directory), Ok);
    let seen = view.as_ref().ok().and_then(Known::of);
    let mut replay = start()?;
    let opened = view.and_then(|view| Follower::new(view, &replay));
    let (mut follower, mut why) = match opened {
        Ok(follower) => (Some(follower), None),
        Err(error) => (None, Some(error)),
    };
    for segment in segments {
        let records = replay.segment(segment)?;
        records.iter().for_each(|record| each(&record.entry));
        let followed = follower
            .as_mut()
            .map_or(Ok(()), |it| it.follow(records, &replay));
        if let Err(error) = followed {
            (follower, why) = (None, Some(error));
        }
    }
    if let Some(seen) = seen {
        seen.check(&replay)?;
    }
    let was_there = follower.as_ref().is_some_and(|it| it.reached > 0);
    let finished = follower.map(Follower::finish).transpose();
    let rebuilt = |why| rebuild(directory, start, segments, earlier, why);
    let view = match (finished, why) {
        (Ok(Some(view)), _) if was_there => Ok((view, ViewFound::Kept)),
        (Ok(Some(view)), _) => Ok((view, ViewFound::Missing)),
        (Ok(None), why) => rebuilt(why),
        (Err(error), _) => rebuilt(Some(error)),
    };
    Ok(Restored { replay, view })
}

/// Moves the directory aside and fills a new one: from the first entry on where the journal or
/// an archive has it, else from the snapshot on.
fn rebuild(
    directory: &Path,
    start: &dyn Fn() -> Result<Replay, SnapshotError>,
    segments: &[Segment],
    earlier: Option<Earlier<'_>>,
    why: Option<ViewError>,
) -> Result<(SledView, ViewFound), ViewError> {
    let there = directory.exists();
    let moved_to = set_aside(directory)?;
    let mut view = SledView::open(directory)?;
    let mut replay = start()?;
    let first = replay.position().segments;
    if earlier.is_none() && first > 0 {
        view.begin(&Base::of(&replay.freeze()))?;
    }
    let mut filling = Filling::new(view);
    if let Some(earlier) = earlier {
        replay = Replay::new();
        while replay.position().segments < first {
            let next = earlier(replay.position().segments)?;
            if next.is_empty() {
                return Err(ViewError::NoArchive {
                    from: replay.position().segments,
                });
            }
            for segment in next.iter().take_while(|it| it.sequence < first) {
                filling.push(replay.segment(segment)?, replay.position())?;
            }
        }
    }
    for segment in segments {
        filling.push(replay.segment(segment)?, replay.position())?;
    }
    let view = filling.finish()?;
    let was_missing = matches!(why, Some(ViewError::Behind { found: 0, .. })) || !there;
    let why = why.map_or_else(String::new, |why| why.to_string());
    let found = match was_missing {
        true => ViewFound::Missing,
        false => ViewFound::Rebuilt { why, moved_to },
    };
    Ok((view, found))
}

/// Takes a view that turned out to be damaged away, so that [`restore`] makes it again; it must not
/// be open.
///
/// # Errors
/// If its directory can't be moved.
pub fn set_aside(directory: &Path) -> Result<PathBuf, ViewError> {
    move_aside(directory).map_err(|source| ViewError::Io {
        what: "moved aside",
        source,
    })
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

/// A view that is compared with the journal as far as it reaches, and then extended.
struct Follower {
    view: Filling,
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
            view: Filling::new(view),
            rows,
        })
    }

    fn follow(&mut self, records: Vec<Record>, replay: &Replay) -> Result<(), ViewError> {
        self.rows = self.rows.saturating_add(super::rows_of(&records));
        let position = replay.position();
        if position.segments > self.reached {
            return self.view.push(records, position);
        }
        for record in &records {
            if !self.view.view().holds(record)? {
                let sequence = record.entry.sequence;
                return Err(ViewError::Damaged(format!(
                    "entry {sequence} is not that of the journal"
                )));
            }
        }
        if self.view.view().mark(position)?.is_none() {
            return Err(ViewError::Damaged(
                "its position is not that of the journal".into(),
            ));
        }
        Ok(())
    }

    /// The view, if it has all that the journal has, and nothing else.
    fn finish(self) -> Result<SledView, ViewError> {
        let view = self.view.finish()?;
        let rows = view.rows()?;
        if rows == self.rows {
            Ok(view)
        } else {
            Err(ViewError::Damaged(format!(
                "it has {rows} rows, the journal makes {}",
                self.rows
            )))
        }
    }
}
