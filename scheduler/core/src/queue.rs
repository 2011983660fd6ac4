//! What waits: the words for jobs and classes, the groups of jobs that fail alike
//! (O6), and the walk that finds the first of them in order (O1, O2).
//!
//! It must not know nodes or pools' contents: a pool is an index and a number of
//! billed units here.

mod groups;
mod line;
mod lines;
mod order;
mod waitlist;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_units::{
    ClassName, JobUid, MicroYuan, MilliUnits, PoolName, Reason, RoleName, Seconds, Stamp,
    TenantName, Tier, VoucherName,
};

pub(crate) use groups::{GroupId, Groups, ShapeId, Signature};
pub(crate) use line::{Head, Pick, Spot};
pub(crate) use lines::{LineId, Lines, Next, Until, lane};
pub use order::{Order, Place};
pub(crate) use waitlist::{Crowd, Waitlist};

/// The class of a job that names none.
pub const DEFAULT_CLASS: &str = "standard";

/// A class of jobs (O1, T1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    /// Its name.
    pub name: ClassName,
    /// Its tier: the first word in order (O1).
    pub tier: Tier,
    /// Among the jobs of one leaf; higher goes first (O2).
    pub priority: i32,
    /// Whether its jobs may be stopped for others.
    pub preemptible: bool,
    /// Walltime of a job that names none (T1).
    pub default_walltime: Seconds,
    /// The longest walltime that a job may ask for.
    pub max_walltime: Seconds,
    /// How long before its end a job is told; a walltime is longer (T1).
    pub notice: Seconds,
    /// Which prices apply.
    pub price_tier: String,
    /// Takes no new jobs.
    pub retired: bool,
}

/// How sensitive the data of a job is, and how much a pool may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataClass {
    /// Anything without restriction.
    #[default]
    General,
    /// Important data.
    Important,
    /// Core data.
    Core,
}

impl DataClass {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::Important => "Important",
            Self::Core => "Core",
        }
    }
}

/// What a job does. Nothing is decided by it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobType {
    /// Runs to its end.
    #[default]
    Training,
    /// Serves until it is stopped.
    Inference,
    /// Somebody sits in front of it.
    Interactive,
}

/// A job as the operator reads it from its object and namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// The object's UID.
    pub uid: JobUid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `metadata.generation`; an admission says which one it decided on (A1).
    pub generation: i64,
    /// When the object was made.
    pub created: Stamp,
    /// The tenant of the namespace (Q6).
    pub tenant: TenantName,
    /// The user that created it.
    pub submitter: String,
    /// The groups of that user when it was created.
    pub groups: Arc<BTreeSet<String>>,
    /// Its class; [`DEFAULT_CLASS`] if it names none.
    pub class: Option<ClassName>,
    /// What it does.
    pub job_type: JobType,
    /// Its walltime; that of the class if it names none (T1).
    pub walltime: Option<Seconds>,
    /// Its roles: one gang, placed whole or not at all (P1).
    pub roles: Vec<RoleSpec>,
    /// Pools in order of preference; empty: any that fits.
    pub pools: Vec<PoolName>,
    /// Vouchers to use; empty: the books' order (L2).
    pub vouchers: Vec<VoucherName>,
    /// The most that it may cost.
    pub max_cost: Option<MicroYuan>,
    /// How sensitive its data is.
    pub data_class: DataClass,
    /// Time after SIGTERM until its pods are killed (T1); none: the class's notice, as for
    /// a job that somebody else runs.
    pub grace: Option<Seconds>,
    /// The user holds it.
    pub held: bool,
    /// It is not to start before.
    pub not_before: Option<Stamp>,
    /// When the user last took a hold off, where the object tells it: waiting on hold
    /// earns no place in order (O5). What the engine sees itself it remembers anyway.
    pub released: Option<Stamp>,
    /// What the operator knows to hold it back, most of it for a person to cure.
    pub blocked: Option<Reason>,
    /// The number of its next attempt, at least 1 (A1).
    pub next_attempt: u32,
}

/// One role of a gang.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleSpec {
    /// Its name.
    pub name: RoleName,
    /// How many replicas there are.
    pub replicas: u32,
    /// What each replica asks of its node.
    pub request: Request,
    /// Labels that its nodes must carry.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that it bears.
    pub tolerations: Vec<Toleration>,
}

/// A replica's effective requests, as kube-scheduler counts them (N4).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Processor time in milli-cores.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mebibytes: u64,
    /// Accelerators.
    pub devices: Devices,
}

/// How a replica asks for accelerators.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Devices {
    /// Not at all.
    #[default]
    None,
    /// That many cards of whatever the pool has.
    Cards(MilliUnits),
    /// By resource name.
    Named(BTreeMap<String, MilliUnits>),
}

/// What keeps pods off a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, empty for none.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// Rather no new pods; not looked at.
    PreferNoSchedule,
    /// No pods at all.
    NoExecute,
}

/// A taint that a role bears.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// The key; absent: every key.
    pub key: Option<String>,
    /// The value; absent: every value.
    pub value: Option<String>,
    /// The effect; absent: every effect.
    pub effect: Option<TaintEffect>,
}

impl JobSpec {
    /// The class that counts.
    pub(crate) fn class_name(&self) -> ClassName {
        self.class
            .clone()
            .unwrap_or_else(|| ClassName::from(DEFAULT_CLASS))
    }
}

impl RoleSpec {
    /// Whether it may run under that taint.
    pub(crate) fn bears(&self, taint: &Taint) -> bool {
        taint.effect == TaintEffect::PreferNoSchedule
            || self.tolerations.iter().any(|tolerated| {
                tolerated.key.as_ref().is_none_or(|key| *key == taint.key)
                    && tolerated.value.as_ref().is_none_or(|v| *v == taint.value)
                    && tolerated.effect.is_none_or(|e| e == taint.effect)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_leaves_open_what_it_does_not_name() {
        let role = |tolerations| RoleSpec {
            name: "main".into(),
            replicas: 1,
            request: Request::default(),
            node_selector: BTreeMap::new(),
            tolerations,
        };
        let tolerate = |key: Option<&str>, value: Option<&str>, effect| Toleration {
            key: key.map(Into::into),
            value: value.map(Into::into),
            effect,
        };
        let taint = Taint {
            key: "maintenance".into(),
            value: "tuesday".into(),
            effect: TaintEffect::NoSchedule,
        };
        assert!(!role(vec![]).bears(&taint));
        for (key, value, effect, bears) in [
            (None, None, None, true),
            (Some("maintenance"), None, None, true),
            (Some("maintenance"), Some("monday"), None, false),
            (Some("other"), None, None, false),
            (None, None, Some(TaintEffect::NoExecute), false),
        ] {
            let role = role(vec![tolerate(key, value, effect)]);
            assert_eq!(role.bears(&taint), bears, "{role:?}");
        }
    }
}
