//! Each test is one life, or one way in which it is cut short.

use edugrid_units::{MilliUnits, Resources, Tier};

use super::*;

const NOON: i64 = 1_767_268_800;

fn at(seconds: i64) -> Stamp {
    Stamp::from_seconds(NOON + seconds)
}

fn attempt() -> Attempt {
    let role = |name: &str, nodes: &[(&str, u32)]| RolePlacement {
        role: name.into(),
        request: Resources {
            cards: MilliUnits::whole(4),
            ..Resources::default()
        },
        nodes: nodes
            .iter()
            .map(|(node, count)| ((*node).into(), *count))
            .collect(),
    };
    let admission = Admission {
        key: AttemptKey {
            job: "j".into(),
            task: 0,
            attempt: 1,
        },
        namespace: "ns".into(),
        name: "train".into(),
        generation: 1,
        path: vec!["sdu".into()],
        submitter: "alice".into(),
        class: "standard".into(),
        tier: Tier::Standard,
        preemptible: true,
        pool: "a100".into(),
        billed: MilliUnits::whole(12),
        walltime: Seconds(600),
        grace: Seconds(30),
        eligible: at(0),
        placement: vec![
            role("master", &[("n1", 1)]),
            role("worker", &[("n1", 1), ("n2", 1)]),
        ],
        at: at(0),
    };
    Attempt::new(Arc::new(admission), MicroYuan::ZERO, at(300))
}

fn pod(role: &str, index: u32) -> OwnPod {
    OwnPod {
        uid: format!("{role}-{index}"),
        name: format!("{role}-{index}"),
        owner: Some(crate::pods::Owner {
            name: role.into(),
            uid: format!("job-of-{role}"),
        }),
        key: AttemptKey {
            job: "j".into(),
            task: 0,
            attempt: 1,
        },
        role: role.into(),
        index,
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

fn pods() -> [OwnPod; 3] {
    [pod("master", 0), pod("worker", 0), pod("worker", 1)]
}

fn present(attempt: &mut Attempt) {
    for role in ["master", "worker"] {
        let uid = format!("uid-{role}");
        attempt.set_job(&role.into(), NativeJob::Present { uid, ended: false });
    }
}

/// All pods bound and running, and the start journalled.
fn running() -> Attempt {
    let mut attempt = attempt();
    present(&mut attempt);
    for (seconds, pod) in (5..).zip(pods()) {
        let node = Some(if pod.index == 1 { "n2" } else { "n1" }.into());
        let phase = PodPhase::Running;
        let scheduled = Some(at(seconds));
        attempt.set_pod(OwnPod {
            gated: false,
            node,
            scheduled,
            phase,
            ..pod
        });
    }
    attempt
}

fn journal_start(attempt: &mut Attempt) {
    let todo = attempt.next(at(10), Wish::Run);
    let [Todo::Start { at, .. }] = &todo[..] else {
        panic!("{todo:?}")
    };
    attempt.started = Some(*at);
}

fn finish(attempt: &mut Attempt, uid: &str, phase: PodPhase, seconds: i64) {
    let pod = attempt.pods[uid].clone();
    attempt.set_pod(OwnPod {
        phase,
        finished: Some(at(seconds)),
        ..pod
    });
}

#[test]
fn jobs_first_then_pins_once_all_pods_exist() {
    let mut attempt = attempt();
    assert_eq!(
        attempt.next(at(1), Wish::Run),
        [
            Todo::CreateJob("master".into()),
            Todo::CreateJob("worker".into())
        ],
    );
    present(&mut attempt);
    let [first, second, third] = pods();
    attempt.set_pod(first);
    attempt.set_pod(second);
    assert_eq!(attempt.next(at(1), Wish::Run), [], "a pod is still missing");
    attempt.set_pod(third);
    let pinned: Vec<_> = attempt
        .next(at(1), Wish::Run)
        .into_iter()
        .map(|todo| match todo {
            Todo::Pin { pod, node, .. } => (pod, node.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("master-0", "n1"), ("worker-0", "n1"), ("worker-1", "n2")];
    assert_eq!(
        pinned,
        expected.map(|(pod, node)| (pod.to_owned(), node.to_owned()))
    );
    for pod in pods() {
        attempt.pin_sent(&pod.uid, &pod.resource_version);
    }
    assert_eq!(attempt.next(at(1), Wish::Run), [], "pins are under way");
    // The pod changed before the pin reached it: said again for the new version.
    attempt.set_pod(OwnPod {
        resource_version: "2".into(),
        ..pod("worker", 1)
    });
    assert_eq!(attempt.next(at(1), Wish::Run).len(), 1);
}

#[test]
fn the_charge_starts_with_the_last_binding_on_the_real_nodes() {
    let mut attempt = running();
    let stray = attempt.pods["worker-1"].clone();
    attempt.set_pod(OwnPod {
        node: Some("n9".into()),
        ..stray
    });
    let todo = attempt.next(at(10), Wish::Run);
    let [
        Todo::Start {
            placement,
            at: start,
        },
    ] = &todo[..]
    else {
        panic!("{todo:?}")
    };
    assert_eq!(*start, at(7));
    assert_eq!(placement[1].nodes, [("n1".into(), 1), ("n9".into(), 1)]);
}

#[test]
fn all_exit_0_is_success_and_ends_with_the_last() {
    let mut attempt = running();
    journal_start(&mut attempt);
    assert_eq!(attempt.next(at(20), Wish::Run), []);
    assert_eq!(attempt.due(), Some(at(607)));
    for (uid, end) in [("master-0", 100), ("worker-0", 130), ("worker-1", 120)] {
        finish(&mut attempt, uid, PodPhase::Succeeded, end);
    }
    let end = Todo::End {
        outcome: Outcome::Succeeded,
        started: Some(at(7)),
        ended: Some(at(130)),
    };
    assert_eq!(attempt.next(at(131), Wish::Run), [end]);
}

#[test]
fn a_job_too_short_to_be_seen_running_is_charged_all_the_same() {
    let mut attempt = running();
    for (uid, end) in [("master-0", 8), ("worker-0", 8), ("worker-1", 9)] {
        finish(&mut attempt, uid, PodPhase::Succeeded, end);
    }
    let end = Todo::End {
        outcome: Outcome::Succeeded,
        started: Some(at(7)),
        ended: Some(at(9)),
    };
    assert_eq!(attempt.next(at(10), Wish::Run), [end]);
}

#[test]
fn the_first_own_failure_ends_the_rest() {
    let mut attempt = running();
    journal_start(&mut attempt);
    finish(&mut attempt, "worker-0", PodPhase::Failed, 50);
    assert_eq!(
        attempt.next(at(51), Wish::Run),
        [Todo::Stop(Outcome::Failed)]
    );
    attempt.stopping = Some((Outcome::Failed, at(0)));
    attempt.set_job(
        &"worker".into(),
        NativeJob::Present {
            uid: "uid-worker".into(),
            ended: true,
        },
    );
    let delete = Todo::DeleteJob {
        role: "master".into(),
        uid: "uid-master".into(),
    };
    assert_eq!(
        attempt.next(at(51), Wish::Run),
        [delete],
        "the failed role keeps its logs"
    );
    attempt.set_job(&"master".into(), NativeJob::Absent);
    finish(&mut attempt, "master-0", PodPhase::Failed, 55);
    finish(&mut attempt, "worker-1", PodPhase::Failed, 53);
    let end = Todo::End {
        outcome: Outcome::Failed,
        started: Some(at(7)),
        ended: Some(at(55)),
    };
    assert_eq!(attempt.next(at(56), Wish::Run), [end]);
}

#[test]
fn walltime_counts_from_the_charged_start() {
    let mut attempt = running();
    journal_start(&mut attempt);
    assert_eq!(attempt.next(at(606), Wish::Run), []);
    assert_eq!(
        attempt.next(at(607), Wish::Run),
        [Todo::Stop(Outcome::Walltime)]
    );
}

#[test]
fn a_wish_stops_it_and_a_stop_is_never_forgotten() {
    for (wish, outcome) in [
        (Wish::Cancel, Outcome::Cancelled),
        (Wish::Hold, Outcome::Held),
        (Wish::Gone, Outcome::Deleted),
    ] {
        let mut attempt = running();
        journal_start(&mut attempt);
        assert_eq!(attempt.next(at(20), wish), [Todo::Stop(outcome)]);
        attempt.stopping = Some((outcome, at(0)));
        // The user changes his mind; the jobs are gone already: nothing is started again.
        for role in ["master", "worker"] {
            let uid = format!("job-of-{role}");
            attempt.set_job(&role.into(), NativeJob::Deleting { uid });
            attempt.lose_job(&role.into());
        }
        assert_eq!(attempt.next(at(21), Wish::Run), [], "its pods still run");
        for pod in pods() {
            attempt.lose_pod(&pod.uid, None);
        }
        let end = Todo::End {
            outcome,
            started: Some(at(7)),
            ended: None,
        };
        assert_eq!(
            attempt.next(at(22), Wish::Run),
            [end],
            "ends unseen: last confirmed"
        );
    }
}

#[test]
fn not_bound_in_time_is_not_started_and_costs_nothing() {
    let mut attempt = attempt();
    present(&mut attempt);
    for pod in pods() {
        attempt.set_pod(pod);
    }
    assert_eq!(
        attempt.next(at(300), Wish::Run),
        [Todo::Stop(Outcome::NotStarted)]
    );
    attempt.stopping = Some((Outcome::NotStarted, at(0)));
    assert_eq!(
        attempt.next(at(300), Wish::Run).len(),
        2,
        "both jobs are deleted"
    );
    for role in ["master", "worker"] {
        attempt.set_job(&role.into(), NativeJob::Absent);
    }
    for pod in pods() {
        attempt.lose_pod(&pod.uid, None);
    }
    let end = Todo::End {
        outcome: Outcome::NotStarted,
        started: None,
        ended: None,
    };
    assert_eq!(attempt.next(at(301), Wish::Run), [end]);
}

#[test]
fn a_lost_pod_is_a_disruption_not_a_failure() {
    let mut attempt = running();
    journal_start(&mut attempt);
    let gone = attempt.pods["worker-1"].clone();
    attempt.lose_pod("worker-1", Some(gone));
    assert_eq!(
        attempt.next(at(60), Wish::Run),
        [Todo::Stop(Outcome::Disrupted)]
    );
}

#[test]
fn after_a_restart_without_pods_a_started_attempt_is_not_started_again() {
    let mut attempt = attempt();
    attempt.started = Some(at(7));
    assert_eq!(
        attempt.next(at(60), Wish::Run),
        [Todo::Stop(Outcome::Disrupted)]
    );
    attempt.stopping = Some((Outcome::Disrupted, at(0)));
    let end = Todo::End {
        outcome: Outcome::Disrupted,
        started: Some(at(7)),
        ended: None,
    };
    assert_eq!(attempt.next(at(60), Wish::Run), [end]);
}

#[test]
fn an_old_watch_event_does_not_undo_a_delete() {
    let mut attempt = running();
    let (role, uid) = (RoleName::from("worker"), "uid-worker".to_owned());
    attempt.set_job(&role, NativeJob::Deleting { uid: uid.clone() });
    attempt.set_job(
        &role,
        NativeJob::Present {
            uid: uid.clone(),
            ended: false,
        },
    );
    assert_eq!(attempt.job(&role), Some(&NativeJob::Deleting { uid }));
}

/// A Job that was made and deleted between two lists of its watch: the watch knows nothing of it and tells nothing.
#[test]
fn a_native_job_that_no_watch_has_told_is_gone_once_its_delete_is_accepted() {
    for is_told in [false, true] {
        let mut attempt = attempt();
        present(&mut attempt);
        let (role, uid) = (RoleName::from("worker"), "uid-worker".to_owned());
        attempt.set_job(&role, NativeJob::Creating);
        attempt.job_made(&role, uid.clone());
        if is_told {
            let state = NativeJob::Present {
                uid: uid.clone(),
                ended: false,
            };
            attempt.see_job(&role, state);
        }
        let deleting = NativeJob::Deleting { uid };
        attempt.set_job(&role, deleting.clone());
        attempt.delete_accepted(&role);
        let after = if is_told { deleting } else { NativeJob::Absent };
        assert_eq!(
            attempt.job(&role),
            Some(&after),
            "told by a watch: {is_told}"
        );
    }
}

/// A leader finds a native Job that failed while nobody led, its pods gone with their node; then somebody deletes it.
#[test]
fn a_native_job_that_has_ended_is_not_made_again_either() {
    let mut attempt = attempt();
    for role in ["master", "worker"] {
        let uid = format!("uid-{role}");
        attempt.see_job(&role.into(), NativeJob::Present { uid, ended: true });
    }
    attempt.lose_job(&"worker".into());
    let stop = [Todo::Stop(Outcome::Disrupted)];
    assert_eq!(attempt.next(at(5), Wish::Run), stop);
}

/// A native Job whose labels somebody took off is found again by its name, and no watch tells that it has failed.
#[test]
fn a_native_job_that_no_watch_tells_has_failed_when_its_pods_have() {
    for is_told in [false, true] {
        let mut attempt = running();
        let (role, uid) = (RoleName::from("worker"), "uid-worker".to_owned());
        attempt.job_made(&role, uid.clone());
        if is_told {
            attempt.see_job(&role, NativeJob::Present { uid, ended: false });
        }
        attempt.set_job(&"master".into(), NativeJob::Absent);
        attempt.stopping = Some((Outcome::Failed, at(20)));
        for pod in pods() {
            finish(&mut attempt, &pod.uid, PodPhase::Failed, 20);
        }
        let ended = matches!(attempt.next(at(21), Wish::Run)[..], [Todo::End { .. }]);
        assert_eq!(ended, !is_told, "told by a watch: {is_told}");
    }
}

/// Somebody deletes a native Job, or takes its labels off, before all pods are bound: it is not made again, since of what
/// it started nobody knows, and what is left of it is deleted.
#[test]
fn a_native_job_that_somebody_took_is_not_made_again() {
    for is_new_leader in [false, true] {
        let mut attempt = attempt();
        present(&mut attempt);
        for pod in pods() {
            attempt.set_pod(pod);
        }
        attempt.lose_job(&"worker".into());
        let stop = [Todo::Stop(Outcome::Disrupted)];
        assert_eq!(attempt.next(at(5), Wish::Run), stop);
        attempt.stopping = Some((Outcome::Disrupted, at(5)));
        if is_new_leader {
            attempt.set_job(&"worker".into(), NativeJob::Absent);
        }
        let deleted: Vec<String> = attempt.next(at(6), Wish::Run).iter().map(uid_of).collect();
        let worker = if is_new_leader {
            "job-of-worker"
        } else {
            "uid-worker"
        };
        assert_eq!(deleted, ["uid-master", worker]);
        let uid = worker.to_owned();
        attempt.set_job(&"worker".into(), NativeJob::Deleting { uid });
        // Nobody watches what has no labels: that it is accepted must do.
        attempt.delete_accepted(&"worker".into());
        assert_eq!(attempt.job(&"worker".into()), Some(&NativeJob::Absent));
        let deleted: Vec<String> = attempt.next(at(7), Wish::Run).iter().map(uid_of).collect();
        assert_eq!(deleted, ["uid-master"], "it is deleted once");
    }
}

fn uid_of(todo: &Todo) -> String {
    match todo {
        Todo::DeleteJob { uid, .. } => uid.clone(),
        other => panic!("{other:?}"),
    }
}
