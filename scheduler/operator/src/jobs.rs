//! What the operator remembers of a `ComputeJob`, and the status that should stand in it.
//!
//! The object itself is not kept: its spec as compact JSON, read again where the engine or
//! a native Job needs it. The history is the ledger's.

use std::sync::Arc;

use edugrid_crds::{
    ComputeJob, ComputeJobSpec,
    compute_job::{DesiredState, Executor},
    conditions,
    job_status::{ExternalOutcome, ExternalReport, Phase},
};
use edugrid_units::{
    Admission, AttemptKey, JobUid, Language, MicroYuan, Outcome, Reason, Seconds, Stamp,
    VoucherName,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::{
    attempt::Wish,
    clock::Clock,
    external::Report,
    fingerprint::Prints,
    history::{Past, Verdict, verdict},
    pods::stamp,
    telling::{Seen, Telling, number},
    translate::job::Identity,
};

/// Attempts that a status shows; the ledger has them all.
const ATTEMPTS_SHOWN: usize = 32;
/// Longest message that fits into a status.
const MESSAGE_MAX: usize = 1024;

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Who it is.
    pub identity: Identity,
    /// The version of the object that was seen last.
    pub resource_version: String,
    /// Its spec as JSON.
    spec: Box<str>,
    /// What the user wants of it.
    pub wish: Wish,
    /// Who runs it; never changes (Q6).
    pub executor: Executor,
    /// What its executor reports, of an External job.
    pub report: Option<Report>,
    /// Own failures that are forgiven.
    retries: u32,
    /// How long it stays once it has finished.
    pub ttl: Seconds,
    /// What became of its attempts, oldest first; from the ledger.
    pub past: Vec<Past>,
    /// Its open attempt.
    pub open: Option<AttemptKey>,
    /// The last decision about it, on the real nodes where they are known.
    pub last: Option<Arc<Admission>>,
    /// What its object says.
    pub seen: Seen,
    /// How the status write stands.
    pub telling: Telling,
}

/// Who pays for a job: held and charged, by voucher and from own money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Held for the open attempt.
    pub held: MicroYuan,
    /// Charged over all attempts.
    pub charged: MicroYuan,
    /// By voucher: held, charged.
    pub vouchers: Vec<(VoucherName, MicroYuan, MicroYuan)>,
    /// From own money: held, charged.
    pub own: (MicroYuan, MicroYuan),
}

impl Bill {
    /// The line of a voucher, made if there is none.
    pub fn line(&mut self, voucher: VoucherName) -> &mut (VoucherName, MicroYuan, MicroYuan) {
        let at = self.vouchers.iter().position(|(name, ..)| *name == voucher);
        let at = at.unwrap_or_else(|| {
            self.vouchers
                .push((voucher, MicroYuan::ZERO, MicroYuan::ZERO));
            self.vouchers.len().saturating_sub(1)
        });
        &mut self.vouchers[at]
    }
}

/// All that a status says, drawn together by the loop.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The open attempt's charged start.
    pub started: Option<Stamp>,
    /// The reason for which it waits.
    pub reason: Option<&'a Reason>,
    /// Who pays.
    pub bill: Bill,
    /// The epoch of this leader.
    pub epoch: u64,
    /// The language of sentences.
    pub language: Language,
}

impl Job {
    /// Reads a job's object. `None` if it has no UID, which the API server never does.
    ///
    /// # Errors
    /// If the spec can't be kept as JSON.
    pub fn read(object: ComputeJob, clock: &Clock) -> Result<Option<Self>, serde_json::Error> {
        let metadata = object.metadata;
        let Some(uid) = metadata.uid else {
            return Ok(None);
        };
        let created = metadata
            .creation_timestamp
            .as_ref()
            .map(stamp)
            .unwrap_or_default();
        let spec = object.spec;
        let status = object.status.unwrap_or_default();
        let prints = Prints::seen(&status);
        Ok(Some(Self {
            identity: Identity {
                uid: uid.into(),
                namespace: metadata.namespace.unwrap_or_default(),
                name: metadata.name.unwrap_or_default(),
                generation: metadata.generation.unwrap_or_default(),
                created: clock.to_virtual(created),
            },
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            wish: match (metadata.deletion_timestamp, spec.state) {
                (Some(_), _) => Wish::Gone,
                (None, DesiredState::Run) => Wish::Run,
                (None, DesiredState::Hold) => Wish::Hold,
                (None, DesiredState::Cancel) => Wish::Cancel,
            },
            executor: spec.executor,
            report: status
                .external
                .as_ref()
                .and_then(|external| report(external, clock)),
            retries: u32::try_from(spec.retries).unwrap_or(0),
            ttl: Seconds::parse(spec.ttl_after_finished.as_str()).unwrap_or(Seconds(86_400)),
            past: Vec::new(),
            open: None,
            last: None,
            seen: Seen {
                phase: status.phase,
                attempts: status.attempts.len(),
                reason: status.reason,
                version: number(metadata.resource_version.as_deref()),
                prints,
            },
            telling: Telling::default(),
            spec: serde_json::to_string(&spec)?.into_boxed_str(),
        }))
    }

    /// Takes over what a newer look at the object says.
    pub fn update(&mut self, newer: Self) {
        let Self {
            identity,
            resource_version,
            spec,
            wish,
            executor,
            report,
            retries,
            ttl,
            seen,
            ..
        } = newer;
        *self = Self {
            identity,
            resource_version,
            spec,
            wish,
            executor,
            report,
            retries,
            ttl,
            seen,
            past: std::mem::take(&mut self.past),
            open: self.open.take(),
            last: self.last.take(),
            telling: std::mem::take(&mut self.telling),
        };
    }

    /// Who it is.
    pub fn uid(&self) -> &JobUid {
        &self.identity.uid
    }

    /// Its spec, read again.
    ///
    /// # Errors
    /// Never for what [`Job::read`] has written.
    pub fn spec(&self) -> Result<ComputeJobSpec, serde_json::Error> {
        serde_json::from_str(&self.spec)
    }

    /// What follows from its history.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.past, self.retries, self.wish == Wish::Cancel)
    }

    /// Whether it is over: no open attempt, and none to come.
    pub fn is_over(&self) -> bool {
        self.open.is_none() && self.verdict().is_final()
    }

    /// The number of its next attempt.
    pub fn next_attempt(&self) -> u32 {
        self.past
            .last()
            .map_or(1, |past| past.number.saturating_add(1))
    }

    /// When it was over, if it is: the end of its last attempt, or else when it was made.
    pub fn finished(&self) -> Option<Stamp> {
        let last = self
            .past
            .last()
            .and_then(|past| past.ended.or(past.started));
        self.is_over()
            .then(|| last.unwrap_or(self.identity.created))
    }

    /// The phase that should stand in its status.
    pub fn phase(&self, started: Option<Stamp>) -> Phase {
        match (&self.open, self.verdict()) {
            (Some(_), _) if started.is_some() => Phase::Running,
            (Some(_), _) => Phase::Admitted,
            (None, Verdict::Waits(_)) => Phase::Pending,
            (None, Verdict::Succeeded) => Phase::Succeeded,
            (None, Verdict::Failed) => Phase::Failed,
            (None, Verdict::Cancelled) => Phase::Cancelled,
        }
    }

    /// Whether the object lacks what only a crash can have kept from being written.
    pub fn lags(&self) -> bool {
        let phase = self.phase(None);
        let phase_lags = match self.seen.phase {
            Some(Phase::Running) if phase == Phase::Admitted => false,
            None if phase == Phase::Pending => false,
            seen => seen != Some(phase),
        };
        phase_lags || self.seen.attempts < self.past.len().min(ATTEMPTS_SHOWN)
    }

    /// Whether the object says something else than what this leader wrote last.
    pub fn is_edited(&self) -> bool {
        self.telling.is_edited(&self.seen)
    }

    /// The whole of our part of the status; what should vanish is null.
    pub fn status(&self, facts: &Facts<'_>) -> Value {
        let phase = self.phase(facts.started);
        let last = self.last.as_deref();
        let placed = last.filter(|_| phase != Phase::Pending);
        let waiting = facts.reason.filter(|_| phase == Phase::Pending);
        let first_start = self
            .past
            .iter()
            .find_map(|past| past.started)
            .or(facts.started);
        json!({
            "phase": phase.as_str(),
            "tenant": last.and_then(Admission::tenant).map(|tenant| tenant.as_str()),
            "epoch": facts.epoch,
            "reason": waiting.map(|reason| reason.code.as_str()),
            "message": waiting.map(|reason| shortened(&reason.sentence(facts.language))),
            "details": waiting.map(details),
            "units": placed.map(|admission| admission.billed.to_string()),
            "walltime": placed.map(|admission| admission.walltime.to_string()),
            "attempts": self.attempts(facts),
            "placement": placed.map(placement),
            "cost": cost(&facts.bill),
            "startedAt": first_start.map(rfc3339),
            "finishedAt": self.finished().map(rfc3339),
            "observedGeneration": self.identity.generation,
            "conditions": self.conditions(phase, waiting, facts.language),
        })
    }

    fn attempts(&self, facts: &Facts<'_>) -> Vec<Value> {
        let past = self.past.iter().map(|past| {
            without_nulls(json!({
                "number": past.number,
                "startedAt": past.started.map(rfc3339),
                "finishedAt": past.ended.map(rfc3339),
                "outcome": past.outcome.as_str(),
                "charged": past.charged.to_string(),
            }))
        });
        let open = self.open.as_ref().map(|key| {
            let started = facts.started.map(rfc3339);
            without_nulls(json!({"number": key.attempt, "startedAt": started}))
        });
        let all: Vec<Value> = past.chain(open).collect();
        let first_shown = all.len().saturating_sub(ATTEMPTS_SHOWN);
        all.into_iter().skip(first_shown).collect()
    }

    fn conditions(&self, phase: Phase, waiting: Option<&Reason>, language: Language) -> Value {
        let last_end = self.past.last().and_then(|past| past.ended);
        let idle_since = last_end.unwrap_or(self.identity.created);
        let decided = self.last.as_ref().map(|last| last.at);
        let (admitted, reason, since) = match (phase, waiting) {
            (Phase::Admitted | Phase::Running, _) => {
                (true, "Admitted", decided.unwrap_or(idle_since))
            }
            (Phase::Pending, Some(reason)) => (false, reason.code.as_str(), idle_since),
            (phase, _) => (false, phase.as_str(), idle_since),
        };
        let condition = |kind: &str, holds: bool, reason: &str, message: String, since: Stamp| {
            json!({
                "type": kind,
                "status": if holds { "True" } else { "False" },
                "reason": reason,
                "message": message,
                "observedGeneration": self.identity.generation,
                "lastTransitionTime": rfc3339(since),
            })
        };
        let message = waiting.map(|reason| shortened(&reason.sentence(language)));
        let finished = self.finished();
        let stopped = self.stopped_for_another().map(|past| {
            let waits = phase == Phase::Pending;
            let since = match waits {
                true => past.ended.unwrap_or(idle_since),
                false => decided.unwrap_or(idle_since),
            };
            let message = taken_back(past.number, language);
            condition(
                conditions::PREEMPTED,
                waits,
                past.outcome.as_str(),
                message,
                since,
            )
        });
        let always = [
            condition(
                conditions::ADMITTED,
                admitted,
                reason,
                message.unwrap_or_default(),
                since,
            ),
            condition(
                conditions::FINISHED,
                finished.is_some(),
                phase.as_str(),
                String::new(),
                finished.unwrap_or(self.identity.created),
            ),
        ];
        always.into_iter().chain(stopped).collect()
    }

    /// The last of its attempts that was stopped though nothing was wrong with it (E2).
    fn stopped_for_another(&self) -> Option<&Past> {
        let mut latest_first = self.past.iter().rev();
        latest_first.find(|past| past.outcome == Outcome::QuotaCut)
    }
}

/// Why an attempt was stopped and what follows for the job (E5).
fn taken_back(attempt: u32, language: Language) -> String {
    match language {
        Language::English => format!(
            "attempt {attempt} was stopped: a quota was cut and what was borrowed of it taken back; \
             the job keeps its place in the queue and its retries"
        ),
        Language::Chinese => format!(
            "第 {attempt} 次尝试被停止：配额削减，借用的部分已收回；作业保留原有的排队位置与重试次数"
        ),
    }
}

/// A report in virtual time: the executor's stamps are a machine's (N5).
fn report(external: &ExternalReport, clock: &Clock) -> Option<Report> {
    let at = |time: &Time| clock.to_virtual(stamp(time));
    let outcome = external.outcome.map(|outcome| match outcome {
        ExternalOutcome::Succeeded => Outcome::Succeeded,
        ExternalOutcome::Failed => Outcome::Failed,
    });
    Some(Report {
        attempt: u32::try_from(external.attempt).ok()?,
        started: external.started_at.as_ref().map(at),
        ended: external.finished_at.as_ref().map(at).zip(outcome),
    })
}

fn details(reason: &Reason) -> Vec<Value> {
    let fields = [
        ("node", reason.node.as_ref().map(ToString::to_string)),
        ("pool", reason.pool.as_ref().map(ToString::to_string)),
        ("subject", reason.subject_in(Language::English)),
        ("asked", reason.asked.map(|amount| amount.to_string())),
        ("free", reason.free.map(|amount| amount.to_string())),
        ("missing", reason.missing.map(|amount| amount.to_string())),
        ("until", reason.until.map(rfc3339)),
    ];
    fields
        .into_iter()
        .filter_map(|(key, value)| Some(json!({"key": key, "value": cut(&value?, 256)})))
        .collect()
}

fn placement(admission: &Admission) -> Vec<Value> {
    let line = |role: &edugrid_units::RolePlacement| {
        let nodes: Vec<Value> = role
            .nodes
            .iter()
            .map(|(node, replicas)| json!({"name": node.as_str(), "replicas": replicas}))
            .collect();
        json!({"role": role.role.as_str(), "pool": admission.pool.as_str(), "nodes": nodes})
    };
    admission.placement.iter().map(line).collect()
}

fn cost(bill: &Bill) -> Value {
    let vouchers: Vec<Value> = bill
        .vouchers
        .iter()
        .map(|(name, held, charged)| {
            json!({"name": name.as_str(), "held": held.to_string(), "charged": charged.to_string()})
        })
        .collect();
    json!({
        "held": bill.held.to_string(),
        "charged": bill.charged.to_string(),
        "vouchers": vouchers,
        "own": {"held": bill.own.0.to_string(), "charged": bill.own.1.to_string()},
    })
}

/// In lists a null is no deletion: it would be stored, and refused.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        other => other,
    }
}

fn shortened(text: &str) -> String {
    cut(text, MESSAGE_MAX)
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
pub fn rfc3339(stamp: Stamp) -> String {
    Timestamp::from_second(stamp.seconds())
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
