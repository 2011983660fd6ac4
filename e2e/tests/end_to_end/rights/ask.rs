//! Puts the matrix to a real API server: builds the world once, asks every cell, says what is
//! wrong. It must not know what any row is about.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::door::{Answer, Door, Person, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::table::{Cell, Matrix, Row, contains, judged};

/// Requests at once.
const ASKED_AT_ONCE: usize = 6;
/// How long a step of the world may find its rights or its namespace not there yet.
const STEP_LIMIT: Duration = Duration::from_secs(60);
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A step of the world: an object to create, in short or with its maker.
#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Made {
        #[serde(rename = "as")]
        by: Option<String>,
        object: Value,
    },
    Patched {
        #[serde(rename = "as")]
        by: Option<String>,
        patch: Patched,
    },
    Awaited {
        until: Awaited,
    },
    Plain(Value),
}

#[derive(Deserialize)]
struct Patched {
    kind: String,
    metadata: Value,
    subresource: String,
    body: Value,
}

#[derive(Deserialize)]
struct Awaited {
    path: String,
    holds: Value,
}

/// The kinds that world and rows write: API version, plural, whether in a namespace.
const KINDS: [(&str, &str, &str, bool); 18] = [
    ("Tenant", "edugrid.io/v1alpha1", "tenants", false),
    ("ComputePool", "edugrid.io/v1alpha1", "computepools", false),
    ("JobClass", "edugrid.io/v1alpha1", "jobclasses", false),
    ("FundingLine", "edugrid.io/v1alpha1", "fundinglines", false),
    (
        "ComputeVoucher",
        "edugrid.io/v1alpha1",
        "computevouchers",
        false,
    ),
    (
        "ComputeReservation",
        "edugrid.io/v1alpha1",
        "computereservations",
        false,
    ),
    ("PriceBook", "edugrid.io/v1alpha1", "pricebooks", false),
    ("ComputeJob", "edugrid.io/v1alpha1", "computejobs", true),
    (
        "LedgerSegment",
        "ledger.edugrid.io/v1alpha1",
        "ledgersegments",
        false,
    ),
    (
        "LedgerSnapshotPart",
        "ledger.edugrid.io/v1alpha1",
        "ledgersnapshotparts",
        false,
    ),
    ("Namespace", "v1", "namespaces", false),
    ("Pod", "v1", "pods", true),
    ("ServiceAccount", "v1", "serviceaccounts", true),
    ("Event", "v1", "events", true),
    ("Job", "batch/v1", "jobs", true),
    (
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        "clusterroles",
        false,
    ),
    (
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        false,
    ),
    (
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
        "rolebindings",
        true,
    ),
];

/// The path of a kind's collection, and its API version.
fn collection(kind: &str, metadata: &Value) -> Result<(String, &'static str)> {
    let known = KINDS.iter().find(|known| known.0 == kind);
    let (_, version, plural, namespaced) = *known.with_context(|| format!("no kind {kind}"))?;
    let root = if version == "v1" { "/api/v1" } else { "/apis/" };
    let group = if version == "v1" { "" } else { version };
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    let within = if namespaced {
        format!("namespaces/{namespace}/")
    } else {
        String::new()
    };
    Ok((format!("{root}{group}/{within}{plural}"), version))
}

/// Builds the world, step by step, each as whoever makes it.
///
/// # Errors
/// If a step is refused for good.
pub fn build(door: &Door, matrix: &Matrix, world: &str) -> Result<()> {
    let steps: Vec<Step> = serde_saphyr::from_str(world)?;
    for (number, step) in (1..).zip(steps) {
        let said = perform(door, matrix, step).with_context(|| format!("step {number}"))?;
        ensure!(said.is_empty(), "step {number}: {said}");
    }
    Ok(())
}

/// Does a step; what went wrong, or nothing.
fn perform(door: &Door, matrix: &Matrix, step: Step) -> Result<String> {
    let who = |by: Option<String>| match by {
        Some(column) => matrix.person(&column),
        None => Ok(Person::default()),
    };
    match step {
        Step::Made { by, object } => make(door, &who(by)?, object),
        Step::Plain(object) => make(door, &Person::default(), object),
        Step::Patched { by, patch } => {
            let (path, _) = collection(&patch.kind, &patch.metadata)?;
            let name = patch.metadata["name"].as_str().unwrap_or_default();
            let path = format!("{path}/{name}/{}", patch.subresource);
            let request = Request {
                method: "PATCH",
                path: &path,
                content_type: MERGE_PATCH,
                body: Some(&patch.body),
            };
            again(|| door.ask(&who(by.clone())?, &request))
        }
        Step::Awaited { until } => {
            let deadline = Instant::now() + STEP_LIMIT;
            loop {
                let found = door.ask(&Person::default(), &Request::get(&until.path))?;
                if contains(&found.json(), &until.holds) {
                    return Ok(String::new());
                }
                if Instant::now() > deadline {
                    return Ok(format!(
                        "waited in vain for {}: {}",
                        until.holds, found.body
                    ));
                }
                sleep(Duration::from_millis(200));
            }
        }
    }
}

fn make(door: &Door, person: &Person, mut object: Value) -> Result<String> {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let (path, version) = collection(&kind, &object["metadata"])?;
    object["apiVersion"] = json!(version);
    again(|| door.ask(person, &Request::post(&path, &object)))
}

/// Rights are read from caches, and homes are made by the operator: what is refused or not
/// found is tried again.
fn again(mut ask: impl FnMut() -> Result<Answer>) -> Result<String> {
    let deadline = Instant::now() + STEP_LIMIT;
    loop {
        let answer = ask()?;
        // A service account may have been made by its controller meanwhile.
        if answer.is_done() || answer.words().contains("already exists") {
            return Ok(String::new());
        }
        let may_come = matches!(answer.status, 403 | 404);
        if !may_come || Instant::now() > deadline {
            return Ok(answer.words());
        }
        sleep(Duration::from_millis(300));
    }
}

/// What one cell shows.
pub struct Shown {
    /// The cell.
    pub cell: Cell,
    /// What is wrong, if it isn't what the table says.
    pub wrong: Option<String>,
}

/// Asks one cell.
///
/// # Errors
/// If there is no answer.
pub fn ask(door: &Door, row: &Row, person: &Person, wanted: Option<Cell>) -> Result<Shown> {
    let answer = request(door, row, person)?;
    let (cell, policy) = judged(&answer);
    let mut wrong = None;
    if wanted.is_some_and(|wanted| wanted != cell) || answer.status >= 500 {
        wrong = Some(answer.words());
    } else if let Some(policy) = policy
        && !row.by.contains(&policy)
    {
        wrong = Some(format!("refused by {policy}"));
    } else if cell == Cell::Done
        && let Some(yields) = row.yields_to(person)
        && !contains(&answer.json(), &yields)
    {
        wrong = Some(format!("yields {}, not {yields}", answer.body));
    }
    Ok(Shown { cell, wrong })
}

fn request(door: &Door, row: &Row, person: &Person) -> Result<Answer> {
    let mut words = row.ask.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().context("an ask without a path")?;
    if method == "MAY" {
        let resource = words.next().context("MAY without a resource")?;
        return may(door, person, path, resource, words.next());
    }
    let mut body = row.body_of(person);
    if let (Some(body), Some(plural)) = (&mut body, path.rsplit('/').next())
        && let Some((kind, version, ..)) = KINDS.iter().find(|known| known.2 == plural)
    {
        (body["kind"], body["apiVersion"]) = (json!(kind), json!(version));
    }
    let dry = if method == "GET" { "" } else { "?dryRun=All" };
    let content_type = match (method, row.patch.as_deref()) {
        ("PATCH", Some("strategic")) => "application/strategic-merge-patch+json",
        ("PATCH", _) => MERGE_PATCH,
        _ => "application/json",
    };
    door.ask(
        person,
        &Request {
            method,
            path: &format!("{path}{dry}"),
            content_type,
            body: body.as_ref(),
        },
    )
}

/// Whether RBAC would let the person, as an answer like any other.
fn may(
    door: &Door,
    person: &Person,
    verb: &str,
    resource: &str,
    namespace: Option<&str>,
) -> Result<Answer> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = door.ask(person, &Request::post(path, &review))?;
    let allowed = answer.json()["status"]["allowed"] == true;
    Ok(Answer {
        status: if allowed { 200 } else { 403 },
        body: answer.body,
    })
}

/// Asks every cell and returns what is wrong, a line per row, with what its cells show.
///
/// # Errors
/// If there is no answer to one.
pub fn faults(door: &Door, matrix: &Matrix) -> Result<Vec<String>> {
    let persons: Vec<Person> = matrix
        .columns
        .iter()
        .map(|column| matrix.person(column))
        .collect::<Result<_>>()?;
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let failed: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    scope(|threads| {
        for _ in 0..ASKED_AT_ONCE {
            threads.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = matrix.rows.get(index) else {
                        return;
                    };
                    match faults_of(door, matrix, row, &persons) {
                        Ok(None) => {}
                        Ok(Some(line)) => {
                            found
                                .lock()
                                .expect("no holder panicked")
                                .insert(index, line);
                        }
                        Err(error) => {
                            *failed.lock().expect("no holder panicked") = Some(error);
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner().expect("no holder panicked") {
        Some(error) => Err(error),
        None => Ok(found
            .into_inner()
            .expect("no holder panicked")
            .into_values()
            .collect()),
    }
}

fn faults_of(door: &Door, matrix: &Matrix, row: &Row, who: &[Person]) -> Result<Option<String>> {
    let wanted = row.cells()?;
    let (mut line, mut words) = (String::new(), String::new());
    for ((person, cell), column) in who.iter().zip(wanted).zip(&matrix.columns) {
        let shown = ask(door, row, person, Some(cell))?;
        line.push_str(&format!("{:<6}", shown.cell.letter()));
        if let Some(wrong) = shown.wrong {
            let (is, should) = (shown.cell.letter(), cell.letter());
            words.push_str(&format!("\n    {column}: {is}, not {should}: {wrong}"));
        }
    }
    let fault = format!("{}\n  who: {}{words}", row.what, line.trim_end());
    Ok((!words.is_empty()).then_some(fault))
}
