//! Objects edited by hand in ways in which the operator would never write them, by whoever owns the cluster: refused in
//! words while the policies stand. Where they were away, the operator puts right what it can, from the books, and says what
//! a person must do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{
    Province,
    audit::{Audit, trace::Lookout},
    job,
    policies::{taken_out, without},
    seeds,
    supervisor::kept_running,
    wait_for,
};
use serde_json::{Value, json};
use xtask::cluster::Output;
use xtask::installation::{InstallOptions, OPERATOR};

/// The part of an object that only EduGrid writes.
const STATUS: [&str; 1] = ["--subresource=status"];
const OF_STATUS: &str = "validatingadmissionpolicybinding/job-status.edugrid.io";
const OF_OTHER_STATUSES: &str = "validatingadmissionpolicybinding/status-writers.edugrid.io";
const OF_JOBS: &str = "validatingadmissionpolicybinding/job-labels.edugrid.io";
const OF_GATES: &str = "validatingadmissionpolicybinding/placement-gate.edugrid.io";
const OF_SEGMENTS: &str = "validatingadmissionpolicybinding/ledger-segments.edugrid.io";
/// Above every epoch that leaders reach.
const RAISED: i64 = 1_000_000_000;

/// What is edited without a policy: statuses, native Jobs, gates and segments. All with `--all-seeds`, else the part whose
/// number the commit chooses.
const PARTS: [u64; 3] = [0, 1, 2];

/// A pod that waits at the gate for a turn that never comes.
const AT_THE_GATE: &str = "
apiVersion: v1
kind: Pod
metadata: {namespace: sdu-cs, name: impatient}
spec:
  schedulingGates: [{name: edugrid.io/placement}]
  containers:
  - {name: main, image: registry.example.edu/train:1, resources: {limits: {nvidia.com/gpu: 1}}}
";

#[test]
fn what_the_operator_would_never_write() -> Result<()> {
    // Long enough for the operator to be held still for a moment without losing it.
    let options = InstallOptions {
        lease_seconds: 15,
        ..InstallOptions::default()
    };
    let province = Province::audited(3, options)?;
    let cluster = province.cluster();
    for (name, seconds) in [
        ("edited", "40s"),
        ("raised", "25s"),
        ("unlabelled", "6s"),
        ("robbed", "6s"),
        ("disowned", "600s"),
    ] {
        cluster.apply("alice", &job("sdu-cs", name, 1, 1, seconds, 0))?;
    }
    cluster.apply("alice", &job("sdu-cs", "finished", 1, 1, "1s", 0))?;
    cluster.apply("admin", AT_THE_GATE)?;
    for name in ["edited", "raised", "disowned"] {
        province.wait_phase("sdu-cs", name, "Running")?;
    }
    province.wait_phase("sdu-cs", "finished", "Succeeded")?;
    everything_is_refused(&province)?;
    other_statuses_are_put_right(&province)?;
    let mut ends = vec!["edited", "raised", "finished", "unlabelled", "robbed"];
    for part in seeds::seeds(&PARTS) {
        match part {
            0 => statuses_are_put_right(&province)?,
            1 => native_jobs_that_were_taken(&province)?,
            _ => {
                a_gate_taken_off(&province)?;
                segments(&province)?;
                ends.extend(["ungated", "after"]);
            }
        }
    }
    let delete = [
        "delete",
        "computejob",
        "disowned",
        "--namespace=sdu-cs",
        "--ignore-not-found",
    ];
    cluster.kubectl("alice", &delete)?.ok()?;
    let audit = ends.iter().fold(Audit::default(), |audit, name| {
        audit.ends("sdu-cs", name, &["Succeeded"])
    });
    audit.check(&province).map(drop)
}

/// With every policy in place: what is tried, and a part of the words that refuse it.
fn everything_is_refused(province: &Province) -> Result<()> {
    let native = native(province, "edited")?;
    let status = |status: Value| {
        (
            "computejob/edited".to_owned(),
            &STATUS[..],
            json!({"status": status}),
        )
    };
    let on = |object: &str, change: Value| (object.to_owned(), &[][..], change);
    let segment = format!("ledgersegment/{:020}", 1);
    let no_label = json!({"metadata": {"labels": {"edugrid.io/job-uid": null}}});
    for ((object, part, change), words) in [
        (
            status(json!({"phase": "Succeeded"})),
            "EduGrid itself observes it",
        ),
        (
            status(json!({"attempts": []})),
            "EduGrid itself observes it",
        ),
        (
            status(json!({"cost": {"charged": "0.00"}})),
            "EduGrid itself observes it",
        ),
        (
            status(json!({"placement": []})),
            "EduGrid itself observes it",
        ),
        (
            status(json!({"conditions": []})),
            "EduGrid itself observes it",
        ),
        (
            status(json!({"epoch": RAISED})),
            "EduGrid itself observes it",
        ),
        (status(json!({"epoch": null})), "may never go down"),
        (
            on("computejob/edited", json!({"spec": {"class": "emergency"}})),
            "spec",
        ),
        (
            on(&format!("job/{native}"), no_label.clone()),
            "changed by EduGrid's operator only",
        ),
        (
            on(&format!("job/{native}"), json!({"spec": {"suspend": true}})),
            "changed by EduGrid's operator only",
        ),
        (
            on(&pod_of(province, "edited")?, no_label),
            "changed by EduGrid's operator only",
        ),
        (
            on("pod/impatient", json!({"spec": {"schedulingGates": null}})),
            "removed by EduGrid's operator only",
        ),
        (
            on(
                "pod/impatient",
                json!({"spec": {"nodeSelector": {"a": "b"}}}),
            ),
            "written by EduGrid's operator only",
        ),
        (on(&segment, json!({"spec": {"epoch": 9}})), "is immutable"),
    ] {
        let said = edit(province, &object, part, &change)?.refused()?;
        println!("refused: {change} of {object}: {}", said.trim());
        ensure!(
            said.contains(words),
            "{change} of {object} is refused, but not with `{words}`: {said}"
        );
    }
    let said = province
        .cluster()
        .kubectl("admin", &["delete", &segment])?
        .refused()?;
    ensure!(said.contains("not deleted"), "{said}");
    let said = province
        .cluster()
        .kubectl_with_input("admin", &["create", "--filename=-"], &forged(99))?
        .refused()?;
    ensure!(
        said.contains("written by EduGrid's operator only"),
        "{said}"
    );
    province
        .cluster()
        .kubectl(
            "admin",
            &[
                "delete",
                "pod",
                "impatient",
                "--namespace=sdu-cs",
                "--wait=false",
            ],
        )?
        .ok()
        .map(drop)
}

/// Without the policy of statuses: what somebody wrote goes again, and a raised epoch stops nothing for long.
fn statuses_are_put_right(province: &Province) -> Result<()> {
    without(province, &[OF_STATUS], || {
        let lie = json!({
            "phase": "Succeeded", "attempts": [], "placement": [], "conditions": [],
            "cost": {"held": "0.00", "charged": "7.00"}, "startedAt": null,
        });
        edit_status(province, "edited", &lie)?;
        wait_for("the lie to be put right", || {
            let status = &province.job("sdu-cs", "edited")?["status"];
            let attempts = status["attempts"].as_array().map_or(0, Vec::len);
            Ok(
                status["phase"] == "Running"
                    && attempts == 1
                    && status["cost"]["charged"] == "0.00",
            )
        })?;
        edit_status(
            province,
            "raised",
            &json!({"epoch": RAISED, "phase": "Failed"}),
        )?;
        let lower = json!({"status": {"epoch": 1}});
        let said = edit(province, "computejob/raised", &STATUS, &lower)?.refused()?;
        ensure!(
            said.contains("may never go down"),
            "nobody lowers it: {said}"
        );
        Ok(())
    })?;
    let raised = province.wait_phase("sdu-cs", "raised", "Succeeded")?;
    ensure!(
        raised["status"]["epoch"] == RAISED,
        "{:#}",
        raised["status"]
    );

    // While no operator looks: a finished job says what the books say once one does.
    province.edugrid.stop()?;
    let put_back = taken_out(province, &[OF_STATUS])?;
    wait_for("the policy to be out", || {
        Ok(edit_status(
            province,
            "finished",
            &json!({"attempts": [], "cost": {"charged": "0.00"}}),
        )
        .is_ok())
    })?;
    put_back()?;
    province.edugrid.restart()?;
    wait_for("the finished job to tell its attempt again", || {
        let status = &province.job("sdu-cs", "finished")?["status"];
        Ok(status["attempts"]
            .as_array()
            .is_some_and(|all| all.len() == 1))
    })
}

/// Without their policy: what somebody wrote into a tenant's, a pool's and a funding line's status goes again, though
/// nothing else of them changes; what is posted, once the policy is back.
fn other_statuses_are_put_right(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    let conditions = |object: &str| -> Result<Value> {
        let args = ["get", object, "--output=json"];
        let found: Value = serde_json::from_str(&cluster.kubectl("admin", &args)?.ok()?)?;
        let all = found["status"]["conditions"].as_array().cloned();
        let told = all.unwrap_or_default().into_iter().map(|mut one| {
            one["lastTransitionTime"] = Value::Null;
            one
        });
        Ok(Value::Array(told.collect()))
    };
    let lines = ["get", "fundinglines", "--output=name"];
    let line = cluster.kubectl("admin", &lines)?.ok()?;
    let line = line.lines().next().context("a funding line")?.to_owned();
    let objects = ["tenant/sdu", "computepool/a100", &line];
    let before = objects
        .map(conditions)
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    ensure!(before.iter().all(|told| told[0].is_object()), "{before:#?}");
    without(province, &[OF_OTHER_STATUSES], || {
        for object in objects {
            let lie = json!({"status": {"conditions": []}});
            wait_for("the policy to be out", || {
                let patched = cluster.patch("admin", object, &STATUS, &lie)?;
                Ok(patched.success())
            })?;
        }
        Ok(())
    })?;
    for (object, before) in objects.iter().zip(&before) {
        wait_for(&format!("the status of {object} to be put right"), || {
            Ok(conditions(object)? == *before)
        })?;
    }
    Ok(())
}

/// Native Jobs that lose their labels, their lives, or their owner: the attempt ends and is tried again, nothing is left.
fn native_jobs_that_were_taken(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    for (name, is_label) in [("unlabelled", true), ("robbed", false)] {
        // Their first lives are over by now.
        let delete = ["delete", "computejob", name, "--namespace=sdu-cs", "--wait"];
        cluster.kubectl("alice", &delete)?.ok()?;
        let manifest = job("sdu-cs", name, 1, 1, "600s", 0);
        cluster.apply("alice", &manifest)?;
        province.wait_phase("sdu-cs", name, "Running")?;
        let native = native(province, name)?;
        if is_label {
            without(province, &[OF_JOBS], || {
                let label = json!({"metadata": {"labels": {"edugrid.io/job-uid": null}}});
                let job = format!("job/{native}");
                edit(province, &job, &[], &label)?.ok().map(drop)
            })?;
        } else {
            let delete = [
                "delete",
                "job",
                &native,
                "--namespace=sdu-cs",
                "--wait=false",
            ];
            cluster.kubectl("admin", &delete)?.ok()?;
        }
        let mut status = Value::Null;
        let again = wait_for(&format!("{name} to be tried again"), || {
            status = province.job("sdu-cs", name)?["status"].clone();
            let attempts = &status["attempts"];
            Ok(attempts[0]["outcome"] == "Disrupted" && attempts[1]["startedAt"].is_string())
        });
        again.with_context(|| format!("{status:#}\n{}", cluster.log_tail(OPERATOR, 12)))?;

        let get = ["get", "job", &native, "--namespace=sdu-cs"];
        wait_for("the first native Job to go", || {
            Ok(!cluster.kubectl("admin", &get)?.success())
        })?;
        cluster.kubectl("alice", &delete)?.ok()?;
        cluster.apply("alice", &job("sdu-cs", name, 1, 1, "1s", 0))?;
    }
    let native = native(province, "disowned")?;
    let orphan = json!({"metadata": {"ownerReferences": null}});
    edit(province, &format!("job/{native}"), &[], &orphan)?.ok()?;
    let delete = ["delete", "computejob", "disowned", "--namespace=sdu-cs"];
    cluster.kubectl("alice", &delete)?.ok()?;
    let get = ["get", "job", &native, "--namespace=sdu-cs"];
    wait_for("a native Job without its owner to go", || {
        Ok(!cluster.kubectl("admin", &get)?.success())
    })
}

/// A pod whose gate somebody takes off before the operator pins it runs where the scheduler puts it; the books say where.
fn a_gate_taken_off(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    let ((), restarts) = kept_running(&province.edugrid, &[], || {
        let mut lookout = Lookout::from_now(&cluster.log("audit"))?;
        cluster.apply("alice", &job("sdu-cs", "ungated", 2, 1, "3s", 0))?;
        ensure!(
            lookout.wait("create", "jobs", Duration::from_secs(20))?,
            "no native Job comes"
        );
        cluster.pause(OPERATOR)?;
        let put_back = taken_out(province, &[OF_GATES])?;
        let mut said = String::new();
        let off = wait_for("the gate to come off", || {
            let Ok(pod) = pod_of(province, "ungated") else {
                return Ok(false);
            };
            let gate = json!({"spec": {"schedulingGates": null}});
            let done = edit(province, &pod, &[], &gate)?;
            said.clone_from(&done.stderr);
            Ok(done.success())
        });
        off.context(said)?;
        put_back()?;
        cluster.resume(OPERATOR)?;
        province
            .wait_phase("sdu-cs", "ungated", "Succeeded")
            .map(drop)
    })?;
    println!(
        "a gate taken off: it ran to its end, the operator was started again {restarts} times"
    );
    Ok(())
}

/// Segments without their policy: one that somebody made stops the operator, which says where; one that is missing too.
fn segments(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    let list = cluster
        .kubectl("admin", &["get", "ledgersegments", "--output=name"])?
        .ok()?;
    let next = list.lines().count();
    let forged_one = forged(next);
    let unguarded = |what: &str, args: &[&str], input: &str| -> Result<()> {
        let put_back = taken_out(province, &[OF_SEGMENTS])?;
        wait_for(what, || {
            Ok(cluster.kubectl_with_input("admin", args, input)?.success())
        })?;
        put_back()
    };
    let create = ["create", "--filename=-"];
    unguarded("the forged segment to be taken", &create, &forged_one)?;
    cluster.apply("alice", &job("sdu-cs", "after", 1, 1, "2s", 0))?;
    wait_for("the operator to step down", || {
        Ok(!cluster.is_running(OPERATOR))
    })?;
    refuses_to_lead(province, next)?;
    let segment = format!("ledgersegment/{next:020}");
    unguarded("it to be deleted", &["delete", &segment], "")?;
    // What is missing is named as well.
    let middle = next / 2;
    let segment = format!("ledgersegment/{middle:020}");
    let saved = edugrid_e2e::anew(cluster, &segment)?.to_string();
    unguarded("one more to be deleted", &["delete", &segment], "")?;
    refuses_to_lead(province, middle)?;
    unguarded("it to be brought back", &create, &saved)?;
    province.edugrid.restart()?;
    province
        .wait_phase("sdu-cs", "after", "Succeeded")
        .map(drop)
}

/// It ends, and its last words name the segment.
fn refuses_to_lead(province: &Province, segment: usize) -> Result<()> {
    let cluster = province.cluster();
    province.edugrid.launch()?;
    wait_for("the operator to end", || Ok(!cluster.is_running(OPERATOR)))?;
    let said = cluster.log_tail(OPERATOR, 1);
    println!("the operator: {}", said.trim());
    ensure!(
        said.contains("journal") && said.contains(&segment.to_string()),
        "it does not say what is wrong with {segment}: {said}"
    );
    Ok(())
}

/// A segment as nobody but a forger would write it.
fn forged(sequence: usize) -> String {
    let zeros = "0".repeat(64);
    json!({
        "apiVersion": "ledger.edugrid.io/v1alpha1", "kind": "LedgerSegment",
        "metadata": {"name": format!("{sequence:020}")},
        "spec": {"sequence": sequence, "epoch": 1, "nonce": "forged", "codec": "jsonl", "previous": zeros, "payload": "e30K"},
    })
    .to_string()
}

/// Edits an object, or a part of it, with all rights.
fn edit(province: &Province, object: &str, part: &[&str], change: &Value) -> Result<Output> {
    let more = [&["--namespace=sdu-cs"], part].concat();
    province.cluster().patch("admin", object, &more, change)
}

fn edit_status(province: &Province, name: &str, status: &Value) -> Result<()> {
    let job = format!("computejob/{name}");
    let edited = edit(province, &job, &STATUS, &json!({"status": status}))?;
    edited.ok().map(drop)
}

/// The name of the native Job of a job's latest attempt.
fn native(province: &Province, name: &str) -> Result<String> {
    // By the UID: what is left of an earlier job of that name may still be there.
    let job = province.job("sdu-cs", name)?;
    let uid = job["metadata"]["uid"].as_str().context("a UID")?;
    let selector = format!("--selector=edugrid.io/job-uid={uid}");
    let last = "--output=jsonpath={.items[-1:].metadata.name}";
    let args = ["get", "jobs", "--namespace=sdu-cs", &selector, last];
    let found = province.cluster().kubectl("admin", &args)?.ok()?;
    ensure!(!found.is_empty(), "{name} has no native Job");
    Ok(found)
}

/// A pod of a job, as kubectl names it.
fn pod_of(province: &Province, name: &str) -> Result<String> {
    let selector = format!("--selector=edugrid.io/job={name}");
    let args = [
        "get",
        "pods",
        "--namespace=sdu-cs",
        &selector,
        "--output=name",
    ];
    let found = province.cluster().kubectl("admin", &args)?.ok()?;
    let first = found
        .lines()
        .next()
        .with_context(|| format!("{name} has no pod"))?;
    Ok(first.to_owned())
}
