//! When a leader's books are written down whole, and how (L12): once enough segments have piled
//! up since the last time, from the books' shadow, beside the loop ([`crate::shadow`]).
//!
//! Nothing is copied: the shadow stands still while the rows are made, and the loop does not. The
//! rows are then written while the shadow goes on. A leader that dies over it leaves parts without
//! a manifest, which mean nothing.

use edugrid_archiver::cluster::Snapshots;
use edugrid_core::Past;
use edugrid_ledger::{Replay, Snapshot};
use tokio::sync::oneshot;

use crate::remembered;

/// Rows between two moments at which others may run.
const ROWS_AT_ONCE: usize = 200;

/// After how much a snapshot is due; whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Segments.
    pub segments: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// What has piled up since the last snapshot, and the one under way.
pub struct Compaction {
    snapshots: Snapshots,
    thresholds: Thresholds,
    segments: u64,
    bytes: u64,
    writing: Option<oneshot::Receiver<bool>>,
}

impl Compaction {
    /// That of books that were read so far after the last snapshot: segments, and bytes of their
    /// payloads.
    pub fn new(
        snapshots: Snapshots,
        thresholds: Thresholds,
        (segments, bytes): (u64, u64),
    ) -> Self {
        Self {
            snapshots,
            thresholds,
            segments,
            bytes,
            writing: None,
        }
    }

    /// One more segment, of so many bytes, is carried out.
    pub fn count(&mut self, bytes: u64) {
        self.segments = self.segments.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether a snapshot is to be begun now.
    pub fn is_due(&mut self) -> bool {
        if let Some(writing) = &mut self.writing {
            match writing.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return false,
                // What could not be written is tried again when as much has piled up anew.
                Ok(_) | Err(oneshot::error::TryRecvError::Closed) => self.writing = None,
            }
        }
        self.segments >= self.thresholds.segments || self.bytes >= self.thresholds.bytes
    }

    /// Makes the rows of the books as they stand there, and begins to write them.
    pub async fn begin(&mut self, books: &Replay, past: &Past) {
        (self.segments, self.bytes) = (0, 0);
        let Some(snapshot) = rows(books, past).await else {
            return;
        };
        let (done, writing) = oneshot::channel();
        let snapshots = self.snapshots.clone();
        self.writing = Some(writing);
        tokio::spawn(async move {
            let is_written = write(&snapshots, &snapshot).await;
            // The shadow is gone only when the process ends.
            let _ = done.send(is_written);
        });
    }
}

/// The snapshot of books and of what was borrowed there; none of books that aren't opened.
async fn rows(books: &Replay, past: &Past) -> Option<Snapshot> {
    let books = books.freeze();
    let mut ledger = Vec::new();
    for (line, number) in books.lines().zip(1_usize..) {
        ledger.extend(line);
        if number.is_multiple_of(ROWS_AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
    books.snapshot(ledger, remembered::to_bytes(past))
}

async fn write(snapshots: &Snapshots, snapshot: &Snapshot) -> bool {
    let sequence = snapshot.manifest().sequence;
    let parts = snapshot.manifest().parts.len();
    match snapshots.write(snapshot).await {
        Ok(()) => {
            tracing::info!(sequence, parts, "a snapshot of the books is written");
            true
        }
        Err(error) => {
            let error = error.to_string();
            tracing::error!(sequence, error, "a snapshot of the books can't be written");
            false
        }
    }
}
