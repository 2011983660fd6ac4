//! HTTPS around the desk: accepts connections, lets TLS look at the client's certificate and
//! hands each request over with what is known of its caller.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use edugrid_units::Language;
use hyper::{
    Request, Response,
    body::Incoming,
    header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::Client;
use rustls::pki_types::CertificateDer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    desk::{Desk, LIMIT, Page},
    front_proxy::FrontProxy,
    query::Asked,
    status::{Leadership, RETRY_AFTER_SECONDS},
    trust::{self, Serving, TlsFiles, Trust, TrustError},
};
use crate::metrics::Metrics;

/// Most connections at once; API servers keep a few each.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take over its TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's head, or keep an idle connection.
const HEAD_LIMIT: Duration = Duration::from_secs(90);
/// The pause after a failed accept: most often there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the visibility API until the process ends.
///
/// Every replica serves discovery; questions are asked only while `leadership` says so, others
/// get a 503 that says why. `questions` goes to the operator's loop, which answers each from
/// memory; one that it doesn't answer within 5 s is refused.
///
/// # Errors
/// If the serving files can't be used, or the front proxy's CA isn't known at the start.
pub async fn serve(
    client: Client,
    listener: TcpListener,
    tls_files: TlsFiles,
    questions: mpsc::Sender<Asked>,
    leadership: watch::Receiver<Leadership>,
    language: Language,
    metrics: Metrics,
) -> Result<(), TrustError> {
    let serving = Serving::read(&tls_files)?;
    let (current, trust) = watch::channel(serving.trust(FrontProxy::read(&client).await?)?);
    tracing::info!(address = ?listener.local_addr().ok(), "serving visibility.edugrid.io");
    let desk = Desk {
        questions,
        leadership,
        language,
        metrics,
        limit: LIMIT,
    };
    tokio::select! {
        () = trust::follow(client, serving, current) => {}
        () = accept(listener, trust, desk) => {}
    }
    Ok(())
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, trust: watch::Receiver<Trust>, desk: Desk) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let trust = trust.borrow().clone();
                tokio::spawn(connection(stream, trust, desk.clone(), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, trust: Trust, desk: Desk, _permit: OwnedSemaphorePermit) {
    let handshake = TlsAcceptor::from(trust.tls).accept(stream);
    let stream = match timeout(HANDSHAKE_LIMIT, handshake).await {
        Ok(Ok(stream)) => stream,
        // A certificate of another CA ends here.
        Ok(Err(error)) => return tracing::debug!(%error, "no TLS"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let peer = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let peer: Option<Arc<CertificateDer<'static>>> =
        peer.map(|certificate| Arc::new(certificate.clone().into_owned()));
    let front_proxy = trust.front_proxy;
    let service = service_fn(|request: Request<Incoming>| {
        let (desk, peer, front_proxy) = (desk.clone(), peer.clone(), front_proxy.clone());
        async move {
            let peer = peer.as_deref().map(AsRef::as_ref);
            let caller = front_proxy.identify(peer, request.headers());
            let accept = accepted(&request);
            let page = desk
                .serve(caller, request.method(), request.uri(), &accept)
                .await;
            Ok::<_, std::convert::Infallible>(response(page))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// All media types that the client accepts.
fn accepted(request: &Request<Incoming>) -> String {
    let values = request.headers().get_all(ACCEPT).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}

fn response(page: Page) -> Response<Body> {
    let mut response = Response::new(Body::from(page.body));
    *response.status_mut() = page.code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if page.try_again {
        // A new connection is balanced anew, and so reaches the leader sooner or later.
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
