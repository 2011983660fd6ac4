//! The chain and its proof (L11): whatever is altered is found and named.

use edugrid_units::{ComputeKind, MilliUnits, Owned, Ownership, PoolMeasure, Ratio, Seconds};
use proptest::prelude::*;

use super::world::{World, admission, at_hour, grant};
use crate::{
    Algorithm, Command, Entry, FileJournal, Line, Replay, Segment, SegmentStore, VoucherState,
    replay, verify, verify_export,
};

/// Four segments of two to four entries.
fn book(algorithm: Algorithm) -> World {
    let mut world = World::with(algorithm);
    world.commit();
    world.grant(grant("a", "1000"));
    world.deposit("own", "sdu", "1000");
    world.commit();
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.commit();
    world.pass_to(at_hour(1));
    world.end(&job.key, Some(at_hour(1)));
    world.commit();
    world
}

#[test]
fn a_sound_book_verifies_with_its_head() {
    for algorithm in Algorithm::ALL {
        let world = book(algorithm);
        let verified = verify(&world.segments).expect("sound");
        assert_eq!(
            (verified.segments, verified.entries),
            (4, world.records.len() as u64)
        );
        assert_eq!(verified.head, world.books.position().head);
        let export = verify_export(&world.export()).expect("sound");
        assert_eq!(
            (export.entries, export.head),
            (verified.entries, verified.head)
        );
    }
}

/// Invariant 17. Every byte of every segment, header and payload, in one of its bits.
#[test]
fn any_altered_byte_is_found_and_its_entry_named() {
    let world = book(Algorithm::Sha256);
    let mut before = Replay::new();
    for (index, segment) in world.segments.iter().enumerate() {
        let bytes = segment.to_bytes();
        let header = bytes.len() - segment.payload.len();
        let first = before.position().entries;
        for position in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[position] ^= 1 << (position % 8);
            // What isn't even a segment is found by whoever reads it.
            let Ok(altered) = Segment::from_bytes(&altered) else {
                continue;
            };
            let damage = before
                .clone()
                .segment(&altered)
                .expect_err("an altered byte");
            assert_eq!(damage.segment, Some(index as u64), "{damage}");
            if position >= header {
                let earlier = &segment.payload[..position - header];
                let entry = first + earlier.iter().filter(|it| **it == b'\n').count() as u64;
                let is_last_feed = position + 1 == bytes.len();
                assert!(
                    damage.entry == entry || is_last_feed,
                    "byte {position}: {damage}"
                );
            }
        }
        before.segment(segment).expect("sound");
    }
}

#[test]
fn segments_missing_doubled_or_swapped_are_found() {
    let world = book(Algorithm::Sm3);
    for index in 0..3_usize {
        let mut missing = world.segments.clone();
        missing.remove(index);
        let mut doubled = world.segments.clone();
        doubled.insert(index, world.segments[index].clone());
        let mut swapped = world.segments.clone();
        swapped.swap(index, index + 1);
        for segments in [missing, doubled, swapped] {
            assert!(verify(&segments).is_err());
            // Renumbered, they are still found.
            let renumbered: Vec<_> = segments
                .into_iter()
                .zip(0..)
                .map(|(segment, sequence)| Segment {
                    sequence,
                    ..segment
                })
                .collect();
            assert!(verify(&renumbered).is_err());
        }
    }
}

/// Whoever recomputes the hashes still can't invent money: commands are carried out.
#[test]
fn a_rehashed_lie_is_found_by_carrying_it_out() {
    let world = book(Algorithm::Sha256);
    let replaced = |from: &str, to: &str| {
        let mut previous = Algorithm::Sha256.genesis("6f1c2a52-31a4-4d8e-9d0c-3a4b5c6d7e8f");
        let mut export = Vec::new();
        for record in &world.records {
            let body = String::from_utf8(record.body.clone())
                .expect("text")
                .replace(from, to);
            let hash = Algorithm::Sha256.link(&previous, body.as_bytes());
            let line = Line {
                sequence: record.entry.sequence,
                hash,
                body: body.as_bytes(),
            };
            export.extend(line.write());
            export.push(b'\n');
            previous = hash;
        }
        verify_export(&export)
    };
    assert!(replaced("nothing", "else").is_ok());
    for (from, to) in [
        ("\"charged\":\"48000000\"", "\"charged\":\"47000000\""),
        ("\"amount\":\"48000000\"", "\"amount\":\"47000000\""),
        ("\"base\":\"480000000\"", "\"base\":\"470000000\""),
        (
            "\"per_unit_hour\":\"6000000\",\"pool\"",
            "\"per_unit_hour\":\"7000000\",\"pool\"",
        ),
        (",\"sequence\":", ", \"sequence\":"),
    ] {
        assert!(replaced(from, to).is_err(), "{from}");
    }
}

/// The stored form, pinned: a change here is a new format.
#[test]
fn entries_are_written_in_format_1() {
    let mut world = book(Algorithm::Sha256);
    world.stage(Command::VoucherState {
        voucher: "a".into(),
        state: VoucherState::Frozen,
        change: 2,
    });
    let at = world.now;
    world.stage(Command::Rebase {
        at,
        half_life: Seconds(604_800),
    });
    world.stage(Command::Owned(Ownership {
        at,
        measures: vec![PoolMeasure {
            pool: "a100".into(),
            kind: ComputeKind::Intelligent,
            factor: Ratio::new(3, 2).expect("not by zero"),
        }],
        owned: vec![Owned {
            tenant: "sdu".into(),
            beside_children: true,
            pool: "a100".into(),
            nominal: MilliUnits::whole(24),
        }],
    }));
    world.stage(Command::Moved {
        epoch: 1,
        cluster: "5b0c7e5e-9d3a-4c60-8f0e-3c9b8a1d2e4f".into(),
    });
    world.stage(Command::Forget {
        at,
        jobs: vec!["j".into()],
    });
    world.commit();
    let text = String::from_utf8(world.export()).expect("text");
    insta::assert_snapshot!(text);
}

/// Through the trait, from the file, into the same books.
#[test]
fn a_file_journal_gives_the_same_books_back() {
    let world = book(Algorithm::Sm3);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let (mut journal, _) = FileJournal::open(&path).expect("opens");
    for segment in &world.segments {
        ready(journal.append(segment)).expect("appends");
    }
    drop(journal);
    let (mut journal, found) = FileJournal::open(&path).expect("opens");
    assert_eq!((found.segments, found.torn_bytes), (4, 0));
    let segments = ready(journal.read(0, 100)).expect("reads");
    assert_eq!(segments, world.segments);
    let books = replay(&segments).expect("sound");
    assert_eq!(books.state(), world.books.state());
}

/// The result of a future that never waits, as the file journal's.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the file journal waits"),
    }
}

proptest! {
    /// Whatever comes from outside is refused, not believed and not a crash.
    #[test]
    fn bytes_from_outside_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "[\\[\\]{}\",:a-z0-9]{0,80}",
    ) {
        let framed = format!("{{\"sequence\":\"0\",\"hash\":\"{:064}\",\"body\":{text}}}\n", 0);
        for bytes in [&bytes[..], text.as_bytes(), framed.as_bytes()] {
            let _ = Line::parse(bytes);
            let _ = Segment::from_bytes(bytes);
            prop_assert!(Entry::parse(bytes).is_err());
            prop_assert!(bytes.is_empty() || verify_export(bytes).is_err());
        }
    }
}
