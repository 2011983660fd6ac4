//! Random worlds as plain data: a province, what happens in it, and the events that
//! tell the engine so.

use std::collections::BTreeMap;

use edugrid_core::{
    Bundle, ClassSpec, Counts, DataClass, Devices, Event, JobSpec, JobType, NodeResources,
    NodeSpec, PoolSpec, QuotaSpec, Request, RoleSpec, TenantLimits, TenantSpec,
};
use edugrid_units::{ComputeKind, MilliUnits, Ratio, Seconds, Stamp, Tier};
use proptest::prelude::*;

pub const POOLS: [&str; 3] = ["p0", "p1", "p2"];
/// Names, tiers and priorities of the classes.
pub const CLASSES: [(&str, Tier, i32); 3] = [
    ("mission", Tier::Mission, 0),
    ("standard", Tier::Standard, 0),
    ("urgent", Tier::Standard, 5),
];
/// Standard units per unit of each pool, in sixths.
pub const FACTORS: [u32; 3] = [6, 12, 2];

/// A tenant; its parent is an earlier one, the first is the root.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub parent: usize,
    /// Per pool nominal, borrowing limit, lending limit.
    pub quotas: Vec<[Option<u64>; 3]>,
    pub weight: u32,
    pub running: Option<u32>,
    pub pending: Option<u32>,
    /// Cards that one user may use at once.
    pub user_cards: Option<u64>,
}

/// A node of 1 to 8 cards.
#[derive(Clone, Debug)]
pub struct Node {
    pub pool: usize,
    pub cards: u64,
}

/// A job of one role.
#[derive(Clone, Debug)]
pub struct Job {
    pub tenant: usize,
    pub user: usize,
    pub class: usize,
    pub replicas: u32,
    pub cards: u64,
    pub pools: Vec<usize>,
    pub created: i64,
}

/// What is there from the start.
#[derive(Clone, Debug)]
pub struct Province {
    pub tenants: Vec<Tenant>,
    pub nodes: Vec<Node>,
    /// How much the past counts in shares (O3).
    pub past_weight: Ratio,
}

/// What happens. Numbers pick among what there is, modulo.
#[derive(Clone, Debug)]
pub enum Step {
    Submit(Job),
    /// Every tenant submits that many jobs like it.
    Rush(Job, usize),
    /// An open attempt ends; the job is finished or waits again.
    End(usize, bool),
    /// A waiting job's object goes.
    Delete(usize),
    /// A node fails or comes back.
    Flip(usize),
    /// Scheduling in steps of so many operations, until no work is left.
    Schedule(u32),
    /// One step of so many operations, whatever is left.
    Nudge(u32),
    /// So many half-lives pass.
    Wait(u32),
}

fn tenant() -> impl Strategy<Value = Tenant> {
    let quota = [
        prop::option::weighted(0.6, 0_u64..17),
        prop::option::weighted(0.2, 0_u64..9),
        prop::option::weighted(0.2, 0_u64..9),
    ];
    (
        0_usize..100,
        prop::collection::vec(quota, POOLS.len()),
        1_u32..4,
        prop::option::weighted(0.1, 0_u32..4),
        prop::option::weighted(0.15, 0_u32..5),
        prop::option::weighted(0.1, 0_u64..9),
    )
        .prop_map(
            |(parent, quotas, weight, running, pending, user_cards)| Tenant {
                parent,
                quotas,
                weight,
                running,
                pending,
                user_cards,
            },
        )
}

pub fn province() -> impl Strategy<Value = Province> {
    let node = (0..POOLS.len(), 1_u64..9).prop_map(|(pool, cards)| Node { pool, cards });
    (
        prop::collection::vec(tenant(), 1..9),
        prop::collection::vec(node, 1..9),
        any::<bool>(),
        prop::sample::select(vec![(0, 1), (1, 2), (1, 1), (3, 1)]),
    )
        .prop_map(|(mut tenants, nodes, borrowers, (num, den))| {
            // Where nobody but the root owns anything, shares alone decide.
            for tenant in tenants.iter_mut().filter(|_| borrowers) {
                tenant
                    .quotas
                    .iter_mut()
                    .for_each(|quota| *quota = [None; 3]);
            }
            // Something to share: the root owns most of what there is.
            let root = tenants.first_mut().expect("at least one");
            root.quotas.iter_mut().for_each(|quota| {
                quota[0] = Some(quota[0].unwrap_or(0) + 12);
            });
            let past_weight = Ratio::new(num, den).expect("not by zero");
            Province {
                tenants,
                nodes,
                past_weight,
            }
        })
}

pub fn job() -> impl Strategy<Value = Job> {
    let pools = Just((0..POOLS.len()).collect::<Vec<_>>()).prop_shuffle();
    let pools = (pools, 1..=POOLS.len()).prop_map(|(pools, count)| pools[..count].to_vec());
    (
        (0_usize..100, 0_usize..3),
        0..CLASSES.len(),
        1_u32..4,
        1_u64..5,
        pools,
        0_i64..5,
    )
        .prop_map(
            |((tenant, user), class, replicas, cards, pools, created)| Job {
                tenant,
                user,
                class,
                replicas,
                cards,
                pools,
                created,
            },
        )
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => job().prop_map(Step::Submit),
        1 => (job(), 1_usize..6).prop_map(|(job, count)| Step::Rush(job, count)),
        3 => (0_usize..100, prop::bool::weighted(0.8)).prop_map(|(at, done)| Step::End(at, done)),
        1 => (0_usize..100).prop_map(Step::Delete),
        1 => (0_usize..100).prop_map(Step::Flip),
        2 => (0_u32..12).prop_map(Step::Nudge),
        2 => (1_u32..4).prop_map(Step::Wait),
        3 => prop_oneof![Just(u32::MAX), 1_u32..8].prop_map(Step::Schedule),
    ];
    prop::collection::vec(step, 1..60)
}

pub fn tenant_name(at: usize) -> String {
    format!("t{at}")
}

impl Province {
    pub fn parent(&self, at: usize) -> Option<usize> {
        (at > 0).then(|| self.tenants[at].parent % at)
    }

    /// Everything that is there from the start, as events.
    pub fn events(&self) -> Vec<Event> {
        let tenants = (0..self.tenants.len()).map(|at| Event::TenantSet(Box::new(self.tenant(at))));
        let pools = (0..POOLS.len()).map(|at| Event::PoolSet(Box::new(pool(at))));
        let classes = (0..CLASSES.len()).map(|at| Event::ClassSet(Box::new(class(at))));
        let nodes = (0..self.nodes.len()).map(|at| self.node(at, true));
        tenants.chain(pools).chain(classes).chain(nodes).collect()
    }

    pub fn tenant(&self, at: usize) -> TenantSpec {
        let tenant = &self.tenants[at];
        let quota = |(pool, quota): (usize, &[Option<u64>; 3])| QuotaSpec {
            pool: POOLS[pool].into(),
            nominal: quota[0].map(MilliUnits::whole),
            share: None,
            borrowing_limit: quota[1].map(MilliUnits::whole),
            lending_limit: quota[2].map(MilliUnits::whole),
        };
        TenantSpec {
            name: tenant_name(at).into(),
            uid: tenant_name(at),
            created: Stamp(i64::try_from(at).expect("small")),
            parent: self.parent(at).map(|parent| tenant_name(parent).into()),
            quotas: tenant.quotas.iter().enumerate().map(quota).collect(),
            weight: tenant.weight,
            limits: TenantLimits {
                running_jobs: tenant.running,
                pending_jobs: tenant.pending,
                ..TenantLimits::default()
            },
            user_limits: TenantLimits {
                cards: tenant.user_cards.map(MilliUnits::whole),
                ..TenantLimits::default()
            },
            classes: None,
            stopped: false,
            on_cut: Default::default(),
        }
    }

    pub fn node(&self, at: usize, ready: bool) -> Event {
        let node = &self.nodes[at];
        Event::NodeSet(Box::new(NodeSpec {
            name: format!("n{at}").into(),
            labels: BTreeMap::from([("pool".to_owned(), POOLS[node.pool].to_owned())]),
            allocatable: NodeResources {
                cpu_milli: 1000,
                memory_mebibytes: 1024,
                devices: BTreeMap::from([("gpu".to_owned(), MilliUnits::whole(node.cards))]),
            },
            ready,
            unschedulable: false,
            taints: Vec::new(),
        }))
    }
}

fn pool(at: usize) -> PoolSpec {
    PoolSpec {
        name: POOLS[at].into(),
        created: Stamp(0),
        kind: if at == 2 {
            ComputeKind::Super
        } else {
            ComputeKind::Intelligent
        },
        owner: tenant_name(0).into(),
        node_selector: BTreeMap::from([("pool".to_owned(), POOLS[at].to_owned())]),
        counts: Counts::Card("gpu".to_owned()),
        bundle: Bundle::default(),
        standard_factor: Ratio::new(FACTORS[at], 6).expect("not by zero"),
        max_data_class: DataClass::General,
        retired: false,
    }
}

fn class(at: usize) -> ClassSpec {
    let (name, tier, priority) = CLASSES[at];
    ClassSpec {
        name: name.into(),
        tier,
        priority,
        preemptible: true,
        default_walltime: Seconds(3600),
        max_walltime: Seconds(7200),
        notice: Seconds(60),
        price_tier: "standard".to_owned(),
        retired: false,
    }
}

impl Job {
    /// The event that tells of the job with that number.
    pub fn spec(&self, province: &Province, at: usize) -> JobSpec {
        let tenant = tenant_name(self.tenant % province.tenants.len());
        JobSpec {
            uid: job_name(at).into(),
            namespace: tenant.clone(),
            name: job_name(at),
            generation: 1,
            created: Stamp(self.created),
            tenant: tenant.into(),
            submitter: user_name(self.user),
            groups: Default::default(),
            class: Some(CLASSES[self.class].0.into()),
            job_type: JobType::Training,
            walltime: None,
            roles: vec![RoleSpec {
                name: "w".into(),
                replicas: self.replicas,
                request: Request {
                    devices: Devices::Cards(MilliUnits::whole(self.cards)),
                    ..Request::default()
                },
                node_selector: BTreeMap::new(),
                tolerations: Vec::new(),
            }],
            pools: self.pools.iter().map(|pool| POOLS[*pool].into()).collect(),
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
}

pub fn user_name(at: usize) -> String {
    format!("u{at}")
}

pub fn job_name(at: usize) -> String {
    format!("j{at:03}")
}
