//! The journal of a cluster as the archiver sees it: a trait, so that a test can put a cluster
//! in its place that dies in the middle, and the real one.

use std::{collections::BTreeMap, future::Future};

use edugrid_crds::{LedgerSegment, LedgerSnapshotPart};
use edugrid_ledger::{Segment, Snapshot};
use edugrid_translate::segment;
use kube::{
    Api, Client, Error,
    api::{DeleteParams, ListParams},
};

use crate::cluster::{ReadSnapshotError, Snapshots};

/// Why the cluster can't be read, or something in it not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A request failed.
    #[error("the api server does not do what was asked")]
    Request(#[from] Error),
    /// A segment object that isn't one.
    #[error("segment object {name} can't be read: {why}")]
    Unreadable {
        /// The object.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A snapshot that can't be used.
    #[error(transparent)]
    Snapshot(ReadSnapshotError),
}

impl From<ReadSnapshotError> for JournalError {
    fn from(error: ReadSnapshotError) -> Self {
        match error {
            // Only a part that isn't there says something of the snapshot.
            ReadSnapshotError::Request { source, .. } if !is_absent(&source) => {
                Self::Request(*source)
            }
            error => Self::Snapshot(error),
        }
    }
}

fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}

/// What the archiver asks of a cluster.
///
/// Contract: what is deleted is gone when the call returns, also where it was gone before.
pub trait Journal {
    /// The segment with that sequence; `None`: it isn't there.
    fn segment(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<Option<Segment>, JournalError>> + Send;

    /// The lowest sequence that is there.
    fn first(&self) -> impl Future<Output = Result<Option<u64>, JournalError>> + Send;

    /// The names of all parts of snapshots, by sequence.
    fn parts(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<u64, Vec<String>>, JournalError>> + Send;

    /// A snapshot.
    fn snapshot(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<Snapshot, JournalError>> + Send;

    /// Deletes a segment.
    fn delete_segment(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Deletes a part of a snapshot.
    fn delete_part(&self, name: &str) -> impl Future<Output = Result<(), JournalError>> + Send;
}

/// The journal of a real cluster.
#[derive(Clone)]
pub struct ClusterJournal {
    segments: Api<LedgerSegment>,
    parts: Api<LedgerSnapshotPart>,
    snapshots: Snapshots,
}

impl ClusterJournal {
    /// That of the cluster that `client` speaks to.
    pub fn new(client: Client) -> Self {
        Self {
            segments: Api::all(client.clone()),
            parts: Api::all(client.clone()),
            snapshots: Snapshots::new(client),
        }
    }
}

impl Journal for ClusterJournal {
    async fn segment(&self, sequence: u64) -> Result<Option<Segment>, JournalError> {
        let found = self.segments.get_opt(&name(sequence)).await?;
        found.as_ref().map(read).transpose()
    }

    async fn first(&self) -> Result<Option<u64>, JournalError> {
        let page = self
            .segments
            .list_metadata(&ListParams::default().limit(1))
            .await?;
        let first = page.items.into_iter().next();
        let name = first.and_then(|it| it.metadata.name).unwrap_or_default();
        Ok(name.parse().ok())
    }

    async fn parts(&self) -> Result<BTreeMap<u64, Vec<String>>, JournalError> {
        Ok(self.snapshots.names().await?)
    }

    async fn snapshot(&self, sequence: u64) -> Result<Snapshot, JournalError> {
        Ok(self.snapshots.read(sequence).await?)
    }

    async fn delete_segment(&self, sequence: u64) -> Result<(), JournalError> {
        gone(
            self.segments
                .delete(&name(sequence), &DeleteParams::default())
                .await,
        )
    }

    async fn delete_part(&self, name: &str) -> Result<(), JournalError> {
        gone(self.parts.delete(name, &DeleteParams::default()).await)
    }
}

fn name(sequence: u64) -> String {
    format!("{sequence:020}")
}

fn read(object: &LedgerSegment) -> Result<Segment, JournalError> {
    segment::segment(object).map_err(|why| JournalError::Unreadable {
        name: object.metadata.name.clone().unwrap_or_default(),
        why: why.to_string(),
    })
}

fn gone<T>(deleted: kube::Result<T>) -> Result<(), JournalError> {
    match deleted {
        Err(Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => Ok(deleted.map(drop)?),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn only_a_part_that_is_not_there_makes_a_snapshot_false() {
        let of = |code| {
            let status = Status::failure("no", "No").with_code(code);
            let source = Box::new(Error::Api(status.boxed()));
            let name = "one".to_owned();
            JournalError::from(ReadSnapshotError::Request { name, source })
        };
        assert!(matches!(of(404), JournalError::Snapshot(_)));
        for code in [403, 429, 500, 504] {
            assert!(matches!(of(code), JournalError::Request(_)), "{code}");
        }
    }
}
