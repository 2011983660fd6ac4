//! The first job through a real cluster: from a user's YAML of a dozen lines, applied with
//! plain kubectl, to a charged voucher, a statement and a proof.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, wait_for};
use edugrid_units::MicroYuan;
use serde_json::{Value, json};
use xtask::installation::{InstallOptions, repository};

#[test]
fn from_a_users_yaml_to_a_charged_voucher_and_a_proof() -> Result<()> {
    let province = Province::start(2, InstallOptions::default())?;
    dozen_lines()?;
    // The example's pods run until they are deleted on fake nodes; an annotation ends them.
    let example = std::fs::read_to_string(repository().join("examples/first-job/30-job.yaml"))?;
    let finite = example.replace(
        "      spec:\n        containers",
        "      metadata: {annotations: {pod-complete.stage.kwok.x-k8s.io/delay: 7s}}\n      spec:\n        containers",
    );
    ensure!(
        finite != example,
        "the example's template is not where the test looks for it"
    );
    province.cluster().apply("alice", &finite)?;

    let running = province.wait_phase("sdu-cs", "first", "Running")?;
    held_for_its_walltime(&running)?;
    let done = province.wait_phase("sdu-cs", "first", "Succeeded")?;
    on_the_planned_node(&province, &done)?;
    let charged = charged_by_interval(&done)?;
    half_and_half(&done, charged)?;
    the_statement_agrees(&province, charged)?;
    the_metrics_agree(&province)?;
    submitter_is_the_request_s(&province)?;
    the_pool_says_what_it_has(&province)?;
    proof(&province)?;
    reconciled(&province)
}

/// Two nodes of eight cards; the university's sixteen are all of it, so nothing is promised twice (Q4).
fn the_pool_says_what_it_has(province: &Province) -> Result<()> {
    let pool = province.edugrid.object("computepool", "default", "a100")?;
    let status = &pool["status"];
    ensure!(
        status["nodes"] == 2 && status["capacity"] == "16" && status["healthy"] == "16",
        "{status:#}"
    );
    let conditions = status["conditions"].as_array().context("no conditions")?;
    let of = |kind: &str| conditions.iter().find(|one| one["type"] == kind);
    for (kind, holds) in [
        ("Ready", "True"),
        ("NodeConflict", "False"),
        ("Overdeclared", "False"),
    ] {
        let condition = of(kind).with_context(|| format!("no condition {kind}"))?;
        ensure!(condition["status"] == holds, "{condition:#}");
    }
    Ok(())
}

fn dozen_lines() -> Result<()> {
    let text = std::fs::read_to_string(repository().join("examples/first-job/30-job.yaml"))?;
    ensure!(
        text.lines().count() <= 12,
        "a plain job stays a dozen lines (API.md)"
    );
    Ok(())
}

/// 8 cards × 6.00 × 1 h, half of it by the voucher (L2).
fn held_for_its_walltime(job: &Value) -> Result<()> {
    let cost = &job["status"]["cost"];
    ensure!(cost["held"] == "48.00", "{cost:#}");
    ensure!(
        cost["vouchers"][0]["held"] == "24.00" && cost["own"]["held"] == "24.00",
        "{cost:#}"
    );
    Ok(())
}

fn on_the_planned_node(province: &Province, job: &Value) -> Result<()> {
    let planned = job["status"]["placement"][0]["nodes"]
        .as_array()
        .context("placement")?
        .clone();
    let path = "--output=jsonpath={.items[*].spec.nodeName}";
    let args = [
        "get",
        "pods",
        "--namespace=sdu-cs",
        "--selector=edugrid.io/job=first",
        path,
    ];
    let nodes = province.cluster().kubectl("alice", &args)?.ok()?;
    for place in planned {
        let name = place["name"].as_str().unwrap_or("");
        let found = nodes
            .split_whitespace()
            .filter(|node| *node == name)
            .count();
        ensure!(
            serde_json::json!(found) == place["replicas"],
            "{nodes} is not {place}"
        );
    }
    ensure!(
        province
            .edugrid
            .metric("edugrid_placement_deviations_total")?
            == 0.0
    );
    Ok(())
}

/// Price × billed units × the interval in its status, to the micro-yuan (N4, L4).
fn charged_by_interval(job: &Value) -> Result<u64> {
    let attempt = &job["status"]["attempts"][0];
    let instant = |field: &str| -> Result<i64> {
        Ok(attempt[field]
            .as_str()
            .context("an instant")?
            .parse::<jiff::Timestamp>()?
            .as_second())
    };
    let seconds = u64::try_from(instant("finishedAt")? - instant("startedAt")?)?;
    let expected = seconds * 8 * 6_000_000 / 3600;
    let charged = yuan(&job["status"]["cost"]["charged"])?;
    ensure!(
        charged == expected && charged > 0,
        "{charged} for {seconds} s: {job:#}"
    );
    Ok(charged)
}

fn half_and_half(job: &Value, charged: u64) -> Result<()> {
    let cost = &job["status"]["cost"];
    let (voucher, own) = (
        yuan(&cost["vouchers"][0]["charged"])?,
        yuan(&cost["own"]["charged"])?,
    );
    ensure!(
        voucher == charged / 2 && own == charged - voucher,
        "{cost:#}"
    );
    Ok(())
}

fn the_statement_agrees(province: &Province, charged: u64) -> Result<()> {
    for (tenant, user) in [("sdu", "alice"), ("sdu-cs", "province-admin")] {
        let output = province
            .edugrid
            .edugrid(user, &["statement", tenant, "--output=json"])?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let statement: Value = serde_json::from_slice(&output.stdout)?;
        let totals = &statement["totals"];
        ensure!(yuan(&totals["cost"])? == charged, "{statement:#}");
        ensure!(yuan(&totals["vouchers"])? == charged / 2, "{statement:#}");
        ensure!(statement["movements"][0]["job"] == "first", "{statement:#}");
    }
    let refused = province.edugrid.edugrid("bob", &["statement", "sdu"])?;
    ensure!(!refused.status.success(), "bob has no right on sdu");
    Ok(())
}

fn the_metrics_agree(province: &Province) -> Result<()> {
    let edugrid = &province.edugrid;
    // A measure shows what stood when it was last taken, and until then the series is not there.
    let ended = "edugrid_attempts_ended_total{tenant=\"sdu-cs\",outcome=\"Succeeded\"}";
    wait_for("the end to be counted", || {
        Ok(edugrid.metric(ended).is_ok_and(|count| count == 1.0))
    })?;
    // A6: admitted, Running (it ran over 5 s), ended; one create, one pin per pod.
    let stands = |class: &str| {
        edugrid.metric(&format!(
            "edugrid_writes_total{{class=\"{class}\",outcome=\"stands\"}}"
        ))
    };
    for (class, count) in [("create_job", 1.0), ("pin_pod", 2.0), ("job_status", 3.0)] {
        // The answer to the last of them may still be on its way.
        wait_for(&format!("{count} writes of {class}"), || {
            Ok(stands(class)? == count)
        })?;
    }
    let usage = "edugrid_tenant_usage_units{tenant=\"sdu\",pool=\"a100\"}";
    wait_for("usage to be zero again", || {
        Ok(edugrid.metric(usage)? == 0.0)
    })
}

/// The submitter is written from the request and not believed (API.md).
fn submitter_is_the_request_s(province: &Province) -> Result<()> {
    let job = province.job("sdu-cs", "first")?;
    ensure!(
        job["spec"]["submitter"]["user"] == "alice",
        "{:#}",
        job["spec"]
    );
    Ok(())
}

/// `verify` holds on the cluster and on its export, and names the entry once a byte is altered.
fn proof(province: &Province) -> Result<()> {
    let edugrid = &province.edugrid;
    let live = edugrid.edugrid("province-checker", &["ledger", "verify"])?;
    ensure!(
        live.status.success(),
        "{}",
        String::from_utf8_lossy(&live.stderr)
    );
    let file = province.cluster().dir().join("export.jsonl");
    let path = file.display().to_string();
    let export = edugrid.edugrid("province-checker", &["ledger", "export", "-o", &path])?;
    ensure!(
        export.status.success(),
        "{}",
        String::from_utf8_lossy(&export.stderr)
    );
    ensure!(verify(province, &file)?.0, "the export is sound");
    strangers_agree(&file)?;
    let sound = std::fs::read(&file)?;
    let lines: Vec<usize> = sound
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at)
        .collect();
    // One digit in the middle of each of some entries.
    for entry in [1, lines.len() / 2, lines.len() - 1] {
        let mut altered = sound.clone();
        let middle = (lines[entry - 1] + lines[entry]) / 2;
        altered[middle] ^= 1;
        std::fs::write(&file, &altered)?;
        let (is_sound, words) = verify(province, &file)?;
        let named = format!("entry {entry}");
        ensure!(
            !is_sound && words.contains(&named),
            "byte {middle} of {named}: {words}"
        );
    }
    Ok(())
}

/// The script that shares no code with the product, on what a real cluster wrote.
fn strangers_agree(file: &Path) -> Result<()> {
    let script = repository().join("docs/check_ledger.py");
    let output = Command::new("python3").arg(script).arg(file).output();
    let output = output.context("python3 is needed on the PATH, in version 3.8 or later")?;
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    ensure!(
        output.status.success() && words.contains(": sound: "),
        "{words}"
    );
    Ok(())
}

/// What was charged agrees with the objects, until somebody edits one by hand.
fn reconciled(province: &Province) -> Result<()> {
    let reconcile = || -> Result<(Option<i32>, Value)> {
        let args = ["ledger", "reconcile", "--exact", "--output=json"];
        let output = province.edugrid.edugrid("province-checker", &args)?;
        let words = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout).with_context(|| words.into_owned())?;
        Ok((output.status.code(), report))
    };
    let (code, report) = reconcile()?;
    ensure!(code == Some(0) && report["attempts"] == 1, "{report:#}");
    // A leader would write the status again.
    province.edugrid.stop()?;
    let mut attempts = province.job("sdu-cs", "first")?["status"]["attempts"].take();
    attempts[0]["charged"] = "0.01".into();
    let patch = json!({"status": {"attempts": attempts}}).to_string();
    province
        .cluster()
        .kubectl(
            "admin",
            &[
                // The one name that the policies let through, with the rights of a master.
                "--as=system:serviceaccount:edugrid-system:edugrid-scheduler",
                "--as-group=system:masters",
                "--namespace=sdu-cs",
                "patch",
                "computejob",
                "first",
                "--subresource=status",
                "--type=merge",
                "--patch",
                &patch,
            ],
        )?
        .ok()?;
    wait_for("the edited status to be named", || {
        let (code, report) = reconcile()?;
        let found = &report["differences"][0];
        let named = found["field"] == "charged" && found["inObject"] == "0.01";
        let evidence = found["entry"].is_u64() && found["hash"].is_string();
        Ok(code == Some(7) && named && evidence)
    })
}

fn verify(province: &Province, file: &Path) -> Result<(bool, String)> {
    let path = file.display().to_string();
    let output = province
        .edugrid
        .edugrid("alice", &["ledger", "verify", "--file", &path])?;
    let words = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&words).into_owned(),
    ))
}

fn yuan(value: &Value) -> Result<u64> {
    let text = value
        .as_str()
        .with_context(|| format!("{value} is no amount"))?;
    Ok(MicroYuan::parse_yuan(text)?.0)
}
