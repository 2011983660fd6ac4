//! The board over a view that is written down.

use edugrid_crds::ComputeJob;
use edugrid_crds::visibility::QueuedJobList;
use serde_json::{Value, json};

use super::*;

fn uses(tenant: &Tenant, usage: &str) -> TenantUse {
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "TenantUse",
        "metadata": {"name": tenant.name}, "asOf": "2026-11-22T10:00:00Z",
        "pools": [{"pool": POOL, "nominal": "12", "effectiveNominal": "12", "usage": usage, "borrowed": "0", "available": "0"}],
        "vouchers": {"count": 1, "held": "1.00", "spent": "2.50", "available": "0.00"},
        "own": {"held": "1.00", "spent": "2.00", "available": "0.00"},
    });
    serde_json::from_value(value).expect("a TenantUse")
}

fn queued(name: &str, phase: &str, reason: &str) -> Value {
    json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "QueuedJob",
        "metadata": {"namespace": "sdu", "name": name}, "asOf": "2026-11-22T10:00:00Z",
        "phase": phase, "reason": reason, "message": format!("because of {name}"),
        "positionInPool": (phase == "Waiting").then_some(name.len()),
    })
}

fn job(name: &str, phase: &str, replicas: u32) -> ComputeJob {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": "sdu", "name": name},
        "spec": {"roles": [{"name": "worker", "cards": 2, "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}]},
        "status": {"phase": phase, "placement": [{"role": "worker", "pool": POOL, "nodes": [{"name": "gpu-1", "replicas": replicas}]}]},
    });
    serde_json::from_value(value).expect("a ComputeJob")
}

fn view() -> View {
    let list = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "QueuedJobList", "metadata": {},
        "asOf": "2026-11-22T10:00:00Z",
        "items": [
            queued("a", "Running", ""), queued("bbb", "Waiting", "QuotaExceeded"),
            queued("cc", "Waiting", "Fragmented"), queued("dddd", "Waiting", "Fragmented"),
        ],
    });
    let queue: QueuedJobList = serde_json::from_value(list).expect("a queue");
    View {
        queue,
        uses: TENANTS.iter().map(|tenant| uses(tenant, "3")).collect(),
        jobs: vec![job("a", "Running", 3), job("z", "Succeeded", 1)],
    }
}

#[test]
fn a_line_counts_what_waits_by_reason_and_adds_up_the_money() {
    let view = view();
    let line = line(&TENANTS[0], &view.uses[0], &view);
    let expected = Line {
        running: 1,
        waiting: 3,
        why: "2 Fragmented, 1 QuotaExceeded".to_owned(),
        cards: 3,
        quota: "12".to_owned(),
        held: 2_000_000,
        charged: 4_500_000,
    };
    assert_eq!(line, expected);
}

#[test]
fn the_first_in_line_is_named_with_its_reason() {
    let mut view = view();
    assert_eq!(first_in_line(&view), "sdu/cc: because of cc");
    view.queue.items.truncate(1);
    assert_eq!(first_in_line(&view), "nobody");
}

#[test]
fn cards_are_shown_where_the_placement_is() {
    let nodes = cards(&view());
    assert_eq!(nodes.len(), NODES as usize);
    let taken = |node: &str| nodes[node].iter().filter(|card| **card == Some(0)).count();
    assert_eq!((taken("gpu-0"), taken("gpu-1")), (0, 6));
}

#[test]
fn a_log_gets_one_line_with_every_tenant() {
    let view = view();
    let lines: Vec<Line> = TENANTS
        .iter()
        .zip(&view.uses)
        .map(|(tenant, uses)| line(tenant, uses, &view))
        .collect();
    assert_eq!(
        plain(4500, &lines, &view),
        " 1h15m  2 of 50 jobs submitted, 1 finished, 9 of 32 cards in use \
         | sdu uses 3 of its 12, waits: 2 Fragmented, 1 QuotaExceeded | qdu uses 3 of its 12 | ytu uses 3 of its 12",
    );
    assert_eq!(frame(4500, &lines, &view).lines().count(), 10);
}
