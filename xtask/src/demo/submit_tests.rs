//! What users write, and when.

use edugrid_crds::ComputeJob;
use serde_json::json;

use super::*;
use crate::demo::trace::{EXCERPT, jobs, read};
use crate::demo::world::MEMBERS;

fn all() -> Vec<Job> {
    jobs(&read(EXCERPT).expect("rows")).expect("jobs").0
}

/// Ten real seconds after the origin, so 50 minutes there.
fn beginning() -> Beginning {
    let clock: VirtualClock =
        serde_json::from_value(json!({"origin": "2026-11-22T08:00:00Z", "factor": 300}))
            .expect("a clock");
    let real: Timestamp = "2026-11-22T08:00:10Z".parse().expect("an instant");
    Beginning {
        real: Instant::now(),
        by_clock: text::in_virtual_time(real, Some(&clock)),
    }
}

#[test]
fn a_user_writes_a_dozen_lines_of_our_kind() {
    for job in all() {
        let text = manifest(&job, beginning(), false);
        assert!((12..=14).contains(&text.lines().count()), "{text}");
        let read: ComputeJob = serde_saphyr::from_str(&text).expect("a ComputeJob");
        assert_eq!(read.metadata.namespace.as_deref(), Some(job.member.tenant));
        let role = &read.spec.roles[0];
        assert_eq!(role.replicas.unsigned_abs(), job.replicas);
        let cards = role.cards.as_ref().map(|cards| cards.text());
        match job.each {
            Each::Cards(each) => assert_eq!(cards, Some(each.to_string())),
            Each::Cores(_) => assert_eq!((cards, read.spec.pools.len()), (None, 1)),
        }
        let rest = &role.template.metadata.as_ref().expect("metadata").rest;
        let real = rest["annotations"][annotations::RUN_FOR].as_str();
        let real = real.expect("a duration").trim_end_matches("ms");
        let real: u64 = real.parse().expect("milliseconds");
        assert_eq!(real, job.runs * 1000 / u64::from(FACTOR));
        assert!(real >= 1000, "shorter than the stamps can show");
    }
}

#[test]
fn a_job_is_put_off_in_virtual_time() {
    let mut job = all().remove(0);
    (job.arrives, job.delay) = (600, Delay::PutOff(3600));
    let text = manifest(&job, beginning(), false);
    assert!(
        text.contains("startAfter: \"2026-11-22T10:00:00Z\""),
        "{text}"
    );
    job.delay = Delay::Held(60);
    assert!(manifest(&job, beginning(), false).contains("  state: Hold\n"));
}

#[test]
fn every_job_is_submitted_once_and_every_held_one_let_go_later() {
    let all = all();
    let (mut submitted, mut released) = (0, 0);
    for member in MEMBERS {
        let steps = steps(member, &all);
        assert!(steps.is_sorted_by_key(|(at, _)| *at));
        for (at, step) in steps {
            match step {
                Step::Submit(job) => {
                    assert_eq!((at, job.member.tenant), (job.arrives, member.tenant));
                    submitted += 1;
                }
                Step::Release(job) => {
                    assert!(at > job.arrives && matches!(job.delay, Delay::Held(_)));
                    released += 1;
                }
            }
        }
    }
    let held = all.iter().filter(|job| matches!(job.delay, Delay::Held(_)));
    assert_eq!((submitted, released), (all.len(), held.count()));
}

#[test]
fn a_guest_tolerates_the_taint_of_the_nodes_that_it_brought() {
    for job in all() {
        let text = manifest(&job, beginning(), true);
        let read: ComputeJob = serde_saphyr::from_str(&text).expect("a ComputeJob");
        let tolerations = &read.spec.roles[0].template.spec.tolerations;
        assert_eq!(tolerations.len(), 1, "{text}");
    }
}
