//! What statements and job histories are read from: entries by number, by tenant and
//! month, and by job. A view, never the truth: it can be made again from the journal at
//! any time (L12).

mod backlog;
mod base;
mod filling;
mod memory;
mod restore;
mod sled_view;
mod witness;

pub use backlog::Backlog;
pub use base::Base;
pub use memory::MemoryView;
pub use restore::{Earlier, RestoreError, Restored, Rewound, ViewFound, restore, set_aside};
pub use sled_view::SledView;
pub use witness::{Known, Sight, Witness, look};

use edugrid_units::{JobUid, TenantName};

use crate::{
    books::Position,
    calendar::Month,
    entry::{Entry, Record},
    replay::Damage,
    segment::ReadError,
    snapshot::SnapshotError,
};

/// Why a view can't answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Something in it isn't as it was written: make it again by [`restore`].
    #[error("the view is damaged ({0}) and must be made again from the journal")]
    Damaged(String),
    /// It follows another journal, or another part of this one.
    #[error("the view stands at entry {found} and was given entry {given}")]
    OutOfStep {
        /// The entry that it expects next.
        found: u64,
        /// The entry that it was given.
        given: u64,
    },
    /// It ends before the snapshot with which the journal begins.
    #[error("the view ends before entry {found}, the journal begins with entry {start}")]
    Behind {
        /// The entry that it expects next.
        found: u64,
        /// The journal's first.
        start: u64,
    },
    /// It begins with a snapshot, and was asked for what is older.
    #[error(
        "entries before {first} are not in the view, which was made from a snapshot: give the operator the archive (--archive-dir) and start it with its data directory empty"
    )]
    NeedsArchive {
        /// The first month that it has whole.
        first: Month,
    },
    /// The archive lacks what it was asked for.
    #[error("the archive ends before segment {from}")]
    NoArchive {
        /// The first segment that isn't there.
        from: u64,
    },
    /// Earlier segments can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Earlier segments aren't as they were written.
    #[error("it can't be made from the segments")]
    Journal(#[from] Damage),
    /// Its beginning can't be read.
    #[error("it can't begin at the snapshot")]
    Snapshot(#[from] SnapshotError),
    /// Its disk has taken nothing for too long.
    #[error("{max} entries wait for the view's disk, the most that are kept")]
    Full {
        /// How many that is.
        max: usize,
    },
    /// Its directory can't be used.
    #[error("the view's directory can't be {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
}

/// Entries, found by what people ask for.
///
/// Guarantees: an append is visible in whole or not at all, together with its position.
/// Walks go in the order of the entries' numbers within a month, and of months.
/// Errors: [`ViewError::Damaged`] may come from any call; the books and the journal are
/// not concerned.
pub trait HistoryView {
    /// How far it reaches.
    ///
    /// # Errors
    /// If the view is damaged.
    fn position(&self) -> Result<Position, ViewError>;

    /// What it begins with, where that isn't the journal's first entry.
    fn base(&self) -> Option<&Base> {
        None
    }

    /// Takes the entries of a durable batch, which must follow what it has.
    ///
    /// # Errors
    /// If they don't follow, or the view is damaged; then nothing was taken.
    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError>;

    /// Hands all that was appended to the disk, so that no crash takes it away again.
    ///
    /// # Errors
    /// If the view is damaged, or the disk takes nothing.
    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(())
    }

    /// The entry with that number.
    ///
    /// # Errors
    /// If the view is damaged.
    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError>;

    /// Walks the entries that count in a tenant's statements up to and with `until`.
    ///
    /// # Errors
    /// If the view is damaged, or what `visit` says.
    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError>;

    /// The entries about a job.
    ///
    /// # Errors
    /// If the view is damaged.
    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError>;
}

/// The rows that entries take in a view: one each, one per tenant, one for the job.
fn rows_of(records: &[Record]) -> u64 {
    let rows = records.iter().map(|record| {
        let keys = record.tenants.len();
        let keys = keys.saturating_add(usize::from(record.job.is_some()));
        u64::try_from(keys).unwrap_or(u64::MAX).saturating_add(1)
    });
    rows.fold(0, u64::saturating_add)
}

/// Whether a batch follows what a view has.
fn check_step(has: Position, records: &[Record], after: Position) -> Result<(), ViewError> {
    let given = records.first().map_or(0, |record| record.entry.sequence);
    let follows = records.last().is_some_and(|last| {
        has.entries == given
            && has.segments.checked_add(1) == Some(after.segments)
            && last.entry.sequence.checked_add(1) == Some(after.entries)
            && last.hash == after.head
    });
    if follows {
        Ok(())
    } else {
        Err(ViewError::OutOfStep {
            found: has.entries,
            given,
        })
    }
}
