//! Brings the programs up in order and waits for each, with a limit. It must not know who
//! will use the cluster.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::kubeconfig::Credential;
use super::pki::Pki;
use super::process::{self, Owner, Reaper};
use super::programs::{CONTROLLER_MANAGER_USER, Parts, SCHEDULER_USER};
use super::state::{self, Layout, Ports, Record};
use super::{Cluster, ClusterOptions};
use crate::progress::Progress;
use crate::tools::{Tool, Tools};

/// A loaded machine with two cores takes a tenth of these.
const ETCD_LIMIT: Duration = Duration::from_secs(60);
const APISERVER_LIMIT: Duration = Duration::from_secs(120);
const CONTROLLERS_LIMIT: Duration = Duration::from_secs(90);
/// How long an ending program may take.
pub(super) const END_LIMIT: Duration = Duration::from_secs(90);
/// How much of a log stands in an error.
pub(super) const LOG_LINES_SHOWN: usize = 12;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A user that every cluster has.
#[derive(Clone, Copy, Debug)]
pub struct ReadyMadeUser {
    /// The name, which is also the kubeconfig's.
    pub name: &'static str,
    /// The group that roles are bound to.
    pub group: &'static str,
}

/// Users that every cluster has: the superuser, and one person for each part in the stories
/// of `examples/`.
pub const READY_MADE_USERS: [ReadyMadeUser; 6] = [
    ReadyMadeUser {
        name: "admin",
        group: "system:masters",
    },
    ReadyMadeUser {
        name: "province-admin",
        group: "edugrid:province-admins",
    },
    ReadyMadeUser {
        name: "province-checker",
        group: "edugrid:province-checkers",
    },
    ReadyMadeUser {
        name: "sdu-admin",
        group: "sdu-admins",
    },
    ReadyMadeUser {
        name: "alice",
        group: "sdu-cs-users",
    },
    ReadyMadeUser {
        name: "bob",
        group: "lnu-users",
    },
];

/// The programs that keep running, after the API server.
pub(super) const CONTROLLERS: [Tool; 3] =
    [Tool::KubeControllerManager, Tool::KubeScheduler, Tool::Kwok];

pub(super) fn start(options: &ClusterOptions) -> Result<Cluster> {
    ensure!(
        !options.detached || options.dir.is_some(),
        "a detached cluster needs a state folder: set `dir`"
    );
    let tools = Tools::ready()?;
    state::sweep().context("cannot clear the remains of earlier clusters")?;
    let root = match &options.dir {
        Some(dir) => std::path::absolute(dir)?,
        None => state::fresh_ephemeral()?,
    };
    let revived = root.join("cluster.json").exists();
    let mut cluster = prepare(root, options, tools)?;
    let mut progress = match options.progress {
        true => Progress::start("start the control plane"),
        false => Progress::silent(),
    };
    let keep = std::env::var_os(state::KEEP_STATE).is_some();
    // Half a cluster is of no use to anybody: while it comes up, it goes with this process.
    cluster.reaper = Some(Reaper::start(cluster.dir(), !revived && !keep)?);
    if let Err(error) = cluster.bring_up(&mut progress) {
        return Err(match cluster.give_up(revived) {
            Ok(()) => error,
            // The first error explains; a second one while clearing up must not hide it.
            Err(second) => error.context(format!("and clearing up failed: {second:#}")),
        });
    }
    let steady = match options.detached {
        true => None,
        false => Some(Reaper::start(
            cluster.dir(),
            cluster.record.ephemeral && !keep,
        )?),
    };
    cluster.owned = !options.detached;
    if let Some(coming_up) = std::mem::replace(&mut cluster.reaper, steady) {
        coming_up.cancel();
    }
    progress.done("ready");
    Ok(cluster)
}

/// Everything that must exist before a program runs: made, or taken over from a cluster that
/// ended without losing its state.
fn prepare(root: PathBuf, options: &ClusterOptions, tools: Tools) -> Result<Cluster> {
    let owner = match options.detached {
        true => Owner::Detached,
        false => Owner::this_process()?,
    };
    let layout = Layout::create(&root)?;
    let (ports, pki) = if layout.record().exists() {
        ensure!(
            !process::marked()?
                .iter()
                .any(|process| process.state == root),
            "a control plane with its state in {} runs already\nend it with `cargo xtask controlplane down --dir {0}`",
            root.display()
        );
        (state::read_record(&root)?.ports, Pki::open(&layout.pki()))
    } else {
        (Ports::free()?, Pki::create(&layout.pki())?)
    };
    let record = Record {
        ports,
        ephemeral: options.dir.is_none(),
        owner: owner.to_string(),
        options: options.clone(),
        borrowed: None,
    };
    std::fs::write(layout.record(), serde_json::to_string_pretty(&record)?)?;
    Ok(Cluster {
        pki,
        layout,
        record,
        tools,
        owner,
        children: Mutex::default(),
        owned: false,
        reaper: None,
    })
}

impl Cluster {
    /// Ends a cluster that did not get ready. Of one that never ran only the logs stay, so
    /// that the next start is a fresh one.
    fn give_up(&mut self, revived: bool) -> Result<()> {
        self.end()?;
        if !self.record.ephemeral && !revived {
            self.layout.remove_all_but_logs()?;
        }
        Ok(())
    }

    fn bring_up(&self, progress: &mut Progress) -> Result<()> {
        self.write_component_credentials()?;
        for user in READY_MADE_USERS {
            self.user(user.name, &[user.group])?;
        }
        self.parts().write_configuration()?;
        progress.tick("etcd");
        self.launch(Tool::Etcd)?;
        self.wait_port(Tool::Etcd, self.record.ports.etcd, ETCD_LIMIT)?;
        progress.tick("kube-apiserver");
        self.launch(Tool::KubeApiserver)?;
        self.wait_apiserver()?;
        progress.tick("controllers");
        for tool in CONTROLLERS {
            self.launch(tool)?;
        }
        self.wait_controllers()
    }

    /// Starts a program of the control plane again after [`Cluster::kill`] or
    /// [`Cluster::terminate`], and waits until it serves.
    ///
    /// # Errors
    /// It still runs, is no program of the control plane, or does not get ready in time.
    pub fn start_again(&self, tool: Tool) -> Result<()> {
        self.launch(tool)?;
        match tool {
            Tool::Etcd => self.wait_port(tool, self.record.ports.etcd, ETCD_LIMIT),
            Tool::KubeApiserver => {
                self.wait_apiserver()?;
                self.wait_served()
            }
            _ => Ok(()),
        }
    }

    /// Crashes the API server and starts it again on the same port: watches break, and
    /// clients see refused connections for some seconds.
    ///
    /// # Errors
    /// As [`Cluster::start_again`].
    pub fn restart_apiserver(&self) -> Result<()> {
        self.kill(Tool::KubeApiserver.binary())?;
        self.start_again(Tool::KubeApiserver)
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            layout: &self.layout,
            ports: &self.record.ports,
            pki: &self.pki,
            options: &self.record.options,
            played: self.played(),
        }
    }

    fn launch(&self, tool: Tool) -> Result<()> {
        ensure!(
            !matches!(tool, Tool::Kubectl | Tool::Helm),
            "{} is a client, not a part of the control plane",
            tool.binary()
        );
        let mut command = Command::new(self.tools.path(tool));
        command
            .args(self.parts().arguments(tool))
            .current_dir(self.dir());
        self.spawn(tool.binary(), &mut command)?;
        Ok(())
    }

    fn write_component_credentials(&self) -> Result<()> {
        for user in [CONTROLLER_MANAGER_USER, SCHEDULER_USER] {
            self.user(user, &[])?;
        }
        // kwok plays every kubelet and reads what they all may read.
        let identity = self.pki.client("kwok", "kwok", &["system:masters"])?;
        self.write_kubeconfig("kwok", &Credential::Certificate(&identity))
    }

    fn wait_port(&self, tool: Tool, port: u16, limit: Duration) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait_program(tool, limit, &format!("{} to listen", tool.binary()), || {
            Ok(TcpStream::connect_timeout(&address, POLL_INTERVAL).is_ok())
        })
    }

    fn wait_apiserver(&self) -> Result<()> {
        let deadline = Instant::now() + APISERVER_LIMIT;
        self.wait_port(
            Tool::KubeApiserver,
            self.record.ports.apiserver,
            APISERVER_LIMIT,
        )?;
        let left = deadline.saturating_duration_since(Instant::now());
        self.wait_program(
            Tool::KubeApiserver,
            left,
            "the API server's /readyz",
            || {
                let ask = ["get", "--raw", "/readyz", "--request-timeout=5s"];
                Ok(self.kubectl("admin", &ask)?.success())
            },
        )
    }

    /// The controllers serve nothing themselves; that the first service account appears
    /// shows that they work.
    fn wait_controllers(&self) -> Result<()> {
        self.wait_program(
            Tool::KubeControllerManager,
            CONTROLLERS_LIMIT,
            "the first service account",
            || {
                let ask = [
                    "get",
                    "serviceaccount",
                    "default",
                    "--namespace=default",
                    "--request-timeout=5s",
                ];
                Ok(self.kubectl("admin", &ask)?.success())
            },
        )?;
        for tool in CONTROLLERS {
            self.check_alive(tool)
                .map_err(|error| self.explain(tool, &error))?;
        }
        Ok(())
    }

    fn wait_program(
        &self,
        tool: Tool,
        limit: Duration,
        what: &str,
        mut ready: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        wait_until(limit, what, || {
            self.check_alive(tool)?;
            ready()
        })
        .map_err(|error| self.explain(tool, &error))
    }

    fn check_alive(&self, tool: Tool) -> Result<()> {
        ensure!(
            self.is_running(tool.binary()),
            "{} ended by itself",
            tool.binary()
        );
        Ok(())
    }

    fn explain(&self, tool: Tool, error: &anyhow::Error) -> anyhow::Error {
        let name = tool.binary();
        anyhow!(
            "{error:#}\nthe last lines of {}:\n{}",
            self.log(name).display(),
            self.log_tail(name, LOG_LINES_SHOWN)
        )
    }
}

/// Asks again and again until the answer is yes.
pub(super) fn wait_until(
    limit: Duration,
    what: &str,
    mut ready: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !ready()? {
        if Instant::now() >= deadline {
            bail!("waited {} s in vain for {what}", limit.as_secs());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// The default state folder of `controlplane up`, below the build folder of the checkout.
pub fn default_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("target")
        .join("controlplane")
}
