//! What went wrong, in the form that every client of Kubernetes reads: a `Status`.

use std::fmt;

use edugrid_crds::{
    labels,
    visibility::{GROUP, Resource},
};
use hyper::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusDetails};

use super::{front_proxy::Stranger, paging::PageError, query::NotFound};

/// After how many seconds a client may try again.
pub const RETRY_AFTER_SECONDS: i32 = 1;

/// Whether this replica leads, and so knows anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// It looks whether all is in place.
    Starting,
    /// It waits for the lease.
    Standby {
        /// Who holds it, as the lease says.
        leader: Option<String>,
    },
    /// It holds the lease and still replays the journal.
    Opening,
    /// It leads.
    Leading,
}

impl Leadership {
    /// Lets questions through to whoever can answer them.
    ///
    /// # Errors
    /// If this replica doesn't lead.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Leading => Ok(()),
            other => Err(Refusal::NotLeading(other.clone())),
        }
    }
}

/// What it says to whoever asks it for what only a leader knows.
impl fmt::Display for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this replica of edugrid-scheduler ")?;
        match self {
            Self::Starting => f.write_str("is starting, its /readyz says what is missing"),
            Self::Standby { leader: Some(name) } => {
                write!(
                    f,
                    "is a standby and knows no queue, {name} leads: try again"
                )
            }
            Self::Standby { leader: None } => f.write_str(
                "is a standby and knows no queue, nobody leads at the moment: try again",
            ),
            Self::Opening => {
                f.write_str("has just begun to lead and replays the journal: try again")
            }
            Self::Leading => f.write_str("leads"),
        }
    }
}

/// A refusal, before it is put into words for the wire.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller isn't believed.
    #[error("{0}")]
    Stranger(#[from] Stranger),
    /// Nothing is served under that path.
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    /// What is asked about isn't there.
    #[error("{kind}{}{group} \"{name}\" not found: {why}", if group.is_empty() { "" } else { "." })]
    NotFound {
        /// The API group of what is missing.
        group: &'static str,
        /// Its resource.
        kind: &'static str,
        /// The name that was looked for.
        name: String,
        /// Why it isn't there, and what to do.
        why: String,
    },
    /// Something else than reading.
    #[error(
        "{0} is not supported: answers are computed when they are asked for, so get and list are all there is"
    )]
    Method(String),
    /// The resource is not read this way.
    #[error("{resource}.{GROUP} can't be listed so: {way_out}")]
    NoList {
        /// Which resource.
        resource: &'static str,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A query parameter that can't be honoured.
    #[error("{0}")]
    BadRequest(String),
    /// The client reads none of the formats.
    #[error("{0}")]
    NotAcceptable(&'static str),
    /// This replica doesn't lead.
    #[error("{0}")]
    NotLeading(Leadership),
    /// What is asked is not ready.
    #[error("{0}")]
    NotYet(NotFound),
    /// A token of a list that can't be continued.
    #[error("{0}")]
    Expired(PageError),
    /// The loop didn't answer in time.
    #[error(
        "edugrid-scheduler did not answer within {0} s: it is busy or stopping, try again later"
    )]
    Late(u64),
    /// An answer that can't be written as JSON.
    #[error("the answer can't be written: {0}, report it")]
    Broken(String),
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Limit(_) | PageError::Token(_) => Self::BadRequest(error.to_string()),
            PageError::Expired => Self::Expired(error),
        }
    }
}

impl Refusal {
    /// The loop's answer to a question about `name` of `resource`.
    pub fn not_found(resource: &'static Resource, name: &str, why: &NotFound) -> Self {
        let (group, kind, name) = match why {
            NotFound::NotYet(_) => return Self::NotYet(why.clone()),
            NotFound::Namespace(namespace) => ("", "namespaces", namespace.as_str()),
            NotFound::Tenant(tenant) => (labels::GROUP, "tenants", tenant.as_str()),
            NotFound::Job { .. } | NotFound::Month { .. } | NotFound::Archived { .. } => {
                (GROUP, resource.plural, name)
            }
        };
        Self::NotFound {
            group,
            kind,
            name: name.to_owned(),
            why: why.to_string(),
        }
    }

    /// The HTTP status.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Stranger(_) => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath | Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method(_) | Self::NoList { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::Expired(_) => StatusCode::GONE,
            Self::NotLeading(_) | Self::NotYet(_) | Self::Late(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same question is answered a little later, by this replica or another.
    pub fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::NotLeading(_) | Self::NotYet(_) | Self::Late(_))
    }

    /// Kubernetes' word for it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Stranger(_) => "Unauthorized",
            Self::NoSuchPath | Self::NotFound { .. } => "NotFound",
            Self::Method(_) | Self::NoList { .. } => "MethodNotAllowed",
            Self::BadRequest(_) => "BadRequest",
            Self::NotAcceptable(_) => "NotAcceptable",
            Self::Expired(_) => "Expired",
            Self::NotLeading(_) | Self::NotYet(_) | Self::Late(_) => "ServiceUnavailable",
            Self::Broken(_) => "InternalError",
        }
    }

    /// The `Status` on the wire.
    pub fn status(&self) -> Status {
        let details = match self {
            Self::NotFound {
                group, kind, name, ..
            } => Some(StatusDetails {
                group: Some((*group).to_owned()),
                kind: Some((*kind).to_owned()),
                name: Some(name.clone()),
                ..StatusDetails::default()
            }),
            _ if self.is_worth_another_try() => Some(StatusDetails {
                retry_after_seconds: Some(RETRY_AFTER_SECONDS),
                ..StatusDetails::default()
            }),
            _ => None,
        };
        Status {
            code: Some(i32::from(self.code().as_u16())),
            status: Some("Failure".to_owned()),
            reason: Some(self.reason().to_owned()),
            message: Some(self.to_string()),
            details,
            ..Status::default()
        }
    }
}
