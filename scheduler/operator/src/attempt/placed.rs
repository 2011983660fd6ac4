//! Where an attempt's pods are to go, and where they are (P7). Not to be known here: when either is asked for.

use edugrid_units::{NodeName, RolePlacement, Stamp};

use super::{Attempt, Todo};
use crate::pods::OwnPod;

impl Attempt {
    pub(super) fn pins(&self) -> Vec<Todo> {
        if !self.complete() {
            return Vec::new();
        }
        self.pods
            .values()
            .filter(|pod| pod.gated)
            .filter_map(|pod| self.pin(pod))
            .collect()
    }

    fn pin(&self, pod: &OwnPod) -> Option<Todo> {
        if self.pinning.get(&pod.uid) == Some(&pod.resource_version) {
            return None;
        }
        let planned = self
            .admission
            .placement
            .iter()
            .find(|role| role.role == pod.role)?;
        Some(Todo::Pin {
            pod: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: pod.resource_version.clone(),
            node: planned.node_of(pod.index)?.clone(),
        })
    }

    /// The start, once all pods are bound: the real nodes replace the planned (P7).
    pub(super) fn bound(&self) -> Option<Todo> {
        if !self.complete() {
            return None;
        }
        let mut at = Stamp::default();
        for pod in self.pods.values() {
            pod.node.as_ref()?;
            at = at.max(pod.scheduled?);
        }
        let placement = self
            .admission
            .placement
            .iter()
            .map(|role| self.real(role))
            .collect();
        // A stamp has whole seconds, so it may lie before the decision it follows from.
        Some(Todo::Start {
            placement,
            at: at.max(Stamp::from_seconds(self.admission.at.seconds())),
        })
    }

    fn real(&self, role: &RolePlacement) -> RolePlacement {
        let mut nodes: Vec<(NodeName, u32)> = Vec::new();
        let mut pods: Vec<&OwnPod> = self
            .pods
            .values()
            .filter(|pod| pod.role == role.role)
            .collect();
        pods.sort_by_key(|pod| pod.index);
        for node in pods.into_iter().filter_map(|pod| pod.node.as_ref()) {
            match nodes.iter_mut().find(|(name, _)| name == node) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => nodes.push((node.clone(), 1)),
            }
        }
        RolePlacement {
            nodes,
            ..role.clone()
        }
    }
}
