//! What becomes of jobs, as a watch tells it: for each when it was first seen, admitted and
//! over. It tells of every admission at once, so that an executor can act on it.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result};
use futures::TryStreamExt;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event};
use tokio::sync::{mpsc, oneshot};

/// When a job came to each point, as watch events told it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// Its object was there.
    pub seen: Option<Instant>,
    /// An attempt of it was open.
    pub admitted: Option<Instant>,
    /// Its phase was final.
    pub over: Option<Instant>,
    /// Whether that phase was Succeeded.
    pub is_well: bool,
}

/// Lives by namespace and name.
pub type Lives = HashMap<(String, String), Life>;

/// An admission.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Namespace and name.
    pub job: (String, String),
    /// The number of its open attempt.
    pub attempt: i64,
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Watches all jobs until so many whose names begin with `prefix` are over; tells when it has
/// seen what there is already, and of their admissions meanwhile.
///
/// # Errors
/// If the watch breaks for good, or nobody takes the admissions.
pub async fn until_over(
    client: Client,
    prefix: &str,
    count: usize,
    ready: oneshot::Sender<()>,
    admissions: mpsc::UnboundedSender<Admitted>,
) -> Result<Lives> {
    let kind = GroupVersionKind::gvk("edugrid.io", "v1alpha1", "ComputeJob");
    let resource = ApiResource::from_gvk_with_plural(&kind, "computejobs");
    let jobs: Api<DynamicObject> = Api::all_with(client, &resource);
    let mut events = Box::pin(watcher::watcher(jobs, watcher::Config::default()));
    let (mut lives, mut over, mut ready) = (Lives::new(), 0, Some(ready));
    while over < count {
        let event = events.try_next().await?.context("the watch ended")?;
        if matches!(event, Event::InitDone)
            && let Some(ready) = ready.take()
        {
            // Who has given up waiting is gone.
            let _ = ready.send(());
        }
        let (Event::Apply(object) | Event::InitApply(object)) = event else {
            continue;
        };
        let name = object.metadata.name.clone().unwrap_or_default();
        if !name.starts_with(prefix) {
            continue;
        }
        let key = (object.metadata.namespace.clone().unwrap_or_default(), name);
        let life = lives.entry(key.clone()).or_default();
        let now = Instant::now();
        life.seen.get_or_insert(now);
        let status = &object.data["status"];
        if life.admitted.is_none()
            && let Some(attempt) = open_attempt(status)
        {
            life.admitted = Some(now);
            let job = key.clone();
            let labels = object.metadata.labels.clone().unwrap_or_default();
            admissions
                .send(Admitted {
                    job,
                    attempt,
                    labels,
                })
                .context("nobody takes the admissions")?;
        }
        let phase = status["phase"].as_str().unwrap_or("");
        if life.over.is_none() && ["Succeeded", "Failed", "Cancelled"].contains(&phase) {
            life.over = Some(now);
            life.is_well = phase == "Succeeded";
            over += 1;
        }
    }
    Ok(lives)
}

fn open_attempt(status: &serde_json::Value) -> Option<i64> {
    let attempts = status["attempts"].as_array()?;
    let open = attempts
        .iter()
        .find(|attempt| attempt["outcome"].is_null())?;
    open["number"].as_i64()
}
