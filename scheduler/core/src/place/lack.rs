//! Why a gang has no place: what it could ever have, and what is lacking now.
//!
//! Only called when placing failed, and its answers are kept per shape and pool until
//! a node changes, so it may look at every node.

use edugrid_units::{Amount, MilliUnits, Resources, RoleName};

use super::{Ask, View, candidates, eligible, fits, place, total};
use crate::{quota::PoolIx, topology::Topology};

/// Why a gang can never be placed in a pool as its nodes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Never {
    /// No node has what a role wants of its node, amounts aside.
    NoNode { role: RoleName },
    /// One replica is larger than every node.
    Replica {
        role: RoleName,
        resource: &'static str,
        asked: Amount,
        largest: Amount,
    },
    /// The gang is larger than the whole pool.
    Gang {
        resource: &'static str,
        asked: Amount,
        capacity: Amount,
    },
    /// Sums and replicas fit, but not all replicas side by side.
    Shapes { asked: Amount, capacity: Amount },
}

/// What a gang that could be placed lacks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Enough is free in sum, but not in its shapes.
    Shapes { asked: Amount, free: Amount },
    /// It would fit if these nodes were healthy, schedulable and untainted.
    Health { nodes: Vec<String> },
    /// Others hold it: too little is free even in sum.
    Taken {
        resource: &'static str,
        asked: Amount,
        free: Amount,
        /// How much of that foreign pods hold.
        foreign: Amount,
    },
}

/// A component of a vector, with the word and unit that people read.
struct Component {
    name: &'static str,
    read: fn(&Resources) -> Amount,
}

const COMPONENTS: [Component; 3] = [
    Component {
        name: "cards",
        read: |amounts| Amount::Units(amounts.cards),
    },
    Component {
        name: "cores",
        read: |amounts| Amount::Units(MilliUnits(amounts.cpu_milli)),
    },
    Component {
        name: "MiB of memory",
        read: |amounts| Amount::Count(amounts.memory_mebibytes),
    },
];

/// The first component of `ask` that `there` does not hold.
fn short(there: &Resources, ask: &Resources) -> Option<(&'static str, Amount, Amount)> {
    let short = [
        there.cards < ask.cards,
        there.cpu_milli < ask.cpu_milli,
        there.memory_mebibytes < ask.memory_mebibytes,
    ];
    let mut parts = short.into_iter().zip(COMPONENTS);
    let (_, part) = parts.find(|(short, _)| *short)?;
    Some((part.name, (part.read)(ask), (part.read)(there)))
}

/// The number that says how much of a pool a vector is: cards if any, else cores.
fn size(amounts: &Resources, ask: &Resources) -> Amount {
    if ask.cards > MilliUnits::ZERO {
        Amount::Units(amounts.cards)
    } else {
        Amount::Units(MilliUnits(amounts.cpu_milli))
    }
}

/// The sum over nodes that any role may use.
fn sum(topology: &Topology, pool: PoolIx, asks: &[Ask<'_>], view: View) -> Resources {
    candidates(topology, pool, view, 0)
        .filter(|(ix, _)| asks.iter().any(|ask| eligible(topology, ask, *ix, view)))
        .fold(Resources::default(), |sum, (_, free)| {
            sum.saturating_add(&free)
        })
}

/// Whether the gang could be placed if all nodes were healthy and empty.
pub(crate) fn ever(topology: &Topology, pool: PoolIx, asks: &[Ask<'_>]) -> Result<(), Never> {
    if place(topology, pool, asks, View::Empty).is_some() {
        return Ok(());
    }
    let (ask, capacity) = (total(asks), sum(topology, pool, asks, View::Empty));
    let members = &topology.pool(pool).members;
    for role in asks.iter().filter(|ask| ask.role.replicas > 0) {
        let nodes: Vec<Resources> = members
            .values()
            .filter(|ix| eligible(topology, role, **ix, View::Empty))
            .map(|ix| topology.allocatable(pool, *ix))
            .collect();
        if nodes.is_empty() && !members.is_empty() {
            let role = role.role.name.clone();
            return Err(Never::NoNode { role });
        }
        if nodes.iter().all(|node| fits(node, &role.vector) == 0) {
            let largest = nodes.iter().max_by_key(|node| topology.primary(pool, node));
            let largest = largest.copied().unwrap_or_default();
            if let Some((resource, asked, largest)) = short(&largest, &role.vector) {
                let role = role.role.name.clone();
                return Err(Never::Replica {
                    role,
                    resource,
                    asked,
                    largest,
                });
            }
        }
    }
    Err(match short(&capacity, &ask) {
        Some((resource, asked, capacity)) => Never::Gang {
            resource,
            asked,
            capacity,
        },
        None => Never::Shapes {
            asked: size(&ask, &ask),
            capacity: size(&capacity, &ask),
        },
    })
}

/// What the gang lacks now; only meaningful after [`place`] found nothing.
pub(crate) fn diagnose(topology: &Topology, pool: PoolIx, asks: &[Ask<'_>]) -> Lack {
    let (ask, free) = (total(asks), sum(topology, pool, asks, View::Now));
    let Some((resource, asked, free)) = short(&free, &ask) else {
        return Lack::Shapes {
            asked: size(&ask, &ask),
            free: size(&free, &ask),
        };
    };
    if place(topology, pool, asks, View::IfHealthy).is_some() {
        let members = topology.pool(pool).members.iter();
        let ill = members.filter(|(_, ix)| {
            !topology.usable(**ix)
                || asks
                    .iter()
                    .any(|ask| !eligible(topology, ask, **ix, View::Now))
        });
        let nodes = ill.map(|(name, _)| name.to_string()).collect();
        return Lack::Health { nodes };
    }
    let foreign = topology.pool(pool).members.values();
    let foreign = foreign.fold(Resources::default(), |sum, ix| {
        sum.saturating_add(&topology.foreign(pool, *ix))
    });
    let part = COMPONENTS.iter().find(|part| part.name == resource);
    Lack::Taken {
        resource,
        asked,
        free,
        foreign: part.map_or(Amount::Count(0), |part| (part.read)(&foreign)),
    }
}
