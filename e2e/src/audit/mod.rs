//! The audit in which every test with faults ends: what happened is told from outside, by the exported books, the objects,
//! the statements and the API server's own record of writes, and each is held against the others. It knows nothing of
//! what the operator has in memory, and nothing of the faults.

pub mod books;
pub mod flight;
mod objects;
pub mod trace;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_units::MicroYuan;
use jiff::Timestamp;
use serde_json::Value;

use crate::{NODE_CARDS, Province, wait_for};
use books::{Attempt, Books, Key};
use flight::Flight;
use trace::Trace;

/// How far a status may be behind its entry on a loaded machine.
const STATUS_LIMIT: Duration = Duration::from_secs(20);
/// The root of the example province's tenants.
const ROOT: &str = "province";

/// What must have come of everything; see the module.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// By `namespace/name`: the phases of which an object must say one.
    ends: BTreeMap<String, Vec<String>>,
    /// Jobs of which a person laid hand on the native Jobs or pods: those may have been made again.
    touched: BTreeSet<String>,
}

/// What the audit read, all of it sound.
pub struct Found {
    /// The books.
    pub books: Books,
    /// The API server's record.
    pub trace: Trace,
    /// By entry: when the API server answered for its segment.
    pub durable: BTreeMap<u64, Timestamp>,
}

impl Audit {
    /// A job must have ended so, or so, and its object must say it.
    #[must_use]
    pub fn ends(mut self, namespace: &str, name: &str, phases: &[&str]) -> Self {
        let phases = phases.iter().map(|phase| (*phase).to_owned()).collect();
        self.ends.insert(format!("{namespace}/{name}"), phases);
        self
    }

    /// A person changed the native Jobs or pods of this job.
    #[must_use]
    pub fn touched(mut self, namespace: &str, name: &str) -> Self {
        self.touched.insert(format!("{namespace}/{name}"));
        self
    }

    /// Waits until no attempt is open, reads everything and holds it together.
    ///
    /// # Errors
    /// If one stays open, or with every contradiction that it finds.
    pub fn check(&self, province: &Province) -> Result<Found> {
        let mut open = String::new();
        let settled = wait_for("all attempts to be settled", || {
            let books = Books::read(&exported(province)?, NODE_CARDS)?;
            let all = books
                .attempts
                .iter()
                .filter(|(_, attempt)| attempt.end.is_none());
            open = format!("{:#?}", all.collect::<Vec<_>>());
            Ok(open == "[]")
        });
        settled.with_context(|| open)?;
        let verify = province
            .edugrid
            .edugrid("province-checker", &["ledger", "verify"])?;
        let words = String::from_utf8_lossy(&verify.stderr);
        ensure!(verify.status.success(), "the books don't verify: {words}");
        let books = Books::read(&exported(province)?, NODE_CARDS)?;
        let trace = Trace::read(&province.cluster().log("audit"))?;
        let segments = segments(province, &trace)?;
        let mut faults = books.faults.clone();
        faults.extend(self.object_faults(province, &books)?);
        faults.extend(statement_faults(province, &books)?);
        faults.extend(write_faults(&books, &trace, &segments, &self.touched));
        faults.extend(epoch_faults(&trace));
        let mut all = String::new();
        for fault in &faults {
            let _ = write!(all, "\n  {fault}");
        }
        ensure!(
            faults.is_empty(),
            "the audit finds {} faults:{all}",
            faults.len()
        );
        let written = trace.segments();
        let durable = segments
            .iter()
            .filter_map(|(entry, at)| Some((*entry, written.get(&at.segment)?.answered)));
        let found = Found {
            durable: durable.collect(),
            books,
            trace,
        };
        println!("the audit finds no fault: {}", found.summary());
        Ok(found)
    }
}

impl Audit {
    /// Contradictions of objects that last: a status follows its entry by a moment.
    fn object_faults(&self, province: &Province, books: &Books) -> Result<Vec<String>> {
        let deadline = Instant::now() + STATUS_LIMIT;
        loop {
            let faults = objects::faults(province, books, &self.ends)?;
            if faults.is_empty() || Instant::now() > deadline {
                return Ok(faults);
            }
            sleep(Duration::from_millis(500));
        }
    }
}

impl Found {
    /// What was in flight at an instant.
    pub fn in_flight(&self, at: Timestamp) -> Flight {
        Flight::at(&self.books, &self.trace, &self.durable, at)
    }

    fn summary(&self) -> String {
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        for attempt in self.books.attempts.values() {
            *outcomes
                .entry(attempt.outcome.as_deref().unwrap_or("open"))
                .or_default() += 1;
        }
        let charged = self.books.charged_below(ROOT);
        format!(
            "{} entries, {} leaders, {} attempts {outcomes:?}, {} yuan charged, {} writes recorded",
            self.books.entries.len(),
            self.books.epoch,
            self.books.attempts.len(),
            MicroYuan(charged),
            self.trace.writes.len()
        )
    }
}

/// The lines of `ledger export`.
fn exported(province: &Province) -> Result<String> {
    let export = province
        .edugrid
        .edugrid("province-checker", &["ledger", "export"])?;
    ensure!(
        export.status.success(),
        "{}",
        String::from_utf8_lossy(&export.stderr)
    );
    Ok(String::from_utf8(export.stdout)?)
}

/// Where an entry stands in the cluster.
struct Place {
    /// The number of its segment.
    segment: u64,
    /// The revision of etcd at which that was created.
    revision: u64,
}

/// By entry: where it stands, from the segments themselves.
fn segments(province: &Province, trace: &Trace) -> Result<BTreeMap<u64, Place>> {
    let again = trace.segments_made_again();
    let args = ["get", "ledgersegments", "--output=json"];
    let list: Value = serde_json::from_str(&province.cluster().kubectl("admin", &args)?.ok()?)?;
    let mut places = BTreeMap::new();
    for object in list["items"].as_array().into_iter().flatten() {
        let payload = object["spec"]["payload"].as_str().context("a payload")?;
        let segment = object["spec"]["sequence"].as_u64().context("a sequence")?;
        // Of one that was brought back, only the time of its first create is recorded, no revision.
        let revision = match again.contains(&segment) {
            true => 0,
            false => trace::revision(object),
        };
        for line in String::from_utf8(BASE64.decode(payload)?)?.lines() {
            let line: Value = serde_json::from_str(line)?;
            let entry = line["sequence"]
                .as_str()
                .context("an entry's sequence")?
                .parse()?;
            places.insert(entry, Place { segment, revision });
        }
    }
    Ok(places)
}

/// What statements say against what the entries charge.
fn statement_faults(province: &Province, books: &Books) -> Result<Vec<String>> {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let months: BTreeSet<String> = (books.entries.iter())
        .filter_map(|entry| Timestamp::from_nanosecond(entry.at).ok())
        .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m").to_string())
        .collect();
    let mut stated = 0;
    for month in &months {
        let month = format!("--month={month}");
        let args = ["statement", ROOT, &month, "--output=json"];
        let answer = province.edugrid.edugrid("admin", &args)?;
        ensure!(
            answer.status.success(),
            "{}",
            String::from_utf8_lossy(&answer.stderr)
        );
        let statement: Value = serde_json::from_slice(&answer.stdout)?;
        stated += micro(&statement["totals"]["cost"])?;
    }
    let charged = books.charged_below(ROOT);
    let differs = stated != charged;
    Ok(differs
        .then(|| format!("statements say {stated} micro-yuan, entries {charged}"))
        .into_iter()
        .collect())
}

/// Native Jobs and pods: made once per attempt, and neither made nor let go before the admission was durable.
fn write_faults(
    books: &Books,
    trace: &Trace,
    segments: &BTreeMap<u64, Place>,
    touched: &BTreeSet<String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut let_go: BTreeMap<String, usize> = BTreeMap::new();
    let admitted = |write: &trace::Write| -> Option<(&Attempt, u64)> {
        let number = write.label("edugrid.io/attempt").parse().ok()?;
        let key: Key = (write.label("edugrid.io/job-uid").to_owned(), number);
        let attempt = books.attempts.get(&key)?;
        Some((attempt, segments.get(&attempt.admit)?.revision))
    };
    let ours = |write: &&trace::Write| !write.label("edugrid.io/job-uid").is_empty();
    let jobs = trace.standing("create", "jobs").filter(ours);
    let pods = trace.standing("create", "pods").filter(ours);
    let pins = trace
        .standing("patch", "pods")
        .filter(ours)
        .filter(|it| it.is_the_operator_s());
    for write in jobs.chain(pods).chain(pins) {
        let (what, name) = (format!("{} {}", write.verb, write.resource), &write.name);
        match admitted(write) {
            None => faults.push(format!("{what} {name}: no entry admits its attempt")),
            Some((_, revision)) if write.revision() <= revision => {
                faults.push(format!("{what} {name}: before its admission was durable"));
            }
            Some((attempt, _)) if touched.contains(&attempt.job) => {}
            Some(_) if write.verb == "patch" => {
                let uid = write.after["metadata"]["uid"].as_str().unwrap_or("");
                *let_go.entry(format!("pod {name} {uid}")).or_default() += 1;
            }
            Some(_) => {
                let labels = [
                    "edugrid.io/job-uid",
                    "edugrid.io/attempt",
                    "edugrid.io/role",
                ];
                let labels = labels.map(|key| write.label(key)).join(" ");
                let index = write.label("batch.kubernetes.io/job-completion-index");
                *made
                    .entry(format!("{} of {labels} {index}", write.resource))
                    .or_default() += 1;
            }
        }
    }
    for (what, times) in made.iter().chain(&let_go).filter(|(_, times)| **times > 1) {
        faults.push(format!("{what}: {times} times"));
    }
    faults
}

/// The epoch in a job's status never fell (A4).
fn epoch_faults(trace: &Trace) -> Vec<String> {
    let mut told: BTreeMap<&str, Vec<(u64, i64)>> = BTreeMap::new();
    for write in trace.standing("patch", "computejobs/status") {
        let (uid, epoch) = (
            write.after["metadata"]["uid"].as_str(),
            write.after["status"]["epoch"].as_i64(),
        );
        if let (Some(uid), Some(epoch)) = (uid, epoch) {
            told.entry(uid).or_default().push((write.revision(), epoch));
        }
    }
    let mut faults = Vec::new();
    for (uid, mut epochs) in told {
        epochs.sort_unstable();
        let falls = epochs.windows(2).find(|pair| pair[1].1 < pair[0].1);
        faults.extend(falls.map(|pair| {
            format!(
                "status.epoch of {uid} fell from {} to {}",
                pair[0].1, pair[1].1
            )
        }));
    }
    faults
}

/// An amount as objects and statements tell it.
fn micro(yuan: &Value) -> Result<u64> {
    let text = yuan
        .as_str()
        .with_context(|| format!("{yuan} is no amount in yuan"))?;
    Ok(MicroYuan::parse_yuan(text)?.0)
}
