//! B5: W, what the API server itself can do: creates and status patches a second of our own
//! object, with the shipped definitions and policies, at 8 to 256 requests in flight, and its
//! memory per object. No operator runs. The client shares the machine's cores with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use kube::Client;
use serde_json::{Value, json};
use xtask::installation::{NAMESPACE, OPERATOR};
use xtask::tools::Tool;

use crate::host::resident_bytes;
use crate::measure::{RUNS, Samples};
use crate::report::{Line, Report};
use crate::site::{JSON, MERGE, Queue, SUBMITTER, Site, job, jobs_path, request, send};

/// Requests in flight.
const IN_FLIGHT: [usize; 6] = [8, 16, 32, 64, 128, 256];
/// Where the measurement of W for another benchmark is taken.
const IN_FLIGHT_USUAL: usize = 64;
/// Objects of one run at one depth.
const OBJECTS: usize = 500;

/// Writes per second of one run.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Creates.
    pub creates: f64,
    /// Patches of a status.
    pub patches: f64,
}

impl Rates {
    /// W: writes a second of a job's life of one create and two statuses.
    pub fn writes(&self) -> f64 {
        3.0 / (1.0 / self.creates + 2.0 / self.patches)
    }
}

/// Measures and reports.
///
/// # Errors
/// If a request is refused.
pub async fn run(site: &Site) -> Result<Report> {
    let load = Load::new(site).await?;
    // A server that has just begun is not what one has later.
    load.once("warm", IN_FLIGHT_USUAL, 2 * OBJECTS).await?;
    let pid = site.pid(Tool::KubeApiserver.binary())?;
    let before = resident_bytes(pid)?;
    let mut lines = Vec::new();
    let mut objects = 0_usize;
    let mut w = Samples::default();
    for in_flight in IN_FLIGHT {
        let (mut creates, mut patches) = (Samples::default(), Samples::default());
        let mut writes = Samples::default();
        for run in 0..RUNS {
            let rates = load
                .once(&format!("f{in_flight}-{run}"), in_flight, OBJECTS)
                .await?;
            creates.0.push(rates.creates);
            patches.0.push(rates.patches);
            writes.0.push(rates.writes());
            objects += OBJECTS;
        }
        lines.push(Line::plain(
            format!("creates, {in_flight} in flight"),
            "1/s",
            creates,
        ));
        lines.push(Line::plain(
            format!("status patches, {in_flight} in flight"),
            "1/s",
            patches,
        ));
        if writes.median() > w.median() {
            w = writes;
        }
        eprintln!("  B5: {in_flight} in flight: done");
    }
    lines.push(Line::plain(
        "W: 1 create and 2 statuses, at best",
        "writes/s",
        w,
    ));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let per_object = (resident_bytes(pid)? - before) / objects as f64;
    let memory = Samples(vec![per_object / 1024.0]);
    lines.push(Line::plain(
        "API server's resident memory per object",
        "KiB",
        memory,
    ));
    Ok(Report {
        id: "B5",
        title: "API server: writes of ComputeJobs with the shipped definitions and policies",
        lines,
        notes: vec![format!(
            "{OBJECTS} objects a run; memory over {objects} objects, garbage of the server included; \
             etcd without fsync; the client is on the same machine"
        )],
        raw: json!({"objects": objects, "objectsPerRun": OBJECTS}),
    })
}

/// W as it is now, for a benchmark beside which it stands.
///
/// # Errors
/// If a request is refused.
pub async fn now(site: &Site, mark: &str) -> Result<Rates> {
    let rates = Load::new(site)
        .await?
        .once(mark, IN_FLIGHT_USUAL, OBJECTS)
        .await?;
    // What the operator would otherwise keep in its queue.
    let admin = site.client("admin").await?;
    send(
        &admin,
        request("DELETE", &jobs_path(QUEUE), JSON, &json!({}))?,
    )
    .await?;
    Ok(rates)
}

/// Two identities: who submits, and the operator's own.
struct Load {
    submitter: Client,
    operator: Client,
}

/// Where the objects are made.
const QUEUE: &str = "ceiling";

impl Load {
    async fn new(site: &Site) -> Result<Self> {
        let queue = Queue {
            name: QUEUE.to_owned(),
            parent: "province".to_owned(),
            nominal: 0,
            borrowing_limit: 0,
        };
        site.tenants(&[], &[queue])?;
        site.cluster()
            .service_account_kubeconfig(NAMESPACE, OPERATOR)?;
        let account = format!("system:serviceaccount:{NAMESPACE}:{OPERATOR}");
        Ok(Self {
            submitter: site.client(SUBMITTER).await?,
            operator: site.client(&account).await?,
        })
    }

    /// Makes objects, writes each one's status, and removes them, untimed.
    async fn once(&self, mark: &str, in_flight: usize, objects: usize) -> Result<Rates> {
        let names: Arc<Vec<String>> = Arc::new(
            (0..objects)
                .map(|index| format!("{mark}-{index}"))
                .collect(),
        );
        let path = jobs_path(QUEUE);
        let creates = self
            .timed(&names, in_flight, |name| {
                let body = job(QUEUE, name, "small", 1, &json!({}));
                Ok((self.submitter.clone(), request("POST", &path, JSON, &body)?))
            })
            .await?;
        let patches = self
            .timed(&names, in_flight, |name| {
                let path = format!("{path}/{name}/status");
                let request = request("PATCH", &path, MERGE, &status())?;
                Ok((self.operator.clone(), request))
            })
            .await?;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let count = objects as f64;
        Ok(Rates {
            creates: count / creates.as_secs_f64(),
            patches: count / patches.as_secs_f64(),
        })
    }

    async fn timed(
        &self,
        names: &[String],
        in_flight: usize,
        make: impl Fn(&str) -> Result<(Client, hyper::http::Request<Vec<u8>>)>,
    ) -> Result<Duration> {
        let requests: Vec<_> = names.iter().map(|name| make(name)).collect::<Result<_>>()?;
        let begun = Instant::now();
        let mut answers = stream::iter(requests)
            .map(|(client, request)| tokio::spawn(async move { send(&client, request).await }))
            .buffer_unordered(in_flight);
        while let Some(answer) = answers.next().await {
            answer.context("a request was dropped")??;
        }
        Ok(begun.elapsed())
    }
}

/// A status as the operator writes it at admission.
fn status() -> Value {
    json!({"status": {
        "phase": "Admitted", "tenant": QUEUE, "epoch": 1, "units": "1", "walltime": "1h",
        "attempts": [{"number": 1}],
        "placement": [{"role": "main", "pool": "rf", "nodes": [{"name": "big-0", "replicas": 1}]}],
        "cost": {"held": "0.00", "charged": "0.00", "vouchers": [], "own": {"held": "0.00", "charged": "0.00"}},
        "observedGeneration": 1,
        "conditions": [{
            "type": "Admitted", "status": "True", "reason": "Admitted", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }})
}
