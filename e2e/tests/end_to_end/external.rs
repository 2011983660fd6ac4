//! Jobs that somebody else runs (`executor: External`): the cluster makes nothing for them, the
//! executor reports, and what is charged is what he may rightly say (API.md).

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, no_attempt_is_open, wait_for};
use jiff::Timestamp;
use serde_json::{Value, json};
use xtask::{cluster::Output, installation::InstallOptions};

/// Whoever runs the site, with the role `edugrid-executor` in the namespace and no other.
const SITE: &str = "slurm-site";
/// A class whose walltime and notice pass within a test.
const SHORT: &str = "
apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {name: short}
spec: {tier: Standard, priority: 0, preemptible: true, minRuntime: 1s, defaultWalltime: 10s,
       maxWalltime: 1h, maxWait: 1h, notice: 3s, priceTier: standard}
";
/// What a card costs in a second: 6 yuan an hour, in micro-yuan.
const HOUR_MICRO_YUAN: i64 = 6_000_000;

#[test]
fn external_jobs() -> Result<()> {
    let province = Province::start(1, InstallOptions::default())?;
    let cluster = province.cluster();
    cluster.apply("province-admin", SHORT)?;
    let role = "--clusterrole=edugrid-executor";
    let user = format!("--user={SITE}");
    let args = [
        "create",
        "rolebinding",
        "site",
        role,
        &user,
        "--namespace=sdu-cs",
    ];
    cluster.kubectl("admin", &args)?.ok()?;

    charged_as_reported(&province)?;
    forgeries_are_refused(&province)?;
    instants_are_clamped(&province)?;
    silence_is_walltime(&province)?;
    an_operator_that_dies_misses_nothing(&province)?;
    each_attempt_has_its_report(&province)?;
    a_cancelled_run_may_still_report(&province)?;
    a_deleted_job_is_settled(&province)?;
    capacity_is_held(&province)?;
    wait_for("all attempts to be settled", || {
        Ok(no_attempt_is_open(&province.edugrid))
    })
}

/// Price × units × the reported interval, to the micro-yuan; nothing runs in the cluster.
fn charged_as_reported(province: &Province) -> Result<()> {
    submit(province, &external("site", 2, "1h", "standard"))?;
    let admitted = province.wait_phase("sdu-cs", "site", "Admitted")?;
    let node = &admitted["status"]["placement"][0]["nodes"][0]["name"];
    ensure!(
        node.is_string(),
        "it holds a place: {:#}",
        admitted["status"]
    );
    sleep(Duration::from_secs(2));
    let begun = Timestamp::now().as_second();
    report(
        province,
        "site",
        &json!({"attempt": 1, "startedAt": instant(begun)}),
    )?
    .ok()?;
    province.wait_phase("sdu-cs", "site", "Running")?;
    let ended = begun + 4;
    let whole = finished(1, begun, ended, "Succeeded");
    report(province, "site", &whole)?.ok()?;
    let done = province.wait_phase("sdu-cs", "site", "Succeeded")?;
    ensure!(interval(&done)? == (begun, ended), "{:#}", done["status"]);
    charged(&done, 4 * 2)?;
    let args = ["get", "jobs,pods", "--namespace=sdu-cs", "--output=name"];
    let natives = province.cluster().kubectl("admin", &args)?.ok()?;
    ensure!(
        natives.trim().is_empty(),
        "the cluster runs nothing: {natives}"
    );
    let again = finished(1, begun, begun + 1, "Failed");
    let refused = report(province, "site", &again)?.refused()?;
    ensure!(
        refused.contains("status.external"),
        "an end is final: {refused}"
    );
    Ok(())
}

/// Who reports writes his report and nothing else; who may not report writes nothing.
fn forgeries_are_refused(province: &Province) -> Result<()> {
    submit(province, &external("forged", 1, "1h", "standard"))?;
    province.wait_phase("sdu-cs", "forged", "Admitted")?;
    let begun = json!({"attempt": 1, "startedAt": instant(Timestamp::now().as_second())});
    for (forged, says) in [
        (
            json!({"phase": "Succeeded", "external": begun}),
            "a reporter writes status.external only",
        ),
        (
            json!({"cost": {"charged": "0"}, "external": begun}),
            "a reporter writes status.external only",
        ),
        (json!({"external": {"attempt": 7}}), "names no open attempt"),
        (
            json!({"phase": "Succeeded"}),
            "a reporter writes status.external only",
        ),
    ] {
        let refused = status(province, SITE, "forged", &forged)?.refused()?;
        ensure!(refused.contains(says), "{forged}: {refused}");
    }
    let told = json!({"status": {"external": begun}});
    let refused = change(
        province,
        "alice",
        "forged",
        &["--subresource=status"],
        &told,
    )?
    .refused()?;
    ensure!(refused.to_lowercase().contains("forbidden"), "{refused}");
    let (site, cancel) = (format!("--as={SITE}"), json!({"spec": {"state": "Cancel"}}));
    let refused = change(province, "admin", "forged", &[&site], &cancel)?.refused()?;
    ensure!(refused.to_lowercase().contains("forbidden"), "{refused}");
    let now = Timestamp::now().as_second();
    report(province, "forged", &finished(1, now, now, "Failed"))?.ok()?;
    province.wait_phase("sdu-cs", "forged", "Failed").map(drop)
}

/// A start in 2020 and an end in 2099 count from admission to receipt.
fn instants_are_clamped(province: &Province) -> Result<()> {
    let before = Timestamp::now().as_second();
    submit(province, &external("clamped", 1, "1h", "standard"))?;
    province.wait_phase("sdu-cs", "clamped", "Admitted")?;
    let (long_ago, far_off) = ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let said = json!({
        "attempt": 1, "startedAt": long_ago, "finishedAt": far_off, "outcome": "Succeeded",
    });
    report(province, "clamped", &said)?.ok()?;
    let done = province.wait_phase("sdu-cs", "clamped", "Succeeded")?;
    let (started, ended) = interval(&done)?;
    let after = Timestamp::now().as_second();
    ensure!(before <= started && ended <= after, "{:#}", done["status"]);
    charged(&done, ended - started)
}

/// No report by walltime and notice: it ended at its walltime, and is charged for it.
fn silence_is_walltime(province: &Province) -> Result<()> {
    submit(province, &external("silent", 1, "4s", "short"))?;
    submit(province, &external("unfinished", 1, "5s", "short"))?;
    province.wait_phase("sdu-cs", "unfinished", "Admitted")?;
    let begun = Timestamp::now().as_second();
    let said = json!({"attempt": 1, "startedAt": instant(begun)});
    report(province, "unfinished", &said)?.ok()?;
    for (name, seconds) in [("silent", 4), ("unfinished", 5)] {
        let done = province.wait_phase("sdu-cs", name, "Failed")?;
        let attempt = &done["status"]["attempts"][0];
        ensure!(attempt["outcome"] == "Walltime", "{:#}", done["status"]);
        charged(&done, seconds)?;
    }
    Ok(())
}

/// Reports that were made while no operator ran count like all others.
fn an_operator_that_dies_misses_nothing(province: &Province) -> Result<()> {
    submit(province, &external("crash", 1, "1h", "standard"))?;
    submit(province, &external("unheard", 1, "1h", "standard"))?;
    province.wait_phase("sdu-cs", "unheard", "Admitted")?;
    province.wait_phase("sdu-cs", "crash", "Admitted")?;
    let begun = Timestamp::now().as_second();
    let said = json!({"attempt": 1, "startedAt": instant(begun)});
    report(province, "crash", &said)?.ok()?;
    province.wait_phase("sdu-cs", "crash", "Running")?;
    province.edugrid.kill()?;
    province.edugrid.forget_view()?;
    let ended = Timestamp::now().as_second();
    for name in ["crash", "unheard"] {
        report(province, name, &finished(1, begun, ended, "Succeeded"))?.ok()?;
    }
    sleep(Duration::from_secs(3));
    province.edugrid.restart()?;
    for name in ["crash", "unheard"] {
        let done = province.wait_phase("sdu-cs", name, "Succeeded")?;
        ensure!(interval(&done)? == (begun, ended), "{:#}", done["status"]);
        charged(&done, ended - begun)?;
    }
    Ok(())
}

/// A failure is retried as a new attempt; the settled one can't be reported on any more.
fn each_attempt_has_its_report(province: &Province) -> Result<()> {
    let retried =
        external("retried", 1, "1h", "standard").replace("  walltime", "  retries: 1\n  walltime");
    submit(province, &retried)?;
    province.wait_phase("sdu-cs", "retried", "Admitted")?;
    let now = Timestamp::now().as_second();
    report(province, "retried", &finished(1, now, now, "Failed"))?.ok()?;
    wait_for("the second attempt", || {
        Ok(province.job("sdu-cs", "retried")?["status"]["attempts"][1]["number"] == 2)
    })?;
    let stale = json!({"attempt": 1, "outcome": "Succeeded"});
    let refused = report(province, "retried", &stale)?.refused()?;
    ensure!(refused.contains("status.external"), "{refused}");
    let now = Timestamp::now().as_second();
    report(province, "retried", &finished(2, now, now, "Succeeded"))?.ok()?;
    let done = province.wait_phase("sdu-cs", "retried", "Succeeded")?;
    let outcomes: Vec<&Value> = (0..2)
        .map(|index| &done["status"]["attempts"][index]["outcome"])
        .collect();
    ensure!(outcomes == ["Failed", "Succeeded"], "{:#}", done["status"]);
    Ok(())
}

/// A stop gives the executor the notice to say when it ended; silence means: at the stop.
fn a_cancelled_run_may_still_report(province: &Province) -> Result<()> {
    submit(province, &external("stopped", 1, "1h", "short"))?;
    submit(province, &external("ignored", 1, "1h", "short"))?;
    let begun = Timestamp::now().as_second();
    for name in ["stopped", "ignored"] {
        province.wait_phase("sdu-cs", name, "Admitted")?;
        let said = json!({"attempt": 1, "startedAt": instant(begun)});
        report(province, name, &said)?.ok()?;
        let cancel = json!({"spec": {"state": "Cancel"}});
        change(province, "alice", name, &[], &cancel)?.ok()?;
    }
    let now = Timestamp::now().as_second();
    let started =
        instant_of(&province.job("sdu-cs", "stopped")?["status"]["external"]["startedAt"])?;
    let said = report(province, "stopped", &finished(1, started, now, "Failed"))?;
    let done = province.wait_phase("sdu-cs", "stopped", "Cancelled")?;
    // On a slow machine the notice may have been over when the report came.
    if said.success() {
        ensure!(interval(&done)?.1 <= now, "{:#}", done["status"]);
    }
    let done = province.wait_phase("sdu-cs", "ignored", "Cancelled")?;
    let (started, ended) = interval(&done)?;
    charged(&done, ended - started)
}

/// Without an object nobody can report: it ends at once, at the last confirmed instant (A7).
fn a_deleted_job_is_settled(province: &Province) -> Result<()> {
    submit(province, &external("deleted", 1, "1h", "standard"))?;
    province.wait_phase("sdu-cs", "deleted", "Admitted")?;
    let said = json!({"attempt": 1, "startedAt": instant(Timestamp::now().as_second())});
    report(province, "deleted", &said)?.ok()?;
    province.wait_phase("sdu-cs", "deleted", "Running")?;
    let args = ["delete", "computejob", "deleted", "--namespace=sdu-cs"];
    province.cluster().kubectl("alice", &args)?.ok()?;
    wait_for("the deleted job to be settled", || {
        Ok(no_attempt_is_open(&province.edugrid))
    })
}

/// Eight of eight cards are somebody else's: a job of the cluster waits until he is done.
fn capacity_is_held(province: &Province) -> Result<()> {
    submit(province, &external("whole", 8, "1h", "standard"))?;
    province.wait_phase("sdu-cs", "whole", "Admitted")?;
    submit(province, &job("sdu-cs", "native", 1, 1, "1s", 0))?;
    // A reason that ends by itself is written after half a minute (A6).
    wait_for("the reason to be told", || {
        Ok(province.job("sdu-cs", "native")?["status"]["reason"].is_string())
    })?;
    let waits = province.job("sdu-cs", "native")?;
    let details = waits["status"]["details"].as_array().cloned();
    let none_free = json!({"key": "free", "value": "0"});
    ensure!(
        details.unwrap_or_default().contains(&none_free),
        "no card is free: {:#}",
        waits["status"]
    );
    let now = Timestamp::now().as_second();
    report(province, "whole", &finished(1, now, now, "Succeeded"))?.ok()?;
    province
        .wait_phase("sdu-cs", "native", "Succeeded")
        .map(drop)
}

fn external(name: &str, cards: u32, walltime: &str, class: &str) -> String {
    let elsewhere = format!("  executor: External\n  class: {class}\n  walltime: {walltime}\n");
    job("sdu-cs", name, 1, cards, "1s", 0).replace("  walltime: 1h\n", &elsewhere)
}

fn submit(province: &Province, manifest: &str) -> Result<()> {
    province.cluster().apply("alice", manifest).map(drop)
}

/// A report of a whole run.
fn finished(attempt: u32, started: i64, ended: i64, outcome: &str) -> Value {
    let (started, ended) = (instant(started), instant(ended));
    json!({"attempt": attempt, "startedAt": started, "finishedAt": ended, "outcome": outcome})
}

fn report(province: &Province, name: &str, external: &Value) -> Result<Output> {
    status(province, SITE, name, &json!({"external": external}))
}

fn status(province: &Province, user: &str, name: &str, status: &Value) -> Result<Output> {
    let user = format!("--as={user}");
    let more = ["--subresource=status", &user];
    change(province, "admin", name, &more, &json!({"status": status}))
}

fn change(
    province: &Province,
    user: &str,
    name: &str,
    more: &[&str],
    body: &Value,
) -> Result<Output> {
    let job = format!("computejob/{name}");
    let more = [&["--namespace=sdu-cs"], more].concat();
    province.cluster().patch(user, &job, &more, body)
}

/// The charged interval of the last attempt, in seconds since 1970.
fn interval(job: &Value) -> Result<(i64, i64)> {
    let attempts = job["status"]["attempts"].as_array();
    let last = attempts.and_then(|all| all.last()).context("no attempt")?;
    Ok((
        instant_of(&last["startedAt"])?,
        instant_of(&last["finishedAt"])?,
    ))
}

fn charged(job: &Value, card_seconds: i64) -> Result<()> {
    let charged = job["status"]["cost"]["charged"].as_str().unwrap_or("");
    let charged = edugrid_units::MicroYuan::parse_yuan(charged)?.0;
    let expected = card_seconds * HOUR_MICRO_YUAN / 3600;
    ensure!(
        i64::try_from(charged)? == expected,
        "charged {charged}, not {expected}: {:#}",
        job["status"]
    );
    Ok(())
}

fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

fn instant_of(value: &Value) -> Result<i64> {
    let text = value.as_str().context("no instant")?;
    Ok(text.parse::<Timestamp>()?.as_second())
}
