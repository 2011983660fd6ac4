//! What the books say of each attempt, with the entries that say it. Also their clock, by which
//! the machines' stamps become those of the books (N5).

use std::collections::BTreeMap;

use edugrid_ledger::{Answer, Command, Digest, Record, Replay, Settlement};
use edugrid_units::{AttemptKey, Outcome, Seconds, Stamp};

use super::objects::{Gang, OwnPod};

/// All attempts of a book.
#[derive(Debug, Default)]
pub struct Booked {
    /// By attempt.
    pub attempts: BTreeMap<AttemptKey, Attempt>,
    /// Whether older entries are archived: then attempts may be known to them alone.
    pub begins_later: bool,
    origin: Stamp,
    factor: u32,
}

/// An entry as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its number.
    pub entry: u64,
    /// Its hash.
    pub hash: Digest,
    /// When it was written.
    pub at: Stamp,
}

/// What the books say of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// `namespace/name` of its job.
    pub job: String,
    /// What admitted it.
    pub admitted: Evidence,
    /// When it was decided: no charge begins before (A5).
    pub decided: Stamp,
    /// The longest that it may be charged for (T1).
    pub walltime: Seconds,
    /// How many pods its gang has.
    pub replicas: u32,
    /// The start of its charged interval.
    pub started: Option<(Stamp, Evidence)>,
    /// What it cost in the end.
    pub settled: Option<(Settlement, Outcome, Evidence)>,
}

impl Booked {
    /// Takes in what is known where the reading begins: the clock of the books.
    pub fn begin(&mut self, replay: &Replay) {
        self.begins_later = replay.position().entries > 0;
        let books = replay.clone().finish();
        if let Some(opening) = books.opening() {
            (self.origin, self.factor) = (opening.origin, opening.factor);
        }
    }

    /// Takes an entry in.
    pub fn note(&mut self, record: &Record) {
        let evidence = Evidence {
            entry: record.entry.sequence,
            hash: record.hash,
            at: record.entry.at,
        };
        match (&record.entry.command, &record.entry.answer) {
            (Command::Open(opening), _) => {
                (self.origin, self.factor) = (opening.origin, opening.factor);
            }
            (Command::Admit(admit), _) => {
                let admission = &admit.admission;
                let replicas = admission.placement.iter().map(|role| role.replicas());
                let attempt = Attempt {
                    job: format!("{}/{}", admission.namespace, admission.name),
                    admitted: evidence,
                    decided: admission.at,
                    walltime: admission.walltime,
                    replicas: replicas.fold(0, u32::saturating_add),
                    started: None,
                    settled: None,
                };
                self.attempts.insert(admission.key.clone(), attempt);
            }
            (Command::Started { key, at }, _) => {
                if let Some(attempt) = self.attempts.get_mut(key) {
                    attempt.started = Some((*at, evidence));
                }
            }
            (Command::End { key, outcome, .. }, Answer::Settled(settlement)) => {
                if let Some(attempt) = self.attempts.get_mut(key) {
                    let started = settlement.started.map(|at| (at, evidence));
                    attempt.started = attempt.started.or(started);
                    attempt.settled = Some((settlement.clone(), *outcome, evidence));
                }
            }
            _ => {}
        }
    }

    /// The books' instant of a machine's.
    pub fn by_clock(&self, real: Stamp) -> Stamp {
        let passed = real.0.saturating_sub(self.origin.0);
        let passed = passed.saturating_mul(i64::from(self.factor.max(1)));
        Stamp(self.origin.0.saturating_add(passed))
    }

    /// How many of the books' seconds pass in a real one: machines stamp whole ones.
    pub fn factor(&self) -> u32 {
        self.factor.max(1)
    }

    /// The pods that are left, together as gangs, in the books' time.
    pub fn gangs(&self, pods: &[OwnPod]) -> BTreeMap<AttemptKey, Gang> {
        let mut gangs: BTreeMap<AttemptKey, Gang> = BTreeMap::new();
        for pod in pods {
            let gang = gangs.entry(pod.key.clone()).or_default();
            gang.add(pod, |real| self.by_clock(real));
        }
        gangs
    }
}
