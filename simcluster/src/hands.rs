//! What people do by hand that the operator would never do: they have the rights of whoever owns the cluster, and no
//! policy refuses it. Not to be known here: what the operator does about it.

use serde_json::{Value, json};

use crate::{
    api::{Key, Kind, Store, stamp},
    random::Random,
    world::NAMESPACES,
};

/// See the module.
#[derive(Debug)]
pub struct Hands {
    random: Random,
}

impl Hands {
    /// Nobody has done anything yet.
    pub fn new(random: Random) -> Self {
        Self { random }
    }

    /// Something else in a job's status. Its epoch never falls (a rule of the CRD).
    pub fn edit_status(&mut self, store: &mut Store) -> String {
        let told = |job: &Value| !job["status"]["epoch"].is_null();
        let Some(job) = self.one_of(store, &Kind::new("edugrid.io", "computejobs"), told) else {
            return "no status".to_owned();
        };
        let phase = ["Pending", "Admitted", "Running", "Succeeded", "Failed"][self.random.index(5)];
        let what = self.random.below(4);
        let by = i64::try_from(self.random.between(1, 3)).unwrap_or(1);
        store.edit(&job, |job| {
            let status = &mut job["status"];
            match what {
                0 => status["phase"] = json!(phase),
                1 => status["attempts"] = json!([]),
                2 => status["message"] = json!("all is well"),
                _ => {
                    status["epoch"] = json!(status["epoch"].as_i64().unwrap_or(0) + by);
                    status["phase"] = json!(phase);
                }
            }
        });
        format!("status of {}, {what}", job.name)
    }

    /// A native Job without what it started, or the other way round.
    pub fn take_native(&mut self, store: &mut Store) -> String {
        let unfinished = |job: &Value| job["status"]["conditions"].is_null();
        let Some(job) = self.one_of(store, &Kind::new("batch", "jobs"), unfinished) else {
            return "no native Job".to_owned();
        };
        let uid = store.get(&job).map(|job| job["metadata"]["uid"].clone());
        let is_of_it =
            |pod: &Value| Some(&pod["metadata"]["ownerReferences"][0]["uid"]) == uid.as_ref();
        let pods: Vec<(Key, bool)> = store
            .all(&Kind::new("", "pods"))
            .filter(|(_, pod)| is_of_it(pod))
            .map(|(key, pod)| (key.clone(), !pod["spec"]["nodeName"].is_null()))
            .collect();
        // An orphan that is not bound is nobody's: it waits until somebody deletes it, as its attempt does.
        let all_bound = pods.iter().all(|(_, is_bound)| *is_bound);
        let what = match self.random.below(3) {
            0 => {
                store.edit(&job, |job| {
                    if let Some(labels) = job["metadata"]["labels"].as_object_mut() {
                        labels.clear();
                    }
                });
                "its labels"
            }
            1 if all_bound => {
                for (pod, _) in &pods {
                    store.edit(pod, |pod| pod["metadata"]["ownerReferences"] = json!([]));
                }
                store.delete(&job);
                "without its pods"
            }
            _ => {
                store.delete(&job);
                "all of it"
            }
        };
        format!("native Job {}, {what}", job.name)
    }

    /// A pod that has not ended.
    pub fn take_pod(&mut self, store: &mut Store) -> String {
        let lives = |pod: &Value| {
            !matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            ) && pod["metadata"]["deletionTimestamp"].is_null()
        };
        let Some(pod) = self.one_of(store, &Kind::new("", "pods"), lives) else {
            return "no pod".to_owned();
        };
        mark_deleted(store, &pod);
        format!("pod {}", pod.name)
    }

    /// A namespace; what is in it goes with the passes of its controller.
    pub fn take_namespace(&mut self, store: &mut Store) -> String {
        // Seldom: it takes a third of all jobs along.
        if !self.random.per_mille(150) {
            return "nothing".to_owned();
        }
        let name = NAMESPACES[self.random.index(NAMESPACES.len())];
        mark_deleted(store, &Key::new("", "namespaces", "", name));
        format!("namespace {name}")
    }

    /// The lease.
    pub fn take_lease(&mut self, store: &mut Store) -> String {
        let leases = Kind::new("coordination.k8s.io", "leases");
        let Some(lease) = self.one_of(store, &leases, |_| true) else {
            return "no lease".to_owned();
        };
        if self.random.per_mille(500) {
            store.delete(&lease);
            return "the lease is deleted".to_owned();
        }
        store.edit(&lease, |lease| {
            lease["spec"]["holderIdentity"] = json!("somebody");
        });
        "the lease is somebody's".to_owned()
    }

    fn one_of(
        &mut self,
        store: &Store,
        kind: &Kind,
        is_fit: impl Fn(&Value) -> bool,
    ) -> Option<Key> {
        let all: Vec<Key> = store
            .all(kind)
            .filter(|(_, object)| is_fit(object))
            .map(|(key, _)| key.clone())
            .collect();
        self.random.pick(&all).cloned()
    }
}

/// Asks for an object's end, as a delete with a grace period does.
pub fn mark_deleted(store: &mut Store, key: &Key) {
    let now = stamp(store.now_seconds);
    store.edit(key, |object| {
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(now);
        }
    });
}
