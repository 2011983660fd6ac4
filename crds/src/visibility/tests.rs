//! Answers as they go over the wire.

use super::*;
use crate::text::{Money, Quantity};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

fn at(text: &str) -> Time {
    Time(text.parse::<Timestamp>().unwrap())
}

fn age(factor: Option<u32>) -> Age {
    let clock = factor.map(|factor| VirtualClock {
        origin: at("2026-11-01T00:00:00Z"),
        factor,
    });
    Age {
        as_of: at("2026-11-22T08:00:00Z"),
        clock,
    }
}

#[test]
fn a_queued_job_looks_like_an_object_of_kubernetes() {
    let mut job = QueuedJob::new(age(None), "sdu-cs", "resnet", QueuePhase::Waiting);
    job.reason = Some("QuotaExceeded".into());
    job.units = Some(Quantity::from("32"));
    job.position_in_tenant = Some(1);
    let list = QueuedJobList::new(age(None), vec![job]);
    let wire = serde_json::to_value(&list).unwrap();
    assert_eq!(
        wire,
        json!({
            "apiVersion": "visibility.edugrid.io/v1alpha1",
            "kind": "QueuedJobList",
            "metadata": {},
            "asOf": "2026-11-22T08:00:00Z",
            "items": [{
                "apiVersion": "visibility.edugrid.io/v1alpha1",
                "kind": "QueuedJob",
                "metadata": {"namespace": "sdu-cs", "name": "resnet"},
                "asOf": "2026-11-22T08:00:00Z",
                "phase": "Waiting",
                "reason": "QuotaExceeded",
                "units": "32",
                "positionInTenant": 1,
            }],
        }),
    );
    assert_eq!(serde_json::from_value::<QueuedJobList>(wire).unwrap(), list);
}

#[test]
fn a_statement_says_that_its_clock_is_virtual() {
    let mut statement = Statement::new(age(Some(60)), "sdu", "2026-11");
    statement.totals.cost = Money::from("384.00");
    let wire = serde_json::to_value(&statement).unwrap();
    assert_eq!(
        wire["metadata"],
        json!({"namespace": "edugrid-sdu", "name": "2026-11"})
    );
    assert_eq!(
        wire["clock"],
        json!({"origin": "2026-11-01T00:00:00Z", "factor": 60})
    );
    assert_eq!(
        serde_json::from_value::<Statement>(wire).unwrap(),
        statement
    );
}

#[test]
fn every_resource_is_read_only() {
    for resource in RESOURCES {
        let verbs = resource.verbs();
        assert!(verbs.contains(&"get"), "{}", resource.plural);
        assert_eq!(
            verbs.contains(&"list"),
            resource.list_kind.is_some(),
            "{}",
            resource.plural
        );
        assert!(
            verbs.iter().all(|verb| ["get", "list"].contains(verb)),
            "{}",
            resource.plural
        );
    }
}
