//! The view on disk: whatever is done to its directory, the answers stay the same (L12).

use std::{fs, path::Path};

use super::faulty_disk::FaultyDisk;
use super::world::{World, admission, at_hour, grant};
use crate::{
    Algorithm, Entry, HistoryView, Known, MemoryView, Month, Position, RealDisk, Replay,
    RestoreError, Segment, SledView, ViewError, ViewFound, Witness, look,
};

fn book() -> World {
    let mut world = World::with(Algorithm::Sha256);
    world.grant(grant("a", "1000"));
    world.deposit("own", "sdu", "1000");
    world.commit();
    for (job, tenant) in [("j", "sdu-cs"), ("k", "sdu-ee")] {
        let job = admission(job, tenant, world.now);
        world.run(&job);
        world.commit();
    }
    world.pass_to(at_hour(1));
    world.end(&super::world::key("j", 1), Some(at_hour(1)));
    world.commit();
    world
}

type Answers = (Option<Entry>, Vec<(Month, Entry)>, Vec<Entry>);

fn answers(view: &dyn HistoryView) -> Answers {
    let month = Month::parse("2026-11").expect("a month");
    let mut of_tenant = Vec::new();
    view.of_tenant(&"sdu".into(), month, &mut |month, entry| {
        of_tenant.push((month, entry))
    })
    .expect("sound");
    (
        view.entry(3).expect("sound"),
        of_tenant,
        view.of_job(&"k".into()).expect("sound"),
    )
}

fn in_memory(segments: &[Segment]) -> Answers {
    let (mut view, mut replay) = (MemoryView::new(), Replay::new());
    for segment in segments {
        let records = replay.segment(segment).expect("sound");
        view.append(&records, replay.position()).expect("follows");
    }
    answers(&view)
}

/// Books and view from all segments.
struct Restored {
    replay: Replay,
    view: SledView,
    found: ViewFound,
}

fn restore(path: &Path, segments: &[Segment]) -> Result<Restored, RestoreError> {
    let start = || Ok(Replay::new());
    let restored = crate::restore(path, None, &start, segments, None, |_| ())?;
    let (view, found) = restored.view.expect("a view can be made");
    let replay = restored.replay;
    Ok(Restored {
        replay,
        view,
        found,
    })
}

/// Makes the view, does something to its directory, and brings it up again.
fn after(world: &World, harm: impl Fn(&Path)) -> ViewFound {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    let restored = restore(&path, &world.segments).expect("sound");
    assert_eq!(restored.found, ViewFound::Missing);
    assert_eq!(answers(&restored.view), in_memory(&world.segments));
    drop(restored);
    harm(&path);
    let restored = restore(&path, &world.segments).expect("sound");
    assert_eq!(answers(&restored.view), in_memory(&world.segments));
    assert_eq!(restored.replay.finish().state(), world.books.state());
    restored.found
}

fn rebuilt(found: &ViewFound) -> bool {
    matches!(found, ViewFound::Rebuilt { moved_to, .. } if moved_to.ends_with("view.damaged"))
}

#[test]
fn a_sound_view_is_kept() {
    assert_eq!(after(&book(), |_| {}), ViewFound::Kept);
}

#[test]
fn a_deleted_view_is_made_again() {
    let found = after(&book(), |path| fs::remove_dir_all(path).expect("removes"));
    assert_eq!(found, ViewFound::Missing);
}

#[test]
fn a_truncated_or_garbled_view_is_made_again() {
    let world = book();
    let database = |path: &Path| path.join("db");
    let cut = |path: &Path| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(database(path))
            .expect("opens");
        let length = file.metadata().expect("has some").len();
        file.set_len(length / 64).expect("cuts");
    };
    let garble = |path: &Path| {
        let mut bytes = fs::read(database(path)).expect("reads");
        for byte in bytes.iter_mut().step_by(97) {
            *byte ^= 0x55;
        }
        fs::write(database(path), bytes).expect("writes");
    };
    let no_directory = |path: &Path| {
        fs::remove_dir_all(path).expect("removes");
        fs::write(path, b"not a directory").expect("writes");
    };
    assert_ne!(after(&world, garble), ViewFound::Kept);
    assert!(rebuilt(&after(&world, no_directory)));
    // Sled may find all it needs in what is left, or not: the answers are the same.
    after(&world, cut);
}

#[test]
fn a_view_of_another_journal_is_made_again() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    for segments in [&world.segments[..2], &world.segments[..]] {
        let restored = restore(&path, segments).expect("sound");
        assert_eq!(answers(&restored.view), in_memory(segments));
    }
    let mut other = World::with(Algorithm::Sm3);
    other.deposit("own", "sdu", "1");
    other.commit();
    let restored = restore(&path, &other.segments).expect("sound");
    assert!(rebuilt(&restored.found));
    assert_eq!(answers(&restored.view), in_memory(&other.segments));
}

/// Also where the journal is empty, or went another way after it was set back.
#[test]
fn a_view_that_knows_more_of_the_journal_than_the_journal_tells_that_it_was_rewound() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    restore(&path, &world.segments).expect("sound");
    let mut other = World::with(Algorithm::Sha256);
    other.deposit("own", "sdu", "1");
    other.commit();
    for segments in [&world.segments[..2], &[], &other.segments] {
        let rewound = restore(&path, segments).map(drop);
        let Err(RestoreError::Rewound(rewound)) = rewound else {
            panic!("{rewound:?}");
        };
        assert_eq!((rewound.journal, rewound.known), (segments.len() as u64, 4));
    }
    let restored = restore(&path, &world.segments).expect("sound");
    assert_eq!(restored.found, ViewFound::Kept, "nothing was touched");
}

/// So many entries that several batches go into the view at once.
fn long_book() -> World {
    let mut world = book();
    for number in 0..420 {
        world.deposit(&format!("more-{number}"), "sdu", "500");
        let job = admission(&format!("job-{number}"), "sdu-cs", world.now);
        world.run(&job);
        world.commit();
    }
    assert!(world.books.position().entries > 1200);
    world
}

/// Whatever a view has when it begins to catch up, in the end it tells what one from scratch tells.
#[test]
fn a_view_that_catches_up_tells_what_one_made_at_once_tells() {
    let world = long_book();
    let expected = in_memory(&world.segments);
    for (has, begins) in [(0, 0), (1, 0), (5, 5), (300, 0), (300, 120), (424, 424)] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("view");
        if has > 0 {
            restore(&path, &world.segments[..has]).expect("sound");
        }
        // From a snapshot that the view has reached, or from the first segment.
        let start = || {
            let mut replay = Replay::new();
            for segment in &world.segments[..begins] {
                replay.segment(segment).expect("sound");
            }
            Ok(replay)
        };
        let (opened, tail) = (look(&path).opened, &world.segments[begins..]);
        let restored = crate::restore(&path, opened, &start, tail, None, |_| ());
        let (view, found) = restored.expect("sound").view.expect("made");
        assert_eq!(found == ViewFound::Kept, has > 0);
        assert_eq!(view.position().expect("known"), world.books.position());
        assert_eq!(answers(&view), expected, "{has} of it, from {begins}");
    }
}

#[test]
fn a_view_takes_only_what_follows() {
    let world = book();
    let mut view = MemoryView::new();
    let after = world.books.position();
    let skipped = view.append(&world.records[1..], after);
    assert!(matches!(skipped, Err(ViewError::OutOfStep { .. })));
    let misplaced = view.append(&world.records, after);
    assert!(
        matches!(misplaced, Err(ViewError::OutOfStep { .. })),
        "four segments at once"
    );
}

/// A view whose disk takes nothing for a while.
struct Full {
    view: MemoryView,
    is_full: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl HistoryView for Full {
    fn position(&self) -> Result<crate::Position, ViewError> {
        self.view.position()
    }

    fn append(
        &mut self,
        records: &[crate::Record],
        after: crate::Position,
    ) -> Result<(), ViewError> {
        if self.is_full.load(std::sync::atomic::Ordering::Relaxed) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(ViewError::Io {
                what: "written",
                source,
            });
        }
        self.view.append(records, after)
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        self.view.entry(sequence)
    }

    fn of_tenant(
        &self,
        tenant: &edugrid_units::TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        self.view.of_tenant(tenant, until, visit)
    }

    fn of_job(&self, job: &edugrid_units::JobUid) -> Result<Vec<Entry>, ViewError> {
        self.view.of_job(job)
    }
}

#[test]
fn a_full_disk_does_not_make_answers_lag() {
    let world = book();
    let is_full = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let view = Full {
        view: MemoryView::new(),
        is_full: is_full.clone(),
    };
    let (mut view, mut replay) = (crate::Backlog::new(Box::new(view)), Replay::new());
    for (index, segment) in world.segments.iter().enumerate() {
        is_full.store(index > 1, std::sync::atomic::Ordering::Relaxed);
        let records = replay.segment(segment).expect("sound");
        assert_eq!(view.append(&records, replay.position()).is_ok(), index <= 1);
        assert_eq!(view.position().expect("known"), replay.position());
    }
    assert!(view.waiting() > 0);
    assert_eq!(answers(&view), in_memory(&world.segments));
    assert!(view.catch_up().is_err());
    is_full.store(false, std::sync::atomic::Ordering::Relaxed);
    assert!(view.catch_up().is_ok());
    assert_eq!(view.waiting(), 0);
    assert_eq!(answers(&view), in_memory(&world.segments));
}

fn known(book: &str, journal: Position) -> Known {
    Known {
        book: book.to_owned(),
        journal,
        view: Position::START,
    }
}

/// The note is as good a witness as the view, and is read without opening it.
#[test]
fn what_is_noted_beside_the_view_tells_that_a_journal_was_rewound() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    assert!(look(&path).known.is_none() && look(&path).view().is_none());
    let (mut replay, end) = (Replay::new(), world.books.position());
    for segment in &world.segments {
        replay.segment(segment).expect("sound");
    }
    let noted = known(replay.book(), end);
    Witness::new(RealDisk, &path).write(&noted).expect("writes");
    let seen = look(&path);
    assert!(seen.opened.is_none(), "the view needs not be there");
    assert_eq!((seen.known.as_ref(), seen.view()), (Some(&noted), None));
    assert_eq!(noted.check(&replay), Ok(()));
    let mut short = Replay::new();
    assert!(noted.check(&short).is_err(), "an empty journal");
    for segment in &world.segments[..3] {
        short.segment(segment).expect("sound");
        let rewound = noted.check(&short).expect_err("it lacks segments");
        assert_eq!((rewound.witness, rewound.known), ("the local view", 4));
    }
    assert_eq!(known("another", end).check(&short), Ok(()));
}

/// A note that is damaged or gone makes nobody believe less: the view itself is asked.
#[test]
fn without_a_sound_note_the_view_is_asked() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    let restored = restore(&path, &world.segments).expect("sound");
    let (end, book) = (
        restored.replay.position(),
        restored.replay.book().to_owned(),
    );
    drop(restored);
    let file = directory.path().join("view.known");
    let witness = Witness::new(RealDisk, &path);
    witness.write(&known(&book, end)).expect("writes");
    let whole = fs::read(&file).expect("there");
    let mut harmed: Vec<Vec<u8>> = (0..whole.len())
        .map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            bytes
        })
        .collect();
    harmed.extend([whole[..whole.len() - 1].to_vec(), Vec::new()]);
    for bytes in harmed {
        fs::write(&file, bytes).expect("writes");
        assert_eq!(witness.read(), None);
    }
    for is_there in [true, false] {
        if !is_there {
            witness.remove().expect("removes");
        }
        let seen = look(&path);
        let known = seen.known.expect("the view knows");
        assert_eq!((&known.book, known.journal, known.view), (&book, end, end));
        assert!(known.check(&Replay::new()).is_err());
        // It is opened once and handed on.
        let start = || Ok(Replay::new());
        let again = crate::restore(&path, seen.opened, &start, &world.segments, None, |_| ());
        let (_, found) = again.expect("sound").view.expect("made");
        assert_eq!(found, ViewFound::Kept);
    }
}

/// After a note that was taken nothing older stands there, whichever call of the disk fails and
/// whatever a crash then takes: the new one, or none, and then the view is asked.
#[test]
fn a_note_that_was_taken_is_never_an_older_one() {
    let position = |segments| Position {
        segments,
        entries: segments,
        head: crate::Digest([9; 32]),
    };
    let (first, second) = (known("book", position(1)), known("book", position(2)));
    let path = Path::new("data/view");
    let (mut taken, mut refused) = (0, 0);
    for calls in 0..20 {
        for stops in [false, true] {
            let disk = FaultyDisk::new(calls.into());
            let witness = Witness::new(disk.clone(), path);
            witness.write(&first).expect("a sound disk");
            match stops {
                true => disk.stop_after(calls),
                false => disk.fail_once_after(calls),
            }
            let result = witness.write(&second);
            disk.restart();
            let there = witness.read();
            if result.is_ok() {
                taken += 1;
                assert_ne!(there, Some(first.clone()), "call {calls}, stops: {stops}");
            } else {
                refused += 1;
            }
            assert!(there.is_none_or(|it| it == first || it == second));
        }
    }
    assert!(
        taken > 10 && refused > 3,
        "{taken} taken, {refused} refused"
    );
}
