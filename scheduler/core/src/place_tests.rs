//! Placement against the definition: a gang of one role has a place iff the replicas
//! that each node holds sum up to it, and then on the fewest nodes that do.

use std::{cmp::Reverse, collections::BTreeMap};

use edugrid_units::{ComputeKind, MilliUnits, PoolName, Ratio, Stamp};
use proptest::prelude::*;

use super::*;
use crate::{
    queue::{DataClass, Request, Taint, TaintEffect},
    topology::{Bundle, Counts as Unit, NodeResources, NodeSpec},
};

/// Cards, cores and GiB of a node or a replica.
type Size = (u64, u64, u64);

fn pool_spec() -> PoolSpec {
    PoolSpec {
        name: "p".into(),
        created: Stamp(0),
        kind: ComputeKind::Intelligent,
        owner: "root".into(),
        node_selector: BTreeMap::new(),
        counts: Unit::Card("gpu".into()),
        bundle: Bundle::default(),
        standard_factor: Ratio::ONE,
        max_data_class: DataClass::General,
        retired: false,
    }
}

fn topology(nodes: &[Size]) -> (Topology, PoolIx) {
    let mut topology = Topology::default();
    let name = PoolName::from("p");
    topology.set_pool(&name, Some(pool_spec()));
    for (at, size) in nodes.iter().enumerate() {
        let node = NodeSpec {
            name: format!("n{at:02}").into(),
            labels: BTreeMap::new(),
            allocatable: resources(*size),
            ready: true,
            unschedulable: false,
            taints: Vec::new(),
        };
        topology.set_node(&node.name.clone(), Some(node));
    }
    let (pool, _) = topology.declared(&name).expect("it was set");
    (topology, pool)
}

fn resources((cards, cores, gib): Size) -> NodeResources {
    NodeResources {
        cpu_milli: cores * 1000,
        memory_mebibytes: gib * 1024,
        devices: BTreeMap::from([("gpu".to_owned(), MilliUnits::whole(cards))]),
    }
}

fn role(name: &str, replicas: u32, (cards, cores, gib): Size) -> RoleSpec {
    RoleSpec {
        name: name.into(),
        replicas,
        request: Request {
            cpu_milli: cores * 1000,
            memory_mebibytes: gib * 1024,
            devices: Devices::Cards(MilliUnits::whole(cards)),
        },
        node_selector: BTreeMap::new(),
        tolerations: Vec::new(),
    }
}

/// Places, and checks that the whole gang is there and no node overfilled.
fn placed(nodes: &[Size], roles: &[RoleSpec]) -> Option<Vec<RolePlacement>> {
    let (topology, pool) = topology(nodes);
    let asks = asks(&topology, pool, &pool_spec(), roles);
    let placement = place(&topology, pool, &asks, View::Now)?;
    let mut taken: BTreeMap<&NodeName, Resources> = BTreeMap::new();
    assert_eq!(placement.len(), roles.len());
    for (role, placed) in roles.iter().zip(&placement) {
        assert_eq!(placed.replicas(), role.replicas, "the whole gang");
        for (node, count) in &placed.nodes {
            assert!(*count > 0);
            let sum = taken.entry(node).or_default();
            *sum = sum.saturating_add(&placed.request.times(*count));
        }
    }
    for (node, taken) in taken {
        let at: usize = node.as_str()[1..].parse().expect("n<at>");
        let (cards, cores, gib) = nodes[at];
        let free = Resources {
            cards: MilliUnits::whole(cards),
            cpu_milli: cores * 1000,
            memory_mebibytes: gib * 1024,
        };
        assert!(free.holds(&taken), "{node} is overfilled");
    }
    Some(placement)
}

fn holds(node: Size, one: Size) -> u64 {
    let parts = [(node.0, one.0), (node.1, one.1), (node.2, one.2)];
    let most = parts
        .into_iter()
        .filter_map(|(n, o)| n.checked_div(o))
        .min();
    most.unwrap_or(u64::MAX)
}

proptest! {
    #[test]
    fn one_role_goes_whole_on_the_fewest_nodes_or_not_at_all(
        nodes in prop::collection::vec((0_u64..9, 0_u64..33, 0_u64..65), 0..10),
        replicas in 1_u32..12,
        one in (0_u64..5, 1_u64..9, 0_u64..17),
    ) {
        let mut most: Vec<u64> = nodes.iter().map(|node| holds(*node, one)).collect();
        most.sort_by_key(|count| Reverse(*count));
        let mut need = u64::from(replicas);
        let fewest = most.iter().take_while(|count| {
            let more = need > 0;
            need = need.saturating_sub(**count);
            more
        });
        let fewest = fewest.count();
        match placed(&nodes, &[role("w", replicas, one)]) {
            Some(placement) => {
                prop_assert_eq!(need, 0, "placed what can't be");
                prop_assert_eq!(placement[0].nodes.len(), fewest);
            }
            None => prop_assert!(need > 0, "a place was missed"),
        }
    }

    #[test]
    fn several_roles_go_whole_or_not_at_all(
        nodes in prop::collection::vec((0_u64..9, 0_u64..33, 0_u64..65), 0..8),
        sizes in prop::collection::vec((0_u32..5, (0_u64..5, 0_u64..9, 0_u64..17)), 1..4),
    ) {
        let roles: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(at, (replicas, one))| role(&format!("r{at}"), *replicas, *one))
            .collect();
        let total = sizes.iter().fold((0, 0, 0), |sum: Size, (count, one)| {
            let count = u64::from(*count);
            (sum.0 + one.0 * count, sum.1 + one.1 * count, sum.2 + one.2 * count)
        });
        let fits_one = nodes.iter().any(|n| n.0 >= total.0 && n.1 >= total.1 && n.2 >= total.2);
        let placement = placed(&nodes, &roles);
        prop_assert!(placement.is_some() || !fits_one, "one node would do");
        if fits_one {
            let nodes = placement.iter().flatten().flat_map(|role| &role.nodes);
            let mut used: Vec<_> = nodes.map(|(node, _)| node).collect();
            used.dedup();
            prop_assert!(used.len() <= 1);
        }
    }
}

/// The nodes of a role as `name×count` words.
fn words(placement: &RolePlacement) -> String {
    let nodes = placement.nodes.iter();
    let words: Vec<_> = nodes
        .map(|(node, count)| format!("{node}×{count}"))
        .collect();
    words.join(" ")
}

#[test]
fn the_fullest_node_that_holds_it_is_taken() {
    let fit = |nodes: &[Size], count, one| {
        let placement = placed(nodes, &[role("w", count, one)]).expect("a place");
        words(&placement[0])
    };
    assert_eq!(
        fit(&[(8, 8, 8), (4, 8, 8), (4, 8, 8)], 1, (3, 0, 0)),
        "n01×1"
    );
    assert_eq!(
        fit(&[(8, 8, 8), (4, 1, 8), (6, 8, 8)], 2, (2, 2, 0)),
        "n02×2"
    );
    // 5 replicas of 2: two nodes of 8, and the rest on the tighter one.
    assert_eq!(
        fit(&[(8, 8, 8), (8, 8, 8), (3, 8, 8)], 5, (2, 0, 0)),
        "n00×4 n02×1"
    );
}

#[test]
fn other_roles_stay_near() {
    let roles = [role("launcher", 1, (0, 1, 1)), role("worker", 2, (8, 4, 4))];
    let placement = placed(&[(0, 9, 9), (8, 9, 9), (8, 9, 9)], &roles).expect("a place");
    assert_eq!(words(&placement[0]), "n01×1");
    assert_eq!(words(&placement[1]), "n01×1 n02×1");
}

#[test]
fn selectors_and_taints_are_heeded() {
    let (mut topology, pool) = topology(&[(8, 8, 8), (8, 8, 8), (8, 8, 8)]);
    for at in [0, 1] {
        let node = NodeSpec {
            name: format!("n{at:02}").into(),
            labels: BTreeMap::from([("disk".to_owned(), "fast".to_owned())]),
            allocatable: resources((8, 8, 8)),
            ready: true,
            unschedulable: false,
            taints: (at == 0)
                .then(|| Taint {
                    key: "repair".into(),
                    value: String::new(),
                    effect: TaintEffect::NoExecute,
                })
                .into_iter()
                .collect(),
        };
        topology.set_node(&node.name.clone(), Some(node));
    }
    let mut fast = role("w", 1, (1, 1, 1));
    fast.node_selector = BTreeMap::from([("disk".to_owned(), "fast".to_owned())]);
    let roles = [fast];
    let asks = asks(&topology, pool, &pool_spec(), &roles);
    let placement = place(&topology, pool, &asks, View::Now).expect("a place");
    assert_eq!(words(&placement[0]), "n01×1");
}
