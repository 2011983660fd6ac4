//! Books of the worked example beside objects that agree, and objects that don't.

use std::collections::BTreeMap;

use edugrid_crds::job_status;
use edugrid_ledger::{Replay, Segment};
use edugrid_units::{AttemptKey, Stamp};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{
    objects::{Gang, Job, OwnPod},
    *,
};
use crate::samples::{CHINESE, ENGLISH};

/// The attempt of the worked example: it starts at 19:00 and ends six and a half hours later.
const START: i64 = 1_795_172_400;
const END: i64 = START + 23_400;
const UID: &str = "00000001-31a4-4d8e-9d0c-3a4b5c6d7e8f";

fn booked_of(segments: &[Segment]) -> Booked {
    let (mut replay, mut booked) = (Replay::new(), Booked::default());
    for segment in segments {
        for record in replay.segment(segment).expect("sound") {
            booked.note(&record);
        }
    }
    booked
}

fn booked() -> Booked {
    booked_of(&edugrid_lives::worked_example())
}

fn time(seconds: i64) -> Option<Time> {
    Some(Time(Timestamp::from_second(seconds).expect("in range")))
}

fn attempt() -> job_status::Attempt {
    job_status::Attempt {
        number: 1,
        started_at: time(START),
        finished_at: time(END),
        outcome: Some(job_status::Outcome::Succeeded),
        charged: Some("283.20".into()),
    }
}

fn job(attempts: Vec<job_status::Attempt>) -> Job {
    Job {
        uid: UID.to_owned(),
        name: "sdu-cs/job-1".to_owned(),
        attempts,
    }
}

/// Long after the last entry, so that every status has had its time.
const LATER: Stamp = Stamp((END + 100_000) * 1_000_000_000);

fn differences(jobs: &[Job], exact: bool) -> Vec<Difference> {
    compare(
        &booked(),
        jobs,
        &BTreeMap::new(),
        LATER,
        Measure::new(exact),
    )
}

/// Field, and both values.
fn told(differences: &[Difference]) -> Vec<String> {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    differences
        .iter()
        .map(|it| {
            format!(
                "{} {} {}",
                it.field,
                side(&it.in_books),
                side(&it.in_object)
            )
        })
        .collect()
}

fn altered(alter: impl FnOnce(&mut job_status::Attempt)) -> Vec<Job> {
    let mut attempt = attempt();
    alter(&mut attempt);
    vec![job(vec![attempt])]
}

#[test]
fn objects_that_agree_are_no_difference() {
    assert_eq!(differences(&[job(vec![attempt()])], true), []);
    // What is settled stays in the books when the job is gone.
    assert_eq!(differences(&[], true), []);
}

#[test]
fn a_status_edited_by_hand_is_told_with_its_evidence() {
    let found = differences(&altered(|it| it.charged = Some("3.20".into())), false);
    let evidence = booked();
    let settled = &evidence.attempts.values().next().expect("one").settled;
    let hash = settled.as_ref().expect("it ended").2.hash.to_string();
    let expected = Difference {
        entry: Some(22),
        hash: Some(hash),
        job: "sdu-cs/job-1".into(),
        uid: UID.into(),
        attempt: 1,
        field: "charged".into(),
        in_books: Some("283.20".into()),
        in_object: Some("3.20".into()),
        object: "ComputeJob sdu-cs/job-1, status.attempts[0].charged".into(),
    };
    assert_eq!(found, [expected]);
    let found = differences(
        &altered(|it| it.outcome = Some(job_status::Outcome::Failed)),
        false,
    );
    assert_eq!(told(&found), ["outcome Succeeded Failed"]);
    let found = differences(&altered(|it| it.charged = None), false);
    assert_eq!(told(&found), ["charged 283.20 -"]);
}

/// Of 23,400 charged seconds, 0.5 % are 117.
#[test]
fn instants_have_a_tolerance_unless_they_must_be_exact() {
    let apart = |seconds| altered(move |it| it.finished_at = time(END + seconds));
    assert_eq!(differences(&apart(-117), false), []);
    assert_eq!(differences(&apart(118), false).len(), 1);
    let exact = differences(&apart(-1), true);
    assert_eq!(
        told(&exact),
        ["finishedAt 2026-11-20T17:30:00Z 2026-11-20T17:29:59Z"]
    );
    let absent = altered(|it| it.started_at = None);
    assert_eq!(
        told(&differences(&absent, false)),
        ["startedAt 2026-11-20T11:00:00Z -"]
    );
}

#[test]
fn attempts_in_one_and_not_in_the_other_are_told() {
    assert_eq!(
        told(&differences(&[job(Vec::new())], false)),
        ["attempt 1 -"]
    );
    let second = job_status::Attempt {
        number: 2,
        ..attempt()
    };
    let found = differences(&[job(vec![attempt(), second])], false);
    assert_eq!(told(&found), ["attempt - 2"]);
    assert_eq!(
        found[0].object,
        "ComputeJob sdu-cs/job-1, status.attempts[1]"
    );
    // An older attempt that a status has no more room for is no difference.
    let later = (2..34).map(|number| job_status::Attempt {
        number,
        ..attempt()
    });
    let found = differences(&[job(later.collect())], false);
    assert!(found.iter().all(|it| it.entry.is_none()), "{found:?}");
}

/// Before the end is written: open, and its job gone.
#[test]
fn an_open_attempt_without_its_job_is_told_once_it_had_its_time() {
    let mut segments = edugrid_lives::worked_example();
    segments.pop();
    let booked = booked_of(&segments);
    let found = |asked| compare(&booked, &[], &BTreeMap::new(), asked, Measure::new(false));
    assert_eq!(told(&found(LATER)), ["attempt open -"]);
    assert_eq!(found(Stamp::from_seconds(START)), []);
    // Its status tells the start and nothing else.
    let open = job_status::Attempt {
        finished_at: None,
        outcome: None,
        charged: None,
        ..attempt()
    };
    let jobs = [job(vec![open])];
    assert_eq!(
        compare(&booked, &jobs, &BTreeMap::new(), LATER, Measure::new(true)),
        []
    );
}

/// The example's clock runs sixty times faster than that of the machines, from its origin on.
#[test]
fn pods_are_compared_in_the_books_time() {
    let booked = booked();
    let real = |seconds: i64| Stamp::from_seconds(START + (seconds - START) / 60);
    assert_eq!(booked.by_clock(real(END)), Stamp::from_seconds(END));
    let pod = |scheduled, finished| OwnPod {
        key: AttemptKey {
            job: UID.into(),
            task: 0,
            attempt: 1,
        },
        name: "sdu-cs/pod".into(),
        scheduled: Some(scheduled),
        finished,
    };
    let found = |pods: &[OwnPod]| {
        let gangs = booked.gangs(pods);
        let jobs = [job(vec![attempt()])];
        told(&compare(&booked, &jobs, &gangs, LATER, Measure::new(false)))
    };
    assert!(found(&[pod(real(START), Some(real(END)))]).is_empty());
    // One of them hasn't ended: nothing is known of the end.
    assert!(found(&[pod(real(START), None)]).is_empty());
    let early = found(&[pod(real(START), Some(real(END - 3600)))]);
    assert_eq!(
        early,
        ["finishedAt 2026-11-20T17:30:00Z 2026-11-20T16:30:00Z"]
    );
    let late = found(&[pod(real(START + 600), Some(real(END)))]);
    assert_eq!(
        late,
        ["startedAt 2026-11-20T11:00:00Z 2026-11-20T11:10:00Z"]
    );
    // What ran beyond its walltime of ten hours was not to be charged.
    let mut gang = Gang::default();
    gang.add(&pod(real(START), Some(real(END))), |real| {
        booked.by_clock(real)
    });
    assert_eq!(gang.pods, 1);
}

#[test]
fn a_report_for_people() {
    let mut report = Report {
        book: "b".into(),
        entries: 23,
        from_entry: None,
        head: "ab".into(),
        exact: false,
        attempts: 1,
        jobs: 1,
        with_pods: 0,
        pods_not_read: Some("you may not list pods".into()),
        differences: differences(&altered(|it| it.charged = None), false),
    };
    report.differences[0].hash = Some("ab12".into());
    assert_eq!(
        text(&report, ENGLISH),
        "entry 22 (ab12): sdu-cs/job-1, attempt 1: charged is 283.20 in the books, nothing in \
         ComputeJob sdu-cs/job-1, status.attempts[0].charged\n\
         Pods were not compared: you may not list pods.\n\
         Compared 1 attempts of 23 proved entries with 1 jobs and the pods of 0 attempts: 1 \
         differences.\n"
    );
    assert!(text(&report, CHINESE).contains("charged 在账本中为 283.20，在"));
    report.from_entry = Some(20);
    let part = "entries before 20 are archived; give the archive's directory to --file";
    assert!(text(&report, ENGLISH).contains(part));
    assert_eq!(Failure::Differ(1).code(), 7);
}
