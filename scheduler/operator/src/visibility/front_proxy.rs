//! Whom to believe about who asks: the API server's front proxy, and nobody else.
//!
//! An aggregated API gets the caller's name in headers, which anybody could send. They count
//! only on a connection whose client certificate is of the front proxy's own CA (checked by
//! TLS) and carries one of the allowed names (checked here). Both stand in the ConfigMap
//! `kube-system/extension-apiserver-authentication`, which the API server keeps.
//!
//! Must not know: what the caller may read. RBAC on the namespace was decided by the API
//! server before it passed the request on.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

/// Where the API server says how its front proxy is known.
const NAMESPACE: &str = "kube-system";
const CONFIG_MAP: &str = "extension-apiserver-authentication";

/// How the front proxy is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontProxy {
    /// The CA that signs its client certificates, in PEM.
    pub client_ca: String,
    /// The common names it may have; empty: any that the CA signed.
    pub allowed_names: Vec<String>,
    /// The headers that carry the caller's name; the first that is there counts.
    pub username_headers: Vec<String>,
    /// The headers that carry the caller's groups; all count.
    pub group_headers: Vec<String>,
}

/// Who asks, as the front proxy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: String,
    /// The user's groups.
    pub groups: Vec<String>,
}

/// Why a caller isn't believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// No client certificate.
    #[error("no client certificate, ask through the API server")]
    NoCertificate,
    /// A certificate of the right CA, but of somebody else.
    #[error(
        "client certificate of \"{0}\", which is not the front proxy, ask through the API server"
    )]
    OtherName(String),
    /// A certificate that can't be read.
    #[error("client certificate without a readable common name")]
    Unreadable,
    /// The front proxy names nobody.
    #[error("the front proxy names no user")]
    NoUser,
}

/// Why the front proxy isn't known.
#[derive(Debug, thiserror::Error)]
pub enum FrontProxyError {
    /// The ConfigMap can't be read.
    #[error(
        "can't read ConfigMap {NAMESPACE}/{CONFIG_MAP}, bind the Role extension-apiserver-authentication-reader there"
    )]
    Read(#[source] kube::Error),
    /// A key is missing: aggregation is switched off.
    #[error(
        "ConfigMap {NAMESPACE}/{CONFIG_MAP} lacks {0}, start the API server with --requestheader-client-ca-file and its kin"
    )]
    Missing(&'static str),
    /// A key isn't a list of texts.
    #[error("ConfigMap {NAMESPACE}/{CONFIG_MAP}: {0} is not a JSON list of texts")]
    Malformed(&'static str, #[source] serde_json::Error),
}

impl FrontProxy {
    /// Reads the ConfigMap.
    ///
    /// # Errors
    /// If it can't be read or doesn't say what is needed.
    pub async fn read(client: &Client) -> Result<Self, FrontProxyError> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
        let map = maps.get(CONFIG_MAP).await.map_err(FrontProxyError::Read)?;
        Self::parse(&map.data.unwrap_or_default())
    }

    /// Takes the ConfigMap's data apart.
    ///
    /// # Errors
    /// If a key is missing or malformed.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, FrontProxyError> {
        let text = |key: &'static str| data.get(key).filter(|text| !text.trim().is_empty());
        let list = |key: &'static str| -> Result<Vec<String>, FrontProxyError> {
            let Some(text) = text(key) else {
                return Ok(Vec::new());
            };
            serde_json::from_str(text).map_err(|error| FrontProxyError::Malformed(key, error))
        };
        const CA: &str = "requestheader-client-ca-file";
        const USER: &str = "requestheader-username-headers";
        let username_headers = list(USER)?;
        if username_headers.is_empty() {
            return Err(FrontProxyError::Missing(USER));
        }
        Ok(Self {
            client_ca: text(CA).ok_or(FrontProxyError::Missing(CA))?.clone(),
            allowed_names: list("requestheader-allowed-names")?,
            username_headers,
            group_headers: list("requestheader-group-headers")?,
        })
    }

    /// Who asks. `peer` is the client certificate (DER) that TLS has verified against
    /// [`client_ca`](Self::client_ca); without it no header is looked at.
    ///
    /// # Errors
    /// If the connection isn't the front proxy's, or names no user.
    pub fn identify(&self, peer: Option<&[u8]>, headers: &HeaderMap) -> Result<Caller, Stranger> {
        let name = common_name(peer.ok_or(Stranger::NoCertificate)?).ok_or(Stranger::Unreadable)?;
        if !self.allowed_names.is_empty() && !self.allowed_names.contains(&name) {
            return Err(Stranger::OtherName(name));
        }
        let user = values(headers, &self.username_headers).next();
        Ok(Caller {
            user: user.ok_or(Stranger::NoUser)?,
            groups: values(headers, &self.group_headers).collect(),
        })
    }
}

/// The values of these headers that hold anything. A value in bytes that are no text is
/// somebody's mistake or attack: it counts as none.
fn values<'a>(headers: &'a HeaderMap, names: &'a [String]) -> impl Iterator<Item = String> + 'a {
    names
        .iter()
        .flat_map(|name| headers.get_all(name.as_str()))
        .filter_map(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

/// The one common name of a certificate's subject; several are nobody's.
fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    names.next().is_none().then_some(name)
}

#[cfg(test)]
#[path = "front_proxy_tests.rs"]
mod tests;
