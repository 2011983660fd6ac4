//! Books and view from the journal, in one pass; the view is made again where it is
//! missing, damaged or of another journal (L12). Moves directories, logs nothing: what
//! was found is a value.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use super::{HistoryView, SledView, ViewError};
use crate::{
    books::Books,
    entry::{Entry, Record},
    replay::{Damage, Replay},
    segment::Segment,
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
    /// Not even a new view can be made.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// Replays a journal into books and into the view in `directory`; `each` is shown every entry
/// once, in order.
///
/// # Errors
/// If the journal is damaged, or if a new view can't be made.
pub fn restore(
    directory: &Path,
    segments: &[Segment],
    mut each: impl FnMut(&Entry),
) -> Result<Restored, RestoreError> {
    let (mut follower, mut why) = match SledView::open(directory).and_then(Follower::new) {
        Ok(follower) => (Some(follower), None),
        Err(error) => (None, Some(error)),
    };
    let mut replay = Replay::new();
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
    let books = replay.finish();
    let was_there = follower.as_ref().is_some_and(|it| it.reached > 0);
    let finished = follower.map(Follower::finish).transpose();
    let (view, found) = match (finished, why) {
        (Ok(Some(view)), _) if was_there => (view, ViewFound::Kept),
        (Ok(Some(view)), _) => (view, ViewFound::Missing),
        (Ok(None), why) => rebuild(directory, segments, why)?,
        (Err(error), _) => rebuild(directory, segments, Some(error))?,
    };
    Ok(Restored { books, view, found })
}

/// Moves the directory aside and fills a new one.
fn rebuild(
    directory: &Path,
    segments: &[Segment],
    why: Option<ViewError>,
) -> Result<(SledView, ViewFound), RestoreError> {
    let moved_to = move_aside(directory).map_err(|source| ViewError::Io {
        what: "moved aside",
        source,
    })?;
    let mut view = SledView::open(directory)?;
    let mut replay = Replay::new();
    for segment in segments {
        let records = replay.segment(segment)?;
        view.append(&records, replay.position())?;
    }
    let why = why.map_or_else(String::new, |why| why.to_string());
    Ok((view, ViewFound::Rebuilt { why, moved_to }))
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
    view: SledView,
    /// How far the view reached when it was opened.
    reached: u64,
    rows: usize,
}

impl Follower {
    fn new(view: SledView) -> Result<Self, ViewError> {
        Ok(Self {
            reached: view.position()?.segments,
            view,
            rows: 0,
        })
    }

    fn follow(&mut self, records: &[Record], replay: &Replay) -> Result<(), ViewError> {
        for record in records {
            let keys = record
                .tenants
                .len()
                .saturating_add(usize::from(record.job.is_some()));
            self.rows = self.rows.saturating_add(keys).saturating_add(1);
        }
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
        if position.segments == self.reached && self.view.position()? != position {
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
