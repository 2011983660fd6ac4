//! A second replica of the operator beside the first, and which of them the API server asks.
//! It must not know what the replicas answer.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, bail};

use super::{Installation, NAMESPACE, OPERATOR, free_address, http};

/// How long a replica may take from its start to waiting for the lease.
const STANDBY_LIMIT: Duration = Duration::from_secs(60);

/// A further replica of the operator.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its process in the cluster's book of processes.
    pub name: String,
    kubeconfig: PathBuf,
    metrics: SocketAddr,
    visibility: SocketAddr,
}

impl Replica {
    /// Whether it is ready, and in words.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn readiness(&self) -> Result<(bool, String)> {
        let (head, body) = http::exchange(self.metrics, "/readyz", "*/*")?;
        Ok((head.starts_with("HTTP/1.0 200"), body))
    }
}

impl Installation {
    /// Starts a further replica with addresses and a disk of its own, and waits until it
    /// stands by.
    ///
    /// # Errors
    /// If it can't be started, or does not come to that in time; with the end of its log.
    pub fn launch_replica(&self, name: &str) -> Result<Replica> {
        let replica = Replica {
            name: name.to_owned(),
            kubeconfig: self.cluster.token_kubeconfig(NAMESPACE, OPERATOR, name)?,
            metrics: free_address()?,
            visibility: free_address()?,
        };
        self.relaunch(&replica)?;
        let deadline = std::time::Instant::now() + STANDBY_LIMIT;
        while !http::read(replica.metrics, "/readyz").is_ok_and(|it| it.contains("standby")) {
            if !self.cluster.is_running(name) || std::time::Instant::now() > deadline {
                let log = self.cluster.log_tail(name, 20);
                bail!("{name} does not stand by; the end of its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(replica)
    }

    /// Starts a replica that ended again, where it was, and does not wait.
    ///
    /// # Errors
    /// If it runs, or can't be started.
    pub fn relaunch(&self, replica: &Replica) -> Result<()> {
        let name = &replica.name;
        let disk = self.cluster.dir().join(format!("{name}-data"));
        let mut command = Command::new(&self.binaries.scheduler);
        let (metrics, visibility) = (replica.metrics, replica.visibility);
        self.instruct(
            &mut command,
            &replica.kubeconfig,
            &disk,
            metrics,
            visibility,
        );
        // By it people tell the replicas apart, as by a pod's name.
        command.env("HOSTNAME", name);
        self.cluster.spawn(name, &mut command).map(drop)
    }

    /// Lets the API server ask this replica for the visibility API, as its Service would
    /// when it happens to choose it; `None`: the first one again.
    ///
    /// # Errors
    /// If the API's registration can't be changed.
    pub fn ask_replica(&self, replica: Option<&Replica>) -> Result<()> {
        let address = replica.map_or(self.visibility, |replica| replica.visibility);
        let port = address.port();
        let patch = format!(r#"--patch={{"spec":{{"service":{{"port":{port}}}}}}}"#);
        let api = "v1alpha1.visibility.edugrid.io";
        let args = ["patch", "apiservice", api, "--type=merge", &patch];
        self.cluster.kubectl("admin", &args)?.ok().map(drop)
    }
}
