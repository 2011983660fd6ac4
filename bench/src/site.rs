//! An installation to be measured: a real control plane with the chart, the operator built as it
//! is shipped, a pool of cores, a tree of tenants with a namespace each, and two identities: the
//! one that submits and the one that executes. It must not know what is measured on it.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hyper::http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use xtask::cluster::{Cluster, ClusterOptions, NodeShape};
use xtask::installation::{Binaries, InstallOptions, Installation, OPERATOR};
use xtask::tools::Tool;

use crate::stored;

/// Who submits: the role `edugrid-user` and no other.
pub const SUBMITTER: &str = "bench-submitter";
/// Who runs External jobs: the role `edugrid-executor` and no other.
pub const EXECUTOR: &str = "bench-executor";
/// The pool that all jobs use.
pub const POOL: &str = "rf";
/// Cores of each node: far more than any quota, so that quota decides.
const CORES_PER_NODE: &str = "4k";
const NODES: usize = 3;
/// The longest there is: on a machine that is busy with more than the benchmark, the API server may
/// let a renewal wait for many seconds. Operators are stopped gracefully, so nobody waits it out.
const LEASE_SECONDS: u32 = 60;
/// How long the tenants and their namespaces may take to stand.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// What all tenants share: the root, three classes, a pool, and a price of nothing.
const COMMON: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: province}
spec: {level: Province, displayName: {zh: 测试省, en: Bench Province}}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputePool
metadata: {name: rf}
spec: {kind: General, owner: province, nodeSelector: {edugrid.io/pool: rf}, resource: cpu}
---
apiVersion: edugrid.io/v1alpha1
kind: PriceBook
metadata: {name: free}
spec: {effectiveFrom: \"2026-01-01T00:00:00Z\", prices: [{pool: rf, tier: standard, perCardHour: \"0\"}]}
";

/// A tenant with a namespace of its own name in which jobs are submitted.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// The tenant above it.
    pub parent: String,
    /// Cores of its own.
    pub nominal: u32,
    /// The most that it borrows.
    pub borrowing_limit: u32,
}

/// The installation.
pub struct Site {
    /// Chart and operator.
    pub edugrid: Installation,
}

impl Site {
    /// Brings it up; the operator is installed and not started. The API server has the limits in
    /// flight that Kueue's own tests give it.
    ///
    /// # Errors
    /// If any part fails.
    pub fn start() -> Result<Self> {
        Self::start_with(InstallOptions::default())
    }

    /// The same with a snapshot of the books every few segments, and with an account that may
    /// take away what they cover.
    ///
    /// # Errors
    /// If any part fails.
    pub fn archived() -> Result<Self> {
        let user = stored::ARCHIVER_USER;
        Self::start_with(InstallOptions {
            arguments: vec![stored::SNAPSHOT_SEGMENTS.to_owned()],
            values: format!("ledger: {{archiver: {{user: '{user}'}}}}\n"),
            ..InstallOptions::default()
        })
    }

    fn start_with(options: InstallOptions) -> Result<Self> {
        let binaries = Binaries::beside_this_program()?;
        eprintln!("  starting a control plane");
        let cluster = Cluster::start(&ClusterOptions {
            apiserver_flags: vec![
                "--max-requests-inflight=5000".to_owned(),
                "--max-mutating-requests-inflight=2500".to_owned(),
            ],
            ..ClusterOptions::default()
        })?;
        let shape = NodeShape::default()
            .label("edugrid.io/pool", POOL)
            .capacity("cpu", CORES_PER_NODE)
            .capacity("memory", "100Ti");
        cluster.add_nodes("big", NODES, &shape)?;
        cluster.user(SUBMITTER, &[])?;
        cluster.user(EXECUTOR, &[])?;
        let options = InstallOptions {
            lease_seconds: LEASE_SECONDS,
            ..options
        };
        let edugrid = Installation::new(cluster, binaries, options)?;
        for (user, role) in [(SUBMITTER, "edugrid-user"), (EXECUTOR, "edugrid-executor")] {
            let (user, role) = (format!("--user={user}"), format!("--clusterrole={role}"));
            let args = ["create", "clusterrolebinding", &role[14..], &role, &user];
            edugrid.cluster().kubectl("admin", &args)?.ok()?;
        }
        let site = Self { edugrid };
        site.apply_patiently(COMMON)?;
        for (name, priority) in [("small", 50), ("medium", 100), ("large", 200)] {
            site.cluster().apply("admin", &class(name, priority))?;
        }
        Ok(site)
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        self.edugrid.cluster()
    }

    /// Makes tenants with quota in [`POOL`], inner ones first, and a namespace for each queue.
    ///
    /// # Errors
    /// If one is refused.
    pub fn tenants(&self, inner: &[Queue], queues: &[Queue]) -> Result<()> {
        let all = inner.iter().chain(queues);
        let tenants: Vec<String> = all.map(tenant).collect();
        for some in tenants.chunks(10) {
            self.apply_patiently(&some.join("---\n"))?;
        }
        let namespaces: Vec<String> = queues.iter().map(namespace).collect();
        for some in namespaces.chunks(10) {
            self.apply_patiently(&some.join("---\n"))?;
        }
        Ok(())
    }

    /// What a new kind or a new tenant allows is known to the API server's policies a moment
    /// later.
    fn apply_patiently(&self, manifests: &str) -> Result<()> {
        let deadline = Instant::now() + SETTLE_LIMIT;
        loop {
            match self.cluster().apply("admin", manifests) {
                Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(500)),
                result => return result.map(drop),
            }
        }
    }

    /// A client of one of the users.
    ///
    /// # Errors
    /// If its kubeconfig can't be used.
    pub async fn client(&self, user: &str) -> Result<Client> {
        client(&self.cluster().kubeconfig(user)).await
    }

    /// The process id of a program of the cluster, by its name there.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pid(&self, program: &str) -> Result<u32> {
        let pid = self.cluster().process_id(program);
        pid.with_context(|| format!("{program} does not run"))
    }

    /// Returns when the operator has ended, which it should not while it is measured.
    ///
    /// # Errors
    /// Always, with the end of its log.
    pub async fn operator_ended<T>(&self) -> Result<T> {
        while self.cluster().is_running(OPERATOR) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let log = self.cluster().log_tail(OPERATOR, 20);
        bail!("the operator has ended; the end of its log:\n{log}")
    }

    /// Processor seconds of API server, etcd and operator.
    ///
    /// # Errors
    /// If one of them does not run.
    pub fn cpu(&self) -> Result<[f64; 3]> {
        let mut seconds = [0.0; 3];
        for (seconds, program) in seconds.iter_mut().zip(PROGRAMS) {
            *seconds = crate::host::cpu_seconds(self.pid(program)?)?;
        }
        Ok(seconds)
    }
}

/// Whose processor time is counted.
pub const PROGRAMS: [&str; 3] = [Tool::KubeApiserver.binary(), Tool::Etcd.binary(), OPERATOR];

async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// A request with a body of JSON.
///
/// # Errors
/// Only if the path is no path.
pub fn request(method: &str, path: &str, kind: &str, body: &Value) -> Result<Request<Vec<u8>>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind);
    Ok(request.body(body.to_string().into_bytes())?)
}

/// The type of a body that makes an object.
pub const JSON: &str = "application/json";
/// The type of a body that changes one.
pub const MERGE: &str = "application/merge-patch+json";

/// The path of the jobs of a namespace.
pub fn jobs_path(namespace: &str) -> String {
    format!("/apis/edugrid.io/v1alpha1/namespaces/{namespace}/computejobs")
}

/// An External job of so many cores.
pub fn job(namespace: &str, name: &str, class: &str, cores: u32, labels: &Value) -> Value {
    let container = json!({
        "name": "main", "image": "registry.example.edu/run:1",
        "resources": {"requests": {"cpu": cores.to_string()}},
    });
    json!({
        "apiVersion": "edugrid.io/v1alpha1",
        "kind": "ComputeJob",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {
            "executor": "External",
            "class": class,
            "walltime": "1h",
            "roles": [{"name": "main", "template": {"spec": {"containers": [container]}}}],
        },
    })
}

/// Checks an answer whose body nobody needs.
///
/// # Errors
/// With the server's words, if it refused.
pub async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<()> {
    let path = request.uri().path().to_owned();
    let answer = client.request_text(request).await;
    answer.with_context(|| path).map(drop)
}

fn class(name: &str, priority: u32) -> String {
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {{name: {name}}}
spec: {{tier: Standard, priority: {priority}, preemptible: true, minRuntime: 1s, defaultWalltime: 1h,
       maxWalltime: 24h, maxWait: 24h, notice: 1s, priceTier: standard}}
"
    )
}

fn tenant(queue: &Queue) -> String {
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {{name: {}}}
spec: {{parent: {}, level: College, quotas: [{{pool: {POOL}, nominal: {}, borrowingLimit: {}}}]}}
",
        queue.name, queue.parent, queue.nominal, queue.borrowing_limit
    )
}

fn namespace(queue: &Queue) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {0}
  labels: {{edugrid.io/tenant: {0}, pod-security.kubernetes.io/enforce: baseline}}
",
        queue.name
    )
}

/// That a number of things is what it should be.
///
/// # Errors
/// If it is not.
pub fn expect(what: &str, found: usize, wanted: usize) -> Result<()> {
    ensure!(found == wanted, "{found} {what}, not {wanted}");
    Ok(())
}
