//! Tables and agreement over objects that are written down.

use serde_json::{Value, json};

use super::*;
use crate::demo::trace::{EXCERPT, jobs, read};

fn played() -> Vec<Job> {
    let (mut jobs, _) = jobs(&read(EXCERPT).expect("rows")).expect("jobs");
    jobs.truncate(2);
    jobs
}

fn clock() -> VirtualClock {
    serde_json::from_value(json!({"origin": "2026-11-22T08:00:00Z", "factor": 240}))
        .expect("a clock")
}

/// A job made 10 s after the origin, so 40 minutes there, that ran for an hour.
fn ended(name: &str, phase: &str, started: &str, finished: &str) -> ComputeJob {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": "sdu", "name": name, "creationTimestamp": "2026-11-22T08:00:10Z"},
        "spec": {"roles": [{"name": "worker", "cards": 1, "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}]},
        "status": {
            "phase": phase, "reason": "OwnFailure", "message": "exit code 1",
            "attempts": [{"number": 1, "startedAt": started, "finishedAt": finished}],
            "cost": {"charged": "6.00", "vouchers": [{"name": "sdu-subsidy", "charged": "3.00"}], "own": {"charged": "3.00"}},
        },
    });
    serde_json::from_value(value).expect("a ComputeJob")
}

fn seen() -> Vec<ComputeJob> {
    vec![
        ended(
            "philly-31843",
            "Succeeded",
            "2026-11-22T08:44:00Z",
            "2026-11-22T09:44:00Z",
        ),
        ended(
            "philly-31844",
            "Succeeded",
            "2026-11-22T10:00:00Z",
            "2026-11-22T11:00:00Z",
        ),
    ]
}

fn statement(movements: Vec<Value>) -> Statement {
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "Statement",
        "metadata": {"name": "2026-11"}, "asOf": "2026-11-22T12:00:00Z",
        "tenant": "sdu", "month": "2026-11", "movements": movements,
        "totals": {"cost": "0", "vouchers": "0", "own": "0"}, "ledger": {"entries": 9, "head": "ab"},
    });
    serde_json::from_value(value).expect("a Statement")
}

fn movement(job: &str, own: &str) -> Value {
    json!({
        "entry": 3, "at": "2026-11-22T11:00:00Z", "namespace": "sdu", "job": job, "attempt": 1,
        "pool": "a100", "units": "1", "seconds": 3600, "cost": "6.00",
        "vouchers": [{"name": "sdu-subsidy", "amount": "3.00"}], "own": own,
    })
}

#[test]
fn the_table_counts_waits_in_virtual_time_and_adds_up() {
    let table = table(&played(), &seen(), Some(&clock())).expect("a table");
    assert_eq!(
        table,
        "\
TENANT   JOBS   MEDIAN WAIT   LONGEST WAIT   CARD-HOURS        COST   BY VOUCHERS   BY OWN MONEY
sdu         2            4m          1h20m          2.0   12.000000      6.000000       6.000000
qdu         0             -              -          0.0    0.000000      0.000000       0.000000
ytu         0             -              -          0.0    0.000000      0.000000       0.000000
all         2            4m          1h20m          2.0   12.000000      6.000000       6.000000
"
    );
}

#[test]
fn a_job_that_failed_or_is_missing_is_named() {
    assert_eq!(not_succeeded(&played(), &seen()), Vec::<String>::new());
    let failed = [ended(
        "philly-31843",
        "Failed",
        "2026-11-22T08:44:00Z",
        "2026-11-22T09:44:00Z",
    )];
    assert_eq!(
        not_succeeded(&played(), &failed),
        [
            "philly-31843 (1 cards) is Failed: OwnFailure, exit code 1",
            "philly-31844 is not there",
        ],
    );
}

#[test]
fn objects_and_statement_must_agree_charge_by_charge() {
    let agree =
        |movements| disagreements("sdu", &seen(), &[statement(movements)]).expect("amounts");
    let (first, second) = ("philly-31843", "philly-31844");
    let both = vec![movement(first, "3.00"), movement(second, "3.00")];
    assert_eq!(agree(both), Vec::<String>::new());
    let faults = agree(vec![movement(first, "2.99"), movement("other", "3.00")]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains(
        "6.000000, 3.000000, 3.000000 in the object and 6.000000, 3.000000, 2.990000 in the"
    ));
    assert!(
        faults[1].starts_with("sdu/philly-31844"),
        "charged by the object only"
    );
    assert!(faults[2].starts_with("sdu/other stands in the statement only"));
}
