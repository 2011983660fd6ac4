//! The life of one admitted attempt, from its durable `Admit` to its settlement (A, P7, P8).
//!
//! Pure: facts go in (native Jobs, pods, the user's wish), [`Attempt::next`] says what is
//! to be done now. It is asked after every event and never remembers that it has said
//! something, except for requests under way: so whatever was lost, in a crash or on the
//! wire, is said again ("re-driven until they stand", A1).
//!
//! Must not know: the API server, the books, the clock.

mod placed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_units::{
    Admission, AttemptKey, MicroYuan, NodeName, Outcome, RoleName, RolePlacement, Seconds, Stamp,
};

pub use crate::native::NativeJob;
use crate::{
    external::{External, Report},
    pods::{OwnPod, PodPhase},
};

/// Not all pods bound this long after admission ends the attempt as `NotStarted` (P8).
/// Real time (N5).
pub const NOT_STARTED_AFTER: Seconds = Seconds(300);

/// What is to be done for an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Create the native Job of this role, gated.
    CreateJob(RoleName),
    /// Pin this pod and take its gate off (P7).
    Pin {
        /// The pod.
        pod: String,
        /// The pod's UID, by which the request under way is known.
        uid: String,
        /// The version that was seen.
        resource_version: String,
        /// Where the plan wants it.
        node: NodeName,
    },
    /// Delete the native Job of this role.
    DeleteJob {
        /// The role.
        role: RoleName,
        /// The UID that must still be its own.
        uid: String,
    },
    /// Journal where the pods really are and when the charge starts (P7, A5).
    Start {
        /// The real placement.
        placement: Vec<RolePlacement>,
        /// The latest `PodScheduled` of the gang.
        at: Stamp,
    },
    /// Journal that it is being stopped, before anything of it is deleted.
    Stop(Outcome),
    /// Journal its end; it holds nothing any more.
    End {
        /// How it ended.
        outcome: Outcome,
        /// The start of the charged interval, if all pods were bound.
        started: Option<Stamp>,
        /// The end of the charged interval; absent: the last confirmed instant (A5).
        ended: Option<Stamp>,
    },
}

/// What the user wants of the job, as far as it concerns a running attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    Run,
    /// Stop and wait.
    Hold,
    /// Stop for good.
    Cancel,
    /// The object is gone (A7).
    Gone,
}

/// One attempt that has been admitted and not yet settled.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The decision.
    pub admission: Arc<Admission>,
    /// The money set aside for it.
    pub held: MicroYuan,
    /// The last moment, in virtual time, at which all pods must be bound.
    pub start_by: Stamp,
    /// The journalled start of the charged interval.
    pub started: Option<Stamp>,
    /// The journalled decision to stop it, and when it was journalled.
    pub stopping: Option<(Outcome, Stamp)>,
    /// What its executor has reported, where that isn't the cluster.
    external: Option<External>,
    jobs: BTreeMap<RoleName, NativeJob>,
    /// Roles whose native Job is being deleted, or was.
    deleted: BTreeSet<RoleName>,
    /// Roles of whose native Job no watch has told: it was made a moment ago, or its labels were taken off. Its
    /// deletion may never be told either: a list that begins after it knows nothing of it.
    unseen: BTreeSet<RoleName>,
    pods: BTreeMap<String, OwnPod>,
    /// Pods whose pin is under way, by UID.
    pinning: BTreeMap<String, String>,
    /// Pods that are gone, with the end of theirs if it was seen.
    vanished: Vec<Option<Stamp>>,
}

impl Attempt {
    /// A fresh attempt, of which nothing exists in the cluster as far as we know.
    pub fn new(admission: Arc<Admission>, held: MicroYuan, start_by: Stamp) -> Self {
        let jobs = admission
            .placement
            .iter()
            .map(|role| (role.role.clone(), NativeJob::Absent))
            .collect();
        Self {
            admission,
            held,
            start_by,
            started: None,
            stopping: None,
            external: None,
            jobs,
            deleted: BTreeSet::new(),
            unseen: BTreeSet::new(),
            pods: BTreeMap::new(),
            pinning: BTreeMap::new(),
            vanished: Vec::new(),
        }
    }

    /// Its key.
    pub fn key(&self) -> &AttemptKey {
        &self.admission.key
    }

    /// Notes that somebody else runs it: no native Job is made, its executor reports.
    /// Whether that is news.
    pub fn run_elsewhere(&mut self) -> bool {
        let is_news = self.external.is_none();
        self.external.get_or_insert_default();
        is_news
    }

    /// Takes a report of its executor, received at `receipt`. Whether there was anything
    /// new in it.
    pub fn hear(&mut self, report: &Report, receipt: Stamp) -> bool {
        let external = self.external.as_mut();
        external.is_some_and(|external| external.hear(&self.admission, report, receipt))
    }

    /// Notes what a watch tells of a role's native Job.
    pub fn see_job(&mut self, role: &RoleName, state: NativeJob) {
        self.set_job(role, state);
        self.unseen.remove(role);
    }

    /// Notes that our create of a role's native Job was accepted.
    pub fn job_made(&mut self, role: &RoleName, uid: String) {
        self.unseen.insert(role.clone());
        self.set_job(role, NativeJob::Present { uid, ended: false });
    }

    /// Notes what is known of a role's native Job.
    pub fn set_job(&mut self, role: &RoleName, state: NativeJob) {
        let Some(known) = self.jobs.get_mut(role) else {
            return;
        };
        // A watch event that is older than our own accepted delete must not undo it.
        if let (NativeJob::Deleting { uid }, NativeJob::Present { uid: seen, .. }) =
            (&*known, &state)
            && uid == seen
        {
            return;
        }
        if matches!(state, NativeJob::Deleting { .. }) {
            self.deleted.insert(role.clone());
            if matches!(known, NativeJob::Lost { .. } | NativeJob::Absent) {
                self.unseen.insert(role.clone());
            }
        }
        *known = state;
    }

    /// Notes that a role's native Job is gone from what we see. Whoever made it once never makes it again: of what it
    /// started nobody knows (A4).
    pub fn lose_job(&mut self, role: &RoleName) {
        if let Some(known) = self.jobs.get_mut(role) {
            *known = match std::mem::take(known) {
                NativeJob::Present { uid, ended } if !ended || self.stopping.is_none() => {
                    NativeJob::Lost { uid }
                }
                _ => NativeJob::Absent,
            };
        }
    }

    /// Notes that a delete was accepted. Where a watch tells of the Job, that says when it is gone.
    pub fn delete_accepted(&mut self, role: &RoleName) {
        if self.unseen.contains(role) {
            self.set_job(role, NativeJob::Absent);
        }
    }

    /// Notes that a delete was not accepted; it is said again with the next look.
    pub fn delete_failed(&mut self, role: &RoleName, uid: String) {
        if let Some(known @ NativeJob::Deleting { .. }) = self.jobs.get_mut(role) {
            *known = NativeJob::Present { uid, ended: false };
            self.deleted.remove(role);
        }
    }

    /// What is known of a role's native Job.
    pub fn job(&self, role: &RoleName) -> Option<&NativeJob> {
        self.jobs.get(role)
    }

    /// Notes a pod as it is now.
    pub fn set_pod(&mut self, pod: OwnPod) {
        self.pods.insert(pod.uid.clone(), pod);
    }

    /// Notes that a pod is gone, and the last that was seen of it.
    pub fn lose_pod(&mut self, uid: &str, last: Option<OwnPod>) {
        self.pinning.remove(uid);
        let known = self.pods.remove(uid);
        if let Some(pod) = last.or(known)
            && pod.node.is_some()
        {
            self.vanished.push(pod.finished);
        }
    }

    /// Notes that a pin is under way, at that version of the pod.
    pub fn pin_sent(&mut self, uid: &str, resource_version: &str) {
        self.pinning
            .insert(uid.to_owned(), resource_version.to_owned());
    }

    /// Notes that a pin was refused or lost; it is said again with the next look.
    pub fn pin_failed(&mut self, uid: &str) {
        self.pinning.remove(uid);
    }

    /// Whether some pod of it has been running.
    pub fn is_running(&self) -> bool {
        self.started.is_some() && self.stopping.is_none()
    }

    /// Whether a part of it runs on one of these nodes. What runs elsewhere only holds room
    /// there.
    pub fn runs_on_any(&self, nodes: &BTreeSet<NodeName>) -> bool {
        if self.external.is_some() {
            return false;
        }
        let mut placed = self.admission.placement.iter().flat_map(|role| &role.nodes);
        placed.any(|(node, _)| nodes.contains(node))
    }

    /// When time alone changes what [`next`](Self::next) says.
    pub fn due(&self) -> Option<Stamp> {
        if let Some(external) = &self.external {
            return Some(external.due(self));
        }
        match (self.stopping, self.started) {
            (Some(_), _) => None,
            (None, Some(started)) => Some(started.after(self.admission.walltime)),
            (None, None) => Some(self.start_by),
        }
    }

    /// What is to be done now, in that order. Empty: wait for an event or for
    /// [`due`](Self::due).
    pub fn next(&self, now: Stamp, wish: Wish) -> Vec<Todo> {
        if let Some(external) = &self.external {
            return external.next(self, now, wish);
        }
        if let Some(end) = self.ended() {
            return vec![end];
        }
        if self.stopping.is_some() {
            return self.wind_down();
        }
        if self.started.is_none()
            && let Some(start) = self.bound()
        {
            return vec![start];
        }
        if let Some(outcome) = self.reason_to_stop(now, wish) {
            return vec![Todo::Stop(outcome)];
        }
        if self.started.is_some() {
            return Vec::new();
        }
        let missing: Vec<Todo> = self
            .jobs
            .iter()
            .filter(|(_, job)| matches!(job, NativeJob::Absent))
            .map(|(role, _)| Todo::CreateJob(role.clone()))
            .collect();
        if missing.is_empty() {
            self.pins()
        } else {
            missing
        }
    }

    /// The end, once nothing of it runs any more.
    fn ended(&self) -> Option<Todo> {
        let all_terminal = self.pods.values().all(|pod| pod.phase.is_terminal());
        let complete =
            self.complete() && self.pods.values().all(|p| p.phase == PodPhase::Succeeded);
        let jobs_gone = self.jobs.iter().all(|(role, job)| match job {
            NativeJob::Absent | NativeJob::Present { ended: true, .. } => true,
            // Of such a Job nobody will tell that it has ended: its pods must do.
            NativeJob::Present { .. } => self.unseen.contains(role) && self.fails_by_itself(role),
            _ => false,
        });
        let outcome = match self.stopping {
            None if complete => Outcome::Succeeded,
            // Work that was complete before the stop reached it has succeeded.
            Some(_) if complete => Outcome::Succeeded,
            Some((outcome, _)) if all_terminal && jobs_gone => outcome,
            _ => return None,
        };
        let started = self.started.or_else(|| match self.bound() {
            Some(Todo::Start { at, .. }) => Some(at),
            _ => None,
        });
        Some(Todo::End {
            outcome,
            started,
            ended: self.end_of_charge(),
        })
    }

    /// The latest `finishedAt`; none if a pod vanished before its end was seen (A5).
    fn end_of_charge(&self) -> Option<Stamp> {
        let seen = self.pods.values().map(|pod| pod.finished);
        let mut latest = None;
        for finished in seen.chain(self.vanished.iter().copied()) {
            latest = latest.max(Some(finished?));
        }
        latest
    }

    /// Whether a role's native Job has a pod that failed by itself: it ends by itself too, and takes its other pods along.
    fn fails_by_itself(&self, role: &RoleName) -> bool {
        let mut pods = self.pods.values().filter(|pod| pod.role == *role);
        matches!(self.stopping, Some((Outcome::Failed, _))) && pods.any(is_own_failure)
    }

    /// Deletes what does not end by itself; what does keeps its pods for their logs.
    fn wind_down(&self) -> Vec<Todo> {
        self.jobs
            .iter()
            .filter(|(role, _)| !self.fails_by_itself(role))
            .filter_map(|(role, job)| match job {
                NativeJob::Present { uid, ended: false } | NativeJob::Lost { uid } => {
                    Some((role, uid.clone()))
                }
                // A Job that this leader has never seen, by the pods that are left of it.
                NativeJob::Absent => Some((role, self.owner_of_living(role)?)),
                _ => None,
            })
            .map(|(role, uid)| Todo::DeleteJob {
                role: role.clone(),
                uid,
            })
            .collect()
    }

    /// The UID of the native Job on which a pod of the role hangs that nobody has asked to end.
    fn owner_of_living(&self, role: &RoleName) -> Option<String> {
        if self.deleted.contains(role) {
            return None;
        }
        let mut pods = self.pods.values().filter(|pod| pod.role == *role);
        let living = pods.find(|pod| !pod.phase.is_terminal() && !pod.deleting)?;
        Some(living.owner.as_ref()?.uid.clone())
    }

    fn reason_to_stop(&self, now: Stamp, wish: Wish) -> Option<Outcome> {
        match wish {
            Wish::Cancel => return Some(Outcome::Cancelled),
            Wish::Gone => return Some(Outcome::Deleted),
            Wish::Hold => return Some(Outcome::Held),
            Wish::Run => {}
        }
        if self.pods.values().any(is_own_failure) {
            return Some(Outcome::Failed);
        }
        let taken = self.pods.values().any(|pod| pod.disrupted || pod.deleting);
        if taken || !self.vanished.is_empty() {
            return Some(Outcome::Disrupted);
        }
        // A Job that is gone after it was seen, or after the start, was taken by somebody else.
        let mut jobs = self.jobs.values();
        if jobs.any(|job| matches!(job, NativeJob::Lost { .. })) {
            return Some(Outcome::Disrupted);
        }
        let mut jobs = self.jobs.values();
        let lost_job = jobs.any(|job| matches!(job, NativeJob::Absent));
        match self.started {
            Some(_) if lost_job || !self.complete() => Some(Outcome::Disrupted),
            Some(started) if now >= started.after(self.admission.walltime) => {
                Some(Outcome::Walltime)
            }
            None if now >= self.start_by => Some(Outcome::NotStarted),
            _ => None,
        }
    }

    /// Whether every replica of every role has a pod.
    fn complete(&self) -> bool {
        self.admission.placement.iter().all(|role| {
            let pods = self.pods.values().filter(|pod| pod.role == role.role);
            u32::try_from(pods.count()).unwrap_or(u32::MAX) == role.replicas()
        })
    }
}

/// Whether the pod failed and nobody took it away (P8).
fn is_own_failure(pod: &OwnPod) -> bool {
    pod.phase == PodPhase::Failed && !pod.disrupted && !pod.deleting
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
