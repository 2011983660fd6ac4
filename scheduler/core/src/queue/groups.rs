//! Jobs that fail alike, held together (O6): same tenant, user, class, shape, pools
//! and money. One of them is tried; what stops it stops the others of its group.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_units::{
    ClassName, JobUid, MicroYuan, PoolName, Seconds, Stamp, TenantName, UserName, VoucherName,
};

use super::{DataClass, JobSpec, RoleSpec};

/// A group; ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId(u64);

/// A shape: the roles of a gang, their counts, requests and constraints. Ids are
/// never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShapeId(u64);

/// All that a decision about a job depends on, but for its place in the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signature {
    pub tenant: TenantName,
    pub class: ClassName,
    pub submitter: UserName,
    pub groups: Arc<BTreeSet<String>>,
    pub walltime: Option<Seconds>,
    pub shape: ShapeId,
    pub pools: Vec<PoolName>,
    pub vouchers: Vec<VoucherName>,
    pub max_cost: Option<MicroYuan>,
    pub data_class: DataClass,
}

/// One group. It lives as long as it has jobs.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub signature: Arc<Signature>,
    /// By eligible time, then UID (O2).
    pub jobs: BTreeSet<(Stamp, JobUid)>,
}

#[derive(Clone, Debug)]
struct Shape {
    roles: Arc<[RoleSpec]>,
    groups: usize,
}

/// All groups and shapes of waiting jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<GroupId, Group>,
    by_signature: BTreeMap<Arc<Signature>, GroupId>,
    shapes: BTreeMap<ShapeId, Shape>,
    by_roles: BTreeMap<Arc<[RoleSpec]>, ShapeId>,
    last_id: u64,
}

impl Groups {
    /// Puts a job into its group.
    pub fn insert(&mut self, spec: &JobSpec, eligible: Stamp) -> GroupId {
        let shape = self.shape(&spec.roles);
        let signature = Arc::new(Signature {
            tenant: spec.tenant.clone(),
            class: spec.class_name(),
            submitter: spec.submitter.as_str().into(),
            groups: spec.groups.clone(),
            walltime: spec.walltime,
            shape,
            pools: spec.pools.clone(),
            vouchers: spec.vouchers.clone(),
            max_cost: spec.max_cost,
            data_class: spec.data_class,
        });
        let id = match self.by_signature.get(&signature) {
            Some(&id) => id,
            None => self.add(signature),
        };
        if let Some(group) = self.groups.get_mut(&id) {
            group.jobs.insert((eligible, spec.uid.clone()));
        }
        id
    }

    /// Takes a job out of its group; returns the shape that nobody has any more.
    pub fn remove(&mut self, id: GroupId, eligible: Stamp, uid: &JobUid) -> Option<ShapeId> {
        let group = self.groups.get_mut(&id)?;
        group.jobs.remove(&(eligible, uid.clone()));
        if !group.jobs.is_empty() {
            return None;
        }
        let group = self.groups.remove(&id)?;
        self.by_signature.remove(&group.signature);
        let shape_id = group.signature.shape;
        let shape = self.shapes.get_mut(&shape_id)?;
        shape.groups = shape.groups.saturating_sub(1);
        if shape.groups > 0 {
            return None;
        }
        let shape = self.shapes.remove(&shape_id)?;
        self.by_roles.remove(&shape.roles);
        Some(shape_id)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    fn shape(&mut self, roles: &[RoleSpec]) -> ShapeId {
        if let Some(&id) = self.by_roles.get(roles) {
            return id;
        }
        let id = ShapeId(self.next_id());
        let roles: Arc<[RoleSpec]> = roles.into();
        self.by_roles.insert(roles.clone(), id);
        self.shapes.insert(id, Shape { roles, groups: 0 });
        id
    }

    fn add(&mut self, signature: Arc<Signature>) -> GroupId {
        let id = GroupId(self.next_id());
        if let Some(shape) = self.shapes.get_mut(&signature.shape) {
            shape.groups = shape.groups.saturating_add(1);
        }
        self.by_signature.insert(signature.clone(), id);
        let group = Group {
            signature,
            jobs: BTreeSet::new(),
        };
        self.groups.insert(id, group);
        id
    }

    /// A group, if it still has jobs.
    pub fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The roles of a shape.
    pub fn roles(&self, shape: ShapeId) -> Option<Arc<[RoleSpec]>> {
        self.shapes.get(&shape).map(|shape| shape.roles.clone())
    }

    /// All groups, in the order in which they came.
    pub fn ids(&self) -> impl Iterator<Item = GroupId> {
        self.groups.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Devices, JobType, Request};
    use edugrid_units::MilliUnits;

    fn job(uid: &str, tenant: &str, cards: u64) -> JobSpec {
        JobSpec {
            uid: uid.into(),
            namespace: tenant.into(),
            name: uid.into(),
            generation: 1,
            created: Stamp(0),
            tenant: tenant.into(),
            submitter: "li".into(),
            groups: Arc::default(),
            class: None,
            job_type: JobType::Training,
            walltime: None,
            roles: vec![RoleSpec {
                name: "main".into(),
                replicas: 1,
                request: Request {
                    devices: Devices::Cards(MilliUnits::whole(cards)),
                    ..Request::default()
                },
                node_selector: BTreeMap::new(),
                tolerations: Vec::new(),
            }],
            pools: Vec::new(),
            vouchers: Vec::new(),
            max_cost: None,
            data_class: DataClass::General,
            grace: Some(Seconds(30)),
            held: false,
            not_before: None,
            released: None,
            blocked: None,
            next_attempt: 1,
        }
    }

    #[test]
    fn like_jobs_share_a_group_and_like_shapes_an_id() {
        let mut groups = Groups::default();
        let [a1, a2, b, other] = [
            job("a1", "a", 1),
            job("a2", "a", 1),
            job("b", "b", 1),
            job("other", "a", 2),
        ]
        .map(|spec| groups.insert(&spec, Stamp(0)));
        assert_eq!(a1, a2);
        assert!(a1 != b && a1 != other);
        let shape = |groups: &Groups, id| groups.get(id).map(|group| group.signature.shape);
        assert_eq!(shape(&groups, a1), shape(&groups, b));
        assert!(shape(&groups, a1) != shape(&groups, other));

        assert_eq!(groups.remove(a1, Stamp(0), &"a1".into()), None);
        assert_eq!(groups.remove(a1, Stamp(0), &"a2".into()), None, "b has it");
        let gone = shape(&groups, b);
        assert_eq!(groups.remove(b, Stamp(0), &"b".into()), gone);
        assert_eq!(
            groups.ids().collect::<Vec<_>>(),
            [other],
            "nothing else is left"
        );
    }
}
