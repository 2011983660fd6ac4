//! A moment of the play, written down for tests.

use edugrid_crds::ComputeJob;
use edugrid_crds::visibility::{QueuedJobList, TenantUse, VoucherUseList};
use serde_json::{Value, json};

use super::window::View;
use super::world::{Place, TREE};

/// A tenant that uses so much of `a100`.
fn uses(place: &Place, used: &str, own: &str) -> TenantUse {
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "TenantUse",
        "metadata": {"name": place.name}, "asOf": "2026-11-22T10:00:00Z",
        "pools": [{"pool": "a100", "nominal": own, "effectiveNominal": own, "usage": used, "borrowed": "0", "available": "0"}],
    });
    serde_json::from_value(value).expect("a TenantUse")
}

/// A voucher and a deposit of `sdu`, and the money that the deposit became.
fn vouchers() -> VoucherUseList {
    let voucher = |name, kind, face| {
        json!({
            "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "VoucherUse",
            "metadata": {"name": name}, "asOf": "2026-11-22T10:00:00Z", "holder": "sdu", "type": kind,
            "issuer": "province", "state": "Active", "face": face, "held": "250.00", "spent": "500.00",
        })
    };
    let value = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "VoucherUseList", "metadata": {},
        "asOf": "2026-11-22T10:00:00Z",
        "items": [voucher("sdu-own", "OwnFunds", "50.00"), voucher("sdu-subsidy", "Subsidy", "1000.00")],
        "ownMoney": [{"tenant": "sdu", "deposited": "50.00", "held": "1.00", "spent": "2.00", "available": "47.00"}],
    });
    serde_json::from_value(value).expect("vouchers")
}

/// A line of the queue: in `phase`, for a reason where it waits.
pub fn queued(namespace: &str, name: &str, phase: &str, reason: &str) -> Value {
    let waits = phase == "Waiting";
    json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "QueuedJob",
        "metadata": {"namespace": namespace, "name": name}, "asOf": "2026-11-22T10:00:00Z",
        "phase": phase, "reason": waits.then_some(reason), "message": format!("because of {name}"), "messageZh": format!("因为 {name}"),
        "pool": "a100", "units": "4", "positionInPool": waits.then_some(name.len()),
    })
}

/// A job in some phase.
pub fn job(namespace: &str, name: &str, phase: &str) -> ComputeJob {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"roles": [{"name": "worker", "cards": 2, "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}]},
        "status": {"phase": phase},
    });
    serde_json::from_value(value).expect("a ComputeJob")
}

/// What is seen at `as_of` with this queue: one job runs, one is over, the others wait.
pub fn view(as_of: &str, items: &[Value]) -> View {
    let list = json!({
        "apiVersion": "visibility.edugrid.io/v1alpha1", "kind": "QueuedJobList", "metadata": {},
        "asOf": as_of, "items": items,
    });
    let queue: QueuedJobList = serde_json::from_value(list).expect("a queue");
    View {
        queue,
        uses: TREE.iter().map(|place| uses(place, "18", "14")).collect(),
        vouchers: vouchers(),
        jobs: vec![
            job("sdu-cs", "a", "Running"),
            job("sdu-cs", "z", "Succeeded"),
        ],
    }
}

/// Six o'clock in the evening: two of Computer Science run, three wait, as does one rural job.
pub fn evening() -> View {
    let items = [
        queued("sdu-cs", "a", "Running", ""),
        queued("sdu-cs", "aa", "Admitted", ""),
        queued("sdu-cs", "bbb", "Waiting", "QuotaExceeded"),
        queued("sdu-cs", "cc", "Waiting", "Fragmented"),
        queued("sdu-cs", "dddd", "Waiting", "Fragmented"),
        queued("yn-rural", "eeeee", "Waiting", "InsufficientFunds"),
    ];
    view("2026-11-22T10:00:00Z", &items)
}
