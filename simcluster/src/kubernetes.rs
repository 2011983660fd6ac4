//! The rest of Kubernetes: Job controller, scheduler, kubelets, garbage collector, as far as
//! an attempt's life needs them. It remembers the truth that the operator is measured by:
//! when each pod was bound and when it finished.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    api::{Key, Kind, Store, stamp},
    hands::mark_deleted,
    random::Random,
};

/// How long pods of a template run, in seconds of the cluster's time, and how they end.
pub const RUN_FOR: &str = "simcluster/run-for";
/// See [`RUN_FOR`].
pub const EXIT_CODE: &str = "simcluster/exit-code";

/// A node that says nothing for so long loses its pods.
const EVICT_AFTER_MILLIS: u64 = 8_000;

/// What is coming to a pod, and what came.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Labels that say whose it is: job UID, attempt, role, index.
    pub of: (String, String, String, String),
    /// Its node.
    pub node: Option<String>,
    /// When it was bound, in whole seconds.
    pub bound: Option<i64>,
    /// When its container finished.
    pub finished: Option<i64>,
    bind_at: Option<u64>,
    run_at: u64,
    end_at: u64,
    gone_at: Option<u64>,
}

/// See the module.
#[derive(Debug)]
pub struct Kubernetes {
    random: Random,
    /// All pods there ever were, by UID.
    pub pods: BTreeMap<String, Pod>,
    /// Native Job UID and index of every pod that was made.
    made: BTreeSet<(String, u64)>,
    /// Nodes that say nothing, and since when.
    pub silent: BTreeMap<String, u64>,
}

fn kind(group: &str, plural: &str) -> Kind {
    Kind::new(group, plural)
}

impl Kubernetes {
    /// Before anything has happened.
    pub fn new(random: Random) -> Self {
        Self {
            random,
            pods: BTreeMap::new(),
            made: BTreeSet::new(),
            silent: BTreeMap::new(),
        }
    }

    /// One look of every controller.
    pub fn pass(&mut self, store: &mut Store, now: u64) {
        empty_namespaces(store);
        self.collect(store);
        self.run_jobs(store, now);
        self.bind(store, now);
        self.run_pods(store, now);
    }

    /// What belongs to something that is gone, goes.
    fn collect(&mut self, store: &mut Store) {
        let mut uids = BTreeSet::new();
        for of in [kind("edugrid.io", "computejobs"), kind("batch", "jobs")] {
            uids.extend(
                store
                    .all(&of)
                    .filter_map(|(_, object)| text(&object["metadata"]["uid"])),
            );
        }
        let orphans = |of: &Kind, store: &Store| -> Vec<Key> {
            let is_orphan = |object: &Value| {
                let owner = text(&object["metadata"]["ownerReferences"][0]["uid"]);
                owner.is_some_and(|owner| !uids.contains(&owner))
            };
            let all = store.all(of).filter(|(_, object)| is_orphan(object));
            all.map(|(key, _)| key.clone()).collect()
        };
        for key in orphans(&kind("batch", "jobs"), store) {
            store.delete(&key);
        }
        for key in orphans(&kind("", "pods"), store) {
            mark_deleted(store, &key);
        }
    }

    fn run_jobs(&mut self, store: &mut Store, now: u64) {
        let jobs: Vec<(Key, Value)> = store
            .all(&kind("batch", "jobs"))
            .map(|(key, job)| (key.clone(), (**job).clone()))
            .collect();
        for (key, job) in jobs {
            if !job["status"]["conditions"].is_null() {
                continue;
            }
            let Some(uid) = text(&job["metadata"]["uid"]) else {
                continue;
            };
            let wanted = job["spec"]["completions"].as_u64().unwrap_or(0);
            let pods: Vec<(Key, Value)> = store
                .all(&kind("", "pods"))
                .filter(|(_, pod)| pod["metadata"]["ownerReferences"][0]["uid"] == uid.as_str())
                .map(|(key, pod)| (key.clone(), (**pod).clone()))
                .collect();
            let phase = |phase: &str| {
                pods.iter()
                    .filter(|(_, pod)| pod["status"]["phase"] == phase)
                    .count()
            };
            let mut made = 0;
            for index in 0..wanted {
                made += u64::from(self.made.contains(&(uid.clone(), index)));
            }
            let lost = usize::try_from(made).unwrap_or(0) > pods.len();
            if phase("Failed") > 0 || lost {
                self.fail(store, &key, &pods);
            } else if u64::try_from(phase("Succeeded")).unwrap_or(0) == wanted {
                store.edit(&key, |job| job["status"] = ended("Complete", wanted, 0));
            } else {
                for index in 0..wanted {
                    // One after the other, as a controller under load makes them.
                    if !self.made.contains(&(uid.clone(), index)) && self.random.per_mille(700) {
                        self.make(store, &job, &uid, index, now);
                    }
                }
            }
        }
    }

    /// A Job that failed takes its other pods along before it says so.
    fn fail(&mut self, store: &mut Store, key: &Key, pods: &[(Key, Value)]) {
        let is_active = |pod: &Value| {
            !matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            )
        };
        let active: Vec<_> = pods.iter().filter(|(_, pod)| is_active(pod)).collect();
        for (pod, _) in &active {
            mark_deleted(store, pod);
        }
        if active.is_empty() {
            store.edit(key, |job| job["status"] = ended("Failed", 0, 1));
        }
    }

    fn make(&mut self, store: &mut Store, job: &Value, uid: &str, index: u64, now: u64) {
        let metadata = &job["metadata"];
        let template = &job["spec"]["template"];
        let (Some(name), Some(namespace)) = (text(&metadata["name"]), text(&metadata["namespace"]))
        else {
            return;
        };
        self.made.insert((uid.to_owned(), index));
        let name = format!("{name}-{index}-{:05x}", self.random.below(1 << 20));
        let mut labels = template["metadata"]["labels"].clone();
        labels["batch.kubernetes.io/job-completion-index"] = json!(index.to_string());
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "labels": labels,
                "annotations": template["metadata"]["annotations"],
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "controller": true,
                                     "name": metadata["name"], "uid": uid}],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        });
        let key = Key::new("", "pods", &namespace, &name);
        let pod = store.create(key, pod);
        let label = |name: &str| text(&pod["metadata"]["labels"][name]).unwrap_or_default();
        let of = [
            "edugrid.io/job-uid",
            "edugrid.io/attempt",
            "edugrid.io/role",
        ]
        .map(label);
        let [job, attempt, role] = of;
        let run_for = seconds(&pod, RUN_FOR) * 1000;
        let pod_uid = text(&pod["metadata"]["uid"]).unwrap_or_default();
        let plan = Pod {
            of: (job, attempt, role, index.to_string()),
            run_at: self.random.between(50, 1500),
            end_at: run_for,
            ..Pod::default()
        };
        let _ = now;
        self.pods.insert(pod_uid, plan);
    }

    /// Binds what has no gate any more, where there is room.
    fn bind(&mut self, store: &mut Store, now: u64) {
        let waiting: Vec<(Key, Value)> = store
            .all(&kind("", "pods"))
            .filter(|(_, pod)| {
                pod["spec"]["nodeName"].is_null() && pod["metadata"]["deletionTimestamp"].is_null()
            })
            .filter(|(_, pod)| {
                pod["spec"]["schedulingGates"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
            })
            .map(|(key, pod)| (key.clone(), (**pod).clone()))
            .collect();
        for (key, pod) in waiting {
            let delay = self.random.between(0, 900);
            let Some(plan) = text(&pod["metadata"]["uid"]).and_then(|uid| self.pods.get_mut(&uid))
            else {
                continue;
            };
            if now < *plan.bind_at.get_or_insert(now + delay) {
                continue;
            }
            let Some(node) = text(&pod["spec"]["nodeSelector"]["kubernetes.io/hostname"]) else {
                continue;
            };
            if !has_room(store, &node, cards(&pod)) {
                continue;
            }
            plan.node = Some(node.clone());
            plan.bound = Some(store.now_seconds);
            plan.run_at += now;
            plan.end_at += plan.run_at;
            let at = stamp(store.now_seconds);
            store.edit(&key, |pod| {
                pod["spec"]["nodeName"] = json!(node);
                pod["status"]["conditions"] = json!([
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": at}]);
            });
        }
    }

    /// What the kubelets do, and what is done for those that say nothing.
    fn run_pods(&mut self, store: &mut Store, now: u64) {
        let pods: Vec<(Key, Value)> = store
            .all(&kind("", "pods"))
            .map(|(key, pod)| (key.clone(), (**pod).clone()))
            .collect();
        for (key, pod) in pods {
            let uid = text(&pod["metadata"]["uid"]).unwrap_or_default();
            let node = text(&pod["spec"]["nodeName"]);
            let phase = text(&pod["status"]["phase"]).unwrap_or_default();
            let is_over = matches!(phase.as_str(), "Succeeded" | "Failed");
            let exists = |node: &str| store.get(&Key::new("", "nodes", "", node)).is_some();
            let gone = node.as_deref().is_some_and(|node| !exists(node));
            let silent = node
                .as_ref()
                .and_then(|node| self.silent.get(node))
                .copied();
            let grace = self.random.between(200, 2500);
            let Some(plan) = self.pods.get_mut(&uid) else {
                continue;
            };
            let dying = !pod["metadata"]["deletionTimestamp"].is_null();
            if gone || silent.is_some_and(|since| now > since + EVICT_AFTER_MILLIS && !is_over) {
                store.delete(&key);
            } else if silent.is_some() {
                continue;
            } else if dying && node.is_none() {
                store.delete(&key);
            } else if dying {
                if now < *plan.gone_at.get_or_insert(now + grace) {
                    continue;
                }
                if is_over {
                    store.delete(&key);
                } else {
                    // The last that is seen of it, before its object goes with the next pass.
                    plan.finished = Some(store.now_seconds);
                    let at = stamp(store.now_seconds);
                    store.edit(&key, |pod| finish(pod, 137, &at));
                }
            } else if node.is_some() && phase == "Pending" && now >= plan.run_at {
                store.edit(&key, |pod| pod["status"]["phase"] = json!("Running"));
            } else if phase == "Running" && now >= plan.end_at {
                plan.finished = Some(store.now_seconds);
                let code = i64::try_from(seconds(&pod, EXIT_CODE)).unwrap_or(1);
                let at = stamp(store.now_seconds);
                store.edit(&key, |pod| finish(pod, code, &at));
            }
        }
    }
}

/// What is in a namespace that is being deleted goes, and in the end the namespace.
fn empty_namespaces(store: &mut Store) {
    let going: Vec<Key> = store
        .all(&kind("", "namespaces"))
        .filter(|(_, namespace)| !namespace["metadata"]["deletionTimestamp"].is_null())
        .map(|(key, _)| key.clone())
        .collect();
    for namespace in going {
        let of = |kind: &Kind, store: &Store| -> Vec<Key> {
            let all = store.all(kind).map(|(key, _)| key);
            all.filter(|key| key.namespace == namespace.name)
                .cloned()
                .collect()
        };
        for gone in [kind("edugrid.io", "computejobs"), kind("batch", "jobs")] {
            for key in of(&gone, store) {
                store.delete(&key);
            }
        }
        let pods = of(&kind("", "pods"), store);
        for pod in &pods {
            mark_deleted(store, pod);
        }
        if pods.is_empty() {
            store.delete(&namespace);
        }
    }
}

fn finish(pod: &mut Value, code: i64, at: &str) {
    pod["status"]["phase"] = json!(if code == 0 { "Succeeded" } else { "Failed" });
    pod["status"]["containerStatuses"] = json!([{
        "name": "main", "ready": false, "restartCount": 0, "image": "", "imageID": "",
        "state": {"terminated": {"exitCode": code, "finishedAt": at}}}]);
}

fn ended(condition: &str, succeeded: u64, failed: u64) -> Value {
    json!({"succeeded": succeeded, "failed": failed,
           "conditions": [{"type": condition, "status": "True"}]})
}

/// Whether a node is there, takes pods and has so many cards left.
fn has_room(store: &Store, node: &str, cards: u64) -> bool {
    let Some(object) = store.get(&Key::new("", "nodes", "", node)) else {
        return false;
    };
    if object["status"]["conditions"][0]["status"] != "True" {
        return false;
    }
    let has = quantity(&object["status"]["allocatable"]["nvidia.com/gpu"]);
    let is_on_it = |pod: &Value| {
        pod["spec"]["nodeName"] == node
            && !matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            )
    };
    let pods = store
        .all(&kind("", "pods"))
        .filter(|(_, pod)| is_on_it(pod));
    let used: u64 = pods.map(|(_, pod)| self::cards(pod)).sum();
    used + cards <= has
}

/// Cards that a pod asks for.
pub fn cards(pod: &Value) -> u64 {
    quantity(&pod["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"])
}

fn quantity(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn seconds(pod: &Value, annotation: &str) -> u64 {
    quantity(&pod["metadata"]["annotations"][annotation])
}

/// A string, if it is one.
pub fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
