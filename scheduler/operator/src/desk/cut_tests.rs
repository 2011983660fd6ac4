//! A quota that is cut, on a desk: from the engine's word to the journal, the cluster, and
//! what people are told (Q3, A4, E5). The province is that of the tests around: a foreign
//! lab fills all 16 cards, of which 8 are borrowed.

use edugrid_ledger::{Batch, Command};
use edugrid_units::{AttemptKey, JobUid, Outcome};

use super::*;
use crate::{
    attempt::{NativeJob, Wish},
    clock::Ticker,
    desk::{Replayed, fixture::settings},
    metrics::Metrics,
    pods::{OwnPod, Owner, PodFact, PodPhase},
};

impl Desk {
    /// The province owns 8 from now on, and takes back at once what is borrowed.
    fn cut(&mut self) {
        let spec = json!({
            "quotas": [{"pool": "a100", "nominal": 8}], "onQuotaCut": "Reclaim",
        });
        self.told(Change::Tenant(object("Tenant", "province", spec)));
    }

    /// One more node, on which all that waits has a place.
    fn room_for_all(&mut self) {
        self.told(Change::Node(Seen::There(edugrid_core::NodeSpec {
            name: "n3".into(),
            labels: [("pool".into(), "a100".into())].into(),
            allocatable: edugrid_core::NodeResources {
                cpu_milli: 1_000_000,
                memory_mebibytes: 1_000_000,
                devices: [("nvidia.com/gpu".into(), MilliUnits::whole(40))].into(),
            },
            ready: true,
            unschedulable: false,
            taints: Vec::new(),
        })));
    }

    /// Settles until no write is left over.
    fn at_rest(&mut self) -> Vec<Write> {
        let mut written = self.settle();
        while self.has_writes() {
            written.extend(self.settle());
        }
        written
    }

    /// The next leader, with the same books and nothing told yet.
    fn successor(&mut self) -> Desk {
        let replayed = Replayed {
            epoch: 2,
            books: std::mem::take(&mut self.books),
            shadow: crate::shadow::Shadow::new().0,
            past: self.world.past().clone(),
        };
        let ticker = Ticker::new(*self.ticker.clock(), self.ticker.tick());
        let mut next = Desk::new(ticker, replayed, Metrics::new(), settings());
        next.synced = [true; super::super::super::WATCHED];
        next
    }

    fn key_of(&self, name: &str) -> AttemptKey {
        let uid = JobUid::from(format!("{PLANTED}-{name}").as_str());
        let open = self.jobs[&uid].open.clone();
        open.expect("an open attempt")
    }

    /// The cluster says how the attempt's only native Job stands.
    fn native(&mut self, key: &AttemptKey, state: NativeJob) {
        let attempt = self.attempts.get_mut(key).expect("an open attempt");
        attempt.see_job(&"worker".into(), state);
        self.restless.insert(key.clone());
    }

    /// The cluster has told of the native Job that was made, so that it will tell of its end too.
    fn native_is_there(&mut self, key: &AttemptKey) {
        let attempt = &self.attempts[key];
        let state = attempt.job(&"worker".into()).expect("a native Job").clone();
        assert!(matches!(state, NativeJob::Present { .. }), "{state:?}");
        self.native(key, state);
    }
}

fn stops(batch: &Batch) -> Vec<(AttemptKey, Outcome)> {
    let stops = batch.entries().filter_map(|entry| match &entry.command {
        Command::Stop { key, outcome } => Some((key.clone(), *outcome)),
        _ => None,
    });
    stops.collect()
}

fn deleted(writes: &[Write]) -> Vec<AttemptKey> {
    let deletes = writes.iter().filter_map(|write| match write {
        Write::DeleteJob { key, .. } => Some(key.clone()),
        _ => None,
    });
    deletes.collect()
}

/// The messages of the conditions that hold in the last status of an object or job.
fn conditions(writes: &[Write], name: &str) -> Vec<(String, String, String)> {
    let statuses = writes.iter().rev().filter_map(|write| match write {
        Write::ObjectStatus {
            name: of, status, ..
        }
        | Write::JobStatus {
            name: of, status, ..
        } => (of == name).then_some(status),
        _ => None,
    });
    let status = statuses.into_iter().next().expect("a status");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    let held = all.iter().filter(|one| one["status"] == "True");
    held.map(|one| {
        (
            text(&one["type"]),
            text(&one["reason"]),
            text(&one["message"]),
        )
    })
    .collect()
}

#[test]
fn a_cut_is_journalled_before_anything_is_deleted() {
    let mut desk = province();
    let (older, youngest) = (desk.key_of("runs-0"), desk.key_of("runs-1"));
    desk.cut();
    let batch = desk.step().expect("the stop");
    let expected = [(youngest.clone(), Outcome::QuotaCut)];
    assert_eq!(stops(&batch), expected, "the youngest, and not {older}");
    assert_eq!(
        deleted(&desk.writes(usize::MAX)),
        [],
        "not durable yet (A4)"
    );
    desk.appended(&batch).expect("known");
    let written = desk.at_rest();
    assert_eq!(deleted(&written), [youngest]);
    assert!(desk.step().is_none(), "named once");
}

#[test]
fn who_was_stopped_waits_in_its_old_place_and_is_told_why() {
    let mut desk = province();
    let key = desk.key_of("runs-1");
    desk.native_is_there(&key);
    let eligible = desk.attempts[&key].admission.eligible;
    desk.cut();
    desk.at_rest();
    desk.tick();
    let written = desk.at_rest();
    let told = conditions(&written, "province");
    let over = told.iter().find(|(kind, ..)| kind == "OverQuota");
    let (.., words) = over.expect("it is over until the end");
    assert!(words.contains("8 of it is being stopped"), "{words}");

    desk.native(&key, NativeJob::Absent);
    let written = desk.at_rest();
    let name = format!("{PLANTED}-runs-1");
    let told = conditions(&written, &name);
    let (kind, reason, words) = told.first().expect("a condition");
    assert_eq!((kind.as_str(), reason.as_str()), ("Preempted", "QuotaCut"));
    assert!(words.contains("keeps its place"), "{words}");
    let job = &desk.jobs[&key.job];
    let past = job.past.last().expect("an attempt");
    assert_eq!(past.outcome, Outcome::QuotaCut);
    assert!(!job.is_over(), "no retry is used, and it had none");
    let waits = desk.explained(&format!("ns-{PLANTED}-lab"), &name);
    assert_eq!(waits.reason.expect("a reason").code, "QuotaExceeded");

    // Let in again it is the same job, as old as it was.
    let spec = json!({"quotas": [{"pool": "a100", "nominal": 40}]});
    desk.told(Change::Tenant(object("Tenant", "province", spec)));
    desk.room_for_all();
    desk.at_rest();
    let again = desk.key_of("runs-1");
    assert_eq!(again.attempt, 2);
    assert_eq!(desk.attempts[&again].admission.eligible, eligible);
}

#[test]
fn what_is_on_its_way_out_in_the_same_batch_is_counted_as_gone() {
    let mut desk = province();
    let held = desk.key_of("runs-0");
    if let Some(job) = desk.jobs.get_mut(&held.job) {
        job.wish = Wish::Hold;
    }
    desk.restless.insert(held.clone());
    desk.cut();
    let batch = desk.step().expect("a stop");
    assert_eq!(stops(&batch), [(held, Outcome::Held)]);
}

#[test]
fn a_new_leader_goes_on_where_the_old_one_stopped() {
    let mut desk = province();
    let key = desk.key_of("runs-1");
    desk.cut();
    let batch = desk.step().expect("the stop");
    desk.appended(&batch).expect("known");
    // It dies before it deletes; the next finds the stop in the journal.
    let mut next = desk.successor();
    let stopping = next.attempts[&key].stopping.map(|(outcome, _)| outcome);
    assert_eq!(stopping, Some(Outcome::QuotaCut));
    let job = desk.jobs.remove(&key.job).expect("a job");
    next.jobs.insert(key.job.clone(), job);
    let uid = "native".to_owned();
    next.native(&key, NativeJob::Present { uid, ended: false });
    next.drive();
    assert_eq!(deleted(&next.writes(usize::MAX)), [key]);
}

#[test]
fn a_new_leader_counts_as_gone_what_the_old_one_was_stopping() {
    let mut desk = province();
    let held = desk.key_of("runs-0");
    if let Some(job) = desk.jobs.get_mut(&held.job) {
        job.wish = Wish::Hold;
    }
    desk.restless.insert(held.clone());
    let batch = desk.step().expect("a stop");
    assert_eq!(stops(&batch), [(held.clone(), Outcome::Held)]);
    desk.appended(&batch).expect("known");
    let mut next = desk.successor();
    for key in [held, desk.key_of("runs-1")] {
        let uid = "native".to_owned();
        next.native(&key, NativeJob::Present { uid, ended: false });
    }
    let pool = json!({
        "kind": "Intelligent", "owner": "province", "nodeSelector": {"pool": "a100"},
        "resource": "nvidia.com/gpu", "model": "A100",
    });
    next.told(Change::Pool(object("ComputePool", "a100", pool)));
    next.jobs = std::mem::take(&mut desk.jobs);
    next.cut();
    next.tenant(PLANTED, Some("province"), 0);
    next.tenant(&format!("{PLANTED}-lab"), Some(PLANTED), 0);
    let batch = next.step();
    assert_eq!(batch.as_ref().map(stops).unwrap_or_default(), []);
    let views = next.world.tenants();
    let province = views.iter().find(|view| view.name.as_str() == "province");
    let line = &province.expect("it is told").pools[0];
    assert_eq!(
        (line.available.0, line.leaving),
        (-8000, MilliUnits::whole(8))
    );
}

/// A request of an earlier leader comes after its lease: the native Job of an attempt that is settled is there again, its
/// pods at the gate. It goes; what these books know nothing of stays, since a later leader may have admitted it.
#[test]
fn what_comes_too_late_for_a_settled_attempt_is_deleted() {
    let mut desk = province();
    let key = desk.key_of("runs-0");
    desk.native_is_there(&key);
    let outcome = Outcome::Disrupted;
    let stop = Command::Stop {
        key: key.clone(),
        outcome,
    };
    let now = desk.ticker.tick();
    desk.stage(now, stop);
    desk.at_rest();
    desk.native(&key, NativeJob::Absent);
    desk.at_rest();
    assert!(!desk.attempts.contains_key(&key), "it is settled");
    let mut unknown = key.clone();
    unknown.attempt = 9;
    for (key, expected) in [(unknown, 0), (key, 1)] {
        let fact = PodFact::Own("ns".into(), gated_pod(&key));
        desk.told(Change::Pod(Seen::There(fact)));
        assert_eq!(deleted(&desk.writes(usize::MAX)).len(), expected, "{key}");
    }
}

fn gated_pod(key: &AttemptKey) -> OwnPod {
    OwnPod {
        uid: "pod".into(),
        name: "pod".into(),
        owner: Some(Owner {
            name: "late".into(),
            uid: "late".into(),
        }),
        key: key.clone(),
        role: "worker".into(),
        index: 0,
        resource_version: "1".into(),
        gated: true,
        node: None,
        scheduled: None,
        finished: None,
        phase: PodPhase::Pending,
        disrupted: false,
        deleting: false,
    }
}
