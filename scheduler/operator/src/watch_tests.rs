//! A watch beside an API server that forgets versions.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use serde_json::{Value, json};

use super::*;
use edugrid_units::Stamp;

use crate::{
    api_fixture::{api_server, refused},
    machine::Machine,
};

const CLOCK: Clock = Clock {
    origin: Stamp(0),
    factor: 1,
    real: Machine::REAL.now,
};

/// An API server whose first list has `one` and whose later ones have `two`, and which knows nothing after the first any
/// more: it refuses to watch from there, as the answer to the request.
fn forgetful() -> Client {
    let lists = Arc::new(AtomicU32::new(0));
    api_server(move |call| {
        if !call.query.contains("watch=true") {
            Some(list(lists.fetch_add(1, Ordering::Relaxed)))
        } else if call.query.contains("resourceVersion=1") {
            Some(refused(410, "Expired"))
        } else {
            None
        }
    })
}

fn list(number: u32) -> (u16, Value) {
    let (name, version) = match number {
        0 => ("one", "1"),
        _ => ("two", "9"),
    };
    let item = json!({"metadata": {"name": name, "uid": name, "resourceVersion": version}});
    let list = json!({"apiVersion": "v1", "kind": "NamespaceList",
                      "metadata": {"resourceVersion": version}, "items": [item]});
    (200, list)
}

/// kube asks for the same version again and again where a watch is refused with 410; nobody would ever hear of `two`.
#[tokio::test]
async fn a_watch_that_is_refused_lists_anew_and_tells_what_is_gone() {
    let (sender, mut told) = mpsc::channel(8);
    let events = Events::default();
    let api: Api<Namespace> = Api::all(forgetful());
    let watching = tokio::spawn(run(api, None, events, CLOCK, sender, |seen| {
        Some(match seen {
            Seen::There(object) => format!("{} is there", object.metadata.name.unwrap_or_default()),
            Seen::Gone { name, .. } => format!("{name} is gone"),
            Seen::Synced => "all is told".to_owned(),
        })
    }));
    let mut heard = Vec::new();
    while heard.len() < 5 {
        let limit = Duration::from_secs(30);
        let words = tokio::time::timeout(limit, told.recv()).await;
        heard.push(words.expect("something is told").expect("it watches"));
    }
    watching.abort();
    let first = ["one is there", "all is told"];
    let then = ["two is there", "one is gone", "all is told"];
    assert_eq!(heard, [&first[..], &then[..]].concat());
}
