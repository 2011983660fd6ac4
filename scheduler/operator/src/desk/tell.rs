//! What is told in objects: statuses of jobs and of tenants (A6).

use edugrid_core::{Balance, TakingBack, TenantCondition, TenantPoolView, TenantView, TreeFault};
use edugrid_crds::{conditions, labels};
use edugrid_units::{JobUid, MilliUnits, Seconds, Stamp, TenantName};
use serde_json::{Value, json};

use super::{Desk, Timer, money::condition};
use crate::{
    fingerprint::Prints,
    jobs::{Bill, Facts, Job, rfc3339},
    telling::number,
    writes::{Answer, QUEUE_MAX, Write},
};

/// A reason that may end by itself is told after so long, in real time (A6).
const TELL_REASON_AFTER: Seconds = Seconds(30);
/// Most reasons that become due in one tick: the bounded rate of A6.
const REASONS_PER_TICK: usize = 50;

impl Desk {
    /// Puts the statuses that are due into the outbox.
    pub(super) fn tell(&mut self) {
        let homes = self.tenants.homes(self.ticker.clock().real_now());
        self.outbox.extend(homes);
        let due: Vec<JobUid> = self.untold.iter().take(QUEUE_MAX).cloned().collect();
        for uid in due {
            if self.outbox.len() >= QUEUE_MAX {
                return;
            }
            self.untold.remove(&uid);
            self.tell_job(&uid);
        }
    }

    fn tell_job(&mut self, uid: &JobUid) {
        if let Some(job) = self.jobs.get_mut(uid)
            && job.telling.under_way
        {
            // Its answer brings it back here; nothing else need ever happen to this job.
            job.telling.is_due();
            return;
        }
        let Some(job) = self.jobs.get(uid) else {
            return;
        };
        if job.wish == crate::attempt::Wish::Gone {
            return;
        }
        let started = job
            .open
            .as_ref()
            .and_then(|key| self.attempts.get(key)?.started);
        let reason = self.world.reason_of(uid);
        let raised = job
            .telling
            .epoch
            .and_then(|epoch| u64::try_from(epoch).ok());
        let epoch = self.epoch.max(raised.unwrap_or(0));
        let facts = Facts {
            started,
            reason: reason.as_deref(),
            bill: self.bill(uid),
            epoch,
            language: self.language,
        };
        let status = job.status(&facts);
        let prints = Prints::written(&status).unwrap_or_default();
        let write = Write::JobStatus {
            job: uid.clone(),
            namespace: job.identity.namespace.clone(),
            name: job.identity.name.clone(),
            resource_version: job.resource_version.clone(),
            epoch: i64::try_from(epoch).unwrap_or(i64::MAX),
            status,
        };
        self.outbox.push_back(write);
        if let Some(job) = self.jobs.get_mut(uid) {
            job.telling.due = false;
            // A write that is said again keeps the time of the first.
            let since = job.telling.due_since.take();
            job.telling.asked_since = job.telling.asked_since.or(since);
            job.telling.under_way = true;
            job.telling.asked = prints.whole;
        }
    }

    /// Who pays for a job, over all its attempts.
    pub(super) fn bill(&self, uid: &JobUid) -> Bill {
        let mut bill = Bill::default();
        let settled: Vec<_> = self
            .books
            .settled_attempts(uid)
            .map(|(key, _)| key.clone())
            .collect();
        let open = self.jobs.get(uid).and_then(|job| job.open.clone());
        for key in settled.iter().chain(&open) {
            let Some(paid) = self.books.payments(key) else {
                continue;
            };
            for (voucher, charged) in paid.vouchers {
                let line = bill.line(voucher);
                line.2 = line.2.saturating_add(charged);
                bill.charged = bill.charged.saturating_add(charged);
            }
            bill.own.1 = bill.own.1.saturating_add(paid.own);
            bill.charged = bill.charged.saturating_add(paid.own);
        }
        if let Some(attempt) = open.as_ref().and_then(|key| self.books.open_attempt(key)) {
            for slice in &attempt.hold.slices {
                let (granted, own) = slice.split(slice.base);
                if let Some(voucher) = &slice.voucher {
                    let line = bill.line(voucher.clone());
                    line.1 = line.1.saturating_add(granted);
                }
                bill.own.0 = bill.own.0.saturating_add(own);
                bill.held = bill.held.saturating_add(slice.base);
            }
        }
        bill
    }

    pub(super) fn status_told(&mut self, uid: &JobUid, answer: Answer) {
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        job.telling.under_way = false;
        match answer {
            Answer::Stands(version) => {
                let told = (number(Some(&version)), job.telling.asked);
                job.telling.told = Some(told);
                job.resource_version = version;
                if let Some(since) = job.telling.asked_since.take() {
                    self.metrics
                        .status_delay
                        .observe(since.elapsed().as_secs_f64());
                }
                if job.telling.due {
                    self.untold.insert(uid.clone());
                }
                self.put_right(uid);
            }
            Answer::Gone => {}
            Answer::Outranked(epoch) => self.outranked(uid, epoch),
            Answer::Refused(words) => tracing::error!(%uid, words, "a status is refused"),
            Answer::Conflict | Answer::Failed(_) => {
                job.telling.is_due();
                self.untold_later.insert(uid.clone());
            }
        }
    }

    pub(super) fn object_told(&mut self, kind: &'static str, name: &str, answer: &Answer) {
        match answer {
            Answer::Stands(_) => return self.statuses.stands(kind, name),
            Answer::Gone => return,
            _ => {}
        }
        tracing::warn!(kind, name, ?answer, "status not written");
        self.tell_again(kind, name);
    }

    /// What was told of an object doesn't stand there.
    pub(super) fn tell_again(&mut self, kind: &'static str, name: &str) {
        match kind {
            "Tenant" => {
                self.tenants.forget_told(name);
            }
            "ComputePool" => self.pools.forget(name),
            "ComputeVoucher" => self.money.forget_told("computevouchers", name),
            "FundingLine" => self.money.forget_told("fundinglines", name),
            _ => self.money.forget_told("pricebooks", name),
        }
    }

    /// Whether a finished job says something else than the books do: somebody changed it while nobody looked.
    pub(super) fn differs_from_books(&self, job: &Job) -> bool {
        if !job.is_over() {
            return false;
        }
        let facts = Facts {
            started: None,
            reason: None,
            bill: self.bill(job.uid()),
            epoch: self.epoch,
            language: self.language,
        };
        let prints = Prints::written(&job.status(&facts));
        prints.is_some_and(|prints| prints.books != job.seen.prints.books)
    }

    pub(super) fn tell_running(&mut self, uid: &JobUid) {
        let running = |key| {
            self.attempts
                .get(key)
                .is_some_and(crate::attempt::Attempt::is_running)
        };
        let writer_is_behind = self.outbox.len() >= QUEUE_MAX;
        if let Some(job) = self.jobs.get_mut(uid)
            && job.open.as_ref().is_some_and(running)
            && !writer_is_behind
        {
            job.telling.is_due();
            self.untold.insert(uid.clone());
        }
    }

    /// Removes the object of a job that finished long enough ago.
    pub(super) fn remove(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get(uid).filter(|job| job.is_over()) else {
            return;
        };
        let now = self.ticker.clock().now();
        let goes = job.finished().unwrap_or(now).after(job.ttl);
        if goes > now {
            self.timers.insert((goes, Timer::Remove(uid.clone())));
            return;
        }
        self.outbox.push_back(Write::DeleteComputeJob {
            job: uid.clone(),
            namespace: job.identity.namespace.clone(),
            name: job.identity.name.clone(),
        });
    }

    /// Once a second: what was put off, reasons that have lasted, and tenants.
    pub(super) fn note_reasons(&mut self) {
        self.restless.extend(std::mem::take(&mut self.later));
        self.untold.extend(std::mem::take(&mut self.untold_later));
        let real = self.ticker.clock().real_now();
        let mut due = Vec::new();
        for (uid, reason) in self.world.waiting() {
            let Some(job) = self.jobs.get_mut(uid) else {
                continue;
            };
            let since = match job.telling.waits {
                Some((code, since)) if code == reason.code => since,
                _ => real,
            };
            job.telling.waits = Some((reason.code, since));
            let told = job.seen.reason.as_deref() == Some(reason.code.as_str());
            let lasted = real.seconds_since(since) >= TELL_REASON_AFTER;
            if !told && (lasted || reason.code.needs_a_person()) && due.len() < REASONS_PER_TICK {
                due.push(uid.clone());
            }
        }
        for uid in due {
            let tenant_known = self
                .jobs
                .get(&uid)
                .is_some_and(|job| !job.telling.under_way);
            if tenant_known {
                self.untold.insert(uid);
            }
        }
        self.tell_tenants();
        if self.is_synced() {
            let now = self.ticker.clock().now();
            self.outbox.extend(self.pools.due(&self.world, now));
        }
    }

    fn tell_tenants(&mut self) {
        if !self.is_synced() {
            return;
        }
        let now = self.ticker.clock().now();
        for view in self.world.tenants() {
            let name = view.name.to_string();
            let Some(known) = self.tenants.known.get_mut(&name) else {
                continue;
            };
            let facts = json!([
                tenant_facts(&view, known.bad.as_deref()),
                known.not_acted_on,
                known.home_fault
            ]);
            if known.told.as_ref() != Some(&facts) {
                let status = tenant_status(
                    &view,
                    known.bad.as_deref(),
                    &known.remarks(),
                    known.generation,
                    now,
                );
                known.told = Some(facts);
                self.outbox.push_back(Write::ObjectStatus {
                    kind: "Tenant",
                    plural: "tenants",
                    name,
                    status,
                });
            }
        }
    }
}

/// What decides whether a tenant's status is written again: all of it but times.
fn tenant_facts(view: &TenantView, bad: Option<&str>) -> Value {
    json!([quotas(view), faults(view), bad])
}

fn quotas(view: &TenantView) -> Vec<Value> {
    let quoted = view.pools.iter().filter(|line| line.nominal.is_some());
    quoted
        .map(|line| json!({"pool": line.pool.as_str(), "nominal": line.effective.to_string()}))
        .collect()
}

/// Conditions that hold, with their words.
fn faults(view: &TenantView) -> Vec<(&'static str, String)> {
    let told = view.conditions.iter().map(|condition| match condition {
        TenantCondition::Fault { fault: TreeFault::SecondRoot { root }, .. } => {
            (conditions::SECOND_ROOT, format!("{root} is the root already, give spec.parent"))
        }
        TenantCondition::Fault { at, fault } => (conditions::READY, not_below_the_root(&view.name, at, fault)),
        TenantCondition::QuotaOvercommitted { pool, claimed, effective } => (
            conditions::QUOTA_OVERCOMMITTED,
            format!("pool {pool}: {claimed} is claimed, {effective} counts, the rest is above the parent's nominal"),
        ),
        TenantCondition::ChildrenOvercommitted { pool, claimed, effective } => (
            conditions::QUOTA_OVERCOMMITTED,
            format!("pool {pool}: the children claim {claimed} of {effective}"),
        ),
    });
    let overdrawn = view.pools.iter().filter(|line| line.available.0 < 0);
    let over = overdrawn.map(|line| (conditions::OVER_QUOTA, over_quota(&view.name, line)));
    told.chain(over).collect()
}

/// What is done about an overdraft, and when (Q3). Only what is taken back is told with
/// numbers: others change with every job and are read in memory (A6).
fn over_quota(tenant: &TenantName, line: &TenantPoolView) -> String {
    let pool = &line.pool;
    let Some(TakingBack { by, from }) = &line.taking_back else {
        let running = match line.leaving > MilliUnits::ZERO {
            true => format!("{} of it is being stopped", line.leaving),
            false => "what runs goes on".to_owned(),
        };
        return format!(
            "pool {pool}: more is in use than quota and borrowing allow; {running}, nothing \
             starts until enough of it has ended"
        );
    };
    let over = Balance(line.available.0.saturating_neg());
    let whose = match by == tenant {
        true => String::new(),
        false => format!(", as onQuotaCut of {by} says"),
    };
    let done = match from {
        Some(from) => format!(
            "what is borrowed and can be preempted is stopped from {} on, no more than needed",
            rfc3339(*from)
        ),
        None => {
            "the rest can't be preempted or is within its own quota, and runs to its end".to_owned()
        }
    };
    format!(
        "pool {pool}: {over} more in use than quota and borrowing allow; {done}{whose}; \
         nothing starts until enough of it has ended"
    )
}

/// Why a tenant hangs in no tree, and the way out; the fault may be its own or of one above.
fn not_below_the_root(tenant: &TenantName, at: &TenantName, fault: &TreeFault) -> String {
    let whose = if tenant == at {
        "spec.parent".to_owned()
    } else {
        format!("spec.parent of {at}, above this one,")
    };
    match fault {
        TreeFault::UnknownParent(parent) => {
            format!("{whose} names {parent}, which does not exist: make {parent} or name another")
        }
        TreeFault::SecondRoot { root } => {
            format!("{whose} is absent, but {root} is the root already: name a parent")
        }
        TreeFault::Cycle => format!(
            "{whose} leads back to {at} and never to the root: name a parent that is not below {at}"
        ),
    }
}

fn tenant_status(
    view: &TenantView,
    bad: Option<&str>,
    remarks: &[String],
    generation: Option<i64>,
    now: Stamp,
) -> Value {
    let faults = faults(view);
    let not_ready = bad.map(str::to_owned).or_else(|| {
        let fault = faults
            .iter()
            .find(|(kind, _)| [conditions::READY, conditions::SECOND_ROOT].contains(kind));
        fault.map(|(_, words)| words.clone())
    });
    let words = not_ready
        .clone()
        .unwrap_or_else(|| [&["in the tree".to_owned()], remarks].concat().join("; "));
    let mut list = vec![condition(
        conditions::READY,
        not_ready.is_none(),
        &words,
        generation,
        now,
    )];
    let kinds = [
        conditions::QUOTA_OVERCOMMITTED,
        conditions::OVER_QUOTA,
        conditions::SECOND_ROOT,
    ];
    for kind in kinds {
        let of_kind: Vec<&str> = faults
            .iter()
            .filter(|(held, _)| *held == kind)
            .map(|(_, words)| words.as_str())
            .collect();
        list.push(condition(
            kind,
            !of_kind.is_empty(),
            &of_kind.join("; "),
            generation,
            now,
        ));
    }
    json!({
        "observedGeneration": generation,
        "homeNamespace": labels::home_namespace(view.name.as_str()),
        "quotas": quotas(view),
        "conditions": list,
    })
}
