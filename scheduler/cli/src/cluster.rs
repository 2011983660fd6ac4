//! The way to the API server: connection, requests, and what its refusals mean.

use std::time::Duration;

use edugrid_crds::visibility::{
    API_VERSION, GROUP, QueuedJobList, Resource, TenantUseList, VoucherUseList,
};
use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    core::{
        Status,
        params::{GetParams, ListParams},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    arguments::Connection,
    failure::{Elsewhere, Failure},
};

/// How often a standby's answer is taken for "try again".
const TRIES: u32 = 6;
/// The longest pause between two tries, whatever the server asks for.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A cluster, seen with the rights of the kubeconfig's user.
pub struct Cluster {
    client: Client,
    /// Where commands look when no namespace is named.
    pub namespace: String,
}

/// What is to be read, and which role lets one read it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The resource.
    pub resource: &'static Resource,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<&'a str>,
    /// The one; `None`: all of them.
    pub name: Option<&'a str>,
    /// The ClusterRole that allows it when bound in that namespace.
    pub role: &'static str,
    /// Where to look when it isn't there.
    pub elsewhere: Elsewhere,
}

impl Cluster {
    /// Reads the kubeconfig and gets ready to ask.
    ///
    /// # Errors
    /// If there is no usable kubeconfig.
    pub async fn connect(connection: &Connection) -> Result<Self, Failure> {
        let mut config = config(connection).await?;
        if let Some(user) = &connection.impersonate {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = Some(connection.impersonate_groups.clone());
        }
        if let Some(namespace) = &connection.namespace {
            config.default_namespace.clone_from(namespace);
        }
        // A person waits: tries are few, and ours.
        config.default_retry = false;
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config);
        let client = client.map_err(|error| Failure::Kubeconfig(chain(&error)))?;
        Ok(Self { client, namespace })
    }

    /// The client, for whoever reads other things than answers.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends an object to be created at `path`, or tried there.
    ///
    /// # Errors
    /// As the client has it: only the caller knows what a refusal means.
    pub async fn post(&self, path: &str, object: &Value) -> kube::Result<Value> {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    /// Reads one answer of the visibility API, or one page of a list.
    ///
    /// # Errors
    /// Whatever the API server or the operator says against it, in words for people.
    pub async fn read<T: DeserializeOwned>(&self, wanted: Wanted<'_>) -> Result<T, Failure> {
        self.page(wanted, &ListParams::default()).await
    }

    /// Reads a list page by page, until it ends or has `most` answers.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_list<T: Paged>(
        &self,
        wanted: Wanted<'_>,
        most: Option<u32>,
    ) -> Result<T, Failure> {
        let mut params = ListParams {
            limit: most,
            ..ListParams::default()
        };
        let mut list: T = self.page(wanted, &params).await?;
        loop {
            let rest = most.map(|most| {
                let have = u32::try_from(list.len()).unwrap_or(u32::MAX);
                most.saturating_sub(have)
            });
            let token = list.metadata().continue_.clone();
            let token = token.filter(|token| !token.is_empty() && rest != Some(0));
            let Some(token) = token else {
                if let Some(most) = most {
                    list.cut(usize::try_from(most).unwrap_or(usize::MAX));
                }
                return Ok(list);
            };
            params.limit = rest;
            params.continue_token = Some(token);
            list.append(self.page(wanted, &params).await?);
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        wanted: Wanted<'_>,
        params: &ListParams,
    ) -> Result<T, Failure> {
        let path = kube::core::Request::new(wanted.path());
        let mut tries = 1;
        loop {
            let request = match wanted.name {
                Some(name) => path.get(name, &GetParams::default()),
                None => path.list(params),
            };
            let request = request.map_err(|error| Failure::Refused(error.to_string()))?;
            match self.client.request::<T>(request).await {
                Ok(answer) => return Ok(answer),
                Err(kube::Error::Api(status)) if tries < TRIES && pause(&status).is_some() => {
                    tokio::time::sleep(pause(&status).unwrap_or_default()).await;
                    tries += 1;
                }
                Err(error) => return Err(wanted.failure(&error)),
            }
        }
    }
}

/// A list that comes in pages.
pub trait Paged: DeserializeOwned {
    /// Where it goes on, and how much is left.
    fn metadata(&self) -> &ListMeta;
    /// How many answers it has.
    fn len(&self) -> usize;
    /// Takes in the next page.
    fn append(&mut self, next: Self);
    /// Keeps the first `most` answers and counts the others as left: an operator that knows no
    /// pages answers with all.
    fn cut(&mut self, most: usize);
}

macro_rules! paged {
    ($($list:ty),*) => {$(
        impl Paged for $list {
            fn metadata(&self) -> &ListMeta {
                &self.metadata
            }

            fn len(&self) -> usize {
                self.items.len()
            }

            fn append(&mut self, next: Self) {
                self.items.extend(next.items);
                self.metadata = next.metadata;
            }

            fn cut(&mut self, most: usize) {
                let over = self.items.len().saturating_sub(most);
                if over > 0 {
                    self.items.truncate(most);
                    let over = i64::try_from(over).unwrap_or(i64::MAX);
                    let left = self.metadata.remaining_item_count.unwrap_or(0);
                    self.metadata.remaining_item_count = Some(left.saturating_add(over));
                }
            }
        }
    )*};
}
paged!(QueuedJobList, TenantUseList, VoucherUseList);

async fn config(connection: &Connection) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &connection.kubeconfig {
        Some(path) => match Kubeconfig::read_from(path) {
            Ok(file) => Config::from_custom_kubeconfig(file, &options).await,
            Err(error) => Err(error),
        },
        None if connection.context.is_some() => Config::from_kubeconfig(&options).await,
        None => {
            let inferred = Config::infer().await;
            return inferred.map_err(|error| Failure::Kubeconfig(chain(&error)));
        }
    };
    config.map_err(|error| Failure::Kubeconfig(chain(&error)))
}

/// How long to wait before another replica is asked; `None`: it is no use.
fn pause(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (status.code == 503 && seconds > 0)
        .then(|| Duration::from_secs(u64::from(seconds)).min(PAUSE_MAX))
}

impl Wanted<'_> {
    /// The path without the name.
    fn path(&self) -> String {
        let plural = self.resource.plural;
        match self.namespace {
            Some(namespace) => format!("/apis/{API_VERSION}/namespaces/{namespace}/{plural}"),
            None => format!("/apis/{API_VERSION}/{plural}"),
        }
    }

    fn failure(&self, error: &kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => self.refused(status),
            other => failure(other),
        }
    }

    fn refused(&self, status: &Status) -> Failure {
        match status.code {
            403 => Failure::NoAccess {
                verb: if self.name.is_some() { "get" } else { "list" },
                resource: format!("{}.{GROUP}", self.resource.plural),
                namespace: self.namespace.map(str::to_owned),
                role: self.role,
            },
            // The API server itself has no such path; the operator would name what is missing.
            404 if status
                .details
                .as_ref()
                .is_none_or(|details| details.kind.is_empty()) =>
            {
                Failure::NotServed(API_VERSION.to_owned())
            }
            404 => Failure::NotFound {
                message: status.message.clone(),
                elsewhere: self.elsewhere,
            },
            _ => general(status),
        }
    }
}

/// A refusal that means the same for everything that is read.
pub fn general(status: &Status) -> Failure {
    match status.code {
        401 => Failure::Unknown(status.message.clone()),
        503 | 504 => Failure::Unavailable(status.message.clone()),
        _ => Failure::Refused(status.message.clone()),
    }
}

/// What keeps a request from being answered at all.
pub fn failure(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => general(status),
        kube::Error::Auth(error) => Failure::Unknown(chain(error)),
        kube::Error::SerdeError(error) => Failure::Print(error.to_string()),
        other => Failure::NoAnswer(chain(other)),
    }
}

/// An error with all its causes, each only where it says something new.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_crds::visibility::{QUEUED_JOBS, STATEMENTS};
    use edugrid_units::Language;
    use kube::core::response::StatusDetails;

    const QUEUE: Wanted<'static> = Wanted {
        resource: &QUEUED_JOBS,
        namespace: Some("sdu-cs"),
        name: None,
        role: "edugrid-user",
        elsewhere: Elsewhere::Namespaces,
    };

    fn status(code: u16, message: &str) -> Status {
        Status {
            code,
            message: message.to_owned(),
            ..Status::default()
        }
    }

    fn details(kind: &str, retry_after_seconds: u32) -> StatusDetails {
        let nothing = String::new;
        StatusDetails {
            name: nothing(),
            group: nothing(),
            kind: kind.to_owned(),
            uid: nothing(),
            causes: Vec::new(),
            retry_after_seconds,
        }
    }

    #[test]
    fn paths() {
        let base = "/apis/visibility.edugrid.io/v1alpha1";
        assert_eq!(QUEUE.path(), format!("{base}/namespaces/sdu-cs/queuedjobs"));
        let all = Wanted {
            namespace: None,
            ..QUEUE
        };
        assert_eq!(all.path(), format!("{base}/queuedjobs"));
        let months = Wanted {
            resource: &STATEMENTS,
            namespace: Some("edugrid-sdu"),
            ..QUEUE
        };
        assert_eq!(
            months.path(),
            format!("{base}/namespaces/edugrid-sdu/statements")
        );
    }

    #[test]
    fn a_list_is_cut_and_says_by_how_much() {
        let age = crate::samples::age();
        let job = |name| {
            edugrid_crds::visibility::QueuedJob::new(
                age.clone(),
                "ns",
                name,
                edugrid_crds::visibility::QueuePhase::Waiting,
            )
        };
        let mut list = QueuedJobList::new(age.clone(), vec![job("a"), job("b"), job("c")]);
        list.cut(3);
        assert_eq!((list.len(), list.metadata.remaining_item_count), (3, None));
        list.metadata.remaining_item_count = Some(4);
        list.cut(1);
        assert_eq!(
            (list.len(), list.metadata.remaining_item_count),
            (1, Some(6))
        );
    }

    #[test]
    fn no_access_names_namespace_and_role() {
        assert_eq!(
            QUEUE
                .refused(&status(403, "forbidden"))
                .told(Language::English),
            "error: you may not list queuedjobs.visibility.edugrid.io in namespace \"sdu-cs\"\n\
             hint: ask who manages it for a RoleBinding there to ClusterRole edugrid-user",
        );
        let all = Wanted {
            namespace: None,
            role: "edugrid-operator-admin",
            ..QUEUE
        };
        assert_eq!(
            all.refused(&status(403, "forbidden"))
                .told(Language::English),
            "error: you may not list queuedjobs.visibility.edugrid.io in all namespaces\n\
             hint: ask who manages it for a ClusterRoleBinding to ClusterRole \
             edugrid-operator-admin",
        );
    }

    #[test]
    fn not_installed_is_not_the_same_as_not_there() {
        let refused = QUEUE.refused(&status(404, "404 page not found"));
        assert!(matches!(refused, Failure::NotServed(_)));
        assert_eq!(refused.code(), 1);
        let mut missing = status(404, "namespaces \"sdu-cs\" not found");
        missing.details = Some(details("namespaces", 0));
        let refused = QUEUE.refused(&missing);
        assert_eq!(refused.code(), 4);
        assert_eq!(
            refused.told(Language::English),
            "error: namespaces \"sdu-cs\" not found\nhint: name a namespace with -n, or all with -A"
        );
    }

    #[test]
    fn a_standby_is_asked_again_and_a_stopped_operator_is_not() {
        let mut standby = status(503, "standby");
        assert_eq!(pause(&standby), None);
        standby.details = Some(details("", 60));
        assert_eq!(pause(&standby), Some(PAUSE_MAX));
        assert!(matches!(QUEUE.refused(&standby), Failure::Unavailable(_)));
    }
}
