//! The desk: takes a request whose caller is known, asks the operator's loop and puts the
//! answer into the form that was asked for.
//!
//! Contract: at most one question per request; an answer or a refusal within [`LIMIT`];
//! discovery never waits for the loop. Must not know: TLS, sockets.

use edugrid_crds::visibility::TENANT_METRICS;
use edugrid_units::{Language, TenantName};
use hyper::{Method, StatusCode, Uri};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, timeout},
};

use super::{
    discovery,
    front_proxy::{Caller, Stranger},
    media::accepts,
    parameters,
    query::{Asked, NotFound, Query, Reply},
    route::{Route, Target},
    status::{Leadership, Refusal},
    table::TABLE,
};
use crate::metrics::{Format, Metrics};

/// How long a caller waits for the loop, its queue included.
pub const LIMIT: Duration = Duration::from_secs(5);

const JSON: &str = "application/json";

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub code: StatusCode,
    /// The media type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the same question is answered a little later, perhaps by another replica.
    pub try_again: bool,
}

/// Where questions go, and whether this replica can answer them.
#[derive(Clone, Debug)]
pub struct Desk {
    /// To the loop.
    pub questions: mpsc::Sender<Asked>,
    /// Whether this replica leads, and who does if it doesn't.
    pub leadership: watch::Receiver<Leadership>,
    /// The language of sentences in tables.
    pub language: Language,
    /// What was counted, for tenants' metrics.
    pub metrics: Metrics,
    /// How long to wait for the loop; [`LIMIT`] but in tests.
    pub limit: Duration,
}

impl Desk {
    /// Answers one request.
    pub async fn serve(
        &self,
        caller: Result<Caller, Stranger>,
        method: &Method,
        uri: &Uri,
        accept: &str,
    ) -> Page {
        match self.answer(caller, method, uri, accept).await {
            Ok(page) => page,
            Err(refusal) => refused(&refusal),
        }
    }

    async fn answer(
        &self,
        caller: Result<Caller, Stranger>,
        method: &Method,
        uri: &Uri,
        accept: &str,
    ) -> Result<Page, Refusal> {
        let route = Route::parse(uri.path());
        // A probe has no front proxy between, and learns nothing.
        if route == Some(Route::Health) {
            return Ok(plain("text/plain; charset=utf-8", b"ok".to_vec()));
        }
        let caller = caller?;
        tracing::debug!(user = caller.user, %method, path = uri.path(), "asked");
        let route = route.ok_or(Refusal::NoSuchPath)?;
        if method != Method::GET && method != Method::HEAD {
            return Err(Refusal::Method(method.to_string()));
        }
        match route {
            Route::Read(target) => self.read(&target, uri, accept).await,
            constant => Ok(document(&constant, accept)),
        }
    }

    async fn read(&self, target: &Target, uri: &Uri, accept: &str) -> Result<Page, Refusal> {
        let parameters::Asked {
            include,
            page: wanted,
            select,
        } = parameters::Asked::parse(target, uri)?;
        if let Some(tenant) = target.metrics()? {
            return self.tenant_metrics(&tenant, accept).await;
        }
        let query = target.query(wanted, select)?;
        self.leadership.borrow().check()?;
        let answer = target.pick(self.ask(query).await?)?;
        if accepts(accept, &TABLE) {
            page(&answer.table(include, self.language))
        } else {
            page(&answer)
        }
    }

    /// Metrics are what the loop showed last: it is not asked, whoever scrapes how often.
    async fn tenant_metrics(&self, tenant: &TenantName, accept: &str) -> Result<Page, Refusal> {
        let format = Format::accepted(accept).ok_or(Refusal::NotAcceptable(
            "metrics are application/openmetrics-text or text/plain: \
             let Prometheus scrape this path, or read it with kubectl get --raw",
        ))?;
        self.leadership.borrow().check()?;
        let (metrics, name) = (self.metrics.clone(), tenant.clone());
        let written = tokio::task::spawn_blocking(move || metrics.of_tenant(name.as_str(), format));
        match written.await {
            Ok(Ok(Some(text))) => Ok(plain(format.media_type(), text.into_bytes())),
            Ok(Ok(None)) => {
                let why = NotFound::Tenant(tenant.clone());
                Err(Refusal::not_found(&TENANT_METRICS, tenant.as_str(), &why))
            }
            Ok(Err(error)) => Err(Refusal::Broken(error.to_string())),
            Err(error) => Err(Refusal::Broken(error.to_string())),
        }
    }

    async fn ask(&self, query: Query) -> Result<Result<Reply, NotFound>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let asking = async {
            self.questions.send(Asked { query, reply }).await.ok()?;
            answer.await.ok()
        };
        let late = Refusal::Late(self.limit.as_secs());
        timeout(self.limit, asking).await.ok().flatten().ok_or(late)
    }
}

/// A document that never changes.
fn document(route: &Route, accept: &str) -> Page {
    let of = |value: Value| plain(JSON, value.to_string().into_bytes());
    match route {
        Route::Groups if accepts(accept, &discovery::AGGREGATED) => plain(
            discovery::AGGREGATED_TYPE,
            discovery::aggregated().to_string().into_bytes(),
        ),
        Route::Groups => of(discovery::groups()),
        Route::Group => of(discovery::group()),
        Route::OpenApiV2 => of(discovery::openapi_v2()),
        Route::OpenApiV3 => of(discovery::openapi_v3()),
        Route::OpenApiV3Version => of(discovery::openapi_v3_version()),
        Route::Resources | Route::Health | Route::Read(_) => of(discovery::resources()),
    }
}

fn plain(media_type: &'static str, body: Vec<u8>) -> Page {
    Page {
        code: StatusCode::OK,
        media_type,
        body,
        try_again: false,
    }
}

fn page(answer: &impl Serialize) -> Result<Page, Refusal> {
    serde_json::to_vec(answer)
        .map(|body| plain(JSON, body))
        .map_err(|error| Refusal::Broken(error.to_string()))
}

fn refused(refusal: &Refusal) -> Page {
    Page {
        code: refusal.code(),
        media_type: JSON,
        // A Status has text keys only: it always becomes JSON.
        body: serde_json::to_vec(&refusal.status()).unwrap_or_default(),
        try_again: refusal.is_worth_another_try(),
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
