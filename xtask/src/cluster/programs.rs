//! The command line of each program of the control plane, and why each flag is there.
//! It starts nothing.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::ClusterOptions;
use super::pki::{FRONT_PROXY_NAME, Pki};
use super::state::{Layout, Ports};
use crate::tools::Tool;

/// Services get addresses from here; the API server's own is the first.
const SERVICE_RANGE: &str = "10.96.0.0/16";
/// Fake pods get addresses from here.
const POD_RANGE: &str = "10.244.0.0/16";
/// The built-in clients' defaults (20/30 and 50/100 requests per second) are far below what
/// a queue of thousands of jobs causes.
const CLIENT_QPS: u32 = 500;
const CLIENT_BURST: u32 = 1000;
/// What is recorded, among the files of configuration.
const AUDIT_POLICY: &str = "audit.yaml";
/// The name of the record among the logs.
const AUDIT_LOG: &str = "audit";
/// Larger than the record of any test, which is read as one file.
const AUDIT_MEGABYTES_MAX: u32 = 4096;
/// Which nodes kwok plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    /// Those of a cluster of our own.
    Own,
    /// Those that were brought along to a cluster that somebody else runs, who may have a kwok too.
    Brought,
}

impl Played {
    /// The label that they have, and no others.
    pub(super) fn label(self) -> (&'static str, &'static str) {
        match self {
            Played::Own => ("type", "kwok"),
            Played::Brought => ("edugrid.io/played-by", "edugrid-demo"),
        }
    }
}

/// Kubernetes' own user names for its components; its default RBAC knows them.
pub(super) const CONTROLLER_MANAGER_USER: &str = "system:kube-controller-manager";
/// See [`CONTROLLER_MANAGER_USER`].
pub(super) const SCHEDULER_USER: &str = "system:kube-scheduler";

/// What a command line is made of.
pub(super) struct Parts<'a> {
    pub(super) layout: &'a Layout,
    pub(super) ports: &'a Ports,
    pub(super) pki: &'a Pki,
    pub(super) options: &'a ClusterOptions,
    pub(super) played: Played,
}

/// A command line under construction.
#[derive(Default)]
struct Flags(Vec<OsString>);

impl Flags {
    fn text(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(format!("--{name}={value}").into());
        self
    }

    fn path(mut self, name: &str, value: &Path) -> Self {
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        self.0.push(flag);
        self
    }
}

impl Parts<'_> {
    /// The arguments of one program.
    pub(super) fn arguments(&self, tool: Tool) -> Vec<OsString> {
        match tool {
            Tool::Etcd => self.etcd(),
            Tool::KubeApiserver => self.apiserver(),
            Tool::KubeControllerManager => self.controller_manager(),
            Tool::KubeScheduler => self.scheduler(),
            Tool::Kwok => self.kwok(),
            Tool::Kubectl | Tool::Helm => Vec::new(),
        }
    }

    /// Writes the files that the command lines name.
    pub(super) fn write_configuration(&self) -> Result<()> {
        std::fs::write(
            self.layout.config().join("stages.yaml"),
            include_str!("stages.yaml"),
        )?;
        std::fs::write(
            self.layout.config().join(AUDIT_POLICY),
            include_str!("audit.yaml"),
        )?;
        let scheduler = json!({
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {
                "kubeconfig": self.layout.kubeconfig(SCHEDULER_USER),
                "qps": CLIENT_QPS,
                "burst": CLIENT_BURST,
            },
            "leaderElection": {"leaderElect": false},
            "enableProfiling": false,
        });
        let text = serde_json::to_string_pretty(&scheduler)?;
        Ok(std::fs::write(
            self.layout.config().join("scheduler.yaml"),
            text,
        )?)
    }

    fn etcd(&self) -> Vec<OsString> {
        let client = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peer = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        let mut flags = Flags::default()
            .path("data-dir", &self.layout.etcd())
            .text("name", "local")
            .text("initial-cluster", format!("local={peer}"))
            .text("initial-advertise-peer-urls", &peer)
            .text("listen-peer-urls", &peer)
            .text("listen-client-urls", &client)
            .text("advertise-client-urls", &client)
            .text("quota-backend-bytes", 4_u64 << 30)
            .text("log-level", "warn");
        if !self.options.fsync {
            flags = flags.text("unsafe-no-fsync", true);
        }
        flags.0
    }

    fn apiserver(&self) -> Vec<OsString> {
        let serving = self.pki.identity("apiserver");
        let proxy = self.pki.identity("front-proxy-client");
        let mut flags = Flags::default()
            .text(
                "etcd-servers",
                format!("http://127.0.0.1:{}", self.ports.etcd),
            )
            .text("bind-address", "127.0.0.1")
            .text("advertise-address", "127.0.0.1")
            .text("secure-port", self.ports.apiserver)
            // The service `kubernetes` cannot have a loopback address as its endpoint.
            .text("endpoint-reconciler-type", "none")
            .text("service-cluster-ip-range", SERVICE_RANGE)
            .path("tls-cert-file", &serving.certificate)
            .path("tls-private-key-file", &serving.key)
            .path("client-ca-file", &self.pki.ca())
            .text("authorization-mode", "Node,RBAC")
            .text("allow-privileged", true)
            .text("service-account-issuer", "https://kubernetes.default.svc")
            .path(
                "service-account-key-file",
                &self.pki.service_account_public_key(),
            )
            .path(
                "service-account-signing-key-file",
                &self.pki.service_account_key(),
            )
            // How aggregated APIs learn who asks.
            .path("requestheader-client-ca-file", &self.pki.front_proxy_ca())
            .text("requestheader-allowed-names", FRONT_PROXY_NAME)
            .text("requestheader-username-headers", "X-Remote-User")
            .text("requestheader-group-headers", "X-Remote-Group")
            .text("requestheader-extra-headers-prefix", "X-Remote-Extra-")
            .path("proxy-client-cert-file", &proxy.certificate)
            .path("proxy-client-key-file", &proxy.key)
            // Else `kubectl logs` looks the node's name up.
            .text("kubelet-preferred-address-types", "InternalIP")
            .text("profiling", false);
        if self.options.audit {
            // Written before the answer is given, and never rotated away from who reads it.
            flags = flags
                .path(
                    "audit-policy-file",
                    &self.layout.config().join(AUDIT_POLICY),
                )
                .path("audit-log-path", &self.layout.log(AUDIT_LOG))
                .text("audit-log-mode", "blocking")
                .text("audit-log-maxsize", AUDIT_MEGABYTES_MAX);
        }
        flags
            .0
            .extend(self.options.apiserver_flags.iter().map(OsString::from));
        flags.0
    }

    fn controller_manager(&self) -> Vec<OsString> {
        let mut flags = Flags::default()
            .path(
                "kubeconfig",
                &self.layout.kubeconfig(CONTROLLER_MANAGER_USER),
            )
            .path(
                "service-account-private-key-file",
                &self.pki.service_account_key(),
            )
            .path("root-ca-file", &self.pki.ca())
            .text("use-service-account-credentials", true)
            .text("leader-elect", false)
            .text("secure-port", 0)
            .text("profiling", false)
            .text("kube-api-qps", CLIENT_QPS)
            .text("kube-api-burst", CLIENT_BURST)
            .text("concurrent-job-syncs", 20)
            .text("concurrent-namespace-syncs", 20);
        flags.0.extend(
            self.options
                .controller_manager_flags
                .iter()
                .map(OsString::from),
        );
        flags.0
    }

    fn scheduler(&self) -> Vec<OsString> {
        Flags::default()
            .path("config", &self.layout.config().join("scheduler.yaml"))
            .text("secure-port", 0)
            .0
    }

    fn kwok(&self) -> Vec<OsString> {
        let (label, value) = self.played.label();
        Flags::default()
            .path("kubeconfig", &self.layout.kubeconfig("kwok"))
            .path("config", &self.layout.config().join("stages.yaml"))
            .text(
                "manage-nodes-with-label-selector",
                format!("{label}={value}"),
            )
            .text("node-lease-duration-seconds", 40)
            .text("server-address", format!("127.0.0.1:{}", self.ports.kwok))
            .text("node-ip", "127.0.0.1")
            .text("cidr", POD_RANGE)
            .0
    }
}
