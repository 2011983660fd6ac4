//! The two small files: how far an archive reaches, and whose it is.

use edugrid_units::Stamp;

use crate::{books::Position, chain::Digest};

/// How far an archive reaches: the head of the chain, published outside of etcd, so that a
/// restored etcd is noticed (L12). Written again every few seconds, so that it is also the
/// heartbeat of who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The book's id.
    pub book: String,
    /// Segments: also the sequence of the first that isn't there.
    pub segments: u64,
    /// Entries.
    pub entries: u64,
    /// The hash of the last one.
    pub head: Digest,
    /// The cluster from which it is written: the UID of its namespace `kube-system`.
    pub cluster: String,
    /// When, in real time.
    pub written_at: Stamp,
}

impl Head {
    /// As a place in the journal.
    pub fn position(&self) -> Position {
        Position {
            segments: self.segments,
            entries: self.entries,
            head: self.head,
        }
    }
}

/// Which cluster may write an archive, and go on with its book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The UID of its namespace `kube-system`.
    pub cluster: String,
    /// Since when, in real time.
    pub since: Stamp,
    /// From which cluster it was taken over by a restore.
    pub before: Option<String>,
}
