//! What Prometheus scrapes. Numbers are taken from the loop's state after each step, never
//! kept beside it (Q7); series go with the objects they are about.
//!
//! Labels are bounded: reasons by rule W, tenants and pools by their objects. Floats appear
//! only here (N1).

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, AtomicU64},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Labels of a number about a tenant's part of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TenantPool {
    /// The tenant.
    pub tenant: String,
    /// The pool.
    pub pool: String,
}

/// Labels of a number about a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolLabel {
    /// The pool.
    pub pool: String,
}

/// Labels of the number of waiting jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Waiting {
    /// Their tenant.
    pub tenant: String,
    /// Their reason, a code of rule W.
    pub reason: String,
}

/// Labels of the requests of our own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestClass {
    /// The class of rule A6.
    pub class: String,
    /// `stands`, `gone`, `conflict`, `refused` or `failed`.
    pub outcome: String,
}

/// Labels of the attempts that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Ended {
    /// The outcome.
    pub outcome: String,
}

/// Counts our requests by class and outcome (A6).
#[derive(Clone, Debug, Default)]
pub struct Requests(Family<RequestClass, Counter>);

impl Requests {
    /// Counts one request with its outcome, a word of a closed list.
    pub fn count(&self, class: &str, outcome: &str) {
        let labels = RequestClass {
            class: class.into(),
            outcome: outcome.into(),
        };
        self.0.get_or_create_owned(&labels).inc();
    }
}

type Real = Gauge<f64, AtomicU64>;

/// All series.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Held while gauges are set anew, so that no scrape sees half of them.
    whole: Arc<RwLock<()>>,
    /// Quota that counts, in units of the pool.
    pub nominal: Family<TenantPool, Real>,
    /// What the subtree uses, in units of the pool.
    pub usage: Family<TenantPool, Real>,
    /// What the subtree uses above its nominal.
    pub borrowed: Family<TenantPool, Real>,
    /// What healthy nodes of the pool can give.
    pub capacity: Family<PoolLabel, Real>,
    /// What is free of it.
    pub free: Family<PoolLabel, Real>,
    /// Jobs that wait, by reason.
    pub pending: Family<Waiting, Gauge>,
    /// Attempts admitted and not settled.
    pub open_attempts: Gauge,
    /// Attempts that ended.
    pub ended: Family<Ended, Counter>,
    /// Pods that landed elsewhere than planned (P7).
    pub deviations: Counter,
    /// Entries in the ledger.
    pub ledger_entries: Gauge<i64, AtomicI64>,
    /// The last segment's sequence number.
    pub ledger_segment: Gauge<i64, AtomicI64>,
    /// The epoch of this leader.
    pub epoch: Gauge<i64, AtomicI64>,
    /// Whether this replica leads.
    pub leading: Gauge<i64, AtomicI64>,
    /// From asking for a batch to knowing it durable.
    pub append_seconds: Histogram,
    /// From eligible to admitted, in virtual time.
    pub wait_seconds: Histogram,
    /// Our requests.
    pub requests: Requests,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All series, registered under `edugrid_`.
    pub fn new() -> Self {
        let append = [
            0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0,
        ];
        let wait = [
            1.0, 10.0, 60.0, 600.0, 3600.0, 14_400.0, 86_400.0, 604_800.0,
        ];
        let mut metrics = Self {
            registry: Arc::default(),
            whole: Arc::default(),
            nominal: Family::default(),
            usage: Family::default(),
            borrowed: Family::default(),
            capacity: Family::default(),
            free: Family::default(),
            pending: Family::default(),
            open_attempts: Gauge::default(),
            ended: Family::default(),
            deviations: Counter::default(),
            ledger_entries: Gauge::default(),
            ledger_segment: Gauge::default(),
            epoch: Gauge::default(),
            leading: Gauge::default(),
            append_seconds: Histogram::new(append),
            wait_seconds: Histogram::new(wait),
            requests: Requests::default(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    #[rustfmt::skip]
    fn register(&self) -> Registry {
        let mut all = Registry::with_prefix("edugrid");
        all.register("tenant_nominal_units", "Effective quota of the subtree in the pool's unit", self.nominal.clone());
        all.register("tenant_usage_units", "Billed units that the subtree uses", self.usage.clone());
        all.register("tenant_borrowed_units", "Billed units that the subtree uses above its nominal", self.borrowed.clone());
        all.register("pool_capacity_units", "Units that healthy nodes of the pool can give", self.capacity.clone());
        all.register("pool_free_units", "Units of the pool that nobody holds", self.free.clone());
        all.register("pending_jobs", "Jobs that wait, by the code of their reason", self.pending.clone());
        all.register("open_attempts", "Attempts that are admitted and not settled", self.open_attempts.clone());
        all.register("attempts_ended", "Attempts that ended, by outcome", self.ended.clone());
        all.register("placement_deviations", "Pods that were bound elsewhere than planned", self.deviations.clone());
        all.register("ledger_entries", "Entries in the ledger", self.ledger_entries.clone());
        all.register("ledger_segment_sequence", "Sequence number of the last durable segment", self.ledger_segment.clone());
        all.register("leader_epoch", "Epoch of this leader", self.epoch.clone());
        all.register("leading", "1 while this replica leads", self.leading.clone());
        all.register_with_unit("ledger_append_duration", "Time from sending a batch to knowing it durable", Unit::Seconds, self.append_seconds.clone());
        all.register_with_unit("job_wait", "Virtual time from eligible to admitted", Unit::Seconds, self.wait_seconds.clone());
        all.register("api_requests", "Requests of the operator by class and outcome", self.requests.0.clone());
        all
    }

    /// Sets gauges anew as one change, as far as a scrape can see.
    pub fn set_all(&self, set: impl FnOnce(&Self)) {
        let _whole = self.whole.write().unwrap_or_else(PoisonError::into_inner);
        set(self);
    }

    /// The exposition in OpenMetrics text.
    ///
    /// # Errors
    /// If formatting fails, which the text encoder never does on a `String`.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        // A poisoned lock guards nothing but the order of writes, so reading on is right.
        let _whole = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_values_are_escaped() {
        let metrics = Metrics::new();
        let labels = Waiting {
            tenant: "a\"b".into(),
            reason: "QuotaExceeded".into(),
        };
        metrics.pending.get_or_create_owned(&labels).set(3);
        metrics.requests.count("pin_pod", "gone");
        let text = metrics.encode().expect("text");
        assert!(
            text.contains(r#"edugrid_pending_jobs{tenant="a\"b",reason="QuotaExceeded"} 3"#),
            "{text}"
        );
        assert!(
            text.contains(r#"edugrid_api_requests_total{class="pin_pod",outcome="gone"} 1"#),
            "{text}"
        );
        assert!(
            text.contains("edugrid_ledger_append_duration_seconds_bucket"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
