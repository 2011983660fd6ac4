//! Policies that are missing, broken or weakened refuse rather than allow (L12): the operator
//! names them in its readiness and admits nothing until they are as its version ships them,
//! and a policy that can't be evaluated refuses what it was to judge.

use anyhow::{Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::{Value, json};
use xtask::installation::InstallOptions;

const POLICY: &str = "validatingadmissionpolicy/tenant-rights.edugrid.io";
const BINDING: &str = "validatingadmissionpolicybinding/voucher-approval.edugrid.io";

/// Does something to an object by hand, as whoever owns the cluster can.
fn patch(province: &Province, object: &str, kind: &str, patch: &Value) -> Result<()> {
    let (kind, patch) = (format!("--type={kind}"), format!("--patch={patch}"));
    let args = ["patch", object, &kind, &patch];
    province.cluster().kubectl("admin", &args)?.ok().map(drop)
}

fn read(province: &Province, object: &str) -> Result<Value> {
    let args = ["get", object, "--output=json"];
    let text = province.cluster().kubectl("admin", &args)?.ok()?;
    Ok(serde_json::from_str(&text)?)
}

/// Waits until the operator says of itself that it isn't ready, and why.
fn wait_not_ready(province: &Province, why: &str) -> Result<()> {
    let mut said = String::new();
    let waited = wait_for(&format!("the operator to say {why:?}"), || {
        let (is_ready, words) = province.edugrid.readiness()?;
        said.clone_from(&words);
        Ok(!is_ready && words.contains(why))
    });
    waited.map_err(|error| error.context(said))
}

fn wait_ready(province: &Province) -> Result<()> {
    wait_for("the operator to be ready again", || {
        Ok(province.edugrid.readiness()?.0)
    })
}

#[test]
fn a_policy_that_is_weakened_broken_or_gone_refuses_and_is_named() -> Result<()> {
    let province = Province::start(1, InstallOptions::default())?;
    every_policy_fails_closed(&province)?;
    weakened(&province)?;
    broken(&province)?;
    unbound(&province)
}

/// As the API server holds them: nothing of ours lets pass what it can't judge.
fn every_policy_fails_closed(province: &Province) -> Result<()> {
    for kind in ["validatingadmissionpolicies", "mutatingadmissionpolicies"] {
        let list = read(province, kind)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        ensure!(!items.is_empty(), "no {kind}");
        for policy in items {
            let name = &policy["metadata"]["name"];
            ensure!(policy["spec"]["failurePolicy"] == "Fail", "{kind} {name}");
            // The API server finds faults in expressions by their types as well.
            let warnings = &policy["status"]["typeChecking"]["expressionWarnings"];
            ensure!(warnings.is_null(), "{kind} {name}: {warnings:#}");
        }
    }
    Ok(())
}

/// An expression that somebody made true: the operator names the place and admits nothing;
/// put back, what waited is admitted.
fn weakened(province: &Province) -> Result<()> {
    let place = "/spec/validations/0/expression";
    let saved = read(province, POLICY)?["spec"]["validations"][0]["expression"].clone();
    let weak = json!([{"op": "replace", "path": place, "value": "true"}]);
    patch(province, POLICY, "json", &weak)?;
    wait_not_ready(
        province,
        "tenant-rights.edugrid.io was altered at spec.validations[0].expression",
    )?;
    let cluster = province.cluster();
    cluster.apply("alice", &job("sdu-cs", "meanwhile", 1, 2, "1s", 0))?;
    wait_for("the job to be told", || {
        let args = [
            "explain",
            "meanwhile",
            "--namespace=sdu-cs",
            "--output=json",
        ];
        let told = province.edugrid.edugrid("alice", &args)?;
        let told: Value = serde_json::from_slice(&told.stdout).unwrap_or(Value::Null);
        Ok(told["reason"]["code"] == "LedgerUnavailable")
    })?;
    let phase = &province.job("sdu-cs", "meanwhile")?["status"]["phase"];
    ensure!(*phase != "Admitted" && *phase != "Running", "{phase}");
    let back = json!([{"op": "replace", "path": place, "value": saved}]);
    patch(province, POLICY, "json", &back)?;
    wait_ready(province)?;
    province
        .wait_phase("sdu-cs", "meanwhile", "Succeeded")
        .map(drop)
}

/// An expression that can't be evaluated refuses everybody, and is named like any change.
fn broken(province: &Province) -> Result<()> {
    let place = "/spec/validations/0/expression";
    let saved = read(province, POLICY)?["spec"]["validations"][0]["expression"].clone();
    let broken =
        json!([{"op": "replace", "path": place, "value": "dyn(object).spec.nothing == 'a'"}]);
    patch(province, POLICY, "json", &broken)?;
    let tenant = "apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: passing}
spec: {parent: province}
";
    wait_for(
        "the broken policy to refuse the province itself",
        || match province.cluster().apply("province-admin", tenant) {
            Ok(_) => Ok(false),
            Err(error) => Ok(format!("{error:#}").contains("no such key: nothing")),
        },
    )?;
    wait_not_ready(province, "tenant-rights.edugrid.io was altered")?;
    let back = json!([{"op": "replace", "path": place, "value": saved}]);
    patch(province, POLICY, "json", &back)?;
    wait_ready(province)
}

/// Without the policy's binding its maker can approve a voucher in the API server; no money
/// comes of it, then or later.
fn unbound(province: &Province) -> Result<()> {
    let mut saved = read(province, BINDING)?;
    saved["metadata"] = json!({"name": saved["metadata"]["name"]});
    let admin = |args: &[&str]| province.cluster().kubectl("admin", args)?.ok();
    admin(&["delete", BINDING])?;
    wait_not_ready(province, "voucher-approval.edugrid.io is missing")?;
    let voucher = "apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: alone}
spec: {issuer: province, holder: sdu, type: OwnFunds, faceValue: \"1000000.00\"}
";
    province.cluster().apply("admin", voucher)?;
    let made_by = read(province, "computevoucher/alone")?["spec"]["madeBy"].clone();
    let approval = json!({"status": {"approval": {
        "by": made_by, "at": "2026-03-01T00:00:00Z", "decision": "Approved",
    }}});
    let (voucher, status) = ("computevoucher/alone", ["--subresource=status"]);
    wait_for("the approval to pass where no policy stands", || {
        let patched = province
            .cluster()
            .patch("admin", voucher, &status, &approval)?;
        Ok(patched.success())
    })?;
    province.cluster().apply("admin", &saved.to_string())?;
    wait_ready(province)?;
    wait_for("the operator to refuse the voucher", || {
        let voucher = read(province, "computevoucher/alone")?;
        let posted = &voucher["status"]["conditions"][0];
        let words = posted["message"].as_str().unwrap_or_default();
        Ok(posted["status"] == "False" && words.contains("two persons"))
    })
}
