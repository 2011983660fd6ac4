//! Tenants, classes, pools and nodes in the engine's words.

use edugrid_core::{
    Bundle, ClassSpec, ComputeKind, Counts, NodeResources, NodeSpec, PoolSpec, QuotaSpec, Taint,
    TenantLimits, TenantSpec,
};
use edugrid_crds::{
    JobClassSpec, TenantSpec as TenantObject,
    compute_pool::{self, ComputePoolSpec},
    job_class,
    tenant::{Lifecycle, PoolQuota, QuotaCut, StopPolicy},
};
use edugrid_units::{Seconds, Stamp, Tier};
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
    let limits = match &spec.limits {
        Some(limits) => TenantLimits {
            running_jobs: limits
                .own
                .running_jobs
                .and_then(|jobs| u32::try_from(jobs).ok()),
            cards_per_job: limits
                .own
                .cards_per_job
                .as_ref()
                .map(|cards| units("spec.limits.cardsPerJob", &cards.text()))
                .transpose()?,
            walltime: limits
                .own
                .walltime
                .as_ref()
                .map(|time| duration("spec.limits.walltime", time.as_str()))
                .transpose()?,
        },
        None => TenantLimits::default(),
    };
    Ok(TenantSpec {
        name: header.name.into(),
        uid: header.uid.to_owned(),
        created: header.created,
        parent: spec.parent.as_deref().map(Into::into),
        quotas: spec.quotas.iter().map(quota).collect::<Result<_, _>>()?,
        weight: u32::try_from(spec.fair_share.weight).unwrap_or(1).max(1),
        limits,
        classes: (!spec.classes.is_empty()).then(|| {
            spec.classes
                .iter()
                .filter(|class| class.subjects.is_empty())
                .map(|class| class.name.as_str().into())
                .collect()
        }),
        stopped: spec.stop_policy != StopPolicy::None || spec.state == Lifecycle::Retired,
    })
}

/// What a tenant declares and this version does not act on; told in its status, so that
/// nobody relies on it.
pub fn not_acted_on(spec: &TenantObject) -> Vec<&'static str> {
    let own = spec.limits.as_ref().map(|limits| &limits.own);
    let per_user = spec
        .limits
        .as_ref()
        .is_some_and(|limits| limits.per_user.is_some());
    let has_subjects = spec.classes.iter().any(|class| !class.subjects.is_empty());
    let facts = [
        (
            own.is_some_and(|own| own.pending_jobs.is_some()),
            "limits.pendingJobs",
        ),
        (own.is_some_and(|own| own.cards.is_some()), "limits.cards"),
        (per_user, "limits.perUser"),
        (
            has_subjects,
            "classes[].subjects (such a class is closed to everybody)",
        ),
        (
            spec.on_quota_cut == QuotaCut::Reclaim,
            "onQuotaCut: Reclaim",
        ),
    ];
    facts
        .into_iter()
        .filter(|(declared, _)| *declared)
        .map(|(_, field)| field)
        .collect()
}

fn quota(quota: &PoolQuota) -> Result<QuotaSpec, BadField> {
    let field = |name: &str| format!("spec.quotas[{}].{name}", quota.pool);
    if quota.share.is_some() {
        let words = "is not supported by this version, give nominal instead";
        return Err(BadField::words(field("share"), words));
    }
    let read = |name: &str, quantity: Option<&edugrid_crds::text::Quantity>| {
        quantity
            .map(|quantity| units(&field(name), &quantity.text()))
            .transpose()
    };
    Ok(QuotaSpec {
        pool: quota.pool.as_str().into(),
        nominal: read("nominal", quota.nominal.as_ref())?,
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
