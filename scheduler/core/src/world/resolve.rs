//! What a group of jobs may use as things are declared: its class, its place in the
//! tree, and the pools that could ever hold it. Nothing here depends on what is used
//! now, so an answer stands until a declaration or a node changes.
//!
//! The order of checks is W's: unknown references, what is not allowed, stopped
//! tenants, then per pool what only a person cures. A job that no pool can ever hold
//! says why if all its pools agree, else `NoMatchingPool` with all of them named.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{
    Amount, ClassName, MilliUnits, ObjectKind, PoolName, Reason, ReasonCode, Seconds, Subject,
    TenantName, Tier, UserName,
};

use super::World;
use crate::{
    place::{self, Never},
    queue::{ClassSpec, DataClass, Devices, GroupId, RoleSpec, ShapeId, Signature},
    quota::PoolIx,
    tenants::{ClassSubject, TreeFault, TreeIx},
    topology::{Counts, Mismatch, PoolSpec},
};

/// What is known of a shape in a pool, and until which version of the pool.
#[derive(Clone, Debug)]
pub(crate) struct Fitness {
    shape: u64,
    ever: Result<(), Never>,
    /// The room of the pool in which it last found no place; it finds none while that
    /// stands.
    pub failed_at: Option<u64>,
}

/// A group's resolution, and as of what it was made.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The standing that its indices belong to.
    pub epoch: u64,
    pub resolution: Resolution,
}

/// What a group may use.
#[derive(Clone, Debug)]
pub(crate) enum Resolution {
    /// Nothing, for the reason given; the pools' own reasons where it came so far.
    Refused(Reason, Vec<(PoolName, Reason)>),
    /// These terms.
    Terms(Terms),
}

/// The terms under which a group's jobs can run.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub leaf: TreeIx,
    pub class: ClassName,
    pub tier: Tier,
    pub priority: i32,
    pub walltime: Seconds,
    /// Pools that could ever hold it, in order of preference. At least one.
    pub choices: Vec<Choice>,
    /// Why its other pools never can.
    pub never: Vec<(PoolName, Reason)>,
}

/// One pool that could hold a gang.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub name: PoolName,
    pub pool: PoolIx,
    /// What the whole gang is billed there (N4).
    pub billed: MilliUnits,
}

impl World {
    /// The terms of a group, if they belong to the standing as it is.
    pub(crate) fn terms(&self, id: GroupId) -> Option<&Terms> {
        let known = self.resolved.get(&id)?;
        match &known.resolution {
            Resolution::Terms(terms) if known.epoch == self.epoch => Some(terms),
            _ => None,
        }
    }

    /// Brings the group's resolution up to date.
    pub(crate) fn resolve(&mut self, id: GroupId) {
        let Some(group) = self.groups.get(id) else {
            return;
        };
        let signature = group.signature.clone();
        let resolved = Resolved {
            epoch: self.epoch,
            resolution: self.resolution(&signature),
        };
        self.resolved.insert(id, resolved);
    }

    fn resolution(&mut self, signature: &Signature) -> Resolution {
        let refused = |reason| Resolution::Refused(reason, Vec::new());
        let class = match self.class_for(signature) {
            Ok(class) => class.clone(),
            Err(reason) => return refused(reason),
        };
        let Some(leaf) = self.standing.tree.leaf_of(&signature.tenant) else {
            return refused(unknown(ObjectKind::Tenant, &signature.tenant));
        };
        let Some(roles) = self.groups.roles(signature.shape) else {
            let reason = Reason::new(ReasonCode::UnknownReference);
            return refused(reason.about(Subject::Field("spec.roles")));
        };
        if roles.iter().all(|role| role.replicas == 0) {
            let reason = Reason::new(ReasonCode::NotAllowed);
            return refused(reason.about(Subject::NoReplicas));
        }
        let (mut choices, mut never) = (Vec::new(), Vec::new());
        for name in self.candidates(signature, &roles) {
            match self.could_hold(&name, leaf, signature, &roles) {
                Ok(choice) => choices.push(choice),
                Err(reason) => never.push((name, reason)),
            }
        }
        if choices.is_empty() {
            return Resolution::Refused(nowhere(&never, &roles), never);
        }
        let walltime = signature.walltime.unwrap_or(class.default_walltime);
        if let Err(reason) = self.walltime_allowed(&class, (leaf, &signature.submitter), walltime) {
            return Resolution::Refused(reason, never);
        }
        Resolution::Terms(Terms {
            leaf,
            class: class.name,
            tier: class.tier,
            priority: class.priority,
            walltime,
            choices,
            never,
        })
    }

    /// The job's class, if the whole path exists, allows it and is not stopped.
    fn class_for(&self, signature: &Signature) -> Result<&ClassSpec, Reason> {
        let (tenant, tree) = (&signature.tenant, &self.standing.tree);
        let Some(leaf) = tree.leaf_of(tenant) else {
            return Err(unknown(ObjectKind::Tenant, tenant));
        };
        if let Some((at, fault)) = tree.fault(tenant) {
            let what = match fault {
                TreeFault::UnknownParent(parent) => Subject::object(ObjectKind::Parent, parent),
                TreeFault::SecondRoot { root } => Subject::SecondRoot { root: root.clone() },
                TreeFault::Cycle => Subject::ParentCycle,
            };
            let reason = Reason::new(ReasonCode::UnknownReference);
            return Err(reason.about(what).at(at.clone()));
        }
        let Some(class) = self.classes.get(&signature.class) else {
            return Err(unknown(ObjectKind::Class, &signature.class));
        };
        if class.retired {
            return Err(not_allowed(Subject::retired(
                ObjectKind::Class,
                &class.name,
            )));
        }
        for name in tree.path(leaf) {
            let allowed = self
                .tenants
                .get(name)
                .and_then(|spec| spec.classes.as_ref());
            if let Some(allowed) = allowed {
                may_use(&class.name, allowed, signature)
                    .map_err(|reason| reason.at(name.clone()))?;
            }
        }
        let stopped = |name: &&TenantName| self.tenants.get(*name).is_some_and(|spec| spec.stopped);
        match tree.path(leaf).find(stopped) {
            Some(name) => Err(Reason::new(ReasonCode::TenantStopped).at(name.clone())),
            None => Ok(class),
        }
    }

    /// The pools to look at: those that the job names, in its order; else those whose
    /// unit it speaks of, by name, and pools of cores first for a job without cards,
    /// so that it does not take nodes with cards while others would do.
    fn candidates(&self, signature: &Signature, roles: &[RoleSpec]) -> Vec<PoolName> {
        if !signature.pools.is_empty() {
            let mut seen = BTreeSet::new();
            let named = signature.pools.iter();
            return named.filter(|name| seen.insert(*name)).cloned().collect();
        }
        let devices = roles.iter().any(|role| match &role.request.devices {
            Devices::None => false,
            Devices::Cards(cards) => *cards > MilliUnits::ZERO,
            Devices::Named(named) => named.values().any(|amount| *amount > MilliUnits::ZERO),
        });
        let mut specs: Vec<&PoolSpec> = self
            .topology
            .pools()
            .filter_map(|(_, pool)| pool.spec.as_ref())
            .filter(|spec| !spec.retired)
            .filter(|spec| {
                let matches = spec.matches(roles, self.topology.counted());
                matches!(matches, Ok(()) | Err(Mismatch::Fraction { .. }))
            })
            .collect();
        if !devices {
            specs.sort_by_key(|spec| spec.counts != Counts::Core);
        }
        specs.into_iter().map(|spec| spec.name.clone()).collect()
    }

    /// Whether the pool could ever hold the gang, and what it would be billed there.
    fn could_hold(
        &mut self,
        name: &PoolName,
        leaf: TreeIx,
        signature: &Signature,
        roles: &[RoleSpec],
    ) -> Result<Choice, Reason> {
        let Some((pool, spec)) = self.topology.declared(name) else {
            return Err(unknown(ObjectKind::Pool, name));
        };
        if spec.retired {
            return Err(not_allowed(Subject::retired(ObjectKind::Pool, name)));
        }
        if signature.data_class > spec.max_data_class {
            return Err(data_class(signature.data_class, spec));
        }
        let counted = self.topology.counted();
        if let Err(mismatch) = spec.matches(roles, counted) {
            return Err(mismatched(&mismatch, spec));
        }
        let billed = spec.billed(roles);
        let spec = spec.clone();
        if let Err(never) = self.ever(signature.shape, pool, &spec, roles) {
            return Err(too_large(&never).in_pool(name.clone()));
        }
        let potential = self
            .standing
            .quota(pool)
            .potential(&self.standing.tree, leaf);
        if i128::from(billed.0) > potential.0 {
            return Err(Reason::new(ReasonCode::TooLarge)
                .about(Subject::Quota)
                .in_pool(name.clone())
                .at(signature.tenant.clone())
                .numbers(Amount::Units(billed), Amount::Units(potential.floor())));
        }
        let name = name.clone();
        Ok(Choice { name, pool, billed })
    }

    fn ever(
        &mut self,
        shape: ShapeId,
        pool: PoolIx,
        spec: &PoolSpec,
        roles: &[RoleSpec],
    ) -> Result<(), Never> {
        let version = self.topology.pool(pool).shape;
        if let Some(known) = self.fitness.get(&(shape, pool))
            && known.shape == version
        {
            return known.ever.clone();
        }
        let asks = place::asks(&self.topology, pool, spec, roles);
        let fitness = Fitness {
            shape: version,
            ever: place::ever(&self.topology, pool, &asks),
            failed_at: None,
        };
        let ever = fitness.ever.clone();
        self.fitness.insert((shape, pool), fitness);
        ever
    }

    /// T1, and Q5 on the whole path.
    fn walltime_allowed(
        &self,
        class: &ClassSpec,
        (leaf, user): (TreeIx, &UserName),
        walltime: Seconds,
    ) -> Result<(), Reason> {
        if walltime <= class.notice {
            let what = Subject::NoticeTooLong {
                walltime,
                notice: class.notice,
                class: class.name.clone(),
            };
            return Err(Reason::new(ReasonCode::LimitReached).about(what));
        }
        let above = |max: Seconds, what: Subject| {
            Reason::new(ReasonCode::LimitReached)
                .about(what)
                .numbers(Amount::Span(walltime), Amount::Span(max))
        };
        if walltime > class.max_walltime {
            let what = Subject::ClassWalltime(class.name.clone());
            return Err(above(class.max_walltime, what));
        }
        for name in self.standing.tree.path(leaf) {
            let Some(spec) = self.tenants.get(name) else {
                continue;
            };
            let limits = [(&spec.limits, None), (&spec.user_limits, Some(user))];
            for (limits, user) in limits {
                if let Some(max) = limits.walltime.filter(|max| walltime > *max) {
                    let name = "walltime";
                    let user = user.map(ToString::to_string);
                    let limit = Subject::Limit { name, user };
                    return Err(above(max, limit).at(spec.name.clone()));
                }
            }
        }
        Ok(())
    }
}

fn unknown(kind: ObjectKind, name: impl ToString) -> Reason {
    Reason::new(ReasonCode::UnknownReference).about(Subject::object(kind, name))
}

fn not_allowed(what: Subject) -> Reason {
    Reason::new(ReasonCode::NotAllowed).about(what)
}

/// Whether a tenant's list gives the class to whoever submitted (O1, Q5).
fn may_use(
    class: &ClassName,
    allowed: &BTreeMap<ClassName, BTreeSet<ClassSubject>>,
    signature: &Signature,
) -> Result<(), Reason> {
    let Some(subjects) = allowed.get(class) else {
        return Err(not_allowed(Subject::object(ObjectKind::Class, class)));
    };
    let user = signature.submitter.as_str();
    let is_meant = |subject: &ClassSubject| match subject {
        ClassSubject::User(name) => name == user,
        ClassSubject::Group(name) => signature.groups.contains(name),
    };
    if subjects.is_empty() || subjects.iter().any(is_meant) {
        return Ok(());
    }
    Err(not_allowed(Subject::ClassOfOthers {
        class: class.clone(),
        user: user.to_owned(),
    }))
}

fn data_class(asked: DataClass, spec: &PoolSpec) -> Reason {
    Reason::new(ReasonCode::DataClass)
        .about(Subject::DataClass {
            asked: asked.as_str(),
            most: spec.max_data_class.as_str(),
        })
        .in_pool(spec.name.clone())
}

fn mismatched(mismatch: &Mismatch, spec: &PoolSpec) -> Reason {
    let (code, what) = match mismatch {
        Mismatch::OtherDevice { role, device } => (
            ReasonCode::NoMatchingPool,
            Subject::OtherDevice {
                role: role.as_str().into(),
                device: device.clone(),
            },
        ),
        Mismatch::NoCards { role } => (
            ReasonCode::NoMatchingPool,
            Subject::NoCards {
                role: role.as_str().into(),
            },
        ),
        Mismatch::Fraction { role } => (
            ReasonCode::NoIsolation,
            Subject::Fraction {
                role: role.as_str().into(),
            },
        ),
    };
    Reason::new(code).about(what).in_pool(spec.name.clone())
}

fn too_large(never: &Never) -> Reason {
    let large = |what: Subject, asked, free| {
        Reason::new(ReasonCode::TooLarge)
            .about(what)
            .numbers(asked, free)
    };
    match never.clone() {
        Never::NoNode { role } => {
            Reason::new(ReasonCode::NoMatchingPool).about(Subject::NoNode { role })
        }
        Never::Replica {
            role,
            resource,
            asked,
            largest,
        } => large(Subject::OneReplica { role, resource }, asked, largest),
        Never::Gang {
            resource,
            asked,
            capacity,
        } => large(Subject::WholePool { resource }, asked, capacity),
        Never::Shapes { asked, capacity } => large(Subject::SideBySide, asked, capacity),
    }
}

/// The reason of a job that no pool can ever hold.
fn nowhere(never: &[(PoolName, Reason)], roles: &[RoleSpec]) -> Reason {
    let none = Reason::new(ReasonCode::NoMatchingPool);
    let Some((_, first)) = never.first() else {
        let asks = roles.iter().find_map(|role| match &role.request.devices {
            Devices::Named(named) => named.keys().next().cloned(),
            Devices::Cards(_) => Some("cards".to_owned()),
            Devices::None => None,
        });
        let counts = asks.unwrap_or_else(|| "cores".to_owned());
        return none.about(Subject::NoPool { counts });
    };
    if never.iter().all(|(_, reason)| reason.code == first.code) {
        return first.clone();
    }
    let each = never
        .iter()
        .map(|(pool, reason)| (pool.clone(), reason.code));
    none.about(Subject::EachPool(each.collect()))
}
