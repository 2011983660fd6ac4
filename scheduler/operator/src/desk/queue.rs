//! The queue in the form in which people read it: a line per unfinished job, what runs first,
//! then what waits in its order.

use std::{cmp::Reverse, collections::BTreeSet};

use edugrid_crds::visibility::{QueuePhase, QueuedJob, QueuedJobList};
use edugrid_units::{JobUid, Language, ReasonCode};

use super::{
    Desk,
    answer::{Ordered, details, money, quantity, time},
};
use crate::{
    jobs::Job,
    visibility::{NotFound, Page, Select},
};

impl Desk {
    /// A page of the queue of a namespace, or of all.
    pub(super) fn queue(
        &mut self,
        namespace: Option<&str>,
        select: &Select,
        page: &Page,
    ) -> Result<QueuedJobList, NotFound> {
        if let Some(name) = namespace {
            self.bound(name)?;
        }
        let ordered = self.ordered();
        let waits_so = select.reason.map(|code| self.waiting_for(code));
        let inside = |job: &&Job| {
            !job.is_over()
                && namespace.is_none_or(|name| job.identity.namespace == name)
                && waits_so
                    .as_ref()
                    .is_none_or(|jobs| jobs.contains(job.uid()))
                && self.selected(job, select)
        };
        let mut jobs: Vec<&Job> = self.jobs.values().filter(inside).collect();
        jobs.sort_by_cached_key(|job| {
            let open = job.open.as_ref().and_then(|key| self.attempts.get(key));
            let before = ordered
                .order
                .find(job.uid())
                .map(|(_, before)| before.len());
            (
                Reverse(open.is_some()),
                open.map(|attempt| attempt.admission.at),
                before.unwrap_or(usize::MAX),
            )
        });
        let (jobs, metadata) = page.cut(jobs, |job| job.uid().to_string());
        let lines = jobs.into_iter().map(|job| self.queued(job, &ordered));
        let mut list = QueuedJobList::new(self.age_at(ordered.as_of), lines.collect());
        list.metadata = metadata;
        Ok(list)
    }

    /// The line of one job.
    pub(super) fn queued_job(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<QueuedJob, NotFound> {
        let ordered = self.ordered();
        let job = self.unfinished(namespace, name)?;
        Ok(self.queued(job, &ordered))
    }

    /// The unfinished job of that name.
    pub(super) fn unfinished(&self, namespace: &str, name: &str) -> Result<&Job, NotFound> {
        let mut jobs = self.jobs.values();
        let job = jobs.find(|job| {
            job.identity.name == name && job.identity.namespace == namespace && !job.is_over()
        });
        job.ok_or_else(|| NotFound::Job {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    fn bound(&self, namespace: &str) -> Result<(), NotFound> {
        let facts = self.namespaces.get(namespace);
        match facts.and_then(|facts| facts.tenant.as_ref()) {
            Some(_) => Ok(()),
            None => Err(NotFound::Namespace(namespace.to_owned())),
        }
    }

    /// The jobs that wait for that reason.
    fn waiting_for(&self, code: ReasonCode) -> BTreeSet<&JobUid> {
        let waiting = self.world.waiting();
        let so = waiting.filter(|(_, reason)| reason.code == code);
        so.map(|(uid, _)| uid).collect()
    }

    /// Whether a job is one of those asked for, its reason left aside.
    fn selected(&self, job: &Job, select: &Select) -> bool {
        let is_named = |name: &String| job.identity.name == *name;
        select.name.as_ref().is_none_or(is_named)
            && select.phase.is_none_or(|phase| self.phase(job) == phase)
    }

    fn queued(&self, job: &Job, ordered: &Ordered) -> QueuedJob {
        let (identity, age) = (&job.identity, self.age_at(ordered.as_of));
        let phase = self.phase(job);
        let mut line = QueuedJob::new(age, &identity.namespace, &identity.name, phase);
        line.metadata.uid = Some(identity.uid.to_string());
        line.tenant = self.tenant_of(job).map(|tenant| tenant.to_string());
        line.class = job.spec().ok().map(|spec| spec.class);
        if let Some(attempt) = job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            let admission = &attempt.admission;
            line.tenant = admission.tenant().map(ToString::to_string);
            line.tier = Some(admission.tier.as_str().to_owned());
            line.pool = Some(admission.pool.to_string());
            line.units = Some(quantity(admission.billed));
            line.submitter = Some(admission.submitter.clone());
            line.waiting_since = Some(time(admission.eligible));
            line.held = Some(money(attempt.held));
            return line;
        }
        line.waiting_since = Some(time(identity.created));
        if let Some((place, _)) = ordered.order.find(job.uid()) {
            line.tier = Some(place.tier.as_str().to_owned());
            line.pool = Some(place.pool.to_string());
            line.units = Some(quantity(place.billed));
            line.position_in_pool = u64::try_from(place.in_pool).ok();
            line.position_in_tenant = u64::try_from(place.in_tenant).ok();
        }
        if let Some(waiting) = self.world.waiting_job(job.uid()) {
            let reason = waiting.reason.as_deref();
            line.submitter = Some(waiting.submitter.to_owned());
            line.reason = reason.map(|it| it.code.as_str().to_owned());
            line.message = reason.map(ToString::to_string);
            line.message_zh = reason.map(|it| it.sentence(Language::Chinese));
            line.details = reason.map(details);
        }
        line
    }

    pub(super) fn phase(&self, job: &Job) -> QueuePhase {
        match job.open.as_ref().and_then(|key| self.attempts.get(key)) {
            Some(attempt) if attempt.started.is_some() => QueuePhase::Running,
            Some(_) => QueuePhase::Admitted,
            None => QueuePhase::Waiting,
        }
    }
}
