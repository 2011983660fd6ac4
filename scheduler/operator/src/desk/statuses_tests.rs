//! What a desk does about statuses of tenants and vouchers that somebody else has written.

use edugrid_crds::Tenant;
use edugrid_units::Stamp;
use serde_json::{Value, json};

use crate::{
    change::{Change, Wake},
    desk::{Desk, fixture},
    watch::Seen,
    writes::Write,
};

/// The statuses that are written of an object of this name, in a tick.
fn written(desk: &mut Desk, object: &str) -> Vec<Value> {
    // What a turn adds last goes out with the next one.
    let mut writes = desk.settle();
    desk.apply(Wake::Tick);
    writes.extend(desk.settle());
    writes.extend(desk.settle());
    let statuses = writes.into_iter().filter_map(|write| match write {
        Write::ObjectStatus { name, status, .. } if name == object => Some(status),
        _ => None,
    });
    statuses.collect()
}

/// What the watch tells of `cs` with that status.
fn tell(desk: &mut Desk, status: &Value) {
    let spec = json!({"quotas": [{"pool": "a100", "nominal": 8}]});
    let mut tenant: Tenant = match fixture::object("Tenant", "cs", spec) {
        Seen::There(tenant) => tenant,
        _ => unreachable!("an object is there"),
    };
    tenant.status = serde_json::from_value(status.clone()).expect("a status");
    desk.told(Change::Tenant(Seen::There(tenant)));
}

#[test]
fn what_somebody_else_wrote_is_written_again_once() {
    let mut desk = fixture::desk();
    desk.tenant("cs", None, 8);
    let first = written(&mut desk, "cs").pop().expect("a first status");
    tell(&mut desk, &first);
    assert!(written(&mut desk, "cs").is_empty(), "its own event");
    let mut edited = first.clone();
    edited["observedGeneration"] = json!(77);
    tell(&mut desk, &edited);
    let again = written(&mut desk, "cs");
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0]["observedGeneration"], first["observedGeneration"]);
    tell(&mut desk, &first);
    tell(&mut desk, &again[0]);
    assert!(
        written(&mut desk, "cs").is_empty(),
        "what it wrote itself, late"
    );
    tell(&mut desk, &json!({}));
    assert_eq!(written(&mut desk, "cs").len(), 1, "emptied");
}

/// The approval in a voucher's status is its checker's, and no edit.
#[test]
fn what_is_not_the_operators_is_no_edit() {
    let mut desk = fixture::desk();
    desk.tenant("province", None, 8);
    let end = Stamp::from_seconds(4_000_000_000);
    desk.voucher("v", "province", end);
    let first = written(&mut desk, "v");
    assert_eq!(first.len(), 1, "posted, or why not: {first:?}");
    let approval = json!({"by": "checker", "at": "2026-01-01T00:00:00Z", "decision": "Approved"});
    let mut tell = |status: Value| {
        let mut voucher: edugrid_crds::ComputeVoucher = match desk.money.vouchers().next() {
            Some((_, voucher)) => voucher.clone(),
            None => unreachable!("it was told"),
        };
        voucher.status = serde_json::from_value(status).expect("a status");
        desk.told(Change::Voucher(Seen::There(voucher)));
        written(&mut desk, "v")
    };
    let mut stands = first[0].clone();
    stands["approval"] = approval;
    assert!(tell(stands.clone()).is_empty());
    stands["conditions"][0]["status"] = json!("Unknown");
    assert_eq!(tell(stands).len(), 1);
}
