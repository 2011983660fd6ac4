//! Lives of jobs on a real cluster: how each ends, what it costs, and what is left (P8, T1,
//! A7). All on one province, side by side.

use anyhow::{Result, ensure};
use edugrid_e2e::{Province, job, no_attempt_is_open, wait_for};
use serde_json::{Value, json};
use xtask::{cluster::Output, installation::InstallOptions};

/// A class whose jobs may be shorter than the notice of the standard one.
const SHORT: &str = "
apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {name: short}
spec: {tier: Standard, priority: 0, preemptible: true, minRuntime: 1s, defaultWalltime: 10s,
       maxWalltime: 1h, maxWait: 1h, notice: 1s, priceTier: standard}
";

#[test]
fn lives() -> Result<()> {
    let province = Province::start(6, InstallOptions::default())?;
    let cluster = province.cluster();
    cluster.apply("province-admin", SHORT)?;
    cluster.apply("alice", &job("sdu-cs", "fails", 1, 1, "2s", 3))?;
    cluster.apply("alice", &retried())?;
    cluster.apply("alice", &two_roles())?;
    cluster.apply("alice", &with_walltime("4s"))?;
    cluster.apply("alice", &job("sdu-cs", "cancelled", 1, 1, "300s", 0))?;
    cluster.apply("alice", &job("sdu-cs", "held", 1, 1, "20s", 0))?;
    cluster.apply("alice", &job("sdu-cs", "deleted", 1, 1, "300s", 0))?;

    for name in ["cancelled", "held", "deleted"] {
        wait_for("the job to start", || {
            Ok(started(&province.job("sdu-cs", name)?))
        })?;
    }
    change(&province, "cancelled", "Cancel")?;
    change(&province, "held", "Hold")?;
    cluster
        .kubectl(
            "alice",
            &["delete", "computejob", "deleted", "--namespace=sdu-cs"],
        )?
        .ok()?;

    typo(&province)?;
    own_failure(&province)?;
    retries(&province)?;
    roles(&province)?;
    walltime(&province)?;
    cancel(&province)?;
    hold(&province)?;
    deletion(&province)?;
    nothing_is_left(&province)?;
    deletion_while_nobody_watches(&province)?;
    nothing_is_left(&province)?;
    a_missing_policy_is_told(&province)
}

/// A typo inside the template is told in the API server's words, at once, and costs nothing.
fn typo(province: &Province) -> Result<()> {
    let manifest = job("sdu-cs", "typo", 1, 1, "1s", 0).replace("image:", "imagee:");
    province.cluster().apply("alice", &manifest)?;
    wait_for("the typo to be told", || {
        let job = province.job("sdu-cs", "typo")?;
        let told = job["status"]["message"]
            .as_str()
            .unwrap_or("")
            .contains("imagee");
        Ok(told && job["status"]["reason"] == "TemplateRefused")
    })?;
    province
        .cluster()
        .kubectl(
            "alice",
            &["delete", "computejob", "typo", "--namespace=sdu-cs"],
        )?
        .ok()?;
    Ok(())
}

fn own_failure(province: &Province) -> Result<()> {
    let failed = province.wait_phase("sdu-cs", "fails", "Failed")?;
    let attempts = attempts(&failed);
    ensure!(
        attempts.len() == 1 && attempts[0]["outcome"] == "Failed",
        "{attempts:#?}"
    );
    charged_as_its_interval(&failed, 1)
}

fn retries(province: &Province) -> Result<()> {
    let failed = province.wait_phase("sdu-cs", "retried", "Failed")?;
    let attempts = attempts(&failed);
    ensure!(
        attempts.len() == 3,
        "retries: 2 makes three attempts, not {attempts:#?}"
    );
    let natives = province.cluster().kubectl(
        "admin",
        &[
            "get",
            "jobs",
            "--namespace=sdu-cs",
            "--selector=edugrid.io/job=retried",
            "--output=name",
        ],
    )?;
    ensure!(
        natives.ok()?.lines().count() == 3,
        "each attempt has its own native Job"
    );
    charged_as_its_interval(&failed, 1)
}

fn roles(province: &Province) -> Result<()> {
    let done = province.wait_phase("sdu-cs", "roles", "Succeeded")?;
    let placement = done["status"]["placement"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ensure!(placement.len() == 2, "{placement:#?}");
    // Two workers of 6 cards need a node each; pins are exact (P7).
    for role in &placement {
        for node in role["nodes"].as_array().into_iter().flatten() {
            pods_are_on(province, role["role"].as_str().unwrap_or(""), node)?;
        }
    }
    charged_as_its_interval(&done, 13)
}

fn pods_are_on(province: &Province, role: &str, node: &Value) -> Result<()> {
    let selector = format!("--selector=edugrid.io/job=roles,edugrid.io/role={role}");
    let path = "--output=jsonpath={.items[*].spec.nodeName}";
    let args = ["get", "pods", "--namespace=sdu-cs", &selector, path];
    let nodes = province.cluster().kubectl("admin", &args)?.ok()?;
    let name = node["name"].as_str().unwrap_or("");
    let found = nodes
        .split_whitespace()
        .filter(|found| *found == name)
        .count();
    ensure!(
        json!(found) == node["replicas"],
        "role {role}: {found} pods on {name}, plan {node}"
    );
    Ok(())
}

fn walltime(province: &Province) -> Result<()> {
    let done = province.wait_phase("sdu-cs", "walltime", "Failed")?;
    let attempts = attempts(&done);
    ensure!(attempts[0]["outcome"] == "Walltime", "{attempts:#?}");
    ensure!(
        done["status"]["cost"]["charged"] == "0.006666",
        "4 s at most: {:#}",
        done["status"]
    );
    Ok(())
}

fn cancel(province: &Province) -> Result<()> {
    let done = province.wait_phase("sdu-cs", "cancelled", "Cancelled")?;
    charged_as_its_interval(&done, 1)?;
    let refused = ask(province, "cancelled", "Run")?.refused()?;
    ensure!(
        refused.contains("Cancel is final"),
        "a cancelled job never runs again: {refused}"
    );
    Ok(())
}

fn hold(province: &Province) -> Result<()> {
    wait_for("the held job to stop", || {
        let job = province.job("sdu-cs", "held")?;
        Ok(job["status"]["phase"] == "Pending" && attempts(&job).len() == 1)
    })?;
    let held = province.job("sdu-cs", "held")?;
    ensure!(
        attempts(&held)[0]["outcome"] == "Held",
        "{:#}",
        held["status"]
    );
    change(province, "held", "Run")?;
    let done = province.wait_phase("sdu-cs", "held", "Succeeded")?;
    ensure!(attempts(&done).len() == 2, "{:#}", done["status"]);
    charged_as_its_interval(&done, 1)
}

/// A job deleted while it runs is settled from the journal (A7); nothing stays held.
fn deletion(province: &Province) -> Result<()> {
    wait_for("the deleted job's pods to go", || {
        let args = [
            "get",
            "pods",
            "--namespace=sdu-cs",
            "--selector=edugrid.io/job=deleted",
            "--output=name",
        ];
        Ok(province
            .cluster()
            .kubectl("admin", &args)?
            .ok()?
            .trim()
            .is_empty())
    })
}

/// An operator whose policies are not all there is not ready, and says what to do (L12).
fn a_missing_policy_is_told(province: &Province) -> Result<()> {
    let binding = "validatingadmissionpolicybinding/placement-gate.edugrid.io";
    let admin = |args: &[&str]| province.cluster().kubectl("admin", args)?.ok();
    let saved = admin(&["get", binding, "--output=yaml"])?;
    admin(&["delete", binding])?;
    wait_for("the missing policy to be told", || {
        let (is_ready, words) = province.edugrid.readiness()?;
        Ok(!is_ready && words.contains("placement-gate.edugrid.io is missing"))
    })?;
    // Client-side: a manifest that was read holds what a server-side one may not.
    let apply = ["apply", "--filename=-"];
    province
        .cluster()
        .kubectl_with_input("admin", &apply, &saved)?
        .ok()?;
    wait_for("the operator to be ready again", || {
        Ok(province.edugrid.readiness()?.0)
    })
}

/// The operator is away when a running job is deleted: the next start settles it from the
/// journal, up to an end that was seen or the last confirmed instant (A7).
fn deletion_while_nobody_watches(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    cluster.apply("alice", &job("sdu-cs", "orphan", 1, 2, "300s", 0))?;
    province.wait_phase("sdu-cs", "orphan", "Running")?;
    province.edugrid.stop()?;
    cluster
        .kubectl(
            "alice",
            &["delete", "computejob", "orphan", "--namespace=sdu-cs"],
        )?
        .ok()?;
    let selector = "--selector=edugrid.io/job=orphan";
    wait_for("the orphan's pods to go", || {
        let args = [
            "get",
            "pods",
            "--namespace=sdu-cs",
            selector,
            "--output=name",
        ];
        Ok(cluster.kubectl("admin", &args)?.ok()?.trim().is_empty())
    })?;
    province.edugrid.restart()?;
    nothing_is_left(province)?;
    let statement = province
        .edugrid
        .edugrid("alice", &["statement", "sdu", "--output=json"])?;
    let statement: Value = serde_json::from_slice(&statement.stdout)?;
    let movements = statement["movements"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let orphan = movements.iter().find(|line| line["job"] == "orphan");
    ensure!(
        orphan.is_some_and(|line| line["outcome"] == "Deleted"),
        "the orphan is settled: {statement:#}"
    );
    Ok(())
}

fn nothing_is_left(province: &Province) -> Result<()> {
    wait_for("all attempts to be settled", || {
        Ok(no_attempt_is_open(&province.edugrid))
    })?;
    let sample = "edugrid_tenant_usage_units{tenant=\"sdu-cs\",pool=\"a100\"}";
    wait_for("usage to be zero", || {
        Ok(province.edugrid.metric(sample)? == 0.0)
    })
}

/// Price × billed units × the seconds of all recorded intervals (N4, A5, L4).
fn charged_as_its_interval(job: &Value, cards: i64) -> Result<()> {
    let mut expected = 0;
    for attempt in attempts(job) {
        let instant = |field: &str| -> Result<i64> {
            Ok(attempt[field]
                .as_str()
                .unwrap_or("")
                .parse::<jiff::Timestamp>()?
                .as_second())
        };
        if attempt["startedAt"].is_null() {
            continue;
        }
        let seconds = instant("finishedAt")? - instant("startedAt")?;
        expected += seconds * cards * 6_000_000 / 3600;
    }
    let charged = job["status"]["cost"]["charged"].as_str().unwrap_or("");
    let charged = edugrid_units::MicroYuan::parse_yuan(charged)?.0;
    ensure!(
        i64::try_from(charged)? == expected,
        "charged {charged}, not {expected}: {job:#}"
    );
    Ok(())
}

fn attempts(job: &Value) -> Vec<Value> {
    job["status"]["attempts"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn started(job: &Value) -> bool {
    attempts(job)
        .iter()
        .any(|attempt| !attempt["startedAt"].is_null())
        || job["status"]["phase"] == "Running"
}

fn change(province: &Province, name: &str, state: &str) -> Result<()> {
    ask(province, name, state)?.ok().map(drop)
}

fn ask(province: &Province, name: &str, state: &str) -> Result<Output> {
    let (job, spec) = (
        format!("computejob/{name}"),
        json!({"spec": {"state": state}}),
    );
    province
        .cluster()
        .patch("alice", &job, &["--namespace=sdu-cs"], &spec)
}

fn retried() -> String {
    job("sdu-cs", "retried", 1, 1, "1s", 1)
        .replace("  walltime: 1h\n", "  walltime: 1h\n  retries: 2\n")
}

fn with_walltime(walltime: &str) -> String {
    job("sdu-cs", "walltime", 1, 1, "300s", 0).replace(
        "walltime: 1h",
        &format!("walltime: {walltime}\n  class: short"),
    )
}

fn two_roles() -> String {
    let one = job("sdu-cs", "roles", 2, 6, "3s", 0);
    let Some((head, role)) = one.split_once("  - name: worker\n") else {
        return one;
    };
    let master = role
        .replace("replicas: 2", "replicas: 1")
        .replace("cards: 6", "cards: 1");
    format!("{head}  - name: worker\n{role}  - name: master\n{master}")
}
