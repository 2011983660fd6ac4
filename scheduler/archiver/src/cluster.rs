//! Requests for the ledger's snapshots: which there are, one read, one written. A request that
//! fails is told; only writing asks again, since who writes has all the time there is.

use std::{collections::BTreeMap, time::Duration};

use edugrid_crds::LedgerSnapshotPart;
use edugrid_ledger::{Snapshot, SnapshotError};
use edugrid_translate::snapshot::{self as objects, Unreadable};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Error,
    api::{ListParams, PostParams},
};

/// Names of one page.
const NAMES: u32 = 500;
/// Between tries when the API server does not answer.
const RETRY: Duration = Duration::from_millis(500);
/// The namespace whose UID is the cluster's.
const CLUSTER: &str = "kube-system";

/// Why a snapshot can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadSnapshotError {
    /// The API server does not give it.
    #[error("the api server does not give object {name}")]
    Request {
        /// The object.
        name: String,
        /// What it says.
        #[source]
        source: Box<Error>,
    },
    /// Its manifest isn't one.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It isn't whole.
    #[error(transparent)]
    Damaged(#[from] SnapshotError),
}

/// Why a snapshot isn't written.
#[derive(Debug, thiserror::Error)]
pub enum WriteSnapshotError {
    /// It can't be made an object.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Something else stands there: parts of a writer with other rows.
    #[error("object {0} is there with another content")]
    Other(String),
    /// The API server refuses it.
    #[error("object {name} is refused: {why}")]
    Refused {
        /// The object.
        name: String,
        /// What it says.
        why: String,
    },
}

/// The UID of the cluster that `client` speaks to: that of its namespace `kube-system`.
///
/// # Errors
/// If the API server does not tell it.
pub async fn cluster_uid(client: &Client) -> kube::Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get_metadata(CLUSTER).await?;
    Ok(found.metadata.uid.unwrap_or_default())
}

/// The snapshots of a cluster.
#[derive(Clone)]
pub struct Snapshots {
    api: Api<LedgerSnapshotPart>,
}

impl Snapshots {
    /// Those of the cluster that `client` speaks to.
    pub fn new(client: Client) -> Self {
        Self {
            api: Api::all(client),
        }
    }

    /// The names of all parts, by sequence; none where the kind isn't installed.
    ///
    /// # Errors
    /// If the API server doesn't tell them.
    pub async fn names(&self) -> kube::Result<BTreeMap<u64, Vec<String>>> {
        let mut all: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut params = ListParams::default().limit(NAMES);
        loop {
            let page = match self.api.list_metadata(&params).await {
                Err(Error::Api(status)) if status.code == 404 => return Ok(all),
                page => page?,
            };
            for name in page.items.into_iter().filter_map(|it| it.metadata.name) {
                if let Some((sequence, _)) = objects::sequence_in(&name) {
                    all.entry(sequence).or_default().push(name);
                }
            }
            let more = page.metadata.continue_.filter(|token| !token.is_empty());
            let Some(token) = more else {
                return Ok(all);
            };
            params = params.continue_token(&token);
        }
    }

    /// The sequences of those with a manifest, ascending.
    ///
    /// # Errors
    /// If the API server doesn't tell them.
    pub async fn sequences(&self) -> kube::Result<Vec<u64>> {
        let names = self.names().await?.into_iter();
        let whole = names.filter(|(sequence, names)| {
            let manifest = objects::manifest_name(*sequence);
            names.contains(&manifest)
        });
        Ok(whole.map(|(sequence, _)| sequence).collect())
    }

    /// The snapshot before a segment, with the hashes of its parts checked.
    ///
    /// # Errors
    /// If it isn't there, or not whole.
    pub async fn read(&self, sequence: u64) -> Result<Snapshot, ReadSnapshotError> {
        let manifest = self.get(objects::manifest_name(sequence)).await?;
        let manifest = objects::to_manifest(&manifest)?;
        let mut parts = BTreeMap::new();
        for part in &manifest.parts {
            let name = objects::part_name(sequence, part.section, part.index);
            if let Some(bytes) = objects::bytes_of(&self.get(name).await?) {
                parts.insert((part.section, part.index), bytes);
            }
        }
        let snapshot =
            Snapshot::assemble(manifest, |part| parts.remove(&(part.section, part.index)))?;
        Ok(snapshot)
    }

    async fn get(&self, name: String) -> Result<LedgerSnapshotPart, ReadSnapshotError> {
        self.api.get(&name).await.map_err(|source| {
            let source = Box::new(source);
            ReadSnapshotError::Request { name, source }
        })
    }

    /// Writes a snapshot, its manifest last. Parts that a crash has left there are passed over;
    /// while the API server does not answer, it asks again.
    ///
    /// # Errors
    /// If a part is refused, or another one stands in its place.
    pub async fn write(&self, snapshot: &Snapshot) -> Result<(), WriteSnapshotError> {
        for object in objects::of_snapshot(snapshot)? {
            self.create(&object).await?;
        }
        Ok(())
    }

    async fn create(&self, object: &LedgerSnapshotPart) -> Result<(), WriteSnapshotError> {
        let name = object.metadata.name.clone().unwrap_or_default();
        loop {
            match self.api.create(&PostParams::default(), object).await {
                Ok(_) => return Ok(()),
                Err(Error::Api(status)) if status.code == 409 => {
                    if let Ok(there) = self.api.get(&name).await {
                        let is_same = there.spec == object.spec;
                        return is_same.then_some(()).ok_or(WriteSnapshotError::Other(name));
                    }
                }
                Err(Error::Api(status)) if matches!(status.code, 400 | 403 | 404 | 413 | 422) => {
                    let why = status.message.clone();
                    return Err(WriteSnapshotError::Refused { name, why });
                }
                Err(error) => {
                    tracing::warn!(name, %error, "part of a snapshot not written yet, trying again");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}
