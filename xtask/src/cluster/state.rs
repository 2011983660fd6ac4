//! What a cluster leaves on disk: the layout of its state folder, its ports, and how the
//! remains of clusters whose owner died are found and removed.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::process::{self, Owner};

/// Below the range from which the kernel takes ports for outgoing connections (32768) and
/// below node ports (30000), so that a port stays free while its server is restarted.
const PORT_FIRST: u16 = 20_000;
const PORT_LAST: u16 = 29_999;

/// Keeps the state folder of an ended ephemeral cluster when set: for reading its logs.
pub(super) const KEEP_STATE: &str = "EDUGRID_KEEP_STATE";

/// The ports of a cluster, all on the loopback address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) etcd_peer: u16,
    pub(super) apiserver: u16,
    pub(super) kwok: u16,
}

impl Ports {
    pub(super) fn free() -> Result<Self> {
        let [etcd, etcd_peer, apiserver, kwok] = free_ports()?;
        Ok(Self {
            etcd,
            etcd_peer,
            apiserver,
            kwok,
        })
    }
}

/// Finds ports that nobody listens on. They are held together while they are chosen, so
/// they differ from each other; where the search begins differs between processes and calls.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let span = u32::from(PORT_LAST - PORT_FIRST) + 1;
    let seed = jiff::Timestamp::now().as_nanosecond() as u32
        ^ std::process::id().wrapping_mul(0x9E37_79B9);
    let mut held: Vec<TcpListener> = Vec::with_capacity(N);
    for step in 0..span {
        let offset = (seed % span + step) % span;
        let port =
            PORT_FIRST + u16::try_from(offset).context("an offset within the range of ports")?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
        }
        if held.len() == N {
            break;
        }
    }
    let ports: Vec<u16> = held
        .iter()
        .filter_map(|listener| Some(listener.local_addr().ok()?.port()))
        .collect();
    ports.try_into().map_err(|found: Vec<u16>| {
        anyhow::anyhow!(
            "only {} of {N} ports are free on 127.0.0.1 between {PORT_FIRST} and {PORT_LAST}",
            found.len()
        )
    })
}

/// The facts about a cluster that outlive the process which started it: `cluster.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) ports: Ports,
    /// Whether the state folder goes away with the cluster.
    pub(super) ephemeral: bool,
    pub(super) owner: String,
    pub(super) options: super::ClusterOptions,
    /// The context's configuration, where somebody else runs the cluster.
    #[serde(default)]
    pub(super) borrowed: Option<serde_json::Value>,
}

/// The layout of a state folder.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
}

impl Layout {
    /// Makes the folders of a new cluster.
    pub(super) fn create(root: &Path) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let layout = Self {
            root: root.to_path_buf(),
        };
        for folder in [
            root.to_path_buf(),
            layout.logs(),
            layout.pids(),
            layout.kubeconfigs(),
            layout.config(),
        ] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(layout)
    }

    /// Leaves nothing but the logs behind.
    pub(super) fn remove_all_but_logs(&self) -> Result<()> {
        for folder in [
            self.pki(),
            self.config(),
            self.kubeconfigs(),
            self.pids(),
            self.etcd(),
        ] {
            match std::fs::remove_dir_all(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot remove {}", folder.display()));
                }
            }
        }
        std::fs::remove_file(self.record())
            .with_context(|| format!("cannot remove {}", self.record().display()))
    }

    pub(super) fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }
    pub(super) fn record(&self) -> PathBuf {
        self.root.join("cluster.json")
    }
    pub(super) fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config")
    }
    pub(super) fn kubeconfigs(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }
    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.kubeconfigs().join(format!("{}.yaml", file_name(user)))
    }
    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    pub(super) fn log(&self, program: &str) -> PathBuf {
        self.logs().join(format!("{program}.log"))
    }
    pub(super) fn pids(&self) -> PathBuf {
        self.root.join("pids")
    }
    pub(super) fn pid(&self, program: &str) -> PathBuf {
        self.pids().join(program)
    }
}

/// A file name for a user's name, different for different users. A colon is spelled out too:
/// it separates the entries of `KUBECONFIG`.
pub(super) fn file_name(user: &str) -> String {
    let mut name = String::with_capacity(user.len());
    for byte in user.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name += &format!("%{byte:02X}"),
        }
    }
    name
}

/// Reads the record of a state folder.
pub(super) fn read_record(root: &Path) -> Result<Record> {
    let file = root.join("cluster.json");
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!(
            "no control plane at {}\nstart one with `cargo xtask controlplane up`",
            root.display()
        )
    })?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not a cluster's record", file.display()))
}

/// Where ephemeral clusters keep their state.
pub(super) fn ephemeral_root() -> PathBuf {
    std::env::temp_dir().join("edugrid-clusters")
}

/// A folder that no other cluster has.
pub(super) fn fresh_ephemeral() -> Result<PathBuf> {
    let root = ephemeral_root();
    std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    for attempt in 0..1000_u32 {
        let folder = root.join(format!("{}-{attempt}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", folder.display()));
            }
        }
    }
    bail!(
        "{} is full of clusters of this process\nend them with `cargo xtask controlplane down --all`",
        root.display()
    )
}

/// Ends clusters whose owner is gone, and removes ephemeral state that nobody uses.
/// Gives back how many processes were ended.
pub(super) fn sweep() -> Result<usize> {
    let mut ended = 0;
    for process in process::marked()? {
        if !process.owner.holds() {
            ended += process::end_all(&process.state)?;
        }
    }
    remove_dead_ephemeral_state(|owner| !owner.holds())?;
    Ok(ended)
}

/// Ends every cluster of this user, also detached ones and those of living owners.
pub(super) fn end_everything() -> Result<Vec<PathBuf>> {
    let mut states: Vec<PathBuf> = process::marked()?
        .into_iter()
        .map(|process| process.state)
        .collect();
    states.sort();
    states.dedup();
    for state in &states {
        process::end_all(state)?;
        remove_state(state)?;
    }
    remove_dead_ephemeral_state(|_| true)?;
    Ok(states)
}

fn remove_dead_ephemeral_state(dead: impl Fn(&Owner) -> bool) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(ephemeral_root()) else {
        return Ok(());
    };
    if std::env::var_os(KEEP_STATE).is_some() {
        return Ok(());
    }
    for entry in entries.flatten() {
        // A folder without a record is one that is being made, or not ours.
        let Ok(record) = read_record(&entry.path()) else {
            continue;
        };
        if Owner::parse(&record.owner).is_some_and(|owner| dead(&owner)) {
            remove_state(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a state folder, and nothing that is not one.
pub(super) fn remove_state(root: &Path) -> Result<()> {
    if !root.exists() {
        return Ok(());
    }
    ensure!(
        root.join("cluster.json").is_file(),
        "{} holds no cluster.json, so it is not removed",
        root.display()
    );
    std::fs::remove_dir_all(root).with_context(|| format!("cannot remove {}", root.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_free() {
        let mut ports = free_ports::<8>().expect("eight are free").to_vec();
        for port in &ports {
            assert!((PORT_FIRST..=PORT_LAST).contains(port));
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).expect("free");
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
    }

    #[test]
    fn different_users_have_different_files() {
        assert_eq!(file_name("alice"), "alice");
        assert_eq!(
            file_name("system:kube-scheduler"),
            "system%3Akube-scheduler"
        );
        assert_ne!(file_name("a/b"), file_name("a:b"));
        assert_eq!(file_name(".."), "%2E%2E");
    }

    #[test]
    fn only_state_folders_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("thesis.tex"), "dear").expect("written");
        assert!(remove_state(folder.path()).is_err());
        assert!(folder.path().join("thesis.tex").exists());
        assert!(remove_state(&folder.path().join("absent")).is_ok());
    }
}
