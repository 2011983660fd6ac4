//! Archives on a disk that fails at every call in turn: what was said to be kept is kept.

use std::path::Path;

use edugrid_units::Stamp;

use super::{
    faulty_disk::FaultyDisk,
    world::{World, admission, at_hour, key},
};
use crate::{
    Algorithm, Archive, ArchiveError, FileJournal, Head, Owner, Position, Replay, Segment,
    Snapshot, replay,
};

const PLACE: &str = "/archive";

/// Some segments, and snapshots at two places among them.
fn book() -> (Vec<Segment>, Vec<Snapshot>) {
    let mut world = World::with(Algorithm::Sha256);
    world.deposit("own", "sdu", "100000");
    world.commit();
    for index in 0..4 {
        let job = admission(&format!("j{index}"), "sdu-cs", world.now);
        world.run(&job);
        world.commit();
        world.pass_to(at_hour(index + 1));
        world.end(&key(&format!("j{index}"), 1), None);
        world.commit();
    }
    let mut replay = Replay::new();
    let mut snapshots = Vec::new();
    for segment in &world.segments {
        replay.segment(segment).expect("sound");
        if [3, 6].contains(&replay.position().segments) {
            let frozen = replay.freeze();
            let ledger = frozen.lines().flatten().collect();
            snapshots.extend(frozen.snapshot(ledger, b"past".to_vec()));
        }
    }
    (world.segments, snapshots)
}

/// What was said to be kept before the disk failed.
#[derive(Debug, Default)]
struct Kept {
    segments: u64,
    snapshots: Vec<u64>,
    published: u64,
}

/// Keeps what isn't kept yet, as the archiver does, up to the first failure.
fn keep(
    disk: &FaultyDisk,
    segments: &[Segment],
    snapshots: &[Snapshot],
    kept: &mut Kept,
) -> Result<(), ArchiveError> {
    let mut archive = Archive::open(disk.clone(), Path::new(PLACE))?;
    archive.claim(&Owner {
        cluster: "uid-1".into(),
        since: Stamp(1),
        before: None,
    })?;
    kept.segments = archive.next();
    let next = usize::try_from(archive.next()).expect("small");
    for segment in &segments[next..] {
        archive.append(segment)?;
        kept.segments = archive.next();
        for snapshot in snapshots {
            if snapshot.manifest().sequence == archive.next() {
                archive.keep(snapshot)?;
                kept.snapshots.push(archive.next());
            }
        }
        archive.publish(&head(archive.next()))?;
        kept.published = archive.next();
    }
    Ok(())
}

fn head(segments: u64) -> Head {
    Head {
        book: "book".into(),
        segments,
        entries: segments,
        head: Position::START.head,
        cluster: "uid-1".into(),
        written_at: Stamp(7),
    }
}

fn check(disk: &FaultyDisk, segments: &[Segment], snapshots: &[Snapshot], kept: &Kept) {
    let archive = Archive::open(disk.clone(), Path::new(PLACE)).expect("opens");
    let mut reader = archive.reader();
    let (mut from, mut there) = (0, Vec::new());
    loop {
        let next = reader.segments(from, 2).expect("reads");
        if next.is_empty() {
            break;
        }
        from += next.len() as u64;
        there.extend(next);
    }
    assert_eq!(archive.next(), from, "as many as it says");
    assert!(from >= kept.segments, "{from} of {kept:?}");
    assert_eq!(there, segments[..there.len()]);
    let whole = reader.snapshots().expect("lists");
    for sequence in &kept.snapshots {
        assert!(whole.contains(sequence), "{whole:?} of {kept:?}");
    }
    for sequence in whole {
        let snapshot = reader.snapshot(sequence).expect("whole");
        assert!(snapshots.contains(&snapshot));
    }
    let published = reader
        .head()
        .expect("one or none")
        .map_or(0, |head| head.segments);
    assert!(
        (kept.published..=from).contains(&published),
        "{published} of {kept:?}"
    );
    assert!(kept.segments == 0 || reader.owner().expect("one or none").is_some());
}

#[test]
fn what_is_kept_survives_a_crash_at_any_call() {
    let (segments, snapshots) = book();
    let calls = {
        let disk = FaultyDisk::new(0);
        keep(&disk, &segments, &snapshots, &mut Kept::default()).expect("a sound disk");
        check(&disk, &segments, &snapshots, &Kept::default());
        disk.calls()
    };
    assert!(calls > 100, "{calls} calls");
    for stops_at in 0..calls {
        for seed in 0..4 {
            let disk = FaultyDisk::new(u64::from(stops_at) * 31 + seed);
            let mut kept = Kept::default();
            disk.stop_after(stops_at);
            let stopped = keep(&disk, &segments, &snapshots, &mut kept);
            if stopped.is_ok() {
                continue;
            }
            disk.restart();
            check(&disk, &segments, &snapshots, &kept);
            keep(&disk, &segments, &snapshots, &mut kept).expect("a sound disk");
            assert_eq!(kept.segments, segments.len() as u64);
            check(&disk, &segments, &snapshots, &kept);
        }
    }
}

#[test]
fn a_disk_that_is_full_for_a_moment_costs_a_try_and_nothing_else() {
    let (segments, snapshots) = book();
    for fails_at in 0.. {
        let disk = FaultyDisk::new(fails_at.into());
        disk.fail_once_after(fails_at);
        let mut kept = Kept::default();
        if keep(&disk, &segments, &snapshots, &mut kept).is_ok() {
            break;
        }
        check(&disk, &segments, &snapshots, &kept);
        keep(&disk, &segments, &snapshots, &mut kept).expect("a sound disk");
        check(&disk, &segments, &snapshots, &kept);
        let mut reader = Archive::open(disk, Path::new(PLACE))
            .expect("opens")
            .reader();
        let all = reader.segments(0, usize::MAX).expect("reads");
        let books = replay(&all).expect("sound");
        assert!(books.position().segments > 0);
    }
}

/// The same disk under the journal of a book without a cluster (L12).
#[test]
fn what_a_file_journal_has_acknowledged_survives_a_crash_at_any_call() {
    let (segments, _) = book();
    for stops_at in 0..60 {
        for seed in 0..8 {
            let disk = FaultyDisk::new(u64::from(stops_at) * 17 + seed);
            disk.stop_after(stops_at);
            let mut acknowledged = 0;
            if let Ok((mut journal, _)) = FileJournal::open_on(&disk, Path::new("/journal"), 0) {
                let mut appended = segments.iter().map(|it| journal.append_now(it));
                acknowledged = appended.by_ref().take_while(Result::is_ok).count();
            }
            disk.restart();
            let opened = FileJournal::open_on(&disk, Path::new("/journal"), 0);
            let (mut journal, found) = opened.expect("a torn tail is no damage");
            let there = journal.read_now(0, usize::MAX).expect("reads");
            assert!(there.len() >= acknowledged, "{found:?} of {acknowledged}");
            assert_eq!(there, segments[..there.len()]);
        }
    }
}

#[test]
fn one_process_writes_an_archive() {
    let disk = FaultyDisk::new(0);
    let archive = Archive::open(disk.clone(), Path::new(PLACE)).expect("opens");
    let second = Archive::open(disk.clone(), Path::new(PLACE));
    assert!(matches!(second, Err(ArchiveError::Segments { .. })));
    drop(archive);
    Archive::open(disk, Path::new(PLACE)).expect("opens");
}
