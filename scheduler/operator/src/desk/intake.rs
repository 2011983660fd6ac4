//! What the watches tell becomes events of the engine and facts of attempts.

use edugrid_core::{Event, NodeSpec};
use edugrid_crds::{ComputeJob, ComputePool, JobClass, Tenant, compute_job::Executor};
use edugrid_units::{JobUid, NodeName, ObjectKind, Reason, ReasonCode, Subject, TenantName};
use tokio::time::Instant;

use super::{Desk, Timer, namespaces::NamespaceFacts};
use crate::{
    attempt::{NativeJob, Wish},
    change::NativeFact,
    jobs::Job,
    pods::{OwnPod, PodFact, stamp},
    requests::PodRequest,
    translate::{job, tenancy},
    watch::Seen,
    writes::Write,
};

impl Desk {
    pub(super) fn see_tenant(&mut self, seen: Seen<Tenant>) {
        match seen {
            Seen::There(tenant) => {
                let Some(name) = tenant.metadata.name.clone() else {
                    return;
                };
                let header = tenancy::Header {
                    name: &name,
                    uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
                    created: self.created(&tenant.metadata),
                };
                let read = tenancy::tenant(header, &tenant.spec);
                let bad = read.as_ref().err().map(ToString::to_string);
                self.tenants.set(&name, &tenant, bad);
                self.keep_status("Tenant", &name, tenant.status.as_ref());
                match read {
                    Ok(spec) => self.engine(Event::TenantSet(Box::new(spec))),
                    Err(_) => self.engine(Event::TenantGone(name.as_str().into())),
                }
            }
            Seen::Gone { name, uid, .. } => {
                if self.tenants.remove(&name, &uid) {
                    self.statuses.gone("Tenant", &name);
                    self.engine(Event::TenantGone(name.as_str().into()));
                }
            }
            Seen::Synced => {}
        }
        self.money.retry();
    }

    pub(super) fn see_pool(&mut self, seen: Seen<ComputePool>) {
        match seen {
            Seen::There(pool) => {
                let Some(name) = pool.metadata.name.clone() else {
                    return;
                };
                let header = tenancy::Header {
                    name: &name,
                    uid: pool.metadata.uid.as_deref().unwrap_or_default(),
                    created: self.created(&pool.metadata),
                };
                let read = tenancy::pool(header, &pool.spec);
                let bad = read.as_ref().err().map(ToString::to_string);
                self.pools.set(&name, pool.metadata.generation, bad);
                self.keep_status("ComputePool", &name, pool.status.as_ref());
                match read {
                    Ok(spec) => {
                        self.devices
                            .insert(name.as_str().into(), pool.spec.resource.clone());
                        self.engine(Event::PoolSet(Box::new(spec)));
                    }
                    Err(bad) => {
                        tracing::warn!(pool = name, %bad, "the pool can't be read and is left out");
                        self.engine(Event::PoolGone(name.as_str().into()));
                    }
                }
            }
            Seen::Gone { name, .. } => {
                self.pools.remove(&name);
                self.statuses.gone("ComputePool", &name);
                self.engine(Event::PoolGone(name.as_str().into()));
            }
            Seen::Synced => {}
        }
    }

    pub(super) fn see_class(&mut self, seen: Seen<JobClass>) {
        match seen {
            Seen::There(class) => {
                let Some(name) = class.metadata.name.clone() else {
                    return;
                };
                match tenancy::class(&name, &class.spec) {
                    Ok(spec) => self.engine(Event::ClassSet(Box::new(spec))),
                    Err(bad) => {
                        tracing::warn!(class = name, %bad, "the class can't be read and is left out");
                        self.engine(Event::ClassGone(name.as_str().into()));
                    }
                }
            }
            Seen::Gone { name, .. } => self.engine(Event::ClassGone(name.as_str().into())),
            Seen::Synced => {}
        }
    }

    pub(super) fn see_job(&mut self, seen: Seen<ComputeJob>) {
        match seen {
            Seen::There(object) => match Job::read(object, self.ticker.clock()) {
                Ok(Some(job)) => self.job_is_there(job),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a job can't be kept"),
            },
            Seen::Gone { uid, .. } => {
                let uid = JobUid::from(uid);
                if let Some(job) = self.jobs.get_mut(&uid) {
                    job.wish = Wish::Gone;
                    self.restless.extend(job.open.clone());
                }
                self.tell_engine(&uid);
            }
            Seen::Synced => {
                // Whoever has an open attempt and no object is gone (A7).
                self.restless.extend(self.attempts.keys().cloned());
            }
        }
    }

    fn job_is_there(&mut self, newer: Job) {
        let uid = newer.uid().clone();
        let spec_changed = match self.jobs.get_mut(&uid) {
            Some(job) => {
                let changed =
                    job.identity.generation != newer.identity.generation || job.wish != newer.wish;
                job.update(newer);
                changed
            }
            None => {
                self.jobs.insert(uid.clone(), newer);
                self.recall(&uid);
                self.recall_namespace(&uid);
                true
            }
        };
        self.put_right(&uid);
        self.hear_executor(&uid);
        if spec_changed {
            self.tell_engine(&uid);
        }
    }

    /// Hands on what the executor of an External job reports of its open attempt.
    pub(super) fn hear_executor(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get(uid) else {
            return;
        };
        if job.executor != Executor::External {
            return;
        }
        let receipt = self.ticker.clock().now();
        let from = self.attempts.range_mut(first_attempt(uid)..).next();
        let Some((key, attempt)) = from.filter(|(key, _)| key.job == *uid) else {
            return;
        };
        let report = job.report.as_ref();
        let is_news = attempt.run_elsewhere();
        if report.is_some_and(|report| attempt.hear(report, receipt)) || is_news {
            let key = key.clone();
            self.set_timer(&key);
            self.restless.insert(key);
        }
    }

    /// Fills in what the ledger knows of a job that is told for the first time.
    fn recall(&mut self, uid: &JobUid) {
        let recalled = self.past_of(uid);
        let open = self.attempts.range(first_attempt(uid)..).next();
        let open = open.filter(|(key, _)| key.job == *uid);
        let open = open.map(|(key, attempt)| (key.clone(), attempt.admission.clone()));
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        (job.past, job.last) = recalled;
        if let Some((key, admission)) = open {
            job.open = Some(key);
            job.last = Some(admission);
        }
        let Some(job) = self.jobs.get(uid) else {
            return;
        };
        if job.lags() || self.differs_from_books(job) {
            self.untold.insert(uid.clone());
        }
        if let Some(finished) = job.finished() {
            let goes = finished.after(job.ttl);
            self.timers.insert((goes, Timer::Remove(uid.clone())));
        }
        self.restless.extend(job.open.clone());
    }

    /// Tells the engine of a job as it is now, or that it is none of its business any more.
    pub(super) fn tell_engine(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get(uid) else {
            return self.engine(Event::JobGone(uid.clone()));
        };
        self.restless.extend(job.open.clone());
        if job.wish == Wish::Gone && job.open.is_none() {
            self.jobs.remove(uid);
            self.untold.remove(uid);
            return self.engine(Event::JobGone(uid.clone()));
        }
        if job.is_over() {
            if job.lags() {
                self.untold.insert(uid.clone());
            }
            return self.engine(Event::JobGone(uid.clone()));
        }
        let spec = match job.spec() {
            Ok(spec) => spec,
            Err(error) => {
                tracing::error!(%uid, %error, "a job's spec can't be read again");
                return;
            }
        };
        let facts = self
            .namespaces
            .get(&job.identity.namespace)
            .cloned()
            .unwrap_or_default();
        let blocked = namespace_blocks(&job.identity.namespace, &facts);
        let blocked = blocked.or_else(|| self.guard.doubts(job, &spec));
        let tenant = facts.tenant.unwrap_or_else(|| TenantName::new(""));
        let mut told = job::job(&job.identity, &spec, tenant, job.next_attempt());
        told.blocked = blocked.or(told.blocked);
        if told.blocked.is_none() && job.open.is_none() {
            match self.try_templates(uid, &spec) {
                Some(verdict) => told.blocked = verdict,
                // The engine hears of it when its templates have been tried.
                None => return,
            }
        }
        if told.blocked.is_none()
            && let Some(job) = self.jobs.get_mut(uid)
            && job.open.is_none()
        {
            job.telling.queued.get_or_insert_with(Instant::now);
        }
        self.engine(Event::JobSet(Box::new(told)));
    }

    pub(super) fn see_node(&mut self, seen: Seen<NodeSpec>) {
        match seen {
            Seen::There(node) => {
                if node.ready {
                    self.silent_nodes.remove(&node.name);
                } else {
                    self.silent_nodes.insert(node.name.clone());
                }
                self.engine(Event::NodeSet(Box::new(node)));
            }
            Seen::Gone { name, .. } => {
                let name = NodeName::from(name);
                self.silent_nodes.insert(name.clone());
                self.engine(Event::NodeGone(name));
            }
            Seen::Synced => {}
        }
    }

    pub(super) fn see_pod(&mut self, seen: Seen<PodFact>) {
        match seen {
            Seen::There(PodFact::Own(namespace, pod)) => {
                if let Some(attempt) = self.attempts.get_mut(&pod.key) {
                    self.own_pods.insert(pod.uid.clone(), pod.key.clone());
                    self.restless.insert(pod.key.clone());
                    attempt.set_pod(pod);
                } else {
                    self.end_leftover(namespace, &pod);
                }
            }
            Seen::There(PodFact::Foreign(pod)) => {
                let before = self.foreign_nodes.insert(pod.uid.clone(), pod.node.clone());
                debug_assert!(
                    before.is_none_or(|node| node == pod.node),
                    "a pod never moves"
                );
                let on_node = self.foreign.entry(pod.node.clone()).or_default();
                if on_node.insert(pod.uid, pod.request.clone()) != Some(pod.request) {
                    self.tell_foreign_use(&pod.node);
                }
            }
            Seen::There(PodFact::Nothing(uid)) => self.foreign_gone(&uid),
            Seen::Gone { uid, last, .. } => {
                self.foreign_gone(&uid);
                if let Some(key) = self.own_pods.remove(&uid) {
                    let last = match last {
                        Some(PodFact::Own(_, pod)) => Some(pod),
                        _ => None,
                    };
                    if let Some(attempt) = self.attempts.get_mut(&key) {
                        attempt.lose_pod(&uid, last);
                    }
                    self.restless.insert(key);
                }
            }
            Seen::Synced => {}
        }
    }

    /// A gated pod of an attempt that is settled: a request of an earlier leader arrived after its lease. It would wait
    /// at its gate for ever, so its Job goes. Of an attempt that these books don't know nothing is touched: it may be a
    /// later leader's.
    fn end_leftover(&mut self, namespace: String, pod: &OwnPod) {
        let mut settled = self.books.settled_attempts(&pod.key.job);
        let is_settled = settled.any(|(key, _)| *key == pod.key);
        if !is_settled || !pod.gated || pod.deleting || pod.phase.is_terminal() {
            return;
        }
        if let Some(owner) = &pod.owner {
            tracing::warn!(attempt = %pod.key, job = owner.name, "left over of a settled attempt, deleted");
            self.outbox.push_back(Write::DeleteJob {
                key: pod.key.clone(),
                role: pod.role.clone(),
                namespace,
                name: owner.name.clone(),
                uid: owner.uid.clone(),
            });
        }
    }

    fn foreign_gone(&mut self, uid: &str) {
        let Some(node) = self.foreign_nodes.remove(uid) else {
            return;
        };
        if let Some(on_node) = self.foreign.get_mut(&node) {
            on_node.remove(uid);
        }
        self.tell_foreign_use(&node);
    }

    fn tell_foreign_use(&mut self, node: &NodeName) {
        let mut used = PodRequest::default();
        for request in self
            .foreign
            .get(node)
            .into_iter()
            .flat_map(|pods| pods.values())
        {
            used.add(request);
        }
        self.engine(Event::ForeignUse {
            node: node.clone(),
            used: tenancy::resources(used),
        });
    }

    pub(super) fn see_native(&mut self, seen: Seen<NativeFact>) {
        match seen {
            Seen::There(fact) => {
                let (NativeJob::Present { uid, .. } | NativeJob::Deleting { uid }) = &fact.state
                else {
                    return;
                };
                self.natives
                    .insert(uid.clone(), (fact.key.clone(), fact.role.clone()));
                if let Some(attempt) = self.attempts.get_mut(&fact.key) {
                    attempt.see_job(&fact.role, fact.state);
                    self.restless.insert(fact.key);
                }
            }
            Seen::Gone { uid, .. } => {
                if let Some((key, role)) = self.natives.remove(&uid)
                    && let Some(attempt) = self.attempts.get_mut(&key)
                {
                    attempt.lose_job(&role);
                    self.restless.insert(key);
                }
            }
            Seen::Synced => {}
        }
    }

    pub(super) fn engine(&mut self, event: Event) {
        let now = self.ticker.tick();
        self.world.apply(now, event);
        self.schedule_again = true;
    }

    pub(super) fn created(&self, metadata: &kube::core::ObjectMeta) -> edugrid_units::Stamp {
        let real = metadata
            .creation_timestamp
            .as_ref()
            .map(stamp)
            .unwrap_or_default();
        self.ticker.clock().to_virtual(real)
    }
}

/// The least key that an attempt of this job can have.
fn first_attempt(uid: &JobUid) -> edugrid_units::AttemptKey {
    edugrid_units::AttemptKey {
        job: uid.clone(),
        task: 0,
        attempt: 0,
    }
}

/// What the operator refuses again of a namespace (API.md). In one that is being deleted a job whose pods went before
/// its object did is not tried again.
fn namespace_blocks(name: &str, facts: &NamespaceFacts) -> Option<Reason> {
    if facts.going {
        let what = Subject::object(ObjectKind::Namespace, name);
        return Some(Reason::new(ReasonCode::UnknownReference).about(what));
    }
    if facts.label.is_none() {
        let what = Subject::NoTenant {
            namespace: name.to_owned(),
        };
        return Some(Reason::new(ReasonCode::UnknownReference).about(what));
    }
    if !facts.restricted {
        let what = Subject::object(ObjectKind::Namespace, name);
        return Some(Reason::new(ReasonCode::NamespaceNotRestricted).about(what));
    }
    None
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
