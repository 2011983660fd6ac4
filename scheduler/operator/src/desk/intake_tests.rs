//! What the watches tell, on a desk: when absence means something, and a namespace that goes. Not to be known here: what
//! follows for attempts.

use edugrid_units::{JobUid, Language};
use serde_json::json;

use crate::{
    change::Change,
    desk::{Desk, WATCHED, fixture},
    watch::Seen,
};

/// A watch is interrupted and lists again: that is no word from the others, and whoever took it for one would settle
/// attempts whose jobs have only not been told yet (A7).
#[test]
fn a_watch_that_tells_all_again_does_not_speak_for_another() {
    let mut desk = fixture::desk();
    desk.synced = [false; WATCHED];
    for _ in 0..WATCHED {
        desk.told(Change::Pod(Seen::Synced));
        desk.told(Change::Job(Box::new(Seen::Synced)));
    }
    assert!(!desk.is_synced());
    desk.told(Change::Tenant(Seen::Synced));
    desk.told(Change::Pool(Seen::Synced));
    desk.told(Change::Class(Seen::Synced));
    desk.told(Change::Voucher(Seen::Synced));
    desk.told(Change::FundingLine(Seen::Synced));
    desk.told(Change::PriceBook(Seen::Synced));
    desk.told(Change::Namespace(Seen::Synced));
    desk.told(Change::Node(Seen::Synced));
    assert!(!desk.is_synced());
    desk.told(Change::Native(Seen::Synced));
    assert!(desk.is_synced());
}

#[test]
fn nothing_is_tried_again_in_a_namespace_that_goes() {
    let mut desk = fixture::desk();
    desk.tenant("cs", None, 8);
    desk.job("cs", "j", "alice", 1);
    desk.settle();
    assert!(!why(&desk).contains("ns-cs"), "{}", why(&desk));
    let namespace = json!({"metadata": {
        "name": "ns-cs", "deletionTimestamp": "2026-11-03T00:00:00Z",
        "labels": {"edugrid.io/tenant": "cs", "pod-security.kubernetes.io/enforce": "baseline"},
    }});
    let namespace = serde_json::from_value(namespace).unwrap();
    desk.told(Change::Namespace(Seen::There(namespace)));
    desk.settle();
    assert!(why(&desk).contains("ns-cs"), "{}", why(&desk));
}

fn why(desk: &Desk) -> String {
    let reason = desk.world.reason_of(&JobUid::from("j"));
    reason.map_or_else(String::new, |reason| reason.sentence(Language::English))
}
