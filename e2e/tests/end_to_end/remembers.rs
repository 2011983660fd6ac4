//! Shares remember (O3): of two borrowers that are alike now, the one that took cards before goes
//! second, also when the leader that saw it was killed and its disk thrown away.

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, no_attempt_is_open, wait_for};
use serde_json::Value;
use xtask::installation::{InstallOptions, repository};

/// A tenant that owns nothing, with money and a namespace.
fn borrower(name: &str) -> String {
    format!(
        "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{parent: province, level: University, quotas: [{{pool: a100, nominal: 0}}]}}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {{name: {name}-own}}
spec: {{issuer: province, holder: {name}, type: OwnFunds, faceValue: \"1000000.00\"}}
---
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels: {{edugrid.io/tenant: {name}, pod-security.kubernetes.io/enforce: baseline}}
"
    )
}

/// A minute of the book's time in a tenth of a second: with a half-life of ten days a job of some
/// seconds leaves a trace that hardly fades while the test looks.
fn options() -> InstallOptions {
    InstallOptions {
        clock_factor: 600,
        arguments: vec!["--half-life=240h".to_owned()],
        ..InstallOptions::default()
    }
}

#[test]
fn who_took_before_goes_second_whoever_leads() -> Result<()> {
    let province = Province::start(2, options())?;
    let (cluster, edugrid) = (province.cluster(), &province.edugrid);
    // By name it would be the other way round.
    for name in ["ahead", "zero"] {
        cluster.apply("admin", &borrower(name))?;
        edugrid.bind(name, "edugrid-user", "lnu-users")?;
        edugrid.approve(&format!("{name}-own"))?;
    }
    cluster.apply("bob", &lasting("ahead", "before", 2, "2h"))?;
    province.wait_phase("ahead", "before", "Succeeded")?;
    wait_for("the end", || Ok(no_attempt_is_open(edugrid)))?;
    let remembered = average(&province, "ahead")?;
    ensure!(
        remembered > 0.03,
        "16 cards for 2 of 240 hours: {remembered}"
    );
    ensure!(average(&province, "zero")? == 0.0);

    // The owner fills the pool; behind it both want 16 cards, first who has borrowed.
    cluster.apply("alice", &lasting("sdu-cs", "fills", 2, "6h"))?;
    province.wait_phase("sdu-cs", "fills", "Running")?;
    for name in ["ahead", "zero"] {
        cluster.apply("bob", &lasting(name, "next", 2, "1h"))?;
    }
    edugrid.kill()?;
    edugrid.forget_view()?;
    edugrid.start()?;
    wait_for("both to wait", || Ok(positions(&province)?.len() == 2))?;
    ensure!(
        positions(&province)? == ["zero", "ahead"],
        "{:?}",
        positions(&province)?
    );
    let after = average(&province, "ahead")?;
    ensure!(
        after > 0.9 * remembered && after <= remembered,
        "{remembered} was remembered, and of it {after} by the next leader"
    );
    told(&province, after)?;

    let first = province.wait_phase("zero", "next", "Succeeded")?;
    let second = province.wait_phase("ahead", "next", "Succeeded")?;
    let started = |job: &Value| job["status"]["startedAt"].as_str().map(str::to_owned);
    ensure!(started(&first) < started(&second), "{first:#} {second:#}");
    proved(&province)?;
    configured(&province)
}

/// A job that runs for so long by the book's clock.
fn lasting(namespace: &str, name: &str, replicas: u32, virtual_hours: &str) -> String {
    let hours: f64 = virtual_hours.trim_end_matches('h').parse().unwrap_or(1.0);
    let real = format!("{}ms", (hours * 3_600_000.0 / 600.0).round());
    job(namespace, name, replicas, 8, &real, 0).replace("walltime: 1h", "walltime: 48h")
}

fn json(province: &Province, user: &str, args: &[&str]) -> Result<Value> {
    let output = province.edugrid.edugrid(user, args)?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{args:?}: {error}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a tenant borrowed of the cards on average, as the province's administrator reads it.
fn average(province: &Province, tenant: &str) -> Result<f64> {
    let list = json(province, "province-admin", &["tenants", "--output=json"])?;
    let items = list["items"].as_array().context("items")?;
    let found = items.iter().find(|item| item["metadata"]["name"] == tenant);
    let pools = found.context("the tenant")?["pools"]
        .as_array()
        .context("pools")?;
    let line = pools
        .iter()
        .find(|line| line["pool"] == "a100")
        .context("a100")?;
    Ok(line["averageBorrowed"]
        .as_str()
        .context("averageBorrowed")?
        .parse()?)
}

/// Whose job waits in which place.
fn positions(province: &Province) -> Result<Vec<String>> {
    let mut places = Vec::new();
    for name in ["ahead", "zero"] {
        let namespace = format!("--namespace={name}");
        let told = json(
            province,
            "bob",
            &["explain", "next", &namespace, "--output=json"],
        );
        let Some(place) = told.ok().and_then(|told| told["positionInPool"].as_u64()) else {
            continue;
        };
        places.push((place, name.to_owned()));
    }
    places.sort();
    Ok(places.into_iter().map(|(_, name)| name).collect())
}

/// The same number stands in the explanation of the job that it puts behind, and in the metric.
fn told(province: &Province, average: f64) -> Result<()> {
    let output = province
        .edugrid
        .edugrid("bob", &["explain", "next", "--namespace=ahead"])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(text.contains("AVERAGE") && text.contains("SHARE"), "{text}");
    let sample = "edugrid_tenant_borrowed_average_units{tenant=\"ahead\",pool=\"a100\"}";
    wait_for("the metric", || {
        let told = province.edugrid.metric(sample);
        Ok(told.is_ok_and(|told| (told - average).abs() < 0.1 * average))
    })
}

/// The books prove themselves with the entries in them by which all this was found again.
fn proved(province: &Province) -> Result<()> {
    let edugrid = &province.edugrid;
    let verified = edugrid.edugrid("province-checker", &["ledger", "verify"])?;
    ensure!(verified.status.success(), "{verified:?}");
    let file = province.cluster().dir().join("export.jsonl");
    let path = file.to_str().context("a path")?;
    let exported = edugrid.edugrid("province-checker", &["ledger", "export", "-o", path])?;
    ensure!(exported.status.success(), "{exported:?}");
    let text = std::fs::read_to_string(&file)?;
    for verb in ["\"Rebase\"", "\"Owned\""] {
        ensure!(text.contains(verb), "no {verb} in the export");
    }
    Ok(())
}

/// What administrators write into the values reaches the operator, and a past that would
/// silently not count is refused.
fn configured(province: &Province) -> Result<()> {
    let chart = repository().join("charts/edugrid").display().to_string();
    let render = |half_life: &str| {
        let set = format!("--set=fairShare.halfLife={half_life},fairShare.pastWeight.den=2");
        let fixed = ["template", "edugrid", &chart, "--namespace=edugrid-system"];
        let rest = ["--kube-version=1.36.3", set.as_str()];
        let args: Vec<&str> = fixed.into_iter().chain(rest).collect();
        province.cluster().helm("admin", &args)
    };
    let rendered = render("72h")?.ok()?;
    for (name, value) in [("EDUGRID_HALF_LIFE", "72h"), ("EDUGRID_PAST_WEIGHT", "1/2")] {
        let mut lines = rendered.lines().skip_while(|line| !line.contains(name));
        let line = lines.nth(1).unwrap_or_default().trim();
        ensure!(line == format!("value: \"{value}\""), "{name}: {line}");
    }
    let refused = render("0h")?.refused()?;
    ensure!(refused.contains("halfLife"), "{refused}");
    Ok(())
}
