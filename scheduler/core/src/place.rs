//! Where a gang goes: whole or not at all (P1), best fit, on as few nodes as it can.
//!
//! - One node that holds all of it, the fullest such; else
//! - role by role, the largest replicas first: first the nodes that the gang already
//!   took, then those that hold most replicas, the last of them the tightest that
//!   holds the rest. Ties go to the fuller node, then by name.
//!
//! For one role this is exact: it finds a placement if there is one, on the fewest
//! nodes. For several roles of different size it is a heuristic that may miss one.
//! It must not know tenants, quota or who waits.

mod lack;

use std::collections::BTreeMap;

use edugrid_units::{NodeName, Resources, RolePlacement};

use crate::{
    queue::{Devices, RoleSpec},
    quota::PoolIx,
    topology::{HostIx, PoolSpec, Topology},
};

pub(crate) use lack::{Lack, Never, diagnose, ever};

/// What one role asks of the nodes of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub role: &'a RoleSpec,
    pub vector: Resources,
    pub primary: u64,
}

/// Which nodes and which of their amounts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Usable nodes, with what is free now.
    Now,
    /// All nodes as if all were healthy, with what is free now.
    IfHealthy,
    /// All nodes, as if nobody held anything.
    Empty,
}

/// The asks of a gang's roles in a pool.
pub(crate) fn asks<'a>(
    topology: &Topology,
    pool: PoolIx,
    spec: &PoolSpec,
    roles: &'a [RoleSpec],
) -> Vec<Ask<'a>> {
    let ask = |role: &'a RoleSpec| {
        let vector = spec.vector(&role.request);
        Ask {
            role,
            vector,
            primary: topology.primary(pool, &vector),
        }
    };
    roles.iter().map(ask).collect()
}

/// Places the whole gang, or nothing.
pub(crate) fn place(
    topology: &Topology,
    pool: PoolIx,
    asks: &[Ask<'_>],
    view: View,
) -> Option<Vec<RolePlacement>> {
    let counts = on_one_node(topology, pool, asks, view)
        .or_else(|| on_several(topology, pool, asks, view))?;
    let placed = asks.iter().zip(counts).map(|(ask, counts)| {
        let named = counts
            .into_iter()
            .map(|(ix, count)| (topology.host(ix).name.clone(), count));
        let by_name: BTreeMap<NodeName, u32> = named.collect();
        RolePlacement {
            role: ask.role.name.clone(),
            request: ask.vector,
            nodes: by_name.into_iter().collect(),
        }
    });
    Some(placed.collect())
}

type Counts = BTreeMap<HostIx, u32>;

fn on_one_node(
    topology: &Topology,
    pool: PoolIx,
    asks: &[Ask<'_>],
    view: View,
) -> Option<Vec<Counts>> {
    let total = total(asks);
    let mut nodes = candidates(topology, pool, view, topology.primary(pool, &total));
    let (ix, _) = nodes.find(|(ix, free)| {
        free.holds(&total) && asks.iter().all(|ask| eligible(topology, ask, *ix, view))
    })?;
    let one = |ask: &Ask<'_>| match ask.role.replicas {
        0 => Counts::new(),
        count => Counts::from([(ix, count)]),
    };
    Some(asks.iter().map(one).collect())
}

fn on_several(
    topology: &Topology,
    pool: PoolIx,
    asks: &[Ask<'_>],
    view: View,
) -> Option<Vec<Counts>> {
    let mut order: Vec<usize> = (0..asks.len()).collect();
    order.sort_by_key(|at| {
        let ask = &asks[*at];
        let size = (
            ask.primary,
            ask.vector.cpu_milli,
            ask.vector.memory_mebibytes,
        );
        (std::cmp::Reverse(size), *at)
    });
    let mut taken: BTreeMap<HostIx, Resources> = BTreeMap::new();
    let mut placed = vec![Counts::new(); asks.len()];
    for at in order {
        let ask = &asks[at];
        let counts = place_role(topology, pool, ask, view, &taken)?;
        for (ix, count) in &counts {
            let sum = taken.entry(*ix).or_default();
            *sum = sum.saturating_add(&ask.vector.times(*count));
        }
        placed[at] = counts;
    }
    Some(placed)
}

/// Places one role beside what the gang's other roles have taken.
fn place_role(
    topology: &Topology,
    pool: PoolIx,
    ask: &Ask<'_>,
    view: View,
    taken: &BTreeMap<HostIx, Resources>,
) -> Option<Counts> {
    let mut rooms: Vec<Room> = Vec::new();
    for (ix, free) in candidates(topology, pool, view, ask.primary) {
        let ours = taken.get(&ix);
        let left = ours.map_or(free, |ours| free.saturating_sub(ours));
        let fits = fits(&left, &ask.vector);
        if fits > 0 && eligible(topology, ask, ix, view) {
            rooms.push(Room {
                fresh: ours.is_none(),
                fits,
                free: topology.primary(pool, &left),
                ix,
            });
        }
    }
    // Candidates come the fullest first, by name; the sort is stable.
    rooms.sort_by_key(|room| (room.fresh, std::cmp::Reverse(room.fits), room.free));
    let (mut counts, mut need) = (Counts::new(), ask.role.replicas);
    for (at, room) in rooms.iter().enumerate() {
        if need == 0 {
            break;
        }
        if room.fits < need {
            counts.insert(room.ix, room.fits);
            need = need.saturating_sub(room.fits);
            continue;
        }
        // The rest fits here: take the tightest that holds it among its like.
        let last = rooms[at..]
            .iter()
            .filter(|other| other.fresh == room.fresh && other.fits >= need)
            .min_by_key(|other| (other.fits, other.free))
            .unwrap_or(room);
        counts.insert(last.ix, need);
        need = 0;
    }
    (need == 0).then_some(counts)
}

struct Room {
    fresh: bool,
    fits: u32,
    free: u64,
    ix: HostIx,
}

/// Nodes with at least so much of the pool's unit, the fullest first, then by name.
fn candidates<'a>(
    topology: &'a Topology,
    pool: PoolIx,
    view: View,
    least: u64,
) -> Box<dyn Iterator<Item = (HostIx, Resources)> + 'a> {
    if view == View::Now {
        let usable = topology.usable_with(pool, least);
        return Box::new(usable.map(move |ix| (ix, topology.free(pool, ix))));
    }
    let members = topology.pool(pool).members.values();
    let amounts = members.map(|ix| match view {
        View::Empty => (*ix, topology.allocatable(pool, *ix)),
        View::Now | View::IfHealthy => (*ix, topology.free(pool, *ix)),
    });
    let mut enough: Vec<_> = amounts
        .filter(|(_, free)| topology.primary(pool, free) >= least)
        .collect();
    enough.sort_by_key(|(_, free)| topology.primary(pool, free));
    Box::new(enough.into_iter())
}

/// Whether a role may run on a node, amounts aside. Taints pass like ill health.
fn eligible(topology: &Topology, ask: &Ask<'_>, ix: HostIx, view: View) -> bool {
    let Some(node) = &topology.host(ix).spec else {
        return false;
    };
    let selector = &ask.role.node_selector;
    let selected = selector
        .iter()
        .all(|(key, value)| node.labels.get(key) == Some(value));
    // Devices that no pool counts are only looked for, not counted.
    let devices = match &ask.role.request.devices {
        Devices::Named(named) => named.iter().all(|(device, amount)| {
            *amount
                <= node
                    .allocatable
                    .devices
                    .get(device)
                    .copied()
                    .unwrap_or_default()
        }),
        Devices::None | Devices::Cards(_) => true,
    };
    let borne = view != View::Now || node.taints.iter().all(|taint| ask.role.bears(taint));
    selected && devices && borne
}

/// How many requests fit into what is free.
fn fits(free: &Resources, request: &Resources) -> u32 {
    let most = [
        (free.cards.0, request.cards.0),
        (free.cpu_milli, request.cpu_milli),
        (free.memory_mebibytes, request.memory_mebibytes),
    ]
    .into_iter()
    .filter_map(|(free, one)| free.checked_div(one))
    .min();
    u32::try_from(most.unwrap_or(u64::MAX)).unwrap_or(u32::MAX)
}

fn total(asks: &[Ask<'_>]) -> Resources {
    asks.iter().fold(Resources::default(), |sum, ask| {
        sum.saturating_add(&ask.vector.times(ask.role.replicas))
    })
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
