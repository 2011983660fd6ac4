//! Tries each distinct pod template once, by a strict dry run of its native Job, before any
//! job with it is admitted (API.md): a typo is told within a second and costs nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use edugrid_crds::ComputeJobSpec;
use edugrid_units::{
    AttemptKey, JobUid, Reason, ReasonCode, RoleName, Seconds, Stamp, Subject, Tier,
};
use serde_json::Value;

use super::Desk;
use crate::{
    native,
    writes::{Answer, Write},
};

/// Most templates that are remembered; beyond it one that is fine is forgotten.
const KEPT_MAX: usize = 10_000;
/// A refused template is tried again after so long, in real time, while a job waits with it.
const ASK_AGAIN_AFTER: Seconds = Seconds(60);

/// What is known of one template.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The API server's verdict: refused with these words, or fine.
    verdict: Option<Result<(), String>>,
    /// Jobs to tell when the verdict changes.
    jobs: BTreeSet<JobUid>,
    /// The trial, kept until it is fine.
    body: Value,
    /// When it was asked last, in real time; none: it is to be asked with the next tick.
    asked: Option<Stamp>,
}

/// What is known of templates, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Templates(BTreeMap<u64, Known>);

impl Desk {
    /// `None`: not all of the job's templates have been tried yet, it will be told again.
    /// Otherwise the reason, if the API server refuses one.
    pub(super) fn try_templates(
        &mut self,
        uid: &JobUid,
        spec: &ComputeJobSpec,
    ) -> Option<Option<Reason>> {
        let namespace = self.jobs.get(uid)?.identity.namespace.clone();
        let mut all_known = true;
        for role in &spec.roles {
            let Ok(template) = serde_json::to_value(&role.template) else {
                continue;
            };
            let fingerprint = fingerprint(&namespace, &template);
            let now = self.ticker.clock().real_now();
            let known = self.templates.known(fingerprint, now, || {
                let body = trial(&namespace, fingerprint, &template);
                let ask = Write::TryTemplate {
                    fingerprint,
                    body: body.clone(),
                };
                self.outbox.push_back(ask);
                body
            });
            match &known.verdict {
                Some(Ok(())) => {}
                Some(Err(words)) => {
                    let what = format!("spec.roles[{}].template: {words}", role.name);
                    known.jobs.insert(uid.clone());
                    let reason = Reason::new(ReasonCode::TemplateRefused);
                    return Some(Some(reason.about(Subject::Words(what))));
                }
                None => {
                    known.jobs.insert(uid.clone());
                    all_known = false;
                }
            }
        }
        all_known.then_some(None)
    }

    pub(super) fn template_tried(&mut self, fingerprint: u64, answer: Answer) {
        let Some(known) = self.templates.0.get_mut(&fingerprint) else {
            return;
        };
        let verdict = match answer {
            Answer::Stands(_) => Ok(()),
            Answer::Refused(words) => Err(words),
            Answer::Gone | Answer::Conflict | Answer::Outranked(_) | Answer::Failed(_) => {
                known.asked = None;
                return;
            }
        };
        if known.verdict.as_ref() == Some(&verdict) {
            return;
        }
        if verdict.is_ok() {
            known.body = Value::Null;
        }
        known.verdict = Some(verdict);
        for uid in std::mem::take(&mut known.jobs) {
            self.tell_engine(&uid);
        }
    }

    /// Asks again for what was not answered, and now and then for what was refused: a
    /// policy or a quota of the namespace may have changed.
    pub(super) fn retry_templates(&mut self) {
        let now = self.ticker.clock().real_now();
        for (fingerprint, known) in &mut self.templates.0 {
            let is_due = match (&known.verdict, known.asked) {
                (Some(Ok(())), _) => false,
                (_, None) => true,
                (Some(Err(_)), Some(at)) => now.seconds_since(at) >= ASK_AGAIN_AFTER,
                (None, Some(_)) => false,
            };
            if is_due && !(known.verdict.is_some() && known.jobs.is_empty()) {
                known.asked = Some(now);
                let (fingerprint, body) = (*fingerprint, known.body.clone());
                self.outbox
                    .push_back(Write::TryTemplate { fingerprint, body });
            }
        }
    }
}

impl Templates {
    /// What is known of a template; `ask` makes its trial if it is new.
    fn known(&mut self, fingerprint: u64, now: Stamp, ask: impl FnOnce() -> Value) -> &mut Known {
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&fingerprint) {
            let settled = |known: &Known| known.verdict == Some(Ok(()));
            let old = self
                .0
                .iter()
                .find(|(_, known)| settled(known))
                .map(|(old, _)| *old);
            old.map(|old| self.0.remove(&old));
        }
        self.0.entry(fingerprint).or_insert_with(|| Known {
            body: ask(),
            asked: Some(now),
            ..Known::default()
        })
    }
}

/// Policies differ by namespace, so a template is known per namespace. Only this process
/// uses the number; a collision would let a template through that the create then refuses.
fn fingerprint(namespace: &str, template: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    (namespace, template.to_string()).hash(&mut hasher);
    hasher.finish()
}

fn trial(namespace: &str, fingerprint: u64, template: &Value) -> Value {
    let key = AttemptKey {
        job: "dry-run".into(),
        task: 0,
        attempt: 1,
    };
    let name = format!("dry-run-{fingerprint:016x}");
    let parent = native::Parent {
        namespace,
        name: &name,
        key: &key,
        tier: Tier::Standard,
    };
    let role = RoleName::new("dry-run");
    let role = native::Role {
        name: &role,
        replicas: 1,
        cards: None,
        template,
    };
    native::job(&parent, &role, None)
}
