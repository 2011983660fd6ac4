//! The naive scheduler: it keeps no counters, no groups and no tree walk. Before each
//! single trial it works every job's key out from the list of what runs and sorts them
//! all. Quota is KEP-79's invariant. It is the oracle of order and admission.

use std::{cmp::Reverse, collections::BTreeMap};

use edugrid_units::{Admission, Tier};

use crate::scenario::{CLASSES, FACTORS, Job, POOLS, Province, job_name, tenant_name, user_name};

/// One part of a key: over, share in a common unit, name. Users are always over.
type Part = (bool, i128, String);
/// O2's whole key.
type Key = (Vec<Part>, Reverse<i32>, i64, usize);

/// What runs: in which pool, for which tenant, how many cards on which nodes.
#[derive(Clone, Debug)]
struct Running {
    pool: usize,
    tenant: usize,
    user: usize,
    cards: i128,
    nodes: BTreeMap<usize, u64>,
}

type All = BTreeMap<usize, Running>;

pub struct Naive<'a> {
    province: &'a Province,
    pub waiting: BTreeMap<usize, Job>,
    running: All,
    pub down: BTreeMap<usize, bool>,
    /// Half-lives that have passed.
    age: u32,
    /// What ran while time passed, and what G grew by.
    history: Vec<(i128, All)>,
}

impl<'a> Naive<'a> {
    pub fn new(province: &'a Province) -> Self {
        Self {
            province,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            down: BTreeMap::new(),
            age: 0,
            history: Vec::new(),
        }
    }

    pub fn wait(&mut self, half_lives: u32) {
        let before = self.growth();
        self.age += half_lives;
        let grown = self.growth() - before;
        self.history.push((grown, self.running.clone()));
    }

    /// O3's G.
    fn growth(&self) -> i128 {
        1 << (40 + self.age)
    }

    pub fn end(&mut self, at: usize) {
        self.running.remove(&at);
    }

    fn tenant(&self, job: &Job) -> usize {
        job.tenant % self.province.tenants.len()
    }

    fn path(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |at| self.province.parent(*at)).collect()
    }

    fn children(&self, at: usize) -> Vec<usize> {
        let all = 0..self.province.tenants.len();
        all.filter(|child| self.province.parent(*child) == Some(at))
            .collect()
    }

    fn own_usage(&self, running: &All, pool: usize, at: usize) -> i128 {
        let own = running.values();
        let own = own.filter(|r| r.pool == pool && r.tenant == at);
        own.map(|r| r.cards).sum()
    }

    fn usage(&self, running: &All, pool: usize, at: usize) -> i128 {
        let below = self.children(at).into_iter();
        let below = below.map(|child| self.usage(running, pool, child));
        self.own_usage(running, pool, at) + below.sum::<i128>()
    }

    fn claimed(&self, pool: usize, at: usize) -> i128 {
        match self.province.tenants[at].quotas[pool][0] {
            Some(nominal) => i128::from(nominal),
            None => self
                .children(at)
                .into_iter()
                .map(|c| self.claimed(pool, c))
                .sum(),
        }
    }

    fn effective(&self, pool: usize, at: usize) -> i128 {
        let Some(parent) = self.province.parent(at) else {
            return self.claimed(pool, at);
        };
        let older = self
            .children(parent)
            .into_iter()
            .filter(|child| *child < at);
        let before: i128 = older.map(|child| self.claimed(pool, child)).sum();
        let rest = (self.effective(pool, parent) - before).max(0);
        self.claimed(pool, at).min(rest)
    }

    fn residual(&self, pool: usize, at: usize) -> i128 {
        let children = self.children(at).into_iter();
        let lent: i128 = children.map(|child| self.effective(pool, child)).sum();
        self.effective(pool, at) - lent
    }

    /// KEP-79's T; usage is what runs, or nothing.
    fn t(&self, pool: usize, at: usize, extra: &BTreeMap<usize, i128>, empty: bool) -> i128 {
        let own = if empty {
            0
        } else {
            self.own_usage(&self.running, pool, at)
        };
        let lent = self.children(at).into_iter().map(|child| {
            let limit = self.province.tenants[child].quotas[pool][2];
            let t = self.t(pool, child, extra, empty);
            t.min(limit.map_or(i128::MAX, i128::from))
        });
        let extra_here = extra.get(&at).copied().unwrap_or(0);
        self.residual(pool, at) - own - extra_here + lent.sum::<i128>()
    }

    fn quota_admits(&self, pool: usize, tenant: usize, cards: i128, empty: bool) -> bool {
        let extra = BTreeMap::from([(tenant, cards)]);
        self.path(tenant).into_iter().all(|at| {
            let limit = match (at, self.province.tenants[at].quotas[pool][1]) {
                (0, _) => 0,
                (_, limit) => limit.map_or(i128::MAX, i128::from),
            };
            self.t(pool, at, &extra, empty).saturating_add(limit) >= 0
        })
    }

    /// O3 as it is written, times G and the denominator of the past's weight: what is
    /// borrowed of the pools of the kind, and the sum of what was over all time, each by what
    /// G grew by then; over the weight in a common denominator. Amounts are in 2⁻²⁰ of
    /// standard milli-units, rounded as the engine rounds.
    fn share(&self, pool: usize, weight: u32, borrowed: impl Fn(&All, usize) -> i128) -> i128 {
        let kind = |pool: usize| pool == 2;
        let pools = (0..POOLS.len()).filter(|other| kind(*other) == kind(pool));
        let standard = |running: &All| -> i128 {
            let each = pools.clone().map(|p| {
                let units = borrowed(running, p).max(0) * 1000;
                (units << 20) * i128::from(FACTORS[p]) / 6
            });
            each.sum()
        };
        let weight_of_past = self.province.past_weight;
        let present = standard(&self.running) * self.growth() * i128::from(weight_of_past.den());
        let past = self.history.iter();
        let past: i128 = past.map(|(grown, then)| standard(then) * grown).sum();
        let sum = present + past * i128::from(weight_of_past.num());
        sum * 6 / i128::from(weight)
    }

    fn key(&self, at: usize, job: &Job, pool: usize) -> Key {
        let (tenant, cards) = (self.tenant(job), billed(job));
        let mut path = self.path(tenant);
        path.pop();
        let part = |node: usize| {
            let weight = self.province.tenants[node].weight;
            let used = self.usage(&self.running, pool, node);
            let share = self.share(pool, weight, |then, p| {
                self.usage(then, p, node) - self.effective(p, node)
            });
            let over = used + cards > self.effective(pool, node);
            (over, share, tenant_name(node))
        };
        let mut parts: Vec<Part> = path.into_iter().rev().map(part).collect();
        if !self.children(tenant).is_empty() {
            let used = self.own_usage(&self.running, pool, tenant);
            let share = self.share(pool, 1, |then, p| {
                self.own_usage(then, p, tenant) - self.residual(p, tenant)
            });
            let over = used + cards > self.residual(pool, tenant);
            parts.push((over, share, String::new()));
        }
        let share = self.share(pool, 1, |then, p| {
            let own = then.values();
            let own = own.filter(|r| r.pool == p && r.tenant == tenant && r.user == job.user);
            own.map(|r| r.cards).sum()
        });
        parts.push((true, share, user_name(job.user)));
        (parts, Reverse(CLASSES[job.class].2), job.created, at)
    }

    fn free(&self, node: usize) -> u64 {
        let held = self.running.values().filter_map(|r| r.nodes.get(&node));
        self.province.nodes[node].cards - held.sum::<u64>()
    }

    fn room(&self, job: &Job, pool: usize, empty: bool) -> bool {
        let nodes = self.province.nodes.iter().enumerate();
        let nodes = nodes.filter(|(_, node)| node.pool == pool);
        let up = nodes.filter(|(at, _)| empty || !self.down.get(at).copied().unwrap_or(false));
        let fits = up.map(|(at, node)| {
            let free = if empty { node.cards } else { self.free(at) };
            free / job.cards
        });
        fits.sum::<u64>() >= u64::from(job.replicas)
    }

    fn limits_admit(&self, job: &Job) -> bool {
        self.path(self.tenant(job)).into_iter().all(|at| {
            let below = || {
                let running = self.running.values();
                running.filter(|r| self.path(r.tenant).contains(&at))
            };
            let tenant = &self.province.tenants[at];
            let users = below().filter(|r| r.user == job.user);
            let cards = users.map(|r| r.cards).sum::<i128>() + billed(job);
            let most = tenant.user_cards.map(i128::from);
            tenant
                .running
                .is_none_or(|most| below().count() < most as usize)
                && most.is_none_or(|most| cards <= most)
        })
    }

    /// Whether older jobs fill a limit on how many may wait.
    fn is_over(&self, at: usize) -> bool {
        self.path(self.tenant(&self.waiting[&at]))
            .into_iter()
            .any(|node| {
                let below = self.waiting.iter();
                let below = below.filter(|(_, j)| self.path(self.tenant(j)).contains(&node));
                let age = |at: usize| (self.waiting[&at].created, at);
                let older = below.filter(|(other, _)| age(**other) < age(at)).count();
                let most = self.province.tenants[node].pending;
                most.is_some_and(|most| older >= most as usize)
            })
    }

    /// What is admitted: one job at a time, all sorted anew for each; `plan` is asked
    /// only where the replicas of an admitted job go.
    pub fn round(&mut self, plan: &[Admission]) -> Vec<(String, String)> {
        let mut admitted = Vec::new();
        while let Some(one) = self.next(plan.get(admitted.len())) {
            admitted.push(one);
        }
        admitted
    }

    /// The first job in order that is admissible, admitted.
    fn next(&mut self, planned: Option<&Admission>) -> Option<(String, String)> {
        for tier in Tier::ALL {
            // Each job's pools that could ever hold it, in its order; the first is next.
            let mut left: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (at, job) in self
                .waiting
                .iter()
                .filter(|(_, j)| CLASSES[j.class].1 == tier)
            {
                let mut pools = job.pools.clone();
                pools.retain(|pool| {
                    self.quota_admits(*pool, self.tenant(job), billed(job), true)
                        && self.room(job, *pool, true)
                });
                left.insert(*at, pools);
            }
            let mut lane = None;
            loop {
                left.retain(|_, pools| !pools.is_empty());
                let next = |pool: usize| {
                    let jobs = left.iter().filter(|(_, pools)| pools[0] == pool);
                    jobs.map(|(at, _)| self.key(*at, &self.waiting[at], pool))
                        .min()
                };
                let key = lane.and_then(next).or_else(|| {
                    lane = left.values().map(|pools| pools[0]).min();
                    lane.and_then(next)
                });
                let (Some((.., at)), Some(pool)) = (key, lane) else {
                    break;
                };
                if self.try_one(at, pool, planned) {
                    return Some((job_name(at), POOLS[pool].to_owned()));
                }
                left.get_mut(&at).expect("it was tried").remove(0);
            }
        }
        None
    }

    /// Checks that what one step of a round admitted was admissible when it came.
    pub fn follow(&mut self, plan: &[Admission]) {
        for admission in plan {
            let at = admission.key.job.as_str()[1..].parse().expect("j<at>");
            let pool = POOLS
                .iter()
                .position(|pool| *pool == admission.pool.as_str());
            let pool = pool.expect("a pool");
            assert!(self.waiting[&at].pools.contains(&pool), "a pool of its own");
            assert!(self.try_one(at, pool, Some(admission)), "{at} in {pool}");
        }
    }

    fn try_one(&mut self, at: usize, pool: usize, planned: Option<&Admission>) -> bool {
        let job = &self.waiting[&at];
        let (tenant, cards) = (self.tenant(job), billed(job));
        if self.is_over(at)
            || !self.limits_admit(job)
            || !self.quota_admits(pool, tenant, cards, false)
            || !self.room(job, pool, false)
        {
            return false;
        }
        let (one, replicas, user) = (job.cards, job.replicas, job.user);
        let nodes: BTreeMap<usize, u64> = planned
            .into_iter()
            .flat_map(|admission| &admission.placement[0].nodes)
            .map(|(node, count)| {
                let node = node.as_str()[1..].parse().expect("n<at>");
                (node, u64::from(*count) * one)
            })
            .collect();
        for (node, cards) in &nodes {
            assert_eq!(self.province.nodes[*node].pool, pool, "a node of the pool");
            assert!(
                !self.down.get(node).copied().unwrap_or(false),
                "on a node that is down"
            );
            assert!(self.free(*node) >= *cards, "n{node} is overfilled");
        }
        if planned.is_some() {
            let placed: u64 = nodes.values().sum();
            assert_eq!(placed, one * u64::from(replicas), "the whole gang of {at}");
        }
        self.waiting.remove(&at);
        let running = Running {
            pool,
            tenant,
            user,
            cards,
            nodes,
        };
        self.running.insert(at, running);
        true
    }

    /// What each tenant's subtree uses of each pool, in whole cards.
    pub fn usages(&self) -> BTreeMap<(String, String), i128> {
        let mut usages = BTreeMap::new();
        for tenant in 0..self.province.tenants.len() {
            for (pool, name) in POOLS.iter().enumerate() {
                let usage = self.usage(&self.running, pool, tenant);
                usages.insert((tenant_name(tenant), (*name).to_owned()), usage);
            }
        }
        usages
    }

    /// What is free of each pool on nodes that are up.
    pub fn frees(&self) -> BTreeMap<String, u64> {
        let free = |pool: usize| -> u64 {
            let nodes = self.province.nodes.iter().enumerate();
            let up = nodes.filter(|(at, node)| {
                node.pool == pool && !self.down.get(at).copied().unwrap_or(false)
            });
            up.map(|(at, _)| self.free(at)).sum()
        };
        let pools = POOLS.iter().enumerate();
        pools
            .map(|(at, name)| ((*name).to_owned(), free(at)))
            .collect()
    }
}

fn billed(job: &Job) -> i128 {
    i128::from(job.cards) * i128::from(job.replicas)
}
