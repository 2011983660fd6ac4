//! Statuses changed by hand, on a desk: what is written again, when, and under which epoch.

use edugrid_crds::ComputeJob;
use edugrid_units::Stamp;
use serde_json::{Value, json};

use crate::{
    change::{Change, Wake},
    desk::{Desk, fixture},
    watch::Seen,
    writes::{Answer, Done, Write},
};

/// A desk with one job, whose class nobody knows: a status is due at once.
fn with_a_job() -> Desk {
    let mut desk = fixture::desk();
    desk.tenant("cs", None, 8);
    desk.job("cs", "j", "alice", 1);
    desk.settle();
    desk
}

/// The status writes of a tick.
fn tick(desk: &mut Desk) -> Vec<Write> {
    desk.apply(Wake::Tick);
    let mut writes = desk.writes(usize::MAX);
    writes.retain(|write| matches!(write, Write::JobStatus { .. }));
    writes
}

fn answered(desk: &mut Desk, write: &Write, answer: Answer) {
    let write = write.clone();
    desk.apply(Wake::Done(Box::new(Done { write, answer })));
}

fn status(write: &Write) -> (i64, Value) {
    match write {
        Write::JobStatus { epoch, status, .. } => (*epoch, status.clone()),
        other => panic!("{other:?}"),
    }
}

/// The watch tells of the job at a version, with a status; what is null there is not in the object.
fn seen(desk: &mut Desk, version: &str, status: &Value) {
    seen_wanted(desk, version, "Run", status);
}

/// The same of a job that is to be held or cancelled.
fn seen_wanted(desk: &mut Desk, version: &str, wanted: &str, status: &Value) {
    let mut status = status.clone();
    status
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {
            "namespace": "ns-cs", "name": "j", "uid": "j", "generation": 1,
            "creationTimestamp": "2026-11-02T00:00:00Z", "resourceVersion": version,
        },
        "spec": {
            "state": wanted,
            "submitter": {"user": "alice"},
            "roles": [{"name": "worker", "cards": 1,
                       "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}],
        },
        "status": status,
    });
    let job: ComputeJob = serde_json::from_value(value).unwrap();
    desk.told(Change::Job(Box::new(Seen::There(job))));
}

#[test]
fn a_status_that_somebody_changed_is_written_again() {
    let mut desk = with_a_job();
    let writes = tick(&mut desk);
    let (_, written) = status(&writes[0]);
    answered(&mut desk, &writes[0], Answer::Stands("5".into()));
    // What was before its own write, and that, seen again.
    seen(&mut desk, "4", &json!({"reason": written["reason"]}));
    seen(&mut desk, "5", &written);
    assert!(tick(&mut desk).is_empty());
    let mut edited = written.clone();
    edited["phase"] = json!("Succeeded");
    seen(&mut desk, "6", &edited);
    assert!(
        desk.writes(usize::MAX).is_empty(),
        "at the next tick, not at once"
    );
    let again = tick(&mut desk);
    assert_eq!(again.iter().map(status).collect::<Vec<_>>(), [(1, written)]);
}

/// The edit comes while a write is under way, and is told before the answer.
#[test]
fn an_edit_behind_a_write_under_way_is_seen() {
    let mut desk = with_a_job();
    let writes = tick(&mut desk);
    let (_, written) = status(&writes[0]);
    let mut edited = written.clone();
    edited["cost"]["charged"] = json!("0.01");
    seen(&mut desk, "6", &edited);
    answered(&mut desk, &writes[0], Answer::Stands("5".into()));
    assert_eq!(tick(&mut desk).len(), 1);
}

/// What is due while a write is under way is told after it, also of a job to which nothing happens any more.
#[test]
fn a_cancel_behind_a_write_under_way_is_told() {
    let mut desk = with_a_job();
    let writes = tick(&mut desk);
    let (_, written) = status(&writes[0]);
    seen_wanted(&mut desk, "6", "Cancel", &written);
    desk.settle();
    assert!(tick(&mut desk).is_empty(), "one write at a time");
    answered(&mut desk, &writes[0], Answer::Stands("5".into()));
    let told = tick(&mut desk);
    assert_eq!(told.len(), 1);
    assert_eq!(status(&told[0]).1["phase"], "Cancelled");
}

#[test]
fn a_raised_epoch_is_written_under_once_the_journal_has_spoken() {
    let mut desk = with_a_job();
    let writes = tick(&mut desk);
    // The reason at least is told: no other write is due.
    let (_, written) = status(&writes[0]);
    seen(
        &mut desk,
        "2",
        &json!({"reason": written["reason"], "epoch": 1_000_000_000}),
    );
    // A batch that was taken before says nothing of what is seen now.
    desk.alive_at = Stamp(0);
    desk.doubts.seen.insert("another".into(), 7);
    let earlier = desk.step().expect("a batch");
    answered(&mut desk, &writes[0], Answer::Outranked(1_000_000_000));
    desk.appended(&earlier).unwrap();
    assert!(
        tick(&mut desk).is_empty(),
        "a later leader may have written it"
    );
    desk.alive_at = Stamp(0);
    let batch = desk.step().expect("a batch that decides");
    assert!(tick(&mut desk).is_empty(), "it is not durable yet");
    desk.appended(&batch).unwrap();
    let again = tick(&mut desk);
    let (epoch, status) = status(&again[0]);
    assert_eq!(
        (epoch, &status["epoch"]),
        (1_000_000_000, &json!(1_000_000_000))
    );
}

/// What this leader has not written yet, since an earlier one's words still stood, is put right too.
#[test]
fn a_status_of_an_earlier_leader_is_put_right_once_it_is_changed() {
    let mut desk = with_a_job();
    let (_, written) = status(&tick(&mut desk)[0]);
    let mut desk = fixture::desk();
    desk.tenant("cs", None, 8);
    seen(&mut desk, "1", &written);
    desk.settle();
    assert!(tick(&mut desk).is_empty(), "it stands already");
    let mut edited = written.clone();
    edited["phase"] = json!("Running");
    seen(&mut desk, "2", &edited);
    let (_, again) = status(&tick(&mut desk)[0]);
    assert_eq!(again["phase"], "Pending");
}
