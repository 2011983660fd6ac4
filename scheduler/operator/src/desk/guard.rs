//! What stands while an admission policy is missing or altered (L12, API.md: whatever a policy refuses, the operator refuses
//! again). What it would have refused could pass for what it let through, so nothing is admitted and no money posted; what
//! runs goes on. Who submitted a job, and who gave a namespace to a tenant, can't be found out afterwards: what
//! came while nothing checked that is not believed.
//!
//! Known limits: a policy that goes and comes back between two looks is not noticed, and a new leader does not know what
//! was missing before it.

use std::collections::BTreeSet;

use edugrid_core::{Event, LedgerState};
use edugrid_crds::{ComputeJobSpec, labels};
use edugrid_units::{Reason, ReasonCode, Stamp, Subject};

use super::Desk;
use crate::jobs::Job;

/// Most times without a policy that are remembered; the oldest go first.
const GAPS_MAX: usize = 64;

/// What writes and checks who submitted: `stamp-submitter.edugrid.io` and its counterpart.
const OF_SUBMITTERS: &str = "submitter.edugrid.io";
/// What checks who gives a namespace to a tenant.
const OF_NAMESPACES: &str = "namespace-binding.edugrid.io";

/// What was missing and when, in virtual time.
#[derive(Debug, Default)]
pub(super) struct Guard {
    missing: Vec<String>,
    /// The last look that found submitters checked.
    checked_at: Option<Stamp>,
    /// From the last look that found them checked to the first that did again.
    gaps: Vec<(Stamp, Option<Stamp>)>,
    /// Namespaces that were given to a tenant meanwhile.
    namespaces: BTreeSet<String>,
}

impl Guard {
    /// That of a leader that begins now: it leads because it has found all policies in place.
    pub(super) fn since(now: Stamp) -> Self {
        Self {
            checked_at: Some(now),
            ..Self::default()
        }
    }

    /// Whether all policies are in place.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// Notes what a look found; returns whether that is something else than before.
    fn look(&mut self, missing: Vec<String>, now: Stamp) -> bool {
        if !lacks(&missing, OF_SUBMITTERS) {
            if let Some((_, until @ None)) = self.gaps.last_mut() {
                *until = Some(now);
            }
            self.checked_at = Some(now);
        } else if !lacks(&self.missing, OF_SUBMITTERS) {
            if self.gaps.len() == GAPS_MAX {
                self.gaps.remove(0);
            }
            // Objects are stamped in whole seconds, so one may lie before the look that it follows.
            let from = self.checked_at.unwrap_or(now).seconds();
            self.gaps.push((Stamp::from_seconds(from), None));
        }
        let is_news = self.missing != missing;
        self.missing = missing;
        is_news
    }

    /// Whether a job that was made then may have any submitter.
    fn was_open(&self, at: Stamp) -> bool {
        let covers = |(from, until): &(Stamp, Option<Stamp>)| {
            at >= *from && until.is_none_or(|until| at <= until)
        };
        self.gaps.iter().any(covers)
    }

    /// A namespace's label was set or changed: believed if a policy judged it.
    pub(super) fn namespace_labelled(&mut self, name: &str) {
        if lacks(&self.missing, OF_NAMESPACES) {
            self.namespaces.insert(name.to_owned());
        } else {
            self.namespaces.remove(name);
        }
    }

    /// Why a job is not believed, if it isn't.
    pub(super) fn doubts(&self, job: &Job, spec: &ComputeJobSpec) -> Option<Reason> {
        let not_allowed = |what| Some(Reason::new(ReasonCode::NotAllowed).about(what));
        let namespace = &job.identity.namespace;
        if is_of_the_system(namespace) {
            return not_allowed(Subject::SystemNamespace {
                namespace: namespace.clone(),
            });
        }
        if self.namespaces.contains(namespace) {
            return not_allowed(Subject::UncheckedNamespace {
                namespace: namespace.clone(),
            });
        }
        if spec.submitter.is_none() || self.was_open(job.identity.created) {
            return not_allowed(Subject::UncheckedSubmitter);
        }
        None
    }
}

fn lacks(missing: &[String], policy: &str) -> bool {
    missing.iter().any(|words| words.contains(policy))
}

/// Namespaces that are never a tenant's, whatever their label says (Q6).
fn is_of_the_system(name: &str) -> bool {
    name == "default"
        || name.starts_with("kube-")
        || name.starts_with(labels::HOME_NAMESPACE_PREFIX)
}

impl Desk {
    /// A look at the policies: while one is missing or altered every job that waits says which.
    pub(super) fn looked(&mut self, missing: Vec<String>) {
        let state = match missing.first() {
            None => LedgerState::Ready,
            Some(first) => LedgerState::Unavailable(first.clone()),
        };
        let now = self
            .ticker
            .clock()
            .to_virtual(self.ticker.clock().real_now());
        if self.guard.look(missing, now) {
            tracing::info!(is_whole = self.guard.is_whole(), "policies");
            self.engine(Event::Ledger(state));
            self.money.retry();
            let waiting = self.jobs.values().filter(|job| job.open.is_none());
            let waiting: Vec<_> = waiting.map(|job| job.uid().clone()).collect();
            for uid in waiting {
                self.tell_engine(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first look of a leader may be the one that finds a policy gone.
    #[test]
    fn what_came_before_the_first_look_is_not_believed_either() {
        let mut guard = Guard::since(Stamp(10_900_000_000));
        guard.look(
            vec!["submitter.edugrid.io is missing".to_owned()],
            Stamp::from_seconds(15),
        );
        assert!(
            guard.was_open(Stamp::from_seconds(10)),
            "stamped in whole seconds"
        );
        assert!(
            !guard.was_open(Stamp::from_seconds(9)),
            "found in place when it began to lead"
        );
    }

    #[test]
    fn what_came_unchecked_is_not_believed() {
        let at = Stamp::from_seconds;
        let lacking = |policy: &str| vec![format!("ValidatingAdmissionPolicy {policy} is missing")];
        let mut guard = Guard::default();
        assert!(!guard.look(vec![], at(10)));
        assert!(guard.look(lacking("ledger-segments.edugrid.io"), at(15)));
        assert!(
            !guard.was_open(at(15)),
            "submitters were checked all the same"
        );
        assert!(guard.look(lacking("stamp-submitter.edugrid.io"), at(20)));
        assert!(
            !guard.look(lacking("stamp-submitter.edugrid.io"), at(30)),
            "no news"
        );
        assert!(guard.was_open(at(15)) && guard.was_open(at(99)) && !guard.was_open(at(14)));
        guard.namespace_labelled("sdu-cs");
        assert!(guard.look(lacking(OF_NAMESPACES), at(40)));
        assert!(guard.was_open(at(40)) && !guard.was_open(at(41)));
        guard.namespace_labelled("lab");
        assert!(guard.look(vec![], at(50)));
        assert_eq!(guard.namespaces, BTreeSet::from(["lab".to_owned()]));
        guard.namespace_labelled("lab");
        assert!(guard.namespaces.is_empty(), "set again, under the policy");
    }

    #[test]
    fn namespaces_of_the_system_are_no_tenants() {
        for (name, is_one) in [
            ("kube-system", true),
            ("default", true),
            ("edugrid-sdu", true),
            ("sdu-cs", false),
            ("defaults", false),
        ] {
            assert_eq!(is_of_the_system(name), is_one, "{name}");
        }
    }
}
