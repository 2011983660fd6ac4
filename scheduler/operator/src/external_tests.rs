//! Each test is one thing that an executor says, or fails to say.

use std::sync::Arc;

use edugrid_units::{AttemptKey, MicroYuan, MilliUnits, Resources, RolePlacement, Seconds, Tier};

use super::*;

/// The admission lies half a second after a whole one, as real ones do.
const ADMITTED: Stamp = Stamp(1_767_268_800_500_000_000);

fn at(seconds: i64) -> Stamp {
    Stamp::from_seconds(ADMITTED.seconds() + seconds)
}

fn attempt() -> Attempt {
    let admission = Admission {
        key: AttemptKey {
            job: "j".into(),
            task: 0,
            attempt: 2,
        },
        namespace: "ns".into(),
        name: "slurm".into(),
        generation: 1,
        path: vec!["sdu".into()],
        submitter: "alice".into(),
        class: "standard".into(),
        tier: Tier::Standard,
        preemptible: true,
        pool: "a100".into(),
        billed: MilliUnits::whole(4),
        walltime: Seconds(600),
        grace: Seconds(120),
        eligible: ADMITTED,
        placement: vec![RolePlacement {
            role: "worker".into(),
            request: Resources::default(),
            nodes: vec![("n1".into(), 1)],
        }],
        at: ADMITTED,
    };
    let mut attempt = Attempt::new(Arc::new(admission), MicroYuan::ZERO, at(300));
    assert!(attempt.run_elsewhere());
    attempt
}

fn report(started: i64, ended: Option<(i64, Outcome)>) -> Report {
    Report {
        attempt: 2,
        started: Some(at(started)),
        ended: ended.map(|(seconds, how)| (at(seconds), how)),
    }
}

fn end(outcome: Outcome, started: Option<i64>, ended: Option<i64>) -> Vec<Todo> {
    vec![Todo::End {
        outcome,
        started: started.map(at),
        ended: ended.map(at),
    }]
}

#[test]
fn it_starts_and_ends_as_its_executor_says_and_makes_nothing() {
    let mut attempt = attempt();
    assert_eq!(attempt.next(at(5), Wish::Run), [], "no native Job");
    assert_eq!(attempt.due(), Some(at(720)), "walltime and notice");
    assert!(attempt.hear(&report(10, None), at(12)));
    let todo = attempt.next(at(12), Wish::Run);
    assert!(
        matches!(&todo[..], [Todo::Start { at: start, .. }] if *start == at(10)),
        "{todo:?}"
    );
    attempt.started = Some(at(10));
    assert_eq!(attempt.next(at(12), Wish::Run), []);
    assert_eq!(attempt.due(), Some(at(730)));
    assert!(attempt.hear(&report(10, Some((40, Outcome::Succeeded))), at(41)));
    let expected = end(Outcome::Succeeded, Some(10), Some(40));
    assert_eq!(attempt.next(at(41), Wish::Run), expected);
}

#[test]
fn one_report_of_both_instants_is_one_command() {
    let mut attempt = attempt();
    attempt.hear(&report(10, Some((40, Outcome::Failed))), at(41));
    let expected = end(Outcome::Failed, Some(10), Some(40));
    assert_eq!(attempt.next(at(41), Wish::Run), expected);
}

#[test]
fn instants_are_clamped_to_admission_and_receipt() {
    let mut attempt = attempt();
    attempt.hear(
        &report(-180_000_000, Some((9000, Outcome::Succeeded))),
        at(41),
    );
    let expected = end(Outcome::Succeeded, Some(0), Some(41));
    assert_eq!(attempt.next(at(50), Wish::Run), expected);
}

#[test]
fn what_was_heard_first_stands() {
    let mut attempt = attempt();
    attempt.hear(&report(10, None), at(12));
    assert!(!attempt.hear(&report(11, None), at(13)), "another start");
    attempt.hear(&report(10, Some((40, Outcome::Failed))), at(41));
    assert!(!attempt.hear(&report(10, Some((20, Outcome::Succeeded))), at(42)));
    let expected = end(Outcome::Failed, Some(10), Some(40));
    assert_eq!(attempt.next(at(42), Wish::Run), expected);
}

/// An executor that mistakes the order of its instants is charged nothing, not less.
#[test]
fn nothing_ends_before_it_began() {
    let mut attempt = attempt();
    attempt.hear(&report(30, Some((20, Outcome::Succeeded))), at(41));
    let expected = end(Outcome::Succeeded, Some(30), Some(30));
    assert_eq!(attempt.next(at(41), Wish::Run), expected);
}

/// What the journal says of the start stands, also when a new leader hears of another (A5).
#[test]
fn the_start_in_the_books_stands() {
    let mut attempt = attempt();
    attempt.started = Some(at(10));
    attempt.hear(&report(25, Some((40, Outcome::Succeeded))), at(41));
    let expected = end(Outcome::Succeeded, Some(10), Some(40));
    assert_eq!(attempt.next(at(41), Wish::Run), expected);
}

#[test]
fn a_report_on_another_attempt_says_nothing() {
    let mut attempt = attempt();
    let old = Report {
        attempt: 1,
        ..report(10, Some((40, Outcome::Succeeded)))
    };
    assert!(!attempt.hear(&old, at(41)));
    assert_eq!(attempt.next(at(41), Wish::Run), []);
}

#[test]
fn silence_ends_it_as_at_its_walltime() {
    let mut attempt = attempt();
    assert_eq!(attempt.next(at(719), Wish::Run), []);
    let never_started = end(Outcome::Walltime, Some(0), Some(600));
    assert_eq!(attempt.next(at(720), Wish::Run), never_started);
    attempt.started = Some(at(10));
    assert_eq!(attempt.next(at(729), Wish::Run), [], "from its own start");
    let never_ended = end(Outcome::Walltime, Some(10), Some(610));
    assert_eq!(attempt.next(at(730), Wish::Run), never_ended);
}

#[test]
fn a_stop_gives_its_executor_the_notice_to_report() {
    for (wish, outcome) in [
        (Wish::Cancel, Outcome::Cancelled),
        (Wish::Hold, Outcome::Held),
    ] {
        let mut attempt = attempt();
        attempt.started = Some(at(10));
        assert_eq!(attempt.next(at(50), wish), [Todo::Stop(outcome)]);
        attempt.stopping = Some((outcome, at(50)));
        assert_eq!(attempt.next(at(169), wish), []);
        assert_eq!(attempt.due(), Some(at(170)));
        let in_silence = end(outcome, Some(10), Some(50));
        assert_eq!(attempt.next(at(170), wish), in_silence);
        let mut failed = attempt.clone();
        failed.hear(&report(10, Some((60, Outcome::Failed))), at(61));
        assert_eq!(failed.next(at(61), wish), end(outcome, Some(10), Some(60)));
        attempt.hear(&report(10, Some((60, Outcome::Succeeded))), at(61));
        let complete = end(Outcome::Succeeded, Some(10), Some(60));
        assert_eq!(attempt.next(at(61), wish), complete);
    }
}

#[test]
fn a_cut_gives_its_executor_the_notice_too() {
    let mut attempt = attempt();
    attempt.started = Some(at(10));
    attempt.stopping = Some((Outcome::QuotaCut, at(50)));
    assert_eq!(attempt.next(at(169), Wish::Run), []);
    let in_silence = end(Outcome::QuotaCut, Some(10), Some(50));
    assert_eq!(attempt.next(at(170), Wish::Run), in_silence);
}

#[test]
fn stopped_before_it_began_it_costs_nothing() {
    let mut attempt = attempt();
    attempt.stopping = Some((Outcome::Cancelled, at(50)));
    let nothing = end(Outcome::Cancelled, None, Some(50));
    assert_eq!(attempt.next(at(170), Wish::Cancel), nothing);
}

#[test]
fn deleted_it_ends_at_once_where_it_was_last_confirmed() {
    let mut attempt = attempt();
    attempt.started = Some(at(10));
    let stop = [Todo::Stop(Outcome::Deleted)];
    assert_eq!(attempt.next(at(50), Wish::Gone), stop);
    attempt.stopping = Some((Outcome::Deleted, at(50)));
    let last_confirmed = end(Outcome::Deleted, Some(10), None);
    assert_eq!(attempt.next(at(50), Wish::Gone), last_confirmed);
}

#[test]
fn a_silent_node_says_nothing_about_what_runs_elsewhere() {
    let nodes = ["n1".into()].into();
    assert!(!attempt().runs_on_any(&nodes));
}
