//! Finds the programs of a local control plane, or builds them once and keeps them in a
//! cache outside `target/`. It must not know what anybody does with the programs.
//!
//! Order for each program: the cache; `KUBEBUILDER_ASSETS`, then `PATH`, when the
//! version is exactly the pinned one; else one `go build` for all that are missing.

mod build;
mod pins;
mod prometheus;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};

pub use pins::Pins;
pub use prometheus::Prometheus;

/// A program that a local cluster, a test or the demo runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The store of the API server.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The built-in controllers: Jobs, Deployments, garbage collection, namespaces.
    KubeControllerManager,
    /// The scheduler that binds pods.
    KubeScheduler,
    /// The client that tests and people use.
    Kubectl,
    /// Plays kubelets for fake nodes.
    Kwok,
    /// Installs the chart.
    Helm,
}

impl Tool {
    /// Every program, in the order in which a cluster starts them.
    pub const ALL: [Tool; 7] = [
        Tool::Etcd,
        Tool::KubeApiserver,
        Tool::KubeControllerManager,
        Tool::KubeScheduler,
        Tool::Kwok,
        Tool::Kubectl,
        Tool::Helm,
    ];

    /// The name of the program's file.
    pub const fn binary(self) -> &'static str {
        match self {
            Tool::Etcd => "etcd",
            Tool::KubeApiserver => "kube-apiserver",
            Tool::KubeControllerManager => "kube-controller-manager",
            Tool::KubeScheduler => "kube-scheduler",
            Tool::Kubectl => "kubectl",
            Tool::Kwok => "kwok",
            Tool::Helm => "helm",
        }
    }

    /// The Go package whose `main` it is.
    fn package(self) -> &'static str {
        match self {
            Tool::Etcd => "go.etcd.io/etcd/server/v3",
            Tool::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Tool::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Tool::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Tool::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Tool::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Tool::Helm => "helm.sh/helm/v3/cmd/helm",
        }
    }

    /// The Go module that pins its version.
    fn module(self) -> &'static str {
        match self {
            Tool::Etcd => "go.etcd.io/etcd/server/v3",
            Tool::Kwok => "sigs.k8s.io/kwok",
            Tool::Helm => "helm.sh/helm/v3",
            _ => "k8s.io/kubernetes",
        }
    }

    /// What `go build -o <folder>/` calls it: the last path element, without a major version.
    fn built_name(self) -> &'static str {
        match self {
            Tool::Etcd => "server",
            other => other.binary(),
        }
    }

    fn version_arguments(self) -> &'static [&'static str] {
        match self {
            Tool::Kubectl => &["version", "--client"],
            Tool::Helm => &["version"],
            _ => &["--version"],
        }
    }
}

/// Where each program lies.
#[derive(Clone, Debug)]
pub struct Tools {
    paths: BTreeMap<Tool, PathBuf>,
}

impl Tools {
    /// Finds every program and builds what is missing; the first build takes minutes and
    /// shows its progress on standard error.
    ///
    /// # Errors
    /// Go is missing or too old, the disk is full, or the build failed; each message says
    /// the way out.
    pub fn ready() -> Result<Self> {
        let pins = Pins::of_repository()?;
        let bin = cache_folder()?
            .join("controlplane")
            .join(pins.key())
            .join("bin");
        let mut paths = find(&pins, &bin);
        let missing = absent(&paths);
        if !missing.is_empty() {
            build::build_missing(&pins, &bin)?;
            paths = find(&pins, &bin);
        }
        match absent(&paths).first() {
            None => Ok(Self { paths }),
            Some(tool) => Err(anyhow!(
                "{} is still missing from {} after a build\nremove that folder and run again",
                tool.binary(),
                bin.display()
            )),
        }
    }

    /// The path of one program.
    pub fn path(&self, tool: Tool) -> &Path {
        // `ready` is the only constructor and ends only when every tool has a path.
        &self.paths[&tool]
    }

    /// The folders to put in front of `PATH` so that a shell finds these programs first.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in self.paths.values().filter_map(|path| path.parent()) {
            if !folders.iter().any(|known| known == folder) {
                folders.push(folder.to_path_buf());
            }
        }
        folders
    }
}

/// `$EDUGRID_CACHE`, else `$XDG_CACHE_HOME/edugrid`, else `~/.cache/edugrid`: what is
/// dear to build and survives `cargo clean`.
///
/// # Errors
/// None of the variables nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(cache) = set("EDUGRID_CACHE") {
        return std::path::absolute(PathBuf::from(cache))
            .context("EDUGRID_CACHE is no usable path");
    }
    if let Some(cache) = set("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(cache).join("edugrid"));
    }
    set("HOME")
        .map(|home| PathBuf::from(home).join(".cache/edugrid"))
        .context(
            "no place for the cache: HOME is not set\nset EDUGRID_CACHE to a folder with 2 GB free",
        )
}

fn absent(paths: &BTreeMap<Tool, PathBuf>) -> Vec<Tool> {
    Tool::ALL
        .into_iter()
        .filter(|tool| !paths.contains_key(tool))
        .collect()
}

fn find(pins: &Pins, bin: &Path) -> BTreeMap<Tool, PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS");
    let path = std::env::var_os("PATH");
    let mut found = BTreeMap::new();
    for tool in Tool::ALL {
        let cached = bin.join(tool.binary());
        if cached.is_file() {
            found.insert(tool, cached);
        } else if let Some(elsewhere) = on_machine(tool, pins, [assets.as_ref(), path.as_ref()]) {
            found.insert(tool, elsewhere);
        }
    }
    found
}

/// A program of exactly the pinned version in one of the search lists.
fn on_machine(tool: Tool, pins: &Pins, lists: [Option<&OsString>; 2]) -> Option<PathBuf> {
    let pinned = pins.version(tool.module())?;
    lists
        .into_iter()
        .flatten()
        .flat_map(std::env::split_paths)
        .map(|folder| folder.join(tool.binary()))
        .find(|candidate| candidate.is_file() && reports_version(candidate, tool, pinned))
}

fn reports_version(program: &Path, tool: Tool, pinned: &str) -> bool {
    Command::new(program)
        .args(tool.version_arguments())
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| states_version(&String::from_utf8_lossy(&output.stdout), pinned))
}

/// Whether the text names exactly this version as a word of its own, with or without `v`.
fn states_version(text: &str, pinned: &str) -> bool {
    let pinned = pinned.trim_start_matches('v');
    text.split(|c: char| c.is_whitespace() || "\",:{}()".contains(c))
        .any(|word| word.trim_start_matches('v') == pinned)
}

#[cfg(test)]
mod tests {
    use super::states_version;

    #[test]
    fn a_version_is_matched_as_a_whole_word() {
        let cases = [
            ("etcd Version: 3.6.8\nGit SHA: Not provided", "v3.6.8", true),
            ("Kubernetes v1.36.3", "v1.36.3", true),
            ("Kubernetes v1.36.30", "v1.36.3", false),
            ("Kubernetes v1.36.3-rc.0", "v1.36.3", false),
            (
                r#"version.BuildInfo{Version:"v3.21.4", GitCommit:""}"#,
                "v3.21.4",
                true,
            ),
            (
                r#"version.BuildInfo{Version:"v3.21", GitCommit:""}"#,
                "v3.21.4",
                false,
            ),
            ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "v0.8.0", true),
            ("", "v0.8.0", false),
        ];
        for (text, pinned, expected) in cases {
            assert_eq!(
                states_version(text, pinned),
                expected,
                "{text:?} against {pinned}"
            );
        }
    }
}
