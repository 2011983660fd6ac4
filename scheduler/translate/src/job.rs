//! A `ComputeJob` in the engine's words, and what of it the operator refuses again.

use std::{collections::BTreeMap, sync::Arc};

use edugrid_core::{
    DataClass, Devices, JobSpec, JobType, Request, RoleSpec, TaintEffect, Toleration,
};
use edugrid_crds::{
    ComputeJobSpec,
    compute_job::{self, Executor, JobRole},
};
use edugrid_units::{
    Feature, JobUid, MilliUnits, Reason, ReasonCode, Seconds, Stamp, Subject, TenantName,
};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};

use super::{BadField, duration, money, units, written};
use crate::{requests, template};

/// Grace after SIGTERM where the template gives none (T1).
const GRACE_DEFAULT: Seconds = Seconds(30);
/// The longest grace that a template may ask for; it is planned and not charged (T1).
const GRACE_MAX: Seconds = Seconds(300);

/// What is known of a job beside its spec.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The object's UID.
    pub uid: JobUid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its `metadata.generation`.
    pub generation: i64,
    /// When it was made, in virtual time.
    pub created: Stamp,
}

/// The job for the engine. What can't be read or isn't supported becomes its `blocked`
/// reason: a broken object waits and says why, it never stops the others.
pub fn job(identity: &Identity, spec: &ComputeJobSpec, tenant: TenantName, next: u32) -> JobSpec {
    let mut job = JobSpec {
        uid: identity.uid.clone(),
        namespace: identity.namespace.clone(),
        name: identity.name.clone(),
        generation: identity.generation,
        created: identity.created,
        tenant,
        submitter: spec
            .submitter
            .as_ref()
            .map(|who| who.user.clone())
            .unwrap_or_default(),
        groups: spec.submitter.as_ref().map_or_else(Arc::default, |who| {
            Arc::new(who.groups.iter().cloned().collect())
        }),
        class: Some(spec.class.as_str().into()),
        job_type: JobType::Training,
        walltime: None,
        roles: Vec::new(),
        pools: spec.pools.iter().map(|pool| pool.as_str().into()).collect(),
        vouchers: spec
            .vouchers
            .iter()
            .map(|voucher| voucher.as_str().into())
            .collect(),
        max_cost: None,
        data_class: data_class(spec.data_class),
        grace: (spec.executor == Executor::Kubernetes).then_some(GRACE_DEFAULT),
        held: spec.state == compute_job::DesiredState::Hold,
        not_before: spec.start_after.as_ref().map(written),
        released: None,
        blocked: unsupported(spec),
        next_attempt: next,
    };
    if let Err(bad) = read(spec, &mut job)
        && job.blocked.is_none()
    {
        job.blocked =
            Some(Reason::new(ReasonCode::TemplateRefused).about(Subject::Words(bad.to_string())));
    }
    job
}

/// What this version does not do yet; told at once instead of done halfway.
fn unsupported(spec: &ComputeJobSpec) -> Option<Reason> {
    let what = if spec.type_ != compute_job::JobType::Training {
        Feature::Services
    } else if spec.array.is_some() {
        Feature::Arrays
    } else if !spec.depends_on.is_empty() {
        Feature::Dependencies
    } else if spec
        .roles
        .iter()
        .any(|role| role.min_replicas.is_some() || role.max_replicas.is_some())
    {
        Feature::ElasticRoles
    } else if spec.roles.iter().any(needs_topology) {
        Feature::RequiredTopology
    } else if spec.deadline.is_some() {
        Feature::Deadlines
    } else {
        return None;
    };
    Some(Reason::new(ReasonCode::NotAllowed).about(Subject::NotYet(what)))
}

fn needs_topology(role: &JobRole) -> bool {
    let mode = role.topology.as_ref().map(|wish| wish.mode);
    mode == Some(compute_job::TopologyMode::Required)
}

fn read(spec: &ComputeJobSpec, job: &mut JobSpec) -> Result<(), BadField> {
    if let Some(walltime) = &spec.walltime {
        job.walltime = Some(duration("spec.walltime", walltime.as_str())?);
    }
    if let Some(limit) = &spec.max_cost {
        job.max_cost = Some(money::money("spec.maxCost", limit)?);
    }
    if let (Executor::External, Some(checkpoint)) = (spec.executor, &spec.checkpoint) {
        let notice = duration("spec.checkpoint.notice", checkpoint.notice.as_str())?;
        job.grace = Some(notice);
    }
    for role in &spec.roles {
        let field = format!("spec.roles[{}]", role.name);
        template::check(&field, &role.template)?;
        let pod = pod_spec(&field, role)?;
        if let Some(grace) = pod.termination_grace_period_seconds {
            let grace = Seconds(u64::try_from(grace).unwrap_or(0));
            if grace > GRACE_MAX {
                let words = format!("{grace} is above {GRACE_MAX}");
                let field = format!("{field}.template.spec.terminationGracePeriodSeconds");
                return Err(BadField::words(field, words));
            }
            job.grace = job.grace.map(|known| known.max(grace));
        }
        job.roles.push(self::role(&field, role, &pod)?);
    }
    Ok(())
}

fn pod_spec(field: &str, role: &JobRole) -> Result<PodSpec, BadField> {
    let template = serde_json::to_value(&role.template)
        .and_then(serde_json::from_value::<PodTemplateSpec>)
        .map_err(|error| BadField::words(format!("{field}.template"), error.to_string()))?;
    template
        .spec
        .ok_or_else(|| BadField::words(format!("{field}.template.spec"), "is missing"))
}

fn role(field: &str, role: &JobRole, pod: &PodSpec) -> Result<RoleSpec, BadField> {
    let asked = requests::effective(pod)
        .map_err(|error| BadField::words(format!("{field}.template"), error.to_string()))?;
    let cards = role
        .cards
        .as_ref()
        .map(|cards| units(&format!("{field}.cards"), &cards.text()))
        .transpose()?;
    Ok(RoleSpec {
        name: role.name.as_str().into(),
        replicas: u32::try_from(role.replicas)
            .map_err(|_| BadField::words(format!("{field}.replicas"), "is negative"))?,
        request: Request {
            cpu_milli: asked.cpu_milli,
            memory_mebibytes: asked.memory_mebibytes,
            devices: devices(field, cards, asked.devices)?,
        },
        node_selector: pod.node_selector.clone().unwrap_or_default(),
        tolerations: pod.tolerations.iter().flatten().map(toleration).collect(),
    })
}

/// Cards, or what the template asks for itself; both, and unequal, is refused (API.md).
fn devices(
    field: &str,
    cards: Option<MilliUnits>,
    named: BTreeMap<String, MilliUnits>,
) -> Result<Devices, BadField> {
    match (cards, named.is_empty()) {
        (None | Some(MilliUnits::ZERO), true) => Ok(Devices::None),
        (None, false) => Ok(Devices::Named(named)),
        (Some(cards), true) => Ok(Devices::Cards(cards)),
        (Some(cards), false) => {
            let sum = named
                .values()
                .fold(MilliUnits::ZERO, |sum, n| sum.saturating_add(*n));
            if named.len() == 1 && sum == cards {
                return Ok(Devices::Named(named));
            }
            let words =
                format!("is {cards}, but the template asks for {sum}: leave one of the two out");
            Err(BadField::words(format!("{field}.cards"), words))
        }
    }
}

fn toleration(toleration: &k8s_openapi::api::core::v1::Toleration) -> Toleration {
    let any_value = toleration.operator.as_deref() == Some("Exists");
    Toleration {
        key: toleration.key.clone().filter(|key| !key.is_empty()),
        value: if any_value {
            None
        } else {
            Some(toleration.value.clone().unwrap_or_default())
        },
        effect: toleration.effect.as_deref().and_then(taint_effect),
    }
}

/// The effect of that word.
pub fn taint_effect(word: &str) -> Option<TaintEffect> {
    match word {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

/// The engine's word for a class of data.
pub fn data_class(class: compute_job::DataClass) -> DataClass {
    match class {
        compute_job::DataClass::General => DataClass::General,
        compute_job::DataClass::Important => DataClass::Important,
        compute_job::DataClass::Core => DataClass::Core,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn translate(spec: serde_json::Value) -> JobSpec {
        let spec: ComputeJobSpec = serde_json::from_value(spec).expect("a spec");
        let identity = Identity {
            uid: "u".into(),
            namespace: "ns".into(),
            name: "job".into(),
            generation: 1,
            created: Stamp::default(),
        };
        job(&identity, &spec, "sdu".into(), 1)
    }

    fn one_role(role: serde_json::Value) -> JobSpec {
        translate(json!({"class": "standard", "roles": [role]}))
    }

    fn template(resources: serde_json::Value) -> serde_json::Value {
        json!({"spec": {"containers": [{"name": "main", "image": "i", "resources": resources}]}})
    }

    #[test]
    fn cards_and_the_templates_own_devices() {
        let gpus = |count: &str| template(json!({"limits": {"nvidia.com/gpu": count}}));
        let plain = template(json!({"requests": {"cpu": "2"}}));
        let job = one_role(json!({"name": "w", "replicas": 2, "cards": 8, "template": plain}));
        assert_eq!(
            job.roles[0].request.devices,
            Devices::Cards(MilliUnits::whole(8))
        );
        assert_eq!((job.roles[0].request.cpu_milli, job.blocked), (2000, None));
        let job = one_role(json!({"name": "w", "cards": 8, "template": gpus("8")}));
        assert!(
            matches!(job.roles[0].request.devices, Devices::Named(_)),
            "equal is accepted"
        );
        let job = one_role(json!({"name": "w", "cards": 8, "template": gpus("4")}));
        let reason = job.blocked.expect("refused").to_string();
        assert!(
            reason.contains("spec.roles[w].cards: is 8, but the template asks for 4"),
            "{reason}"
        );
    }

    #[test]
    fn what_is_not_supported_waits_and_says_so() {
        let role = json!({"name": "w", "template": template(json!({}))});
        let job = translate(json!({"roles": [role], "array": {"size": 10, "parallelism": 2}}));
        let reason = job.blocked.expect("blocked");
        assert_eq!(reason.code, ReasonCode::NotAllowed);
        assert!(reason.to_string().contains("spec.array"));
    }

    #[test]
    fn what_would_be_broken_silently_is_refused_aloud() {
        let role =
            |topology| json!({"name": "w", "template": template(json!({})), "topology": topology});
        let required = json!({"level": "rack", "mode": "Required"});
        let job = translate(json!({"roles": [role(required)]}));
        assert!(
            job.blocked
                .expect("blocked")
                .to_string()
                .contains("topology")
        );
        let preferred = json!({"level": "rack", "mode": "Preferred"});
        assert_eq!(translate(json!({"roles": [role(preferred)]})).blocked, None);
    }

    #[test]
    fn a_grace_above_the_bound_is_refused_with_its_field() {
        let template = json!({"spec": {"terminationGracePeriodSeconds": 3600, "containers": []}});
        let job = one_role(json!({"name": "w", "template": template}));
        let reason = job.blocked.expect("blocked");
        assert_eq!(reason.code, ReasonCode::TemplateRefused);
        let reason = reason.to_string();
        assert!(
            reason.contains("terminationGracePeriodSeconds: 1h is above 5m"),
            "{reason}"
        );
    }
}
