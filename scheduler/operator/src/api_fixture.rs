//! An API server for tests: each says, as a function, what a request is answered. It must not know
//! what is stored.

use std::convert::Infallible;

use hyper::{Request, Response};
use kube::{Client, client::Body};
use serde_json::{Value, json};

/// A request.
pub(crate) struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The query; empty where there is none.
    pub query: String,
    /// The body; null where there is none.
    pub sent: Value,
}

impl Call {
    /// The last part of the path: an object's name, or the plural of a kind.
    pub(crate) fn last(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A client of a server that answers with this code and body; `None`: never.
pub(crate) fn api_server(
    answer: impl Fn(Call) -> Option<(u16, Value)> + Clone + Send + 'static,
) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap_or_default();
            let call = Call {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                sent: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let Some((code, body)) = answer(call) else {
                return std::future::pending().await;
            };
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    Client::new(service, "default")
}

/// What is said of an object that isn't there.
pub(crate) fn absent() -> (u16, Value) {
    refused(404, "NotFound")
}

/// A refusal as Kubernetes writes it.
pub(crate) fn refused(code: u16, reason: &str) -> (u16, Value) {
    let words = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "reason": reason, "code": code});
    (code, words)
}
