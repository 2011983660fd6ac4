//! A tenant's namespace is deleted with running jobs, and made again with the same name and jobs of the same names: what
//! was held is settled from the journal, the cards are free, and new jobs are new (A7).

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, audit::Audit, job, wait_for};
use jiff::Timestamp;
use xtask::installation::InstallOptions;

#[test]
fn a_namespace_goes_with_running_jobs_and_comes_again() -> Result<()> {
    let province = Province::audited(2, InstallOptions::default())?;
    let (cluster, edugrid) = (province.cluster(), &province.edugrid);
    // All sixteen cards of the university, so that what comes after needs them free.
    cluster.apply("alice", &job("sdu-cs", "runs", 2, 6, "600s", 0))?;
    cluster.apply("alice", &job("sdu-cs", "alone", 1, 2, "600s", 0))?;
    cluster.apply("alice", &job("sdu-cs", "waits", 1, 8, "600s", 0))?;
    province.wait_phase("sdu-cs", "runs", "Running")?;
    province.wait_phase("sdu-cs", "alone", "Running")?;
    let old = province.job("sdu-cs", "runs")?["metadata"]["uid"]
        .as_str()
        .context("a UID")?
        .to_owned();

    let asked_at = Timestamp::now();
    let delete = ["delete", "namespace", "sdu-cs", "--wait", "--timeout=120s"];
    cluster.kubectl("admin", &delete)?.ok()?;
    let gone_at = Timestamp::now();
    println!(
        "the namespace was gone after {:.1} s",
        (gone_at - asked_at).total(jiff::Unit::Second)?
    );
    wait_for("the cards to be free", || {
        let used = "edugrid_tenant_usage_units{tenant=\"sdu-cs\",pool=\"a100\"}";
        Ok(edugrid.metric(used).is_ok_and(|used| used == 0.0))
    })?;

    edugrid.apply_file("admin", "examples/first-job/20-namespace.yaml")?;
    edugrid.bind("sdu-cs", "edugrid-user", "sdu-cs-users")?;
    wait_for("alice's rights", || {
        Ok(cluster
            .apply("alice", &job("sdu-cs", "runs", 2, 8, "6s", 0))
            .is_ok())
    })?;
    cluster.apply("alice", &job("sdu-cs", "alone", 1, 2, "2s", 0))?;
    province.wait_phase("sdu-cs", "runs", "Succeeded")?;
    province.wait_phase("sdu-cs", "alone", "Succeeded")?;

    let audit = ["runs", "alone"]
        .iter()
        .fold(Audit::default(), |audit, name| {
            audit.ends("sdu-cs", name, &["Succeeded"])
        });
    let found = audit.check(&province)?;
    let uids: BTreeSet<&str> = found
        .books
        .attempts
        .keys()
        .map(|(uid, _)| uid.as_str())
        .collect();
    ensure!(uids.len() == 4, "two jobs before and two after: {uids:?}");
    for ((uid, number), attempt) in &found.books.attempts {
        println!(
            "{} {number}: {:?}, {:?}, {} µ¥ of {}",
            attempt.job, attempt.outcome, attempt.interval, attempt.charged, attempt.held
        );
        ensure!(
            *number == 1,
            "new jobs are new: {} attempt {number}",
            attempt.job
        );
        let is_old = found
            .durable
            .get(&attempt.admit)
            .is_some_and(|at| *at < asked_at);
        ensure!(uid != &old || is_old, "the old job is in the books as new");
        if is_old {
            ensure!(
                ["Deleted", "Disrupted"].contains(&attempt.outcome.as_deref().unwrap_or("")),
                "{attempt:?}"
            );
            let (_, ended) = attempt.interval.context("they ran")?;
            ensure!(
                ended <= gone_at.as_second(),
                "charged beyond its end: {attempt:?}"
            );
        }
    }
    Ok(())
}
