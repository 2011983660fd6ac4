//! Events as broken as objects can be: cycles, unknown names, absurd numbers, repeats
//! and any order. Nothing of it may panic, hang or overfill a node.

use std::collections::BTreeMap;

use edugrid_core::{
    AdmittedAttempt, Bundle, ClassSpec, Counts, DataClass, Devices, Event, JobSpec, JobType,
    LedgerState, NodeResources, NodeSpec, OnQuotaCut, PoolSpec, QueueFilter, QuotaSpec, Request,
    RoleSpec, TenantLimits, TenantSpec, World,
};
use edugrid_units::{Admission, AttemptKey, ComputeKind, MilliUnits, Ratio, Seconds, Stamp, Tier};
use proptest::prelude::*;

use crate::text::TestPurse;

/// Small amounts, and the largest there are.
fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..9000, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2)]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..5, 1 => Just(u32::MAX)]
}

fn name(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(of)
}

const TENANTS: &[&str] = &["a", "b", "c", "d", "nobody"];
const POOLS: &[&str] = &["p", "q", "nothing"];
const NODES: &[&str] = &["n1", "n2", "n3"];
const CLASSES: &[&str] = &["standard", "exam"];
const JOBS: &[&str] = &["j1", "j2", "j3", "j4"];

fn tenant() -> impl Strategy<Value = Event> {
    let quota = (
        name(POOLS),
        prop::collection::vec(prop::option::of(amount()), 3),
    );
    let quotas = prop::collection::vec(quota, 0..3);
    let parent = prop::option::of(name(TENANTS));
    (
        name(&["a", "b", "c", "d"]),
        parent,
        quotas,
        count(),
        any::<i64>(),
        any::<bool>(),
    )
        .prop_map(|(tenant, parent, quotas, weight, created, stopped)| {
            let quota = |(pool, amounts): (&str, Vec<Option<u64>>)| QuotaSpec {
                pool: pool.into(),
                nominal: amounts[0].map(MilliUnits),
                share: amounts[1].map(|_| weight),
                borrowing_limit: amounts[1].map(MilliUnits),
                lending_limit: amounts[2].map(MilliUnits),
            };
            Event::TenantSet(Box::new(TenantSpec {
                name: tenant.into(),
                uid: tenant.to_owned(),
                created: Stamp(created),
                parent: parent.map(Into::into),
                quotas: quotas.into_iter().map(quota).collect(),
                weight,
                limits: TenantLimits {
                    pending_jobs: (weight < 3).then_some(weight),
                    ..TenantLimits::default()
                },
                user_limits: TenantLimits::default(),
                classes: None,
                stopped: stopped && weight == 0,
                on_cut: match weight % 3 {
                    0 => OnQuotaCut::Keep,
                    delay => OnQuotaCut::Reclaim {
                        delay: Seconds(delay.into()),
                    },
                },
            }))
        })
}

fn pool() -> impl Strategy<Value = Event> {
    (
        name(&["p", "q"]),
        any::<bool>(),
        amount(),
        count(),
        any::<i64>(),
    )
        .prop_map(|(pool, cards, bundle, factor, created)| {
            Event::PoolSet(Box::new(PoolSpec {
                name: pool.into(),
                created: Stamp(created),
                kind: if cards {
                    ComputeKind::Intelligent
                } else {
                    ComputeKind::General
                },
                owner: "b".into(),
                node_selector: BTreeMap::new(),
                counts: if cards {
                    Counts::Card("gpu".to_owned())
                } else {
                    Counts::Core
                },
                bundle: Bundle {
                    cpu_milli: Some(bundle),
                    memory_mebibytes: None,
                },
                standard_factor: Ratio::new(factor, 3).expect("not by zero"),
                max_data_class: DataClass::General,
                retired: false,
            }))
        })
}

fn resources() -> impl Strategy<Value = NodeResources> {
    (amount(), amount(), amount()).prop_map(|(cpu_milli, memory_mebibytes, cards)| NodeResources {
        cpu_milli,
        memory_mebibytes,
        devices: BTreeMap::from([("gpu".to_owned(), MilliUnits(cards / 1000 * 1000))]),
    })
}

fn node() -> impl Strategy<Value = Event> {
    (name(NODES), resources(), any::<bool>()).prop_map(|(node, allocatable, cordoned)| {
        Event::NodeSet(Box::new(NodeSpec {
            name: node.into(),
            labels: BTreeMap::new(),
            allocatable,
            ready: true,
            unschedulable: cordoned,
            taints: Vec::new(),
        }))
    })
}

fn class() -> impl Strategy<Value = Event> {
    (name(CLASSES), amount(), any::<i32>()).prop_map(|(class, walltime, priority)| {
        Event::ClassSet(Box::new(ClassSpec {
            name: class.into(),
            tier: if class == "exam" {
                Tier::Mission
            } else {
                Tier::Standard
            },
            priority,
            preemptible: false,
            default_walltime: Seconds(walltime),
            max_walltime: Seconds(u64::MAX),
            notice: Seconds(0),
            price_tier: String::new(),
            retired: false,
        }))
    })
}

fn job() -> impl Strategy<Value = Event> {
    let role = (count(), amount(), amount());
    let pools = prop::collection::vec(name(POOLS), 0..3);
    let roles = prop::collection::vec(role, 0..3);
    (
        name(JOBS),
        name(TENANTS),
        name(CLASSES),
        roles,
        pools,
        any::<i64>(),
        any::<bool>(),
    )
        .prop_map(|(job, tenant, class, roles, pools, at, odd)| {
            let role = |(replicas, cards, cpu_milli): (u32, u64, u64)| RoleSpec {
                name: "w".into(),
                replicas,
                request: Request {
                    cpu_milli,
                    memory_mebibytes: cards,
                    devices: Devices::Cards(MilliUnits(cards / 1000 * 1000)),
                },
                node_selector: BTreeMap::new(),
                tolerations: Vec::new(),
            };
            Event::JobSet(Box::new(JobSpec {
                uid: job.into(),
                namespace: String::new(),
                name: job.to_owned(),
                generation: at,
                created: Stamp(at),
                tenant: tenant.into(),
                submitter: String::new(),
                groups: Default::default(),
                class: Some(class.into()),
                job_type: JobType::Training,
                walltime: None,
                roles: roles.into_iter().map(role).collect(),
                pools: pools.into_iter().map(Into::into).collect(),
                vouchers: Vec::new(),
                max_cost: None,
                data_class: DataClass::General,
                grace: Some(Seconds(u64::MAX)),
                held: odd && at > 0,
                not_before: odd.then_some(Stamp(at / 2)),
                released: None,
                blocked: None,
                next_attempt: u32::MAX - 1,
            }))
        })
}

fn placement() -> impl Strategy<Value = Vec<edugrid_units::RolePlacement>> {
    let nodes = prop::collection::vec((name(NODES), count()), 0..3);
    let role = (nodes, amount()).prop_map(|(nodes, cards)| edugrid_units::RolePlacement {
        role: "w".into(),
        request: edugrid_units::Resources {
            cards: MilliUnits(cards),
            cpu_milli: cards,
            memory_mebibytes: 1,
        },
        nodes: nodes
            .into_iter()
            .map(|(node, count)| (node.into(), count))
            .collect(),
    });
    prop::collection::vec(role, 0..3)
}

fn key() -> impl Strategy<Value = AttemptKey> {
    (name(JOBS), 0_u32..3).prop_map(|(job, attempt)| AttemptKey {
        job: job.into(),
        task: 0,
        attempt: if attempt == 0 { u32::MAX } else { attempt },
    })
}

fn admitted() -> impl Strategy<Value = Event> {
    let path = prop::collection::vec(name(TENANTS), 0..3);
    (key(), path, name(POOLS), amount(), placement()).prop_map(
        |(key, path, pool, billed, placement)| {
            Event::Admitted(Box::new(AdmittedAttempt {
                admission: Admission {
                    key,
                    namespace: String::new(),
                    name: String::new(),
                    generation: 0,
                    path: path.into_iter().map(Into::into).collect(),
                    submitter: String::new(),
                    class: "standard".into(),
                    tier: Tier::Standard,
                    preemptible: true,
                    pool: pool.into(),
                    billed: MilliUnits(billed),
                    walltime: Seconds(u64::MAX),
                    grace: Seconds(0),
                    eligible: Stamp(0),
                    placement,
                    at: Stamp(i64::MIN),
                },
                bound: None,
            }))
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let back_off = prop::option::of(any::<i64>().prop_map(Stamp));
    prop_oneof![
        3 => tenant(),
        2 => pool(),
        3 => node(),
        2 => class(),
        5 => job(),
        2 => admitted(),
        1 => name(TENANTS).prop_map(|name| Event::TenantGone(name.into())),
        1 => name(POOLS).prop_map(|name| Event::PoolGone(name.into())),
        1 => name(NODES).prop_map(|name| Event::NodeGone(name.into())),
        1 => name(CLASSES).prop_map(|name| Event::ClassGone(name.into())),
        1 => name(JOBS).prop_map(|name| Event::JobGone(name.into())),
        1 => (name(NODES), resources()).prop_map(|(node, used)| Event::ForeignUse {
            node: node.into(),
            used,
        }),
        1 => (key(), placement()).prop_map(|(key, placement)| Event::Bound { key, placement }),
        3 => (key(), back_off, any::<bool>()).prop_map(|(key, not_before, finished)| Event::Ended {
            key,
            not_before,
            finished,
        }),
        1 => key().prop_map(Event::Stopping),
        1 => Just(Event::MoneyChanged),
        1 => any::<bool>().prop_map(|down| Event::Ledger(match down {
            true => LedgerState::Unavailable("nonsense".to_owned()),
            false => LedgerState::Ready,
        })),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_every_waiting_job_has_a_reason(
        events in prop::collection::vec((event(), any::<i64>(), 0_u32..20), 0..60),
    ) {
        let (mut world, mut purse) = (World::new(), TestPurse::default());
        for (event, now, ops) in events {
            world.apply(Stamp(now), event);
            drop((world.tenants(), world.pools(), world.queue(&QueueFilter::default())));
            for job in JOBS {
                drop(world.explain(&(*job).into()));
            }
            world.schedule(Stamp(now), ops, &mut purse);
        }
        let mut rounds = 0;
        while world.schedule(Stamp(0), 1, &mut purse).more {
            rounds += 1;
            prop_assert!(rounds < 1000, "a round that does not end");
        }
        let waiting = world.queue(&QueueFilter::default());
        prop_assert_eq!(world.waiting().count(), waiting.len());
    }
}
