//! Takes the numbers for Prometheus from the state of the loop, all at once, so that a
//! series exists exactly as long as what it is about.

use edugrid_units::MilliUnits;

use super::Desk;
use crate::metrics::{Metrics, PoolLabel, TenantPool, Waiting};

impl Desk {
    /// Sets every gauge to what is true now.
    pub fn measure(&self) {
        self.metrics.set_all(|metrics| self.set_gauges(metrics));
    }

    fn set_gauges(&self, metrics: &Metrics) {
        for family in [&metrics.nominal, &metrics.usage, &metrics.borrowed] {
            family.clear();
        }
        for tenant in self.world.tenants() {
            for line in &tenant.pools {
                if line.nominal.is_none() && line.used == MilliUnits::ZERO {
                    continue;
                }
                let labels = TenantPool {
                    tenant: tenant.name.to_string(),
                    pool: line.pool.to_string(),
                };
                metrics
                    .nominal
                    .get_or_create_owned(&labels)
                    .set(units(line.effective));
                metrics
                    .usage
                    .get_or_create_owned(&labels)
                    .set(units(line.used));
                metrics
                    .borrowed
                    .get_or_create_owned(&labels)
                    .set(units(line.borrowed));
            }
        }
        metrics.capacity.clear();
        metrics.free.clear();
        for pool in self.world.pools() {
            let labels = PoolLabel {
                pool: pool.name.to_string(),
            };
            let count = |amounts: &edugrid_units::Resources| match pool.counts {
                Some(edugrid_core::Counts::Core) => MilliUnits(amounts.cpu_milli),
                _ => amounts.cards,
            };
            metrics
                .capacity
                .get_or_create_owned(&labels)
                .set(units(count(&pool.allocatable)));
            metrics
                .free
                .get_or_create_owned(&labels)
                .set(units(count(&pool.free)));
        }
        metrics.pending.clear();
        for (uid, reason) in self.world.waiting() {
            let job = self.jobs.get(uid);
            let tenant = job.and_then(|job| self.tenant_of(job));
            let tenant = tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
            let labels = Waiting {
                tenant,
                reason: reason.code.as_str().to_owned(),
            };
            metrics.pending.get_or_create_owned(&labels).inc();
        }
        metrics
            .open_attempts
            .set(i64::try_from(self.attempts.len()).unwrap_or(i64::MAX));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn units(units: MilliUnits) -> f64 {
    units.0 as f64 / 1000.0
}
