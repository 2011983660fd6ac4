//! Drives attempts: what [`Attempt::next`](crate::attempt::Attempt::next) asks for becomes
//! commands staged in the books, or writes. Every attempt on the desk is durable (A1).

use edugrid_core::{Event, Stop, StopCause};
use edugrid_ledger::Command;
use edugrid_units::{AttemptKey, Outcome, RoleName, RolePlacement, Stamp};
use serde_json::json;

use super::Desk;
use crate::{
    attempt::{NativeJob, Todo},
    native,
    writes::{Answer, Done, Write},
};

impl Desk {
    /// Looks at every attempt of which something has changed.
    pub(super) fn drive(&mut self) {
        for key in std::mem::take(&mut self.restless) {
            let wish = self.wish(&key);
            let now = self.ticker.clock().now();
            let Some(attempt) = self.attempts.get(&key) else {
                continue;
            };
            for todo in attempt.next(now, wish) {
                self.carry_out(&key, todo);
            }
        }
    }

    fn carry_out(&mut self, key: &AttemptKey, todo: Todo) {
        let now = self.ticker.tick();
        match todo {
            Todo::CreateJob(role) => self.create_job(key, &role),
            Todo::Pin {
                pod,
                uid,
                resource_version,
                node,
            } => {
                let Some(attempt) = self.attempts.get_mut(key) else {
                    return;
                };
                attempt.pin_sent(&uid, &resource_version);
                self.outbox.push_back(Write::Pin {
                    key: key.clone(),
                    uid,
                    namespace: attempt.admission.namespace.clone(),
                    name: pod,
                    patch: pin(&resource_version, node.as_str()),
                });
            }
            Todo::DeleteJob { role, uid } => {
                let Some(attempt) = self.attempts.get_mut(key) else {
                    return;
                };
                attempt.set_job(&role, NativeJob::Deleting { uid: uid.clone() });
                let admission = &attempt.admission;
                self.outbox.push_back(Write::DeleteJob {
                    key: key.clone(),
                    namespace: admission.namespace.clone(),
                    name: native::child_name(&admission.name, key, &role),
                    role,
                    uid,
                });
            }
            Todo::Start { placement, at } => self.start(key, now, placement, at),
            Todo::Stop(outcome) => {
                self.stage(
                    now,
                    Command::Stop {
                        key: key.clone(),
                        outcome,
                    },
                );
                self.engine(Event::Stopping(key.clone()));
            }
            Todo::End {
                outcome,
                started,
                ended,
            } => {
                self.stage(
                    now,
                    Command::End {
                        key: key.clone(),
                        outcome,
                        started,
                        ended,
                    },
                );
                self.engine(Event::Stopping(key.clone()));
            }
        }
    }

    /// Stages the stops that the engine decided; from there on they go the way of every
    /// other. What ends or is stopped by itself in this very batch needs none.
    pub(super) fn stop(&mut self, stops: Vec<Stop>) {
        for Stop { key, cause } in stops {
            let open = self.books.open_attempt(&key);
            if open.is_none_or(|open| open.stopping.is_some()) {
                continue;
            }
            let StopCause::QuotaCut { tenant, pool } = cause;
            tracing::info!(attempt = %key, %tenant, %pool, "stopped, quota was cut");
            let now = self.ticker.tick();
            let outcome = Outcome::QuotaCut;
            self.stage(now, Command::Stop { key, outcome });
        }
    }

    fn start(&mut self, key: &AttemptKey, now: Stamp, real: Vec<RolePlacement>, at: Stamp) {
        let planned = self
            .attempts
            .get(key)
            .map(|attempt| attempt.admission.placement.clone());
        if planned.as_ref() != Some(&real) {
            self.metrics.deviations.inc();
            tracing::warn!(attempt = %key, "pods were bound elsewhere than planned");
            self.stage(
                now,
                Command::Bound {
                    key: key.clone(),
                    placement: real,
                },
            );
        }
        self.stage(
            now,
            Command::Started {
                key: key.clone(),
                at,
            },
        );
    }

    fn create_job(&mut self, key: &AttemptKey, role: &RoleName) {
        let Some(attempt) = self.attempts.get_mut(key) else {
            return;
        };
        let admission = attempt.admission.clone();
        let spec = self.jobs.get(&key.job).and_then(|job| job.spec().ok());
        let template = spec.and_then(|spec| {
            spec.roles
                .into_iter()
                .find(|wanted| wanted.name == role.as_str())
        });
        let Some(wanted) = template else {
            tracing::error!(attempt = %key, %role, "the job has no such role any more");
            return;
        };
        let Ok(template) = serde_json::to_value(&wanted.template) else {
            return;
        };
        let parent = native::Parent {
            namespace: &admission.namespace,
            name: &admission.name,
            key,
            tier: admission.tier,
        };
        let placed = admission
            .placement
            .iter()
            .find(|placed| placed.role == *role);
        let device = self.devices.get(&admission.pool).map(String::as_str);
        let body = native::job(
            &parent,
            &native::Role {
                name: role,
                replicas: placed.map_or(0, RolePlacement::replicas),
                cards: wanted
                    .cards
                    .and_then(|cards| edugrid_units::parse_milli(&cards.text()).ok()),
                template: &template,
            },
            device.filter(|device| *device != "cpu"),
        );
        attempt.set_job(role, NativeJob::Creating);
        self.outbox.push_back(Write::CreateJob {
            key: key.clone(),
            role: role.clone(),
            body,
        });
    }

    /// Takes the answer to a write.
    pub(super) fn done(&mut self, done: Done) {
        match (done.write, done.answer) {
            (Write::CreateJob { key, role, .. }, answer) => self.job_created(&key, &role, answer),
            (Write::DeleteJob { key, role, uid, .. }, answer) => {
                let Some(attempt) = self.attempts.get_mut(&key) else {
                    return;
                };
                match answer {
                    Answer::Stands(_) => attempt.delete_accepted(&role),
                    Answer::Gone => attempt.set_job(&role, NativeJob::Absent),
                    Answer::Conflict
                    | Answer::Outranked(_)
                    | Answer::Refused(_)
                    | Answer::Failed(_) => {
                        // Said again with the next tick, not at once: what refused it may last.
                        attempt.delete_failed(&role, uid);
                        self.later.insert(key);
                        return;
                    }
                }
                self.restless.insert(key);
            }
            (Write::Pin { key, uid, .. }, answer) => {
                // After a conflict the pod's next event brings the version to pin.
                if let (Answer::Failed(_), Some(attempt)) = (&answer, self.attempts.get_mut(&key)) {
                    attempt.pin_failed(&uid);
                    self.restless.insert(key);
                } else if let Answer::Refused(words) = answer {
                    tracing::error!(attempt = %key, words, "a pin is refused");
                }
            }
            (Write::JobStatus { job, .. }, answer) => self.status_told(&job, answer),
            (Write::TryTemplate { fingerprint, .. }, answer) => {
                self.template_tried(fingerprint, answer);
            }
            (Write::ObjectStatus { kind, name, .. }, answer) => {
                self.object_told(kind, &name, &answer);
            }
            (Write::DeleteComputeJob { .. }, _) => {}
            (Write::Home { tenant, .. }, answer) => {
                self.tenants
                    .home_kept(&tenant, &answer, self.ticker.clock().real_now());
            }
            (Write::LeaveHome { tenant }, _) => self.tenants.home_left(&tenant),
        }
    }

    fn job_created(&mut self, key: &AttemptKey, role: &RoleName, answer: Answer) {
        let Some(attempt) = self.attempts.get_mut(key) else {
            return;
        };
        match answer {
            Answer::Stands(uid) => {
                if attempt.job(role) == Some(&NativeJob::Creating) {
                    self.natives
                        .insert(uid.clone(), (key.clone(), role.clone()));
                    attempt.job_made(role, uid);
                }
            }
            // It was there, by an earlier create of ours, and somebody has deleted it since.
            Answer::Conflict if attempt.job(role) == Some(&NativeJob::Creating) => {
                attempt.set_job(role, NativeJob::Lost { uid: String::new() });
            }
            other => {
                tracing::warn!(attempt = %key, %role, answer = ?other, "native job not created");
                if attempt.job(role) == Some(&NativeJob::Creating) {
                    attempt.set_job(role, NativeJob::Absent);
                }
                // Said again with the next tick, not at once: what refused it may last.
                self.later.insert(key.clone());
                return;
            }
        }
        self.restless.insert(key.clone());
    }
}

/// The one patch that a pod gets (P7).
fn pin(resource_version: &str, node: &str) -> serde_json::Value {
    json!({
        "metadata": {"resourceVersion": resource_version},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "schedulingGates": null,
        },
    })
}
