//! What the objects say: the stamps in jobs' status, and those of pods that still exist.

use edugrid_crds::{ComputeJob, job_status, labels};
use edugrid_translate::stamp;
use edugrid_units::{AttemptKey, Stamp};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Resource,
    api::{ListParams, ObjectList},
};
use serde::de::DeserializeOwned;

use crate::{
    cluster::{self, Cluster},
    failure::Failure,
};

/// Objects of one page.
const PAGE: u32 = 500;

/// A job as its object tells it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its UID.
    pub uid: String,
    /// `namespace/name`.
    pub name: String,
    /// What its status says of its attempts.
    pub attempts: Vec<job_status::Attempt>,
}

/// A pod of ours, in real time.
#[derive(Clone, Debug)]
pub struct OwnPod {
    /// The attempt it belongs to.
    pub key: AttemptKey,
    /// `namespace/name`.
    pub name: String,
    /// When it was bound.
    pub scheduled: Option<Stamp>,
    /// When its last container finished; only where all have.
    pub finished: Option<Stamp>,
}

/// The pods of an attempt together, in the books' time.
#[derive(Clone, Debug, Default)]
pub struct Gang {
    /// How many there are.
    pub pods: u32,
    /// The latest binding, and the pod that had it; `None` once one wasn't bound.
    pub scheduled: Option<(Stamp, String)>,
    /// The latest end, and the pod that had it; `None` once one hasn't ended.
    pub finished: Option<(Stamp, String)>,
}

impl Gang {
    /// Takes another pod in.
    pub fn add(&mut self, pod: &OwnPod, by_clock: impl Fn(Stamp) -> Stamp) {
        let first = self.pods == 0;
        let latest = |so_far: Option<(Stamp, String)>, stamp: Option<Stamp>| {
            let stamp = by_clock(stamp?);
            match so_far {
                Some(so_far) => Some(so_far.max((stamp, pod.name.clone()))),
                None => first.then(|| (stamp, pod.name.clone())),
            }
        };
        self.scheduled = latest(self.scheduled.take(), pod.scheduled);
        self.finished = latest(self.finished.take(), pod.finished);
        self.pods = self.pods.saturating_add(1);
    }
}

/// All jobs.
///
/// # Errors
/// If they can't be listed.
pub async fn jobs(cluster: &Cluster) -> Result<Vec<Job>, Failure> {
    let api = Api::<ComputeJob>::all(cluster.client().clone());
    let mut jobs = Vec::new();
    let params = ListParams::default();
    pages(&api, params, "computejobs.edugrid.io", |job| {
        let metadata = job.metadata;
        jobs.push(Job {
            uid: metadata.uid.unwrap_or_default(),
            name: path(metadata.namespace, metadata.name),
            attempts: job.status.map(|it| it.attempts).unwrap_or_default(),
        });
    })
    .await?;
    Ok(jobs)
}

/// All pods that the operator made.
///
/// # Errors
/// If they can't be listed.
pub async fn pods(cluster: &Cluster) -> Result<Vec<OwnPod>, Failure> {
    let api = Api::<Pod>::all(cluster.client().clone());
    let mut pods = Vec::new();
    let params = ListParams::default().labels(labels::JOB_UID);
    pages(&api, params, "pods", |pod| pods.extend(own(&pod))).await?;
    Ok(pods)
}

/// Lists page by page, handing each object on: no list is in memory whole.
async fn pages<T: Clone + DeserializeOwned + std::fmt::Debug + Resource>(
    api: &Api<T>,
    params: ListParams,
    resource: &str,
    mut each: impl FnMut(T),
) -> Result<(), Failure> {
    let mut params = params.limit(PAGE);
    loop {
        let page: ObjectList<T> = api.list(&params).await.map_err(|error| match &error {
            kube::Error::Api(status) if status.code == 403 => Failure::NoAccess {
                verb: "list",
                resource: resource.to_owned(),
                namespace: None,
                role: "edugrid-auditor",
            },
            other => cluster::failure(other),
        })?;
        page.items.into_iter().for_each(&mut each);
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(());
        }
    }
}

fn own(pod: &Pod) -> Option<OwnPod> {
    let label = |key: &str| pod.metadata.labels.as_ref()?.get(key).map(String::as_str);
    let status = pod.status.as_ref();
    let conditions = status.and_then(|it| it.conditions.as_ref());
    let scheduled = conditions
        .into_iter()
        .flatten()
        .find(|it| it.type_ == "PodScheduled" && it.status == "True")
        .and_then(|it| it.last_transition_time.as_ref());
    let containers = status.and_then(|it| it.container_statuses.as_ref());
    let ends = containers.into_iter().flatten().map(|container| {
        let state = container.state.as_ref()?;
        state.terminated.as_ref()?.finished_at.as_ref().map(stamp)
    });
    // One that hasn't ended makes it unknown.
    let ends: Option<Vec<Stamp>> = ends.collect();
    Some(OwnPod {
        key: AttemptKey {
            job: label(labels::JOB_UID)?.into(),
            task: 0,
            attempt: label(labels::ATTEMPT)?.parse().ok()?,
        },
        name: path(pod.metadata.namespace.clone(), pod.metadata.name.clone()),
        scheduled: scheduled.map(stamp),
        finished: ends.and_then(|ends| ends.into_iter().max()),
    })
}

fn path(namespace: Option<String>, name: Option<String>) -> String {
    format!(
        "{}/{}",
        namespace.unwrap_or_default(),
        name.unwrap_or_default()
    )
}
