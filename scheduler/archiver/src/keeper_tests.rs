//! The archiver beside a cluster in memory that fails at any request: whatever was deleted is
//! kept, and a leader always finds its books.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use edugrid_ledger::{Algorithm, Books, Command, Digest, Opening, RealDisk, Snapshot, replay};
use kube::core::Status;

use super::*;

const BOOK_SEGMENTS: u64 = 23;

#[derive(Default)]
struct State {
    segments: BTreeMap<u64, Segment>,
    snapshots: BTreeMap<u64, Snapshot>,
    /// Names of parts that are there.
    parts: BTreeMap<u64, Vec<String>>,
    /// Requests until one fails.
    until: Option<u32>,
    requests: u32,
}

/// A cluster's journal in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<State>>);

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds it")
    }

    fn asked(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let mut state = self.state();
        state.requests += 1;
        if state.until == Some(0) {
            state.until = None;
            let status = Status::failure("no answer", "Timeout").with_code(504);
            return Err(kube::Error::Api(status.boxed()).into());
        }
        state.until = state.until.map(|until| until - 1);
        Ok(state)
    }

    fn put(&self, snapshot: Snapshot) {
        let sequence = snapshot.manifest().sequence;
        let mut names: Vec<String> = snapshot
            .parts()
            .map(|(part, _)| {
                edugrid_translate::snapshot::part_name(sequence, part.section, part.index)
            })
            .collect();
        names.push(manifest_name(sequence));
        let mut state = self.state();
        state.parts.insert(sequence, names);
        state.snapshots.insert(sequence, snapshot);
    }
}

impl Journal for Memory {
    async fn segment(&self, sequence: u64) -> Result<Option<Segment>, JournalError> {
        Ok(self.asked()?.segments.get(&sequence).cloned())
    }

    async fn first(&self) -> Result<Option<u64>, JournalError> {
        Ok(self.asked()?.segments.keys().next().copied())
    }

    async fn parts(&self) -> Result<BTreeMap<u64, Vec<String>>, JournalError> {
        Ok(self.asked()?.parts.clone())
    }

    async fn snapshot(&self, sequence: u64) -> Result<Snapshot, JournalError> {
        Ok(self.asked()?.snapshots[&sequence].clone())
    }

    async fn delete_segment(&self, sequence: u64) -> Result<(), JournalError> {
        self.asked()?.segments.remove(&sequence);
        Ok(())
    }

    async fn delete_part(&self, name: &str) -> Result<(), JournalError> {
        let mut state = self.asked()?;
        for names in state.parts.values_mut() {
            names.retain(|there| there != name);
        }
        state.parts.retain(|_, names| !names.is_empty());
        Ok(())
    }
}

/// A book of some segments, one command each, with a snapshot after each fifth.
fn book(id: &str) -> (Vec<Segment>, Vec<Snapshot>) {
    let mut books = Books::new();
    let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
    for index in 0..i64::try_from(BOOK_SEGMENTS).expect("small") {
        let command = match index {
            0 => Command::Open(Opening {
                book: id.into(),
                algorithm: Algorithm::Sha256,
                origin: Stamp(0),
                factor: 1,
            }),
            1 => Command::Epoch {
                epoch: 1,
                writer: "w".into(),
            },
            _ => Command::Alive {
                at: Stamp(index),
                except: Vec::new(),
            },
        };
        books.stage(Stamp(index), command).expect("in order");
        let batch = books.take_batch().expect("staged");
        segments.push(batch.segment().clone());
        books
            .committed(batch.segment().sequence)
            .expect("in flight");
        if segments.len() % 5 == 0 {
            let frozen = books.freeze().expect("durable");
            let ledger = frozen.lines().flatten().collect();
            snapshots.extend(frozen.snapshot(ledger, b"past".to_vec()));
        }
    }
    (segments, snapshots)
}

fn cluster(book: &(Vec<Segment>, Vec<Snapshot>)) -> Memory {
    let memory = Memory::default();
    let segments = book.0.iter().map(|it| (it.sequence, it.clone()));
    memory.state().segments.extend(segments);
    for snapshot in &book.1 {
        memory.put(snapshot.clone());
    }
    // What a leader that died over it has left.
    let unfinished = edugrid_translate::snapshot::part_name(12, Section::Ledger, 0);
    memory.state().parts.insert(12, vec![unfinished]);
    memory
}

fn keeper(
    memory: &Memory,
    directory: &Path,
    cluster: &str,
) -> Result<Keeper<Memory, RealDisk>, KeepError> {
    let archive = Archive::open(RealDisk, directory)?;
    Keeper::open(memory.clone(), archive, cluster.into(), 3)
}

/// What is gone from the cluster is kept, and two snapshots with all that follows are there.
fn check(memory: &Memory, directory: &Path, book: &(Vec<Segment>, Vec<Snapshot>)) {
    let mut reader = ArchiveReader::new(RealDisk, directory);
    let kept = reader.segments(0, usize::MAX).expect("reads");
    assert_eq!(kept, book.0[..kept.len()]);
    let state = memory.state();
    for segment in &book.0 {
        let is_there = state.segments.contains_key(&segment.sequence);
        assert!(
            is_there || kept.contains(segment),
            "{} is lost",
            segment.sequence
        );
    }
    let first = state.segments.keys().next().copied().unwrap_or(0);
    let there = u64::try_from(state.segments.len()).expect("small");
    assert_eq!(there, BOOK_SEGMENTS - first, "without a gap");
    let starts = whole(&state.parts).filter(|it| *it >= first).count();
    assert!(starts >= 2, "a leader starts at {first} or at a snapshot");
}

#[tokio::test]
async fn whatever_request_fails_nothing_is_lost() {
    let book = book("b");
    let requests = {
        let (memory, place) = (cluster(&book), tempfile::tempdir().expect("a directory"));
        let mut keeper = keeper(&memory, place.path(), "uid-1").expect("opens");
        let round = keeper.round(Stamp(1)).await.expect("sound");
        assert_eq!((round.kept, round.deleted), (BOOK_SEGMENTS, 15));
        assert_eq!(round.proved, [5, 10, 15, 20]);
        let again = keeper.round(Stamp(2)).await.expect("sound");
        assert_eq!(again, Round::default(), "nothing is left to do");
        let state = memory.state();
        assert_eq!(state.parts.keys().copied().collect::<Vec<_>>(), [15, 20]);
        state.requests
    };
    for fails_at in 0..requests {
        let (memory, place) = (cluster(&book), tempfile::tempdir().expect("a directory"));
        memory.state().until = Some(fails_at);
        let mut first = keeper(&memory, place.path(), "uid-1").expect("opens");
        while first
            .round(Stamp(1))
            .await
            .is_ok_and(|round| round != Round::default())
        {}
        check(&memory, place.path(), &book);
        drop(first);
        memory.state().until = None;
        let mut second = keeper(&memory, place.path(), "uid-1").expect("opens");
        second.round(Stamp(2)).await.expect("sound");
        check(&memory, place.path(), &book);
        let head = second
            .archive
            .reader()
            .head()
            .expect("reads")
            .expect("published");
        assert_eq!((head.segments, head.book.as_str()), (BOOK_SEGMENTS, "b"));
        let whole = replay(&book.0).expect("sound").position();
        assert_eq!(head.position(), whole);
        assert_eq!(memory.state().segments.len(), 8, "{fails_at}");
    }
}

/// A snapshot that says something else than the segments frees nothing.
#[tokio::test]
async fn a_false_snapshot_is_told_and_deletes_nothing() {
    let book = book("b");
    let (memory, place) = (cluster(&book), tempfile::tempdir().expect("a directory"));
    for snapshot in &book.1 {
        let ledger = String::from_utf8(snapshot.section(Section::Ledger).to_vec()).expect("text");
        let lie = ledger.replace("\"writer\":\"w\"", "\"writer\":\"x\"");
        assert_ne!(lie, ledger);
        let sequence = snapshot.manifest().sequence;
        let books = replay(&book.0[..usize::try_from(sequence).expect("small")]).expect("sound");
        let frozen = books.freeze().expect("durable");
        let lie = frozen.snapshot(lie.into_bytes(), b"past".to_vec());
        memory.put(lie.expect("opened"));
    }
    let mut keeper = keeper(&memory, place.path(), "uid-1").expect("opens");
    let round = keeper.round(Stamp(1)).await.expect("sound");
    assert_eq!((round.false_snapshots.len(), round.deleted), (4, 0));
    assert!(round.proved.is_empty());
    assert_eq!(memory.state().segments.len() as u64, BOOK_SEGMENTS);
}

#[tokio::test]
async fn it_stops_where_the_journal_is_not_the_one_that_it_has_kept() {
    let book = book("b");
    let place = tempfile::tempdir().expect("a directory");
    let memory = cluster(&book);
    let mut first = keeper(&memory, place.path(), "uid-1").expect("opens");
    first.round(Stamp(1)).await.expect("sound");
    drop(first);
    let stops = async |memory: &Memory, here: &str| {
        let before = memory.state().segments.len();
        let mut keeper = keeper(memory, place.path(), here).expect("opens");
        let stopped = keeper.round(Stamp(2)).await.expect_err("it must stop");
        assert_eq!(memory.state().segments.len(), before, "nothing is deleted");
        stopped
    };
    let other = stops(&memory, "uid-2").await;
    assert!(matches!(other, KeepError::OtherOwner { .. }), "{other}");
    let rewound = cluster(&book);
    rewound.state().segments.remove(&(BOOK_SEGMENTS - 1));
    let stopped = stops(&rewound, "uid-1").await;
    assert!(
        matches!(
            stopped,
            KeepError::Rewound {
                kept: BOOK_SEGMENTS
            }
        ),
        "{stopped}"
    );
    let forked = cluster(&book);
    if let Some(last) = forked.state().segments.get_mut(&(BOOK_SEGMENTS - 1)) {
        last.previous = Digest([7; 32]);
    }
    let stopped = stops(&forked, "uid-1").await;
    assert!(
        matches!(stopped, KeepError::Differs { segment: 22 }),
        "{stopped}"
    );
}

#[tokio::test]
async fn segments_that_were_never_archived_are_missed() {
    let memory = cluster(&book("b"));
    memory.state().segments.remove(&0);
    let place = tempfile::tempdir().expect("a directory");
    let mut keeper = keeper(&memory, place.path(), "uid-1").expect("opens");
    let stopped = keeper.round(Stamp(1)).await.expect_err("it must stop");
    let is_told = matches!(
        stopped,
        KeepError::Missing {
            missing: 0,
            first: 1
        }
    );
    assert!(is_told, "{stopped}");
}

/// A leader that slept since long before writes under numbers that are free again.
#[tokio::test]
async fn a_stray_is_told_and_taken_away_and_nothing_else() {
    let book = book("b");
    let (memory, place) = (cluster(&book), tempfile::tempdir().expect("a directory"));
    let mut keeper = keeper(&memory, place.path(), "uid-1").expect("opens");
    keeper.round(Stamp(1)).await.expect("sound");
    let there: Vec<u64> = memory.state().segments.keys().copied().collect();
    assert_eq!(there.first(), Some(&15));
    let stray = |sequence: u64| {
        let place = usize::try_from(sequence).expect("small");
        let mut stray = book.0[place].clone();
        stray.nonce = "slept".into();
        stray
    };
    for sequence in [0, 4, 5] {
        memory.state().segments.insert(sequence, stray(sequence));
    }
    let round = keeper.round(Stamp(2)).await.expect("it goes on");
    assert_eq!(round.strays, [stray(0), stray(4), stray(5)]);
    assert_eq!((round.kept, round.deleted), (0, 0));
    let left: Vec<u64> = memory.state().segments.keys().copied().collect();
    assert_eq!(left, there);
    check(&memory, place.path(), &book);
    // What a leader wrote twice, since the first answer was lost, is no other one.
    memory.state().segments.insert(3, book.0[3].clone());
    let round = keeper.round(Stamp(3)).await.expect("it goes on");
    assert!(round.strays.is_empty());
    let left: Vec<u64> = memory.state().segments.keys().copied().collect();
    assert_eq!(left, there);
}
