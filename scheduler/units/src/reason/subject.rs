//! What a reason is about, as a value: the two languages word it, and tests compare it.
//! It knows only names that whoever reads it may see; who may see what is decided where
//! the reason is made.

use crate::{
    Amount, ClassName, MicroYuan, MilliUnits, PoolName, ReasonCode, RoleName, Seconds, TenantName,
    VoucherName,
};

/// A kind of object that a reason names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A tenant.
    Tenant,
    /// A tenant's parent.
    Parent,
    /// A job class.
    Class,
    /// A pool.
    Pool,
    /// A voucher.
    Voucher,
    /// A job.
    Job,
    /// A namespace.
    Namespace,
}

/// What this version refuses instead of doing it halfway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `spec.type` other than Training.
    Services,
    /// `spec.array`.
    Arrays,
    /// `spec.dependsOn`.
    Dependencies,
    /// `spec.roles[].minReplicas` and `maxReplicas`.
    ElasticRoles,
    /// `spec.roles[].topology` with mode Required.
    RequiredTopology,
    /// `spec.deadline`.
    Deadlines,
}

/// What a reason is about, beyond tenant, pool and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An object by its name.
    Object {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// An object that is retired.
    Retired {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// A field of the job.
    Field(&'static str),
    /// A tenant without parent beside the one root (Q1).
    SecondRoot {
        /// The one root.
        root: TenantName,
    },
    /// Parents that form a cycle (Q1).
    ParentCycle,
    /// A namespace that belongs to no tenant (Q6).
    NoTenant {
        /// The namespace.
        namespace: String,
    },
    /// A namespace that can't be a tenant's (Q6).
    SystemNamespace {
        /// The namespace.
        namespace: String,
    },
    /// A namespace that was given to its tenant while no policy checked who did it.
    UncheckedNamespace {
        /// The namespace.
        namespace: String,
    },
    /// A job made while no policy wrote who asked for it.
    UncheckedSubmitter,
    /// A gang of nobody.
    NoReplicas,
    /// A class that the tenant gives to some people only (Q5).
    ClassOfOthers {
        /// The class.
        class: ClassName,
        /// Who submitted.
        user: String,
    },
    /// A voucher that can't pay for this job.
    VoucherBarred {
        /// The voucher.
        voucher: VoucherName,
        /// `holder`, `scope`, `state` or `validity`.
        why: &'static str,
    },
    /// What this version does not do.
    NotYet(Feature),
    /// Data that the pool may not see (P5).
    DataClass {
        /// The job's.
        asked: &'static str,
        /// The highest that the pool may see.
        most: &'static str,
    },
    /// A device that other pools count.
    OtherDevice {
        /// The role that asks for it.
        role: RoleName,
        /// The resource name.
        device: String,
    },
    /// Cards asked of a pool of cores.
    NoCards {
        /// The role that asks.
        role: RoleName,
    },
    /// A part of a card (P4).
    Fraction {
        /// The role that asks.
        role: RoleName,
    },
    /// No node has what a role wants of its node.
    NoNode {
        /// The role.
        role: RoleName,
    },
    /// No pool counts what is asked for.
    NoPool {
        /// Cards, cores or a device.
        counts: String,
    },
    /// Every pool has a reason of its own.
    EachPool(Vec<(PoolName, ReasonCode)>),
    /// More than the quota could ever give.
    Quota,
    /// One replica against the largest node.
    OneReplica {
        /// Its role.
        role: RoleName,
        /// `cards`, `cores` or `memory`.
        resource: &'static str,
    },
    /// The gang against the whole pool.
    WholePool {
        /// `cards`, `cores` or `memory`.
        resource: &'static str,
    },
    /// Replicas that don't fit side by side.
    SideBySide,
    /// A limit by its field's name (Q5).
    Limit {
        /// Such as `runningJobs`.
        name: &'static str,
        /// The user whose limit it is; none: the tenant's.
        user: Option<String>,
    },
    /// The longest walltime of a class (T1).
    ClassWalltime(ClassName),
    /// A walltime that the notice fills (T1).
    NoticeTooLong {
        /// The job's walltime.
        walltime: Seconds,
        /// The class's notice.
        notice: Seconds,
        /// The class.
        class: ClassName,
    },
    /// Nodes by name; the first few are told.
    Nodes(Vec<String>),
    /// Who holds what is missing. Other tenants' names are not told.
    Holders {
        /// `cards`, `cores` or `memory`.
        resource: &'static str,
        /// The reader's own side of the tree, and what it holds.
        own: Option<(TenantName, MilliUnits)>,
        /// What all others hold.
        others: MilliUnits,
        /// What pods that are not ours hold.
        foreign: Option<Amount>,
    },
    /// A price tier without a price (L2).
    PriceTier(String),
    /// What vouchers and own money would pay (L2).
    Funds {
        /// Vouchers.
        vouchers: MicroYuan,
        /// Own money.
        own: MicroYuan,
    },
    /// What another system said, in its own words.
    Words(String),
}

impl Subject {
    /// An object by its name.
    pub fn object(kind: ObjectKind, name: impl ToString) -> Self {
        Self::Object {
            kind,
            name: name.to_string(),
        }
    }

    /// A retired object.
    pub fn retired(kind: ObjectKind, name: impl ToString) -> Self {
        Self::Retired {
            kind,
            name: name.to_string(),
        }
    }

    /// A limit of a tenant.
    pub fn limit(name: &'static str) -> Self {
        Self::Limit { name, user: None }
    }
}

/// The first three, and how many more there are.
pub(super) fn few(names: &[String]) -> (&[String], usize) {
    let shown = names.get(..3).unwrap_or(names);
    (shown, names.len().saturating_sub(shown.len()))
}
