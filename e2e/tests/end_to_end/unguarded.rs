//! What a policy or a rule refuses, the operator refuses again where it is missing (API.md): a job in another's name, a
//! namespace that its tenant never agreed to, a template that pins its own node. Not to be known here: how they are refused
//! at submit, which `refusals.rs` shows.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use edugrid_e2e::{Province, anew, job, policies::without, wait_for};
use serde_json::Value;
use xtask::cluster::Cluster;
use xtask::installation::InstallOptions;

/// Long enough for the operator to have admitted a job that it would admit.
const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// What a stamp tells apart, and a little more.
const A_SECOND: Duration = Duration::from_millis(1100);
const OF_SUBMITTERS: [&str; 2] = [
    "mutatingadmissionpolicybinding/stamp-submitter.edugrid.io",
    "validatingadmissionpolicybinding/submitter.edugrid.io",
];
const OF_NAMESPACES: [&str; 1] = ["validatingadmissionpolicybinding/namespace-binding.edugrid.io"];

/// Two namespaces that whoever may write namespaces gives to a tenant while nobody checks it.
const NAMESPACES: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: strangers
  labels: {edugrid.io/tenant: sdu-cs, pod-security.kubernetes.io/enforce: baseline}
---
apiVersion: v1
kind: Namespace
metadata:
  name: kube-strangers
  labels: {edugrid.io/tenant: sdu-cs, pod-security.kubernetes.io/enforce: baseline}
";

/// Waits until a job waits for that reason, in words that hold `part`; it must not have been admitted.
fn waits(province: &Province, namespace: &str, name: &str, code: &str, part: &str) -> Result<()> {
    wait_for(&format!("{name} to be told {code}"), || {
        let status = &province.job(namespace, name)?["status"];
        ensure!(has_no_attempt(status), "{name} was admitted: {status:#}");
        let message = status["message"].as_str().unwrap_or_default();
        Ok(status["reason"] == code && message.contains(part))
    })
}

fn has_no_attempt(status: &Value) -> bool {
    status["attempts"].as_array().is_none_or(Vec::is_empty)
}

/// Nothing is admitted while a policy is missing.
fn is_not_admitted(province: &Province, namespace: &str, name: &str) -> Result<()> {
    sleep(LONG_ENOUGH);
    let status = &province.job(namespace, name)?["status"];
    ensure!(has_no_attempt(status), "{name} was admitted: {status:#}");
    Ok(())
}

fn forged(name: &str) -> String {
    job("sdu-cs", name, 1, 1, "300s", 0).replace(
        "spec:\n  walltime",
        "spec:\n  submitter: {user: rector}\n  walltime",
    )
}

/// A job in another's name: refused while nobody checks names, and not believed afterwards.
fn a_forged_submitter(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    without(province, &OF_SUBMITTERS, || {
        cluster.apply("alice", &forged("forged"))?;
        let submitter = &province.job("sdu-cs", "forged")?["spec"]["submitter"];
        ensure!(
            submitter["user"] == "rector",
            "the policies are not out yet: {submitter}"
        );
        is_not_admitted(province, "sdu-cs", "forged")
    })?;
    waits(
        province,
        "sdu-cs",
        "forged",
        "NotAllowed",
        "nobody knows who asked",
    )?;
    // An object is stamped in whole seconds: one of the very second in which all was whole again may be from before.
    sleep(A_SECOND);
    cluster.apply("alice", &forged("stamped"))?;
    let stamped = province.wait_phase("sdu-cs", "stamped", "Running")?;
    ensure!(
        stamped["spec"]["submitter"]["user"] == "alice",
        "{stamped:#}"
    );
    Ok(())
}

/// A namespace that computes at another's cost: not believed until its label is set again, under the policy. One of the
/// system's never is.
fn a_foreign_namespace(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    without(province, &OF_NAMESPACES, || {
        cluster.apply("admin", NAMESPACES)?;
        for namespace in ["strangers", "kube-strangers"] {
            cluster.apply("admin", &job(namespace, "foreign", 1, 1, "300s", 0))?;
            is_not_admitted(province, namespace, "foreign")?;
        }
        Ok(())
    })?;
    waits(
        province,
        "strangers",
        "foreign",
        "NotAllowed",
        "set it again",
    )?;
    waits(
        province,
        "kube-strangers",
        "foreign",
        "NotAllowed",
        "belongs to the system",
    )?;
    let label = |label: &str| {
        let args = ["label", "namespace", "strangers", label];
        cluster.kubectl("admin", &args)?.ok().map(drop)
    };
    label("edugrid.io/tenant-")?;
    waits(
        province,
        "strangers",
        "foreign",
        "UnknownReference",
        "has no label",
    )?;
    label("edugrid.io/tenant=sdu-cs")?;
    province
        .wait_phase("strangers", "foreign", "Running")
        .map(drop)
}

/// A template that pins its own node, taken by a schema without its rules.
fn a_pinned_template(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    let mut definition = anew(cluster, "crd/computejobs.edugrid.io")?;
    let saved = definition.clone();
    strip_rules(&mut definition);
    put(cluster, &definition)?;
    let pinned = job("sdu-cs", "pinned", 1, 1, "300s", 0)
        .replace("spec: {containers", "spec: {nodeName: gpu-0, containers");
    wait_for("a schema without rules", || {
        Ok(cluster.apply("alice", &pinned).is_ok())
    })?;
    put(cluster, &saved)?;
    waits(
        province,
        "sdu-cs",
        "pinned",
        "TemplateRefused",
        "template.spec.nodeName: may not be set",
    )
}

fn put(cluster: &Cluster, definition: &Value) -> Result<()> {
    let args = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename=-",
    ];
    let answer = cluster.kubectl_with_input("admin", &args, &definition.to_string())?;
    answer.ok().map(drop)
}

fn strip_rules(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("x-kubernetes-validations");
            map.values_mut().for_each(strip_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_rules),
        _ => {}
    }
}

#[test]
fn what_a_missing_policy_lets_through_the_operator_refuses() -> Result<()> {
    let province = Province::start(2, InstallOptions::default())?;
    a_forged_submitter(&province)?;
    a_foreign_namespace(&province)?;
    a_pinned_template(&province)
}
