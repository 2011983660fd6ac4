//! The view on disk: whatever is done to its directory, the answers stay the same (L12).

use std::{fs, path::Path};

use super::world::{World, admission, at_hour, grant};
use crate::{
    Algorithm, Entry, HistoryView, MemoryView, Month, Replay, RestoreError, Segment, ViewError,
    ViewFound, restore,
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

/// Makes the view, does something to its directory, and brings it up again.
fn after(world: &World, harm: impl Fn(&Path)) -> ViewFound {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    let restored = restore(&path, Replay::new(), &world.segments, None, |_| ()).expect("sound");
    assert_eq!(restored.found, ViewFound::Missing);
    assert_eq!(answers(&restored.view), in_memory(&world.segments));
    drop(restored);
    harm(&path);
    let restored = restore(&path, Replay::new(), &world.segments, None, |_| ()).expect("sound");
    assert_eq!(answers(&restored.view), in_memory(&world.segments));
    assert_eq!(restored.books.state(), world.books.state());
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
        let restored = restore(&path, Replay::new(), segments, None, |_| ()).expect("sound");
        assert_eq!(answers(&restored.view), in_memory(segments));
    }
    let mut other = World::with(Algorithm::Sm3);
    other.deposit("own", "sdu", "1");
    other.commit();
    let restored = restore(&path, Replay::new(), &other.segments, None, |_| ()).expect("sound");
    assert!(rebuilt(&restored.found));
    assert_eq!(answers(&restored.view), in_memory(&other.segments));
}

/// Also where the journal is empty, or went another way after it was set back.
#[test]
fn a_view_that_knows_more_of_the_journal_than_the_journal_tells_that_it_was_rewound() {
    let world = book();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("view");
    restore(&path, Replay::new(), &world.segments, None, |_| ()).expect("sound");
    let mut other = World::with(Algorithm::Sha256);
    other.deposit("own", "sdu", "1");
    other.commit();
    for segments in [&world.segments[..2], &[], &other.segments] {
        let rewound = restore(&path, Replay::new(), segments, None, |_| ()).map(drop);
        let Err(RestoreError::Rewound(rewound)) = rewound else {
            panic!("{rewound:?}");
        };
        assert_eq!((rewound.journal, rewound.known), (segments.len() as u64, 4));
    }
    let restored = restore(&path, Replay::new(), &world.segments, None, |_| ()).expect("sound");
    assert_eq!(restored.found, ViewFound::Kept, "nothing was touched");
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
