//! The province on which the end-to-end tests play: a real control plane, fake nodes (kwok),
//! the chart, the operator, and users with their own certificates.

pub mod archive;
pub mod audit;
mod borrower;
pub mod door;
pub mod examples;
pub mod load;
pub mod policies;
pub mod seeds;
pub mod supervisor;

use std::{
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::Value;
use xtask::{
    cluster::{Cluster, ClusterOptions, NodeShape, annotations},
    installation::{Binaries, InstallOptions, Installation},
};

/// How long a test waits for something to come true.
const WAIT: Duration = Duration::from_secs(90);

/// The cards of each fake node.
pub const NODE_CARDS: u64 = 8;

/// The example province: one pool of `a100` nodes, a university, a college, its namespace.
pub struct Province {
    /// The installation it stands on.
    pub edugrid: Installation,
}

impl Province {
    /// Brings up a cluster with `nodes` fake nodes of 8 cards and the first example world.
    ///
    /// # Errors
    /// If any part of it fails.
    pub fn start(nodes: usize, options: InstallOptions) -> Result<Self> {
        Self::start_on(&ClusterOptions::default(), nodes, options)
    }

    /// The same on a cluster whose API server records what is written, for the [`audit`].
    ///
    /// # Errors
    /// If any part of it fails.
    pub fn audited(nodes: usize, options: InstallOptions) -> Result<Self> {
        let cluster = ClusterOptions {
            audit: true,
            ..ClusterOptions::default()
        };
        Self::start_on(&cluster, nodes, options)
    }

    /// The same on a cluster of any kind.
    ///
    /// # Errors
    /// If any part of it fails.
    pub fn start_on(
        cluster: &ClusterOptions,
        nodes: usize,
        options: InstallOptions,
    ) -> Result<Self> {
        let province = Self::installed_on(cluster, nodes, options)?;
        province.edugrid.start()?;
        province.declare()?;
        Ok(province)
    }

    /// A cluster on which EduGrid is installed and neither started nor told of anybody.
    ///
    /// # Errors
    /// If any part of it fails.
    pub fn installed(nodes: usize, options: InstallOptions) -> Result<Self> {
        Self::installed_on(&ClusterOptions::default(), nodes, options)
    }

    fn installed_on(
        cluster: &ClusterOptions,
        nodes: usize,
        options: InstallOptions,
    ) -> Result<Self> {
        let cluster = Cluster::start(cluster)?;
        let shape = NodeShape::with_cards(u32::try_from(NODE_CARDS)?);
        let shape = shape.label("edugrid.io/pool", "a100");
        cluster.add_nodes("gpu", nodes, &shape)?;
        let edugrid = Installation::new(cluster, binaries()?, options)?;
        Ok(Self { edugrid })
    }

    /// Declares the first example world, with an operator that leads.
    ///
    /// # Errors
    /// If something of it is refused.
    pub fn declare(&self) -> Result<()> {
        let edugrid = &self.edugrid;
        edugrid.apply_file("province-admin", "examples/first-job/00-province.yaml")?;
        edugrid.bind(
            "edugrid-province",
            "edugrid-approver",
            "edugrid:province-checkers",
        )?;
        edugrid.apply_file("province-admin", "examples/first-job/10-university.yaml")?;
        edugrid.apply_file("admin", "examples/first-job/20-namespace.yaml")?;
        edugrid.bind("sdu-cs", "edugrid-user", "sdu-cs-users")?;
        edugrid.bind("edugrid-sdu", "edugrid-tenant-viewer", "sdu-cs-users")?;
        edugrid.approve("sdu-2026-a")?;
        edugrid.approve("sdu-own")?;
        Ok(())
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        self.edugrid.cluster()
    }

    /// A job as it stands in the API server.
    ///
    /// # Errors
    /// If there is none.
    pub fn job(&self, namespace: &str, name: &str) -> Result<Value> {
        self.edugrid.object("computejob", namespace, name)
    }

    /// Waits until a job's phase is that one, and returns the job.
    ///
    /// # Errors
    /// If it does not come to that in time; with what it came to.
    pub fn wait_phase(&self, namespace: &str, name: &str, phase: &str) -> Result<Value> {
        let deadline = Instant::now() + WAIT;
        loop {
            let job = self.job(namespace, name)?;
            if job["status"]["phase"] == phase {
                return Ok(job);
            }
            if Instant::now() > deadline {
                let log = self.cluster().log_tail("edugrid-scheduler", 40);
                bail!(
                    "{namespace}/{name} is not {phase}: {:#}\n{log}",
                    job["status"]
                );
            }
            sleep(Duration::from_millis(100));
        }
    }
}

/// An object of the cluster as it could be made anew: without status and what the server keeps of the old one.
///
/// # Errors
/// If there is none.
pub fn anew(cluster: &Cluster, object: &str) -> Result<Value> {
    let args = ["get", object, "--output=json"];
    let mut found: Value = serde_json::from_str(&cluster.kubectl("admin", &args)?.ok()?)?;
    if let Some(fields) = found.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = found["metadata"].as_object_mut() {
        metadata.retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
    }
    Ok(found)
}

/// The binaries, built once per test process.
///
/// # Errors
/// If they don't compile.
pub fn binaries() -> Result<Binaries> {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    if let Some(built) = BUILT.get() {
        return Ok(built.clone());
    }
    let built = Binaries::build()?;
    Ok(BUILT.get_or_init(|| built).clone())
}

/// A job of one role whose pods run for so long and exit with that code.
pub fn job(
    namespace: &str,
    name: &str,
    replicas: u32,
    cards: u32,
    seconds: &str,
    exit: u8,
) -> String {
    let (run_for, exit_code) = (annotations::RUN_FOR, annotations::EXIT_CODE);
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: ComputeJob
metadata: {{namespace: {namespace}, name: {name}}}
spec:
  walltime: 1h
  roles:
  - name: worker
    replicas: {replicas}
    cards: {cards}
    template:
      metadata: {{annotations: {{{run_for}: {seconds}, {exit_code}: \"{exit}\"}}}}
      spec: {{containers: [{{name: main, image: registry.example.edu/train:1}}]}}
"
    )
}

/// Whether every attempt is settled. A leader that has not been told of all objects yet shows
/// no such number, and then it is not known.
pub fn no_attempt_is_open(edugrid: &Installation) -> bool {
    let open = edugrid.metric("edugrid_open_attempts");
    open.is_ok_and(|open| open == 0.0)
}

/// Waits until `check` holds.
///
/// # Errors
/// If it does not in time, or fails.
pub fn wait_for(what: &str, check: impl FnMut() -> Result<bool>) -> Result<()> {
    wait_within(WAIT, what, check)
}

/// Waits until `check` holds, and no longer than `limit`.
///
/// # Errors
/// If it does not in time, or fails.
pub fn wait_within(
    limit: Duration,
    what: &str,
    mut check: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !check()? {
        if Instant::now() > deadline {
            bail!("waited {limit:?} in vain for {what}");
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
