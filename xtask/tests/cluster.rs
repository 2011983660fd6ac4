//! What the library promises of a control plane, tried on a real one. Ignored in the inner
//! loop, because the first start builds the programs; `cargo xtask test` runs them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::cluster::{self, Cluster, ClusterOptions, NodeShape, annotations};
use xtask::tools::Tool;

/// One cluster for all tests that run at the same time; it ends with the last of them.
fn shared() -> Arc<Cluster> {
    static SHARED: LazyLock<Mutex<Weak<Cluster>>> = LazyLock::new(Mutex::default);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return cluster;
    }
    let cluster = Arc::new(Cluster::start(&ClusterOptions::default()).expect("a control plane"));
    *shared = Arc::downgrade(&cluster);
    cluster
}

fn job(name: &str, node_set: &str, pods: u32, pod_annotations: &Value) -> String {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "completions": pods, "parallelism": pods, "completionMode": "Indexed", "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": {"annotations": pod_annotations},
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": {"edugrid.io/node-set": node_set},
                    "containers": [{
                        "name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": 8}},
                    }],
                },
            },
        },
    })
    .to_string()
}

fn get(cluster: &Cluster, what: &[&str]) -> Value {
    let mut args = vec!["get", "--output=json"];
    args.extend_from_slice(what);
    let text = cluster
        .kubectl("admin", &args)
        .and_then(cluster::Output::ok)
        .expect("readable");
    serde_json::from_str(&text).expect("kubectl prints JSON")
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn seconds_between(terminated: &Value) -> i64 {
    let read = |field: &str| -> jiff::Timestamp {
        terminated[field]
            .as_str()
            .expect("an instant")
            .parse()
            .expect("RFC 3339")
    };
    (read("finishedAt") - read("startedAt")).get_seconds()
}

#[test]
#[ignore = "starts a control plane"]
fn an_indexed_job_runs_as_long_as_its_annotation_says() {
    let cluster = shared();
    cluster
        .add_nodes("run", 4, &NodeShape::with_cards(8))
        .expect("nodes");
    cluster
        .apply(
            "admin",
            &job("runs", "run", 4, &json!({annotations::RUN_FOR: "2s"})),
        )
        .expect("applied");
    cluster
        .kubectl(
            "admin",
            &[
                "wait",
                "job/runs",
                "--for=condition=Complete",
                "--timeout=60s",
            ],
        )
        .and_then(cluster::Output::ok)
        .expect("complete");

    let pods = get(&cluster, &["pods", "--selector=job-name=runs"]);
    let pods = pods["items"].as_array().expect("a list");
    assert_eq!(pods.len(), 4);
    for pod in pods {
        let terminated = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(terminated["exitCode"], 0);
        assert!(
            (2..=4).contains(&seconds_between(terminated)),
            "{terminated}"
        );
        let scheduled = pod["status"]["conditions"].as_array().expect("conditions");
        assert!(
            scheduled
                .iter()
                .any(|c| c["type"] == "PodScheduled" && c["status"] == "True")
        );
    }
}

#[test]
#[ignore = "starts a control plane"]
fn a_job_fails_with_the_exit_code_it_asks_for() {
    let cluster = shared();
    cluster
        .add_nodes("fail", 1, &NodeShape::with_cards(8))
        .expect("nodes");
    let asked = json!({annotations::RUN_FOR: "500ms", annotations::EXIT_CODE: "42"});
    cluster
        .apply("admin", &job("fails", "fail", 1, &asked))
        .expect("applied");
    cluster
        .kubectl(
            "admin",
            &[
                "wait",
                "job/fails",
                "--for=condition=Failed",
                "--timeout=60s",
            ],
        )
        .and_then(cluster::Output::ok)
        .expect("failed");
    let pods = get(&cluster, &["pods", "--selector=job-name=fails"]);
    assert_eq!(
        pods["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        42
    );
}

#[test]
#[ignore = "starts a control plane"]
fn a_deleted_pod_fails_before_it_goes() {
    let cluster = shared();
    cluster
        .add_nodes("stop", 1, &NodeShape::with_cards(8))
        .expect("nodes");
    cluster
        .apply(
            "admin",
            &job("stops", "stop", 1, &json!({annotations::STOP_AFTER: "2s"})),
        )
        .expect("applied");
    let running = || {
        get(&cluster, &["pods", "--selector=job-name=stops"])["items"][0]["status"]["phase"]
            == "Running"
    };
    eventually("the pod to run", running);

    cluster
        .kubectl(
            "admin",
            &[
                "delete",
                "pods",
                "--selector=job-name=stops",
                "--wait=false",
            ],
        )
        .and_then(cluster::Output::ok)
        .expect("deletion asked");
    assert!(running(), "it takes its time to stop");
    eventually("the Job to count the failure", || {
        let status = &get(&cluster, &["job", "stops"])["status"];
        status["failed"] == 1 && status["terminating"] == 0
    });
}

#[test]
#[ignore = "starts a control plane"]
fn nodes_go_down_and_come_back() {
    let cluster = shared();
    let nodes = cluster
        .add_nodes("flap", 2, &NodeShape::with_cards(8).label("rack", "r1"))
        .expect("nodes");
    cluster.set_node_ready(&nodes[0], false).expect("down");
    eventually("the taint of the node controller", || {
        let node = get(&cluster, &["node", &nodes[0]]);
        node["spec"]["taints"]
            .to_string()
            .contains("node.kubernetes.io/not-ready")
    });
    cluster.set_node_ready(&nodes[0], true).expect("up");
    assert_eq!(
        get(&cluster, &["node", &nodes[0]])["metadata"]["labels"]["rack"],
        "r1"
    );
    cluster.remove_nodes(&nodes).expect("removed");
    assert!(
        cluster.set_node_ready(&nodes[1], false).is_err(),
        "a removed node cannot change"
    );
}

#[test]
#[ignore = "starts a control plane"]
fn users_are_who_they_say() {
    let cluster = shared();
    let who = |user: &str| -> (String, Vec<String>) {
        let answer = cluster
            .kubectl(user, &["auth", "whoami", "--output=json"])
            .and_then(cluster::Output::ok);
        let answer: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        let info = &answer["status"]["userInfo"];
        let groups = info["groups"].as_array().expect("groups");
        let groups = groups
            .iter()
            .filter_map(|group| group.as_str().map(str::to_owned))
            .collect();
        (
            info["username"].as_str().expect("a name").to_owned(),
            groups,
        )
    };
    for user in cluster::READY_MADE_USERS {
        let (name, groups) = who(user.name);
        assert_eq!(name, user.name);
        assert!(
            groups.contains(&user.group.to_owned()),
            "{name}: {groups:?}"
        );
    }
    for wanted in [&["g1", "g2"][..], &["g1", "g2", "g3", "g4"]] {
        let user = format!("of-{}", wanted.len());
        cluster.user(&user, wanted).expect("made");
        let (name, groups) = who(&user);
        assert_eq!(name, user);
        assert!(
            wanted.iter().all(|group| groups.iter().any(|g| g == group)),
            "{groups:?}"
        );
        assert!(!groups.iter().any(|group| group == "system:masters"));
    }
    cluster
        .service_account_kubeconfig("default", "default")
        .expect("a token");
    assert_eq!(
        who("system:serviceaccount:default:default").0,
        "system:serviceaccount:default:default"
    );

    let refusal = cluster
        .kubectl("alice", &["get", "secrets"])
        .and_then(cluster::Output::refused);
    assert!(refusal.expect("refused").contains("forbidden"));
    assert!(
        cluster.kubectl("nobody", &["get", "pods"]).is_err(),
        "an unknown user is a mistake of the test"
    );
}

#[test]
#[ignore = "starts a control plane"]
fn programs_can_be_crashed_paused_and_started_again() {
    // Its own cluster: the others need theirs.
    let cluster = Cluster::start(&ClusterOptions::default()).expect("a control plane");
    cluster
        .apply(
            "admin",
            r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stays"}}"#,
        )
        .expect("made");
    cluster.restart_apiserver().expect("up again");
    get(&cluster, &["namespace", "stays"]);

    let api = Tool::KubeApiserver.binary();
    let ask = ["get", "--raw", "/readyz", "--request-timeout=2s"];
    cluster.pause(api).expect("paused");
    assert!(
        !cluster.kubectl("admin", &ask).expect("asked").success(),
        "a paused server answers nothing"
    );
    cluster.resume(api).expect("resumed");
    eventually("the server to answer again", || {
        cluster
            .kubectl("admin", &ask)
            .is_ok_and(|answer| answer.success())
    });

    cluster.kill(Tool::Etcd.binary()).expect("killed");
    assert!(cluster.kill(Tool::Etcd.binary()).is_err(), "it is gone");
    cluster.start_again(Tool::Etcd).expect("up again");
    eventually("the store to be back", || {
        cluster
            .kubectl(
                "admin",
                &["get", "namespace", "stays", "--request-timeout=5s"],
            )
            .is_ok_and(|a| a.success())
    });

    let mut sleeper = Command::new("sleep");
    cluster
        .spawn("sleeper", sleeper.arg("300"))
        .expect("spawned");
    assert!(
        cluster.spawn("sleeper", &mut Command::new("true")).is_err(),
        "the name is taken"
    );
    let dir = cluster.dir().to_path_buf();
    cluster.stop().expect("stopped");
    assert_nothing_left(&dir);
}

#[test]
#[ignore = "starts a control plane"]
fn an_aggregated_api_can_be_reached_on_this_machine() {
    let cluster = shared();
    let cert = cluster
        .issue_serving_cert(&["viewer.default.svc"])
        .expect("issued");
    let files = [&cert.cert, &cert.key, &cert.ca, &cluster.front_proxy_ca()];
    assert!(files.iter().all(|file| file.is_file()));
    // A port on which nobody listens: the API server must try it there and nowhere else.
    cluster
        .route_service_to_localhost("default", "viewer", 19)
        .expect("routed");
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.viewer.example"},
        "spec": {
            "group": "viewer.example", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10,
            "service": {"namespace": "default", "name": "viewer", "port": 19},
            "caBundle": cluster::base64_of(&cert.ca).expect("readable"),
        },
    });
    cluster
        .apply("admin", &service.to_string())
        .expect("the bundle is accepted");
    eventually("the API server to try localhost:19", || {
        let conditions =
            get(&cluster, &["apiservice", "v1.viewer.example"])["status"]["conditions"].to_string();
        conditions.contains("localhost:19")
            || conditions.contains("127.0.0.1:19")
            || conditions.contains("[::1]:19")
    });
    cluster
        .kubectl("admin", &["delete", "apiservice", "v1.viewer.example"])
        .expect("asked")
        .ok()
        .expect("removed");
}

/// A foreground control plane in another process, told to end by a signal.
struct Foreground {
    child: Child,
    dir: PathBuf,
    _home: tempfile::TempDir,
}

fn foreground() -> Foreground {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("cluster");
    // What a shell starts in the background ignores SIGINT, and so does all that comes of it:
    // a build machine may run these tests so.
    let mut child = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_xtask")])
        .args(["controlplane", "up", "--foreground", "--dir"])
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("started");
    let stdout = child.stdout.take().expect("piped");
    let ready = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("Ctrl-C"));
    assert!(ready, "it must say how to end it");
    assert!(cluster::processes(&dir).expect("listed").len() >= 5);
    Foreground {
        child,
        dir,
        _home: home,
    }
}

fn assert_nothing_left(dir: &Path) {
    eventually("every process to be gone", || {
        cluster::processes(dir).expect("listed").is_empty()
    });
}

#[test]
#[ignore = "starts a control plane"]
fn nothing_is_left_when_the_owner_is_interrupted_or_killed() {
    for signal in ["INT", "TERM", "KILL"] {
        let mut owner = foreground();
        let sent = Command::new("kill")
            .args([format!("-{signal}"), owner.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
        eventually(&format!("SIG{signal} to end it"), || {
            owner.child.try_wait().expect("asked").is_some()
        });
        assert_nothing_left(&owner.dir);
    }
}

#[test]
#[ignore = "starts a control plane"]
fn a_stopped_cluster_goes_on_where_it_was() {
    let home = tempfile::tempdir().expect("a folder");
    let options = ClusterOptions {
        dir: Some(home.path().join("cluster")),
        ..Default::default()
    };
    let first = Cluster::start(&options).expect("a control plane");
    first
        .apply(
            "admin",
            r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}"#,
        )
        .expect("made");
    assert!(
        Cluster::start(&options).is_err(),
        "a folder has one cluster"
    );
    let (dir, server) = (first.dir().to_path_buf(), first.server());
    first.stop().expect("stopped");
    assert_nothing_left(&dir);
    assert!(Cluster::open(&dir).is_err(), "it does not run");

    let again = Cluster::start(&options).expect("taken up");
    assert_eq!(again.server(), server);
    get(&again, &["namespace", "kept"]);
    let attached = Cluster::open(&dir).expect("it runs");
    drop(attached);
    get(&again, &["namespace", "kept"]);
    again.stop().expect("stopped");
    assert!(cluster::end(&dir).expect("removed"));
    assert!(!dir.exists());
}

#[test]
#[ignore = "starts a control plane"]
fn half_a_cluster_goes_with_the_program_that_was_starting_it() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("cluster");
    let mut starter = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["controlplane", "up", "--dir"])
        .arg(&dir)
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    eventually("the first program", || {
        !cluster::processes(&dir).expect("listed").is_empty()
    });
    starter.kill().expect("killed");
    starter.wait().expect("reaped");
    assert_nothing_left(&dir);
    eventually("the folder to be gone", || !dir.exists());
}
