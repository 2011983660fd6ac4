//! When a segment that the API server has taken continues the journal, and when it is a stray.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use edugrid_ledger::Digest;
use serde_json::{Value, json};

use super::*;
use crate::api_fixture::{absent, api_server};

/// An API server that has the segments with these numbers.
fn server(there: &[u64]) -> (Client, Arc<Mutex<BTreeSet<String>>>) {
    let there: Arc<Mutex<BTreeSet<String>>> =
        Arc::new(Mutex::new(there.iter().map(|it| name(*it)).collect()));
    let held = there.clone();
    let client = api_server(move |call| {
        let mut held = held.lock().unwrap();
        let metadata = |name: &str| {
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                   "metadata": {"name": name}})
        };
        Some(match call.method.as_str() {
            "POST" => {
                held.insert(call.sent["metadata"]["name"].as_str().unwrap().to_owned());
                (201, call.sent)
            }
            _ if call.last() == "ledgersegments" => {
                let items: Vec<Value> = held.iter().take(2).map(|it| metadata(it)).collect();
                let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
                (200, list)
            }
            _ if held.contains(call.last()) => (200, metadata(call.last())),
            _ => absent(),
        })
    });
    (client, there)
}

fn segment(sequence: u64) -> Segment {
    Segment {
        sequence,
        epoch: 1,
        nonce: "slept".into(),
        codec: "lines.v1".into(),
        previous: Digest([0; 32]),
        payload: b"x\n".to_vec(),
    }
}

/// What a leader that slept writes into a number that is free again is not durable: it would draw the consequences.
#[tokio::test]
async fn a_number_that_is_free_again_continues_nothing() {
    for (there, sequence, is_next) in [
        (&[][..], 0, true),
        (&[7, 8, 9], 10, true),
        (&[0], 1, true),
        (&[107, 108, 109], 10, false),
        (&[107, 108, 109], 0, false),
        (&[], 10, false),
    ] {
        let (client, held) = server(there);
        let mut journal = ClusterJournal::new(client);
        let appended = journal.append(&segment(sequence)).await;
        match appended {
            Ok(()) => assert!(is_next, "{sequence} after {there:?}"),
            Err(AppendError::Lost { .. }) => assert!(!is_next, "{sequence} after {there:?}"),
            Err(error) => panic!("{error}"),
        }
        assert!(held.lock().unwrap().contains(&name(sequence)));
    }
    let (client, _) = server(&[]);
    let put = ClusterJournal::new(client).put(&segment(10)).await;
    assert!(put.is_ok(), "a restore puts segments into an empty cluster");
}
