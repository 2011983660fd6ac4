//! What goes, and what stays, when the books are put back beside older objects.

use std::sync::{Arc, Mutex};

use edugrid_ledger::{Algorithm, Books, Opening};
use edugrid_units::Stamp;
use serde_json::Value;

use super::*;
use crate::api_fixture::api_server;

/// An archive whose segments 2, 3 and 4 forget a job each.
fn archive() -> (tempfile::TempDir, Archive<RealDisk>, Vec<Segment>) {
    let forget = |at, job: &str| Command::Forget {
        at: Stamp(at),
        jobs: vec![JobUid::from(job)],
    };
    let commands = [
        Command::Open(Opening {
            book: "b".into(),
            algorithm: Algorithm::Sha256,
            origin: Stamp(0),
            factor: 1,
        }),
        Command::Epoch {
            epoch: 1,
            writer: "w".into(),
        },
        forget(2, "before"),
        forget(3, "ran"),
        forget(4, "ended"),
    ];
    let place = tempfile::tempdir().expect("a directory");
    let mut archive = Archive::open(RealDisk, place.path()).expect("opens");
    let mut books = Books::new();
    let mut segments = Vec::new();
    for (command, at) in commands.into_iter().zip(0_i64..) {
        books.stage(Stamp(at), command).expect("in order");
        let batch = books.take_batch().expect("staged");
        archive.append(batch.segment()).expect("kept");
        segments.push(batch.segment().clone());
        books
            .committed(batch.segment().sequence)
            .expect("in flight");
    }
    (place, archive, segments)
}

#[test]
fn only_what_the_cluster_has_lost_is_looked_at() {
    let (_place, archive, segments) = archive();
    let names = |there: &[Segment]| -> Vec<String> {
        let jobs = forgotten(&archive, there).expect("reads");
        jobs.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&segments), [""; 0], "nothing was lost");
    assert_eq!(
        names(&segments[1..3]),
        ["ended", "ran"],
        "cut short, then set back"
    );
    let with_a_hole = [segments[2].clone(), segments[4].clone()];
    assert_eq!(names(&with_a_hole), ["ran"], "a restore that was killed");
    assert_eq!(names(&[]), ["before", "ended", "ran"], "all of it was lost");
}

/// An API server with these jobs, which notes what is asked of it.
fn server(jobs: Value, asked: &Arc<Mutex<Vec<String>>>) -> Client {
    let asked = asked.clone();
    api_server(move |call| {
        let answer = match call.method.as_str() {
            "GET" => {
                let metadata = json!({"resourceVersion": "1"});
                json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": jobs})
            }
            "PATCH" => jobs[0].clone(),
            _ => json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
        };
        if call.method != "GET" {
            let name = call.path.split("/namespaces/").last().unwrap_or_default();
            let words = format!("{} {name} {}", call.method, call.sent);
            asked.lock().unwrap().push(words);
        }
        Some((200, answer))
    })
}

fn job(uid: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
        "metadata": {"namespace": "n", "name": uid, "uid": uid, "resourceVersion": "7"},
        "spec": {"roles": []},
        "status": {"phase": phase},
    })
}

/// Taken out of `restore`, the next leader would find `ran` waiting and know nothing of it.
#[tokio::test]
async fn what_had_run_and_gone_goes_again_and_nothing_else() {
    let (_place, archive, segments) = archive();
    let jobs = json!([
        job("ran", "Pending"),
        job("ended", "Failed"),
        job("before", "Pending"),
        job("waits", "Pending"),
    ]);
    let asked = Arc::default();
    let client = server(jobs, &asked);
    let there = &segments[..3];
    let count = take_away(&client, &archive, there).await.expect("answers");
    let asked = asked.lock().unwrap();
    let is = |index: usize, begins: &str, has: &str| {
        let found = &asked[index];
        assert!(found.starts_with(begins) && found.contains(has), "{found}");
    };
    assert_eq!((count, asked.len()), (2, 3), "{asked:?}");
    is(
        0,
        "PATCH n/computejobs/ran/status ",
        r#""phase":"Cancelled""#,
    );
    is(1, "DELETE n/computejobs/ran ", r#""uid":"ran""#);
    is(2, "DELETE n/computejobs/ended ", r#""uid":"ended""#);
}
