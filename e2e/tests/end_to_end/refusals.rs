//! Every example of `examples/invalid`, tried on a real API server with the chart's rules and the world that the folder
//! brings along. No operator runs: what is refused at submit is refused without it.
//!
//! Each rule is also taken out once, on request: then the examples that name it must no longer hold, and all others must.
//! `EDUGRID_WITHOUT_RULES=1 cargo test -p edugrid-e2e refusals -- --nocapture` prints what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::anew;
use edugrid_e2e::examples::{folded, perform, prepare, words};
use serde_json::Value;
use xtask::cluster::{Cluster, ClusterOptions, NodeShape, Output};
use xtask::examples::{Example, examples, files};
use xtask::installation::{Binaries, InstallOptions, Installation, repository};

const FOLDER: &str = "examples/invalid";
/// What the folder's world stands on.
const GROUND: [(&str, &str); 3] = [
    ("province-admin", "examples/first-job/00-province.yaml"),
    ("province-admin", "examples/first-job/10-university.yaml"),
    ("admin", "examples/first-job/20-namespace.yaml"),
];
/// How many examples are tried at once: half of each call is kubectl's own start.
const CALLS_AT_ONCE: usize = 4;
/// Kinds whose own rules are taken out on request, too.
const KINDS_WITHOUT_RULES: [&str; 3] = ["ComputeJob", "Tenant", "ComputeVoucher"];
/// Until the API server's policies see labels, rights and rules that were just written.
const CACHES_SETTLE: Duration = Duration::from_secs(3);
/// How long a controller may take to say what became of its pods.
const CONTROLLERS_LIMIT: Duration = Duration::from_secs(60);
/// How long pods must have stayed at the gate to be believed.
const STAYS: Duration = Duration::from_secs(3);

/// What an example must show: `None` where it does, else what came instead.
fn fault(cluster: &Cluster, example: &Example) -> Result<Option<String>> {
    let last = example.script.last();
    if let Some(controller) = last.note("event") {
        return event_fault(cluster, example, controller);
    }
    if let Some(pods) = last.note("gated") {
        return gate_fault(cluster, example, pods);
    }
    let answer = perform(cluster, last, true)?;
    if let Some(wanted) = last.note("becomes") {
        return stamp_fault(&answer, wanted);
    }
    let refused = last
        .note("refused")
        .context("an example says what it shows")?;
    Ok(refusal_fault(
        &answer,
        last.note("by").unwrap_or_default(),
        refused,
    ))
}

fn refusal_fault(answer: &Output, by: &str, refused: &str) -> Option<String> {
    let Ok(said) = words(answer) else {
        return Some("taken".to_owned());
    };
    let is_it = match by.strip_prefix("policy ") {
        Some(policy) => answer.stderr.contains(&format!("'{policy}.edugrid.io'")),
        None if by == "schema" => answer.stderr.contains(" is invalid: "),
        None => !answer.stderr.contains("AdmissionPolicy '"),
    };
    (said != folded(refused) || !is_it).then(|| format!("refused otherwise: {said}"))
}

/// An object that is taken, but not as it was written.
fn stamp_fault(answer: &Output, wanted: &str) -> Result<Option<String>> {
    if let Ok(said) = words(answer) {
        return Ok(Some(format!("refused: {said}")));
    }
    let wanted: Value = serde_saphyr::from_str(wanted)?;
    let found: Value = serde_json::from_str(&answer.stdout)?;
    Ok((!contains(&found, &wanted)).then(|| format!("taken as {}", found["spec"])))
}

/// Whether an object holds what is wanted: maps by subset, all else by equality.
fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| contains(found.get(name).unwrap_or(&Value::Null), wanted)),
        _ => found == wanted,
    }
}

/// Objects whose pods a controller makes: they are taken, and the controller's event says why no pod comes.
/// `controller` is `Kind/name`, or the beginning of a name that Kubernetes completes.
fn event_fault(cluster: &Cluster, example: &Example, controller: &str) -> Result<Option<String>> {
    let last = example.script.last();
    let (kind, name) = controller.split_once('/').context("event: Kind/name")?;
    forget(cluster, example)?;
    let answer = perform(cluster, last, false)?;
    if let Ok(said) = words(&answer) {
        return Ok(Some(format!("refused at once: {said}")));
    }
    let refused = folded(last.note("refused").unwrap_or_default());
    let deadline = Instant::now() + CONTROLLERS_LIMIT;
    let mut heard = String::new();
    while Instant::now() < deadline {
        if let Some(pod) = listed(cluster, "pods")?.iter().find(|pod| named(pod, name)) {
            let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
            return Ok(Some(format!("taken: pod {pod} was made")));
        }
        for event in listed(cluster, "events")? {
            let object = &event["involvedObject"];
            let is_its = object["kind"] == kind
                && object["name"]
                    .as_str()
                    .is_some_and(|found| found.starts_with(name));
            let message = folded(event["message"].as_str().unwrap_or_default());
            if is_its && event["reason"] == "FailedCreate" {
                if message.ends_with(&format!("denied request: {refused}")) {
                    return Ok(None);
                }
                heard = message;
            }
        }
        sleep(Duration::from_millis(300));
    }
    Ok(Some(format!("refused otherwise: {heard}")))
}

/// Removes what an earlier try of an example with a controller left behind.
fn forget(cluster: &Cluster, example: &Example) -> Result<()> {
    let last = example.script.last();
    let object = match last.command().as_slice() {
        ["create"] => {
            let made: Value = serde_saphyr::from_str(&last.body)?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!(
                "{}/{}",
                text(&made["kind"]),
                text(&made["metadata"]["name"])
            )
        }
        ["create", kind, name, ..] => format!("{kind}/{name}"),
        other => anyhow::bail!("no object is made by {other:?}"),
    };
    let args = [
        "delete",
        &object,
        "--namespace=sdu-cs",
        "--ignore-not-found",
        "--cascade=foreground",
    ];
    cluster.kubectl("admin", &args)?.ok().map(drop)
}

fn named(object: &Value, beginning: &str) -> bool {
    let name = object["metadata"]["name"].as_str();
    name.is_some_and(|name| name.starts_with(&format!("{}-", beginning.trim_end_matches('-'))))
}

fn listed(cluster: &Cluster, kind: &str) -> Result<Vec<Value>> {
    let args = ["get", kind, "--namespace=sdu-cs", "--output=json"];
    let text = cluster.kubectl("admin", &args)?.ok()?;
    let list: Value = serde_json::from_str(&text)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Pods that must come and stay at the gate: `pods` is `NUMBER with LABEL=VALUE`.
fn gate_fault(cluster: &Cluster, example: &Example, pods: &str) -> Result<Option<String>> {
    let (number, label) = pods
        .split_once(" with ")
        .context("gated: NUMBER with LABEL=VALUE")?;
    let number: usize = number.parse()?;
    let (key, value) = label
        .split_once('=')
        .context("gated: NUMBER with LABEL=VALUE")?;
    perform(cluster, example.script.last(), false)?.ok()?;
    let deadline = Instant::now() + CONTROLLERS_LIMIT;
    let mut since = None;
    while Instant::now() < deadline {
        let pods = listed(cluster, "pods")?;
        let mine: Vec<&Value> = pods
            .iter()
            .filter(|pod| pod["metadata"]["labels"][key] == value)
            .collect();
        if let Some(pod) = mine.iter().find(|pod| !is_gated(pod)) {
            return Ok(Some(format!(
                "a pod is past the gate: {}",
                pod["spec"]["nodeName"]
            )));
        }
        if mine.len() == number {
            let since: &mut Instant = since.get_or_insert_with(Instant::now);
            if since.elapsed() > STAYS {
                return Ok(None);
            }
        }
        sleep(Duration::from_millis(300));
    }
    Ok(Some(format!("{number} pods with {label} did not come")))
}

fn is_gated(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let waits = conditions.is_none_or(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["reason"] == "SchedulingGated")
    });
    waits && pod["spec"]["nodeName"].is_null()
}

/// The cluster with the chart, the first example's objects, and the folder's world.
fn start() -> Result<Installation> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    cluster.add_nodes(
        "gpu",
        1,
        &NodeShape::with_cards(8).label("edugrid.io/pool", "a100"),
    )?;
    cluster.user("reporter", &[])?;
    let none = Binaries {
        scheduler: "/none".into(),
        cli: "/none".into(),
        archiver: "/none".into(),
    };
    let installation = Installation::new(cluster, none, InstallOptions::default())?;
    for (user, file) in GROUND {
        installation.apply_file(user, file)?;
    }
    for path in files(&repository().join(FOLDER).join("world"))? {
        let below = path
            .strip_prefix(repository())?
            .to_string_lossy()
            .into_owned();
        installation.apply_file("admin", &below)?;
    }
    let made = Instant::now();
    let account = ["get", "serviceaccount", "default", "--namespace=sdu-cs"];
    while !installation.cluster().kubectl("admin", &account)?.success() {
        ensure!(
            made.elapsed() < CONTROLLERS_LIMIT,
            "sdu-cs has no service account"
        );
        sleep(Duration::from_millis(200));
    }
    sleep(CACHES_SETTLE);
    Ok(installation)
}

/// Does something with every example, several at once, and gathers what it returned, by name.
fn each<T: Send>(
    all: &[Example],
    work: impl Fn(&Example) -> Result<T> + Sync,
) -> BTreeMap<String, Result<T>> {
    let (next, gathered) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    scope(|threads| {
        for _ in 0..CALLS_AT_ONCE {
            threads.spawn(|| {
                while let Some(example) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(example);
                    let mut gathered = gathered.lock().expect("no holder panicked");
                    gathered.insert(example.name.clone(), result);
                }
            });
        }
    });
    gathered.into_inner().expect("no holder panicked")
}

/// The examples that don't hold, with what came instead.
fn faults(cluster: &Cluster, all: &[Example]) -> BTreeMap<String, String> {
    each(all, |example| fault(cluster, example))
        .into_iter()
        .filter_map(|(name, result)| match result {
            Ok(fault) => fault.map(|fault| (name, fault)),
            Err(error) => Some((name, format!("{error:#}"))),
        })
        .collect()
}

fn prepared(cluster: &Cluster, all: &[Example]) -> Result<()> {
    for (name, result) in each(all, |example| prepare(cluster, example.script.before())) {
        result.with_context(|| format!("{name}: the ground"))?;
    }
    Ok(())
}

#[test]
fn every_example_is_refused_with_the_words_that_it_states() -> Result<()> {
    let all = examples(FOLDER)?;
    ensure!(all.len() >= 60, "{} examples", all.len());
    let installation = start()?;
    let cluster = installation.cluster();
    prepared(cluster, &all)?;
    let faults = faults(cluster, &all);
    let lines: Vec<String> = faults
        .iter()
        .map(|(name, fault)| format!("{name}: {fault}"))
        .collect();
    ensure!(
        lines.is_empty(),
        "{} of {} examples:\n{}",
        lines.len(),
        all.len(),
        lines.join("\n")
    );
    println!("{} examples", all.len());
    if std::env::var_os("EDUGRID_WITHOUT_RULES").is_some() {
        for kind in KINDS_WITHOUT_RULES {
            without_the_rules_of(cluster, &all, kind)?;
        }
        without_each_policy(cluster, &all)?;
    }
    Ok(())
}

/// Takes every rule (CEL) out of a kind, tries everything, and puts them back.
fn without_the_rules_of(cluster: &Cluster, all: &[Example], kind: &str) -> Result<()> {
    let name = format!("crd/{}s.edugrid.io", kind.to_lowercase());
    let mut definition = anew(cluster, &name)?;
    let saved = definition.clone();
    let taken_out = strip_rules(&mut definition);
    let put = |definition: &Value| {
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
        ];
        cluster
            .kubectl_with_input("admin", &args, &definition.to_string())?
            .ok()?;
        sleep(CACHES_SETTLE);
        anyhow::Ok(())
    };
    put(&definition)?;
    let found = faults(cluster, all);
    put(&saved)?;
    println!(
        "without {taken_out} rules of {kind}: {} examples no longer hold",
        found.len()
    );
    let strangers: Vec<&str> = all
        .iter()
        .filter(|example| {
            found.contains_key(&example.name) && !is_refused_by_rules_of(example, kind)
        })
        .map(|example| example.name.as_str())
        .collect();
    ensure!(
        !found.is_empty() && strangers.is_empty(),
        "without {kind}'s rules: {strangers:?}"
    );
    Ok(())
}

fn strip_rules(schema: &mut Value) -> usize {
    match schema {
        Value::Object(map) => {
            let rules = map.remove("x-kubernetes-validations");
            let here = rules
                .and_then(|rules| rules.as_array().map(Vec::len))
                .unwrap_or(0);
            here + map.values_mut().map(strip_rules).sum::<usize>()
        }
        Value::Array(items) => items.iter_mut().map(strip_rules).sum(),
        _ => 0,
    }
}

fn is_refused_by_rules_of(example: &Example, kind: &str) -> bool {
    let last = example.script.last();
    let named = last.body.contains(&format!("kind: {kind}\n"))
        || last.command().contains(&kind.to_lowercase().as_str());
    named && last.note("by") == Some("schema")
}

/// Takes each policy's binding out, tries everything, and puts it back.
fn without_each_policy(cluster: &Cluster, all: &[Example]) -> Result<()> {
    let mut wrong = Vec::new();
    for file in files(&repository().join("charts/edugrid/templates/policies"))? {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let kind = if stem.starts_with("stamp-") {
            "mutating"
        } else {
            "validating"
        };
        let binding = format!("{kind}admissionpolicybinding/{stem}.edugrid.io");
        let saved = anew(cluster, &binding)?;
        cluster.kubectl("admin", &["delete", &binding])?.ok()?;
        sleep(CACHES_SETTLE);
        let found = faults(cluster, all);
        cluster.apply("admin", &saved.to_string())?;
        sleep(CACHES_SETTLE);
        let by = format!("policy {stem}");
        let named: BTreeSet<&str> = all
            .iter()
            .filter(|example| example.script.last().note("by") == Some(&by))
            .map(|example| example.name.as_str())
            .collect();
        println!(
            "without {stem}: {} name it, {} no longer hold",
            named.len(),
            found.len()
        );
        for (name, fault) in &found {
            println!("    {name}: {fault}");
        }
        // What another rule still refuses, in other words, has not fallen.
        let taken =
            |name: &&str| named.contains(name) || !found[*name].starts_with("refused otherwise");
        let fell: BTreeSet<&str> = found.keys().map(String::as_str).filter(taken).collect();
        for name in named.symmetric_difference(&fell) {
            wrong.push(format!("{name}, without {stem}"));
        }
    }
    let left = faults(cluster, all);
    ensure!(left.is_empty(), "with all policies back: {left:#?}");
    ensure!(
        wrong.is_empty(),
        "named and fallen differ:\n{}",
        wrong.join("\n")
    );
    Ok(())
}
