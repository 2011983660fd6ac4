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
    let (mut watched, mut ready) = (Watched::default(), Some(ready));
    while watched.over < count {
        let object = match events.try_next().await?.context("the watch ended")? {
            Event::Apply(object) | Event::InitApply(object) => object,
            Event::InitDone => {
                if let Some(ready) = ready.take() {
                    // Who has given up waiting is gone.
                    let _ = ready.send(());
                }
                continue;
            }
            Event::Init | Event::Delete(_) => continue,
        };
        let is_ours = |name: &String| name.starts_with(prefix);
        if object.metadata.name.as_ref().is_some_and(is_ours)
            && let Some(admitted) = watched.see(&object)
        {
            let sent = admissions.send(admitted);
            sent.context("nobody takes the admissions")?;
        }
    }
    Ok(watched.lives)
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Watched {
    lives: Lives,
    /// How many are over.
    over: usize,
}

impl Watched {
    /// Takes in what a job is now; tells of its first admission.
    fn see(&mut self, object: &DynamicObject) -> Option<Admitted> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let key = (object.metadata.namespace.clone().unwrap_or_default(), name);
        let life = self.lives.entry(key.clone()).or_default();
        let now = Instant::now();
        life.seen.get_or_insert(now);
        let status = &object.data["status"];
        let phase = status["phase"].as_str().unwrap_or("");
        if life.over.is_none() && ["Succeeded", "Failed", "Cancelled"].contains(&phase) {
            life.over = Some(now);
            life.is_well = phase == "Succeeded";
            self.over += 1;
        }
        let attempt = open_attempt(status).filter(|_| life.admitted.is_none())?;
        life.admitted = Some(now);
        Some(Admitted {
            job: key,
            attempt,
            labels: object.metadata.labels.clone().unwrap_or_default(),
        })
    }
}

fn open_attempt(status: &serde_json::Value) -> Option<i64> {
    let attempts = status["attempts"].as_array()?;
    let open = attempts
        .iter()
        .find(|attempt| attempt["outcome"].is_null())?;
    open["number"].as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &serde_json::Value) -> DynamicObject {
        let object = serde_json::json!({
            "metadata": {"namespace": "cq-0-0", "name": "r0-small-1", "labels": {"a": "b"}},
            "status": status,
        });
        serde_json::from_value(object).expect("an object")
    }

    #[test]
    fn a_life_is_told_once_admitted_and_once_over() {
        let mut watched = Watched::default();
        let open = serde_json::json!({"phase": "Admitted", "attempts": [{"number": 1}]});
        let ended = serde_json::json!({
            "phase": "Succeeded", "attempts": [{"number": 1, "outcome": "Succeeded"}],
        });
        assert!(watched.see(&job(&serde_json::Value::Null)).is_none());
        let admitted = watched.see(&job(&open)).expect("an open attempt");
        assert_eq!((admitted.attempt, admitted.labels.len()), (1, 1));
        assert!(watched.see(&job(&open)).is_none(), "a second time");
        for _ in 0..2 {
            assert!(watched.see(&job(&ended)).is_none());
        }
        assert_eq!((watched.over, watched.lives.len()), (1, 1));
        assert!(watched.lives.values().all(|life| life.is_well));
    }
}
