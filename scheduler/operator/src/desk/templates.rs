//! Tries each distinct pod template once, by a strict dry run of its native Job, before any
//! job with it is admitted (API.md): a typo is told within a second and costs nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use edugrid_crds::ComputeJobSpec;
use edugrid_units::{AttemptKey, JobUid, Reason, ReasonCode, RoleName, Tier};
use serde_json::Value;

use super::Desk;
use crate::{
    native,
    writes::{Answer, Write},
};

/// Most verdicts that are kept; beyond it the oldest fingerprint is tried again.
const KEPT_MAX: usize = 10_000;

#[derive(Clone, Debug)]
enum Verdict {
    /// Its dry run is under way, or is to be repeated.
    Trying {
        jobs: BTreeSet<JobUid>,
        body: Value,
        asked: bool,
    },
    Fine,
    Refused(String),
}

/// What is known of templates, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Templates(BTreeMap<u64, Verdict>);

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
            match self.templates.0.get_mut(&fingerprint) {
                Some(Verdict::Fine) => {}
                Some(Verdict::Refused(words)) => {
                    let what = format!("spec.roles[{}].template: {words}", role.name);
                    return Some(Some(Reason::new(ReasonCode::TemplateRefused).about(what)));
                }
                Some(Verdict::Trying { jobs, .. }) => {
                    jobs.insert(uid.clone());
                    all_known = false;
                }
                None => {
                    let body = trial(&namespace, fingerprint, &template);
                    self.outbox.push_back(Write::TryTemplate {
                        fingerprint,
                        body: body.clone(),
                    });
                    let jobs = BTreeSet::from([uid.clone()]);
                    self.templates.keep(
                        fingerprint,
                        Verdict::Trying {
                            jobs,
                            body,
                            asked: true,
                        },
                    );
                    all_known = false;
                }
            }
        }
        all_known.then_some(None)
    }

    pub(super) fn template_tried(&mut self, fingerprint: u64, answer: Answer) {
        let Some(verdict) = self.templates.0.get_mut(&fingerprint) else {
            return;
        };
        let Verdict::Trying { jobs, asked, .. } = verdict else {
            return;
        };
        let known = match answer {
            Answer::Stands(_) => Verdict::Fine,
            Answer::Refused(words) => Verdict::Refused(words),
            Answer::Gone | Answer::Conflict | Answer::Failed(_) => {
                *asked = false;
                return;
            }
        };
        let waiting = std::mem::take(jobs);
        *verdict = known;
        for uid in waiting {
            self.tell_engine(&uid);
        }
    }

    /// Asks again for what was not answered.
    pub(super) fn retry_templates(&mut self) {
        for (fingerprint, verdict) in &mut self.templates.0 {
            if let Verdict::Trying { body, asked, .. } = verdict
                && !*asked
            {
                *asked = true;
                let (fingerprint, body) = (*fingerprint, body.clone());
                self.outbox
                    .push_back(Write::TryTemplate { fingerprint, body });
            }
        }
    }
}

impl Templates {
    fn keep(&mut self, fingerprint: u64, verdict: Verdict) {
        if self.0.len() >= KEPT_MAX {
            let settled = |verdict: &Verdict| !matches!(verdict, Verdict::Trying { .. });
            let old = self
                .0
                .iter()
                .find(|(_, verdict)| settled(verdict))
                .map(|(old, _)| *old);
            old.map(|old| self.0.remove(&old));
        }
        self.0.insert(fingerprint, verdict);
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
