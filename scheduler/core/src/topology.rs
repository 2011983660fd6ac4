//! Pools and nodes: what a pool counts and bills (N4), which nodes are its own, and
//! what is free on them (Q4).
//!
//! Levels of topology will live here too. It must not know tenants' quota, order or
//! which job holds what: it sees amounts.

mod book;

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{
    ComputeKind, MilliUnits, NodeName, PoolName, Ratio, Resources, Stamp, TenantName,
};

pub(crate) use book::{HostIx, NodeChange, Topology};

use crate::{
    queue::{DataClass, Devices, Request, RoleSpec, Taint},
    share::Measure,
};

/// A kind of capacity, as its administrators declare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// Its name.
    pub name: PoolName,
    /// When the object was made: the older pool keeps a node that two match (N4).
    pub created: Stamp,
    /// What it is for.
    pub kind: ComputeKind,
    /// Who owns its nodes.
    pub owner: TenantName,
    /// Labels of its nodes.
    pub node_selector: BTreeMap<String, String>,
    /// The unit that it counts in.
    pub counts: Counts,
    /// What comes with one unit.
    pub bundle: Bundle,
    /// Standard units per unit (O3).
    pub standard_factor: Ratio,
    /// The most sensitive data that its jobs may work on.
    pub max_data_class: DataClass,
    /// Takes no new jobs.
    pub retired: bool,
}

/// A pool's unit (N4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counts {
    /// A card, by the name of its extended resource.
    Card(String),
    /// A core.
    Core,
}

/// What CPU and memory come with one unit; what is absent is not billed (N4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Milli-cores per unit.
    pub cpu_milli: Option<u64>,
    /// MiB per unit.
    pub memory_mebibytes: Option<u64>,
}

/// A Kubernetes node as the operator reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: NodeName,
    /// Its labels: they decide which pools it belongs to.
    pub labels: BTreeMap<String, String>,
    /// What pods may use of it.
    pub allocatable: NodeResources,
    /// Its Ready condition.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Its taints, but for those that the operator makes every pod of the pool bear.
    pub taints: Vec<Taint>,
}

/// Amounts of a node, devices by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeResources {
    /// Processor time in milli-cores.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mebibytes: u64,
    /// Extended resources.
    pub devices: BTreeMap<String, MilliUnits>,
}

/// Why a gang's requests don't speak of a pool's kind of capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// A role asks for a device that other pools count.
    OtherDevice { role: String, device: String },
    /// A role asks for cards and the pool has none.
    NoCards { role: String },
    /// A role asks for a part of a card, and nothing isolates parts (P4).
    Fraction { role: String },
}

impl PoolSpec {
    pub(crate) fn measure(&self) -> Measure {
        Measure {
            kind: self.kind,
            factor: self.standard_factor,
        }
    }

    /// The cards of this pool that a request asks for.
    fn cards(&self, request: &Request) -> MilliUnits {
        match (&self.counts, &request.devices) {
            (Counts::Core, _) | (_, Devices::None) => MilliUnits::ZERO,
            (Counts::Card(_), Devices::Cards(cards)) => *cards,
            (Counts::Card(name), Devices::Named(named)) => {
                named.get(name).copied().unwrap_or_default()
            }
        }
    }

    /// What one replica takes from its node: the vector that placement uses (N4).
    pub(crate) fn vector(&self, request: &Request) -> Resources {
        Resources {
            cards: self.cards(request),
            cpu_milli: request.cpu_milli,
            memory_mebibytes: request.memory_mebibytes,
        }
    }

    /// What one replica is billed: the largest of its parts in units, rounded up (N4).
    fn billed_per_replica(&self, request: &Request) -> MilliUnits {
        let counted = match self.counts {
            Counts::Card(_) => self.cards(request).0,
            Counts::Core => request.cpu_milli,
        };
        let cores = in_units(request.cpu_milli, self.bundle.cpu_milli);
        let memory = in_units(request.memory_mebibytes, self.bundle.memory_mebibytes);
        MilliUnits(counted.max(cores).max(memory))
    }

    /// What the gang is billed if it runs here (N4), for whoever tells prices before there is a
    /// queue; nothing if its requests don't speak of this kind of capacity. `counted`: the
    /// devices that any pool counts.
    pub fn bill(&self, roles: &[RoleSpec], counted: &BTreeSet<String>) -> Option<MilliUnits> {
        let matches = self.matches(roles, counted).is_ok();
        matches.then(|| self.billed(roles))
    }

    /// What the whole gang is billed (N4).
    pub(crate) fn billed(&self, roles: &[RoleSpec]) -> MilliUnits {
        roles.iter().fold(MilliUnits::ZERO, |sum, role| {
            let one = self.billed_per_replica(&role.request);
            sum.saturating_add(one.times(role.replicas))
        })
    }

    /// Whether the gang's requests can be met by this kind of capacity at all.
    /// `counted` are the devices that any pool counts: asking for another pool's
    /// device beside this one's would dodge that pool's limits (Q5).
    pub(crate) fn matches(
        &self,
        roles: &[RoleSpec],
        counted: &BTreeSet<String>,
    ) -> Result<(), Mismatch> {
        for role in roles {
            let name = || role.name.to_string();
            match (&role.request.devices, &self.counts) {
                (Devices::Cards(cards), Counts::Core) if *cards > MilliUnits::ZERO => {
                    return Err(Mismatch::NoCards { role: name() });
                }
                (Devices::Named(named), counts) => {
                    let other = named.iter().find(|(device, amount)| {
                        let own = matches!(counts, Counts::Card(own) if own == *device);
                        **amount > MilliUnits::ZERO && !own && counted.contains(*device)
                    });
                    if let Some((device, _)) = other {
                        let (role, device) = (name(), device.clone());
                        return Err(Mismatch::OtherDevice { role, device });
                    }
                }
                _ => {}
            }
            if self.cards(&role.request).0.checked_rem(1000) != Some(0) {
                return Err(Mismatch::Fraction { role: name() });
            }
        }
        Ok(())
    }
}

/// `amount` in milli-units of which one unit bundles `per_unit`, rounded up.
fn in_units(amount: u64, per_unit: Option<u64>) -> u64 {
    let Some(per_unit) = per_unit.filter(|per_unit| *per_unit > 0) else {
        return 0;
    };
    let milli = u128::from(amount)
        .saturating_mul(1000)
        .div_ceil(u128::from(per_unit));
    u64::try_from(milli).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pool(counts: Counts, cpu: Option<u64>, memory: Option<u64>) -> PoolSpec {
        PoolSpec {
            name: "a100".into(),
            created: Stamp(0),
            kind: ComputeKind::Intelligent,
            owner: "root".into(),
            node_selector: BTreeMap::new(),
            counts,
            bundle: Bundle {
                cpu_milli: cpu,
                memory_mebibytes: memory,
            },
            standard_factor: Ratio::ONE,
            max_data_class: DataClass::General,
            retired: false,
        }
    }

    fn role(replicas: u32, cards: u64, cpu_milli: u64, memory_mebibytes: u64) -> RoleSpec {
        RoleSpec {
            name: "main".into(),
            replicas,
            request: Request {
                cpu_milli,
                memory_mebibytes,
                devices: Devices::Cards(MilliUnits(cards)),
            },
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
        }
    }

    fn gpu() -> Counts {
        Counts::Card("nvidia.com/gpu".into())
    }

    #[test]
    fn the_largest_part_is_billed_per_replica_and_rounded_up() {
        let a100 = pool(gpu(), Some(12_000), Some(120 * 1024));
        for (roles, milli) in [
            (vec![role(1, 8000, 32_000, 200 * 1024)], 8_000),
            (vec![role(1, 1000, 32_000, 200 * 1024)], 2_667),
            (vec![role(3, 1000, 32_000, 200 * 1024)], 8_001),
            (vec![role(1, 0, 1, 0)], 1),
            (vec![role(1, 1000, 0, 240 * 1024 + 1)], 2_001),
            (vec![role(2, 2000, 0, 0), role(1, 0, 6_000, 0)], 4_500),
            (vec![role(u32::MAX, u64::MAX, 0, 0)], u64::MAX),
            (vec![], 0),
        ] {
            assert_eq!(a100.billed(&roles), MilliUnits(milli), "{roles:?}");
        }
    }

    #[test]
    fn what_has_no_bundle_is_not_billed() {
        let roles = [role(1, 1000, 64_000, 1 << 20)];
        assert_eq!(pool(gpu(), None, None).billed(&roles), MilliUnits(1000));
        assert_eq!(
            pool(gpu(), Some(0), Some(0)).billed(&roles),
            MilliUnits(1000)
        );
    }

    #[test]
    fn a_pool_of_cores_counts_cores() {
        let cpu = pool(Counts::Core, None, Some(4096));
        let mut four = role(2, 0, 4000, 1024);
        assert_eq!(cpu.billed(&[four.clone()]), MilliUnits(8000));
        four.request.memory_mebibytes = 32 * 1024;
        assert_eq!(cpu.billed(&[four]), MilliUnits(16_000));
    }

    #[test]
    fn a_request_by_name_must_be_the_pools_own() {
        let counted = BTreeSet::from(["nvidia.com/gpu".to_owned(), "huawei.com/npu".to_owned()]);
        let named = |names: &[&str]| {
            let mut role = role(1, 0, 0, 0);
            let amounts = names
                .iter()
                .map(|name| ((*name).to_owned(), MilliUnits(1000)));
            role.request.devices = Devices::Named(amounts.collect());
            [role]
        };
        let a100 = pool(gpu(), None, None);
        assert_eq!(a100.matches(&named(&["nvidia.com/gpu"]), &counted), Ok(()));
        assert_eq!(
            a100.matches(&named(&["nvidia.com/gpu", "rdma/hca"]), &counted),
            Ok(()),
            "what no pool counts is only looked for on the node"
        );
        for pool in [&a100, &pool(Counts::Core, None, None)] {
            assert!(matches!(
                pool.matches(&named(&["huawei.com/npu"]), &counted),
                Err(Mismatch::OtherDevice { .. })
            ));
        }
        assert!(matches!(
            a100.matches(&[role(1, 500, 0, 0)], &counted),
            Err(Mismatch::Fraction { .. })
        ));
        assert!(matches!(
            pool(Counts::Core, None, None).matches(&[role(1, 1000, 0, 0)], &counted),
            Err(Mismatch::NoCards { .. })
        ));
    }

    proptest! {
        /// N4: no part of any replica goes unbilled, and less than one milli-unit too much.
        #[test]
        fn billed_covers_every_part(
            cards in 0_u64..100_000, cpu in 0_u64..10_000_000, memory in 0_u64..10_000_000,
            per_cpu in 1_u64..1_000_000, per_memory in 1_u64..1_000_000,
        ) {
            let pool = pool(gpu(), Some(per_cpu), Some(per_memory));
            let MilliUnits(billed) = pool.billed(&[role(1, cards, cpu, memory)]);
            prop_assert!(billed >= cards);
            prop_assert!(billed * per_cpu >= cpu * 1000);
            prop_assert!(billed * per_memory >= memory * 1000);
            prop_assert!(
                billed == 0
                    || billed == cards
                    || (billed - 1) * per_cpu < cpu * 1000
                    || (billed - 1) * per_memory < memory * 1000
            );
        }
    }
}
