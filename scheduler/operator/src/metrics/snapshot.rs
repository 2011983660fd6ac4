//! The loop's state as numbers about objects, taken whole: rows of plain data that no loop
//! waits for while they are written out.
//!
//! Also which of them others see: a tenant its own subtree, Prometheus no more tenants and
//! vouchers than it can hold. It must not know names of metrics.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_core::{PoolView, TenantPoolView};
use edugrid_units::{MicroYuan, MilliUnits, Stamp};

use super::rows::row;

/// Most tenants that `/metrics` tells one by one: about 30 series each. Below that bound all
/// are told; above it those nearest to the root, whose numbers hold their subtrees' anyway.
pub const TENANTS_MAX: usize = 2_000;
/// Most vouchers that `/metrics` tells one by one: those that can still pay, the earliest to
/// expire first.
pub const VOUCHERS_MAX: usize = 5_000;

/// All rows, as of one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// One per tenant, parents before children.
    pub places: Vec<Place>,
    /// One per tenant, in the same order.
    pub tenants: Vec<Tenant>,
    /// One per tenant and pool that it declares or uses.
    pub tenant_pools: Vec<TenantPool>,
    /// One per tenant, pool and lender (Q8).
    pub loans: Vec<Loan>,
    /// Jobs that wait, by their tenant.
    pub pending: Vec<Pending>,
    /// What was counted of a tenant's work.
    pub work: Vec<Work>,
    /// The same by how it ended.
    pub ends: Vec<End>,
    /// Jobs that are over, by what became of them.
    pub finished: Vec<Finished>,
    /// One per voucher whose object is there.
    pub vouchers: Vec<Voucher>,
    /// One per pool.
    pub pools: Vec<Pool>,
    /// One per funding line whose object is there.
    pub lines: Vec<FundingLine>,
    /// One per check of what must always hold (Q7, L13).
    pub checks: Vec<Check>,
    /// One per kind of object that is bounded here.
    pub left_out: Vec<LeftOut>,
    /// The one row of the leader itself.
    pub leader: Vec<Leader>,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub tenant: String,
    /// Attempts of its subtree that are admitted.
    pub running: u32,
    /// How many things are wrong with it.
    pub faults: usize,
    /// Its own money, if it ever had any: held, spent, available.
    pub money: Option<[MicroYuan; 3]>,
    /// What it earned with its pools, if it ever did.
    pub earned: Option<MicroYuan>,
}
row!(Tenant: tenant);

/// Where a tenant stands in the tree.
#[derive(Clone, Debug)]
pub struct Place {
    /// The tenant.
    pub tenant: String,
    /// The tenant above it; empty for the root.
    pub parent: String,
}
row!(Place: tenant, parent);

/// A tenant in a pool.
#[derive(Clone, Debug)]
pub struct TenantPool {
    /// The tenant.
    pub tenant: String,
    /// The pool.
    pub pool: String,
    /// Where it stands there.
    pub line: TenantPoolView,
}
row!(TenantPool: tenant, pool);

/// What a tenant borrows of one lender. Tenants read names of lenders elsewhere, as far as
/// they may; here only the provincial operator does.
#[derive(Clone, Debug)]
pub struct Loan {
    /// The tenant whose subtree borrows.
    pub tenant: String,
    /// The pool.
    pub pool: String,
    /// Who lends.
    pub lender: String,
    /// How much.
    pub units: MilliUnits,
}
row!(Loan: tenant, pool, lender);

/// Jobs that wait for one reason.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Their tenant; empty where their namespace belongs to none.
    pub tenant: String,
    /// The code of rule W, or `Undecided` before they were looked at.
    pub reason: String,
    /// How many.
    pub jobs: usize,
    /// For how long the oldest of them counts as waiting (O5), in virtual seconds.
    pub age: u64,
}
row!(Pending: tenant, reason);

/// What was counted of a tenant's own work, its subtree's not included.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// The tenant.
    pub tenant: String,
    /// Attempts admitted.
    pub admitted: u64,
    /// Those of them that were not the first of their job.
    pub retried: u64,
    /// Attempts started.
    pub started: u64,
}
row!(Work: tenant);

/// A tenant's attempts that ended in one way.
#[derive(Clone, Debug)]
pub struct End {
    /// The tenant.
    pub tenant: String,
    /// How they ended.
    pub outcome: &'static str,
    /// How many.
    pub ended: u64,
    /// Milli-unit-seconds that they held, where they did not finish their work (E4).
    pub lost: Option<u128>,
}
row!(End: tenant, outcome);

/// A tenant's jobs that are over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The tenant.
    pub tenant: String,
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub phase: &'static str,
    /// How many.
    pub jobs: u64,
}
row!(Finished: tenant, phase);

/// A voucher.
#[derive(Clone, Debug)]
pub struct Voucher {
    /// Its name.
    pub voucher: String,
    /// Who holds it.
    pub tenant: String,
    /// What it was worth.
    pub face: MicroYuan,
    /// Its money; none for own funds, which mix in the holder's budget.
    pub money: Option<VoucherMoney>,
    /// Whether it may pay: neither frozen nor revoked.
    pub is_active: bool,
    /// The first instant at which it pays no more.
    pub valid_until: Option<Stamp>,
}
row!(Voucher: voucher, tenant);

/// What became of a voucher's money.
#[derive(Clone, Copy, Debug)]
pub struct VoucherMoney {
    /// Held for attempts.
    pub held: MicroYuan,
    /// Spent.
    pub spent: MicroYuan,
    /// Handed back to its line.
    pub returned: MicroYuan,
    /// What it can still pay.
    pub available: MicroYuan,
}

/// A pool.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name.
    pub pool: String,
    /// Where it stands.
    pub view: PoolView,
    /// The quota that the root declares of it, or its children do.
    pub declared: MilliUnits,
}
row!(Pool: pool);

/// A funding line.
#[derive(Clone, Debug)]
pub struct FundingLine {
    /// Its name.
    pub funding_line: String,
    /// Who issues from it.
    pub tenant: String,
    /// The most that may be out at a time.
    pub total: MicroYuan,
    /// What it can still grant.
    pub available: MicroYuan,
}
row!(FundingLine: funding_line, tenant);

/// Something that must always hold.
#[derive(Clone, Debug)]
pub struct Check {
    /// `books`: they balance (L13); `usage`: quota counts what is open (Q7).
    pub check: &'static str,
    /// How many times it did not hold, of those looked at now: 0 when all is well.
    pub faults: u64,
}
row!(Check: check);

/// Objects that have no series of their own.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// `tenants` or `vouchers`.
    pub object: &'static str,
    /// How many.
    pub count: usize,
}
row!(LeftOut: object);

/// The leader itself.
#[derive(Clone, Debug, Default)]
pub struct Leader {
    /// Attempts that are admitted and not settled.
    pub open_attempts: usize,
    /// Entries in the ledger.
    pub entries: u64,
    /// Segments in the ledger.
    pub segments: u64,
    /// Writes that wait in the loop for the writer.
    pub writes_waiting: usize,
    /// Virtual time now (N5).
    pub now: Stamp,
    /// How many virtual seconds pass in a real one (N5).
    pub clock_factor: u32,
    /// How long it took to take this snapshot last time, in seconds.
    pub took: f64,
}
row!(Leader:);

impl Snapshot {
    /// What a tenant sees: the rows of its subtree. None if there is no such tenant.
    pub fn below(&self, tenant: &str) -> Option<Self> {
        let mut inside: BTreeSet<&str> = BTreeSet::new();
        // Parents come before children, so one pass finds all.
        for row in &self.places {
            if row.tenant == tenant || inside.contains(row.parent.as_str()) {
                inside.insert(&row.tenant);
            }
        }
        if inside.is_empty() {
            return None;
        }
        let is_inside = |name: &String| inside.contains(name.as_str());
        Some(Self {
            places: keep(&self.places, |row| is_inside(&row.tenant)),
            tenants: keep(&self.tenants, |row| is_inside(&row.tenant)),
            tenant_pools: keep(&self.tenant_pools, |row| is_inside(&row.tenant)),
            pending: keep(&self.pending, |row| is_inside(&row.tenant)),
            work: keep(&self.work, |row| is_inside(&row.tenant)),
            ends: keep(&self.ends, |row| is_inside(&row.tenant)),
            finished: keep(&self.finished, |row| is_inside(&row.tenant)),
            vouchers: keep(&self.vouchers, |row| is_inside(&row.tenant)),
            lines: keep(&self.lines, |row| is_inside(&row.tenant)),
            // What is everybody's says what others do.
            pools: Vec::new(),
            loans: Vec::new(),
            checks: Vec::new(),
            left_out: Vec::new(),
            leader: Vec::new(),
        })
    }

    /// At most so many tenants and vouchers. What was counted of the jobs of a tenant that
    /// is left out goes to the nearest one above it that is told.
    pub fn bounded(&self, tenants_max: usize, vouchers_max: usize) -> Self {
        let mut told = self.clone();
        let left_out = [
            ("tenants", self.tenants.len().saturating_sub(tenants_max)),
            ("vouchers", self.vouchers.len().saturating_sub(vouchers_max)),
        ];
        if left_out[0].1 > 0 {
            told.places.truncate(tenants_max);
            told.tenants.truncate(tenants_max);
            told.fold(&self.stand_ins(tenants_max));
            let inside: BTreeSet<&String> = told.tenants.iter().map(|row| &row.tenant).collect();
            told.tenant_pools.retain(|row| inside.contains(&row.tenant));
            told.loans.retain(|row| inside.contains(&row.tenant));
        }
        if left_out[1].1 > 0 {
            let order = |row: &Voucher| {
                let can_pay = row
                    .money
                    .is_none_or(|money| money.available > MicroYuan::ZERO);
                (
                    !(can_pay && row.is_active),
                    row.valid_until.unwrap_or(Stamp(i64::MAX)),
                )
            };
            told.vouchers.sort_by_key(order);
            told.vouchers.truncate(vouchers_max);
        }
        told.left_out = left_out
            .map(|(object, count)| LeftOut { object, count })
            .into();
        told
    }

    /// For each tenant after the first `told`: the nearest above it that is among them.
    fn stand_ins(&self, told: usize) -> BTreeMap<String, String> {
        let mut stand_ins: BTreeMap<String, String> = BTreeMap::new();
        for row in self.places.iter().skip(told) {
            let above = stand_ins.get(&row.parent).unwrap_or(&row.parent).clone();
            stand_ins.insert(row.tenant.clone(), above);
        }
        stand_ins
    }

    /// Gives counts to the tenants that stand in for others.
    fn fold(&mut self, stand_ins: &BTreeMap<String, String>) {
        let stand_in = |tenant: &mut String| {
            if let Some(above) = stand_ins.get(tenant) {
                tenant.clone_from(above);
            }
        };
        self.pending
            .iter_mut()
            .for_each(|row| stand_in(&mut row.tenant));
        self.work
            .iter_mut()
            .for_each(|row| stand_in(&mut row.tenant));
        self.ends
            .iter_mut()
            .for_each(|row| stand_in(&mut row.tenant));
        self.finished
            .iter_mut()
            .for_each(|row| stand_in(&mut row.tenant));
        merge(
            &mut self.pending,
            |row| (row.tenant.clone(), row.reason.clone()),
            |sum, row| {
                sum.jobs = sum.jobs.saturating_add(row.jobs);
                sum.age = sum.age.max(row.age);
            },
        );
        merge(
            &mut self.work,
            |row| row.tenant.clone(),
            |sum, row| {
                sum.admitted = sum.admitted.saturating_add(row.admitted);
                sum.retried = sum.retried.saturating_add(row.retried);
                sum.started = sum.started.saturating_add(row.started);
            },
        );
        merge(
            &mut self.ends,
            |row| (row.tenant.clone(), row.outcome),
            |sum, row| {
                sum.ended = sum.ended.saturating_add(row.ended);
                sum.lost = sum.lost.zip(row.lost).map(|(a, b)| a.saturating_add(b));
            },
        );
        merge(
            &mut self.finished,
            |row| (row.tenant.clone(), row.phase),
            |sum, row| {
                sum.jobs = sum.jobs.saturating_add(row.jobs);
            },
        );
    }
}

fn keep<R: Clone>(rows: &[R], is_inside: impl Fn(&R) -> bool) -> Vec<R> {
    rows.iter().filter(|row| is_inside(row)).cloned().collect()
}

/// Adds up rows of one key; two rows with the same labels would be no exposition.
fn merge<R, K: Ord>(rows: &mut Vec<R>, key: impl Fn(&R) -> K, add: impl Fn(&mut R, &R)) {
    let mut sums: BTreeMap<K, R> = BTreeMap::new();
    for row in rows.drain(..) {
        match sums.get_mut(&key(&row)) {
            Some(sum) => add(sum, &row),
            None => {
                sums.insert(key(&row), row);
            }
        }
    }
    rows.extend(sums.into_values());
}
