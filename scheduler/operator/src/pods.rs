//! What the operator remembers of a pod instead of the pod (HOUSE: no cached Pods): some
//! hundred bytes with the facts that decide what happens next and what is charged (A5).
//!
//! The only translation from `Pod`. Stamps leave here as virtual time (N5).

use edugrid_crds::labels;
use edugrid_units::{AttemptKey, JobUid, NodeName, RoleName, Stamp};
use k8s_openapi::api::core::v1::{Pod, PodCondition};

pub use edugrid_translate::stamp;

use crate::{
    clock::Clock,
    requests::{self, PodRequest},
};

/// How far a pod has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all of its containers have been started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers exited 0.
    Succeeded,
    /// A container failed, or the pod was taken away.
    Failed,
}

impl PodPhase {
    /// Whether it will never run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The native Job that a pod hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The Job's name.
    pub name: String,
    /// The Job's UID.
    pub uid: String,
}

/// A pod of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPod {
    /// The pod's UID.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// The native Job it hangs on; none if somebody orphaned it.
    pub owner: Option<Owner>,
    /// The attempt it belongs to.
    pub key: AttemptKey,
    /// Its role.
    pub role: RoleName,
    /// Its index within the role, from the native Job.
    pub index: u32,
    /// The version that a patch must name (P7).
    pub resource_version: String,
    /// Whether it still carries the placement gate.
    pub gated: bool,
    /// The node it is bound to.
    pub node: Option<NodeName>,
    /// When kube-scheduler bound it (A5).
    pub scheduled: Option<Stamp>,
    /// When its last container finished (A5); only of a pod in a terminal phase.
    pub finished: Option<Stamp>,
    /// How far it has come.
    pub phase: PodPhase,
    /// Whether it was taken away rather than failing by itself (P8).
    pub disrupted: bool,
    /// Whether its deletion was asked for.
    pub deleting: bool,
}

/// A pod of somebody else that takes capacity from a node (Q4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignPod {
    /// The pod's UID.
    pub uid: String,
    /// Where it is bound.
    pub node: NodeName,
    /// What it holds there.
    pub request: PodRequest,
}

/// What a pod means to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodFact {
    /// One of ours, with its namespace.
    Own(String, OwnPod),
    /// It takes capacity.
    Foreign(ForeignPod),
    /// It takes nothing: not bound, or finished. Its UID.
    Nothing(String),
}

/// Reads a pod. Only pods that carry all of our labels are ours; policy keeps everybody
/// else from writing them.
pub fn read(pod: &Pod, clock: &Clock) -> PodFact {
    if let Some(own) = read_own(pod, clock) {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        return PodFact::Own(namespace, own);
    }
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let bound = pod
        .spec
        .as_ref()
        .and_then(|spec| Some((spec, spec.node_name.as_ref()?)));
    let Some((spec, node)) = bound.filter(|_| !phase(pod).is_terminal()) else {
        return PodFact::Nothing(uid);
    };
    // A running pod's quantities were accepted by the API server; one that we can't count
    // takes nothing we know of.
    let request = requests::effective(spec).unwrap_or_default();
    PodFact::Foreign(ForeignPod {
        uid,
        node: node.as_str().into(),
        request,
    })
}

fn read_own(pod: &Pod, clock: &Clock) -> Option<OwnPod> {
    let label = |key: &str| pod.metadata.labels.as_ref()?.get(key).map(String::as_str);
    let job: JobUid = label(labels::JOB_UID)?.into();
    let role: RoleName = label(labels::ROLE)?.into();
    let attempt = label(labels::ATTEMPT)?.parse().ok()?;
    let index = label("batch.kubernetes.io/job-completion-index")?
        .parse()
        .ok()?;
    let spec = pod.spec.as_ref()?;
    let gates = spec.scheduling_gates.iter().flatten();
    let scheduled = condition(pod, "PodScheduled").filter(|condition| condition.status == "True");
    let phase = phase(pod);
    Some(OwnPod {
        uid: pod.metadata.uid.clone()?,
        name: pod.metadata.name.clone()?,
        owner: owner(pod),
        key: AttemptKey {
            job,
            task: 0,
            attempt,
        },
        role,
        index,
        resource_version: pod.metadata.resource_version.clone().unwrap_or_default(),
        gated: gates
            .into_iter()
            .any(|gate| gate.name == labels::PLACEMENT_GATE),
        node: spec.node_name.as_deref().map(NodeName::from),
        scheduled: scheduled
            .and_then(|condition| condition.last_transition_time.as_ref())
            .map(|time| clock.to_virtual(stamp(time))),
        finished: if phase.is_terminal() {
            finished(pod, clock)
        } else {
            None
        },
        phase,
        disrupted: condition(pod, "DisruptionTarget").is_some_and(|it| it.status == "True"),
        deleting: pod.metadata.deletion_timestamp.is_some(),
    })
}

fn owner(pod: &Pod) -> Option<Owner> {
    let mut references = pod.metadata.owner_references.iter().flatten();
    let job = references.find(|it| it.kind == "Job" && it.controller == Some(true))?;
    Some(Owner {
        name: job.name.clone(),
        uid: job.uid.clone(),
    })
}

fn phase(pod: &Pod) -> PodPhase {
    match pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
    {
        Some("Running") => PodPhase::Running,
        Some("Succeeded") => PodPhase::Succeeded,
        Some("Failed") => PodPhase::Failed,
        _ => PodPhase::Pending,
    }
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status
        .as_ref()?
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == kind)
}

/// The latest `finishedAt` of its containers.
fn finished(pod: &Pod, clock: &Clock) -> Option<Stamp> {
    let containers = pod.status.as_ref()?.container_statuses.iter().flatten();
    containers
        .filter_map(|status| {
            status
                .state
                .as_ref()?
                .terminated
                .as_ref()?
                .finished_at
                .as_ref()
        })
        .map(|time| clock.to_virtual(stamp(time)))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(labels: serde_json::Value, status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "7", "labels": labels},
            "spec": {
                "nodeName": "n1",
                "containers": [{"name": "main", "resources": {"requests": {"nvidia.com/gpu": "8"}}}],
            },
            "status": status,
        }))
        .expect("a pod")
    }

    #[test]
    fn an_own_pod_keeps_the_facts_that_are_charged() {
        let labels = json!({
            "edugrid.io/job-uid": "j", "edugrid.io/role": "worker", "edugrid.io/attempt": "2",
            "batch.kubernetes.io/job-completion-index": "3",
        });
        let status = json!({
            "phase": "Succeeded",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"}],
            "containerStatuses": [{"name": "main", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:01:00Z"}}}],
        });
        let clock = Clock {
            origin: Stamp::from_seconds(1_767_225_600),
            factor: 10,
            real: crate::machine::Machine::REAL.now,
        };
        let PodFact::Own(namespace, own) = read(&pod(labels, status), &clock) else {
            panic!("not ours");
        };
        assert_eq!(
            (namespace.as_str(), own.key.attempt, own.index),
            ("ns", 2, 3)
        );
        assert_eq!(own.scheduled, Some(Stamp::from_seconds(1_767_225_600 + 50)));
        assert_eq!(own.finished, Some(Stamp::from_seconds(1_767_225_600 + 600)));
        assert!(!own.gated && own.phase.is_terminal());
    }

    #[test]
    fn others_count_while_they_are_bound_and_alive() {
        let clock = Clock {
            origin: Stamp(0),
            factor: 1,
            real: crate::machine::Machine::REAL.now,
        };
        let alive = read(&pod(json!({}), json!({"phase": "Running"})), &clock);
        let PodFact::Foreign(foreign) = alive else {
            panic!("not foreign: {alive:?}")
        };
        assert_eq!(foreign.request.devices.len(), 1);
        let done = read(&pod(json!({}), json!({"phase": "Failed"})), &clock);
        assert_eq!(done, PodFact::Nothing("u".into()));
    }
}
