//! The book of nodes: membership of pools, what our pods and foreign ones hold, and
//! per pool the usable nodes by what is free on them.
//!
//! Flow: every change re-keys one node in its pools. A pool's `room` counts changes
//! after which something may fit that did not, its `taken` those after which less is
//! free; its `shape` those after which something
//! may *ever* fit. What failed at a version fails until the version moves.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{MilliUnits, NodeName, PoolName, Resources};

use super::{Counts, NodeResources, NodeSpec, PoolSpec};
use crate::quota::PoolIx;

/// A node by index; handed out once per name and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIx(usize);

/// What a change of a node may change for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeChange {
    /// Nothing.
    Nothing,
    /// What fits now.
    Health,
    /// What may ever fit.
    Shape,
}

/// A node, known or only named by an admission.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub name: NodeName,
    pub spec: Option<NodeSpec>,
    /// What pods that are not ours hold (Q4).
    foreign: NodeResources,
    /// What our open admissions hold, per pool.
    held: BTreeMap<PoolIx, Resources>,
    /// The pools that it belongs to, with its key in their index if it is usable.
    pools: BTreeMap<PoolIx, Option<u64>>,
}

/// A pool, known or only named by an admission.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub name: PoolName,
    pub spec: Option<PoolSpec>,
    /// The unit, remembered when the pool is gone but its jobs still run.
    pub counts: Option<Counts>,
    pub members: BTreeMap<NodeName, HostIx>,
    /// Usable members by the free amount of the pool's unit, then by name.
    free: BTreeSet<(u64, NodeName, HostIx)>,
    /// Nodes that it matches but an older pool with the same unit keeps (N4), and of
    /// its own those that a younger one matches; with the name of the other.
    pub contested: BTreeMap<NodeName, PoolName>,
    pub room: u64,
    pub taken: u64,
    pub shape: u64,
}

/// All pools and nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    hosts: Vec<Host>,
    host_by_name: BTreeMap<NodeName, HostIx>,
    pools: Vec<Pool>,
    pool_by_name: BTreeMap<PoolName, PoolIx>,
    /// Devices that some pool counts.
    counted: BTreeSet<String>,
}

impl Topology {
    /// The pool of that name, made known if it was not.
    pub fn intern_pool(&mut self, name: &PoolName) -> PoolIx {
        if let Some(&ix) = self.pool_by_name.get(name) {
            return ix;
        }
        let ix = PoolIx(self.pools.len());
        self.pool_by_name.insert(name.clone(), ix);
        self.pools.push(Pool {
            name: name.clone(),
            spec: None,
            counts: None,
            members: BTreeMap::new(),
            free: BTreeSet::new(),
            contested: BTreeMap::new(),
            room: 0,
            taken: 0,
            shape: 0,
        });
        ix
    }

    fn intern_host(&mut self, name: &NodeName) -> HostIx {
        if let Some(&ix) = self.host_by_name.get(name) {
            return ix;
        }
        let ix = HostIx(self.hosts.len());
        self.host_by_name.insert(name.clone(), ix);
        self.hosts.push(Host {
            name: name.clone(),
            spec: None,
            foreign: NodeResources::default(),
            held: BTreeMap::new(),
            pools: BTreeMap::new(),
        });
        ix
    }

    /// Sets or takes away a pool; every node finds its pools anew.
    pub fn set_pool(&mut self, name: &PoolName, spec: Option<PoolSpec>) {
        let ix = self.intern_pool(name);
        let pool = &mut self.pools[ix.0];
        if let Some(spec) = &spec {
            pool.counts = Some(spec.counts.clone());
        }
        pool.spec = spec;
        let counted = self.pools.iter().filter_map(|pool| pool.counts.as_ref());
        self.counted = counted
            .filter_map(|counts| match counts {
                Counts::Card(device) => Some(device.clone()),
                Counts::Core => None,
            })
            .collect();
        for pool in &mut self.pools {
            pool.contested.clear();
        }
        for host in (0..self.hosts.len()).map(HostIx) {
            self.rehome(host);
        }
        self.touch_shapes(&(0..self.pools.len()).map(PoolIx).collect());
    }

    /// Sets or takes away a node.
    pub fn set_node(&mut self, name: &NodeName, spec: Option<NodeSpec>) -> NodeChange {
        let ix = self.intern_host(name);
        let before = &mut self.hosts[ix.0].spec;
        if *before == spec {
            return NodeChange::Nothing;
        }
        if let (Some(before), Some(spec)) = (before, &spec)
            && before.labels == spec.labels
            && before.allocatable == spec.allocatable
        {
            before.clone_from(spec);
            self.rekey(ix);
            self.touch_room(ix);
            return NodeChange::Health;
        }
        let mut pools: BTreeSet<PoolIx> = self.hosts[ix.0].pools.keys().copied().collect();
        self.hosts[ix.0].spec = spec;
        for pool in &mut self.pools {
            pool.contested.remove(name);
        }
        self.rehome(ix);
        pools.extend(self.hosts[ix.0].pools.keys());
        self.touch_shapes(&pools);
        NodeChange::Shape
    }

    /// Says what foreign pods hold on a node (Q4). Returns whether anything changed.
    pub fn set_foreign(&mut self, name: &NodeName, used: NodeResources) -> bool {
        let ix = self.intern_host(name);
        let changed = self.hosts[ix.0].foreign != used;
        if changed {
            self.hosts[ix.0].foreign = used;
            self.rekey(ix);
            self.touch_room(ix);
        }
        changed
    }

    /// Counts what an admission takes from a node.
    pub fn hold(&mut self, pool: PoolIx, node: &NodeName, amount: &Resources) {
        let ix = self.intern_host(node);
        let held = self.hosts[ix.0].held.entry(pool).or_default();
        *held = held.saturating_add(amount);
        self.rekey(ix);
        for pool in self.hosts[ix.0].pools.keys() {
            let taken = &mut self.pools[pool.0].taken;
            *taken = taken.saturating_add(1);
        }
    }

    /// Gives back what an admission took from a node.
    pub fn release(&mut self, pool: PoolIx, node: &NodeName, amount: &Resources) {
        let ix = self.intern_host(node);
        if let Some(held) = self.hosts[ix.0].held.get_mut(&pool) {
            *held = held.saturating_sub(amount);
            if *held == Resources::default() {
                self.hosts[ix.0].held.remove(&pool);
            }
        }
        self.rekey(ix);
        self.touch_room(ix);
    }

    /// Finds the pools that a node belongs to: per unit the oldest that matches (N4).
    fn rehome(&mut self, ix: HostIx) {
        self.unlist(ix);
        let host = &mut self.hosts[ix.0];
        for pool in std::mem::take(&mut host.pools).keys() {
            self.pools[pool.0].members.remove(&host.name);
        }
        let mut matching: Vec<(PoolIx, &PoolSpec)> = Vec::new();
        if let Some(node) = &host.spec {
            let specs = self.pools.iter().zip(0..).filter_map(|(pool, at)| {
                let spec = pool.spec.as_ref()?;
                let matches = spec
                    .node_selector
                    .iter()
                    .all(|(key, value)| node.labels.get(key) == Some(value));
                matches.then_some((PoolIx(at), spec))
            });
            matching.extend(specs);
        }
        matching.sort_by_key(|(_, spec)| (spec.created, &spec.name));
        let mut keeper: BTreeMap<&Counts, &PoolName> = BTreeMap::new();
        let mut contests = Vec::new();
        for (pool, spec) in matching {
            match keeper.get(&spec.counts) {
                Some(older) => {
                    contests.push(((*older).clone(), spec.name.clone()));
                    contests.push((spec.name.clone(), (*older).clone()));
                }
                None => {
                    keeper.insert(&spec.counts, &spec.name);
                    host.pools.insert(pool, None);
                }
            }
        }
        let (name, pools) = (host.name.clone(), host.pools.clone());
        for (pool, other) in contests {
            if let Some(pool) = self.pool_by_name.get(&pool) {
                self.pools[pool.0].contested.insert(name.clone(), other);
            }
        }
        for pool in pools.keys() {
            self.pools[pool.0].members.insert(name.clone(), ix);
        }
        self.rekey(ix);
    }

    /// Takes a node out of the indices of its pools.
    fn unlist(&mut self, ix: HostIx) {
        let host = &mut self.hosts[ix.0];
        for (pool, key) in &mut host.pools {
            if let Some(key) = key.take() {
                let entry = (key, host.name.clone(), ix);
                self.pools[pool.0].free.remove(&entry);
            }
        }
    }

    /// Puts a node into the indices of its pools where its free amounts now say.
    fn rekey(&mut self, ix: HostIx) {
        self.unlist(ix);
        if !self.usable(ix) {
            return;
        }
        let pools: Vec<PoolIx> = self.hosts[ix.0].pools.keys().copied().collect();
        for pool in pools {
            let key = self.primary(pool, &self.free(pool, ix));
            let host = &mut self.hosts[ix.0];
            host.pools.insert(pool, Some(key));
            self.pools[pool.0].free.insert((key, host.name.clone(), ix));
        }
    }

    fn touch_room(&mut self, ix: HostIx) {
        for pool in self.hosts[ix.0].pools.keys() {
            let room = &mut self.pools[pool.0].room;
            *room = room.saturating_add(1);
        }
    }

    fn touch_shapes(&mut self, pools: &BTreeSet<PoolIx>) {
        for pool in pools {
            let pool = &mut self.pools[pool.0];
            pool.room = pool.room.saturating_add(1);
            pool.shape = pool.shape.saturating_add(1);
        }
    }

    /// Whether new pods may go to a node, taints aside.
    pub fn usable(&self, ix: HostIx) -> bool {
        let spec = self.hosts[ix.0].spec.as_ref();
        spec.is_some_and(|spec| spec.ready && !spec.unschedulable)
    }

    /// The amount of the pool's unit in a vector: cards, or milli-cores.
    pub fn primary(&self, pool: PoolIx, amounts: &Resources) -> u64 {
        match self.pools[pool.0].counts {
            Some(Counts::Core) => amounts.cpu_milli,
            _ => amounts.cards.0,
        }
    }

    /// What a node can give to a pool when nobody holds anything.
    pub fn allocatable(&self, pool: PoolIx, ix: HostIx) -> Resources {
        let spec = self.hosts[ix.0].spec.as_ref();
        spec.map(|spec| self.vector(pool, &spec.allocatable))
            .unwrap_or_default()
    }

    fn vector(&self, pool: PoolIx, amounts: &NodeResources) -> Resources {
        let cards = match &self.pools[pool.0].counts {
            Some(Counts::Card(device)) => amounts.devices.get(device).copied(),
            _ => None,
        };
        Resources {
            cards: cards.unwrap_or_default(),
            cpu_milli: amounts.cpu_milli,
            memory_mebibytes: amounts.memory_mebibytes,
        }
    }

    /// What is free of a node for a pool: allocatable less what foreign pods and ours
    /// hold (Q4). Processor time and memory are shared by all pools on the node, cards
    /// by those that count the same device; what a pool that nobody knows holds counts
    /// against every device, for it may be that one.
    pub fn free(&self, pool: PoolIx, ix: HostIx) -> Resources {
        let host = &self.hosts[ix.0];
        let foreign = self.vector(pool, &host.foreign);
        let free = self.allocatable(pool, ix).saturating_sub(&foreign);
        let counts = &self.pools[pool.0].counts;
        host.held.iter().fold(free, |free, (holder, held)| {
            let other = &self.pools[holder.0].counts;
            let mut held = *held;
            if other.is_some() && other != counts {
                held.cards = Default::default();
            }
            free.saturating_sub(&held)
        })
    }

    /// What the healthy nodes of a pool can give, in its unit: those that take new pods
    /// (Q4). O(nodes).
    pub fn healthy(&self, pool: PoolIx) -> MilliUnits {
        let members = self.pools[pool.0].members.values();
        let usable = members.filter(|ix| self.usable(**ix));
        usable.fold(MilliUnits::ZERO, |sum, ix| {
            let all = self.allocatable(pool, *ix);
            sum.saturating_add(MilliUnits(self.primary(pool, &all)))
        })
    }

    /// What our admissions of a pool hold on a node.
    pub fn held(&self, pool: PoolIx, ix: HostIx) -> Resources {
        self.hosts[ix.0]
            .held
            .get(&pool)
            .copied()
            .unwrap_or_default()
    }

    /// What foreign pods hold on a node, as the pool sees it (Q4).
    pub fn foreign(&self, pool: PoolIx, ix: HostIx) -> Resources {
        self.vector(pool, &self.hosts[ix.0].foreign)
    }

    /// Usable members with at least so much of the pool's unit free, the fullest
    /// first, then by name.
    pub fn usable_with(&self, pool: PoolIx, least: u64) -> impl Iterator<Item = HostIx> {
        let from = (least, NodeName::from(""), HostIx(0));
        self.pools[pool.0].free.range(from..).map(|(_, _, ix)| *ix)
    }

    pub fn host(&self, ix: HostIx) -> &Host {
        &self.hosts[ix.0]
    }

    pub fn pool(&self, ix: PoolIx) -> &Pool {
        &self.pools[ix.0]
    }

    /// All pools, by name.
    pub fn pools(&self) -> impl Iterator<Item = (PoolIx, &Pool)> {
        self.pool_by_name.values().map(|ix| (*ix, self.pool(*ix)))
    }

    /// All pools in the order of their indices.
    pub fn pools_by_index(&self) -> &[Pool] {
        &self.pools
    }

    /// A pool that somebody declared.
    pub fn declared(&self, name: &PoolName) -> Option<(PoolIx, &PoolSpec)> {
        let ix = *self.pool_by_name.get(name)?;
        Some((ix, self.pool(ix).spec.as_ref()?))
    }

    /// Devices that some pool counts.
    pub fn counted(&self) -> &BTreeSet<String> {
        &self.counted
    }
}
