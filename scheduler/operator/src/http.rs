//! Probes and metrics over plain HTTP, for the kubelet and Prometheus.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use crate::metrics::Metrics;

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

async fn metrics_text(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    match shared.metrics.encode() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => {
            let kind = "text/plain; charset=utf-8";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(header::CONTENT_TYPE, kind)],
                error.to_string(),
            )
        }
    }
}
