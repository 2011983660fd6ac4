//! The archiver's work, a round at a time: keep what is new, prove what is written down whole,
//! publish how far it reaches, and only then delete (L12).
//!
//! Contract, whatever kills it wherever: a segment leaves the cluster only when it is in the
//! archive, synced and read back; when two snapshots after it are there, in the cluster and in
//! the archive, whose rows are those of its own replay byte for byte; and never among the last
//! few. So a leader always finds its books, also where the newest snapshot turns out damaged.
//!
//! It stops, and deletes nothing, where the archive has another owner, or the journal is not
//! the one that the archive has kept.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_ledger::{
    Archive, ArchiveError, ArchiveReader, Damage, Disk, Frozen, Head, Owner, Position, Replay,
    Section, Segment, SnapshotError,
};
use edugrid_translate::snapshot::manifest_name;
use edugrid_units::Stamp;

use crate::journal::{Journal, JournalError};

/// Segments that one round takes or deletes at the most, so that the head stays fresh.
const SEGMENTS_PER_ROUND: u64 = 5000;
/// Strays that one round takes away at the most.
const STRAYS_PER_ROUND: usize = 100;
/// Segments that are read from the archive at once.
const READ_LIMIT: usize = 256;

/// Why the archiver stops.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The archive can't be written or read.
    #[error("the archive can't be used")]
    Archive(#[from] ArchiveError),
    /// The cluster can't be asked.
    #[error("the journal in the cluster can't be used")]
    Journal(#[from] JournalError),
    /// A segment isn't as it was written.
    #[error("the journal in the cluster is damaged")]
    Damaged(#[from] Damage),
    /// A snapshot in the archive can't be read.
    #[error("snapshot {sequence} of the archive can't be read")]
    Snapshot {
        /// Which.
        sequence: u64,
        /// What is wrong.
        #[source]
        source: SnapshotError,
    },
    /// Another cluster goes on with the book.
    #[error(
        "the archive belongs to cluster {owner}, this is {here}: the book was restored elsewhere, nothing is archived or deleted here any more"
    )]
    OtherOwner {
        /// Whose it is.
        owner: String,
        /// This one.
        here: String,
    },
    /// The cluster lacks what the archive has.
    #[error(
        "LedgerRewound: the archive has {kept} segments and the cluster lacks the last of them; run `edugrid-scheduler restore`"
    )]
    Rewound {
        /// Segments of the archive.
        kept: u64,
    },
    /// The cluster has other entries than the archive.
    #[error("LedgerRewound: segment {segment} in the cluster is not the one that was archived")]
    Differs {
        /// Which.
        segment: u64,
    },
    /// Segments are gone that were never archived.
    #[error(
        "segment {missing} was never archived and is not in the cluster, which begins at {first}"
    )]
    Missing {
        /// The first that is missing.
        missing: u64,
        /// What the cluster begins with.
        first: u64,
    },
}

impl KeepError {
    /// Whether only a request went unanswered, or was refused: the next round may fare better.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Journal(JournalError::Request(_)))
    }
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Segments newly kept.
    pub kept: u64,
    /// Snapshots newly proved and kept.
    pub proved: Vec<u64>,
    /// Snapshots in the cluster that aren't what replay gives; nothing is deleted for them.
    pub false_snapshots: Vec<(u64, String)>,
    /// Segments deleted from the cluster.
    pub deleted: u64,
    /// Segments that stood under numbers which others had been archived under, and were taken away.
    pub strays: Vec<Segment>,
}

/// See the module.
pub struct Keeper<J, D: Disk> {
    journal: J,
    archive: Archive<D>,
    replay: Replay,
    /// The last segment that is kept.
    last: Option<Segment>,
    /// The UID of the cluster's namespace `kube-system`.
    cluster: String,
    /// Segments that always stay in the cluster; at least one.
    stay: u64,
    /// Snapshots that are proved and kept.
    proved: BTreeSet<u64>,
    /// The first segment of the cluster, once it was found to be the archive's.
    first: Option<u64>,
}

impl<J: Journal, D: Disk + Clone> Keeper<J, D> {
    /// Goes on with an archive from its newest snapshot.
    ///
    /// # Errors
    /// If the archive is damaged.
    pub fn open(
        journal: J,
        archive: Archive<D>,
        cluster: String,
        stay: u64,
    ) -> Result<Self, KeepError> {
        let mut reader = archive.reader();
        let proved = reader.snapshots()?;
        let next = archive.next();
        let replay = replay_to(&mut reader, &proved, next)?;
        let last = match next.checked_sub(1) {
            Some(last) => reader.segments(last, 1)?.pop(),
            None => None,
        };
        Ok(Self {
            journal,
            replay,
            last,
            cluster,
            stay: stay.max(1),
            proved: proved.into_iter().collect(),
            first: None,
            archive,
        })
    }

    /// How far the archive reaches.
    pub fn position(&self) -> Position {
        self.replay.position()
    }

    /// One round; `now` is real time.
    ///
    /// # Errors
    /// With why it must stop. Everything is as a kill at that moment would have left it.
    pub async fn round(&mut self, now: Stamp) -> Result<Round, KeepError> {
        let mut round = Round::default();
        self.check_owner(now)?;
        self.check_last().await?;
        self.take_strays(&mut round).await?;
        self.keep_new(&mut round).await?;
        let parts = self.journal.parts().await?;
        self.prove(&parts, &mut round).await?;
        self.publish(now)?;
        self.check_owner(now)?;
        self.delete(&parts, &mut round).await?;
        Ok(round)
    }

    fn check_owner(&mut self, now: Stamp) -> Result<(), KeepError> {
        match self.archive.reader().owner()? {
            Some(owner) if owner.cluster != self.cluster => Err(KeepError::OtherOwner {
                owner: owner.cluster,
                here: self.cluster.clone(),
            }),
            Some(_) => Ok(()),
            None => Ok(self.archive.claim(&Owner {
                cluster: self.cluster.clone(),
                since: now,
                before: None,
            })?),
        }
    }

    /// The last segment of the archive is never deleted from the cluster, so it must be there.
    async fn check_last(&self) -> Result<(), KeepError> {
        let Some(last) = &self.last else {
            return Ok(());
        };
        match self.journal.segment(last.sequence).await? {
            Some(there) if there == *last => Ok(()),
            Some(_) => Err(KeepError::Differs {
                segment: last.sequence,
            }),
            None => Err(KeepError::Rewound {
                kept: self.archive.next(),
            }),
        }
    }

    /// Takes away what a leader that slept for long has created under numbers that were free again: the last archived
    /// segment is there and the archive's, so by its chain of hashes nothing before it that differs was ever durable.
    async fn take_strays(&mut self, round: &mut Round) -> Result<(), KeepError> {
        for _ in 0..STRAYS_PER_ROUND {
            let first = self.journal.first().await?;
            let Some(sequence) = first.filter(|it| *it < self.archive.next()) else {
                return Ok(());
            };
            if self.first == first {
                return Ok(());
            }
            let there = self.journal.segment(sequence).await?;
            let kept = self.archive.reader().segments(sequence, 1)?.pop();
            match there {
                Some(there) if kept.as_ref() != Some(&there) => {
                    self.journal.delete_segment(sequence).await?;
                    round.strays.push(there);
                }
                _ => self.first = first,
            }
        }
        Ok(())
    }

    async fn keep_new(&mut self, round: &mut Round) -> Result<(), KeepError> {
        while round.kept < SEGMENTS_PER_ROUND {
            let next = self.archive.next();
            let Some(segment) = self.journal.segment(next).await? else {
                break;
            };
            self.replay.segment(&segment)?;
            self.archive.append(&segment)?;
            self.last = Some(segment);
            round.kept = round.kept.saturating_add(1);
        }
        let missing = self.archive.next();
        match self.journal.first().await? {
            Some(first) if first > missing => Err(KeepError::Missing { missing, first }),
            _ => Ok(()),
        }
    }

    /// Compares each new snapshot with what the segments before it give, and keeps it.
    async fn prove(
        &mut self,
        parts: &BTreeMap<u64, Vec<String>>,
        round: &mut Round,
    ) -> Result<(), KeepError> {
        let next = self.archive.next();
        let newer: Vec<u64> = whole(parts)
            .filter(|it| *it <= next && self.proved.last().is_none_or(|last| it > last))
            .collect();
        for sequence in newer {
            let snapshot = match self.journal.snapshot(sequence).await {
                Err(JournalError::Snapshot(error)) => {
                    round.false_snapshots.push((sequence, error.to_string()));
                    continue;
                }
                snapshot => snapshot?,
            };
            let is_true = {
                let books = self.books_at(sequence)?;
                let ledger = books.lines().flatten().collect();
                let past = snapshot.section(Section::Past).to_vec();
                books.snapshot(ledger, past).as_ref() == Some(&snapshot)
            };
            if is_true {
                self.archive.keep(&snapshot)?;
                self.proved.insert(sequence);
                round.proved.push(sequence);
            } else {
                let why = "its rows are not those that the segments give".to_owned();
                round.false_snapshots.push((sequence, why));
            }
        }
        Ok(())
    }

    fn books_at(&self, sequence: u64) -> Result<Frozen<'_>, KeepError> {
        if self.replay.position().segments == sequence {
            return Ok(self.replay.freeze());
        }
        let mut reader = self.archive.reader();
        let before: Vec<u64> = reader.snapshots()?;
        Ok(replay_to(&mut reader, &before, sequence)?
            .freeze()
            .into_owned())
    }

    fn publish(&mut self, now: Stamp) -> Result<(), KeepError> {
        let position = self.replay.position();
        Ok(self.archive.publish(&Head {
            book: self.replay.book().to_owned(),
            segments: position.segments,
            entries: position.entries,
            head: position.head,
            cluster: self.cluster.clone(),
            written_at: now,
        })?)
    }

    async fn delete(
        &self,
        parts: &BTreeMap<u64, Vec<String>>,
        round: &mut Round,
    ) -> Result<(), KeepError> {
        let proved: Vec<u64> = whole(parts).filter(|it| self.proved.contains(it)).collect();
        let [.., older, newest] = proved.as_slice() else {
            return Ok(());
        };
        let until = self.archive.next().saturating_sub(self.stay).min(*older);
        if let Some(first) = self.journal.first().await? {
            let last = until.min(first.saturating_add(SEGMENTS_PER_ROUND));
            for sequence in first..last {
                self.journal.delete_segment(sequence).await?;
                round.deleted = round.deleted.saturating_add(1);
            }
        }
        for (sequence, names) in parts.range(..newest) {
            let manifest = manifest_name(*sequence);
            let is_unfinished = !names.contains(&manifest);
            if sequence >= older && !is_unfinished {
                continue;
            }
            // Without its manifest the rest means nothing, so that goes first.
            let (first, rest): (Vec<_>, Vec<_>) = names.iter().partition(|it| **it == manifest);
            for name in first.into_iter().chain(rest) {
                self.journal.delete_part(name).await?;
            }
        }
        Ok(())
    }
}

/// The sequences of snapshots that have a manifest, ascending.
fn whole(parts: &BTreeMap<u64, Vec<String>>) -> impl Iterator<Item = u64> {
    let parts = parts.iter();
    parts
        .filter(|(sequence, names)| names.contains(&manifest_name(**sequence)))
        .map(|(sequence, _)| *sequence)
}

/// The archive's books before a segment, from the newest of these snapshots on.
///
/// # Errors
/// If the archive lacks something, or is damaged.
pub fn replay_to<D: Disk>(
    reader: &mut ArchiveReader<D>,
    snapshots: &[u64],
    until: u64,
) -> Result<Replay, KeepError> {
    let mut replay = match snapshots.iter().rev().find(|it| **it <= until) {
        Some(sequence) => {
            let snapshot = reader.snapshot(*sequence)?;
            Replay::resume(&snapshot).map_err(|source| KeepError::Snapshot {
                sequence: *sequence,
                source,
            })?
        }
        None => Replay::new(),
    };
    loop {
        let next = replay.position().segments;
        let left = usize::try_from(until.saturating_sub(next)).unwrap_or(READ_LIMIT);
        let segments = reader.segments(next, left.min(READ_LIMIT))?;
        if segments.is_empty() {
            return Ok(replay);
        }
        for segment in &segments {
            replay.segment(segment)?;
        }
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
