//! EduGrid on a local cluster, as an administrator would have it: the chart rendered by
//! `helm template` and applied, the operator as a process with the rights of its own service
//! account and no others. The demo and the end-to-end tests stand on it; it must not know
//! what they play.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

pub use crate::binaries::Binaries;
use crate::cluster::{Cluster, base64_of};

mod http;
mod replica;

pub use replica::Replica;

/// The operator's namespace.
pub const NAMESPACE: &str = "edugrid-system";
/// The operator's process in the cluster's book of processes.
pub const OPERATOR: &str = "edugrid-scheduler";
/// The chart as it was applied, in the cluster's state folder.
pub const RENDERED: &str = "edugrid.yaml";
/// How long the operator may take from its start to leading.
const LEADING_LIMIT: Duration = Duration::from_secs(60);

/// Who may approve and delegate, as values of the chart.
const RIGHTS: &str = "rbac:
  delegates:
  - {kind: Group, name: 'edugrid:province-checkers'}
  - {kind: Group, name: sdu-admins}
";
/// Who runs the province: what whoever owns the cluster grants once.
const ADMINISTRATORS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: province-admins}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edugrid-operator-admin}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'edugrid:province-admins'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: province-auditors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edugrid-auditor}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'edugrid:province-checkers'}]
";

/// What an installation is like.
#[derive(Clone, Debug)]
pub struct InstallOptions {
    /// Virtual seconds per real second (N5).
    pub clock_factor: u32,
    /// How long the leader's lease lasts, in seconds: after a kill the next one waits for it.
    pub lease_seconds: u32,
    /// More values for the chart, as YAML.
    pub values: String,
    /// More arguments for the operator.
    pub arguments: Vec<String>,
    /// By which name or address the API server reaches this machine; `localhost` when absent.
    pub reached_at: Option<String>,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            clock_factor: 1,
            lease_seconds: 2,
            values: String::new(),
            arguments: Vec::new(),
            reached_at: None,
        }
    }
}

/// An installation, whose operator is started and stopped at will.
pub struct Installation {
    cluster: Cluster,
    binaries: Binaries,
    options: InstallOptions,
    kubeconfig: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    metrics: SocketAddr,
    visibility: SocketAddr,
}

impl Installation {
    /// Installs the chart and makes the operator's identity; does not start it.
    ///
    /// # Errors
    /// If the chart can't be rendered or an object is refused.
    pub fn new(cluster: Cluster, binaries: Binaries, options: InstallOptions) -> Result<Self> {
        let certificate =
            cluster.issue_serving_cert(&["edugrid-visibility.edugrid-system.svc", "localhost"])?;
        let metrics = free_address()?;
        let visibility = free_address_on(match options.reached_at {
            None => Ipv4Addr::LOCALHOST,
            Some(_) => Ipv4Addr::UNSPECIFIED,
        })?;
        let host = options.reached_at.as_deref().unwrap_or("localhost");
        let ca = base64_of(&certificate.ca)?;
        let port = visibility.port();
        let values = format!(
            "createNamespace: true\n\
             operator: {{deploy: false}}\n\
             visibility: {{externalName: \"{host}\", port: {port}, caBundle: {ca}}}\n"
        );
        apply_chart(
            &cluster,
            &[values.as_str(), RIGHTS, options.values.as_str()],
        )?;
        cluster.apply("admin", ADMINISTRATORS)?;
        let kubeconfig = cluster.service_account_kubeconfig(NAMESPACE, OPERATOR)?;
        Ok(Self {
            cluster,
            binaries,
            options,
            kubeconfig,
            certificate: certificate.cert,
            key: certificate.key,
            metrics,
            visibility,
        })
    }

    /// The cluster that it is on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Starts the operator and waits until it leads.
    ///
    /// # Errors
    /// If it ends or does not lead in time; with the end of its log.
    pub fn start(&self) -> Result<()> {
        self.launch()?;
        self.wait_leading()
    }

    /// Starts the operator again and waits until it leads and the API server has noticed: after
    /// one failed look, it lets nobody through to the visibility API until its next.
    ///
    /// # Errors
    /// As [`Installation::start`] and [`Installation::wait_reached`].
    pub fn restart(&self) -> Result<()> {
        self.start()?;
        self.wait_reached()
    }

    /// Starts the operator and does not wait.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn launch(&self) -> Result<()> {
        let mut command = Command::new(&self.binaries.scheduler);
        self.instruct(
            &mut command,
            &self.kubeconfig,
            &self.data_dir(),
            self.metrics,
            self.visibility,
        );
        self.cluster.spawn(OPERATOR, &mut command).map(drop)
    }

    /// What one replica is told: who it is, its disk, and where it listens.
    fn instruct(
        &self,
        command: &mut Command,
        kubeconfig: &Path,
        disk: &Path,
        metrics: SocketAddr,
        visibility: SocketAddr,
    ) {
        command
            .env("KUBECONFIG", kubeconfig)
            .arg(format!("--data-dir={}", disk.display()))
            .arg(format!("--metrics-address={metrics}"))
            .arg(format!("--visibility-address={visibility}"))
            .arg(format!("--tls-certificate={}", self.certificate.display()))
            .arg(format!("--tls-key={}", self.key.display()))
            .arg(format!("--clock-factor={}", self.options.clock_factor))
            .arg(format!("--lease-seconds={}", self.options.lease_seconds))
            .args(&self.options.arguments);
    }

    /// Waits until the operator leads.
    ///
    /// # Errors
    /// If it ends or does not lead in time; with the end of its log.
    pub fn wait_leading(&self) -> Result<()> {
        let deadline = Instant::now() + LEADING_LIMIT;
        loop {
            if self
                .get("/readyz")
                .is_ok_and(|body| body.contains("leading"))
            {
                return Ok(());
            }
            if !self.cluster.is_running(OPERATOR) || Instant::now() > deadline {
                let log = self.cluster.log_tail(OPERATOR, 20);
                bail!("the operator does not lead; the end of its log:\n{log}");
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the API server reaches the operator's visibility API.
    ///
    /// # Errors
    /// If it does not; the message says what the API server says.
    pub fn wait_reached(&self) -> Result<()> {
        let wait = [
            "wait",
            "--for=condition=Available",
            "apiservice/v1alpha1.visibility.edugrid.io",
            "--timeout=60s",
        ];
        if self.cluster.kubectl("admin", &wait)?.success() {
            return Ok(());
        }
        let ask = [
            "get",
            "apiservice",
            "v1alpha1.visibility.edugrid.io",
            "--output=jsonpath={.status.conditions[0].message}",
        ];
        let said = self.cluster.kubectl("admin", &ask)?.ok()?;
        let host = self.options.reached_at.as_deref().unwrap_or("localhost");
        bail!("the API server does not reach the operator at {host}: {said}")
    }

    /// Applies a file of the repository as a user.
    ///
    /// # Errors
    /// If the file can't be read or something in it is refused.
    pub fn apply_file(&self, user: &str, file: &str) -> Result<()> {
        let path = repository().join(file);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("{file} can't be read"))?;
        let applied = self.cluster.apply(user, &text);
        applied
            .with_context(|| format!("{file} as {user}"))
            .map(drop)
    }

    /// Binds a shipped ClusterRole to a group in a namespace, which may still be coming.
    ///
    /// # Errors
    /// If the namespace does not come, or the binding is refused.
    pub fn bind(&self, namespace: &str, role: &str, group: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self
            .cluster
            .kubectl("admin", &["get", "namespace", namespace])?
            .success()
        {
            ensure!(
                Instant::now() < deadline,
                "namespace {namespace} does not come"
            );
            sleep(Duration::from_millis(200));
        }
        let (role, group) = (format!("--clusterrole={role}"), format!("--group={group}"));
        let name = format!("{}-{}", role.trim_start_matches("--clusterrole="), "bound");
        let namespace = format!("--namespace={namespace}");
        let args = ["create", "rolebinding", &name, &role, &group, &namespace];
        self.cluster.kubectl("admin", &args)?.ok().map(drop)
    }

    /// Approves a voucher as the province's checker.
    ///
    /// # Errors
    /// If it is refused.
    pub fn approve(&self, voucher: &str) -> Result<()> {
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let patch = format!(
            r#"{{"status":{{"approval":{{"by":"province-checker","at":"{at}","decision":"Approved"}}}}}}"#
        );
        let patch = format!("--patch={patch}");
        let args = [
            "patch",
            "computevoucher",
            voucher,
            "--subresource=status",
            "--type=merge",
            &patch,
        ];
        self.cluster
            .kubectl("province-checker", &args)?
            .ok()
            .map(drop)
    }

    /// An object as JSON, read by the administrator.
    ///
    /// # Errors
    /// If there is none.
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Result<serde_json::Value> {
        let namespace = format!("--namespace={namespace}");
        let text = self
            .cluster
            .kubectl("admin", &["get", kind, name, &namespace, "--output=json"])?;
        Ok(serde_json::from_str(&text.ok()?)?)
    }

    /// Kills the operator as a crash would (SIGKILL).
    ///
    /// # Errors
    /// If it is not running.
    pub fn kill(&self) -> Result<()> {
        self.cluster.kill(OPERATOR)
    }

    /// Asks the operator to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// If it is not running or does not end.
    pub fn stop(&self) -> Result<()> {
        self.cluster.terminate(OPERATOR)
    }

    /// Throws the operator's disk away.
    ///
    /// # Errors
    /// If the directory can't be removed.
    pub fn forget_view(&self) -> Result<()> {
        match std::fs::remove_dir_all(self.data_dir()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Where the operator keeps its view.
    pub fn data_dir(&self) -> PathBuf {
        self.cluster.dir().join("edugrid-data")
    }

    /// What `/readyz` says: whether it is ready, and in words.
    ///
    /// # Errors
    /// If the operator does not answer.
    pub fn readiness(&self) -> Result<(bool, String)> {
        let (head, body) = self.exchange("/readyz", "*/*")?;
        Ok((head.starts_with("HTTP/1.0 200"), body))
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// If the operator does not answer.
    pub fn metrics(&self) -> Result<String> {
        self.get("/metrics")
    }

    /// The text of `/metrics` in the older format, which `promtool check metrics` reads.
    ///
    /// # Errors
    /// If the operator does not answer.
    pub fn plain_metrics(&self) -> Result<String> {
        let (head, body) = self.exchange("/metrics", "text/plain")?;
        ensure!(head.contains("text/plain; version=0.0.4"), "{head}");
        Ok(body)
    }

    /// Where the operator serves probes and metrics.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// One sample of `/metrics`, by its name with labels as they stand in the text.
    ///
    /// # Errors
    /// If the operator does not answer or has no such sample.
    pub fn metric(&self, sample: &str) -> Result<f64> {
        let text = self.metrics()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        let value = line.with_context(|| format!("no sample {sample} in /metrics"))?;
        value
            .trim()
            .parse()
            .with_context(|| format!("{sample} is {value}"))
    }

    /// Runs `kubectl-edugrid` as a user.
    ///
    /// # Errors
    /// If it can't be run; that it was refused is for the caller to see.
    pub fn edugrid(&self, user: &str, args: &[&str]) -> Result<std::process::Output> {
        self.edugrid_in("C.UTF-8", user, args)
    }

    /// Runs `kubectl-edugrid` as a user in a locale, such as `zh_CN.UTF-8`.
    ///
    /// # Errors
    /// As [`Installation::edugrid`].
    pub fn edugrid_in(
        &self,
        locale: &str,
        user: &str,
        args: &[&str],
    ) -> Result<std::process::Output> {
        Command::new(&self.binaries.cli)
            .args(args)
            .env("LC_ALL", locale)
            .env("KUBECONFIG", self.cluster.kubeconfig(user))
            .envs(self.cluster.client_environment())
            .stdin(Stdio::null())
            .output()
            .context("kubectl-edugrid can't be run")
    }

    fn get(&self, path: &str) -> Result<String> {
        http::read(self.metrics, path)
    }

    fn exchange(&self, path: &str, accept: &str) -> Result<(String, String)> {
        http::exchange(self.metrics, path, accept)
    }
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Renders the chart with these values and applies it in two steps, since objects of our
/// kinds need their definitions first.
fn apply_chart(cluster: &Cluster, values: &[&str]) -> Result<()> {
    let chart = repository().join("charts/edugrid").display().to_string();
    let mut args = vec![
        "template".to_owned(),
        "edugrid".to_owned(),
        chart,
        format!("--namespace={NAMESPACE}"),
        "--kube-version=1.36.3".to_owned(),
    ];
    for (index, values) in values.iter().enumerate() {
        let file = cluster.dir().join(format!("values-{index}.yaml"));
        std::fs::write(&file, values).context("the values can't be written")?;
        args.push(format!("--values={}", file.display()));
    }
    let rendered = cluster.helm("admin", &args)?.ok()?;
    let file = cluster.dir().join(RENDERED);
    std::fs::write(&file, rendered).context("the rendered chart can't be written")?;
    let filename = format!("--filename={}", file.display());
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        filename.as_str(),
    ];
    let first = cluster.kubectl("admin", &apply)?;
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=60s",
    ];
    cluster.kubectl("admin", &wait)?.ok()?;
    if !first.success() {
        cluster.kubectl("admin", &apply)?.ok()?;
    }
    cluster.wait_served()
}

/// A port of loopback that nobody listens on just now.
///
/// # Errors
/// If there is none.
pub fn free_address() -> Result<SocketAddr> {
    free_address_on(Ipv4Addr::LOCALHOST)
}

fn free_address_on(address: Ipv4Addr) -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((address, 0)).with_context(|| format!("no free port on {address}"))?;
    Ok(listener.local_addr()?)
}
