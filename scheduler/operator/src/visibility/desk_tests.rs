//! Requests at the desk, with a loop that answers, is silent, or is gone.

use edugrid_crds::visibility::{Age, QueuePhase, QueuedJob, QueuedJobList};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::*;
use crate::metrics::{Metrics, Place, Snapshot};

const QUEUE: &str = "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu-cs/queuedjobs";
const KUBECTL: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// What the other end of the channel does.
#[derive(Clone, Copy, PartialEq)]
enum Loop {
    Answers,
    IsSilent,
    DropsIt,
    IsGone,
}

struct Office {
    desk: Desk,
    /// Kept, so that it stays open.
    _leadership: watch::Sender<Leadership>,
}

fn office(what: Loop, leadership: Leadership) -> Office {
    let (questions, mut asked) = mpsc::channel::<Asked>(4);
    let (_leadership, leadership) = watch::channel(leadership);
    if what != Loop::IsGone {
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Some(Asked { query, reply }) = asked.recv().await {
                match what {
                    Loop::Answers => {
                        let _ = reply.send(answer(&query));
                    }
                    Loop::IsSilent => kept.push(reply),
                    Loop::DropsIt | Loop::IsGone => drop(reply),
                }
            }
        });
    }
    let limit = Duration::from_millis(50);
    Office {
        desk: Desk {
            questions,
            leadership,
            language: Language::Chinese,
            metrics: metrics(),
            limit,
        },
        _leadership,
    }
}

/// A university and a stranger beside it.
fn metrics() -> Metrics {
    let place = |tenant: &str| Place {
        tenant: tenant.to_owned(),
        parent: "province".to_owned(),
    };
    let metrics = Metrics::new();
    metrics.show(Snapshot {
        places: vec![place("sdu"), place("qust")],
        ..Snapshot::default()
    });
    metrics
}

fn answer(query: &Query) -> Result<Reply, NotFound> {
    let age = Age {
        as_of: Time(Timestamp::UNIX_EPOCH),
        clock: None,
    };
    match query {
        Query::Queue {
            namespace: Some(namespace),
            page,
            ..
        } if namespace == "sdu-cs" => {
            let jobs = ["resnet", "bert", "llama"].map(|name| job(&age, name));
            let (jobs, metadata) = page.cut(jobs.to_vec(), |job| {
                job.metadata.name.clone().unwrap_or_default()
            });
            let mut list = QueuedJobList::new(age, jobs);
            list.metadata = metadata;
            Ok(Reply::Queue(list))
        }
        Query::Job { name, .. } => Ok(Reply::Job(Box::new(job(&age, name)))),
        Query::Queue { namespace, .. } => {
            Err(NotFound::Namespace(namespace.clone().unwrap_or_default()))
        }
        other => panic!("not expected here: {other:?}"),
    }
}

fn job(age: &Age, name: &str) -> QueuedJob {
    let mut job = QueuedJob::new(age.clone(), "sdu-cs", name, QueuePhase::Waiting);
    job.message = Some("not enough quota is free".into());
    job.message_zh = Some("可用配额不足".into());
    job
}

fn bob() -> Result<Caller, Stranger> {
    Ok(Caller {
        user: "bob".into(),
        groups: Vec::new(),
    })
}

impl Office {
    async fn get(&self, uri: &str, accept: &str) -> (u16, Value) {
        self.ask(bob(), &Method::GET, uri, accept).await
    }

    async fn ask(
        &self,
        caller: Result<Caller, Stranger>,
        method: &Method,
        uri: &str,
        accept: &str,
    ) -> (u16, Value) {
        let uri: Uri = uri.parse().unwrap();
        let page = self.desk.serve(caller, method, &uri, accept).await;
        (
            page.code.as_u16(),
            serde_json::from_slice(&page.body).unwrap_or_default(),
        )
    }
}

/// `code reason: message`, and that the rest is a proper Status.
fn status((code, body): (u16, Value)) -> String {
    assert_eq!(body["kind"], "Status", "{body}");
    assert_eq!(body["apiVersion"], "v1");
    assert_eq!(body["status"], "Failure");
    assert_eq!(body["code"], code);
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    format!("{code} {}: {}", text("reason"), text("message"))
}

#[tokio::test]
async fn a_list_and_the_table_of_it() {
    let office = office(Loop::Answers, Leadership::Leading);
    let (code, body) = office.get(QUEUE, "application/json").await;
    assert_eq!((code, &body["kind"]), (200, &Value::from("QueuedJobList")));
    let (code, body) = office.get(QUEUE, KUBECTL).await;
    assert_eq!((code, &body["kind"]), (200, &Value::from("Table")));
    assert_eq!(body["rows"][0]["cells"][0], "resnet");
    let cells = body["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(
        cells.last().unwrap(),
        "可用配额不足",
        "the operator's language"
    );
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let office = office(Loop::Answers, Leadership::Leading);
    let (mut names, mut token) = (Vec::new(), String::new());
    for rest in [Some(1), None] {
        let uri = format!("{QUEUE}?limit=2&continue={token}");
        let (code, page) = office.get(&uri, KUBECTL).await;
        assert_eq!(code, 200, "{page}");
        let rows = page["rows"].as_array().unwrap();
        names.extend(rows.iter().map(|row| row["cells"][0].clone()));
        assert_eq!(page["metadata"]["remainingItemCount"].as_i64(), rest);
        token = page["metadata"]["continue"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    assert_eq!(names, ["resnet", "bert", "llama"]);

    // A token is good for the list that gave it, and for no other.
    let (_, page) = office.get(&format!("{QUEUE}?limit=2"), "").await;
    let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
    for other in [
        "fieldSelector=phase%3DWaiting&",
        "fieldSelector=reason%3DHeld&",
    ] {
        let refused = status(
            office
                .get(&format!("{QUEUE}?{other}continue={token}"), "")
                .await,
        );
        assert!(
            refused.starts_with("400 BadRequest: continue: "),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_that_we_live() {
    let office = office(Loop::Answers, Leadership::Leading);
    let stranger = || Err(Stranger::NoCertificate);
    for uri in [QUEUE, "/apis", "/nowhere"] {
        let refused = office.ask(stranger(), &Method::GET, uri, "").await;
        assert_eq!(
            status(refused),
            "401 Unauthorized: no client certificate, ask through the API server",
        );
    }
    assert_eq!(
        office.ask(stranger(), &Method::GET, "/healthz", "").await.0,
        200
    );
}

#[tokio::test]
async fn a_replica_that_does_not_lead_serves_discovery_and_says_who_knows_more() {
    let standby = |leader: Option<&str>| Leadership::Standby {
        leader: leader.map(Into::into),
    };
    for (leadership, words) in [
        (
            standby(Some("edugrid-scheduler-7_4f")),
            "is a standby and knows no queue, edugrid-scheduler-7_4f leads: try again",
        ),
        (
            standby(None),
            "is a standby and knows no queue, nobody leads at the moment: try again",
        ),
        (
            Leadership::Starting,
            "is starting, its /readyz says what is missing",
        ),
        (
            Leadership::Opening,
            "has just begun to lead and replays the journal: try again",
        ),
    ] {
        let office = office(Loop::IsGone, leadership);
        for uri in [
            "/apis",
            "/apis/visibility.edugrid.io",
            "/apis/visibility.edugrid.io/v1alpha1",
        ] {
            assert_eq!(office.get(uri, "").await.0, 200, "{uri}");
        }
        let (code, body) = office.get(QUEUE, KUBECTL).await;
        assert_eq!(body["details"]["retryAfterSeconds"], 1);
        let expected = format!("503 ServiceUnavailable: this replica of edugrid-scheduler {words}");
        assert_eq!(status((code, body)), expected);
        let page = office
            .desk
            .serve(bob(), &Method::GET, &QUEUE.parse().unwrap(), "")
            .await;
        assert!(page.try_again);
    }
}

#[tokio::test]
async fn a_loop_that_does_not_answer_is_not_waited_for() {
    for what in [Loop::IsSilent, Loop::DropsIt, Loop::IsGone] {
        let refused = status(office(what, Leadership::Leading).get(QUEUE, "").await);
        assert!(refused.starts_with("503 ServiceUnavailable: edugrid-scheduler did not answer"));
    }
}

#[tokio::test]
async fn only_reading_is_supported() {
    let office = office(Loop::Answers, Leadership::Leading);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let refused = status(office.ask(bob(), &method, QUEUE, "").await);
        assert!(refused.starts_with(&format!("405 MethodNotAllowed: {method} is not supported")));
    }
    for watch in ["watch=true", "watch=1"] {
        let refused = status(office.get(&format!("{QUEUE}?{watch}"), "").await);
        assert!(
            refused.starts_with("405 MethodNotAllowed: watch is not supported"),
            "{refused}"
        );
    }
    assert_eq!(
        office
            .get(&format!("{QUEUE}?watch=false&limit=500"), "")
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn parameters_that_can_not_be_honoured_are_refused() {
    let office = office(Loop::Answers, Leadership::Leading);
    for (parameters, words) in [
        (
            "labelSelector=a%3Db",
            "400 BadRequest: labelSelector: answers carry no labels",
        ),
        (
            "fieldSelector=spec.tier%3Dmission",
            "400 BadRequest: fieldSelector spec.tier=mission: field label not supported",
        ),
        (
            "fieldSelector=phase%3DAsleep",
            "400 BadRequest: fieldSelector phase=Asleep: one of Waiting, Admitted, Running",
        ),
        (
            "fieldSelector=phase!%3DWaiting",
            "400 BadRequest: fieldSelector phase!=Waiting: write FIELD=VALUE",
        ),
        (
            "fieldSelector=reason%3DBored",
            "400 BadRequest: fieldSelector reason=Bored: no such reason code",
        ),
        (
            "continue=abc",
            "400 BadRequest: continue: \"abc\" is not a token of this list",
        ),
        (
            "limit=-1",
            "400 BadRequest: limit \"-1\" is not a whole number",
        ),
        ("tenant=hit", "400 BadRequest: "),
        (
            "includeObject=All",
            "400 BadRequest: includeObject: one of None, Metadata, Object",
        ),
        ("watch=1&watch=0", "400 BadRequest: "),
    ] {
        let refused = status(office.get(&format!("{QUEUE}?{parameters}"), "").await);
        assert!(refused.starts_with(words), "{refused}");
    }
    // All that kubectl and client-go send.
    let usual = "limit=500&resourceVersion=0&resourceVersionMatch=NotOlderThan&timeoutSeconds=30\
                 &timeout=30s&pretty=true&allowWatchBookmarks=true&sendInitialEvents=true";
    assert_eq!(office.get(&format!("{QUEUE}?{usual}"), "").await.0, 200);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_form_of_kubernetes() {
    let office = office(Loop::Answers, Leadership::Leading);
    assert_eq!(
        status(
            office
                .get("/apis/visibility.edugrid.io/v1alpha1/pods", "")
                .await
        ),
        "404 NotFound: the server could not find the requested resource",
    );
    let elsewhere = "/apis/visibility.edugrid.io/v1alpha1/namespaces/default/queuedjobs";
    assert_eq!(
        status(office.get(elsewhere, "").await),
        "404 NotFound: namespaces \"default\" not found: namespace \"default\" belongs to no \
         tenant, ask who manages the tenant to label it edugrid.io/tenant",
    );
    let one = office.get(&format!("{QUEUE}/resnet"), "").await;
    assert_eq!((one.0, &one.1["kind"]), (200, &Value::from("QueuedJob")));
}

const METRICS: &str =
    "/apis/visibility.edugrid.io/v1alpha1/namespaces/edugrid-sdu/tenantmetrics/sdu";

#[tokio::test]
async fn a_tenant_s_metrics_are_text_about_that_tenant_whatever_the_loop_does() {
    let office = office(Loop::IsSilent, Leadership::Leading);
    for (accept, media_type, end) in [
        (
            "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
        (
            "text/plain",
            "text/plain; version=0.0.4; charset=utf-8",
            "} 1\n",
        ),
    ] {
        let uri = METRICS.parse().unwrap();
        let page = office.desk.serve(bob(), &Method::GET, &uri, accept).await;
        let text = String::from_utf8(page.body).unwrap();
        assert_eq!((page.code.as_u16(), page.media_type), (200, media_type));
        assert!(text.contains("edugrid_tenant_info{tenant=\"sdu\",parent=\"province\"} 1"));
        assert!(!text.contains("qust") && text.ends_with(end), "{text}");
    }
}

#[tokio::test]
async fn metrics_that_are_not_one_s_own_or_not_readable_are_refused() {
    let office = office(Loop::Answers, Leadership::Leading);
    let homes = "/apis/visibility.edugrid.io/v1alpha1/namespaces";
    for (path, accept, words) in [
        (
            format!("{homes}/edugrid-sdu/tenantmetrics/qust"),
            "",
            "404 NotFound: tenantmetrics.visibility.edugrid.io \"qust\" not found: the home of",
        ),
        (
            format!("{homes}/edugrid-lnu/tenantmetrics/lnu"),
            "",
            "404 NotFound: tenants.edugrid.io \"lnu\" not found",
        ),
        (
            format!("{homes}/edugrid-sdu/tenantmetrics"),
            "",
            "405 MethodNotAllowed: tenantmetrics.visibility.edugrid.io can't be listed so",
        ),
        (
            METRICS.to_owned(),
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            "406 NotAcceptable: metrics are application/openmetrics-text or text/plain",
        ),
    ] {
        let refused = status(office.get(&path, accept).await);
        assert!(refused.starts_with(words), "{refused}");
    }
    let standby = self::office(Loop::Answers, Leadership::Standby { leader: None });
    let refused = status(standby.get(METRICS, "").await);
    assert!(refused.starts_with("503 ServiceUnavailable"), "{refused}");
}
