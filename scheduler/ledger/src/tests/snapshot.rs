//! Snapshots in the life of the books: what memory lets go, what a damaged one is taken for,
//! and what a view that begins with one can tell (L12).

use super::world::{World, admission, at_hour, grant, key, yuan};
use crate::{
    Account, Algorithm, Books, Command, Fault, Month, PART_BYTES_MAX, ReadError, Refused, Replay,
    Section, Segment, Snapshot, SnapshotError, Statement, ViewError, ViewFound, restore, statement,
    verify,
};

/// A job that ended, one that runs over the month's end, and a segment per step.
fn book() -> World {
    let mut world = World::with(Algorithm::Sha256);
    world.stage(Command::Moved {
        epoch: 1,
        cluster: "uid-1".into(),
    });
    world.grant(grant("a", "1000"));
    world.deposit("own", "sdu", "1000");
    world.commit();
    for (job, tenant) in [("j", "sdu-cs"), ("k", "sdu-ee")] {
        world.run(&admission(job, tenant, world.now));
        world.commit();
    }
    world.pass_to(at_hour(1));
    world.end(&key("j", 1), Some(at_hour(1)));
    world.commit();
    world
}

fn snapshot(books: &Books) -> Snapshot {
    let frozen = books.freeze().expect("durable");
    let ledger = frozen.lines().flatten().collect();
    frozen.snapshot(ledger, b"past".to_vec()).expect("opened")
}

fn replay_of(segments: &[Segment]) -> Replay {
    let mut replay = Replay::new();
    for segment in segments {
        replay.segment(segment).expect("sound");
    }
    replay
}

#[test]
fn what_is_not_durable_is_in_no_snapshot() {
    let mut world = book();
    assert!(world.books.freeze().is_some());
    world.deposit("more", "sdu", "1");
    assert!(world.books.freeze().is_none(), "staged");
    let batch = world.books.take_batch().expect("staged");
    assert!(world.books.freeze().is_none(), "on its way");
    let sequence = batch.segment().sequence;
    world.books.committed(sequence).expect("in flight");
    assert!(world.books.freeze().is_some());
}

/// L10, for what is forgotten: nothing is charged, ended or bound to the past again.
#[test]
fn a_forgotten_job_leaves_balances_and_nothing_else() {
    let mut world = book();
    let counters = |world: &World| -> Vec<_> {
        let accounts = world.books.accounts();
        accounts.map(|(name, it)| (name.clone(), *it)).collect()
    };
    let (before, of_job) = (counters(&world), world.records.clone());
    let forget = |at, jobs: &[&str]| Command::Forget {
        at,
        jobs: jobs.iter().map(|job| (*job).into()).collect(),
    };
    let refused = world.try_stage(forget(at_hour(1), &["j", "k"]));
    assert_eq!(refused, Err(Refused::NotSettled("k".into())), "k runs");
    let refused = world.try_stage(forget(at_hour(2), &["j"]));
    assert_eq!(refused, Err(Refused::NotYet(at_hour(2))));
    world.stage(forget(at_hour(1), &["j"]));
    world.commit();
    assert_eq!(counters(&world), before);
    assert_eq!(world.books.settled_attempt(&key("j", 1)), None);
    assert_eq!(world.books.jobs().collect::<Vec<_>>(), [&"k".into()]);
    let rows = snapshot(&world.books);
    let rows = String::from_utf8_lossy(rows.section(Section::Ledger)).into_owned();
    assert!(rows.contains("\"k\"") && !rows.contains("\"j\""), "{rows}");
    let again: Vec<_> = of_job
        .into_iter()
        .map(|record| record.entry.command)
        .filter(|command| command.attempt() == Some(&key("j", 1)))
        .filter(|command| !matches!(command, Command::Admit(_)))
        .collect();
    assert!(again.len() > 1);
    for command in again {
        let refused = world.try_stage(command);
        assert_eq!(refused, Err(Refused::UnknownAttempt(key("j", 1))));
    }
    let alive = |at| Command::Alive { at, except: vec![] };
    let refused = world.try_stage(alive(at_hour(0)));
    assert_eq!(refused, Err(Refused::Forgotten(at_hour(0))));
    assert!(!world.stage(alive(at_hour(1))).is_new, "its own instant");
}

/// The books have let the job go and would admit it again; who proves the journal finds it.
#[test]
fn a_forgotten_job_that_is_admitted_again_is_found() {
    for attempt in [1, 2] {
        let mut world = book();
        let at = world.now;
        let jobs = vec!["j".into()];
        world.stage(Command::Forget { at, jobs });
        world.commit();
        let sound = replay_of(&world.segments).position();
        assert_eq!(sound, world.books.position());
        let mut again = admission("j", "sdu-cs", world.now);
        again.key.attempt = attempt;
        world.run(&again);
        world.commit();
        let found = verify(&world.segments).map_err(|damage| (damage.entry, damage.what));
        assert_eq!(found, Err((sound.entries, Fault::Forgotten("j".into()))));
    }
}

#[test]
fn a_book_lives_in_one_cluster() {
    let mut world = book();
    assert_eq!(world.books.cluster(), Some("uid-1"));
    let moved = |epoch, cluster: &str| Command::Moved {
        epoch,
        cluster: cluster.into(),
    };
    assert!(matches!(
        world.try_stage(moved(1, "uid-2")),
        Err(Refused::IdReused { .. })
    ));
    assert!(matches!(
        world.try_stage(moved(2, "uid-2")),
        Err(Refused::WrongEpoch { .. })
    ));
    world.stage(Command::Epoch {
        epoch: 2,
        writer: "w2".into(),
    });
    assert_eq!(world.try_stage(moved(2, "")), Err(Refused::NoCluster));
    world.stage(moved(2, "uid-2"));
    world.commit();
    let again = Replay::resume(&snapshot(&world.books)).expect("sound");
    assert_eq!(again.cluster(), Some("uid-2"));
}

/// A part that is missing, cut or altered anywhere is named; so is a manifest of elsewhere.
#[test]
fn a_damaged_snapshot_is_never_used() {
    let whole = snapshot(&book().books);
    let manifest = whole.manifest().clone();
    let read = |alter: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        let mut parts = whole.parts();
        Snapshot::assemble(manifest.clone(), |_| {
            alter(parts.next().map(|(_, bytes)| bytes)?)
        })
    };
    let first = SnapshotError::Part {
        section: Section::Ledger,
        index: 0,
    };
    assert_eq!(read(&|bytes| Some(bytes.to_vec())), Ok(whole.clone()));
    assert_eq!(read(&|_| None), Err(first.clone()));
    assert_eq!(read(&|bytes| Some(bytes[1..].to_vec())), Err(first.clone()));
    for position in (0..whole.section(Section::Ledger).len()).step_by(13) {
        let altered = read(&|bytes| {
            let mut bytes = bytes.to_vec();
            if let Some(byte) = bytes.get_mut(position) {
                *byte ^= 1;
            }
            Some(bytes)
        });
        assert_eq!(altered, Err(first.clone()), "byte {position}");
    }
    for (wrong, alter) in [
        ("book", (|it| it.book.push('x')) as fn(&mut crate::Manifest)),
        ("entries", |it| it.entries += 1),
        ("head", |it| it.head = crate::Digest([0; 32])),
        ("epoch", |it| it.epoch += 1),
    ] {
        let mut manifest = manifest.clone();
        alter(&mut manifest);
        let mut parts = whole.parts();
        let other = Snapshot::assemble(manifest, |_| Some(parts.next()?.1.to_vec()));
        let resumed = Replay::resume(&other.expect("whole")).map(drop);
        assert_eq!(resumed, Err(SnapshotError::Manifest(wrong)));
    }
}

#[test]
fn a_large_snapshot_is_cut_into_parts_and_put_together_again() {
    let mut world = book();
    for index in 0..900 {
        world.grant(grant(&format!("{index}-{}", "v".repeat(200)), "1"));
    }
    world.commit();
    let whole = snapshot(&world.books);
    let sizes: Vec<_> = whole.manifest().parts.iter().map(|it| it.bytes).collect();
    assert!(sizes.len() > 2, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= PART_BYTES_MAX as u64));
    let mut parts = whole.parts();
    let again = Snapshot::assemble(whole.manifest().clone(), |_| Some(parts.next()?.1.to_vec()));
    assert_eq!(again.as_ref(), Ok(&whole));
    let books = Replay::resume(&whole).expect("sound").finish();
    assert_eq!(books.state(), world.books.state());
}

/// The stored form, pinned: a change here is a new codec.
#[test]
fn rows_are_written_in_codec_rows_v1() {
    let whole = snapshot(&book().books);
    let rows = String::from_utf8(whole.section(Section::Ledger).to_vec()).expect("text");
    insta::assert_snapshot!(rows);
}

fn month_of(
    world: &World,
    directory: &std::path::Path,
    cut: usize,
    month: &str,
) -> Result<Statement, ViewError> {
    let start = replay_of(&world.segments[..cut]);
    let start = || Ok(start.clone());
    let segments = &world.segments[cut..];
    let restored = restore(directory, None, &start, segments, None, |_| ());
    let (view, _) = restored.expect("sound").view.expect("made");
    let month = Month::parse(month).expect("a month");
    statement(&view, &"sdu".into(), month)
}

#[test]
fn a_view_that_begins_with_a_snapshot_tells_later_months_alike_and_earlier_ones_not() {
    let mut world = book();
    let cut = world.segments.len();
    world.pass_to(at_hour(24 * 11));
    world.commit();
    world.run(&admission("l", "sdu-cs", world.now));
    world.pass_to(at_hour(24 * 11 + 2));
    world.end(&key("l", 1), Some(at_hour(24 * 11 + 2)));
    world.end(&key("k", 1), Some(at_hour(24 * 11 + 2)));
    world.commit();
    let places: Vec<_> = ["whole", "begun"]
        .map(|_| tempfile::tempdir().expect("a directory"))
        .into();
    let whole = places[0].path().join("view");
    let begun = places[1].path().join("view");
    let december = month_of(&world, &whole, 0, "2026-12").expect("whole");
    assert!(december.accounts.len() > 1 && !december.usage.is_empty());
    let told = month_of(&world, &begun, cut, "2026-12").expect("later");
    assert_eq!(told, december, "opening balances are carried over");
    let earlier = month_of(&world, &begun, cut, "2026-11");
    assert!(matches!(earlier, Err(ViewError::NeedsArchive { .. })));
    // Kept as it is at the next start, from the same snapshot or from a later one.
    for cut in [cut, cut + 1] {
        let start = replay_of(&world.segments[..cut]);
        let start = || Ok(start.clone());
        let again = restore(&begun, None, &start, &world.segments[cut..], None, |_| ());
        let (_, found) = again.expect("sound").view.expect("made");
        assert_eq!(found, ViewFound::Kept);
    }
    let held = world.books.account(&Account::Grant("a".into()));
    assert_eq!(held.debits_pending, yuan("0"));
}

#[test]
fn a_lost_view_is_made_again_from_the_archive() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    let cut = 3;
    let mut archive = |from: u64| -> Result<Vec<Segment>, ReadError> {
        let from = usize::try_from(from).expect("small");
        Ok(world.segments[from..cut].iter().take(2).cloned().collect())
    };
    let start = replay_of(&world.segments[..cut]);
    let tail = &world.segments[cut..];
    let start = || Ok(start.clone());
    let restored = restore(&path, None, &start, tail, Some(&mut archive), |_| ()).expect("sound");
    let (view, found) = restored.view.expect("made");
    assert_eq!(found, ViewFound::Missing);
    let month = Month::parse("2026-11").expect("a month");
    let told = statement(&view, &"sdu".into(), month).expect("whole");
    assert!(told.accounts.iter().any(|line| line.opening.posted == 0));
    drop(view);
    std::fs::remove_dir_all(&path).expect("removes");
    let mut empty = |_: u64| Ok(Vec::new());
    let restored = restore(&path, None, &start, tail, Some(&mut empty), |_| ()).expect("sound");
    let refused = restored.view.map(drop);
    assert!(
        matches!(&refused, Err(ViewError::NoArchive { from: 0 })),
        "{refused:?}"
    );
    // The books are not concerned.
    let books = restored.replay.finish();
    assert_eq!(books.state(), world.books.state());
}
