//! The journal in the cluster: a batch is a `LedgerSegment`, created only (L12).
//!
//! Contract: `append` returns when the segment is durable in etcd, or
//! when it is certain that another leader has written that sequence number. Between the
//! two it asks again for ever; the caller drops it when the lease is lost. The nonce tells
//! our own segment again when an answer was lost.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_crds::{LedgerSegment, LedgerSegmentSpec};
use edugrid_ledger::{AppendError, Digest, ReadError, Segment, SegmentStore};
use kube::{
    Api, Client, Error,
    api::{ListParams, PostParams},
    core::ObjectMeta,
};

/// Segments of one page: at most 16 × 700 kB.
const PAGE: usize = 16;
/// Between tries when the API server does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// Why a segment object can't be read.
#[derive(Debug, thiserror::Error)]
#[error("segment object {name} can't be read: {what}")]
pub struct Unreadable {
    /// The object.
    name: String,
    /// What is wrong with it.
    what: String,
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

    /// Whether the segment that has this number is this very one.
    async fn is_own(&self, segment: &Segment) -> bool {
        loop {
            match self.api.get(&segment.name()).await {
                Ok(there) => return there.spec.nonce == segment.nonce,
                Err(error) => {
                    tracing::warn!(%error, "segment not readable yet, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl SegmentStore for ClusterJournal {
    async fn append(&mut self, segment: &Segment) -> Result<(), AppendError> {
        let sequence = segment.sequence;
        let refused = |why: String| AppendError::Refused { sequence, why };
        let object = to_object(segment).map_err(|error| refused(error.to_string()))?;
        loop {
            match self.api.create(&PostParams::default(), &object).await {
                Ok(_) => return Ok(()),
                Err(Error::Api(status)) if status.code == 409 => {
                    let own = self.is_own(segment).await;
                    return if own {
                        Ok(())
                    } else {
                        Err(AppendError::Lost { sequence })
                    };
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
                let segment = from_object(object).map_err(|error| failed(Box::new(error)))?;
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

fn to_object(segment: &Segment) -> Result<LedgerSegment, Unreadable> {
    let name = segment.name();
    let number = |number: u64| {
        i64::try_from(number).map_err(|_| Unreadable {
            name: name.clone(),
            what: format!("{number} is above what an object can hold"),
        })
    };
    let spec = LedgerSegmentSpec {
        sequence: number(segment.sequence)?,
        epoch: number(segment.epoch)?,
        nonce: segment.nonce.clone(),
        codec: segment.codec.clone(),
        previous: segment.previous.to_string(),
        payload: BASE64.encode(&segment.payload),
    };
    Ok(LedgerSegment {
        metadata: ObjectMeta {
            name: Some(name),
            ..ObjectMeta::default()
        },
        spec,
    })
}

fn from_object(object: LedgerSegment) -> Result<Segment, Unreadable> {
    let name = object.metadata.name.unwrap_or_default();
    let unreadable = |what: String| Unreadable {
        name: name.clone(),
        what,
    };
    let number = |field: &str, number: i64| {
        u64::try_from(number).map_err(|_| unreadable(format!("{field} is negative")))
    };
    let spec = object.spec;
    let segment = Segment {
        sequence: number("spec.sequence", spec.sequence)?,
        epoch: number("spec.epoch", spec.epoch)?,
        nonce: spec.nonce,
        codec: spec.codec,
        previous: Digest::parse(&spec.previous)
            .ok_or_else(|| unreadable("spec.previous is no hash".into()))?,
        payload: BASE64
            .decode(&spec.payload)
            .map_err(|error| unreadable(format!("spec.payload is not base64: {error}")))?,
    };
    if segment.name() != name {
        return Err(unreadable(format!("spec.sequence is {}", segment.sequence)));
    }
    Ok(segment)
}
