//! What people read: why a job waits and who is before it, the queue in order, and
//! where tenants and pools stand.
//!
//! Reading changes nothing and is never part of a decision (N2). Tenants and counters
//! are as the last step left them. The order shown is the one in which jobs would be
//! tried if all of them fitted: each counts on its path before the next is chosen, so
//! equal tenants take turns in it as they will in fact.

mod views;

use edugrid_units::{AttemptKey, JobUid, MilliUnits, PoolName, Reason, TenantName, Tier, UserName};

pub use views::{
    Alike, Pending, PoolCondition, PoolView, TenantCondition, TenantPoolView, TenantView,
};

use crate::{
    queue::{Agenda, Pick},
    quota::Balance,
    share::Share,
    world::{Job, JobState, World},
};

/// How many of the jobs before a job are told by name.
const AHEAD_MAX: usize = 20;

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits.
    Waiting,
    /// This attempt is admitted.
    Admitted(AttemptKey),
    /// It is done.
    Finished,
}

/// All that the engine can say about one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Where it stands.
    pub stage: Stage,
    /// Why it waits.
    pub reason: Option<Reason>,
    /// Why it waits in each pool, in its order of preference; then why other pools can
    /// never hold it (W's details).
    pub pools: Vec<(PoolName, Reason)>,
    /// The pool that the rest is about: the one it runs in, or its most preferred one
    /// that could ever hold it.
    pub pool: Option<PoolName>,
    /// What it is billed there (N4).
    pub billed: Option<MilliUnits>,
    /// Its place in the pool's queue, from 1.
    pub place_in_pool: Option<usize>,
    /// Its place among its tenant's own jobs in that queue, from 1.
    pub place_in_tenant: Option<usize>,
    /// The first of the jobs before it in the pool's queue, at most 20.
    pub ahead: Vec<JobAhead>,
    /// From its tenant to the root: where they stand in that pool.
    pub path: Vec<PathNode>,
    /// Where its submitter stands among the users of its leaf, for that pool's kind.
    pub user: Option<UserNode>,
}

/// The last part of a job's place in order before its own: its submitter, as an
/// implicit child of the leaf (O2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserNode {
    /// Who submitted.
    pub user: UserName,
    /// Open admissions of that user at the leaf.
    pub jobs: u32,
    /// What they are billed in pools that count cards.
    pub cards: MilliUnits,
    /// The share of what the user holds there, over all pools of the kind (O3).
    pub share: Share,
}

/// A job before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobAhead {
    /// Its UID.
    pub uid: JobUid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its tenant.
    pub tenant: TenantName,
    /// What it is billed in the pool in whose queue it stands (N4); nothing if it stands
    /// in none.
    pub billed: Option<MilliUnits>,
}

/// One tenant of a path in one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathNode {
    /// The tenant.
    pub tenant: TenantName,
    /// What it declares; nothing: the sum of its children's (Q1).
    pub nominal: Option<MilliUnits>,
    /// What of that is effective (Q1).
    pub effective: MilliUnits,
    /// What its subtree uses.
    pub used: MilliUnits,
    /// What of it is borrowed (O3).
    pub borrowed: MilliUnits,
    /// What is free for it; negative where it is overdrawn (Q3).
    pub available: Balance,
    /// Its share of what is borrowed, over all pools of the kind (O3).
    pub share: Share,
}

/// A line of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// The job.
    pub job: JobAhead,
    /// Who submitted it.
    pub submitter: String,
    /// The pool in whose queue it stands; nothing if something of its own holds it
    /// back or no pool can ever hold it.
    pub pool: Option<PoolName>,
    /// Its tier there.
    pub tier: Option<Tier>,
    /// What it is billed there (N4).
    pub billed: Option<MilliUnits>,
    /// Its place in that queue, from 1.
    pub place: Option<usize>,
    /// Its place among its tenant's own jobs in that queue, from 1.
    pub place_in_tenant: Option<usize>,
    /// Why it waits.
    pub reason: Option<Reason>,
}

/// A job that waits, as far as it is counted for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingJob<'a> {
    /// Its tenant.
    pub tenant: &'a TenantName,
    /// Who submitted it.
    pub submitter: &'a str,
    /// Why it waits; nothing before it was looked at.
    pub reason: Option<&'a Reason>,
}

/// Which waiting jobs to list; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// Jobs of this tenant, its subtree not included.
    pub tenant: Option<TenantName>,
    /// Jobs in the queue of this pool.
    pub pool: Option<PoolName>,
    /// Jobs of this namespace.
    pub namespace: Option<String>,
}

impl World {
    /// What there is to say about a job, if its object is there.
    pub fn explain(&self, uid: &JobUid) -> Option<Explanation> {
        let job = self.jobs.get(uid)?;
        let mut told = Explanation {
            stage: Stage::Waiting,
            reason: self.reason(job).cloned(),
            pools: Vec::new(),
            pool: None,
            billed: None,
            place_in_pool: None,
            place_in_tenant: None,
            ahead: Vec::new(),
            path: Vec::new(),
            user: None,
        };
        match &job.state {
            JobState::Finished => told.stage = Stage::Finished,
            JobState::Open(key) => {
                told.stage = Stage::Admitted(key.clone());
                let open = self.open.get(key)?;
                told.pool = Some(open.admission.pool.clone());
                told.billed = Some(open.admission.billed);
            }
            JobState::Parked(_) => {}
            JobState::Waiting(id) => {
                let verdict = self.groups.get(*id)?.verdict.as_ref();
                told.pools = verdict.map(|v| v.pools.clone()).unwrap_or_default();
                self.explain_place(uid, &mut told);
            }
        }
        if let Some(pool) = &told.pool {
            told.path = self.path_in(&job.spec.tenant, pool);
            told.user = self.user_in(job, pool);
        }
        Some(told)
    }

    fn explain_place(&self, uid: &JobUid, told: &mut Explanation) {
        let order = self.order();
        let Some(own) = order.iter().find(|place| place.uid == *uid) else {
            return;
        };
        told.pool = Some(own.pool.clone());
        told.billed = Some(own.billed);
        told.place_in_pool = Some(own.in_pool);
        told.place_in_tenant = Some(own.in_tenant);
        let before = order.iter().take_while(|place| place.uid != *uid);
        let ahead = before.filter(|place| place.pool == own.pool);
        let jobs = ahead.filter_map(|place| Some(name_of(self.jobs.get(&place.uid)?, Some(place))));
        told.ahead = jobs.take(AHEAD_MAX).collect();
    }

    /// Where the tenants of a path stand in a pool.
    fn path_in(&self, tenant: &TenantName, name: &PoolName) -> Vec<PathNode> {
        let tree = &self.standing.tree;
        let (Some(leaf), Some(pool)) = (tree.tenant(tenant), self.standing.pool(name)) else {
            return Vec::new();
        };
        let quota = self.standing.quota(pool);
        let kind = self.standing.measure(pool).map(|measure| measure.kind);
        let node = |ix| PathNode {
            tenant: tree.node(ix).tenant.clone(),
            nominal: self.nominal(&tree.node(ix).tenant, name),
            effective: quota.effective(ix).floor(),
            used: quota.used(ix).floor(),
            borrowed: quota.borrowed(ix).floor(),
            available: quota.available(tree, ix).0,
            share: kind.map_or(Share(0), |kind| self.standing.share(ix, kind)),
        };
        tree.up(leaf).map(node).collect()
    }

    /// Where a job's submitter stands at its leaf.
    fn user_in(&self, job: &Job, pool: &PoolName) -> Option<UserNode> {
        let leaf = self.standing.tree.leaf_of(&job.spec.tenant)?;
        let measure = self.standing.measure(self.standing.pool(pool)?)?;
        let user = UserName::from(job.spec.submitter.as_str());
        let tally = self.standing.user_tally(leaf, &user);
        Some(UserNode {
            jobs: tally.jobs,
            cards: tally.cards,
            share: self.standing.user_share(leaf, &user, measure.kind),
            user,
        })
    }

    /// Waiting jobs: first those in order, pool by pool within a tier; then those that
    /// something of their own holds back, by UID.
    pub fn queue(&self, filter: &QueueFilter) -> Vec<QueueEntry> {
        let order = self.order();
        let ordered: std::collections::BTreeSet<&JobUid> =
            order.iter().map(|place| &place.uid).collect();
        let rest = self.jobs.iter().filter(|(uid, job)| {
            let waits = matches!(job.state, JobState::Parked(_) | JobState::Waiting(_));
            waits && !ordered.contains(uid)
        });
        let placed = order
            .iter()
            .filter_map(|place| Some((self.jobs.get(&place.uid)?, Some(place))));
        let all = placed.chain(rest.map(|(_, job)| (job, None)));
        all.filter(|(job, place)| filter.admits(job, *place))
            .map(|(job, place)| QueueEntry {
                job: name_of(job, place),
                submitter: job.spec.submitter.clone(),
                pool: place.map(|place| place.pool.clone()),
                tier: place.map(|place| place.tier),
                billed: place.map(|place| place.billed),
                place: place.map(|place| place.in_pool),
                place_in_tenant: place.map(|place| place.in_tenant),
                reason: self.reason(job).cloned(),
            })
            .collect()
    }

    /// All jobs that wait, by UID.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = WaitingJob<'_>> {
        let jobs = self.jobs.values();
        let waiting =
            jobs.filter(|job| matches!(job.state, JobState::Parked(_) | JobState::Waiting(_)));
        waiting.map(|job| WaitingJob {
            tenant: &job.spec.tenant,
            submitter: &job.spec.submitter,
            reason: self.reason(job),
        })
    }

    /// All jobs that are in the order, as they would be tried if all fitted.
    fn order(&self) -> Vec<Place> {
        let mut agenda = Agenda::default();
        let mut id = self.groups.after(None);
        while let Some(group) = id {
            if let Some((lane, pick)) = self.entry(group, 0) {
                agenda.add(lane, pick);
            }
            id = self.groups.after(Some(group));
        }
        let mut standing = self.standing.clone();
        let mut counts = std::collections::BTreeMap::new();
        let mut order: Vec<Place> = Vec::new();
        while let Some(mut walk) = agenda.next_walk(&standing) {
            while let Some(pick) = walk.first(&standing) {
                walk.remove(&standing, &pick);
                standing.add(&pick.load(walk.pool()));
                walk.refresh(&standing, pick.leaf);
                if let Some(place) = self.place_of(&pick, &mut counts) {
                    order.push(place);
                }
                if let Some(next) = self.next_of(&pick) {
                    walk.insert(&standing, next);
                }
            }
        }
        order
    }

    fn place_of(&self, pick: &Pick, counts: &mut Counts) -> Option<Place> {
        let terms = self.terms(pick.head.group)?;
        let choice = terms.choices.first()?;
        let tenant = &self.groups.get(pick.head.group)?.signature.tenant;
        let mut count = |tenant: Option<&TenantName>| {
            let key = (choice.name.clone(), tenant.cloned());
            let count = counts.entry(key).or_insert(0_usize);
            *count = count.saturating_add(1);
            *count
        };
        Some(Place {
            uid: pick.head.job.clone(),
            pool: choice.name.clone(),
            tier: terms.tier,
            billed: choice.billed,
            in_pool: count(None),
            in_tenant: count(Some(tenant)),
        })
    }

    /// The next job of the group after the picked one.
    fn next_of(&self, pick: &Pick) -> Option<Pick> {
        let jobs = &self.groups.get(pick.head.group)?.jobs;
        let last = (pick.head.eligible, pick.head.job.clone());
        let after = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
        let (eligible, job) = jobs.range(after).next()?;
        let mut next = pick.clone();
        next.head.eligible = *eligible;
        next.head.job = job.clone();
        Some(next)
    }
}

type Counts = std::collections::BTreeMap<(PoolName, Option<TenantName>), usize>;

/// A job's place in the order.
struct Place {
    uid: JobUid,
    pool: PoolName,
    tier: Tier,
    billed: MilliUnits,
    in_pool: usize,
    in_tenant: usize,
}

impl QueueFilter {
    fn admits(&self, job: &Job, place: Option<&Place>) -> bool {
        let (spec, pool) = (&job.spec, place.map(|place| &place.pool));
        self.tenant.as_ref().is_none_or(|name| *name == spec.tenant)
            && self.pool.as_ref().is_none_or(|name| Some(name) == pool)
            && self
                .namespace
                .as_ref()
                .is_none_or(|name| *name == spec.namespace)
    }
}

fn name_of(job: &Job, place: Option<&Place>) -> JobAhead {
    JobAhead {
        billed: place.map(|place| place.billed),
        uid: job.spec.uid.clone(),
        namespace: job.spec.namespace.clone(),
        name: job.spec.name.clone(),
        tenant: job.spec.tenant.clone(),
    }
}
