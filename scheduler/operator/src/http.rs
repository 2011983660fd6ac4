//! Probes and metrics over plain HTTP, for the kubelet and Prometheus.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use crate::metrics::{Format, Metrics};

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not ready, and why; each line names what is missing.
    NotReady(Vec<String>),
    /// Waits for the lease; everything else is in place.
    Standby,
    /// Leads.
    Leading,
}

struct Shared {
    metrics: Metrics,
    readiness: watch::Receiver<Readiness>,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until the process ends.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    readiness: watch::Receiver<Readiness>,
) -> std::io::Result<()> {
    let address: Option<SocketAddr> = listener.local_addr().ok();
    tracing::info!(?address, "serving probes and metrics");
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(Arc::new(Shared { metrics, readiness }));
    axum::serve(listener, router).await
}

async fn readyz(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    match &*shared.readiness.borrow() {
        Readiness::Leading => (StatusCode::OK, "leading\n".into()),
        Readiness::Standby => (StatusCode::OK, "standby\n".into()),
        Readiness::NotReady(missing) => {
            (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
        }
    }
}

async fn metrics_text(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let accepts = headers.get_all(header::ACCEPT).iter();
    let accepts: Vec<&str> = accepts.filter_map(|value| value.to_str().ok()).collect();
    let plain = "text/plain; charset=utf-8";
    let Some(format) = Format::accepted(&accepts.join(",")) else {
        let words = "metrics are application/openmetrics-text or text/plain\n".to_owned();
        let kind = [(header::CONTENT_TYPE, plain)];
        return (StatusCode::NOT_ACCEPTABLE, kind, words).into_response();
    };
    // Ten thousand tenants take a moment to write out, which no probe should wait for.
    let metrics = shared.metrics.clone();
    let told = tokio::task::spawn_blocking(move || metrics.exposition(format)).await;
    let (code, kind, text) = match told {
        Ok(Ok(text)) => (StatusCode::OK, format.media_type(), text),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, plain, error.to_string()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, plain, error.to_string()),
    };
    (code, [(header::CONTENT_TYPE, kind)], text).into_response()
}
