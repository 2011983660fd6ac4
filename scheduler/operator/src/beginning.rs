//! Where the books begin at a start (L12): at the newest snapshot that is whole, else at an
//! older one, else at the first segment. A snapshot that can't be used is told, and never
//! silently passed over: it may be the only copy of what was before it.

use edugrid_archiver::cluster::{ReadSnapshotError, Snapshots};
use edugrid_core::Past;
use edugrid_ledger::{ReadError, Replay, Section, Segment, SegmentStore, Snapshot, SnapshotError};

use crate::{
    journal::ClusterJournal,
    remembered::{self, ForgottenError},
};

/// Segments of one read.
const READ_LIMIT: usize = 64;

/// Where the books begin, and what follows.
pub struct Beginning {
    /// The books there.
    pub replay: Replay,
    /// What was borrowed up to there.
    pub past: Past,
    /// Every segment from there on.
    pub segments: Vec<Segment>,
}

/// Why a snapshot can't be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Read(#[from] ReadSnapshotError),
    #[error(transparent)]
    Rows(#[from] SnapshotError),
    #[error(transparent)]
    Past(#[from] ForgottenError),
}

/// Reads the newest whole snapshot and the segments after it.
///
/// # Errors
/// If the API server does not give them.
pub async fn read(
    journal: &mut ClusterJournal,
    snapshots: &Snapshots,
) -> Result<Beginning, ReadError> {
    let failed = |from: u64, source: kube::Error| ReadError {
        from,
        source: Box::new(source),
    };
    let sequences = snapshots.sequences().await;
    let sequences = sequences.map_err(|error| failed(0, error))?;
    for sequence in sequences.into_iter().rev() {
        match begin(snapshots, sequence).await {
            Ok((replay, past)) => {
                tracing::info!(sequence, "the books begin at a snapshot");
                let segments = read_from(journal, sequence).await?;
                return Ok(Beginning {
                    replay,
                    past,
                    segments,
                });
            }
            Err(error) => {
                let error = error.to_string();
                tracing::error!(
                    sequence,
                    error,
                    "a snapshot can't be used, trying an older one"
                );
            }
        }
    }
    Ok(Beginning {
        replay: Replay::new(),
        past: Past::new(),
        segments: read_from(journal, 0).await?,
    })
}

async fn begin(snapshots: &Snapshots, sequence: u64) -> Result<(Replay, Past), Unusable> {
    let snapshot: Snapshot = snapshots.read(sequence).await?;
    let past = remembered::from_bytes(snapshot.section(Section::Past))?;
    Ok((Replay::resume(&snapshot)?, past))
}

async fn read_from(journal: &mut ClusterJournal, first: u64) -> Result<Vec<Segment>, ReadError> {
    let mut all: Vec<Segment> = Vec::new();
    loop {
        let from = all
            .last()
            .map_or(first, |last| last.sequence.saturating_add(1));
        let page = journal.read(from, READ_LIMIT).await?;
        let is_last = page.len() < READ_LIMIT;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
