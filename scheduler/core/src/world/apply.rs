//! Events become state. Nothing is decided here.

use std::{collections::BTreeSet, sync::Arc};

use edugrid_units::{JobUid, PoolName, Reason, ReasonCode, Stamp};

use super::{Event, Job, JobState, World};
use crate::{past::PastEvent, queue::JobSpec, topology::NodeChange};

impl World {
    /// Takes in what happened. Never fails: unknown references are remembered and
    /// become reasons, and what is repeated changes nothing.
    pub fn apply(&mut self, now: Stamp, event: Event) {
        self.advance(now);
        match event {
            Event::TenantSet(spec) => {
                let changed = self.tenants.get(&spec.name) != Some(&*spec);
                self.tenants.insert(spec.name.clone(), *spec);
                self.restructure(changed);
            }
            Event::TenantGone(name) => {
                let changed = self.tenants.remove(&name).is_some();
                self.restructure(changed);
            }
            Event::PoolSet(spec) => {
                let known = self.topology.declared(&spec.name);
                let changed = known.is_none_or(|(_, known)| *known != *spec);
                if changed {
                    self.topology.set_pool(&spec.name.clone(), Some(*spec));
                }
                self.restructure(changed);
            }
            Event::PoolGone(name) => {
                let changed = self.topology.declared(&name).is_some();
                if changed {
                    self.topology.set_pool(&name, None);
                }
                self.restructure(changed);
            }
            Event::ClassSet(spec) => {
                let changed = self.classes.get(&spec.name) != Some(&*spec);
                self.classes.insert(spec.name.clone(), *spec);
                self.facts_changed(changed);
            }
            Event::ClassGone(name) => {
                let changed = self.classes.remove(&name).is_some();
                self.facts_changed(changed);
            }
            Event::NodeSet(spec) => {
                let change = self.topology.set_node(&spec.name.clone(), Some(*spec));
                self.node_changed(change);
            }
            Event::NodeGone(name) => {
                let change = self.topology.set_node(&name, None);
                self.node_changed(change);
            }
            Event::ForeignUse { node, used } => {
                self.topology.set_foreign(&node, used);
            }
            Event::JobSet(spec) => self.set_job(*spec),
            Event::JobGone(uid) => self.remove_job(&uid),
            Event::Admitted(attempt) => self.replay(*attempt),
            Event::Bound { key, placement } => self.rebind(&key, placement),
            Event::Stopping(key) => self.leaves(key),
            Event::Ended {
                key,
                not_before,
                finished,
            } => self.end(&key, not_before, finished),
            Event::MoneyChanged => self.money_moved(),
            Event::Ledger(state) => self.set_ledger(state),
            Event::Past(event) => self.recall(*event),
            Event::PastWeight(weight) => {
                self.standing.set_past_weight(weight, self.now);
                self.lines.restated();
            }
        }
    }

    /// An admission only adds to what was, so that what lines know of it is never too much.
    fn recall(&mut self, event: PastEvent) {
        let lowered = match &event {
            PastEvent::Began { .. } => None,
            PastEvent::Ended { key, .. } => self.standing.recalled(key),
            PastEvent::Owned(_) | PastEvent::Rebased { .. } => {
                self.lines.restated();
                None
            }
        };
        self.standing.record(event, self.now);
        if let Some((leaf, user)) = lowered {
            self.lines.recounted(leaf, user);
        }
    }

    fn restructure(&mut self, changed: bool) {
        self.stale |= changed;
        if changed {
            self.look_for_cuts();
        }
        self.facts_changed(changed);
    }

    fn facts_changed(&mut self, changed: bool) {
        if changed {
            self.facts = self.facts.saturating_add(1);
        }
    }

    /// A node's health never changes what may ever fit, so groups keep their terms.
    fn node_changed(&mut self, change: NodeChange) {
        if change != NodeChange::Nothing && self.shares_moved() {
            self.restructure(true);
        }
        self.facts_changed(change == NodeChange::Shape);
    }

    /// Whether quota that is a share of a pool is another than it was (Q4).
    fn shares_moved(&self) -> bool {
        let lines = self.tenants.values().flat_map(|spec| &spec.quotas);
        let shares = lines.filter(|line| line.share.is_some() && line.nominal.is_none());
        let pools: BTreeSet<&PoolName> = shares.map(|line| &line.pool).collect();
        let known = pools
            .into_iter()
            .filter_map(|name| self.standing.pool(name));
        let mut known = known.map(|ix| (self.standing.healthy(ix), self.topology.healthy(ix)));
        known.any(|(then, now)| then != now)
    }

    fn set_job(&mut self, spec: JobSpec) {
        let uid = spec.uid.clone();
        let Some(known) = self.jobs.get_mut(&uid) else {
            let open = self.open_attempt(&uid);
            let job = Job {
                next_attempt: spec.next_attempt.max(1),
                eligible: spec.created,
                released: None,
                back_off: None,
                timer: None,
                counted: false,
                state: open.map_or(JobState::Finished, JobState::Open),
                spec,
            };
            let waits = !matches!(job.state, JobState::Open(_));
            self.jobs.insert(uid.clone(), job);
            if waits {
                self.enlist(&uid);
            }
            return;
        };
        if known.spec == spec {
            return;
        }
        if known.spec.held && !spec.held {
            known.released = known.released.max(Some(self.now));
        }
        known.next_attempt = known.next_attempt.max(spec.next_attempt);
        let waits = matches!(known.state, JobState::Parked(_) | JobState::Waiting(_));
        if waits {
            self.withdraw(&uid);
        }
        if let Some(job) = self.jobs.get_mut(&uid) {
            job.spec = spec;
        }
        if waits {
            self.enlist(&uid);
        }
    }

    fn remove_job(&mut self, uid: &JobUid) {
        self.withdraw(uid);
        self.jobs.remove(uid);
    }

    /// Puts a job without an open attempt where it belongs: into the order, or aside
    /// with the reason that is its own (W).
    pub(super) fn enlist(&mut self, uid: &JobUid) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        let spec = &job.spec;
        let since = [spec.not_before, spec.released, job.released];
        job.eligible = since.into_iter().flatten().fold(spec.created, Stamp::max);
        let own = own_reason(job, now);
        match own {
            Some(reason) => {
                if let Some(at) = reason.until.filter(|at| *at > now) {
                    job.timer = Some(at);
                    self.timers.insert((at, uid.clone()));
                }
                job.state = JobState::Parked(Arc::new(reason));
            }
            None => {
                let group = self.groups.insert(spec, job.eligible);
                job.state = JobState::Waiting(group);
                self.group_changed(group);
                self.count_in(uid);
            }
        }
    }

    /// Takes a waiting job out of the order.
    pub(crate) fn withdraw(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        if let Some(at) = job.timer.take() {
            self.timers.remove(&(at, uid.clone()));
        }
        self.count_out(uid);
        self.leave_group(uid);
    }

    /// Takes a job out of its group, if it is in one.
    pub(super) fn leave_group(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get(uid) else {
            return;
        };
        let JobState::Waiting(group) = job.state else {
            return;
        };
        let orphan = self.groups.remove(group, job.eligible, uid);
        self.group_changed(group);
        if let Some(shape) = orphan {
            self.fitness.retain(|(of, _), _| *of != shape);
        }
    }

    /// Lets jobs in whose time has come.
    pub(crate) fn wake(&mut self) {
        while let Some((at, uid)) = self.timers.first().cloned() {
            if at > self.now {
                return;
            }
            self.withdraw(&uid);
            self.timers.remove(&(at, uid.clone()));
            self.enlist(&uid);
        }
    }
}

/// What of its own holds a job back, in W's order.
fn own_reason(job: &Job, now: Stamp) -> Option<Reason> {
    let spec = &job.spec;
    if spec.held {
        return Some(Reason::new(ReasonCode::Held));
    }
    let later = |at: Option<Stamp>| at.filter(|at| *at > now);
    if let Some(at) = later(spec.not_before) {
        return Some(Reason::new(ReasonCode::NotBefore).until(at));
    }
    if let Some(at) = later(job.back_off) {
        return Some(Reason::new(ReasonCode::BackOff).until(at));
    }
    spec.blocked.clone()
}
