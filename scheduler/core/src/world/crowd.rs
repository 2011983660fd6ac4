//! Limits on how many jobs wait (Q5, `pendingJobs`): who is over one stays aside, and
//! comes into the order when a place falls free.

use std::sync::Arc;

use edugrid_units::{Amount, JobUid, Reason, ReasonCode, Stamp, Subject, TenantName};

use super::{Job, JobState, World};
use crate::queue::Crowd;

impl World {
    /// Counts a job that has come into the order; whoever is over now goes aside.
    pub(super) fn count_in(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        job.counted = true;
        if self.stale {
            // The tree is built anew with the next step, and everybody counted again.
            return;
        }
        let eligible = job.eligible;
        let mut over = vec![uid.clone()];
        for (crowd, most) in self.crowds_of(uid) {
            over.extend(self.waitlist.add(&crowd, most, eligible, uid));
        }
        for uid in over {
            self.put_aside(&uid);
        }
    }

    /// Counts a job no more; whoever may take its place comes into the order.
    pub(super) fn count_out(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get_mut(uid).filter(|job| job.counted) else {
            return;
        };
        job.counted = false;
        if self.stale {
            return;
        }
        let eligible = job.eligible;
        for (crowd, _) in self.crowds_of(uid) {
            if let Some(next) = self.waitlist.remove(&crowd, eligible, uid) {
                self.bring_in(&next);
            }
        }
    }

    /// Counts everybody anew, as the tree and its limits now are.
    pub(super) fn count_all(&mut self) {
        self.waitlist.clear();
        let counted: Vec<(JobUid, Stamp)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.counted)
            .map(|(uid, job)| (uid.clone(), job.eligible))
            .collect();
        for (uid, eligible) in &counted {
            for (crowd, most) in self.crowds_of(uid) {
                self.waitlist.add(&crowd, most, *eligible, uid);
            }
        }
        for (uid, _) in &counted {
            self.put_aside(uid);
            self.bring_in(uid);
        }
    }

    /// Takes a job that is over a limit out of the order.
    fn put_aside(&mut self, uid: &JobUid) {
        let Some(reason) = self.over(uid) else { return };
        self.leave_group(uid);
        if let Some(job) = self.jobs.get_mut(uid) {
            job.state = JobState::Parked(Arc::new(reason));
        }
    }

    /// Puts a job that was over a limit and is so no more into the order.
    fn bring_in(&mut self, uid: &JobUid) {
        let aside = |job: &&Job| job.counted && matches!(job.state, JobState::Parked(_));
        if self.jobs.get(uid).filter(aside).is_none() {
            return;
        }
        let over = self.over(uid);
        let Some(job) = self.jobs.get_mut(uid) else {
            return;
        };
        match over {
            Some(reason) => job.state = JobState::Parked(Arc::new(reason)),
            None => {
                let group = self.groups.insert(&job.spec, job.eligible);
                job.state = JobState::Waiting(group);
                self.group_changed(group);
            }
        }
    }

    /// The limits that count a job, from its tenant up: the subtree's, then the user's.
    fn crowds_of(&self, uid: &JobUid) -> Vec<(Crowd, u32)> {
        let Some(job) = self.jobs.get(uid) else {
            return Vec::new();
        };
        let tree = &self.standing.tree;
        let Some(leaf) = tree.leaf_of(&job.spec.tenant) else {
            return Vec::new();
        };
        let user = &job.spec.submitter;
        let both = |name: &TenantName| {
            let spec = self.tenants.get(name)?;
            let crowd = |user: Option<&String>| Crowd {
                tenant: name.clone(),
                user: user.map(|user| user.as_str().into()),
            };
            let whole = spec.limits.pending_jobs.map(|most| (crowd(None), most));
            let one = spec.user_limits.pending_jobs;
            let one = one.map(|most| (crowd(Some(user)), most));
            Some([whole, one])
        };
        tree.path(leaf)
            .filter_map(both)
            .flatten()
            .flatten()
            .collect()
    }

    /// Why a job that waits is not in the order.
    fn over(&self, uid: &JobUid) -> Option<Reason> {
        let job = self.jobs.get(uid)?;
        let mut crowds = self.crowds_of(uid).into_iter();
        let over = |crowd: &Crowd| self.waitlist.is_over(crowd, job.eligible, uid);
        let (crowd, most) = crowds.find(|(crowd, _)| over(crowd))?;
        let limit = Subject::Limit {
            name: "pendingJobs",
            user: crowd.user.map(|user| user.to_string()),
        };
        let most = u64::from(most);
        Some(
            Reason::new(ReasonCode::LimitReached)
                .about(limit)
                .at(crowd.tenant)
                .numbers(Amount::Count(most.saturating_add(1)), Amount::Count(most)),
        )
    }
}
