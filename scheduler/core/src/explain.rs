//! What people read: why a job waits and who is before it, the queue in order, and
//! where tenants and pools stand.
//!
//! Reading changes nothing and is never part of a decision (N2). Tenants and counters
//! are as the last step left them. The order shown is the one in which jobs would be
//! tried if all of them fitted: each counts on its path before the next is chosen, so
//! equal tenants take turns in it as they will in fact. Beyond the first few hundred of
//! a tier and pool the turns are told as they stand after these, for by then others will
//! have come and gone.

mod views;
mod why;

use std::{collections::BTreeMap, sync::Arc};

use edugrid_units::{
    AttemptKey, ComputeKind, JobUid, MilliUnits, PoolName, Reason, Stamp, TenantName, Tier,
    UserName,
};

pub use crate::queue::{Order, Place};
pub use views::{
    Alike, Pending, PoolCondition, PoolView, TenantCondition, TenantPoolView, TenantView,
};

use why::Memo;

use crate::{
    queue::{GroupId, Head, LineId, Lines, Next, Pick, lane},
    quota::{Balance, PoolIx},
    share::{Average, Share},
    world::{Job, JobState, World},
};

/// How many of the jobs before a job are told by name.
const AHEAD_MAX: usize = 20;

/// How many places in the queue of a tier and pool are found by taking turns.
const TURNS_MAX: usize = 300;

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
    /// The share of what the user holds and held there, over all pools of the kind (O3).
    pub share: Share,
    /// What the user used there on average, over all pools of the kind (O3).
    pub average: Average,
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
    /// The most that it may borrow; absent: no cap of its own (Q2).
    pub borrowing_limit: Option<MilliUnits>,
    /// What its subtree uses.
    pub used: MilliUnits,
    /// What of it is borrowed (O3).
    pub borrowed: MilliUnits,
    /// What is free for it; negative where it is overdrawn (Q3).
    pub available: Balance,
    /// Its share of what is and was borrowed, over all pools of the kind (O3).
    pub share: Share,
    /// What it borrowed on average, over all pools of the kind (O3).
    pub average: Average,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingJob<'a> {
    /// Its tenant.
    pub tenant: &'a TenantName,
    /// Who submitted it.
    pub submitter: &'a str,
    /// Why it waits; nothing before it was looked at.
    pub reason: Option<Arc<Reason>>,
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
        self.explain_in(uid, &self.order())
    }

    /// The same by an order that may be older than the world: what rests on it is then as
    /// old.
    pub fn explain_in(&self, uid: &JobUid, order: &Order) -> Option<Explanation> {
        let job = self.jobs.get(uid)?;
        let mut memo = Memo::default();
        let mut told = Explanation {
            stage: Stage::Waiting,
            reason: self.why(job, &mut memo).as_deref().cloned(),
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
                told.pools = self.why_each(*id, &mut memo);
                self.explain_place(uid, order, &mut told);
            }
        }
        if let Some(pool) = &told.pool {
            told.path = self.path_in(&job.spec.tenant, pool);
            told.user = self.user_in(job, pool);
        }
        Some(told)
    }

    fn explain_place(&self, uid: &JobUid, order: &Order, told: &mut Explanation) {
        let Some((own, before)) = order.find(uid) else {
            return;
        };
        told.pool = Some(own.pool.clone());
        told.billed = Some(own.billed);
        told.place_in_pool = Some(own.in_pool);
        told.place_in_tenant = Some(own.in_tenant);
        let ahead = before.iter().filter(|place| place.pool == own.pool);
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
            borrowing_limit: self.borrowing_limit(&tree.node(ix).tenant, name),
            effective: quota.effective(ix).floor(),
            used: quota.used(ix).floor(),
            borrowed: quota.borrowed(ix).floor(),
            available: quota.available(tree, ix).0,
            share: kind.map_or(Share(0), |kind| self.standing.share(ix, kind)),
            average: kind.map_or(Average(0), |kind| self.standing.average(ix, kind)),
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
            average: self.standing.user_average(leaf, &user, measure.kind),
            user,
        })
    }

    /// Waiting jobs: first those in order, pool by pool within a tier; then those that
    /// something of their own holds back, by UID.
    pub fn queue(&self, filter: &QueueFilter) -> Vec<QueueEntry> {
        let order = self.order();
        let rest = self.jobs.iter().filter(|(uid, job)| {
            let waits = matches!(job.state, JobState::Parked(_) | JobState::Waiting(_));
            waits && order.find(uid).is_none()
        });
        let placed = order
            .places
            .iter()
            .filter_map(|place| Some((self.jobs.get(&place.uid)?, Some(place))));
        let mut memo = Memo::default();
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
                reason: self.why(job, &mut memo).as_deref().cloned(),
            })
            .collect()
    }

    /// All jobs that wait, by UID.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = WaitingJob<'_>> {
        let jobs = self.jobs.values();
        let waiting =
            jobs.filter(|job| matches!(job.state, JobState::Parked(_) | JobState::Waiting(_)));
        let mut memo = Memo::default();
        waiting.map(move |job| WaitingJob {
            tenant: &job.spec.tenant,
            submitter: &job.spec.submitter,
            reason: self.why(job, &mut memo),
        })
    }

    /// The job as one that waits; nothing if it does not.
    pub fn waiting_job(&self, uid: &JobUid) -> Option<WaitingJob<'_>> {
        let job = self.jobs.get(uid)?;
        let waits = matches!(job.state, JobState::Parked(_) | JobState::Waiting(_));
        waits.then(|| WaitingJob {
            tenant: &job.spec.tenant,
            submitter: &job.spec.submitter,
            reason: self.why(job, &mut Memo::default()),
        })
    }

    /// All jobs that are in the order. Found once for all who read between two changes.
    pub fn order(&self) -> Arc<Order> {
        let found = || Arc::new(Order::of(self.places()));
        self.order.get_or_init(found).clone()
    }

    /// The same, worked out: in turns while turns matter, then as things stand.
    fn places(&self) -> Vec<Place> {
        let mut standing = self.standing.clone();
        let mut lines = Lines::default();
        for (id, entry) in &self.entries {
            if let (Some(line), Some(facts)) = (self.first_line(*id), self.line_facts(*id)) {
                lines.insert(&standing, &line, facts, &entry.pick);
            }
        }
        let mut counts = Counts::new();
        let mut places: Vec<Place> = Vec::new();
        let mut turns = 0_usize;
        let mut lane = None;
        loop {
            let (id, pick) = match lines.next(&standing) {
                Next::Nothing => return places,
                Next::Read => continue,
                Next::Try(id, pick) => (id, pick),
            };
            if lane.as_ref() != Some(&(id.tier, id.lane.clone())) {
                (turns, lane) = (0, Some((id.tier, id.lane.clone())));
            }
            turns = turns.saturating_add(1);
            if turns > TURNS_MAX {
                for picks in lines.take_lane(&standing).into_values() {
                    places.extend(self.rest(&picks, &mut counts));
                }
                continue;
            }
            let Some(facts) = self.line_facts(pick.head.group) else {
                return places;
            };
            lines.remove(&standing, &id, &pick);
            let load = pick.load(facts.0, facts.2);
            standing.add(&load);
            lines.moved(&standing, &load);
            places.extend(self.place_of(&pick.head, &mut counts));
            if let Some(head) = self.next_of(&pick.head) {
                lines.insert(&standing, &id, facts, &Pick { head, ..pick });
            }
        }
    }

    /// All jobs of these groups of one user, from these heads on, in their order.
    fn rest(&self, picks: &[Pick], counts: &mut Counts) -> Vec<Place> {
        let Some(like) = picks.first().and_then(|p| self.place_of(&p.head, counts)) else {
            return Vec::new();
        };
        let mut heads: Vec<(Head, MilliUnits)> = Vec::new();
        for pick in picks {
            let group = self.groups.get(pick.head.group);
            let (Some(group), Some(facts)) = (group, self.line_facts(pick.head.group)) else {
                continue;
            };
            let from = (pick.head.eligible, pick.head.job.clone());
            let head = |(eligible, job): &(Stamp, JobUid)| Head {
                eligible: *eligible,
                job: job.clone(),
                ..pick.head
            };
            let jobs = group.jobs.range(from..);
            heads.extend(jobs.map(|job| (head(job), facts.2)));
        }
        heads.sort();
        let more = heads.len().saturating_sub(1);
        let tenant = picks.first().and_then(|p| self.groups.get(p.head.group));
        let tenant = tenant.map(|group| group.signature.tenant.clone());
        for whose in [None, tenant] {
            let count = counts.entry((like.pool.clone(), whose)).or_insert(0);
            *count = count.saturating_add(more);
        }
        let places = heads
            .into_iter()
            .zip(0_usize..)
            .map(|((head, billed), at)| Place {
                uid: head.job,
                billed,
                in_pool: like.in_pool.saturating_add(at),
                in_tenant: like.in_tenant.saturating_add(at),
                ..like.clone()
            });
        places.collect()
    }

    /// The line in which a group stands if only its most preferred pool counts.
    fn first_line(&self, id: GroupId) -> Option<LineId> {
        let (terms, group) = (self.terms(id)?, self.groups.get(id)?);
        Some(LineId {
            tier: terms.tier,
            lane: lane(&[&terms.choices.first()?.name]),
            shape: group.signature.shape,
        })
    }

    fn line_facts(&self, id: GroupId) -> Option<(PoolIx, ComputeKind, MilliUnits)> {
        let choice = self.terms(id)?.choices.first()?;
        let kind = self.standing.measure(choice.pool)?.kind;
        Some((choice.pool, kind, choice.billed))
    }

    fn place_of(&self, head: &Head, counts: &mut Counts) -> Option<Place> {
        let terms = self.terms(head.group)?;
        let choice = terms.choices.first()?;
        let tenant = &self.groups.get(head.group)?.signature.tenant;
        let mut count = |tenant: Option<&TenantName>| {
            let key = (choice.name.clone(), tenant.cloned());
            let count = counts.entry(key).or_insert(0_usize);
            *count = count.saturating_add(1);
            *count
        };
        Some(Place {
            uid: head.job.clone(),
            tenant: tenant.clone(),
            pool: choice.name.clone(),
            tier: terms.tier,
            billed: choice.billed,
            in_pool: count(None),
            in_tenant: count(Some(tenant)),
        })
    }

    /// The next job of the group after this one.
    fn next_of(&self, head: &Head) -> Option<Head> {
        let jobs = &self.groups.get(head.group)?.jobs;
        let last = (head.eligible, head.job.clone());
        let after = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
        let (eligible, job) = jobs.range(after).next()?;
        Some(Head {
            eligible: *eligible,
            job: job.clone(),
            ..*head
        })
    }
}

type Counts = BTreeMap<(PoolName, Option<TenantName>), usize>;

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
