//! Where the books begin at a start (L12): at the newest snapshot that is whole and that the
//! local view has reached, since a crash may have taken the view's last entries; else at
//! another one, else at the first segment. A snapshot that can't be used is told, and never
//! silently passed over: it may be the only copy of what was before it.

use edugrid_archiver::cluster::{ReadSnapshotError, Snapshots};
use edugrid_core::Past;
use edugrid_ledger::{
    Position, ReadError, Replay, Section, Segment, SegmentStore, Snapshot, SnapshotError,
};

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
    /// The snapshot that says so; none: there was nothing before.
    pub snapshot: Option<Snapshot>,
    /// Every segment from there on.
    pub segments: Vec<Segment>,
    /// Those before that are still there: what a lost view is made of, after the archive's where the first ones are not.
    pub before: Vec<Segment>,
    /// The first segment that is there, and how large each payload is from there on.
    pub live: (u64, Vec<u64>),
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

/// Reads the newest whole snapshot that `view`, how far the local view reaches, can be
/// continued from; where there is none, the newest of all. And the segments.
///
/// # Errors
/// If the API server does not give them.
pub async fn read(
    journal: &mut ClusterJournal,
    snapshots: &Snapshots,
    view: Option<Position>,
) -> Result<Beginning, ReadError> {
    let sequences = snapshots.sequences().await.map_err(|error| ReadError {
        from: 0,
        source: Box::new(error),
    })?;
    let mut segments = read_all(journal).await?;
    let unbroken = unbroken(&segments);
    let reached = view.map_or(u64::MAX, |view| view.segments);
    let (near, far): (Vec<u64>, Vec<u64>) = sequences.into_iter().partition(|it| {
        let follows = unbroken.is_none_or(|first| first <= *it);
        follows && *it <= reached
    });
    for sequence in near.into_iter().rev().chain(far.into_iter().rev()) {
        match begin(snapshots, sequence).await {
            Ok((snapshot, replay, past)) => {
                tracing::info!(sequence, "the books begin at a snapshot");
                if unbroken.is_some_and(|first| first <= sequence) {
                    leave_strays(&mut segments, unbroken);
                }
                let live = live(&segments, sequence);
                let place = segments.partition_point(|it| it.sequence < sequence);
                let tail = segments.split_off(place);
                return Ok(Beginning {
                    replay,
                    past,
                    snapshot: Some(snapshot),
                    segments: tail,
                    before: segments,
                    live,
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
        snapshot: None,
        live: live(&segments, 0),
        segments,
        before: Vec::new(),
    })
}

/// Drops and tells what lies below a hole and is needed by nobody, since a snapshot after the hole stands for it: what a
/// leader that slept has created under numbers that were free again (R16). The archiver deletes it.
fn leave_strays(segments: &mut Vec<Segment>, unbroken: Option<u64>) {
    let first = unbroken.unwrap_or(0);
    let place = segments.partition_point(|it| it.sequence < first);
    for stray in segments.drain(..place) {
        let (sequence, epoch, nonce) = (stray.sequence, stray.epoch, stray.nonce);
        tracing::error!(
            sequence,
            epoch,
            nonce,
            first,
            "a stray segment far below the first one is passed over"
        );
    }
}

/// The first of these segments, or `next` where there is none, and the sizes of all.
fn live(segments: &[Segment], next: u64) -> (u64, Vec<u64>) {
    let size = |it: &Segment| u64::try_from(it.payload.len()).unwrap_or(u64::MAX);
    let first = segments.first().map_or(next, |it| it.sequence);
    (first, segments.iter().map(size).collect())
}

/// The lowest sequence from which on no segment is missing.
fn unbroken(segments: &[Segment]) -> Option<u64> {
    let mut from = None;
    for segment in segments.iter().rev() {
        if from.is_some_and(|from| segment.sequence.checked_add(1) != Some(from)) {
            break;
        }
        from = Some(segment.sequence);
    }
    from
}

async fn begin(snapshots: &Snapshots, sequence: u64) -> Result<(Snapshot, Replay, Past), Unusable> {
    let snapshot: Snapshot = snapshots.read(sequence).await?;
    let past = remembered::from_bytes(snapshot.section(Section::Past))?;
    let replay = Replay::resume(&snapshot)?;
    Ok((snapshot, replay, past))
}

/// All segments that are there.
///
/// # Errors
/// If the API server does not give them.
pub async fn read_all(journal: &mut ClusterJournal) -> Result<Vec<Segment>, ReadError> {
    let mut all: Vec<Segment> = Vec::new();
    loop {
        let from = all.last().map_or(0, |last| last.sequence.saturating_add(1));
        let page = journal.read(from, READ_LIMIT).await?;
        let is_last = page.len() < READ_LIMIT;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_ledger::Digest;

    fn segments(all: &[u64]) -> Vec<Segment> {
        let segment = |sequence: &u64| Segment {
            sequence: *sequence,
            epoch: 1,
            nonce: "n".into(),
            codec: "c".into(),
            previous: Digest([0; 32]),
            payload: vec![0; 3],
        };
        all.iter().map(segment).collect()
    }

    #[test]
    fn a_stray_is_left_out_of_all_that_follows() {
        let mut all = segments(&[0, 4, 107, 108]);
        let first = unbroken(&all);
        leave_strays(&mut all, first);
        assert_eq!(all, segments(&[107, 108]));
        assert_eq!(live(&all, 109), (107, vec![3, 3]));
        assert_eq!(live(&[], 109), (109, vec![]), "all of it is compacted");
    }

    #[test]
    fn what_comes_before_a_hole_is_no_beginning() {
        for (all, expected) in [
            (&[][..], None),
            (&[7], Some(7)),
            (&[3, 4, 5], Some(3)),
            (&[3, 4, 9, 10], Some(9)),
            (&[3, 5, 9], Some(9)),
        ] {
            assert_eq!(unbroken(&segments(all)), expected, "{all:?}");
        }
    }
}
