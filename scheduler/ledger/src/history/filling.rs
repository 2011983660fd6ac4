//! A view that is filled with very many entries: several batches at once, since most of what one
//! costs sled does not depend on how large it is.

use super::{HistoryView, SledView, ViewError};
use crate::{books::Position, entry::Record};

/// Entries that go into the view at once.
const AT_ONCE: usize = 1000;

/// See the module.
pub(super) struct Filling {
    view: SledView,
    waiting: Vec<(Vec<Record>, Position)>,
    entries: usize,
}

impl Filling {
    /// Of that view.
    pub(super) fn new(view: SledView) -> Self {
        Self {
            view,
            waiting: Vec::new(),
            entries: 0,
        }
    }

    /// The view, without what waits.
    pub(super) fn view(&self) -> &SledView {
        &self.view
    }

    /// Takes the entries of a durable batch, which must follow what was taken before.
    pub(super) fn push(&mut self, records: Vec<Record>, after: Position) -> Result<(), ViewError> {
        self.entries = self.entries.saturating_add(records.len());
        self.waiting.push((records, after));
        if self.entries < AT_ONCE {
            return Ok(());
        }
        self.pour()
    }

    /// The view with all that was taken, on the disk.
    pub(super) fn finish(mut self) -> Result<SledView, ViewError> {
        self.pour()?;
        self.view.flush()?;
        Ok(self.view)
    }

    fn pour(&mut self) -> Result<(), ViewError> {
        self.entries = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let batches: Vec<_> = waiting
            .iter()
            .map(|(records, after)| (records.as_slice(), *after))
            .collect();
        self.view.append_all(&batches)
    }
}
