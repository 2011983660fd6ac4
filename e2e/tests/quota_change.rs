//! An administrator cuts a quota while jobs run (Q3): borrowers keep running, what is
//! available is shown negative, nothing new starts on it until enough has ended, the owner
//! goes first, and raising it again lets the others in. `docs/design/0009-rights.md`.

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::Value;
use xtask::installation::InstallOptions;

/// A second university that owns nothing of the pool and may borrow what the other leaves.
const LNU: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: lnu}
spec: {parent: province, level: University, quotas: [{pool: a100, nominal: 0}]}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: lnu-own}
spec: {issuer: province, holder: lnu, type: OwnFunds, faceValue: \"1000.00\"}
---
apiVersion: v1
kind: Namespace
metadata:
  name: lnu
  labels: {edugrid.io/tenant: lnu, pod-security.kubernetes.io/enforce: baseline}
";

/// What the subtree of `tenant` owns of the pool, as the province's administrator says.
fn set_nominal(province: &Province, tenant: &str, nominal: u32) -> Result<()> {
    let patch = format!(r#"{{"spec":{{"quotas":[{{"pool":"a100","nominal":{nominal}}}]}}}}"#);
    let patch = format!("--patch={patch}");
    let args = ["patch", "tenant", tenant, "--type=merge", &patch];
    province
        .cluster()
        .kubectl("province-admin", &args)?
        .ok()
        .map(drop)
}

/// What the visibility API says is available to a tenant, in cards.
fn available(province: &Province, tenant: &str) -> Result<f64> {
    let path = format!(
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/edugrid-{tenant}/tenantuses/{tenant}"
    );
    let raw = format!("--raw={path}");
    let answer = province.cluster().kubectl("admin", &["get", &raw])?.ok()?;
    let told: Value = serde_json::from_str(&answer)?;
    let pools = told["pools"].as_array().cloned().unwrap_or_default();
    let line = pools.iter().find(|line| line["pool"] == "a100");
    let text = line.and_then(|line| line["available"].as_str());
    text.with_context(|| format!("no available of a100 in {told:#}"))?
        .parse()
        .context("available")
}

fn is_over_quota(province: &Province, tenant: &str) -> Result<bool> {
    let object = province.edugrid.object("tenant", "default", tenant)?;
    let conditions = object["status"]["conditions"].as_array().cloned();
    let over = |it: &Value| it["type"] == "OverQuota" && it["status"] == "True";
    Ok(conditions.unwrap_or_default().iter().any(over))
}

fn phase(province: &Province, namespace: &str, name: &str) -> Result<String> {
    let job = province.job(namespace, name)?;
    Ok(job["status"]["phase"]
        .as_str()
        .unwrap_or("Pending")
        .to_owned())
}

/// Three nodes of which quota covers two: what stops a job below is quota, not room.
fn province_with_a_borrower() -> Result<Province> {
    let province = Province::start(3, InstallOptions::default())?;
    let cluster = province.cluster();
    cluster.apply(
        "province-admin",
        LNU.split("---\napiVersion: v1\n").next().unwrap_or(LNU),
    )?;
    cluster.apply("admin", LNU)?;
    province.edugrid.bind("lnu", "edugrid-user", "lnu-users")?;
    province.edugrid.approve("lnu-own")?;
    wait_for("lnu's deposit", || {
        let voucher = province
            .edugrid
            .object("computevoucher", "default", "lnu-own")?;
        Ok(voucher["status"]["conditions"][0]["status"] == "True")
    })?;
    Ok(province)
}

#[test]
fn after_a_cut_borrowers_keep_running_and_the_owner_goes_first() -> Result<()> {
    let province = province_with_a_borrower()?;
    let cluster = province.cluster();
    cluster.apply("alice", &job("sdu-cs", "own", 1, 8, "50s", 0))?;
    cluster.apply("bob", &job("lnu", "borrows", 1, 8, "75s", 0))?;
    province.wait_phase("sdu-cs", "own", "Running")?;
    province.wait_phase("lnu", "borrows", "Running")?;
    ensure!(available(&province, "lnu")? == 0.0, "16 owned, 16 in use");
    ensure!(
        !is_over_quota(&province, "lnu")?,
        "nothing is overdrawn yet"
    );

    // The cut: 16 run on what is now 8.
    set_nominal(&province, "sdu-cs", 8)?;
    set_nominal(&province, "sdu", 8)?;
    wait_for("what is available to turn negative", || {
        Ok(available(&province, "lnu")? == -8.0)
    })?;
    wait_for("the condition", || is_over_quota(&province, "lnu"))?;

    // The borrower comes back first, the owner after it; neither starts.
    cluster.apply("bob", &job("lnu", "late", 1, 1, "2s", 0))?;
    std::thread::sleep(std::time::Duration::from_millis(1500));
    cluster.apply("alice", &job("sdu-cs", "next", 1, 8, "8s", 0))?;
    waits_on_quota(&province, "bob", "lnu/late")?;
    waits_on_quota(&province, "alice", "sdu-cs/next")?;
    for (namespace, name) in [("sdu-cs", "own"), ("lnu", "borrows")] {
        let phase = phase(&province, namespace, name)?;
        ensure!(phase == "Running", "Keep: {namespace}/{name} is {phase}");
    }

    // Both end undisturbed, the first attempt of each; then the owner goes before the borrower.
    for (namespace, name) in [("sdu-cs", "own"), ("lnu", "borrows")] {
        let job = province.wait_phase(namespace, name, "Succeeded")?;
        let attempts = job["status"]["attempts"].as_array().map(Vec::len);
        ensure!(
            attempts == Some(1),
            "Keep stops nobody: {:#}",
            job["status"]
        );
    }
    province.wait_phase("sdu-cs", "next", "Running")?;
    let late = phase(&province, "lnu", "late")?;
    ensure!(late == "Pending", "8 owned and in use: late is {late}");
    wait_for("the condition to go", || {
        Ok(!is_over_quota(&province, "lnu")?)
    })?;

    // Raised again: what waited is let in beside the owner.
    set_nominal(&province, "sdu", 16)?;
    let late = province.wait_phase("lnu", "late", "Succeeded")?;
    let next = province.job("sdu-cs", "next")?;
    let started = |job: &Value| -> Result<jiff::Timestamp> {
        let started = job["status"]["startedAt"].as_str();
        Ok(started.context("startedAt")?.parse()?)
    };
    ensure!(started(&next)? <= started(&late)?, "the owner first");
    Ok(())
}

/// The job waits for quota though a whole node is free, and is told so.
fn waits_on_quota(province: &Province, user: &str, job: &str) -> Result<()> {
    let mut said = String::new();
    wait_for(&format!("{job} to wait for quota"), || {
        let (namespace, name) = job.split_once('/').unwrap_or_default();
        let args = ["explain", name, "--namespace", namespace, "--output=json"];
        let told = province.edugrid.edugrid(user, &args)?;
        said = String::from_utf8_lossy(&told.stdout).into_owned();
        let told: Value = serde_json::from_str(&said).unwrap_or(Value::Null);
        Ok(told["reason"]["code"] == "QuotaExceeded")
    })
    .with_context(|| said.clone())
}
