//! The local view on its disk, with the witness beside it that is always told first. Whatever the
//! disk does, the books go on: entries wait in memory, and a view that can't be made is tried again.

use std::path::{Path, PathBuf};

use edugrid_ledger::{
    Backlog, HistoryView, Known, Position, RealDisk, Record, SledView, ViewError, ViewFound,
    Witness, set_aside,
};

use crate::{machine::Machine, metrics::Metrics};

/// Entries after which the view is handed to the disk: what a crash may take of it.
const FLUSH_EVERY_ENTRIES: usize = 1000;

/// Entries of one segment, and where the books end with it.
pub type Carried = (Vec<Record>, Position);

/// See the module.
pub struct Keeping {
    directory: PathBuf,
    machine: Machine,
    metrics: Metrics,
    witness: Witness,
    known: Known,
    view: Option<Backlog>,
    unflushed: usize,
}

impl Keeping {
    /// That of the view in a directory, of which so much is known.
    pub fn new(directory: &Path, machine: Machine, metrics: Metrics, known: Known) -> Self {
        Self {
            witness: Witness::new(RealDisk, directory),
            directory: directory.to_owned(),
            machine,
            metrics,
            known,
            view: None,
            unflushed: 0,
        }
    }

    /// Where the view is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How far the view reaches for sure; `None` where there is none.
    pub fn reached(&self) -> Option<Position> {
        Some(self.known.view).filter(|position| *position != Position::START)
    }

    /// Notes how far the journal reaches. `false`: the view may not be told of it.
    fn note(&mut self, journal: Position) -> bool {
        self.known.journal = journal;
        match self.witness.write(&self.known) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "how far the journal reaches can't be noted beside the local view");
                false
            }
        }
    }

    /// Notes again what is known. `false`: the view may not be told anything.
    pub fn note_again(&mut self) -> bool {
        self.note(self.known.journal)
    }

    /// Takes the note away: it knows less than the view. The next start asks the view itself.
    pub fn forget_note(&self) {
        if let Err(error) = self.witness.remove() {
            tracing::error!(%error, "the note beside the local view can't be removed");
        }
    }

    /// A view that was made, in step with the journal.
    pub fn put(&mut self, view: SledView, found: &ViewFound) {
        match found {
            ViewFound::Missing => tracing::info!("the local view was made from the journal"),
            ViewFound::Kept => tracing::info!("the local view was there"),
            ViewFound::Rebuilt { why, moved_to } => tracing::warn!(
                why,
                ?moved_to,
                "the local view was damaged and is made again"
            ),
        }
        self.view = Some(Backlog::new((self.machine.disk)(view)));
        self.flush();
    }

    /// The view is not the one that is to be told.
    pub fn drop_view(&mut self) {
        self.view = None;
    }

    /// The view is damaged, as somebody found who read it: it is taken away.
    pub fn discard(&mut self) {
        self.view = None;
        match set_aside(&self.directory) {
            Ok(moved_to) => tracing::error!(?moved_to, "the local view is damaged"),
            Err(error) => tracing::error!(%error, "the damaged local view can't be moved"),
        }
    }

    /// Whether entries wait for its disk.
    pub fn waits(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.waiting() > 0)
    }

    /// Whether there is one.
    pub fn has_view(&self) -> bool {
        self.view.is_some()
    }

    /// The view, if it is at that place.
    pub fn at(&self, position: Position) -> Option<&Backlog> {
        let view = self.view.as_ref()?;
        (view.position().ok()? == position).then_some(view)
    }

    /// Takes entries that follow what it has.
    pub fn append(&mut self, carried: &[Carried]) {
        let Some((_, end)) = carried.last() else {
            return;
        };
        let may_tell = self.note(*end);
        let Some(view) = &mut self.view else { return };
        for (records, after) in carried {
            let result = match may_tell {
                true => view.append(records, *after),
                false => view.keep(records, *after),
            };
            if let Err(error) = result {
                tracing::error!(%error, "the local view can't be written, its entries are kept in memory");
            }
            self.unflushed = self.unflushed.saturating_add(records.len());
        }
        if !view.position().is_ok_and(|position| position == *end) {
            tracing::error!("the local view is out of step and is made again");
            self.view = None;
        } else if self.unflushed >= FLUSH_EVERY_ENTRIES {
            self.flush();
        }
        self.count();
    }

    /// Offers the view what its disk did not take.
    pub fn catch_up(&mut self) {
        if self.waits() && self.note_again() {
            let offered = self.view.as_mut().map_or(Ok(()), Backlog::catch_up);
            if offered.is_ok() {
                tracing::info!("the local view is written again");
            }
        }
        self.count();
    }

    /// Hands the view to the disk, and notes how far that is.
    pub fn flush(&mut self) {
        self.unflushed = 0;
        let Some(view) = &mut self.view else { return };
        let flushed = view.flush().and_then(|()| view.position());
        match flushed {
            Ok(position) => {
                self.known.view = position;
                self.note_again();
            }
            Err(error) => tracing::warn!(%error, "the local view can't be handed to the disk"),
        }
    }

    fn count(&self) {
        let waiting = self.view.as_ref().map_or(0, Backlog::waiting);
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.metrics.view_backlog.set(waiting);
    }
}

/// Why there is no view, in words for who asks it.
pub fn absent(error: &ViewError) -> String {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "no local view can be made, it is tried again"
    );
    format!("it can't be made: {error}")
}
