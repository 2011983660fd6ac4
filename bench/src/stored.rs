//! What a job takes in etcd, by etcd's own keys and values: its ComputeJob, its part of the
//! journal's segments, and its part of snapshots; and the same after an archiver has taken away
//! what snapshots cover. The load is B6's, in which nothing but EduGrid makes objects.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use kube::{Client, Config};
use serde_json::{Value, json};
use xtask::installation::{Binaries, NAMESPACE};

use crate::kueue;
use crate::measure::Samples;
use crate::report::{Line, Report};
use crate::site::{JSON, Site, request};

/// The part of B6's load that makes some two thousand jobs.
pub const DIVISOR: u64 = 7;
/// Segments between two snapshots: few, so that a small load has several.
pub const SNAPSHOT_SEGMENTS: &str = "--snapshot-segments=60";
const ARCHIVER: &str = "edugrid-archiver";
/// The archiver's account, as the chart's values name it.
pub const ARCHIVER_USER: &str = "system:serviceaccount:edugrid-system:edugrid-archiver";
const ACCOUNT: &str = "apiVersion: v1
kind: ServiceAccount
metadata: {namespace: edugrid-system, name: edugrid-archiver}
";
/// Everything of ours lies below it.
const PREFIX: &str = "/registry/";
/// Keys of one answer.
const PAGE: u64 = 500;
/// The archiver is done when nothing has gone for so long.
const STILL: Duration = Duration::from_secs(15);
/// How long it may take.
const ARCHIVED_LIMIT: Duration = Duration::from_secs(180);
const JOBS: &str = "edugrid.io/computejobs";
const SEGMENTS: &str = "ledger.edugrid.io/ledgersegments";
const PARTS: &str = "ledger.edugrid.io/ledgersnapshotparts";

/// Keys and values of one kind of object.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    objects: u64,
    bytes: u64,
    /// Of them, what the API server notes of who wrote which field.
    managed: u64,
}

type Kinds = BTreeMap<String, Kind>;

/// Measures and reports; `divisor` is that of B6's load.
///
/// # Errors
/// If a job does not succeed, etcd doesn't answer, or the archiver takes nothing away.
pub async fn run(site: &Site, divisor: u64) -> Result<Report> {
    kueue::prepare(site)?;
    let etcd = Client::try_from(Config::new(site.cluster().etcd().parse()?))?;
    let empty = database(&etcd).await?;
    site.edugrid.start()?;
    tokio::time::sleep(kueue::SETTLE).await;
    kueue::once(site, divisor, 0, f64::NAN).await?;
    let jobs = kueue::jobs_in(divisor);
    eprintln!("  etcd: {jobs} jobs are over");
    let before = kinds(&etcd).await?;
    let full = database(&etcd).await?;
    archive(site, &etcd).await?;
    let after = kinds(&etcd).await?;
    let compacted = database(&etcd).await?;
    site.edugrid.stop()?;
    let figures = [
        ("ComputeJob, without managedFields", bare(&before, JOBS)),
        ("ComputeJob, its managedFields", of(&before, JOBS).managed),
        ("segments, before compaction", of(&before, SEGMENTS).bytes),
        ("segments, after compaction", of(&after, SEGMENTS).bytes),
        ("snapshot parts, after compaction", of(&after, PARTS).bytes),
        ("database, before compaction", full.saturating_sub(empty)),
        (
            "database, after compaction",
            compacted.saturating_sub(empty),
        ),
    ];
    let told = |kinds: &Kinds| {
        let told = [JOBS, SEGMENTS, PARTS].map(|name| {
            let Kind { objects, bytes, .. } = of(kinds, name);
            format!("{objects} {name} in {bytes} bytes")
        });
        told.join(", ")
    };
    Ok(Report {
        id: "ETCD",
        title: "bytes of etcd per job that is over, keys and values",
        lines: figures
            .map(|(what, bytes)| per_job(what, jobs, bytes))
            .into(),
        notes: vec![
            format!("before: {}", told(&before)),
            format!("after: {}", told(&after)),
            "databases are defragmented, with the history of every object dropped".to_owned(),
        ],
        raw: json!({"jobs": jobs, "before": raw(&before), "after": raw(&after),
                    "database": {"empty": empty, "before": full, "after": compacted}}),
    })
}

/// Runs the archiver until it has taken away what it may.
async fn archive(site: &Site, etcd: &Client) -> Result<()> {
    let folder = site.cluster().dir().join("archive");
    site.cluster().apply("admin", ACCOUNT)?;
    let config = site
        .cluster()
        .service_account_kubeconfig(NAMESPACE, ARCHIVER)?;
    let mut command = Command::new(Binaries::beside_this_program()?.archiver);
    command
        .env("KUBECONFIG", config)
        .arg(format!("--archive={}", folder.display()))
        .args(["--seconds=1", "--stay=2"]);
    site.cluster().spawn(ARCHIVER, &mut command)?;
    let (begun, first) = (Instant::now(), of(&kinds(etcd).await?, SEGMENTS).objects);
    let (mut last, mut since) = (first, Instant::now());
    while last == first || since.elapsed() < STILL {
        ensure!(
            begun.elapsed() < ARCHIVED_LIMIT,
            "the archiver has left {last} of {first} segments:\n{}",
            site.cluster().log_tail(ARCHIVER, 20)
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = of(&kinds(etcd).await?, SEGMENTS).objects;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    site.cluster().terminate(ARCHIVER)
}

/// What etcd holds, by group and kind.
async fn kinds(etcd: &Client) -> Result<Kinds> {
    let mut kinds = Kinds::new();
    let mut from = PREFIX.as_bytes().to_vec();
    // The first key that does not begin with the prefix.
    let end = BASE64_STANDARD.encode(PREFIX.replace("y/", "y0"));
    loop {
        let body = json!({"key": BASE64_STANDARD.encode(&from), "range_end": end, "limit": PAGE});
        let answer = asked(etcd, "/v3/kv/range", &body).await?;
        let pairs = answer["kvs"].as_array().map_or(&[][..], Vec::as_slice);
        for pair in pairs {
            let field = |name: &str| BASE64_STANDARD.decode(pair[name].as_str().unwrap_or(""));
            let (key, value) = (field("key")?, field("value")?);
            count(&mut kinds, &key, &value);
            // The next key there could be.
            from = [&key[..], &[0]].concat();
        }
        if answer["more"] != true {
            return Ok(kinds);
        }
    }
}

fn count(kinds: &mut Kinds, key: &[u8], value: &[u8]) {
    let path = String::from_utf8_lossy(key);
    let mut parts = path.trim_start_matches(PREFIX).split('/');
    let name = [parts.next(), parts.next()].map(Option::unwrap_or_default);
    let kind = kinds.entry(name.join("/")).or_default();
    kind.objects += 1;
    kind.bytes += (key.len() + value.len()) as u64;
    let object: Option<Value> = serde_json::from_slice(value).ok();
    let managed = object.map(|mut it| it["metadata"]["managedFields"].take());
    kind.managed += managed.filter(|it| !it.is_null()).map_or(0, |it| {
        (it.to_string().len() + "\"managedFields\":,".len()) as u64
    });
}

fn of(kinds: &Kinds, name: &str) -> Kind {
    kinds.get(name).copied().unwrap_or_default()
}

fn bare(kinds: &Kinds, name: &str) -> u64 {
    let kind = of(kinds, name);
    kind.bytes.saturating_sub(kind.managed)
}

/// Bytes of etcd's database once the history is dropped and what is free is given back.
async fn database(etcd: &Client) -> Result<u64> {
    let status = json!({});
    let answer = asked(etcd, "/v3/maintenance/status", &status).await?;
    let revision = &answer["header"]["revision"];
    let compact = json!({"revision": revision, "physical": true});
    asked(etcd, "/v3/kv/compaction", &compact).await?;
    asked(etcd, "/v3/maintenance/defragment", &json!({})).await?;
    let answer = asked(etcd, "/v3/maintenance/status", &status).await?;
    let size = answer["dbSize"].as_str().and_then(|size| size.parse().ok());
    size.with_context(|| format!("etcd tells no size: {answer}"))
}

async fn asked(etcd: &Client, path: &str, body: &Value) -> Result<Value> {
    let answer = etcd.request(request("POST", path, JSON, body)?).await;
    answer.with_context(|| format!("etcd does not answer {path}"))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn per_job(what: &str, jobs: usize, bytes: u64) -> Line {
    Line::plain(what, "bytes/job", Samples(vec![bytes as f64 / jobs as f64]))
}

fn raw(kinds: &Kinds) -> Value {
    let kinds = kinds.iter().map(|(name, kind)| {
        let counts = json!({"objects": kind.objects, "bytes": kind.bytes, "managed": kind.managed});
        (name.clone(), counts)
    });
    Value::Object(kinds.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_by_kind_with_what_nobody_here_wrote() {
        let mut kinds = Kinds::new();
        let object = br#"{"metadata":{"managedFields":[1],"name":"a"}}"#;
        count(&mut kinds, b"/registry/edugrid.io/computejobs/n/a", object);
        count(&mut kinds, b"/registry/edugrid.io/computejobs/n/b", b"{}");
        count(&mut kinds, b"/registry/pods/n/a", b"\x00binary");
        let jobs = of(&kinds, JOBS);
        assert_eq!(jobs.objects, 2);
        assert_eq!(jobs.bytes, 36 + 36 + object.len() as u64 + 2);
        assert_eq!(jobs.managed, "\"managedFields\":[1],".len() as u64);
        assert_eq!(bare(&kinds, JOBS), jobs.bytes - jobs.managed);
        assert_eq!(of(&kinds, SEGMENTS).objects, 0);
    }
}
