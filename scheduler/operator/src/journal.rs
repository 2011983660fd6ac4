//! The journal in the cluster: a batch is a `LedgerSegment`, created only (L12).
//!
//! Contract: `append` returns when the segment is durable in etcd, or
//! when it is certain that another leader has written that sequence number. Between the
//! two it asks again for ever; the caller drops it when the lease is lost. The nonce tells
//! our own segment again when an answer was lost.
//!
//! A number is free again once its segment is archived and deleted, so a leader that slept for
//! long enough creates one far behind all others, and is told that it stands. Such a stray is
//! known by what isn't before it (design 0012, R16), and is the sign to step down.

use std::time::Duration;

use edugrid_crds::LedgerSegment;
use edugrid_ledger::{AppendError, ReadError, Segment, SegmentStore};
use edugrid_translate::segment::{self, BadSegment, object};
use kube::{
    Api, Client, Error,
    api::{ListParams, PostParams},
};

/// Segments of one page: at most 16 × 700 kB.
const PAGE: usize = 16;
/// Between tries when the API server does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// A segment object that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("segment object {name} can't be read: {why}")]
pub struct Unreadable {
    /// The object.
    name: String,
    /// What is wrong with it.
    #[source]
    why: BadSegment,
}

/// Where a list goes on.
#[derive(Clone)]
struct Cursor {
    next: u64,
    token: String,
}

/// The segments of this cluster.
#[derive(Clone)]
pub struct ClusterJournal {
    api: Api<LedgerSegment>,
    cursor: Option<Cursor>,
}

impl ClusterJournal {
    /// The journal of the cluster that `client` speaks to.
    pub fn new(client: Client) -> Self {
        Self {
            api: Api::all(client),
            cursor: None,
        }
    }

    /// Makes a segment durable, wherever in the journal it belongs: for who brings back what was archived.
    ///
    /// # Errors
    /// If the number has another segment, or this one is refused.
    pub async fn put(&self, segment: &Segment) -> Result<(), AppendError> {
        let sequence = segment.sequence;
        let refused = |why: String| AppendError::Refused { sequence, why };
        let object = object(segment).map_err(|error| refused(error.to_string()))?;
        loop {
            match self.api.create(&PostParams::default(), &object).await {
                Ok(_) => return Ok(()),
                Err(Error::Api(status)) if status.code == 409 => {
                    match self.is_own(segment).await {
                        Some(true) => return Ok(()),
                        Some(false) => return Err(AppendError::Lost { sequence }),
                        // Somebody took it away against every policy: the number is free.
                        None => tokio::time::sleep(RETRY).await,
                    }
                }
                Err(Error::Api(status)) if matches!(status.code, 400 | 403 | 413 | 422) => {
                    return Err(refused(status.message.clone()));
                }
                Err(error) => {
                    tracing::warn!(sequence, %error, "segment not written yet, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Whether a segment that was just created continues the journal. Segments are deleted in their order and never the
    /// last one, so the one before is there unless this number had been deleted before; beside a segment 0 that opens
    /// the book there is none.
    async fn continues(&self, sequence: u64) -> bool {
        loop {
            let found = match sequence.checked_sub(1) {
                Some(before) => {
                    let before = self.api.get_metadata_opt(&name(before)).await;
                    before.map(|before| before.is_some())
                }
                None => {
                    let two = ListParams::default().limit(2);
                    let listed = self.api.list_metadata(&two).await;
                    listed.map(|listed| listed.items.len() < 2)
                }
            };
            match found {
                Ok(found) => return found,
                Err(error) => {
                    tracing::warn!(sequence, %error, "what is before a segment is not readable yet, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Whether the segment that has this number is this very one; `None` if it is gone again.
    async fn is_own(&self, segment: &Segment) -> Option<bool> {
        loop {
            match self.api.get_opt(&segment.name()).await {
                Ok(there) => return Some(there?.spec.nonce == segment.nonce),
                Err(error) => {
                    tracing::warn!(%error, "segment not readable yet, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// The name of a segment.
fn name(sequence: u64) -> String {
    format!("{sequence:020}")
}

impl SegmentStore for ClusterJournal {
    async fn append(&mut self, segment: &Segment) -> Result<(), AppendError> {
        self.put(segment).await?;
        let sequence = segment.sequence;
        if self.continues(sequence).await {
            return Ok(());
        }
        let nonce = &segment.nonce;
        tracing::error!(
            sequence,
            nonce,
            "others have written, archived and deleted this segment: this leader slept, its own is a stray"
        );
        Err(AppendError::Lost { sequence })
    }

    /// Pages through a list, in the order of names, which is that of sequences. Reading on
    /// where the last page ended costs one request, any other place a list from the start.
    async fn read(&mut self, from: u64, limit: usize) -> Result<Vec<Segment>, ReadError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReadError { from, source };
        let mut segments = Vec::new();
        let mut token = match self.cursor.take() {
            Some(Cursor { next, token }) if next == from => Some(token),
            Some(_) | None => None,
        };
        loop {
            let room = limit.saturating_sub(segments.len()).min(PAGE);
            if room == 0 {
                break;
            }
            let mut params = ListParams::default().limit(u32::try_from(room).unwrap_or(1));
            params.continue_token = token.take();
            let page = self
                .api
                .list(&params)
                .await
                .map_err(|error| failed(Box::new(error)))?;
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            for object in page.items {
                let segment = segment::segment(&object).map_err(|why| {
                    let name = object.metadata.name.clone().unwrap_or_default();
                    failed(Box::new(Unreadable { name, why }))
                })?;
                if segment.sequence >= from {
                    segments.push(segment);
                }
            }
            if token.is_none() {
                break;
            }
        }
        if let (Some(token), Some(last)) = (token, segments.last()) {
            self.cursor = Some(Cursor {
                next: last.sequence.saturating_add(1),
                token,
            });
        }
        Ok(segments)
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
