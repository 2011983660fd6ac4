//! The native batch Job of one role of one attempt (P7, P8): gated, one pod per replica,
//! never retried by Kubernetes itself, since a retry is a new attempt with a new placement.
//!
//! Pure: JSON in, JSON out. The template stays opaque, so that fields of a newer
//! Kubernetes than ours pass through untouched.

use edugrid_crds::labels;
use edugrid_units::{AttemptKey, MilliUnits, RoleName, Tier};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Longest part of the job's name in the name of a child (API.md).
const NAME_PART_MAX: usize = 40;

/// The native Job of a role, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NativeJob {
    /// Not there: not created yet, or gone.
    #[default]
    Absent,
    /// Its creation is under way.
    Creating,
    /// It exists.
    Present {
        /// For the delete's precondition (A4).
        uid: String,
        /// Whether it has ended by itself.
        ended: bool,
    },
    /// It vanished, and we had not asked for that: deleted by somebody, or its labels were taken off.
    Lost {
        /// Its UID.
        uid: String,
    },
    /// Its deletion is under way, or has been accepted.
    Deleting {
        /// Its UID.
        uid: String,
    },
}

/// Whose native Job it is.
#[derive(Clone, Debug)]
pub struct Parent<'a> {
    /// The job's namespace.
    pub namespace: &'a str,
    /// The job's name.
    pub name: &'a str,
    /// The attempt; its `job` is the owner's UID.
    pub key: &'a AttemptKey,
    /// The class's tier, which gives the PriorityClass.
    pub tier: Tier,
}

/// The role as its user wrote it.
#[derive(Clone, Debug)]
pub struct Role<'a> {
    /// The role's name.
    pub name: &'a RoleName,
    /// Number of pods.
    pub replicas: u32,
    /// Cards of each, if the role asks by `cards`.
    pub cards: Option<MilliUnits>,
    /// The pod template.
    pub template: &'a Value,
}

/// `<job, at most 40>-<8 hex of hash(uid, role, attempt)>`: the same attempt always has
/// the same name, so a create that is said twice meets its own object (A4).
pub fn child_name(job_name: &str, key: &AttemptKey, role: &RoleName) -> String {
    let mut hash = Sha256::new();
    for part in [
        key.job.as_str(),
        role.as_str(),
        &key.task.to_string(),
        &key.attempt.to_string(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let short: String = hash
        .finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let cut: String = job_name.chars().take(NAME_PART_MAX).collect();
    format!(
        "{}-{short}",
        cut.trim_end_matches(['-', '.']).replace('.', "-")
    )
}

/// The PriorityClass of a tier; all have preemptionPolicy Never (P8).
pub fn priority_class(tier: Tier) -> String {
    format!("edugrid-{}", tier.as_str().to_ascii_lowercase())
}

/// The Job object. `device` is the pool's resource name, written into the first container
/// where the role asks by `cards`.
pub fn job(parent: &Parent<'_>, role: &Role<'_>, device: Option<&str>) -> Value {
    let name = child_name(parent.name, parent.key, role.name);
    let labels = json!({
        labels::JOB: parent.name,
        labels::JOB_UID: parent.key.job.as_str(),
        labels::ROLE: role.name.as_str(),
        labels::ATTEMPT: parent.key.attempt.to_string(),
    });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": parent.namespace,
            "labels": labels,
            "ownerReferences": [{
                "apiVersion": format!("{}/{}", labels::GROUP, labels::VERSION),
                "kind": "ComputeJob",
                "name": parent.name,
                "uid": parent.key.job.as_str(),
                "controller": true,
                "blockOwnerDeletion": false,
            }],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": role.replicas,
            "parallelism": role.replicas,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [{
                "action": "FailJob",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            }]},
            "template": template(parent, role, device, &labels),
        },
    })
}

fn template(parent: &Parent<'_>, role: &Role<'_>, device: Option<&str>, labels: &Value) -> Value {
    let mut template = role.template.clone();
    let metadata = object(
        object(&mut template)
            .entry("metadata")
            .or_insert(Value::Null),
    );
    let own_labels = object(metadata.entry("labels").or_insert(Value::Null));
    own_labels.extend(object(&mut labels.clone()).clone());
    let spec = object(object(&mut template).entry("spec").or_insert(Value::Null));
    spec.insert(
        "schedulingGates".into(),
        json!([{"name": labels::PLACEMENT_GATE}]),
    );
    spec.insert("restartPolicy".into(), json!("Never"));
    spec.insert(
        "priorityClassName".into(),
        json!(priority_class(parent.tier)),
    );
    if let (Some(cards), Some(device)) = (role.cards, device)
        && cards > MilliUnits::ZERO
        && let Some(first) = spec.get_mut("containers").and_then(|list| list.get_mut(0))
    {
        let resources = object(object(first).entry("resources").or_insert(Value::Null));
        for side in ["requests", "limits"] {
            let side = object(resources.entry(side).or_insert(Value::Null));
            side.entry(device)
                .or_insert_with(|| json!(cards.to_string()));
        }
    }
    template
}

/// The map in `value`, which becomes one if it is anything else.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(attempt: u32) -> AttemptKey {
        AttemptKey {
            job: "uid-1".into(),
            task: 0,
            attempt,
        }
    }

    #[test]
    fn names_are_short_stable_and_differ_by_attempt_and_role() {
        let long = "a".repeat(63);
        let name = child_name(&long, &key(1), &"worker".into());
        assert_eq!(name.len(), 49);
        assert_eq!(name, child_name(&long, &key(1), &"worker".into()));
        assert_ne!(name, child_name(&long, &key(2), &"worker".into()));
        assert_ne!(name, child_name(&long, &key(1), &"master".into()));
        assert!(child_name("a.b", &key(1), &"w".into()).starts_with("a-b-"));
    }

    #[test]
    fn the_template_is_gated_and_keeps_what_it_had() {
        let template = json!({
            "metadata": {"labels": {"app": "x"}},
            "spec": {
                "containers": [{"name": "main", "image": "i", "resources": {"requests": {"cpu": "1"}}}],
                "aFieldOfTomorrow": 7,
            },
        });
        let key = key(1);
        let parent = Parent {
            namespace: "ns",
            name: "train",
            key: &key,
            tier: Tier::Standard,
        };
        let role = RoleName::from("worker");
        let role = Role {
            name: &role,
            replicas: 2,
            cards: Some(MilliUnits::whole(4)),
            template: &template,
        };
        let job = job(&parent, &role, Some("nvidia.com/gpu"));
        let pod = &job["spec"]["template"];
        assert_eq!(pod["spec"]["aFieldOfTomorrow"], 7);
        assert_eq!(pod["metadata"]["labels"]["app"], "x");
        assert_eq!(pod["metadata"]["labels"]["edugrid.io/job-uid"], "uid-1");
        assert_eq!(
            pod["spec"]["schedulingGates"][0]["name"],
            "edugrid.io/placement"
        );
        let resources = &pod["spec"]["containers"][0]["resources"];
        assert_eq!(
            resources["requests"],
            json!({"cpu": "1", "nvidia.com/gpu": "4"})
        );
        assert_eq!(resources["limits"], json!({"nvidia.com/gpu": "4"}));
        assert_eq!(job["spec"]["backoffLimit"], 0);
    }
}
