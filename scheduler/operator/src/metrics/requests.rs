//! Counts every request to the API server where all of them pass: a layer around the client.
//!
//! Verb and resource are read off method and path as Kubernetes reads them. The resources are
//! those that the operator asks for, so there are some twenty. It must not know what a
//! request is for.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use hyper::{Method, Request, Response, Uri};
use tower::{Layer, Service};

use super::events::{self, Events, Verb};

/// The layer.
#[derive(Clone, Debug)]
pub struct CountRequests {
    /// Where they are counted.
    pub events: Events,
}

impl<S> Layer<S> for CountRequests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            events: self.events.clone(),
        }
    }
}

/// A client whose requests are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    events: Events,
}

impl<S, B, A> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (verb, resource) = read(request.method(), request.uri());
        let events = self.events.clone();
        let since = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let code = match &answer {
                Ok(response) => response.status().as_str().to_owned(),
                Err(_) => "none".to_owned(),
            };
            let labels = events::Request {
                verb,
                resource,
                code,
            };
            events.requests.get_or_create_owned(&labels).inc();
            if verb != "watch" {
                let seconds = since.elapsed().as_secs_f64();
                let series = events.request_seconds.get_or_create_owned(&Verb { verb });
                series.observe(seconds);
            }
            answer
        })
    }
}

/// Kubernetes' verb, and the resource with its subresource.
fn read(method: &Method, uri: &Uri) -> (&'static str, String) {
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let after_version = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let (resource, name, sub) = match after_version {
        // A namespace itself, and its own subresources.
        ["namespaces"] => ("namespaces", None, None),
        ["namespaces", name] => ("namespaces", Some(*name), None),
        ["namespaces", _, resource, rest @ ..] | [resource, rest @ ..] => {
            (*resource, rest.first().copied(), rest.get(1))
        }
        [] => return (plain(method), "none".to_owned()),
    };
    let watches = uri.query().is_some_and(|query| {
        let mut pairs = query.split('&');
        pairs.any(|pair| matches!(pair, "watch=true" | "watch=1"))
    });
    let verb = match (method, name) {
        (&Method::GET, None) if watches => "watch",
        (&Method::GET, None) => "list",
        (&Method::DELETE, None) => "deletecollection",
        _ => plain(method),
    };
    let resource = match sub {
        Some(sub) => format!("{resource}/{sub}"),
        None => resource.to_owned(),
    };
    (verb, resource)
}

fn plain(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_resources_are_those_of_kubernetes() {
        for (method, path, verb, resource) in [
            (
                "GET",
                "/api/v1/pods?watch=true&resourceVersion=7",
                "watch",
                "pods",
            ),
            ("GET", "/api/v1/pods?limit=500", "list", "pods"),
            ("GET", "/api/v1/namespaces/edugrid-sdu", "get", "namespaces"),
            ("POST", "/api/v1/namespaces?", "create", "namespaces"),
            ("PATCH", "/api/v1/namespaces/a/pods/p", "patch", "pods"),
            (
                "POST",
                "/apis/batch/v1/namespaces/a/jobs?dryRun=All",
                "create",
                "jobs",
            ),
            (
                "DELETE",
                "/apis/batch/v1/namespaces/a/jobs/j",
                "delete",
                "jobs",
            ),
            (
                "PATCH",
                "/apis/edugrid.io/v1alpha1/namespaces/a/computejobs/j/status?",
                "patch",
                "computejobs/status",
            ),
            (
                "PATCH",
                "/apis/edugrid.io/v1alpha1/tenants/t/status",
                "patch",
                "tenants/status",
            ),
            (
                "POST",
                "/apis/ledger.edugrid.io/v1alpha1/ledgersegments",
                "create",
                "ledgersegments",
            ),
            ("GET", "/version", "get", "none"),
        ] {
            let method: Method = method.parse().expect("a method");
            let uri: Uri = path.parse().expect("a path");
            assert_eq!(read(&method, &uri), (verb, resource.to_owned()), "{path}");
        }
    }
}
