//! Whether all went well: every job succeeded, and objects and statements tell the same. It must not
//! know what is printed of it.

use std::collections::BTreeMap;

use anyhow::Result;
use edugrid_crds::ComputeJob;
use edugrid_crds::job_status::Phase;
use edugrid_crds::visibility::Statement;

use super::report::amount;
use super::text;
use super::trace::Job;

/// Cost, vouchers' part and own part of what was charged, in micro-yuan.
fn charged(job: &ComputeJob) -> Result<[u64; 3]> {
    let cost = job.status.as_ref().and_then(|status| status.cost.as_ref());
    let Some(cost) = cost else {
        return Ok([0; 3]);
    };
    let read = |money: Option<&edugrid_crds::text::Money>| match money {
        Some(money) => amount(money.as_str()),
        None => Ok(0),
    };
    let mut vouchers = 0;
    for voucher in &cost.vouchers {
        vouchers += read(voucher.charged.as_ref())?;
    }
    let own = read(cost.own.as_ref().and_then(|own| own.charged.as_ref()))?;
    Ok([read(cost.charged.as_ref())?, vouchers, own])
}

/// Micro-yuan charged for all jobs together, as their objects say.
///
/// # Errors
/// If one of them holds an amount that is none.
pub fn sum(jobs: &[ComputeJob]) -> Result<u64> {
    jobs.iter().map(|job| Ok(charged(job)?[0])).sum()
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
            let units = job.units();
            faults.push(format!(
                "{name} ({units} units) is {}: {}",
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
        job[0] += amount(movement.cost.as_str())?;
        for share in &movement.vouchers {
            job[1] += amount(share.amount.as_str())?;
        }
        job[2] += amount(movement.own.as_str())?;
    }
    let mut faults = Vec::new();
    for job in jobs
        .iter()
        .filter(|job| job.metadata.namespace.as_deref() == Some(tenant))
    {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let seen = charged(job)?;
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
#[path = "agreement_tests.rs"]
mod tests;
