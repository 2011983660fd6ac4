//! What may go from the cluster: what the archive has, so that a leader always finds its books
//! and nothing that was acknowledged is lost (L12). Read from the archive's own files.

use edugrid_ledger::{ArchiveError, ArchiveReader, RealDisk, Replay, Segment};

use super::{Audit, read};
use crate::api::{Change, Kind, Store};

/// Whole snapshots that a leader must find after what is deleted: the newest may turn out damaged.
const SNAPSHOTS_LEFT: usize = 2;

impl Audit {
    /// An object of the ledger was deleted.
    pub(super) fn taken_away(&mut self, change: &Change, store: &Store) {
        let name = &change.key.name;
        let why = match change.key.kind.plural.as_str() {
            "ledgersegments" => self.segment_taken(change, store),
            _ => part_taken(name, store),
        };
        if let Some(why) = why {
            self.fault(format!(
                "{} {name} was deleted: {why}",
                change.key.kind.plural
            ));
        }
    }

    /// Why a segment may not be deleted.
    fn segment_taken(&mut self, change: &Change, store: &Store) -> Option<String> {
        let gone = read::segment(&change.object);
        let sequence = change.key.name.parse::<u64>().ok()?;
        let written = usize::try_from(sequence).ok();
        let written = written.and_then(|place| self.segments.get(place));
        let kept = match self.archived_at(sequence) {
            Ok(kept) => kept,
            Err(error) => return Some(format!("the archive can't be read: {error}")),
        };
        if kept.as_ref() != written {
            return Some("it is not in the archive".to_owned());
        }
        if gone.as_ref() != written {
            // A stray, where the true one had been before.
            return (sequence >= self.archived).then(|| "it was no stray".to_owned());
        }
        self.archived = self.archived.max(sequence.saturating_add(1));
        let after = manifests(store).filter(|it| *it > sequence).count();
        (after < SNAPSHOTS_LEFT).then(|| format!("{after} snapshots are left after it"))
    }

    fn archived_at(&self, sequence: u64) -> Result<Option<Segment>, ArchiveError> {
        match self.reader() {
            Some(mut reader) => Ok(reader.segments(sequence, 1)?.pop()),
            None => Ok(None),
        }
    }

    fn reader(&self) -> Option<ArchiveReader<RealDisk>> {
        let directory = self.archive.as_deref()?;
        Some(ArchiveReader::new(RealDisk, directory))
    }

    /// What the archive lacks; nothing where there is none, or it has all.
    pub fn not_archived(&self, store: &Store) -> Option<String> {
        let reader = self.reader()?;
        let (head, proved) = match (reader.head(), reader.snapshots()) {
            (Ok(head), Ok(proved)) => (head, proved),
            (Err(error), _) | (_, Err(error)) => {
                return Some(format!("the archive can't be read: {error}"));
            }
        };
        let end = self.replay.position().segments;
        let reached = head.map_or(0, |head| head.segments);
        if reached != end {
            return Some(format!("the archive has {reached} of {end} segments"));
        }
        let newest = manifests(store).max()?;
        (proved.last() != Some(&newest)).then(|| format!("snapshot {newest} is not archived"))
    }

    /// What is wrong with the archive: it must hold the journal, segment by segment, and each of its
    /// snapshots must lead to the same books.
    pub fn archive_faults(&self) -> Vec<String> {
        let Some(mut reader) = self.reader() else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        match reader.segments(0, usize::MAX) {
            Ok(kept) if self.segments.starts_with(&kept) => {}
            Ok(_) => faults.push("the archive has another journal".to_owned()),
            Err(error) => faults.push(format!("the archive can't be read: {error}")),
        }
        for sequence in reader.snapshots().unwrap_or_default() {
            match self.resumed(&reader, sequence) {
                Ok(true) => {}
                Ok(_) => faults.push(format!(
                    "snapshot {sequence} of the archive leads elsewhere"
                )),
                Err(words) => faults.push(format!("snapshot {sequence} of the archive: {words}")),
            }
        }
        faults
    }

    fn resumed(&self, reader: &ArchiveReader<RealDisk>, sequence: u64) -> Result<bool, String> {
        let snapshot = reader
            .snapshot(sequence)
            .map_err(|error| error.to_string())?;
        let mut replay = Replay::resume(&snapshot).map_err(|error| error.to_string())?;
        let after = usize::try_from(sequence).unwrap_or(usize::MAX);
        for segment in self.segments.iter().skip(after) {
            replay
                .segment(segment)
                .map_err(|damage| damage.to_string())?;
        }
        Ok(replay.position() == self.replay.position())
    }
}

/// Why a part of a snapshot may not be deleted.
fn part_taken(name: &str, store: &Store) -> Option<String> {
    let sequence = name.split('-').next()?.parse::<u64>().ok()?;
    let newer = manifests(store).filter(|it| *it > sequence).count();
    if read::manifest_of(name).is_some() {
        return (newer < SNAPSHOTS_LEFT).then(|| format!("{newer} snapshots are left"));
    }
    let is_whole = manifests(store).any(|it| it == sequence);
    (is_whole || newer == 0).then(|| "its snapshot is whole, or was the newest".to_owned())
}

/// Snapshots that are whole.
fn manifests(store: &Store) -> impl Iterator<Item = u64> {
    let all = store.all(&Kind::new("ledger.edugrid.io", "ledgersnapshotparts"));
    all.filter_map(|(key, _)| read::manifest_of(&key.name))
}
