//! Writes kubeconfig files. JSON is YAML, so a JSON writer does the quoting.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::pki::Identity;

/// How a client proves who it is.
pub(super) enum Credential<'a> {
    /// A client certificate.
    Certificate(&'a Identity),
    /// A bearer token, such as a service account's.
    Token(&'a str),
    /// An administrator's certificate that speaks for somebody with more groups than a
    /// certificate carries. The API server treats the request as that user's.
    OnBehalf {
        administrator: &'a Identity,
        user: &'a str,
        groups: &'a [&'a str],
    },
}

/// Writes a kubeconfig for one server and one user.
pub(super) fn write(
    path: &Path,
    server: &str,
    ca: &Path,
    user: &str,
    credential: &Credential<'_>,
) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "edugrid", "cluster": {"server": server, "certificate-authority": ca}}],
        "users": [{"name": user, "user": credential_fields(credential)}],
        "contexts": [{"name": user, "context": {"cluster": "edugrid", "user": user}}],
        "current-context": user,
    });
    save(path, &config)
}

/// Writes a configuration. Tokens lie in it: the file is private, and never a half-written one.
pub(super) fn save(path: &Path, config: &Value) -> Result<()> {
    let draft = path.with_extension("draft");
    write_private(&draft, &serde_json::to_string_pretty(config)?)?;
    Ok(std::fs::rename(&draft, path)?)
}

fn credential_fields(credential: &Credential<'_>) -> Value {
    match credential {
        Credential::Certificate(identity) => {
            json!({"client-certificate": identity.certificate, "client-key": identity.key})
        }
        Credential::Token(token) => json!({"token": token}),
        Credential::OnBehalf {
            administrator,
            user,
            groups,
        } => json!({
            "client-certificate": administrator.certificate, "client-key": administrator.key,
            "as": user, "as-groups": groups,
        }),
    }
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
