//! Agreement over objects that are written down.

use serde_json::{Value, json};

use super::*;
use crate::demo::trace::{EXCERPT, jobs, read};

fn played() -> Vec<Job> {
    let (mut jobs, _) = jobs(&read(EXCERPT).expect("rows")).expect("jobs");
    jobs.truncate(2);
    jobs
}

fn ended(name: &str, phase: &str) -> ComputeJob {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": "sdu-cs", "name": name},
        "spec": {"roles": [{"name": "worker", "cards": 1, "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}]},
        "status": {
            "phase": phase, "reason": "OwnFailure", "message": "exit code 1",
            "cost": {"charged": "6.00", "vouchers": [{"name": "sdu-subsidy", "charged": "3.00"}], "own": {"charged": "3.00"}},
        },
    });
    serde_json::from_value(value).expect("a ComputeJob")
}

fn seen() -> Vec<ComputeJob> {
    ["philly-30270", "philly-30271"]
        .map(|name| ended(name, "Succeeded"))
        .to_vec()
}

fn statement(movements: Vec<Value>) -> Statement {
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "Statement",
        "metadata": {"name": "2026-11"}, "asOf": "2026-11-22T12:00:00Z",
        "tenant": "sdu-cs", "month": "2026-11", "movements": movements,
        "totals": {"cost": "0", "vouchers": "0", "own": "0"}, "ledger": {"entries": 9, "head": "ab"},
    });
    serde_json::from_value(value).expect("a Statement")
}

fn movement(job: &str, own: &str) -> Value {
    json!({
        "entry": 3, "at": "2026-11-22T11:00:00Z", "namespace": "sdu-cs", "job": job, "attempt": 1,
        "pool": "a100", "units": "1", "seconds": 3600, "cost": "6.00",
        "vouchers": [{"name": "sdu-subsidy", "amount": "3.00"}], "own": own,
    })
}

#[test]
fn a_job_that_failed_or_is_missing_is_named() {
    assert_eq!(not_succeeded(&played(), &seen()), Vec::<String>::new());
    let failed = [ended("philly-30270", "Failed")];
    let faults = not_succeeded(&played(), &failed);
    assert!(
        faults[0].starts_with("philly-30270 (")
            && faults[0].ends_with("is Failed: OwnFailure, exit code 1")
    );
    assert_eq!(faults[1], "philly-30271 is not there");
    assert_eq!(sum(&seen()).expect("amounts"), 12_000_000);
}

#[test]
fn objects_and_statement_must_agree_charge_by_charge() {
    let agree =
        |movements| disagreements("sdu-cs", &seen(), &[statement(movements)]).expect("amounts");
    let (first, second) = ("philly-30270", "philly-30271");
    let both = vec![movement(first, "3.00"), movement(second, "3.00")];
    assert_eq!(agree(both), Vec::<String>::new());
    let faults = agree(vec![movement(first, "2.99"), movement("other", "3.00")]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains(
        "6.000000, 3.000000, 3.000000 in the object and 6.000000, 3.000000, 2.990000 in the"
    ));
    assert!(
        faults[1].starts_with("sdu-cs/philly-30271"),
        "charged by the object only"
    );
    assert!(faults[2].starts_with("sdu-cs/other stands in the statement only"));
}
