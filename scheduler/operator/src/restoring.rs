//! `edugrid-scheduler restore`: the books of an archive, put into an empty cluster or into one
//! whose etcd was set back (L12). It runs as the operator, since only the operator may create
//! segments, and needs no right more; the archive's volume must be writable here.
//!
//! Flow: prove the archive; claim it, so that nobody goes on beside; hold the lease, so that no
//! leader writes meanwhile; take away the objects of jobs that the missing segments let go of;
//! write the newest snapshot and those segments; write down that the book has moved. Each step passes over what is there already, so whatever kills
//! it, it is run again.

mod returned;

use std::path::Path;

use edugrid_archiver::{
    cluster::{Snapshots, WriteSnapshotError, cluster_uid},
    keeper::{KeepError, replay_to},
};
use edugrid_ledger::{
    AppendError, Archive, ArchiveError, Books, Command, Damage, Owner, ReadError, RealDisk,
    Refused, Replay, Segment, SegmentStore, Snapshot,
};
use edugrid_units::Seconds;
use kube::Client;

use crate::{
    beginning::read_all,
    clock::Clock,
    journal::ClusterJournal,
    lease::Lease,
    machine::Machine,
    startup::{OpenError, random_uuid},
};

/// A head that is younger is the heartbeat of an archiver that lives.
const ALIVE: Seconds = Seconds(300);
/// Segments of the archive that are written at once.
const READ_LIMIT: usize = 256;

/// Why the books can't be put here.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFault {
    /// The archive can't be used.
    #[error("the archive can't be used")]
    Archive(#[from] ArchiveError),
    /// What it holds isn't sound.
    #[error("the archive does not prove")]
    Proof(#[from] KeepError),
    /// It has nothing.
    #[error("the archive has no segment")]
    Empty,
    /// It ends before what it says of itself.
    #[error("the archive says {said} segments and has {has}: bring a whole copy of it")]
    Short {
        /// What `head.json` says.
        said: u64,
        /// What is there.
        has: u64,
    },
    /// The old cluster's archiver still writes.
    #[error(
        "cluster {owner} wrote this archive {age} ago and may still run: stop its operator and archiver, or give --take-over to end its right to go on"
    )]
    Alive {
        /// Whose it is.
        owner: String,
        /// How long ago.
        age: Seconds,
    },
    /// The cluster has entries that the archive has not, or others.
    #[error(
        "segment {segment} in the cluster is not the archive's: this journal went another way; save it with `kubectl edugrid ledger export`, have the archiver's user delete the segments from {segment} on, and run this again"
    )]
    Differs {
        /// Which.
        segment: u64,
    },
    /// The cluster can't be asked.
    #[error("the cluster does not answer")]
    Cluster(#[from] kube::Error),
    /// Its journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A segment can't be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The snapshot can't be written.
    #[error(transparent)]
    Snapshot(#[from] WriteSnapshotError),
    /// What was written does not replay.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The books refuse to be moved.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No epoch can be begun.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The book.
    pub book: String,
    /// The cluster in which it lives now.
    pub cluster: String,
    /// The snapshots that were put there.
    pub snapshots: Vec<u64>,
    /// Segments that were written.
    pub written: u64,
    /// Jobs that had run and been deleted, and whose objects were there again.
    pub deleted: u64,
    /// Segments of the journal now.
    pub segments: u64,
    /// Entries of the journal now.
    pub entries: u64,
}

/// Puts the books of the archive into the cluster of `client`.
///
/// # Errors
/// With the reason; running it again goes on where it stopped.
pub async fn restore(
    client: &Client,
    directory: &Path,
    take_over: bool,
    lease: &Lease,
    machine: Machine,
) -> Result<Done, RestoreFault> {
    let here = cluster_uid(client).await?;
    let mut archive = Archive::open(RealDisk, directory)?;
    let (replay, snapshots) = prove(&archive)?;
    claim(&mut archive, &here, take_over, machine)?;
    lease.acquire(|_| ()).await;
    let work = write(client, &archive, replay, &snapshots, here, machine);
    let done = lease.kept_while(work).await;
    lease.release().await;
    done
}

/// The archive's books, replayed from its newest snapshot; and its last two snapshots, since a
/// leader needs a second place to start from.
fn prove(archive: &Archive<RealDisk>) -> Result<(Replay, Vec<Snapshot>), RestoreFault> {
    let mut reader = archive.reader();
    let snapshots = reader.snapshots()?;
    let replay = replay_to(&mut reader, &snapshots, u64::MAX)?;
    let has = replay.position();
    if has.segments == 0 {
        return Err(RestoreFault::Empty);
    }
    if let Some(head) = reader.head()? {
        let is_less = head.segments > has.segments;
        if is_less || (head.segments == has.segments && head.head != has.head) {
            return Err(RestoreFault::Short {
                said: head.segments,
                has: has.segments,
            });
        }
    }
    let last = snapshots.iter().rev().take(2).rev();
    let last = last.map(|sequence| reader.snapshot(*sequence));
    Ok((replay, last.collect::<Result<_, _>>()?))
}

fn claim(
    archive: &mut Archive<RealDisk>,
    here: &str,
    take_over: bool,
    machine: Machine,
) -> Result<(), RestoreFault> {
    let reader = archive.reader();
    let (owner, head, now) = (reader.owner()?, reader.head()?, (machine.now)());
    let before = owner
        .map(|owner| owner.cluster)
        .or_else(|| head.as_ref().map(|head| head.cluster.clone()))
        .filter(|before| before != here);
    if let (Some(owner), Some(head), false) = (&before, &head, take_over) {
        let age = now.seconds_since(head.written_at);
        if age < ALIVE {
            let owner = owner.clone();
            return Err(RestoreFault::Alive { owner, age });
        }
    }
    Ok(archive.claim(&Owner {
        cluster: here.to_owned(),
        since: now,
        before,
    })?)
}

async fn write(
    client: &Client,
    archive: &Archive<RealDisk>,
    replay: Replay,
    snapshots: &[Snapshot],
    here: String,
    machine: Machine,
) -> Result<Done, RestoreFault> {
    let mut journal = ClusterJournal::new(client.clone());
    let there = read_all(&mut journal).await?;
    let beyond = agree(archive, &there)?;
    let mut done = Done {
        deleted: returned::take_away(client, archive, &there).await?,
        ..Done::default()
    };
    for snapshot in snapshots {
        Snapshots::new(client.clone()).write(snapshot).await?;
        done.snapshots.push(snapshot.manifest().sequence);
    }
    let mut reader = archive.reader();
    // From what is there on without a hole, too.
    let first = there.first().map_or(u64::MAX, |it| it.sequence);
    let mut next = done.snapshots.first().copied().unwrap_or(0).min(first);
    loop {
        let segments = reader.segments(next, READ_LIMIT)?;
        for segment in &segments {
            next = segment.sequence.saturating_add(1);
            if there.iter().all(|it| it.sequence != segment.sequence) {
                journal.put(segment).await?;
                done.written = done.written.saturating_add(1);
            }
        }
        if segments.is_empty() {
            break;
        }
    }
    let mut replay = replay;
    for segment in beyond {
        replay.segment(&segment)?;
    }
    let books = move_here(&mut journal, replay, &here, machine).await?;
    let position = books.position();
    done.book = books
        .opening()
        .map(|it| it.book.clone())
        .unwrap_or_default();
    (done.segments, done.entries) = (position.segments, position.entries);
    done.cluster = here;
    Ok(done)
}

/// Whether what is in the cluster is the archive's, as far as that reaches; what is beyond.
fn agree(archive: &Archive<RealDisk>, there: &[Segment]) -> Result<Vec<Segment>, RestoreFault> {
    let mut reader = archive.reader();
    let mut beyond = Vec::new();
    for segment in there {
        match reader.segments(segment.sequence, 1)?.first() {
            Some(kept) if kept == segment => {}
            Some(_) => {
                return Err(RestoreFault::Differs {
                    segment: segment.sequence,
                });
            }
            None => beyond.push(segment.clone()),
        }
    }
    Ok(beyond)
}

/// Begins an epoch and writes down in it that the book lives here.
async fn move_here(
    journal: &mut ClusterJournal,
    replay: Replay,
    here: &str,
    machine: Machine,
) -> Result<Books, RestoreFault> {
    let mut books = replay.finish();
    let clock = books.opening().map(|opening| Clock {
        origin: opening.origin,
        factor: opening.factor,
        real: machine.now,
    });
    let now = clock.map_or_else(machine.now, |clock| clock.now());
    let epoch = books.epoch().saturating_add(1);
    let writer = random_uuid(machine)?;
    books.stage(now, Command::Epoch { epoch, writer })?;
    let cluster = here.to_owned();
    books.stage(now, Command::Moved { epoch, cluster })?;
    if let Some(batch) = books.take_batch() {
        journal.append(batch.segment()).await?;
        let sequence = batch.segment().sequence;
        books
            .committed(sequence)
            .map_err(|_| OpenError::NotOpened)?;
    }
    Ok(books)
}
