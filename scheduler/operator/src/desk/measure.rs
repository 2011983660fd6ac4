//! Takes the numbers for Prometheus from the state of the loop, all at once, so that a
//! series exists exactly as long as what it is about. One walk over the waiting jobs, and
//! one over tenants, pools, vouchers and open attempts; [`crate::lead`] says how often.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use edugrid_core::{Pending, PoolView, TenantCondition, TenantView};
use edugrid_ledger::{Voucher, VoucherKind, VoucherState};
use edugrid_units::{MicroYuan, MilliUnits, Outcome, PoolName, Stamp, TenantName};

use super::{Desk, counts::usage_faults};
use crate::metrics::{self, Snapshot, VoucherMoney};

impl Desk {
    /// Shows what is true now, once all that exists has been told: before that, objects
    /// would seem to be gone. `took` is how long that took last time, in seconds.
    pub fn measure(&mut self, took: f64) {
        if !self.is_synced() {
            return;
        }
        let pending = self.world.pending();
        let tenants = self.world.tenants_with(&pending);
        let known: BTreeSet<&TenantName> = tenants.iter().map(|view| &view.name).collect();
        let pending = self.pending_rows(&pending, &known);
        self.tallies.retain(|tenant, _| known.contains(tenant));
        let pools = self.world.pools();
        self.look_whether_all_is_well(&pools);
        let mut snapshot = Snapshot {
            pending,
            pools: pool_rows(pools, &tenants),
            vouchers: self.voucher_rows(),
            lines: self.line_rows(),
            checks: self.faults.rows(),
            leader: vec![self.leader_row(took)],
            ..Snapshot::default()
        };
        for view in root_first(&tenants) {
            self.tenant_rows(view, &mut snapshot);
        }
        self.metrics.show(snapshot);
    }

    fn pending_rows(
        &self,
        pending: &Pending<'_>,
        known: &BTreeSet<&TenantName>,
    ) -> Vec<metrics::Pending> {
        let now = self.ticker.clock().now();
        let mut rows: BTreeMap<(&str, &str), (usize, Stamp)> = BTreeMap::new();
        for ((tenant, code), alike) in pending.counts() {
            // A namespace may name a tenant that isn't there: such names are not ours to bound.
            let tenant = if known.contains(tenant) {
                tenant.as_str()
            } else {
                ""
            };
            let reason = code.map_or("Undecided", |code| code.as_str());
            let (jobs, oldest) = rows.entry((tenant, reason)).or_insert((0, alike.oldest));
            *jobs = jobs.saturating_add(alike.jobs);
            *oldest = alike.oldest.min(*oldest);
        }
        let row =
            |((tenant, reason), (jobs, oldest)): ((&str, &str), (usize, Stamp))| metrics::Pending {
                tenant: tenant.to_owned(),
                reason: reason.to_owned(),
                jobs,
                age: now.seconds_since(oldest).0,
            };
        rows.into_iter().map(row).collect()
    }

    fn tenant_rows(&self, view: &TenantView, snapshot: &mut Snapshot) {
        let tenant = view.name.to_string();
        let (own, earned) = (
            self.books.budget(&view.name),
            self.books.earnings(&view.name),
        );
        let had = |amount: MicroYuan| amount > MicroYuan::ZERO;
        let above = view.parent.as_ref().map(ToString::to_string);
        snapshot.places.push(metrics::Place {
            tenant: tenant.clone(),
            parent: above.unwrap_or_default(),
        });
        snapshot.tenants.push(metrics::Tenant {
            tenant: tenant.clone(),
            running: view.running,
            faults: view.conditions.len(),
            money: had(own.credits_posted)
                .then(|| [own.debits_pending, own.debits_posted, own.available()]),
            earned: had(earned.credits_posted).then_some(earned.credits_posted),
        });
        let lines = view.pools.iter().filter(|line| {
            line.nominal.is_some()
                || line.effective > MilliUnits::ZERO
                || line.used > MilliUnits::ZERO
                || line.lent > MilliUnits::ZERO
        });
        snapshot
            .tenant_pools
            .extend(lines.map(|line| metrics::TenantPool {
                tenant: tenant.clone(),
                pool: line.pool.to_string(),
                line: line.clone(),
            }));
        for line in &view.pools {
            let loans = line.lenders.iter().map(|(lender, units)| metrics::Loan {
                tenant: tenant.clone(),
                pool: line.pool.to_string(),
                lender: lender.to_string(),
                units: *units,
            });
            snapshot.loans.extend(loans);
        }
        let Some(tally) = self.tallies.get(&view.name) else {
            return;
        };
        snapshot.work.push(metrics::Work {
            tenant: tenant.clone(),
            admitted: tally.admitted,
            retried: tally.retried,
            started: tally.started,
        });
        snapshot.ends.extend(
            tally
                .ended
                .iter()
                .map(|(outcome, (ended, held))| metrics::End {
                    tenant: tenant.clone(),
                    outcome: outcome.as_str(),
                    ended: *ended,
                    lost: (*outcome != Outcome::Succeeded).then_some(*held),
                }),
        );
        snapshot.finished.extend(
            tally
                .finished
                .iter()
                .map(|(phase, jobs)| metrics::Finished {
                    tenant: tenant.clone(),
                    phase,
                    jobs: *jobs,
                }),
        );
    }

    /// The vouchers whose objects are there: the books never forget one.
    fn voucher_rows(&self) -> Vec<metrics::Voucher> {
        let there = self
            .books
            .vouchers()
            .filter(|voucher| self.money.has_voucher(voucher.grant.voucher.as_str()));
        there.map(|voucher| self.voucher_row(voucher)).collect()
    }

    fn voucher_row(&self, voucher: &Voucher) -> metrics::Voucher {
        let grant = &voucher.grant;
        let balance = (grant.kind != VoucherKind::OwnFunds)
            .then(|| self.books.voucher_balance(&grant.voucher))
            .flatten();
        metrics::Voucher {
            voucher: grant.voucher.to_string(),
            tenant: grant.holder().map(ToString::to_string).unwrap_or_default(),
            face: grant.face,
            money: balance.map(|balance| VoucherMoney {
                held: balance.held,
                spent: balance.spent,
                returned: balance.returned,
                available: balance.available,
            }),
            is_active: voucher.state == VoucherState::Active,
            valid_until: grant.valid_until,
        }
    }

    fn line_rows(&self) -> Vec<metrics::FundingLine> {
        let posted = self
            .money
            .line_names()
            .filter_map(|name| self.books.funding_line(&name.into()));
        posted
            .map(|(line, available)| metrics::FundingLine {
                funding_line: line.name.to_string(),
                tenant: line.issuer.to_string(),
                total: line.total,
                available,
            })
            .collect()
    }

    fn leader_row(&self, took: f64) -> metrics::Leader {
        let (position, clock) = (self.books.position(), self.ticker.clock());
        metrics::Leader {
            open_attempts: self.attempts.len(),
            entries: position.entries,
            segments: position.segments,
            writes_waiting: self.outbox.len(),
            now: clock.now(),
            clock_factor: clock.factor,
            took,
        }
    }

    /// Once a minute, between batches: engine and books agree only on what is durable.
    fn look_whether_all_is_well(&mut self, pools: &[PoolView]) {
        if !self.faults.are_due() || self.books.has_staged() || self.books.is_in_flight() {
            return;
        }
        let books = self.books.audit().err();
        if let Some(imbalance) = &books {
            tracing::error!(%imbalance, "the books do not balance (L13)");
        }
        let open = self.books.open_attempts().map(|attempt| {
            let admission = &attempt.admission;
            (&admission.pool, admission.billed)
        });
        let counted = pools.iter().map(|pool| (&pool.name, pool.billed));
        let usage = usage_faults(counted, open);
        self.faults.found(u64::from(books.is_some()), usage);
    }
}

/// Pools, with the quota that the root declares of them, or its children do.
fn pool_rows(pools: Vec<PoolView>, tenants: &[TenantView]) -> Vec<metrics::Pool> {
    let root = tenants.iter().find(|view| {
        let is_fault = |condition: &_| matches!(condition, TenantCondition::Fault { .. });
        view.parent.is_none() && !view.conditions.iter().any(is_fault)
    });
    let declared = |pool: &PoolName| {
        let mut lines = root.map(|root| root.pools.iter()).into_iter().flatten();
        lines
            .find(|line| line.pool == *pool)
            .map(|line| line.effective)
    };
    let row = |view: PoolView| metrics::Pool {
        pool: view.name.to_string(),
        declared: declared(&view.name).unwrap_or_default(),
        view,
    };
    pools.into_iter().map(row).collect()
}

/// Tenants with parents before children, those nearest to the root first.
fn root_first(tenants: &[TenantView]) -> Vec<&TenantView> {
    let mut below: BTreeMap<Option<&TenantName>, Vec<&TenantView>> = BTreeMap::new();
    for view in tenants {
        below.entry(view.parent.as_ref()).or_default().push(view);
    }
    let mut order = Vec::with_capacity(tenants.len());
    let mut next: VecDeque<&TenantView> = below.remove(&None).unwrap_or_default().into();
    while let Some(view) = next.pop_front() {
        next.extend(below.remove(&Some(&view.name)).unwrap_or_default());
        order.push(view);
    }
    // What hangs in no tree.
    order.extend(below.into_values().flatten());
    order
}
