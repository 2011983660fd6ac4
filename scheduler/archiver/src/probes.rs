//! What the archiver tells the kubelet and Prometheus over plain HTTP: whether its last round went well, and what all
//! rounds did. Knows no archive and no cluster.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, AtomicU64},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use edugrid_ledger::Position;
use edugrid_units::Stamp;
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use tokio::net::TcpListener;

use crate::keeper::Round;

/// What its families begin with.
const PREFIX: &str = "edugrid_archiver";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is told of the rounds.
#[derive(Debug)]
pub struct Probes {
    /// Why it isn't ready, if it isn't.
    unready: RwLock<Option<String>>,
    registry: Registry,
    segments: Gauge<i64, AtomicI64>,
    entries: Gauge<i64, AtomicI64>,
    round_at: Gauge<i64, AtomicI64>,
    kept: Counter<u64, AtomicU64>,
    deleted: Counter<u64, AtomicU64>,
    strays: Counter<u64, AtomicU64>,
    false_snapshots: Gauge<i64, AtomicI64>,
    failed: Counter<u64, AtomicU64>,
}

impl Default for Probes {
    fn default() -> Self {
        Self::new()
    }
}

impl Probes {
    /// Those of an archiver that has not been round yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        macro_rules! shown {
            ($name:literal, $help:literal) => {{
                let metric = Default::default();
                registry.register($name, $help, clone_of(&metric));
                metric
            }};
        }
        Self {
            unready: RwLock::new(Some("no round is over yet".to_owned())),
            segments: shown!("segments", "Segments in the archive"),
            entries: shown!("entries", "Entries in the archive"),
            round_at: shown!(
                "round_timestamp_seconds",
                "When the last round that went well was over"
            ),
            kept: shown!("kept_segments", "Segments copied into the archive"),
            deleted: shown!("deleted_segments", "Segments deleted from the cluster"),
            strays: shown!(
                "stray_segments",
                "Segments that stood where others had been archived, taken away"
            ),
            false_snapshots: shown!(
                "false_snapshots",
                "Snapshots in the cluster that are not what the segments give"
            ),
            failed: shown!(
                "failed_rounds",
                "Rounds that the API server did not let end"
            ),
            registry,
        }
    }

    /// A round went well, and the archive reaches so far.
    pub fn went_round(&self, round: &Round, reached: Position, now: Stamp) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let count = |all: usize| u64::try_from(all).unwrap_or(u64::MAX);
        self.segments.set(whole(reached.segments));
        self.entries.set(whole(reached.entries));
        self.round_at.set(now.seconds());
        self.kept.inc_by(round.kept);
        self.deleted.inc_by(round.deleted);
        self.strays.inc_by(count(round.strays.len()));
        self.false_snapshots
            .set(whole(count(round.false_snapshots.len())));
        self.say(None);
    }

    /// A round did not end.
    pub fn failed(&self, why: String) {
        self.failed.inc();
        self.say(Some(why));
    }

    fn say(&self, unready: Option<String>) {
        // A poisoned lock guards nothing but these words.
        let mut told = self.unready.write().unwrap_or_else(PoisonError::into_inner);
        *told = unready;
    }

    fn readiness(&self) -> (StatusCode, String) {
        let told = self.unready.read().unwrap_or_else(PoisonError::into_inner);
        match &*told {
            None => (StatusCode::OK, "archiving\n".to_owned()),
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        }
    }

    fn exposition(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Another handle of the same metric.
fn clone_of<T: Clone>(metric: &T) -> T {
    metric.clone()
}

/// Serves `/healthz`, `/readyz` and `/metrics` until the process ends.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, probes: Arc<Probes>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(|State(it): State<Arc<Probes>>| async move { it.readiness() }),
        )
        .route("/metrics", get(metrics))
        .with_state(probes);
    axum::serve(listener, router).await
}

async fn metrics(State(probes): State<Arc<Probes>>) -> impl IntoResponse {
    match probes.exposition() {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, OPEN_METRICS)], text),
        Err(error) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (StatusCode::INTERNAL_SERVER_ERROR, kind, error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_ledger::Digest;

    #[test]
    fn rounds_are_counted_and_the_last_one_is_told() {
        let probes = Probes::new();
        assert_eq!(probes.readiness().0, StatusCode::SERVICE_UNAVAILABLE);
        let reached = Position {
            segments: 9,
            entries: 20,
            head: Digest([0; 32]),
        };
        let round = Round {
            kept: 4,
            deleted: 3,
            ..Round::default()
        };
        probes.went_round(&round, reached, Stamp::from_seconds(100));
        probes.went_round(&round, reached, Stamp::from_seconds(110));
        assert_eq!(probes.readiness(), (StatusCode::OK, "archiving\n".into()));
        probes.failed("no answer".into());
        let (code, words) = probes.readiness();
        assert_eq!(
            (code, words.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "no answer\n")
        );
        let text = probes.exposition().expect("writes");
        for line in [
            "edugrid_archiver_segments 9",
            "edugrid_archiver_entries 20",
            "edugrid_archiver_round_timestamp_seconds 110",
            "edugrid_archiver_kept_segments_total 8",
            "edugrid_archiver_deleted_segments_total 6",
            "edugrid_archiver_stray_segments_total 0",
            "edugrid_archiver_failed_rounds_total 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }

    #[test]
    fn the_guide_tells_every_metric_in_both_languages() {
        let text = Probes::new().exposition().expect("writes");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = samples.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names.len(), 8, "{text}");
        for page in [
            include_str!("../../../docs/en/operator.md"),
            include_str!("../../../docs/zh/operator.md"),
        ] {
            for name in &names {
                assert!(page.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}
