//! A node goes with a gang on it: its pods are lost, the other node's are ended, the charge stops at the last confirmed
//! instant, and the job is tried again on nodes that are there (A5, P8). Nothing is counted on a node that is gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, audit::Audit, job, seeds, wait_for};
use serde_json::Value;
use xtask::{
    cluster::{ClusterOptions, annotations},
    installation::InstallOptions,
};

/// How long a pod stays on a node that is not ready, in seconds: 300 in a cluster as it is shipped.
const TOLERATION_SECONDS: u32 = 3;

/// Ways for a node to go: all with `--all-seeds`, else the one whose number the commit chooses.
const WAYS: [u64; 2] = [0, 1];

#[test]
fn a_gang_goes_on_elsewhere_when_a_node_goes() -> Result<()> {
    let seconds = TOLERATION_SECONDS;
    let cluster = ClusterOptions {
        audit: true,
        apiserver_flags: vec![
            format!("--default-not-ready-toleration-seconds={seconds}"),
            format!("--default-unreachable-toleration-seconds={seconds}"),
        ],
        ..ClusterOptions::default()
    };
    let province = Province::start_on(&cluster, 4, InstallOptions::default())?;
    let mut audit = Audit::default();
    for way in seeds::seeds(&WAYS) {
        let name = match way {
            0 => not_ready(&province)?,
            _ => deleted(&province)?,
        };
        audit = audit.ends("sdu-cs", name, &["Succeeded"]);
    }
    audit.check(&province).map(drop)
}

/// The node does not answer and its kubelet confirms nothing: Kubernetes asks for the pod's end and waits for ever. The
/// gang stays open, charged only to the last confirmed instant, until a person says that the machine is off.
fn not_ready(province: &Province) -> Result<&'static str> {
    let (name, cluster) = ("silent", province.cluster());
    // Its kubelet is dead: the end of the pod there is asked for and never confirmed.
    let dead = format!("{}: 3600s", annotations::STOP_AFTER);
    let manifest = gang(name).replacen("annotations: {", &format!("annotations: {{{dead}, "), 1);
    cluster.apply("alice", &manifest)?;
    province.wait_phase("sdu-cs", name, "Running")?;
    let lost = nodes(province, name)?[0].clone();
    let since = Instant::now();
    cluster.set_node_ready(&lost, false)?;
    wait_for("the attempt to be stopped", || {
        Ok(pods(province, name)?.iter().any(is_going))
    })?;
    println!(
        "not ready: its pods were asked to end after {:?}",
        since.elapsed()
    );
    std::thread::sleep(Duration::from_secs(10));
    let attempts = &province.job("sdu-cs", name)?["status"]["attempts"];
    ensure!(
        attempts[0]["outcome"].is_null(),
        "who does not answer may still run: {attempts:#}"
    );
    // What an administrator does once the machine is off (Kubernetes: non-graceful node shutdown).
    let taint = [
        "taint",
        "node",
        &lost,
        "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
    ];
    cluster.kubectl("admin", &taint)?.ok()?;
    tried_again(province, name, &lost, since)?;
    Ok(name)
}

/// The node's object is deleted, as a cloud controller does: its pods are collected after a minute at most.
fn deleted(province: &Province) -> Result<&'static str> {
    let (name, cluster) = ("orphaned", province.cluster());
    cluster.apply("alice", &gang(name))?;
    province.wait_phase("sdu-cs", name, "Running")?;
    let lost = nodes(province, name)?[0].clone();
    let since = Instant::now();
    cluster.remove_nodes(std::slice::from_ref(&lost))?;
    wait_for("its capacity not to be counted", || {
        let pool = province.edugrid.object("computepool", "default", "a100")?;
        Ok(pool["status"]["healthy"] == "24")
    })?;
    tried_again(province, name, &lost, since)?;
    Ok(name)
}

/// The first attempt ends disrupted, the second runs on other nodes and to its end.
fn tried_again(province: &Province, name: &str, lost: &str, since: Instant) -> Result<()> {
    let mut job = Value::Null;
    let again = wait_for("the second attempt to run", || {
        job = province.job("sdu-cs", name)?;
        Ok(job["status"]["attempts"]
            .as_array()
            .is_some_and(|all| all.len() > 1)
            && job["status"]["phase"] == "Running")
    });
    again.with_context(|| format!("{:#}", job["status"]))?;
    println!("the second attempt ran after {:?}", since.elapsed());
    let first = &job["status"]["attempts"][0];
    ensure!(first["outcome"] == "Disrupted", "{first:#}");
    println!("the first: {first}");
    let now = nodes(province, name)?;
    ensure!(
        !now.iter().any(|node| node == lost),
        "{lost} is gone, and it runs on {now:?}"
    );
    let natives = ["get", "pods", "--namespace=sdu-cs", "--output=name"];
    let selector = format!("--selector=edugrid.io/job={name},edugrid.io/attempt=1");
    let left = province
        .cluster()
        .kubectl("admin", &[&natives[..], &[&selector]].concat())?
        .ok()?;
    ensure!(
        left.trim().is_empty(),
        "pods of the first attempt are left: {left}"
    );
    // Its pods run for an hour: the user is content.
    cancel_and_replace(province, name)
}

/// The long gang is deleted, and a short one of its name runs through on what is left.
fn cancel_and_replace(province: &Province, name: &str) -> Result<()> {
    let cluster = province.cluster();
    let selector = format!("--selector=edugrid.io/job={name}");
    let annotation = format!("{}-", annotations::STOP_AFTER);
    let alive_again = [
        "annotate",
        "pods",
        "--namespace=sdu-cs",
        &selector,
        &annotation,
    ];
    cluster.kubectl("admin", &alive_again)?.ok()?;
    let delete = [
        "delete",
        "computejob",
        name,
        "--namespace=sdu-cs",
        "--wait",
        "--timeout=60s",
    ];
    cluster.kubectl("alice", &delete)?.ok()?;
    cluster.apply("alice", &job("sdu-cs", name, 2, 8, "2s", 0))?;
    province.wait_phase("sdu-cs", name, "Succeeded").map(drop)
}

/// Two roles whose pods fill a node each.
fn gang(name: &str) -> String {
    let one = job("sdu-cs", name, 1, 8, "3600s", 0);
    let (_, role) = one.split_once("  - name: worker\n").unwrap_or_default();
    format!("{one}  - name: server\n{role}")
}

/// Where its roles run, the first role first.
fn nodes(province: &Province, name: &str) -> Result<Vec<String>> {
    let job = province.job("sdu-cs", name)?;
    let roles = job["status"]["placement"].as_array().cloned();
    let mut nodes = Vec::new();
    for role in ["worker", "server"] {
        let placed = roles.iter().flatten().find(|placed| placed["role"] == role);
        let node = placed.and_then(|placed| placed["nodes"][0]["name"].as_str());
        nodes.push(node.context("a node")?.to_owned());
    }
    Ok(nodes)
}

fn pods(province: &Province, name: &str) -> Result<Vec<Value>> {
    let selector = format!("--selector=edugrid.io/job={name}");
    let args = [
        "get",
        "pods",
        "--namespace=sdu-cs",
        &selector,
        "--output=json",
    ];
    let list: Value = serde_json::from_str(&province.cluster().kubectl("admin", &args)?.ok()?)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn is_going(pod: &Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
}
