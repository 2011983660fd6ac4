//! When a segment that the API server has taken continues the journal, and when it is a stray.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use edugrid_ledger::Digest;
use hyper::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// An API server that has the segments with these numbers.
fn server(there: &[u64]) -> (Client, Arc<Mutex<BTreeSet<String>>>) {
    let there: Arc<Mutex<BTreeSet<String>>> =
        Arc::new(Mutex::new(there.iter().map(|it| name(*it)).collect()));
    let held = there.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let held = held.clone();
        async move {
            let (parts, body) = request.into_parts();
            let last = parts.uri.path().rsplit('/').next().unwrap_or_default();
            let last = last.to_owned();
            let body = body.collect_bytes().await.unwrap_or_default();
            let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
            let mut held = held.lock().unwrap();
            let metadata = |name: &str| {
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                       "metadata": {"name": name}})
            };
            let (code, answer) = match parts.method.as_str() {
                "POST" => {
                    held.insert(sent["metadata"]["name"].as_str().unwrap().to_owned());
                    (201, sent)
                }
                _ if last == "ledgersegments" => {
                    let items: Vec<Value> = held.iter().take(2).map(|it| metadata(it)).collect();
                    (
                        200,
                        json!({"metadata": {"resourceVersion": "1"}, "items": items}),
                    )
                }
                _ if held.contains(&last) => (200, metadata(&last)),
                _ => {
                    let words = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                        "status": "Failure", "reason": "NotFound", "code": 404});
                    (404, words)
                }
            };
            let body = Body::from(answer.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    (Client::new(service, "default"), there)
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
