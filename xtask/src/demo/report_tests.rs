//! Tables over objects and statements that are written down.

use serde_json::json;

use super::*;
use crate::demo::fixture::{evening, queued, view};
use crate::demo::trace::{Delay, EXCERPT, jobs, read};

fn clock() -> VirtualClock {
    serde_json::from_value(json!({"origin": "2026-11-22T08:00:00Z", "factor": 240}))
        .expect("a clock")
}

/// A job made 10 s after the origin, so 40 minutes there.
fn started(name: &str, at: &str) -> ComputeJob {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": "sdu-cs", "name": name, "creationTimestamp": "2026-11-22T08:00:10Z"},
        "spec": {"roles": [{"name": "worker", "cards": 1, "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}]},
        "status": {"phase": "Succeeded", "attempts": [{"number": 1, "startedAt": at}]},
    });
    serde_json::from_value(value).expect("a ComputeJob")
}

fn statement() -> Statement {
    let movement = |pool, units| {
        json!({
            "entry": 3, "at": "2026-11-22T11:00:00Z", "namespace": "sdu-cs", "job": "a", "attempt": 1,
            "pool": pool, "units": units, "seconds": 3600, "cost": "6.00",
            "vouchers": [{"name": "sdu-subsidy", "amount": "3.50"}], "own": "2.50",
        })
    };
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "Statement",
        "metadata": {"name": "2026-11"}, "asOf": "2026-11-22T12:00:00Z",
        "tenant": "sdu-cs", "month": "2026-11", "movements": [movement("a100", "4"), movement("general", "8")],
        "totals": {"cost": "0", "vouchers": "0", "own": "0"}, "ledger": {"entries": 9, "head": "ab"},
    });
    serde_json::from_value(value).expect("a Statement")
}

fn row(table: &str, tenant: &str) -> String {
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines
        .find(|line| line.first() == Some(&tenant))
        .expect("a line");
    line.join(" ")
}

#[test]
fn what_a_college_got_counts_for_its_university_and_waits_are_the_others_doing() {
    let (mut played, _) = jobs(&read(EXCERPT).expect("rows")).expect("jobs");
    played.truncate(2);
    (played[0].delay, played[1].delay) = (Delay::None, Delay::Held(1800));
    let seen = [
        started("philly-30270", "2026-11-22T08:44:00Z"),
        started("philly-30271", "2026-11-22T10:00:00Z"),
    ];
    let statements = Statements::from([("sdu-cs", vec![statement()])]);
    let table = who_got_what(&played, &seen, &statements, Some(&clock()), Language::En);
    let table = table.expect("a table");
    let numbers = "2 4m 50m 4.0 0.0 8.0 12.00 7.00 5.00";
    assert_eq!(
        row(&table, "sdu-cs"),
        format!("sdu-cs Computer Science {numbers}")
    );
    assert_eq!(
        row(&table, "sdu"),
        format!("sdu Shandong University {numbers}")
    );
    assert_eq!(row(&table, "all"), format!("all {numbers}"));
    assert_eq!(
        row(&table, "qdu-ai"),
        "qdu-ai Artificial Intelligence 0 - - 0.0 0.0 0.0 0.00 0.00 0.00"
    );
}

#[test]
fn who_waited_is_told_with_the_reason_and_the_longest_one() {
    let mut waits = Waits::default();
    for minute in ["00", "30"] {
        let waiting = [
            queued("sdu-cs", "a", "Waiting", "QuotaExceeded"),
            queued("sdu-cs", "b", "Waiting", "Held"),
        ];
        waits.look(&view(&format!("2026-11-22T10:{minute}:00Z"), &waiting));
    }
    let text = who_waited(&waits, Language::En);
    let mut lines = text.lines().map(str::trim);
    assert_eq!(
        lines.next(),
        Some("sdu-cs     Held 30m (1 job), QuotaExceeded 30m (1 job)")
    );
    assert_eq!(
        lines.next(),
        Some("longest: a 30m: because of a"),
        "a user's own hold is no queue"
    );
    assert_eq!(lines.next(), Some("sdu-med    nobody waited"));
    let meanings = meanings(&waits, Language::En);
    assert_eq!(meanings.lines().count(), 2);
    assert!(meanings.contains("  Held ") && meanings.contains("  QuotaExceeded "));
}

#[test]
fn a_purse_shows_what_is_left() {
    let table = purses(&Scene::of(&evening()), Language::En);
    assert_eq!(
        row(&table, "sdu-subsidy"),
        "sdu-subsidy sdu 1000.00 500.00 250.00 250.00"
    );
    assert_eq!(row(&table, "own"), "own money sdu 50.00 2.00 1.00 47.00");
}
