//! Tenants, classes, pools and nodes in the engine's words.

use edugrid_core::{
    Bundle, ClassSpec, ClassSubject, Counts, NodeResources, NodeSpec, OnQuotaCut, PoolSpec,
    QuotaSpec, Taint, TenantLimits, TenantSpec,
};
use edugrid_crds::{
    JobClassSpec, TenantSpec as TenantObject,
    compute_pool::{self, ComputePoolSpec},
    job_class,
    tenant::{
        AllowedClass, Lifecycle, Limits, PoolQuota, QuotaCut, StopPolicy, Subject, SubjectKind,
    },
    text::Quantity,
};
use edugrid_units::{ComputeKind, Seconds, Stamp, Tier};
use k8s_openapi::api::core::v1::Node;

use super::{BadField, duration, job, money::ratio, units};
use crate::requests;

/// What every cluster-scoped object of ours has.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.uid`.
    pub uid: &'a str,
    /// `metadata.creationTimestamp`, in virtual time.
    pub created: Stamp,
}

/// The tenant for the engine.
///
/// # Errors
/// If a field can't be read or is not supported.
pub fn tenant(header: Header<'_>, spec: &TenantObject) -> Result<TenantSpec, BadField> {
    Ok(TenantSpec {
        name: header.name.into(),
        uid: header.uid.to_owned(),
        created: header.created,
        parent: spec.parent.as_deref().map(Into::into),
        quotas: spec.quotas.iter().map(quota).collect::<Result<_, _>>()?,
        weight: u32::try_from(spec.fair_share.weight).unwrap_or(1).max(1),
        limits: spec
            .limits
            .as_ref()
            .map(|all| limits("spec.limits", &all.own))
            .transpose()?
            .unwrap_or_default(),
        user_limits: spec
            .limits
            .as_ref()
            .and_then(|all| all.per_user.as_ref())
            .map(|user| limits("spec.limits.perUser", user))
            .transpose()?
            .unwrap_or_default(),
        classes: (!spec.classes.is_empty()).then(|| {
            let class = |class: &AllowedClass| {
                let subjects = class.subjects.iter().map(subject).collect();
                (class.name.as_str().into(), subjects)
            };
            spec.classes.iter().map(class).collect()
        }),
        on_cut: on_cut(spec)?,
        stopped: spec.stop_policy != StopPolicy::None || spec.state == Lifecycle::Retired,
    })
}

/// What a tenant declares and this version does not act on; told in its status, so that
/// nobody relies on it.
pub fn not_acted_on(spec: &TenantObject) -> Vec<&'static str> {
    let facts = [(
        spec.stop_policy == StopPolicy::HoldAndDrain,
        "stopPolicy: HoldAndDrain (it acts like Hold)",
    )];
    facts
        .into_iter()
        .filter(|(declared, _)| *declared)
        .map(|(_, field)| field)
        .collect()
}

/// Without a delay a cut is taken back at once.
fn on_cut(spec: &TenantObject) -> Result<OnQuotaCut, BadField> {
    let delay = spec.reclaim_delay.as_ref();
    let delay = delay.map(|delay| duration("spec.reclaimDelay", delay.as_str()));
    Ok(match spec.on_quota_cut {
        QuotaCut::Keep => OnQuotaCut::Keep,
        QuotaCut::Reclaim => OnQuotaCut::Reclaim {
            delay: delay.transpose()?.unwrap_or(Seconds(0)),
        },
    })
}

fn limits(field: &str, limits: &Limits) -> Result<TenantLimits, BadField> {
    let cards = |name: &str, cards: Option<&Quantity>| {
        let field = format!("{field}.{name}");
        cards.map(|cards| units(&field, &cards.text())).transpose()
    };
    let field = format!("{field}.walltime");
    let walltime = limits.walltime.as_ref();
    Ok(TenantLimits {
        running_jobs: limits
            .running_jobs
            .and_then(|jobs| u32::try_from(jobs).ok()),
        pending_jobs: limits
            .pending_jobs
            .and_then(|jobs| u32::try_from(jobs).ok()),
        cards: cards("cards", limits.cards.as_ref())?,
        cards_per_job: cards("cardsPerJob", limits.cards_per_job.as_ref())?,
        walltime: walltime
            .map(|time| duration(&field, time.as_str()))
            .transpose()?,
    })
}

/// A service account is a user with the name that the API server gives it.
fn subject(subject: &Subject) -> ClassSubject {
    let name = subject.name.clone();
    match subject.kind {
        SubjectKind::User => ClassSubject::User(name),
        SubjectKind::Group => ClassSubject::Group(name),
        SubjectKind::ServiceAccount => {
            let namespace = subject.namespace.as_deref().unwrap_or_default();
            ClassSubject::User(format!("system:serviceaccount:{namespace}:{name}"))
        }
    }
}

fn quota(quota: &PoolQuota) -> Result<QuotaSpec, BadField> {
    let field = |name: &str| format!("spec.quotas[{}].{name}", quota.pool);
    let read = |name: &str, quantity: Option<&Quantity>| {
        quantity
            .map(|quantity| units(&field(name), &quantity.text()))
            .transpose()
    };
    Ok(QuotaSpec {
        pool: quota.pool.as_str().into(),
        nominal: read("nominal", quota.nominal.as_ref())?,
        share: quota.share.and_then(|share| u32::try_from(share).ok()),
        borrowing_limit: read("borrowingLimit", quota.borrowing_limit.as_ref())?,
        lending_limit: read("lendingLimit", quota.lending_limit.as_ref())?,
    })
}

/// The class for the engine.
///
/// # Errors
/// If a field can't be read.
pub fn class(name: &str, spec: &JobClassSpec) -> Result<ClassSpec, BadField> {
    Ok(ClassSpec {
        name: name.into(),
        tier: match spec.tier {
            job_class::Tier::Emergency => Tier::Emergency,
            job_class::Tier::Mission => Tier::Mission,
            job_class::Tier::Standard => Tier::Standard,
            job_class::Tier::Scavenger => Tier::Scavenger,
        },
        priority: spec.priority,
        preemptible: spec.preemptible,
        default_walltime: duration("spec.defaultWalltime", spec.default_walltime.as_str())?,
        max_walltime: duration("spec.maxWalltime", spec.max_walltime.as_str())?,
        notice: duration("spec.notice", spec.notice.as_str()).unwrap_or(Seconds(0)),
        price_tier: spec.price_tier.clone(),
        retired: spec.state == Lifecycle::Retired,
    })
}

/// The pool for the engine.
///
/// # Errors
/// If a field can't be read.
pub fn pool(header: Header<'_>, spec: &ComputePoolSpec) -> Result<PoolSpec, BadField> {
    let bundle = spec.bundle.as_ref();
    let cpu = bundle.and_then(|bundle| bundle.cpu.as_ref());
    let memory = bundle.and_then(|bundle| bundle.memory.as_ref());
    Ok(PoolSpec {
        name: header.name.into(),
        created: header.created,
        kind: match spec.kind {
            compute_pool::PoolKind::Intelligent => ComputeKind::Intelligent,
            compute_pool::PoolKind::General => ComputeKind::General,
            compute_pool::PoolKind::Super => ComputeKind::Super,
        },
        owner: spec.owner.as_str().into(),
        node_selector: spec.node_selector.clone(),
        counts: match spec.resource.as_str() {
            "cpu" => Counts::Core,
            device => Counts::Card(device.to_owned()),
        },
        bundle: Bundle {
            cpu_milli: cpu
                .map(|cpu| units("spec.bundle.cpu", &cpu.text()).map(|milli| milli.0))
                .transpose()?,
            memory_mebibytes: memory
                .map(|memory| {
                    edugrid_units::parse_mebibytes(&memory.text())
                        .map_err(|why| BadField::new("spec.bundle.memory", why))
                })
                .transpose()?,
        },
        standard_factor: ratio("spec.standardFactor", &spec.standard_factor)?,
        max_data_class: job::data_class(spec.max_data_class),
        retired: spec.state == Lifecycle::Retired,
    })
}

/// The node for the engine. A quantity that can't be counted counts as nothing.
pub fn node(node: &Node) -> NodeSpec {
    let metadata = &node.metadata;
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    let allocatable = status.allocatable.unwrap_or_default();
    let room = requests::of_quantities("status.allocatable", &allocatable).unwrap_or_default();
    let ready = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taints = spec.taints.iter().flatten().filter_map(|taint| {
        Some(Taint {
            key: taint.key.clone(),
            value: taint.value.clone().unwrap_or_default(),
            effect: job::taint_effect(&taint.effect)?,
        })
    });
    NodeSpec {
        name: metadata.name.as_deref().unwrap_or_default().into(),
        labels: metadata.labels.clone().unwrap_or_default(),
        allocatable: resources(room),
        ready: ready && metadata.deletion_timestamp.is_none(),
        unschedulable: spec.unschedulable.unwrap_or(false),
        taints: taints.collect(),
    }
}

/// A pod's or node's vector in the engine's words.
pub fn resources(request: requests::PodRequest) -> NodeResources {
    NodeResources {
        cpu_milli: request.cpu_milli,
        memory_mebibytes: request.memory_mebibytes,
        devices: request.devices,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_and_classes_of_people_are_read() {
        let spec: TenantObject = serde_json::from_value(json!({
            "limits": {"runningJobs": 5, "cards": "8", "perUser": {"pendingJobs": 3, "walltime": "2h"}},
            "classes": [
                {"name": "standard"},
                {"name": "exam", "subjects": [
                    {"kind": "User", "name": "li"},
                    {"kind": "Group", "name": "office"},
                    {"kind": "ServiceAccount", "name": "ci", "namespace": "lab"},
                ]},
            ],
        }))
        .expect("a tenant");
        let header = Header {
            name: "lab",
            uid: "u",
            created: Stamp::default(),
        };
        let tenant = tenant(header, &spec).expect("it can be read");
        assert_eq!(tenant.limits.running_jobs, Some(5));
        assert_eq!(
            tenant.limits.cards,
            Some(edugrid_units::MilliUnits::whole(8))
        );
        assert_eq!(tenant.user_limits.pending_jobs, Some(3));
        assert_eq!(tenant.user_limits.walltime, Some(Seconds(7200)));
        let classes = tenant.classes.expect("a list");
        assert!(classes["standard"].is_empty(), "for everybody");
        let exam: Vec<_> = classes["exam"].iter().cloned().collect();
        assert_eq!(
            exam,
            [
                ClassSubject::User("li".to_owned()),
                ClassSubject::User("system:serviceaccount:lab:ci".to_owned()),
                ClassSubject::Group("office".to_owned()),
            ]
        );
        assert_eq!(tenant.on_cut, OnQuotaCut::Keep);
        assert_eq!(not_acted_on(&spec), Vec::<&str>::new());
        let draining: TenantObject =
            serde_json::from_value(json!({"stopPolicy": "HoldAndDrain"})).expect("a tenant");
        assert_eq!(not_acted_on(&draining).len(), 1);
    }

    #[test]
    fn what_a_cut_does_is_read() {
        for (spec, expected) in [
            (json!({"onQuotaCut": "Keep"}), OnQuotaCut::Keep),
            (
                json!({"onQuotaCut": "Reclaim", "reclaimDelay": "1h30m"}),
                OnQuotaCut::Reclaim {
                    delay: Seconds(5400),
                },
            ),
            (
                json!({"onQuotaCut": "Reclaim"}),
                OnQuotaCut::Reclaim { delay: Seconds(0) },
            ),
        ] {
            let spec: TenantObject = serde_json::from_value(spec).expect("a tenant");
            let header = Header {
                name: "lab",
                uid: "u",
                created: Stamp::default(),
            };
            let tenant = tenant(header, &spec).expect("it can be read");
            assert_eq!(tenant.on_cut, expected);
        }
    }
}
