//! From a path to a question, and from the loop's answer to what was asked for.
//!
//! Pure: no connection, no caller. Every path that clients of Kubernetes ask for is spelled
//! here once.

use edugrid_crds::{
    labels::{HOME_NAMESPACE_PREFIX, RESERVED_TENANT_NAME},
    visibility::{
        API_VERSION, EXPLANATIONS, GROUP, QUEUED_JOBS, RESOURCES, Resource, STATEMENTS,
        TENANT_METRICS, TENANT_USES,
    },
};
use edugrid_units::TenantName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    paging::Page,
    query::{NotFound, Query, Reply, Select},
    status::Refusal,
    table::Answer,
};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Whether the process is there.
    Health,
    /// All groups.
    Groups,
    /// Our group.
    Group,
    /// The resources of our version.
    Resources,
    /// The old description of all.
    OpenApiV2,
    /// The index of the new descriptions.
    OpenApiV3,
    /// The new description of our version.
    OpenApiV3Version,
    /// Something to read.
    Read(Target),
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which resource.
    pub resource: &'static Resource,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<String>,
    /// The one; `None`: all of them.
    pub name: Option<String>,
}

impl Route {
    /// Reads a path. Names of Kubernetes need no percent signs, so a path with one leads
    /// nowhere.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match parts.as_slice() {
            ["healthz" | "livez" | "readyz"] => Self::Health,
            ["apis"] => Self::Groups,
            ["apis", GROUP] => Self::Group,
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3,
            ["openapi", "v3", rest @ ..] if is_version(rest) => Self::OpenApiV3Version,
            [apis, group, version] if is_version(&[apis, group, version]) => Self::Resources,
            [apis, group, version, rest @ ..] if is_version(&[apis, group, version]) => {
                Self::Read(Target::parse(rest)?)
            }
            _ => return None,
        })
    }
}

/// Whether these parts are `apis/visibility.edugrid.io/v1alpha1`.
fn is_version(parts: &[&str]) -> bool {
    match parts {
        ["apis", group, version] => format!("{group}/{version}") == API_VERSION,
        _ => false,
    }
}

impl Target {
    fn parse(parts: &[&str]) -> Option<Self> {
        let (plural, namespace, name) = match parts {
            ["namespaces", namespace, plural] => (plural, Some(*namespace), None),
            ["namespaces", namespace, plural, name] => (plural, Some(*namespace), Some(*name)),
            [plural] => (plural, None, None),
            _ => return None,
        };
        let resource = RESOURCES
            .iter()
            .find(|resource| resource.plural == *plural)?;
        let plain = |text: &str| !text.is_empty() && !text.contains('%');
        if !namespace.is_none_or(plain) || !name.is_none_or(plain) {
            return None;
        }
        Some(Self {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        })
    }

    /// The tenant whose metrics are asked for, which are no object and no question to the
    /// loop. None: something else is asked for.
    ///
    /// # Errors
    /// If no tenant is named, or another one than that whose home it is.
    pub fn metrics(&self) -> Result<Option<TenantName>, Refusal> {
        if *self.resource != TENANT_METRICS {
            return Ok(None);
        }
        let (Some(namespace), Some(name)) = (&self.namespace, &self.name) else {
            return Err(Refusal::NoList {
                resource: self.resource.plural,
                way_out: "name one tenant in its home, as in \
                          namespaces/edugrid-<tenant>/tenantmetrics/<tenant>",
            });
        };
        let tenant = self.home(namespace)?;
        if name == tenant.as_str() {
            Ok(Some(tenant))
        } else {
            let why = format!("the home of tenant \"{tenant}\" has only \"{tenant}\"");
            Err(self.not_found(name, why))
        }
    }

    /// The question that its answer needs. Where one is asked for by its name, `page` and
    /// `select` have no meaning.
    ///
    /// # Errors
    /// If it can't be read in this way, or the namespace is no tenant's home.
    pub fn query(&self, page: Page, select: Select) -> Result<Query, Refusal> {
        let no_list = |way_out| Refusal::NoList {
            resource: self.resource.plural,
            way_out,
        };
        // The one that is asked for may stand anywhere in its list.
        let page = match self.name {
            Some(_) => Page::whole(),
            None => page,
        };
        match (*self.resource, &self.namespace, &self.name) {
            (QUEUED_JOBS, Some(namespace), Some(name)) => Ok(Query::Job {
                namespace: namespace.clone(),
                name: name.clone(),
            }),
            (QUEUED_JOBS, namespace, _) => Ok(Query::Queue {
                namespace: namespace.clone(),
                select,
                page,
            }),
            (EXPLANATIONS, Some(namespace), Some(name)) => Ok(Query::Explain {
                namespace: namespace.clone(),
                name: name.clone(),
            }),
            (EXPLANATIONS, _, _) => Err(no_list("name one job, or list queuedjobs")),
            (STATEMENTS, None, _) => Err(no_list("name one tenant's home, -n edugrid-<tenant>")),
            (STATEMENTS, Some(namespace), name) => {
                let tenant = self.home(namespace)?;
                Ok(match name {
                    None => Query::Statements { tenant, page },
                    Some(month) => Query::Statement {
                        tenant,
                        month: month.clone(),
                    },
                })
            }
            (resource, namespace, _) => {
                let home = namespace.as_deref().map(|it| self.home(it)).transpose()?;
                Ok(if resource == TENANT_USES {
                    Query::TenantUses { home, page }
                } else {
                    // The last resource that the loop answers for.
                    Query::VoucherUses { home, page }
                })
            }
        }
    }

    /// The tenant whose home this namespace is.
    fn home(&self, namespace: &str) -> Result<TenantName, Refusal> {
        namespace
            .strip_prefix(HOME_NAMESPACE_PREFIX)
            .filter(|tenant| !tenant.is_empty() && *tenant != RESERVED_TENANT_NAME)
            .map(TenantName::from)
            .ok_or_else(|| Refusal::NotFound {
                group: "",
                kind: "namespaces",
                name: namespace.to_owned(),
                why: format!(
                    "it is no tenant's home, {} stand in {HOME_NAMESPACE_PREFIX}<tenant>",
                    self.resource.plural,
                ),
            })
    }

    fn not_found(&self, name: &str, why: String) -> Refusal {
        let kind = self.resource.plural;
        Refusal::NotFound {
            group: GROUP,
            kind,
            name: name.to_owned(),
            why,
        }
    }

    /// What was asked for, out of the loop's answer.
    ///
    /// # Errors
    /// If the one that was asked for isn't among them.
    pub fn pick(&self, reply: Result<Reply, NotFound>) -> Result<Answer, Refusal> {
        let asked = self.name.as_deref().unwrap_or_default();
        let reply = reply.map_err(|why| Refusal::not_found(self.resource, asked, &why))?;
        match (reply, &self.name) {
            (Reply::Queue(list), _) => Ok(Answer::Queue(list)),
            (Reply::Job(job), _) => Ok(Answer::Job(job)),
            (Reply::TenantUses(list), None) => Ok(Answer::TenantUses(list)),
            (Reply::VoucherUses(list), None) => Ok(Answer::VoucherUses(list)),
            (Reply::TenantUses(list), Some(name)) => {
                let tenant = named(list.items, name, |tenant| &tenant.metadata);
                let tenant = tenant.map(|tenant| Answer::TenantUse(Box::new(tenant)));
                tenant.ok_or_else(|| self.absent(name, "no tenant of that name there"))
            }
            (Reply::VoucherUses(list), Some(name)) => {
                let voucher = named(list.items, name, |voucher| &voucher.metadata);
                let voucher = voucher.map(|voucher| Answer::VoucherUse(Box::new(voucher)));
                voucher.ok_or_else(|| self.absent(name, "no voucher of that name there"))
            }
            (Reply::Explanation(explanation), _) => Ok(Answer::Explanation(explanation)),
            (Reply::Statements(list), _) => Ok(Answer::Statements(list)),
            (Reply::Statement(statement), _) => Ok(Answer::Statement(statement)),
        }
    }

    fn absent(&self, name: &str, why: &str) -> Refusal {
        self.not_found(name, why.to_owned())
    }
}

/// The one of that name.
fn named<T>(items: Vec<T>, name: &str, metadata: fn(&T) -> &ObjectMeta) -> Option<T> {
    let mut items = items.into_iter();
    items.find(|item| metadata(item).name.as_deref() == Some(name))
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
