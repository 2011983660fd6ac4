//! What the demo sees of the cluster while it plays: the queue, the tenants' use and money, and
//! the jobs, read with the rights of the province through `kubectl proxy`, one process instead of
//! one per look. It must not know how any of it is shown.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use edugrid_crds::ComputeJob;
use edugrid_crds::labels::home_namespace;
use edugrid_crds::visibility::{
    API_VERSION, QUEUED_JOBS, QueuedJobList, STATEMENTS, Statement, StatementList, TENANT_USES,
    TenantUse, TenantUseList, VOUCHER_USES, VoucherUseList,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::world::{PROVINCE, ROOT, TREE};
use crate::cluster::Cluster;
use crate::tools::Tool;

/// The proxy in the cluster's book of processes.
const PROXY: &str = "kubectl-proxy";
/// How long the proxy may take to listen.
const PROXY_LIMIT: Duration = Duration::from_secs(20);
/// How long an answer may take; the visibility API gives up earlier.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// What a Unix socket's address may be long, in bytes.
const SOCKET_PATH_MAX: usize = 100;

/// A connection to the cluster for reading.
pub struct Window<'a> {
    cluster: &'a Cluster,
    socket: PathBuf,
}

/// What was to be seen at one moment.
pub struct View {
    /// The unfinished jobs.
    pub queue: QueuedJobList,
    /// Each tenant's use and money, in the order of the tree.
    pub uses: Vec<TenantUse>,
    /// All vouchers, and whose own money there is.
    pub vouchers: VoucherUseList,
    /// All jobs, with their status.
    pub jobs: Vec<ComputeJob>,
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

impl<'a> Window<'a> {
    /// Starts the proxy. It listens on a socket in the cluster's folder, which only its owner
    /// can enter.
    ///
    /// # Errors
    /// If it does not start.
    pub fn open(cluster: &'a Cluster) -> Result<Self> {
        let socket = cluster.dir().join("proxy.sock");
        ensure!(
            socket.as_os_str().len() <= SOCKET_PATH_MAX,
            "{} is too long for a socket, {SOCKET_PATH_MAX} bytes at most\nmove the checkout to a shorter path",
            socket.display()
        );
        let mut command = Command::new(cluster.tools().path(Tool::Kubectl));
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig(PROVINCE))
            .arg("proxy")
            .arg(format!("--unix-socket={}", socket.display()))
            .envs(cluster.client_environment())
            .env_remove("KUBECONFIG");
        cluster.spawn(PROXY, &mut command)?;
        let deadline = Instant::now() + PROXY_LIMIT;
        while UnixStream::connect(&socket).is_err() {
            ensure!(
                cluster.is_running(PROXY) && Instant::now() < deadline,
                "kubectl proxy does not start: {}",
                cluster.log_tail(PROXY, 5)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { cluster, socket })
    }

    /// Looks once.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub fn look(&self) -> Result<View> {
        let home = format!("/apis/{API_VERSION}/namespaces/{}", home_namespace(ROOT));
        let told: TenantUseList = self.get(&format!("{home}/{}", TENANT_USES.plural))?;
        Ok(View {
            queue: self.get(&format!("/apis/{API_VERSION}/{}", QUEUED_JOBS.plural))?,
            uses: in_order(told)?,
            vouchers: self.get(&format!("{home}/{}", VOUCHER_USES.plural))?,
            jobs: self
                .get::<List<ComputeJob>>("/apis/edugrid.io/v1alpha1/computejobs")?
                .items,
        })
    }

    /// All months of a tenant in the books, with their movements.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub fn statements(&self, tenant: &str) -> Result<Vec<Statement>> {
        let home = home_namespace(tenant);
        let path = format!(
            "/apis/{API_VERSION}/namespaces/{home}/{}",
            STATEMENTS.plural
        );
        let months: StatementList = self.get(&path)?;
        let months = months.items.iter();
        months
            .map(|it| self.get(&format!("{path}/{}", it.month)))
            .collect()
    }

    /// Ends the proxy.
    ///
    /// # Errors
    /// If it does not end.
    pub fn close(self) -> Result<()> {
        self.cluster.terminate(PROXY)
    }

    /// `GET` over HTTP/1.0, whose answer ends with the connection.
    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let read = || -> Result<T> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(ANSWER_LIMIT))?;
            write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            let (head, body) = answer.split_at(end.context("no HTTP answer")?);
            let head = String::from_utf8_lossy(head);
            let first = head.lines().next().unwrap_or_default();
            ensure!(
                first.contains(" 200 "),
                "{first}: {}",
                String::from_utf8_lossy(body).trim()
            );
            Ok(serde_json::from_slice(body)?)
        };
        read().with_context(|| format!("GET {path}"))
    }
}

/// The tenants that the tree names, in its order.
fn in_order(mut told: TenantUseList) -> Result<Vec<TenantUse>> {
    let mut uses = Vec::with_capacity(TREE.len());
    for place in &TREE {
        let name = Some(place.name);
        let at = told
            .items
            .iter()
            .position(|it| it.metadata.name.as_deref() == name);
        let at = at.with_context(|| format!("nothing is told of tenant {}", place.name))?;
        uses.push(told.items.swap_remove(at));
    }
    Ok(uses)
}

impl View {
    /// The present by the operator's clock.
    pub fn now(&self) -> Timestamp {
        self.queue.age.as_of.0
    }

    /// How many jobs are over.
    pub fn finished(&self) -> usize {
        self.jobs.iter().filter(|job| is_finished(job)).count()
    }
}

/// Whether nothing follows any more.
pub fn is_finished(job: &ComputeJob) -> bool {
    let phase = job.status.as_ref().and_then(|status| status.phase);
    phase.is_some_and(|phase| phase.is_final())
}
