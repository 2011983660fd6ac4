//! Every example of `examples/waiting` on a real cluster: each is taken, waits, and says why in both languages, in the
//! object and through the visibility API. What the reasons mean is not known here.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::examples::{folded, perform};
use edugrid_e2e::{anew, binaries, wait_for};
use edugrid_units::ReasonCode;
use serde_json::Value;
use xtask::cluster::{Cluster, ClusterOptions, NodeShape};
use xtask::examples::{Example, examples, files};
use xtask::installation::{InstallOptions, Installation, repository};

const FOLDER: &str = "examples/waiting";
/// The pools' nodes of eight cards.
const NODES: [(&str, usize); 7] = [
    ("a100", 2),
    ("h800", 2),
    ("mlu", 1),
    ("dcu", 1),
    ("ascend", 2),
    ("old", 1),
    ("new", 1),
];
const VOUCHERS: [&str; 2] = ["sdu-own", "lnu-own"];
/// Tried after all others, since nothing is admitted meanwhile.
const LAST: &str = "ledger-unavailable";
/// Comes only after five minutes (P8): tried where all seeds are.
const SLOW: &str = "back-off";
/// How long a reason may take to be served, and then to be written into the object (A6: 30 s, at a bounded rate).
const TOLD_LIMIT: Duration = Duration::from_secs(150);
/// A pod that can't be bound is given up after five minutes.
const SLOW_LIMIT: Duration = Duration::from_secs(420);

struct Job {
    user: String,
    namespace: String,
    name: String,
}

/// Whose job an example's last step makes.
fn job_of(example: &Example) -> Result<Job> {
    let last = example.script.last();
    let object: Value = serde_saphyr::from_str(&last.body)?;
    let text = |value: &Value| anyhow::Ok(value.as_str().context("a name")?.to_owned());
    Ok(Job {
        user: last.note("as").context("as:")?.to_owned(),
        namespace: text(&object["metadata"]["namespace"])?,
        name: text(&object["metadata"]["name"])?,
    })
}

/// Does an example's steps; one with `until: PHASE` waits for its job.
fn submit(edugrid: &Installation, example: &Example) -> Result<()> {
    let cluster = edugrid.cluster();
    for step in &example.script.steps {
        let what = || example.name.clone();
        perform(cluster, step, false)?.ok().with_context(what)?;
        let Some(phase) = step.note("until") else {
            continue;
        };
        let object: Value = serde_saphyr::from_str(&step.body)?;
        let text = |key: &str| {
            object["metadata"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, name) = (text("namespace"), text("name"));
        wait_for(&format!("{namespace}/{name} to be {phase}"), || {
            let job = edugrid.object("computejob", &namespace, &name)?;
            Ok(job["status"]["phase"] == phase)
        })?;
    }
    Ok(())
}

/// What is wrong with what the visibility API says of an example, if anything is.
fn explained(edugrid: &Installation, example: &Example) -> Result<Option<String>> {
    let (job, last) = (job_of(example)?, example.script.last());
    let namespace = format!("--namespace={}", job.namespace);
    let args = ["explain", &job.name, &namespace, "--output=json"];
    let answer = edugrid.edugrid(&job.user, &args)?;
    if !answer.status.success() {
        return Ok(Some(String::from_utf8_lossy(&answer.stderr).into_owned()));
    }
    let told: Value = serde_json::from_slice(&answer.stdout)?;
    let reason = &told["reason"];
    Ok(difference(
        last.note("waits").context("waits:")?,
        &[("en", &reason["message"]), ("zh", &reason["messageZh"])],
        &reason["code"],
        example,
    ))
}

/// The same of the object itself, which speaks English.
fn written(edugrid: &Installation, example: &Example) -> Result<Option<String>> {
    let (job, last) = (job_of(example)?, example.script.last());
    let object = edugrid.object("computejob", &job.namespace, &job.name)?;
    let status = &object["status"];
    let code = last.note("waits").context("waits:")?;
    Ok(difference(
        code,
        &[("en", &status["message"])],
        &status["reason"],
        example,
    ))
}

fn difference(
    code: &str,
    messages: &[(&str, &Value)],
    found: &Value,
    example: &Example,
) -> Option<String> {
    let last = example.script.last();
    let all_say = messages
        .iter()
        .all(|(note, found)| found.as_str().map(folded) == last.note(note).map(folded));
    let said: Vec<String> = messages.iter().map(|(_, said)| said.to_string()).collect();
    (found != code || !all_say).then(|| format!("{found} {}", said.join(" ")))
}

/// Looks at the examples again and again until each is told as it should be, or time is up; returns what is wrong then.
fn wait_until_told(
    edugrid: &Installation,
    all: &[Example],
    limit: Duration,
    look: fn(&Installation, &Example) -> Result<Option<String>>,
) -> Result<BTreeMap<String, String>> {
    let deadline = Instant::now() + limit;
    loop {
        let mut wrong = BTreeMap::new();
        for example in all {
            if let Some(fault) = look(edugrid, example)? {
                wrong.insert(example.name.clone(), fault);
            }
        }
        if wrong.is_empty() || Instant::now() > deadline {
            return Ok(wrong);
        }
        sleep(Duration::from_millis(500));
    }
}

fn start() -> Result<Installation> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    for (pool, count) in NODES {
        let shape = NodeShape::with_cards(8).label("edugrid.io/pool", pool);
        cluster.add_nodes(pool, count, &shape)?;
    }
    let edugrid = Installation::new(cluster, binaries()?, InstallOptions::default())?;
    edugrid.start()?;
    for path in files(&repository().join(FOLDER).join("world"))? {
        let file = path
            .strip_prefix(repository())?
            .to_string_lossy()
            .into_owned();
        let user = if file.contains("namespaces") {
            "admin"
        } else {
            "province-admin"
        };
        edugrid.apply_file(user, &file)?;
    }
    edugrid.bind(
        "edugrid-province",
        "edugrid-approver",
        "edugrid:province-checkers",
    )?;
    for voucher in VOUCHERS {
        edugrid.approve(voucher)?;
        wait_for(voucher, || {
            let voucher = edugrid.object("computevoucher", "default", voucher)?;
            Ok(voucher["status"]["conditions"][0]["status"] == "True")
        })?;
    }
    Ok(edugrid)
}

fn ensure_none(wrong: &BTreeMap<String, String>, what: &str) -> Result<()> {
    let lines: Vec<String> = wrong
        .iter()
        .map(|(name, fault)| format!("{name}: {fault}"))
        .collect();
    ensure!(lines.is_empty(), "{what}:\n{}", lines.join("\n"));
    Ok(())
}

#[test]
fn every_example_waits_and_says_why() -> Result<()> {
    let mut all = examples(FOLDER)?;
    let edugrid = start()?;
    let slow: Vec<Example> = all.extract_if(.., |example| example.name == SLOW).collect();
    let last: Vec<Example> = all.extract_if(.., |example| example.name == LAST).collect();
    ensure!(
        slow.len() == 1 && last.len() == 1,
        "{SLOW} and {LAST} are examples"
    );
    for example in slow.iter().chain(&all) {
        submit(&edugrid, example)?;
    }
    ensure_none(
        &wait_until_told(&edugrid, &all, TOLD_LIMIT, explained)?,
        "explained",
    )?;
    ensure_none(
        &wait_until_told(&edugrid, &all, TOLD_LIMIT, written)?,
        "written",
    )?;
    if std::env::var_os("EDUGRID_ALL_SEEDS").is_some() {
        ensure_none(
            &wait_until_told(&edugrid, &slow, SLOW_LIMIT, explained)?,
            "explained",
        )?;
    }
    without_a_policy(&edugrid, &last[0])?;
    println!("{} examples", all.len() + slow.len() + last.len());
    Ok(())
}

/// While a policy is missing nothing is admitted; when it is back the job runs.
fn without_a_policy(edugrid: &Installation, example: &Example) -> Result<()> {
    let binding = "validatingadmissionpolicybinding/ledger-segments.edugrid.io";
    let saved = anew(edugrid.cluster(), binding)?;
    let (removes, submits) = example.script.steps.split_at(1);
    perform(edugrid.cluster(), &removes[0], false)?.ok()?;
    wait_for("the operator to see it", || Ok(!edugrid.readiness()?.0))?;
    perform(edugrid.cluster(), &submits[0], false)?.ok()?;
    let one = std::slice::from_ref(example);
    ensure_none(
        &wait_until_told(edugrid, one, TOLD_LIMIT, explained)?,
        "explained",
    )?;
    ensure_none(
        &wait_until_told(edugrid, one, TOLD_LIMIT, written)?,
        "written",
    )?;
    edugrid.cluster().apply("admin", &saved.to_string())?;
    let job = job_of(example)?;
    wait_for("the job to run", || {
        let object = edugrid.object("computejob", &job.namespace, &job.name)?;
        Ok(object["status"]["phase"] == "Running")
    })
}

/// Codes that nothing in this version can cause; the folder's README says what each waits for.
const NOT_YET: [ReasonCode; 8] = [
    ReasonCode::DependsOn,
    ReasonCode::ModelNotFiled,
    ReasonCode::Topology,
    ReasonCode::Reserved,
    ReasonCode::BehindClaim,
    ReasonCode::WaitingForPreemption,
    ReasonCode::NeedsCheckpoint,
    ReasonCode::LedgerRewound,
];

#[test]
fn each_code_has_an_example_or_a_word_why_not() -> Result<()> {
    let all = examples(FOLDER)?;
    for page in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(repository().join(FOLDER).join(page))?;
        for code in ReasonCode::ALL {
            let shown = all
                .iter()
                .any(|example| example.script.last().note("waits") == Some(code.as_str()));
            let named = text.contains(&format!("| `{code}` |"));
            ensure!(
                shown != NOT_YET.contains(code),
                "{code}: an example or a place in NOT_YET"
            );
            ensure!(named != shown, "{page}: {code}");
        }
    }
    Ok(())
}
