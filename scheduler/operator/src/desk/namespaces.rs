//! Whose a namespace is. Its label says it (Q6), and a changed label takes effect only when
//! the namespace has no unfinished job: until then all in it count where they counted
//! (API.md). Taking the label away admits nothing more at once.

use std::collections::BTreeSet;

use edugrid_crds::labels;
use edugrid_units::{Admission, JobUid, TenantName};
use k8s_openapi::api::core::v1::Namespace;

use super::Desk;
use crate::watch::Seen;

/// Label by which a namespace declares its Pod Security level.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

/// A namespace, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamespaceFacts {
    /// The tenant that its label names.
    pub(super) label: Option<TenantName>,
    /// The tenant whose it is.
    pub(super) tenant: Option<TenantName>,
    /// Whether Pod Security holds there.
    pub(super) restricted: bool,
    /// Whether it is being deleted: nothing can be made there any more.
    pub(super) going: bool,
}

/// Namespaces whose label waits for their unfinished jobs.
pub(super) type Rebinding = BTreeSet<String>;

impl Desk {
    pub(super) fn see_namespace(&mut self, seen: Seen<Namespace>) {
        let (name, mut facts) = match seen {
            Seen::There(namespace) => {
                let label = |key| namespace.metadata.labels.as_ref()?.get(key).cloned();
                let tenant = label(labels::TENANT).map(TenantName::from);
                let facts = NamespaceFacts {
                    label: tenant.clone(),
                    tenant,
                    restricted: matches!(
                        label(POD_SECURITY).as_deref(),
                        Some("baseline" | "restricted")
                    ),
                    going: namespace.metadata.deletion_timestamp.is_some(),
                };
                let name = namespace.metadata.name.unwrap_or_default();
                self.tenants.see_namespace(&name, true);
                (name, facts)
            }
            Seen::Gone { name, .. } => {
                self.tenants.see_namespace(&name, false);
                (name, NamespaceFacts::default())
            }
            Seen::Synced => return,
        };
        let before = self.namespaces.get(&name);
        if self.is_synced() && before.map(|before| &before.label) != Some(&facts.label) {
            self.guard.namespace_labelled(&name);
        }
        let bound = before.and_then(|before| before.tenant.clone());
        if bound.is_some() && bound != facts.label && self.has_unfinished(&name) {
            facts.tenant = bound;
            self.rebinding.insert(name.clone());
        } else {
            self.rebinding.remove(&name);
        }
        if self.namespaces.get(&name) != Some(&facts) {
            self.namespaces.insert(name.clone(), facts);
            self.retell_namespace(&name);
        }
    }

    /// Once a tick: labels take effect where the last job has ended.
    pub(super) fn rebind_namespaces(&mut self) {
        for name in std::mem::take(&mut self.rebinding) {
            if self.has_unfinished(&name) {
                self.rebinding.insert(name);
            } else if let Some(facts) = self.namespaces.get_mut(&name) {
                tracing::info!(namespace = name, tenant = ?facts.label, "the label takes effect");
                facts.tenant.clone_from(&facts.label);
            }
        }
    }

    /// What a job that is told for the first time, after a restart, says of its namespace:
    /// while it is unfinished the namespace is still that of its last admission.
    pub(super) fn recall_namespace(&mut self, uid: &JobUid) {
        let Some(job) = self.jobs.get(uid).filter(|job| !job.is_over()) else {
            return;
        };
        let Some(tenant) = job.last.as_deref().and_then(Admission::tenant).cloned() else {
            return;
        };
        let name = job.identity.namespace.clone();
        let facts = self.namespaces.entry(name.clone()).or_default();
        if facts.tenant.as_ref() != Some(&tenant) {
            facts.tenant = Some(tenant);
            self.rebinding.insert(name.clone());
            self.retell_namespace(&name);
        }
    }

    fn has_unfinished(&self, namespace: &str) -> bool {
        self.jobs
            .values()
            .any(|job| job.identity.namespace == namespace && !job.is_over())
    }

    fn retell_namespace(&mut self, name: &str) {
        let inside = self
            .jobs
            .values()
            .filter(|job| job.identity.namespace == name);
        let inside: Vec<JobUid> = inside.map(|job| job.uid().clone()).collect();
        for uid in inside {
            self.tell_engine(&uid);
        }
    }
}
