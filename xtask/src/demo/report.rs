//! What the play came to: a table by tenant, and whether objects, statements and ledger tell the
//! same. It must not know how the play went on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use edugrid_crds::ComputeJob;
use edugrid_crds::job_status::{ComputeJobStatus, Phase};
use edugrid_crds::visibility::{Statement, VirtualClock};
use jiff::Timestamp;

use super::text;
use super::trace::Job;
use super::world::TENANTS;

/// What a tenant's jobs came to, in virtual seconds and micro-yuan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    jobs: usize,
    waits: Vec<u64>,
    card_seconds: u64,
    cost: u64,
    vouchers: u64,
    own: u64,
}

/// The table by tenant, with a last line for all.
///
/// # Errors
/// If a status holds an amount that is none.
pub fn table(played: &[Job], jobs: &[ComputeJob], clock: Option<&VirtualClock>) -> Result<String> {
    let mut all = Sums::default();
    let head = [
        "TENANT",
        "JOBS",
        "MEDIAN WAIT",
        "LONGEST WAIT",
        "CARD-HOURS",
        "COST",
        "BY VOUCHERS",
        "BY OWN MONEY",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for tenant in &TENANTS {
        let mut sums = Sums::default();
        for job in jobs
            .iter()
            .filter(|job| job.metadata.namespace.as_deref() == Some(tenant.name))
        {
            let name = job.metadata.name.as_deref().unwrap_or_default();
            let played = played.iter().find(|it| it.name() == name);
            let played = played.with_context(|| format!("{name} is no job of the demo"))?;
            let of_job =
                sums_of(job, played.cards(), clock).with_context(|| format!("job {name}"))?;
            sums.add(of_job);
        }
        rows.push(sums.row(tenant.name));
        all.add(sums);
    }
    rows.push(all.row("all"));
    Ok(aligned(&rows))
}

fn sums_of(job: &ComputeJob, cards: u32, clock: Option<&VirtualClock>) -> Result<Sums> {
    let empty = ComputeJobStatus::default();
    let status = job.status.as_ref().unwrap_or(&empty);
    let mut sums = Sums {
        jobs: 1,
        ..Sums::default()
    };
    for attempt in &status.attempts {
        if let (Some(start), Some(end)) = (&attempt.started_at, &attempt.finished_at) {
            sums.card_seconds += seconds(start.0, end.0) * u64::from(cards);
        }
    }
    let first_start = status
        .attempts
        .iter()
        .find_map(|attempt| attempt.started_at.as_ref());
    if let (Some(start), Some(created)) = (first_start, &job.metadata.creation_timestamp) {
        sums.waits
            .push(seconds(in_virtual_time(created.0, clock), start.0));
    }
    if let Some(cost) = &status.cost {
        let charged = |amount: Option<&edugrid_crds::text::Money>| match amount {
            Some(amount) => amount_of(amount.as_str()),
            None => Ok(0),
        };
        sums.cost = charged(cost.charged.as_ref())?;
        sums.own = charged(cost.own.as_ref().and_then(|own| own.charged.as_ref()))?;
        for voucher in &cost.vouchers {
            sums.vouchers += charged(voucher.charged.as_ref())?;
        }
    }
    Ok(sums)
}

fn amount_of(text: &str) -> Result<u64> {
    text::micro_yuan(text).with_context(|| format!("\"{text}\" is no amount in yuan"))
}

/// Kubernetes stamps objects in real time; only what the operator writes is virtual (N5).
fn in_virtual_time(real: Timestamp, clock: Option<&VirtualClock>) -> Timestamp {
    let Some(clock) = clock else { return real };
    let passed = real.duration_since(clock.origin.0);
    let factor = i32::try_from(clock.factor).unwrap_or(i32::MAX);
    clock
        .origin
        .0
        .saturating_add(passed.saturating_mul(factor))
        .unwrap_or(real)
}

/// From one instant to a later one; nothing where the stamps are too coarse to tell them apart.
fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.waits.extend(other.waits);
        self.card_seconds += other.card_seconds;
        self.cost += other.cost;
        self.vouchers += other.vouchers;
        self.own += other.own;
    }

    fn row(&self, name: &str) -> [String; 8] {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        // The lower median: half of the jobs waited that long or less.
        let half = waits.len().saturating_sub(1) / 2;
        let wait =
            |wait: Option<&u64>| wait.map_or_else(|| "-".to_owned(), |it| text::minutes(*it));
        [
            name.to_owned(),
            self.jobs.to_string(),
            wait(waits.get(half)),
            wait(waits.last()),
            text::hours(self.card_seconds),
            text::yuan(self.cost),
            text::yuan(self.vouchers),
            text::yuan(self.own),
        ]
    }
}

/// The first column to the left, numbers to the right.
fn aligned(rows: &[[String; 8]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        text += &format!("{:<1$}", row[0], width(0));
        for (column, cell) in row.iter().enumerate().skip(1) {
            text += &format!("   {cell:>0$}", width(column));
        }
        text.push('\n');
    }
    text
}

/// Yuan charged for all jobs together, as their objects say.
///
/// # Errors
/// If one of them holds an amount that is none.
pub fn charged(jobs: &[ComputeJob]) -> Result<u64> {
    jobs.iter().map(|job| Ok(sums_of(job, 0, None)?.cost)).sum()
}

/// The jobs that did not succeed, each with what became of it.
pub fn not_succeeded(played: &[Job], jobs: &[ComputeJob]) -> Vec<String> {
    let mut faults = Vec::new();
    for job in played {
        let name = job.name();
        let Some(seen) = jobs
            .iter()
            .find(|it| it.metadata.name.as_deref() == Some(&name))
        else {
            faults.push(format!("{name} is not there"));
            continue;
        };
        let status = seen.status.clone().unwrap_or_default();
        let phase = status.phase.unwrap_or_default();
        if phase != Phase::Succeeded {
            let words = [status.reason, status.message].into_iter().flatten();
            let words: Vec<String> = words.collect();
            let cards = job.cards();
            faults.push(format!(
                "{name} ({cards} cards) is {}: {}",
                phase.as_str(),
                words.join(", ")
            ));
        }
    }
    faults
}

/// Where objects and a tenant's statements don't say the same: charge by charge, voucher's part
/// by voucher's part.
///
/// # Errors
/// If one of them holds an amount that is none.
pub fn disagreements(
    tenant: &str,
    jobs: &[ComputeJob],
    months: &[Statement],
) -> Result<Vec<String>> {
    let mut told: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for movement in months.iter().flat_map(|month| &month.movements) {
        let job = told.entry(movement.job.clone()).or_default();
        job[0] += amount_of(movement.cost.as_str())?;
        for share in &movement.vouchers {
            job[1] += amount_of(share.amount.as_str())?;
        }
        job[2] += amount_of(movement.own.as_str())?;
    }
    let mut faults = Vec::new();
    for job in jobs
        .iter()
        .filter(|job| job.metadata.namespace.as_deref() == Some(tenant))
    {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let seen = sums_of(job, 0, None)?;
        let seen = [seen.cost, seen.vouchers, seen.own];
        let told = told.remove(name).unwrap_or_default();
        if seen != told {
            let [seen, told] = [seen, told].map(|amounts| amounts.map(text::yuan).join(", "));
            faults.push(format!(
                "{tenant}/{name}: cost, vouchers' and own part are {seen} in the object and {told} in the statement"
            ));
        }
    }
    faults.extend(
        told.into_keys()
            .map(|name| format!("{tenant}/{name} stands in the statement only")),
    );
    Ok(faults)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
