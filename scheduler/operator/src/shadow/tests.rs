//! A shadow beside a desk, and an API server that takes parts of snapshots and has segments.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use edugrid_archiver::cluster::Snapshots;
use edugrid_core::Past;
use edugrid_ledger::{
    Base, Books, Entry, HistoryView, Known, Month, RealDisk, Record, Replay, Section, Sight,
    SledView, Snapshot, ViewError, Witness,
};
use edugrid_translate::{segment::object, snapshot as objects};
use edugrid_units::{JobUid, Seconds, TenantName};
use kube::Client;
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Work, *};
use crate::{
    api_fixture::{absent, api_server},
    compaction::{Compaction, Thresholds},
    desk::{Desk, fixture::desk_with},
    machine::Machine,
    metrics::Metrics,
    outside::Outside,
    startup::carry_out,
    visibility::{Asked, Query, Reply},
};

/// Objects by their names.
type Held = Arc<Mutex<BTreeMap<String, Value>>>;

fn server() -> (Client, Held) {
    let there = Held::default();
    let held = there.clone();
    let client = api_server(move |call| {
        let mut held = held.lock().unwrap();
        Some(match (call.method.as_str(), held.get(call.last())) {
            ("POST", _) => {
                let name = call.sent["metadata"]["name"].as_str().unwrap().to_owned();
                held.insert(name, call.sent.clone());
                (201, call.sent)
            }
            (_, Some(object)) => (200, object.clone()),
            _ if call.last().starts_with("ledgers") => {
                let parts = call.last() == "ledgersnapshotparts";
                let items = held.iter().filter(|(name, _)| name.contains('-') == parts);
                let items: Vec<&Value> = items.map(|(_, object)| object).collect();
                let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
                (200, list)
            }
            _ => absent(),
        })
    });
    (client, there)
}

/// A desk with a tenant whose jobs run, and all that it told its shadow.
fn province() -> (Desk, Other) {
    let (shadow, other) = Shadow::new();
    let mut desk = desk_with(shadow);
    desk.site();
    desk.node("n1");
    desk.tenant("province", None, 8);
    desk.tenant("sdu", Some("province"), 8);
    let now = (Machine::REAL.now)();
    desk.voucher("v", "sdu", now.after(Seconds(10_000_000)));
    desk.settle();
    for name in ["one", "two", "three"] {
        desk.job("sdu", name, "li", 1);
        desk.settle();
    }
    assert!(desk.books().position().segments > 3);
    (desk, other)
}

fn follow(client: &Client, directory: &tempfile::TempDir, every: u64) -> Follow {
    let thresholds = Thresholds {
        segments: every,
        bytes: u64::MAX,
    };
    Follow {
        reading: Reading {
            snapshot: None,
            segments: Vec::new(),
            before: Vec::new(),
            is_told_of_all: true,
        },
        book: "book".into(),
        end: Position::START,
        sight: Sight::default(),
        client: client.clone(),
        directory: directory.path().join("view"),
        outside: Outside::new(None, "uid".into()),
        compaction: Compaction::new(Snapshots::new(client.clone()), thresholds, (0, 0)),
        machine: Machine::REAL,
        metrics: Metrics::new(),
    }
}

async fn ended(life: JoinHandle<Result<(), ShadowError>>) -> Result<(), ShadowError> {
    life.await.expect("no panic")
}

async fn month_of(desk: &mut Desk, tenant: &str) -> Result<Reply, NotFound> {
    let (reply, answer) = oneshot::channel();
    let month = Month::of((Machine::REAL.now)()).to_string();
    let query = Query::Statement {
        tenant: tenant.into(),
        month,
    };
    desk.answer(Asked { query, reply });
    answer.await.expect("an answer")
}

async fn until_ready(state: &mut watch::Receiver<State>) {
    let ready = state.wait_for(|state| *state == State::Ready);
    ready.await.expect("the shadow lives");
}

/// The last snapshot that the server has whole.
fn last_snapshot(held: &Held) -> Snapshot {
    let held = held.lock().unwrap();
    let of = |name: String| serde_json::from_value(held.get(&name)?.clone()).ok();
    let names = held.keys().filter_map(|name| objects::sequence_in(name));
    let (sequence, _) = names.max_by_key(|(sequence, _)| *sequence).expect("one");
    let manifest = of(objects::manifest_name(sequence)).expect("a manifest");
    let manifest = objects::to_manifest(&manifest).expect("sound");
    let part = |part: &edugrid_ledger::Part| {
        let name = objects::part_name(sequence, part.section, part.index);
        objects::bytes_of(&of(name)?)
    };
    Snapshot::assemble(manifest, part).expect("whole")
}

fn rows(books: &Books) -> Vec<u8> {
    books.freeze().expect("durable").lines().flatten().collect()
}

/// The leader copies nothing: its shadow leads to the same books, tells them, and writes them down.
#[tokio::test]
async fn a_shadow_is_the_leaders_books_and_tells_the_past() {
    let (client, held) = server();
    let directory = tempfile::tempdir().unwrap();
    let (mut desk, other) = province();
    let told = desk.books().position();
    let mut state = other.state.subscribe();
    // Due with the last segment.
    let follow = follow(&client, &directory, told.segments);
    let life = tokio::spawn(follow.live(other));
    until_ready(&mut state).await;
    let Ok(Reply::Statement(statement)) = month_of(&mut desk, "sdu").await else {
        panic!("no statement");
    };
    assert_eq!(statement.ledger.entries, told.entries);
    assert_eq!(statement.ledger.head, told.head.to_string());
    assert!(!statement.transfers.is_empty());
    let (books, past) = (rows(desk.books()), crate::remembered::to_bytes(desk.past()));
    drop(desk);
    ended(life).await.expect("ends with the loop");
    while !held
        .lock()
        .unwrap()
        .contains_key(&objects::manifest_name(told.segments))
    {
        tokio::task::yield_now().await;
    }
    let written = last_snapshot(&held);
    assert_eq!(written.manifest().position(), told);
    assert_eq!(written.section(Section::Ledger), books);
    assert_eq!(written.section(Section::Past), past);
    let noted = Witness::new(RealDisk, &directory.path().join("view")).read();
    let noted = noted.expect("noted");
    assert_eq!(
        (noted.book.as_str(), noted.journal, noted.view),
        ("book", told, told)
    );
}

/// One of the two is wrong, so neither may go on.
#[tokio::test]
async fn a_shadow_that_leads_elsewhere_ends_the_process() {
    let (client, _) = server();
    let directory = tempfile::tempdir().unwrap();
    let (desk, mut other) = province();
    let (sender, works) = mpsc::channel(WORKS_MAX);
    while let Ok(work) = other.works.try_recv() {
        let Work::Segment(segment, mut after) = work else {
            continue;
        };
        if segment.sequence == 2 {
            after.head.0[0] ^= 1;
        }
        sender.try_send(Work::Segment(segment, after)).unwrap();
    }
    drop(sender);
    let other = Other { works, ..other };
    let life = tokio::spawn(follow(&client, &directory, u64::MAX).live(other));
    let why = ended(life).await.expect_err("they differ");
    assert!(matches!(why, ShadowError::Differs { .. }), "{why}");
    drop(desk);
}

/// What found no room on the way is read from the journal, before anything is told after it.
#[tokio::test]
async fn what_the_loop_could_not_hand_over_is_read() {
    let (client, held) = server();
    let directory = tempfile::tempdir().unwrap();
    let (mut desk, mut other) = province();
    let (sender, works) = mpsc::channel(WORKS_MAX);
    let end = desk.books().position();
    while let Ok(work) = other.works.try_recv() {
        match work {
            Work::Segment(segment, after) if segment.sequence % 2 == 0 && after != end => {
                sender.try_send(Work::Segment(segment, after)).unwrap();
            }
            Work::Segment(segment, _) => {
                let object = serde_json::to_value(object(&segment).unwrap()).unwrap();
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                held.lock().unwrap().insert(name, object);
            }
            Work::Recall(_) => {}
        }
    }
    let mut state = other.state.subscribe();
    desk.follow_with(Shadow {
        works: sender,
        state: state.clone(),
    });
    let other = Other { works, ..other };
    let life = tokio::spawn(follow(&client, &directory, u64::MAX).live(other));
    until_ready(&mut state).await;
    let Ok(Reply::Statement(statement)) = month_of(&mut desk, "sdu").await else {
        panic!("no statement");
    };
    assert_eq!(statement.ledger.entries, end.entries);
    assert!(!statement.transfers.is_empty());
    drop(desk);
    ended(life).await.expect("ends with the loop");
}

thread_local! {
    static VIEW: RefCell<PathBuf> = RefCell::default();
    static HARMED: Cell<bool> = const { Cell::new(false) };
}

/// A view that looks what is noted beside it whenever it is told something.
struct Watchful(SledView);

impl HistoryView for Watchful {
    fn position(&self) -> Result<Position, ViewError> {
        self.0.position()
    }

    fn base(&self) -> Option<&Base> {
        self.0.base()
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        let noted = VIEW.with_borrow(|path| Witness::new(RealDisk, path).read());
        let noted = noted.expect("noted before");
        assert!(noted.journal.segments >= after.segments, "{noted:?}");
        assert!(noted.view.segments < after.segments, "{noted:?}");
        self.0.append(records, after)
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        self.0.entry(sequence)
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        if HARMED.replace(false) {
            return Err(ViewError::Damaged("a value is altered".into()));
        }
        self.0.of_tenant(tenant, until, visit)
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        self.0.of_job(job)
    }
}

/// So the note never knows less than the view, whatever is interrupted (L12).
#[tokio::test]
async fn the_journals_end_is_noted_before_the_view_is_told() {
    let (client, _) = server();
    let directory = tempfile::tempdir().unwrap();
    VIEW.set(directory.path().join("view"));
    let (desk, other) = province();
    let mut follow = follow(&client, &directory, u64::MAX);
    follow.machine.disk = |view| Box::new(Watchful(view));
    drop(desk);
    follow.live(other).await.expect("ends with the loop");
}

/// A journal that was set back is not gone on with: the note beside the view knows more (L12).
#[test]
fn a_start_is_barred_by_what_is_noted_beside_the_view() {
    let (desk, mut other) = province();
    let mut segments = Vec::new();
    while let Ok(Work::Segment(segment, _)) = other.works.try_recv() {
        segments.push(*segment);
    }
    let end = desk.books().position();
    let noted = Known {
        book: "book".into(),
        journal: end,
        view: Position::START,
    };
    let begun = |segments: &[Segment], known| {
        let (mut replay, mut past) = (Replay::new(), Past::new());
        let opened = carry_out(&mut replay, &mut past, segments, known);
        opened.map(|()| (replay.position(), past))
    };
    let (position, past) = begun(&segments, Some(&noted)).expect("all is there");
    assert_eq!((position, &past), (end, desk.past()));
    segments.pop();
    assert!(begun(&segments, None).is_ok(), "sound in itself");
    let why = begun(&segments, Some(&noted)).expect_err("it lacks a segment");
    let why = crate::startup::OpenError::from(why);
    let says = why.barred().expect("nobody may lead");
    assert!(
        says.contains("LedgerRewound") && says.contains("the local view knows"),
        "{says}"
    );
}

/// Nobody hears that nothing moved because a value can't be read; the view is made again instead.
#[tokio::test]
async fn a_view_found_damaged_by_who_reads_it_is_made_again() {
    let (client, held) = server();
    let directory = tempfile::tempdir().unwrap();
    VIEW.set(directory.path().join("view"));
    let (mut desk, mut other) = province();
    let (sender, works) = mpsc::channel(WORKS_MAX);
    while let Ok(work) = other.works.try_recv() {
        if let Work::Segment(segment, _) = &work {
            let object = serde_json::to_value(object(segment).unwrap()).unwrap();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            held.lock().unwrap().insert(name, object);
        }
        sender.try_send(work).unwrap();
    }
    let mut state = other.state.subscribe();
    desk.follow_with(Shadow {
        works: sender,
        state: state.clone(),
    });
    let mut follow = follow(&client, &directory, u64::MAX);
    follow.machine.disk = |view| Box::new(Watchful(view));
    let life = tokio::spawn(follow.live(Other { works, ..other }));
    until_ready(&mut state).await;
    HARMED.set(true);
    let later = month_of(&mut desk, "sdu").await.expect_err("damaged");
    assert!(
        matches!(&later, NotFound::NotYet(why) if why.contains("altered")),
        "{later}"
    );
    let told = loop {
        match month_of(&mut desk, "sdu").await {
            Err(NotFound::NotYet(_)) => tokio::task::yield_now().await,
            told => break told.expect("made again"),
        }
    };
    let Reply::Statement(statement) = told else {
        panic!("{told:?}");
    };
    assert!(!statement.transfers.is_empty());
    assert!(directory.path().join("view.damaged").is_dir());
    drop(desk);
    ended(life).await.expect("ends with the loop");
}
