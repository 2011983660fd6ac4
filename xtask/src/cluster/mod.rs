//! A real Kubernetes control plane on this machine: etcd, API server, controllers and
//! scheduler as processes, and kwok to play the nodes. Tests and the demo use it through
//! [`Cluster`]; it must not know what they run on it.
//!
//! Contract. A cluster started by a test belongs to the test's process: it ends when the
//! `Cluster` is dropped, and also when the process is killed. A detached one lives until
//! [`end`]. Everything listens on the loopback address, state lies in one folder, and
//! several clusters run side by side. Every wait has a limit, and an error carries the last
//! lines of the log that explains it.

mod access;
mod backup;
mod borrowed;
mod client;
mod kubeconfig;
mod nodes;
mod pki;
mod process;
mod programs;
mod served;
mod start;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

pub use access::{ServingCert, base64_of};
pub use client::Output;
pub use nodes::{FAKE_NODE_KEY, NodeShape, annotations};
pub use start::{READY_MADE_USERS, ReadyMadeUser, default_dir};

use crate::tools::{Tool, Tools};
use pki::Pki;
use process::{Owner, Reaper};
use state::{Layout, Record};

/// What a new cluster is like. `Default` is what a test wants.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterOptions {
    /// The state folder; a temporary one that goes away with the cluster when absent.
    pub dir: Option<PathBuf>,
    /// Whether the cluster outlives this process. Needs `dir`.
    pub detached: bool,
    /// Whether etcd waits for the disk. Off by default: the state is thrown away.
    pub fsync: bool,
    /// Whether the steps of the start are shown on standard error.
    pub progress: bool,
    /// Whether the API server records what is written and by whom, in `log("audit")`.
    pub audit: bool,
    /// More flags for the API server, as `--name=value`.
    pub apiserver_flags: Vec<String>,
    /// More flags for the controller manager, as `--name=value`.
    pub controller_manager_flags: Vec<String>,
}

/// A running control plane.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    record: Record,
    pki: Pki,
    tools: Tools,
    owner: Owner,
    /// What this process started: a child must be waited for, or it stays as a zombie.
    children: Mutex<BTreeMap<String, Child>>,
    /// Whether it ends when this value is dropped.
    owned: bool,
    /// Ends it when this process dies before that.
    reaper: Option<Reaper>,
}

impl Cluster {
    /// Builds what is missing, starts a control plane, waits until it serves, and makes the
    /// ready-made users. Leftovers of clusters whose owner died are ended first. A folder with
    /// the state of a cluster that ended is taken up again: same port, users and objects.
    ///
    /// # Errors
    /// A program is missing and cannot be built, no port is free, the cluster in the
    /// folder runs already, or a program did not become ready in time; what had been started is ended again.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        start::start(options)
    }

    /// Attaches to a cluster that runs already, started with this state folder. Dropping the
    /// result leaves it running.
    ///
    /// # Errors
    /// There is none, or its API server does not run.
    pub fn open(dir: &Path) -> Result<Self> {
        let root = std::path::absolute(dir)?;
        let record = state::read_record(&root)?;
        let owner = Owner::parse(&record.owner).context("cluster.json names no owner")?;
        let layout = Layout { root };
        let cluster = Self {
            pki: Pki::open(&layout.pki()),
            layout,
            record,
            tools: Tools::ready()?,
            owner,
            children: Mutex::default(),
            owned: false,
            reaper: None,
        };
        let program = Tool::KubeApiserver.binary();
        ensure!(
            cluster.is_borrowed()
                || cluster
                    .pid(program)
                    .is_some_and(|pid| process::is_marked(pid, cluster.dir())),
            "the control plane at {} does not run\nstart it with `cargo xtask controlplane up`",
            cluster.dir().display()
        );
        Ok(cluster)
    }

    /// The state folder.
    pub fn dir(&self) -> &Path {
        &self.layout.root
    }

    /// Where clients find the API server.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.record.ports.apiserver)
    }

    /// Where its etcd answers: of a cluster of this machine, and without asking who asks.
    pub fn etcd(&self) -> String {
        format!("http://127.0.0.1:{}", self.record.ports.etcd)
    }

    /// The programs this cluster uses.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The log of a program: `kube-apiserver`, `kwok`, or a name given to [`Cluster::spawn`].
    pub fn log(&self, program: &str) -> PathBuf {
        self.layout.log(program)
    }

    /// The last lines of a program's log, indented for an error message.
    pub fn log_tail(&self, program: &str, lines: usize) -> String {
        process::tail(&self.log(program), lines)
    }

    /// Runs a further program as part of the cluster, such as the scheduler under test: its
    /// output goes to `log(name)`, and it ends with the cluster however that ends. Returns
    /// the process id. A program that ended may be spawned again under its name.
    ///
    /// # Errors
    /// The name is taken by a living process, or the program cannot be started.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Result<u32> {
        ensure!(
            !self.is_running(name),
            "{name} already runs in the cluster at {}",
            self.dir().display()
        );
        let child = process::spawn(command, self.dir(), &self.owner, &self.log(name))?;
        let pid = child.id();
        std::fs::write(self.layout.pid(name), pid.to_string())?;
        self.children().insert(name.to_owned(), child);
        Ok(pid)
    }

    /// Whether a program of the cluster lives (a stopped one does).
    pub fn is_running(&self, name: &str) -> bool {
        if let Some(child) = self.children().get_mut(name) {
            return matches!(child.try_wait(), Ok(None));
        }
        self.pid(name)
            .is_some_and(|pid| process::is_marked(pid, self.dir()))
    }

    /// Kills a program without warning, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&self, name: &str) -> Result<()> {
        self.signal(name, Signal::KILL)?;
        self.wait_gone(name)
    }

    /// Asks a program to end (SIGTERM), as a rolling update would, and waits until it is gone.
    ///
    /// # Errors
    /// It does not run, or does not end in time.
    pub fn terminate(&self, name: &str) -> Result<()> {
        self.signal(name, Signal::TERM)?;
        self.wait_gone(name)
    }

    /// Freezes a program (SIGSTOP): it holds its connections and answers nothing.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self, name: &str) -> Result<()> {
        self.signal(name, Signal::STOP)
    }

    /// Lets a frozen program go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self, name: &str) -> Result<()> {
        self.signal(name, Signal::CONT)
    }

    /// Ends the cluster. An ephemeral one's state goes with it.
    ///
    /// # Errors
    /// A process survives SIGKILL, or the state cannot be removed.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.end_processes()?;
        if self.record.ephemeral && std::env::var_os(state::KEEP_STATE).is_none() {
            state::remove_state(&self.layout.root)?;
        }
        Ok(())
    }

    fn end_processes(&mut self) -> Result<()> {
        self.owned = false;
        process::end_all(&self.layout.root)?;
        for child in self.children().values_mut() {
            child
                .wait()
                .context("cannot wait for a program of the cluster")?;
        }
        self.children().clear();
        if let Some(reaper) = self.reaper.take() {
            reaper.cancel();
        }
        Ok(())
    }

    fn children(&self) -> MutexGuard<'_, BTreeMap<String, Child>> {
        // The map is whole whenever the lock is free, also after a panic.
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process id of a program that lives, by its name.
    pub fn process_id(&self, name: &str) -> Option<u32> {
        self.pid(name).filter(|_| self.is_running(name))
    }

    fn pid(&self, name: &str) -> Option<u32> {
        std::fs::read_to_string(self.layout.pid(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    fn signal(&self, name: &str, signal: Signal) -> Result<()> {
        let sent = match self.pid(name) {
            Some(pid) => process::signal(pid, self.dir(), signal)?,
            None => false,
        };
        ensure!(
            sent,
            "{name} does not run in the cluster at {}",
            self.dir().display()
        );
        Ok(())
    }

    fn wait_gone(&self, name: &str) -> Result<()> {
        start::wait_until(start::END_LIMIT, &format!("{name} to end"), || {
            Ok(!self.is_running(name))
        })
        .with_context(|| self.log_tail(name, start::LOG_LINES_SHOWN))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        let ended = if std::thread::panicking() {
            // A failed test is explained by the logs. The next start removes them.
            eprintln!("the logs of the cluster: {}", self.layout.logs().display());
            self.end_processes()
        } else {
            self.end()
        };
        if let Err(error) = ended {
            eprintln!(
                "the cluster did not end cleanly: {error:#}\nend it with `cargo xtask controlplane down --all`"
            );
        }
    }
}

/// Ends the cluster of this state folder and keeps the state, so that [`Cluster::start`] with
/// the same folder goes on with it. `false` if none ran.
///
/// # Errors
/// A process survives SIGKILL.
pub fn halt(dir: &Path) -> Result<bool> {
    Ok(process::end_all(&std::path::absolute(dir)?)? > 0)
}

/// Ends the cluster of this state folder and removes the folder. `false` if there was none.
///
/// # Errors
/// A process survives SIGKILL, or the folder cannot be removed.
pub fn end(dir: &Path) -> Result<bool> {
    let root = std::path::absolute(dir)?;
    let ended = process::end_all(&root)?;
    let existed = root.join("cluster.json").is_file();
    state::remove_state(&root)?;
    Ok(existed || ended > 0)
}

/// The processes that belong to the cluster with this state folder, also when the cluster
/// itself is gone.
///
/// # Errors
/// There is no `/proc`.
pub fn processes(dir: &Path) -> Result<Vec<u32>> {
    let root = std::path::absolute(dir)?;
    let mut all = process::marked()?;
    all.retain(|process| process.state == root);
    Ok(all.into_iter().map(|process| process.pid).collect())
}

/// Ends clusters whose owner is gone, as after an interrupted test, and says how many
/// processes that were. [`Cluster::start`] does the same first.
///
/// # Errors
/// As [`end`].
pub fn sweep() -> Result<usize> {
    state::sweep()
}

/// Ends every cluster of this user, whoever started it, and gives back their folders.
///
/// # Errors
/// As [`end`].
pub fn end_every() -> Result<Vec<PathBuf>> {
    state::end_everything()
}
