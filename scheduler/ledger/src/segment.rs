//! A segment: what becomes durable at once, and where segments are kept (L12).
//!
//! In a cluster a segment is a `LedgerSegment` object, alone it is a record of a
//! [`FileJournal`](crate::FileJournal). Both hold the same payload.

use std::future::Future;

use crate::{
    chain::Digest,
    wire::{self, WireError},
};

/// The largest payload, in bytes before any base64 (L12).
pub const PAYLOAD_BYTES_MAX: usize = 512 * 1024;

/// How the payload is written: lines as [`Line`](crate::Line) says, not compressed.
pub const CODEC: &str = "lines.v1";

/// One durable step of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 0 without a gap; in a cluster also its name.
    pub sequence: u64,
    /// The epoch of the leader that wrote it; 0 only where segment 0 just opens the book.
    pub epoch: u64,
    /// The leader's own mark: the `writer` of its `Epoch` command.
    pub nonce: String,
    /// How the payload is written.
    pub codec: String,
    /// The hash before the first entry: the head of the chain up to here.
    pub previous: Digest,
    /// The entries; at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Vec<u8>,
}

impl Segment {
    /// The name that a `LedgerSegment` bears: 20 digits.
    pub fn name(&self) -> String {
        format!("{:020}", self.sequence)
    }

    /// The lines of the payload. `None` if it doesn't end with a line feed.
    pub(crate) fn lines(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let lines = self.payload.strip_suffix(b"\n")?;
        Some(lines.split(|byte| *byte == b'\n'))
    }

    /// Header and payload as one run of bytes, for stores that have no fields.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Adds header and payload.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let header = wire::canonical(&self.header());
        out.reserve_exact(
            header
                .len()
                .saturating_add(self.payload.len())
                .saturating_add(1),
        );
        out.extend_from_slice(&header);
        out.push(b'\n');
        out.extend_from_slice(&self.payload);
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made, in that spelling only.
    ///
    /// # Errors
    /// If the header isn't one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (header, payload) = end
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or(WireError::Missing("header"))?;
        let Header {
            sequence,
            epoch,
            nonce,
            codec,
            previous,
        } = wire::read(header)?;
        let segment = Self {
            sequence,
            epoch,
            nonce,
            codec,
            previous,
            payload: payload.strip_prefix(b"\n").unwrap_or_default().to_vec(),
        };
        if wire::canonical(&segment.header()) == header {
            Ok(segment)
        } else {
            Err(WireError::NotCanonical)
        }
    }

    fn header(&self) -> Header {
        Header {
            sequence: self.sequence,
            epoch: self.epoch,
            nonce: self.nonce.clone(),
            codec: self.codec.clone(),
            previous: self.previous,
        }
    }
}

pub(crate) struct Header {
    pub sequence: u64,
    pub epoch: u64,
    pub nonce: String,
    pub codec: String,
    pub previous: Digest,
}

/// Where segments are kept.
///
/// Guarantees: when [`append`](Self::append) says `Ok`, the segment is durable, and no
/// other writer's segment has its sequence. Segments are only ever appended.
/// Assumptions: one append at a time, each with the sequence after the last.
/// Errors: after [`AppendError::Lost`] another writer leads; step down. After
/// [`AppendError::Unknown`] the segment may be durable or not; only reading tells, so
/// throw the books away and rebuild them from here.
pub trait SegmentStore {
    /// Makes a segment durable.
    fn append(&mut self, segment: &Segment)
    -> impl Future<Output = Result<(), AppendError>> + Send;

    /// Reads at most `limit` segments from sequence `from` on, in order; fewer only
    /// where there are no more.
    fn read(
        &mut self,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Segment>, ReadError>> + Send;
}

/// Why a segment isn't known to be durable.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer has written this sequence.
    #[error("segment {sequence} was written by another leader")]
    Lost {
        /// The sequence.
        sequence: u64,
    },
    /// It can't be known whether it is durable.
    #[error("segment {sequence} may or may not be written")]
    Unknown {
        /// The sequence.
        sequence: u64,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was refused before anything was written.
    #[error("segment {sequence} was not written: {why}")]
    Refused {
        /// The sequence.
        sequence: u64,
        /// Why.
        why: String,
    },
}

/// Why segments can't be read.
#[derive(Debug, thiserror::Error)]
#[error("segments from {from} on can't be read")]
pub struct ReadError {
    /// The first sequence that was asked for.
    pub from: u64,
    /// What went wrong.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
