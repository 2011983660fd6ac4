//! `cargo xtask controlplane`: a local control plane for people. It only talks to the
//! library and prints; it decides nothing about clusters.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cluster::{self, Cluster, ClusterOptions};

/// What to do with the local control plane.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Start a control plane that lives until `down`; builds its programs the first time.
    /// Over the state of one that was stopped with `down --keep-state` it goes on.
    Up {
        /// Where its state lies.
        #[command(flatten)]
        place: Place,
        /// Let etcd wait for the disk, so that the state survives a power cut.
        #[arg(long)]
        fsync: bool,
        /// Add this many fake nodes with 8 NVIDIA cards each.
        #[arg(long, default_value_t = 0)]
        nodes: usize,
        /// Stay until Ctrl-C, and end the control plane then, however this program ends.
        #[arg(long)]
        foreground: bool,
    },
    /// End it and remove its state.
    Down {
        /// Where its state lies.
        #[command(flatten)]
        place: Place,
        /// End every local control plane of this user, also those of running tests.
        #[arg(long, conflicts_with_all = ["dir", "keep_state"])]
        all: bool,
        /// Keep the state, for another `up`.
        #[arg(long)]
        keep_state: bool,
    },
    /// Print the shell settings that point `kubectl` and `helm` at it.
    Env {
        /// Where its state lies.
        #[command(flatten)]
        place: Place,
        /// The user to be: admin, province-admin, province-checker, sdu-admin, alice or bob.
        #[arg(long, default_value = "admin")]
        user: String,
    },
}

/// Where the state lies.
#[derive(Debug, Args)]
pub struct Place {
    /// The state folder [default: target/controlplane in the checkout].
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Place {
    fn folder(self) -> PathBuf {
        self.dir.unwrap_or_else(cluster::default_dir)
    }
}

/// Runs one action.
///
/// # Errors
/// As the library's; the message says the way out.
pub fn run(action: Action) -> Result<()> {
    match action {
        Action::Up {
            place,
            fsync,
            nodes,
            foreground,
        } => up(place.folder(), fsync, nodes, foreground),
        Action::Down { all: true, .. } => {
            let ended = cluster::end_every()?;
            println!("ended {} control plane(s)", ended.len());
            Ok(())
        }
        Action::Down {
            place, keep_state, ..
        } => down(&place.folder(), keep_state),
        Action::Env { place, user } => env(&place.folder(), &user),
    }
}

fn up(dir: PathBuf, fsync: bool, nodes: usize, foreground: bool) -> Result<()> {
    let options = ClusterOptions {
        dir: Some(dir.clone()),
        detached: !foreground,
        fsync,
        progress: true,
        ..Default::default()
    };
    let cluster = Cluster::start(&options)?;
    if nodes > 0 {
        cluster.add_nodes("gpu", nodes, &cluster::NodeShape::with_cards(8))?;
    }
    println!(
        "control plane at {}, state in {}",
        cluster.server(),
        dir.display()
    );
    for user in cluster::READY_MADE_USERS {
        println!(
            "  {:<16} {}",
            user.name,
            cluster.kubeconfig(user.name).display()
        );
    }
    let option = if dir == cluster::default_dir() {
        String::new()
    } else {
        format!(" --dir {}", quoted(&dir))
    };
    println!("next:  eval \"$(cargo xtask controlplane env{option})\" && kubectl get nodes");
    if !foreground {
        println!("end:   cargo xtask controlplane down{option}");
        return Ok(());
    }
    println!("end:   Ctrl-C");
    loop {
        // A signal ends this process, and with it the cluster: nothing is left to do here.
        std::thread::park();
    }
}

fn down(dir: &Path, keep_state: bool) -> Result<()> {
    let found = if keep_state {
        cluster::halt(dir)?
    } else {
        cluster::end(dir)?
    };
    println!(
        "{} {}",
        if found {
            "ended the control plane at"
        } else {
            "no control plane at"
        },
        dir.display()
    );
    Ok(())
}

fn env(dir: &Path, user: &str) -> Result<()> {
    let cluster = Cluster::open(dir)?;
    println!("export KUBECONFIG={}", quoted(&cluster.kubeconfig(user)));
    for (name, value) in cluster.client_environment() {
        println!("export {name}={}", quoted(&value));
    }
    let folders: Vec<String> = cluster
        .tools()
        .folders()
        .iter()
        .map(|folder| quoted(folder))
        .collect();
    println!("export PATH={}:\"$PATH\"", folders.join(":"));
    Ok(())
}

/// A path as one word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        let path = Path::new("/tmp/it's $HOME");
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted(path))])
            .output()
            .expect("sh runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/tmp/it's $HOME");
    }
}
