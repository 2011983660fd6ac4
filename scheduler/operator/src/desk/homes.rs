//! The tenants as their objects declare them, and their homes: the namespaces in which rights
//! on a tenant are granted (API.md). A home's binding names who administers the tenant or one
//! above it. Knows nothing of quota, which is the engine's.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_crds::{
    Tenant, labels,
    tenant::{DisplayName, Subject, SubjectKind, TenantLevel},
};
use edugrid_units::{Seconds, Stamp, TenantName};
use serde_json::{Value, json};

use crate::{
    translate::tenancy,
    writes::{Answer, HOME_BINDING, Write},
};

/// The operator's service account. Whoever names it an administrator gives it nothing: a
/// policy refuses the whole binding, and the others named would wait for their rights.
const OPERATOR_ACCOUNT: &str = "edugrid-scheduler";
/// A home that could not be kept is tried again after so long, in real time.
const TRY_AGAIN_AFTER: Seconds = Seconds(10);

/// What is remembered of tenants beside the engine's own.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    pub(super) known: BTreeMap<String, Known>,
    /// Tenants whose home namespace exists, whether they do or not.
    homes: BTreeSet<String>,
    /// Something changed that a home may have to follow.
    due: bool,
    /// When, in real time, those that failed are tried again.
    again: Option<Stamp>,
}

/// What is remembered of one tenant.
#[derive(Debug)]
pub(super) struct Known {
    uid: String,
    parent: Option<String>,
    level: Option<TenantLevel>,
    display_name: Option<DisplayName>,
    pub(super) generation: Option<i64>,
    admins: Vec<Subject>,
    /// Why its object can't be read.
    pub(super) bad: Option<String>,
    pub(super) not_acted_on: Vec<&'static str>,
    /// What its status was told last.
    pub(super) told: Option<Value>,
    /// The binding that its home was given last.
    home: Option<Value>,
    /// Why its home isn't as it should be.
    pub(super) home_fault: Option<String>,
}

impl Known {
    /// What a tenant that hangs in the tree has to be told all the same.
    pub(super) fn remarks(&self) -> Vec<String> {
        let fields = self.not_acted_on.join(", ");
        let ignored =
            (!fields.is_empty()).then(|| format!("this version does not act on {fields}"));
        let fault = self.home_fault.as_ref();
        let home = fault.map(|why| format!("its home namespace is not as it should be: {why}"));
        ignored.into_iter().chain(home).collect()
    }
}

impl Tenants {
    pub(super) fn set(&mut self, name: &str, tenant: &Tenant, bad: Option<String>) {
        let uid = tenant.metadata.uid.clone().unwrap_or_default();
        let old = self.known.remove(name).filter(|old| old.uid == uid);
        let (told, home, home_fault) = old.map_or((None, None, None), |old| {
            (old.told, old.home, old.home_fault)
        });
        let known = Known {
            uid,
            parent: tenant.spec.parent.clone(),
            level: tenant.spec.level,
            display_name: tenant.spec.display_name.clone(),
            generation: tenant.metadata.generation,
            admins: tenant.spec.admins.clone(),
            bad,
            not_acted_on: tenancy::not_acted_on(&tenant.spec),
            told,
            home,
            home_fault,
        };
        self.known.insert(name.to_owned(), known);
        self.due = true;
    }

    /// Whether it was that one that is gone, and not one of the same name before it.
    pub(super) fn remove(&mut self, name: &str, uid: &str) -> bool {
        let is_it = self.known.get(name).is_some_and(|known| known.uid == uid);
        if is_it {
            self.known.remove(name);
        }
        self.due = true;
        is_it
    }

    /// From the tenant to the root; `None` if it hangs in no tree.
    pub(super) fn path(&self, name: &str) -> Option<Vec<TenantName>> {
        let mut path = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next {
            // Longer than there are tenants: it goes in a circle.
            if path.len() > self.known.len() {
                return None;
            }
            let known = self.known.get(&name)?;
            path.push(name.into());
            next = known.parent.clone();
        }
        Some(path)
    }

    /// What people call a tenant: its level and its names.
    pub(super) fn called(&self, name: &str) -> (Option<TenantLevel>, Option<DisplayName>) {
        let known = self.known.get(name);
        known.map_or((None, None), |known| {
            (known.level, known.display_name.clone())
        })
    }

    /// All tenants, by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Whether there is such a tenant.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    pub(super) fn forget_told(&mut self, name: &str) {
        if let Some(known) = self.known.get_mut(name) {
            known.told = None;
        }
    }

    /// A namespace is there or gone; if it is a home, the bindings in it may be missing.
    pub(super) fn see_namespace(&mut self, name: &str, is_there: bool) {
        let tenant = name.strip_prefix(labels::HOME_NAMESPACE_PREFIX);
        let Some(tenant) = tenant.filter(|_| name != labels::SYSTEM_NAMESPACE) else {
            return;
        };
        if is_there {
            self.due |= self.homes.insert(tenant.to_owned()) && !self.contains(tenant);
        } else if self.homes.remove(tenant) {
            if let Some(known) = self.known.get_mut(tenant) {
                known.home = None;
            }
            self.due = true;
        }
    }

    pub(super) fn home_kept(&mut self, tenant: &str, answer: &Answer, real: Stamp) {
        let fault = match answer {
            Answer::Stands(_) => None,
            Answer::Refused(words) | Answer::Failed(words) => Some(words.clone()),
            Answer::Gone | Answer::Conflict | Answer::Outranked(_) => {
                Some("the namespace is being deleted".to_owned())
            }
        };
        if fault.is_some() {
            tracing::warn!(tenant, ?answer, "home namespace not kept, trying again");
            self.again = Some(real.after(TRY_AGAIN_AFTER));
        }
        if let Some(known) = self.known.get_mut(tenant) {
            if fault.is_some() {
                known.home = None;
            }
            known.home_fault = fault;
        }
    }

    /// Rights were taken out of a home. A tenant that got the name meanwhile gives its own.
    pub(super) fn home_left(&mut self, tenant: &str) {
        if let Some(known) = self.known.get_mut(tenant) {
            known.home = None;
            self.due = true;
        }
    }

    /// What keeps the homes as they should be: each tenant's with its administrators, and
    /// nobody's rights where the tenant is gone, since another may get its name.
    pub(super) fn homes(&mut self, real: Stamp) -> Vec<Write> {
        if self.again.is_some_and(|again| real >= again) {
            self.again = None;
            self.due = true;
        }
        if !std::mem::take(&mut self.due) {
            return Vec::new();
        }
        let names: Vec<String> = self.known.keys().cloned().collect();
        let mut writes = Vec::new();
        for name in names {
            let Some(admins) = self.admins(&name) else {
                continue;
            };
            let binding = binding(&name, &admins);
            let Some(known) = self.known.get_mut(&name) else {
                continue;
            };
            if known.home.as_ref() != Some(&binding) {
                known.home = Some(binding.clone());
                writes.push(Write::Home {
                    tenant: name,
                    binding,
                });
            }
        }
        let left = self.homes.iter().filter(|name| !self.contains(name));
        let left: Vec<String> = left.cloned().collect();
        for tenant in left {
            // Told once: it comes back with its namespace, or with a tenant of its name.
            self.homes.remove(&tenant);
            writes.push(Write::LeaveHome { tenant });
        }
        writes
    }

    /// Those of the tenant and of all above it; `None` if it hangs in no tree.
    fn admins(&self, name: &str) -> Option<Vec<Subject>> {
        let path = self.path(name)?;
        let above = path
            .iter()
            .filter_map(|tenant| self.known.get(tenant.as_str()));
        let mut admins: Vec<Subject> = Vec::new();
        for subject in above.flat_map(|known| &known.admins) {
            if !is_operator(subject) && !admins.contains(subject) {
                admins.push(subject.clone());
            }
        }
        Some(admins)
    }
}

fn is_operator(subject: &Subject) -> bool {
    let namespace = labels::SYSTEM_NAMESPACE;
    match subject.kind {
        SubjectKind::ServiceAccount => {
            subject.name == OPERATOR_ACCOUNT && subject.namespace.as_deref() == Some(namespace)
        }
        SubjectKind::User | SubjectKind::Group => {
            subject.name == format!("system:serviceaccount:{namespace}:{OPERATOR_ACCOUNT}")
        }
    }
}

/// The role binding of a home: who administers a tenant or one above it may manage it.
fn binding(tenant: &str, admins: &[Subject]) -> Value {
    let subject = |subject: &Subject| match subject.kind {
        SubjectKind::ServiceAccount => json!({
            "kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace,
        }),
        SubjectKind::User => {
            json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": subject.name})
        }
        SubjectKind::Group => {
            json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": subject.name})
        }
    };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": HOME_BINDING, "namespace": labels::home_namespace(tenant)},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": HOME_BINDING,
        },
        "subjects": admins.iter().map(subject).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
#[path = "homes_tests.rs"]
mod tests;
