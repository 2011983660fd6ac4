//! A cluster that somebody else runs, reached by a context of a kubeconfig. It is given back as it
//! was: what is brought along are kwok, as a process on this machine that plays only nodes with a
//! label of its own, and kubeconfigs in which the context's user speaks for others. It must not
//! know what is played there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::kubeconfig;
use super::pki::Pki;
use super::process::{self, Owner};
use super::programs::Played;
use super::start::READY_MADE_USERS;
use super::state::{Layout, Ports, Record};
use super::{Cluster, ClusterOptions};
use crate::tools::{Tool, Tools};

/// The Kubernetes that EduGrid needs (API.md): policies that write are stable from here on.
const FLOOR: (u32, u32) = (1, 36);

impl Cluster {
    /// Borrows the cluster of a context. Its state folder holds kubeconfigs and logs. A folder that
    /// is there already, of a process that was interrupted, is taken up again. Dropping the result
    /// ends what this process started and leaves the rest; [`super::end`] removes the folder.
    ///
    /// # Errors
    /// There is no such context, its cluster does not answer or is too old, or the context's user
    /// may not do everything there.
    pub fn borrow(context: &str, dir: &Path, detached: bool) -> Result<Self> {
        let tools = Tools::ready()?;
        let root = std::path::absolute(dir)?;
        let running = process::marked()?;
        ensure!(
            !running.iter().any(|process| process.state == root
                && process.owner.holds()
                && process.owner != Owner::Detached),
            "another process plays on the cluster of {context} already"
        );
        let config = configuration(&tools, context)?;
        let owner = match detached {
            true => Owner::Detached,
            false => Owner::this_process()?,
        };
        let layout = Layout::create(&root)?;
        let pki = match layout.pki().exists() {
            true => Pki::open(&layout.pki()),
            false => Pki::create(&layout.pki())?,
        };
        let record = Record {
            ports: Ports::free()?,
            ephemeral: false,
            owner: owner.to_string(),
            options: ClusterOptions {
                dir: Some(root),
                detached,
                ..ClusterOptions::default()
            },
            borrowed: Some(config),
        };
        std::fs::write(layout.record(), serde_json::to_string_pretty(&record)?)?;
        let cluster = Self {
            layout,
            record,
            pki,
            tools,
            owner,
            children: Mutex::default(),
            owned: false,
            reaper: None,
        };
        cluster.write_people()?;
        cluster.check_version(context)?;
        cluster.check_rights(context)?;
        Ok(cluster)
    }

    /// Whether somebody else runs it.
    pub fn is_borrowed(&self) -> bool {
        self.record.borrowed.is_some()
    }

    /// Starts kwok for nodes of our own, unless it runs.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn play_nodes(&self) -> Result<()> {
        if self.is_running(Tool::Kwok.binary()) {
            return Ok(());
        }
        let parts = self.parts();
        parts.write_configuration()?;
        let mut command = Command::new(self.tools.path(Tool::Kwok));
        command
            .args(parts.arguments(Tool::Kwok))
            .current_dir(self.dir());
        self.spawn(Tool::Kwok.binary(), &mut command).map(drop)
    }

    pub(super) fn played(&self) -> Played {
        match self.is_borrowed() {
            true => Played::Brought,
            false => Played::Own,
        }
    }

    fn write_people(&self) -> Result<()> {
        let config = self.record.borrowed.as_ref().unwrap_or(&Value::Null);
        // The owner of the cluster, and kwok, have the rights of the context.
        for user in ["admin", "kwok"] {
            kubeconfig::save(&self.kubeconfig(user), config)?;
        }
        for user in READY_MADE_USERS.iter().filter(|user| user.name != "admin") {
            self.user(user.name, &[user.group])?;
        }
        Ok(())
    }

    fn check_version(&self, context: &str) -> Result<()> {
        let said = self.kubectl("admin", &["version", "--output=json"])?.ok();
        let said =
            said.with_context(|| format!("the cluster of context {context} does not answer"))?;
        let said: Value = serde_json::from_str(&said)?;
        let part = |name: &str| -> Option<u32> {
            let text = said["serverVersion"][name].as_str()?;
            // Some providers write `36+`.
            text.trim_end_matches(|letter: char| !letter.is_ascii_digit())
                .parse()
                .ok()
        };
        let version = part("major").zip(part("minor"));
        let version = version.context("the cluster does not say which Kubernetes it runs")?;
        ensure!(
            version >= FLOOR,
            "the cluster of context {context} runs Kubernetes {}.{}, EduGrid needs {}.{} or newer",
            version.0,
            version.1,
            FLOOR.0,
            FLOOR.1
        );
        Ok(())
    }

    fn check_rights(&self, context: &str) -> Result<()> {
        let ask = ["auth", "can-i", "*", "*", "--all-namespaces", "--quiet"];
        ensure!(
            self.kubectl("admin", &ask)?.success(),
            "the user of context {context} may not do everything in that cluster\n\
             to install kinds, policies and roles, and to speak for its people, use a context with the rights of cluster-admin"
        );
        Ok(())
    }
}

/// The context alone, with all certificates in it.
fn configuration(tools: &Tools, context: &str) -> Result<Value> {
    let output = Command::new(tools.path(Tool::Kubectl))
        .args([
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "--output=json",
        ])
        .arg(format!("--context={context}"))
        .stdin(Stdio::null())
        .output()
        .context("kubectl can't be run")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "no context {context}: {}\n`kubectl config get-contexts` lists what there is",
        words.trim()
    );
    let mut config: Value = serde_json::from_slice(&output.stdout)?;
    // kubectl leaves a default namespace; ours are always named.
    if let Some(namespace) = config["contexts"][0]["context"].as_object_mut() {
        namespace.remove("namespace");
    }
    Ok(config)
}

/// The same configuration for somebody else: the context's user speaks for him, or a token does.
pub(super) fn for_somebody(config: &Value, who: &Somebody<'_>) -> Value {
    let mut config = config.clone();
    let user = &mut config["users"][0]["user"];
    match who {
        Somebody::User { name, groups } => {
            user["as"] = json!(name);
            user["as-groups"] = json!(groups);
        }
        Somebody::Token(token) => *user = json!({"token": token}),
    }
    config
}

/// Who speaks.
pub(super) enum Somebody<'a> {
    /// A user with these groups.
    User {
        name: &'a str,
        groups: &'a [&'a str],
    },
    /// Whose bearer token this is.
    Token(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_s_user_speaks_for_others_and_a_token_for_itself() {
        let config = json!({"users": [{"name": "me", "user": {"client-key-data": "a2V5"}}]});
        let groups = ["sdu-cs-users"];
        let somebody = Somebody::User {
            name: "ai",
            groups: &groups,
        };
        let spoken = for_somebody(&config, &somebody);
        assert_eq!(
            spoken["users"][0]["user"],
            json!({"client-key-data": "a2V5", "as": "ai", "as-groups": ["sdu-cs-users"]})
        );
        let token = for_somebody(&config, &Somebody::Token("t"));
        assert_eq!(
            token["users"][0]["user"],
            json!({"token": "t"}),
            "nothing of the context's own"
        );
    }
}
