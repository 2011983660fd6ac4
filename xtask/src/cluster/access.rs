//! How tests and people reach a cluster: users and their kubeconfigs, `kubectl`, `helm`,
//! certificates and routes for aggregated APIs. It must not know how programs are started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::{self, Output};
use super::kubeconfig::{self, Credential};
use super::pki::GROUPS_PER_CERTIFICATE_MAX;
use super::state::file_name;
use super::{Cluster, borrowed};
use crate::tools::Tool;

/// A server's certificate for an aggregated API.
#[derive(Clone, Debug)]
pub struct ServingCert {
    /// The certificate, as a PEM file.
    pub cert: PathBuf,
    /// Its private key, as a PEM file.
    pub key: PathBuf,
    /// The authority that signed it, as a PEM file: what `caBundle` holds, in base64.
    pub ca: PathBuf,
}

impl Cluster {
    /// The kubeconfig of a user made before. Ready-made: `admin`, `province-admin`,
    /// `province-checker`, `sdu-admin`, `alice` (group `sdu-cs-users`), `bob` (`lnu-users`).
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.layout.kubeconfig(user)
    }

    /// Makes a user of any name and groups, and returns the path of its kubeconfig. Up to two
    /// groups stand in a client certificate; with more, and in a borrowed cluster, the
    /// administrator speaks on behalf of the user, which the API server treats alike.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        if let Some(config) = &self.record.borrowed {
            let somebody = borrowed::Somebody::User { name, groups };
            let config = borrowed::for_somebody(config, &somebody);
            kubeconfig::save(&self.kubeconfig(name), &config)?;
            return Ok(self.kubeconfig(name));
        }
        if groups.len() <= GROUPS_PER_CERTIFICATE_MAX {
            let identity = self
                .pki
                .client(&format!("user-{}", file_name(name)), name, groups)?;
            self.write_kubeconfig(name, &Credential::Certificate(&identity))?;
        } else {
            let administrator = self.pki.identity("user-admin");
            self.write_kubeconfig(
                name,
                &Credential::OnBehalf {
                    administrator: &administrator,
                    user: name,
                    groups,
                },
            )?;
        }
        Ok(self.kubeconfig(name))
    }

    /// Writes a kubeconfig with a token of a service account, good for 24 hours.
    ///
    /// # Errors
    /// The account does not exist.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let user = format!("system:serviceaccount:{namespace}:{name}");
        self.token_kubeconfig(namespace, name, &user)
    }

    /// Writes a kubeconfig with a further token of a service account, under a name of its own:
    /// replicas have one each, as pods have, and by it the API server's record tells them apart.
    ///
    /// # Errors
    /// The account does not exist.
    pub fn token_kubeconfig(&self, namespace: &str, name: &str, file: &str) -> Result<PathBuf> {
        let token = self
            .kubectl(
                "admin",
                &[
                    "create",
                    "token",
                    name,
                    "--namespace",
                    namespace,
                    "--duration=24h",
                ],
            )?
            .ok()
            .with_context(|| format!("no token for service account {namespace}/{name}"))?;
        match &self.record.borrowed {
            None => self.write_kubeconfig(file, &Credential::Token(token.trim()))?,
            Some(config) => {
                let somebody = borrowed::Somebody::Token(token.trim());
                let config = borrowed::for_somebody(config, &somebody);
                kubeconfig::save(&self.kubeconfig(file), &config)?;
            }
        }
        Ok(self.kubeconfig(file))
    }

    pub(super) fn write_kubeconfig(&self, user: &str, credential: &Credential<'_>) -> Result<()> {
        kubeconfig::write(
            &self.kubeconfig(user),
            &self.server(),
            &self.pki.ca(),
            user,
            credential,
        )
    }

    /// A serving certificate for these DNS names or addresses, signed by the cluster's CA. An
    /// aggregated API is reached as `<service>.<namespace>.svc`.
    ///
    /// # Errors
    /// No name, or one that no certificate can carry.
    pub fn issue_serving_cert(&self, names: &[&str]) -> Result<ServingCert> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let file = names
            .first()
            .map(|name| format!("serving-{}", file_name(name)))
            .unwrap_or_default();
        let identity = self.pki.serving(&file, &names)?;
        Ok(ServingCert {
            cert: identity.certificate,
            key: identity.key,
            ca: self.pki.ca(),
        })
    }

    /// The authority that signed the certificate with which the API server forwards requests
    /// to aggregated APIs (its name is `front-proxy-client`), as a PEM file.
    pub fn front_proxy_ca(&self) -> PathBuf {
        self.pki.front_proxy_ca()
    }

    /// The authority of servers and users, as a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.pki.ca()
    }

    /// Leads a service of the cluster to a server on this machine: the API server dials
    /// `localhost` on the port that the caller of the service asks for.
    ///
    /// # Errors
    /// The API server refused it, for instance because the namespace does not exist.
    pub fn route_service_to_localhost(&self, namespace: &str, name: &str, port: u16) -> Result<()> {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"name": "https", "port": port}]},
        });
        self.apply("admin", &service.to_string()).map(drop)
    }

    /// Runs `kubectl` as a user.
    ///
    /// # Errors
    /// It cannot be run. That it was refused is not an error: see [`Output`].
    pub fn kubectl<A: AsRef<OsStr>>(&self, user: &str, args: &[A]) -> Result<Output> {
        self.client(Tool::Kubectl, user, args, None)
    }

    /// Merges `body` into an object, named as `kind/name`, as a user; `more` says where it is, or which
    /// part of it is meant.
    ///
    /// # Errors
    /// As [`Cluster::kubectl`].
    pub fn patch(&self, user: &str, object: &str, more: &[&str], body: &Value) -> Result<Output> {
        let patch = format!("--patch={body}");
        let args = ["patch", "--type=merge", object, &patch];
        self.kubectl(user, &[&args[..], more].concat())
    }

    /// Runs `kubectl` as a user with text on its standard input (`-f -`).
    ///
    /// # Errors
    /// As [`Cluster::kubectl`].
    pub fn kubectl_with_input<A: AsRef<OsStr>>(
        &self,
        user: &str,
        args: &[A],
        input: &str,
    ) -> Result<Output> {
        self.client(Tool::Kubectl, user, args, Some(input))
    }

    /// Runs `helm` as a user.
    ///
    /// # Errors
    /// As [`Cluster::kubectl`].
    pub fn helm<A: AsRef<OsStr>>(&self, user: &str, args: &[A]) -> Result<Output> {
        self.client(Tool::Helm, user, args, None)
    }

    /// Applies manifests (YAML or JSON) as a user, server-side, so that a user who may write
    /// but not read can; returns what `kubectl` said.
    ///
    /// # Errors
    /// A manifest was refused; the message holds the server's words.
    pub fn apply(&self, user: &str, manifests: &str) -> Result<String> {
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
        ];
        self.kubectl_with_input(user, &args, manifests)?.ok()
    }

    /// The environment in which `kubectl` and `helm` keep their caches with the cluster: a
    /// discovery cache in the home folder is keyed by port and would lie to the next cluster.
    pub fn client_environment(&self) -> Vec<(&'static str, PathBuf)> {
        let cache = self.dir().join("cache");
        vec![
            ("KUBECACHEDIR", cache.join("kubectl")),
            ("HELM_CACHE_HOME", cache.join("helm")),
            ("HELM_CONFIG_HOME", cache.join("helm-config")),
            ("HELM_DATA_HOME", cache.join("helm-data")),
        ]
    }

    fn client<A: AsRef<OsStr>>(
        &self,
        tool: Tool,
        user: &str,
        args: &[A],
        input: Option<&str>,
    ) -> Result<Output> {
        let kubeconfig = self.kubeconfig(user);
        ensure!(
            kubeconfig.is_file(),
            "no user {user} in this cluster\nmake it with `Cluster::user`"
        );
        let mut command = Command::new(self.tools.path(tool));
        command
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(args)
            .envs(self.client_environment());
        command.env_remove("KUBECONFIG");
        client::run(
            &mut command,
            client::describe(tool.binary(), user, args),
            input,
        )
    }
}

/// A PEM file in base64, as `caBundle` wants it.
///
/// # Errors
/// The file cannot be read.
pub fn base64_of(file: &Path) -> Result<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (group >> (18 - 6 * position)) & 63;
            text.push(if position <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    Ok(text)
}
