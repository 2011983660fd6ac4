//! Commands that were carried out, so that the same one is answered again and another one
//! under its id refused (L10); and which of them may be forgotten.
//!
//! What is about a job is kept until the job is forgotten; what is bound to an instant, until
//! that instant is. Neither can come again after that: an attempt of a forgotten job is not
//! open, and a forgotten instant is refused by [`Known::is_forgotten`]. The rest (vouchers,
//! lines, price books, epochs) grows with what people make and is kept.

use std::collections::BTreeMap;

use edugrid_units::{JobUid, Stamp};

use crate::{
    chain::Digest,
    command::{Command, CommandId},
    entry::Answer,
};

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub digest: Digest,
    pub entry: u64,
    pub answer: Answer,
}

/// All of them, by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub of_jobs: BTreeMap<JobUid, BTreeMap<CommandId, Done>>,
    pub of_instants: BTreeMap<(Stamp, CommandId), Done>,
    pub others: BTreeMap<CommandId, Done>,
    /// Instants up to here are forgotten.
    pub until: Option<Stamp>,
}

impl Known {
    pub(super) fn get(&self, command: &Command, id: CommandId) -> Option<&Done> {
        match (command.attempt(), command.instant()) {
            (Some(key), _) => self.of_jobs.get(&key.job)?.get(&id),
            (None, Some(at)) => self.of_instants.get(&(at, id)),
            (None, None) => self.others.get(&id),
        }
    }

    pub(super) fn insert(&mut self, command: &Command, id: CommandId, done: Done) {
        match (command.attempt(), command.instant()) {
            (Some(key), _) => {
                let of_job = self.of_jobs.entry(key.job.clone()).or_default();
                of_job.insert(id, done);
            }
            (None, Some(at)) => {
                self.of_instants.insert((at, id), done);
            }
            (None, None) => {
                self.others.insert(id, done);
            }
        }
    }

    /// Takes back what was inserted last for a job.
    pub(super) fn remove(&mut self, job: &JobUid, id: &CommandId) {
        if let Some(of_job) = self.of_jobs.get_mut(job) {
            of_job.remove(id);
            if of_job.is_empty() {
                self.of_jobs.remove(job);
            }
        }
    }

    /// Whether a command is bound to an instant of which nothing is known any more.
    pub(super) fn is_forgotten(&self, command: &Command) -> Option<Stamp> {
        let until = self.until?;
        command.instant().filter(|at| *at <= until)
    }

    pub(super) fn forget_job(&mut self, job: &JobUid) {
        self.of_jobs.remove(job);
    }

    /// Forgets every instant before `at`; what is bound to `at` itself is the command that
    /// says so, and stays.
    pub(super) fn forget_before(&mut self, at: Stamp) {
        let first = (at, CommandId::FIRST);
        self.of_instants = self.of_instants.split_off(&first);
        self.until = self.until.max(Some(Stamp(at.0.saturating_sub(1))));
    }
}
