//! Every case of `charts/edugrid/tests/policies.yaml`, whose head says what a case is, judged
//! by a real API server with the chart's policies. No operator runs: what the policies refuse
//! they refuse by themselves. It must not know what any case is about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use xtask::cluster::{Cluster, ClusterOptions, Output};
use xtask::installation::{Binaries, InstallOptions, Installation, repository};

const SUITE: &str = "charts/edugrid/tests/policies.yaml";
/// The suite's own delegates in place of the province's; kubectl patch reads before it writes.
const VALUES: &str = "rbac: {delegates: [{kind: Group, name: tenant-admins}], delegatesGet: true}";
/// How many cases are tried at once: half of each call is kubectl's own start.
const CALLS_AT_ONCE: usize = 4;
/// Until the API server's policies see labels and rights that were just written.
const CACHES_SETTLE: Duration = Duration::from_secs(2);
/// Who refuses where no policy of ours does, so that no policy is named in the answer.
const OTHERS: [&str; 3] = ["the schema", "RBAC", "the API server"];

#[derive(Deserialize)]
struct Suite {
    users: BTreeMap<String, User>,
    setup: Vec<Step>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct User {
    user: String,
    groups: Vec<String>,
}

/// One request.
#[derive(Deserialize)]
struct Step {
    #[serde(rename = "as")]
    user: Option<String>,
    #[serde(rename = "do")]
    verb: Verb,
    object: Option<Value>,
    target: Option<Target>,
    patch: Option<Value>,
    #[serde(rename = "type")]
    patch_type: Option<String>,
    subresource: Option<String>,
    path: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Create,
    Replace,
    Apply,
    Patch,
    Delete,
    Post,
}

#[derive(Deserialize)]
struct Target {
    kind: String,
    name: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rule: String,
    policy: String,
    expect: Expectation,
    yields: Option<Value>,
    #[serde(flatten)]
    step: Step,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expectation {
    Allowed,
    Refused(String),
}

/// The call of kubectl that does a step: its arguments, and what it reads.
fn call(step: &Step, users: &BTreeMap<String, User>, dry: bool) -> Result<(Vec<String>, String)> {
    let mut args: Vec<String> = Vec::new();
    if let Some(name) = &step.user {
        let user = users
            .get(name)
            .with_context(|| format!("no user {name} in the suite"))?;
        args.push(format!("--as={}", user.user));
        args.extend(
            user.groups
                .iter()
                .map(|group| format!("--as-group={group}")),
        );
    }
    let verb = match step.verb {
        Verb::Patch | Verb::Delete => {
            change(step, &mut args)?;
            if dry {
                args.push("--dry-run=server".to_owned());
            }
            return Ok((args, String::new()));
        }
        Verb::Create | Verb::Post => "create",
        Verb::Replace => "replace",
        Verb::Apply => "apply",
    };
    args.extend([verb.to_owned(), "--filename=-".to_owned()]);
    if let Verb::Apply = step.verb {
        args.push("--server-side".to_owned());
    }
    if let Verb::Post = step.verb {
        let path = step.path.as_ref().context("a post without its path")?;
        // --dry-run is not for raw requests; the API server takes it from the query.
        let query = if dry { "?dryRun=All" } else { "" };
        args.push(format!("--raw={path}{query}"));
    } else {
        args.push("--output=json".to_owned());
        if dry {
            args.push("--dry-run=server".to_owned());
        }
    }
    let object = step.object.as_ref().context("a step without its object")?;
    Ok((args, object.to_string()))
}

/// The arguments of a patch or a deletion.
fn change(step: &Step, args: &mut Vec<String>) -> Result<()> {
    let target = step.target.as_ref().context("a step without its target")?;
    let verb = if matches!(step.verb, Verb::Patch) {
        "patch"
    } else {
        "delete"
    };
    args.extend([verb.to_owned(), target.kind.clone(), target.name.clone()]);
    if let Some(namespace) = &target.namespace {
        args.push(format!("--namespace={namespace}"));
    }
    if let Verb::Patch = step.verb {
        let patch = step.patch.as_ref().context("a patch without its content")?;
        args.push(format!(
            "--type={}",
            step.patch_type.as_deref().unwrap_or("merge")
        ));
        args.push(format!("--patch={patch}"));
        args.push("--output=json".to_owned());
    }
    if let Some(subresource) = &step.subresource {
        args.push(format!("--subresource={subresource}"));
    }
    Ok(())
}

fn perform(
    cluster: &Cluster,
    step: &Step,
    users: &BTreeMap<String, User>,
    dry: bool,
) -> Result<Output> {
    let (args, input) = call(step, users, dry)?;
    cluster.kubectl_with_input("admin", &args, &input)
}

/// What is wrong with the server's answer to a case, if anything is.
fn fault(case: &Case, answer: &Output) -> Option<String> {
    let said = folded(&answer.stderr);
    match &case.expect {
        Expectation::Allowed if !answer.success() => Some(format!("refused: {said}")),
        Expectation::Allowed => {
            let wanted = case.yields.as_ref()?;
            let found = serde_json::from_str(&answer.stdout).unwrap_or(Value::Null);
            (!contains(&found, wanted)).then(|| format!("yields {found}, not {wanted}"))
        }
        Expectation::Refused(_) if answer.success() => Some("allowed".to_owned()),
        Expectation::Refused(part) if !said.contains(&folded(part)) => {
            Some(format!("refused, but not with {part:?}: {said}"))
        }
        Expectation::Refused(_) => {
            let names_the_policy = said.contains(&format!("'{}.edugrid.io'", case.policy));
            (!OTHERS.contains(&case.policy.as_str()) && !names_the_policy)
                .then(|| format!("refused by somebody else: {said}"))
        }
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an answer holds what is wanted: maps by subset, all else by equality.
fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| contains(found.get(name).unwrap_or(&Value::Null), wanted)),
        _ => found == wanted,
    }
}

fn set_up(cluster: &Cluster, suite: &Suite) -> Result<()> {
    for (index, step) in suite.setup.iter().enumerate() {
        let answer = perform(cluster, step, &suite.users, false)?;
        if !answer.stderr.contains("AlreadyExists") {
            answer
                .ok()
                .with_context(|| format!("step {} of the setup", index + 1))?;
        }
    }
    sleep(CACHES_SETTLE);
    Ok(())
}

/// Tries every case and returns the lines of those that went wrong, in the suite's order.
fn failures(cluster: &Cluster, suite: &Suite) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(BTreeMap::new());
    scope(|threads| {
        for _ in 0..CALLS_AT_ONCE {
            threads.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = suite.cases.get(index) else {
                        return;
                    };
                    let wrong = match perform(cluster, &case.step, &suite.users, true) {
                        Ok(answer) => fault(case, &answer),
                        Err(error) => Some(format!("{error:#}")),
                    };
                    if let Some(wrong) = wrong {
                        let line = format!(
                            "{:<22} {:<5} {}: {wrong}",
                            case.policy, case.rule, case.name
                        );
                        failed
                            .lock()
                            .expect("no holder panicked")
                            .insert(index, line);
                    }
                }
            });
        }
    });
    failed
        .into_inner()
        .expect("no holder panicked")
        .into_values()
        .collect()
}

#[test]
fn the_policies_let_through_and_refuse_what_they_say() -> Result<()> {
    let text = std::fs::read_to_string(repository().join(SUITE)).context(SUITE)?;
    let suite: Suite = serde_saphyr::from_str(&text).context(SUITE)?;
    let names: BTreeSet<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
    ensure!(
        !names.is_empty() && names.len() == suite.cases.len(),
        "{SUITE}: names are not unique"
    );

    let cluster = Cluster::start(&ClusterOptions::default())?;
    let none = Binaries {
        scheduler: "/none".into(),
        cli: "/none".into(),
        archiver: "/none".into(),
    };
    let options = InstallOptions {
        values: VALUES.to_owned(),
        ..Default::default()
    };
    let installation = Installation::new(cluster, none, options)?;
    set_up(installation.cluster(), &suite)?;
    let failed = failures(installation.cluster(), &suite);
    ensure!(
        failed.is_empty(),
        "{} of {} cases:\n{}",
        failed.len(),
        suite.cases.len(),
        failed.join("\n")
    );
    println!("{} cases", suite.cases.len());
    Ok(())
}

#[test]
fn an_answer_is_compared_as_the_suite_says() {
    let found = serde_json::json!({"a": {"b": 1, "c": [1, 2]}, "d": null});
    for (wanted, holds) in [
        (serde_json::json!({"a": {"b": 1}}), true),
        (serde_json::json!({"a": {"c": [1, 2]}}), true),
        (serde_json::json!({"a": {"c": [1]}}), false),
        (serde_json::json!({"a": {"x": null}}), true),
        (serde_json::json!({"a": {"x": 1}}), false),
    ] {
        assert_eq!(contains(&found, &wanted), holds, "{wanted}");
    }
}
