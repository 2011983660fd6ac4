//! An administrator cuts a quota while jobs run (Q3): borrowers keep running, what is
//! available is shown negative, nothing new starts on it until enough has ended, the owner
//! goes first, and raising it again lets the others in. `docs/design/0009-rights.md`. Where
//! the tenant takes back, borrowers are stopped after its delay, no more than needed.
//! `docs/design/0011-a-cut-taken-back.md`.

use std::{collections::BTreeSet, thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::{Value, json};
use xtask::installation::InstallOptions;

/// What the subtree of `tenant` owns of the pool, as the province's administrator says.
fn set_nominal(province: &Province, tenant: &str, nominal: u32) -> Result<()> {
    let quotas = json!({"spec": {"quotas": [{"pool": "a100", "nominal": nominal}]}});
    let tenant = format!("tenant/{tenant}");
    let cluster = province.cluster();
    let patched = cluster.patch("province-admin", &tenant, &[], &quotas)?;
    patched.ok().map(drop)
}

/// What the visibility API says is available to a tenant, in cards.
fn available(province: &Province, tenant: &str) -> Result<f64> {
    let told = tenant_use(province, tenant)?;
    let pools = told["pools"].as_array().cloned().unwrap_or_default();
    let line = pools.iter().find(|line| line["pool"] == "a100");
    let text = line.and_then(|line| line["available"].as_str());
    text.with_context(|| format!("no available of a100 in {told:#}"))?
        .parse()
        .context("available")
}

/// What the visibility API says of a tenant.
fn tenant_use(province: &Province, tenant: &str) -> Result<Value> {
    let path = format!(
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/edugrid-{tenant}/tenantuses/{tenant}"
    );
    let raw = format!("--raw={path}");
    let answer = province.cluster().kubectl("admin", &["get", &raw])?.ok()?;
    Ok(serde_json::from_str(&answer)?)
}

fn is_over_quota(province: &Province, tenant: &str) -> Result<bool> {
    Ok(over_quota(province, tenant)?.is_some())
}

/// What the condition says while it holds.
fn over_quota(province: &Province, tenant: &str) -> Result<Option<String>> {
    let object = province.edugrid.object("tenant", "default", tenant)?;
    let conditions = object["status"]["conditions"].as_array().cloned();
    let over = |it: &Value| it["type"] == "OverQuota" && it["status"] == "True";
    let held = conditions.unwrap_or_default().into_iter().find(over);
    Ok(held.map(|held| held["message"].as_str().unwrap_or_default().to_owned()))
}

fn phase(province: &Province, namespace: &str, name: &str) -> Result<String> {
    let job = province.job(namespace, name)?;
    Ok(job["status"]["phase"]
        .as_str()
        .unwrap_or("Pending")
        .to_owned())
}

/// Three nodes of which quota covers two: what stops a job below is quota, not room.
fn province_with_a_borrower(options: InstallOptions) -> Result<Province> {
    Province::start(3, options)?.with_a_borrower()
}

#[test]
fn after_a_cut_borrowers_keep_running_and_the_owner_goes_first() -> Result<()> {
    let province = province_with_a_borrower(InstallOptions::default())?;
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
    sleep(Duration::from_millis(1500));
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

/// Virtual seconds per real one, so that a delay of five minutes is one of half a minute.
const FACTOR: u32 = 10;
/// What lnu's administrator declares: what it borrows is taken back so long after a cut.
const DELAY: &str = "5m";
const DELAY_REAL: Duration = Duration::from_secs(30);

/// A tier below the standard one, and a class of that one that is never preempted.
const CLASSES: &str = "
apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {name: scavenger}
spec: {tier: Scavenger, priority: 0, preemptible: true, minRuntime: 1s, defaultWalltime: 4h,
       maxWalltime: 72h, maxWait: 168h, notice: 2m, priceTier: standard}
---
apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {name: lasting}
spec: {tier: Standard, priority: 0, preemptible: false, minRuntime: 1s, defaultWalltime: 4h,
       maxWalltime: 72h, maxWait: 168h, notice: 2m, priceTier: standard}
";

#[test]
fn what_is_borrowed_is_taken_back_after_the_delay_and_no_more() -> Result<()> {
    let options = InstallOptions {
        clock_factor: FACTOR,
        ..InstallOptions::default()
    };
    let province = province_with_a_borrower(options)?;
    let cluster = province.cluster();
    cluster.apply("province-admin", CLASSES)?;
    let reclaim = json!({"spec": {"onQuotaCut": "Reclaim", "reclaimDelay": DELAY}});
    let lnu = cluster.patch("province-admin", "tenant/lnu", &[], &reclaim)?;
    lnu.ok()?;
    set_nominal(&province, "sdu-cs", 8)?;

    // 8 of the owner, and of the borrower a gang of 2 and one of 4, and 2 that last.
    cluster.apply("alice", &long("own", "sdu-cs", (1, 8), "standard"))?;
    cluster.apply("bob", &long("low", "lnu", (2, 1), "scavenger"))?;
    cluster.apply("bob", &long("high", "lnu", (1, 4), "standard"))?;
    cluster.apply("bob", &long("lasting", "lnu", (1, 2), "lasting"))?;
    for name in ["low", "high", "lasting"] {
        province.wait_phase("lnu", name, "Running")?;
    }
    province.wait_phase("sdu-cs", "own", "Running")?;

    raised_in_time_nobody_is_stopped(&province)?;
    the_lowest_tier_gives_back(&province)?;
    what_cannot_be_preempted_stays(&province)?;
    raised_again_they_start_again(&province)
}

/// A job that outlives the test, of so many replicas and cards.
fn long(name: &str, namespace: &str, size: (u32, u32), class: &str) -> String {
    let (replicas, cards) = size;
    let manifest = job(namespace, name, replicas, cards, "3600s", 0);
    manifest.replace("walltime: 1h", &format!("class: {class}\n  walltime: 5h"))
}

/// The condition says what will happen and when; the quota comes back before, and nothing does.
fn raised_in_time_nobody_is_stopped(province: &Province) -> Result<()> {
    set_nominal(province, "sdu", 14)?;
    let mut said = None;
    wait_for("the condition to say when", || {
        said = over_quota(province, "lnu")?;
        Ok(said
            .as_ref()
            .is_some_and(|said| said.contains("is stopped from")))
    })
    .with_context(|| format!("{said:?}"))?;
    let uses = tenant_use(province, "lnu")?;
    let from = uses["pools"][0]["stopsFrom"].as_str();
    ensure!(from.is_some(), "its own people are told too: {uses:#}");
    set_nominal(province, "sdu", 16)?;
    wait_for("the condition to go", || {
        Ok(!is_over_quota(province, "lnu")?)
    })?;
    sleep(DELAY_REAL + Duration::from_secs(3));
    run_undisturbed(province, &["low", "high", "lasting"])
}

/// 2 are too many: the gang of the lowest tier is stopped and no other, though it is the oldest.
fn the_lowest_tier_gives_back(province: &Province) -> Result<()> {
    set_nominal(province, "sdu", 14)?;
    let low = province.wait_phase("lnu", "low", "Pending")?;
    let attempt = &low["status"]["attempts"][0];
    ensure!(attempt["outcome"] == "QuotaCut", "{attempt:#}");
    ensure!(attempt["finishedAt"].is_string(), "settled: {attempt:#}");
    let conditions = low["status"]["conditions"].as_array().cloned();
    let stopped = |it: &Value| {
        it["type"] == "Preempted" && it["status"] == "True" && it["reason"] == "QuotaCut"
    };
    let is_told = conditions.unwrap_or_default().iter().any(stopped);
    ensure!(is_told, "{:#}", low["status"]);
    waits_on_quota(province, "bob", "lnu/low")?;
    wait_for("the condition to go", || {
        Ok(!is_over_quota(province, "lnu")?)
    })?;
    run_undisturbed(province, &["high", "lasting"])
}

/// 6 more are too many, of which 4 can be stopped; the rest is told and goes on.
fn what_cannot_be_preempted_stays(province: &Province) -> Result<()> {
    set_nominal(province, "sdu", 8)?;
    let high = province.wait_phase("lnu", "high", "Pending")?;
    let outcome = &high["status"]["attempts"][0]["outcome"];
    ensure!(outcome == "QuotaCut", "{:#}", high["status"]);
    let mut said = None;
    wait_for("the condition to say what is left", || {
        said = over_quota(province, "lnu")?;
        Ok(said
            .as_ref()
            .is_some_and(|said| said.contains("can't be preempted")))
    })
    .with_context(|| format!("{said:?}"))?;
    run_undisturbed(province, &["lasting"])
}

/// What was stopped starts again: its second attempt, eligible since the same instant.
fn raised_again_they_start_again(province: &Province) -> Result<()> {
    set_nominal(province, "sdu", 16)?;
    for name in ["low", "high"] {
        let again = province.wait_phase("lnu", name, "Running")?;
        let number = &again["status"]["attempts"][1]["number"];
        ensure!(*number == 2, "{:#}", again["status"]);
        let eligible = eligible(province, name)?;
        let distinct: BTreeSet<&String> = eligible.iter().collect();
        ensure!(
            (eligible.len(), distinct.len()) == (2, 1),
            "{name} was eligible since {eligible:?}"
        );
    }
    run_undisturbed(province, &["lasting"])
}

/// They and the owner are in their first attempt.
fn run_undisturbed(province: &Province, of_lnu: &[&str]) -> Result<()> {
    let of_lnu = of_lnu.iter().map(|name| ("lnu", *name));
    for (namespace, name) in of_lnu.chain([("sdu-cs", "own")]) {
        let job = province.job(namespace, name)?;
        let attempts = job["status"]["attempts"].as_array().map(Vec::len);
        ensure!(
            job["status"]["phase"] == "Running" && attempts == Some(1),
            "{namespace}/{name} was disturbed: {:#}",
            job["status"]
        );
    }
    Ok(())
}

/// Since when a job was eligible at each of its admissions, as the journal says.
fn eligible(province: &Province, name: &str) -> Result<Vec<String>> {
    let file = province.cluster().dir().join(format!("{name}.jsonl"));
    let path = file.display().to_string();
    let args = ["ledger", "export", "-o", &path];
    let export = province.edugrid.edugrid("province-checker", &args)?;
    ensure!(export.status.success(), "{export:?}");
    let mut found = Vec::new();
    for line in std::fs::read_to_string(&file)?.lines() {
        admissions_of(&serde_json::from_str(line)?, name, &mut found);
    }
    Ok(found)
}

fn admissions_of(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("name").is_some_and(|known| known == name)
                && let Some(eligible) = fields.get("eligible")
            {
                found.push(eligible.to_string());
            }
            for value in fields.values() {
                admissions_of(value, name, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                admissions_of(value, name, found);
            }
        }
        Value::String(text) => {
            if let Ok(inner @ Value::Object(_)) = serde_json::from_str(text) {
                admissions_of(&inner, name, found);
            }
        }
        _ => {}
    }
}
