//! Two universities compete for the same cards: the right one goes first, and the other is
//! told why, with the same numbers everywhere (O2, O3, W).

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use xtask::installation::InstallOptions;

#[test]
fn the_owner_goes_first_and_the_other_is_told_why() -> Result<()> {
    // Two nodes of 8 cards: exactly what sdu owns.
    let province = Province::start(2, InstallOptions::default())?.with_a_borrower()?;
    let cluster = province.cluster();

    // sdu fills the pool; then both want 8 cards, lnu first.
    cluster.apply("alice", &job("sdu-cs", "fills", 2, 8, "45s", 0))?;
    province.wait_phase("sdu-cs", "fills", "Running")?;
    cluster.apply("bob", &job("lnu", "borrows", 1, 8, "1s", 0))?;
    std::thread::sleep(std::time::Duration::from_millis(1500));
    cluster.apply("alice", &job("sdu-cs", "owns", 1, 8, "8s", 0))?;

    told_everywhere(&province)?;
    let owner = province.wait_phase("sdu-cs", "owns", "Succeeded")?;
    let borrower = province.wait_phase("lnu", "borrows", "Succeeded")?;
    let start = |job: &serde_json::Value| -> Result<jiff::Timestamp> {
        Ok(job["status"]["startedAt"]
            .as_str()
            .context("startedAt")?
            .parse()?)
    };
    ensure!(
        start(&owner)? <= start(&borrower)?,
        "the owner in its nominal goes first, though it came later: {owner:#} {borrower:#}"
    );
    Ok(())
}

/// The reason and its numbers stand in `kubectl get`, `explain` and on the metric.
fn told_everywhere(province: &Province) -> Result<()> {
    let reason = "QuotaExceeded";
    let pending = format!("edugrid_pending_jobs{{tenant=\"lnu\",reason=\"{reason}\"}}");
    wait_for("the metric", || {
        Ok(province
            .edugrid
            .metric(&pending)
            .is_ok_and(|jobs| jobs == 1.0))
    })?;
    let explained = province
        .edugrid
        .edugrid("bob", &["explain", "borrows", "--namespace=lnu"])?;
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    ensure!(
        explained.status.success(),
        "{}",
        String::from_utf8_lossy(&explained.stderr)
    );
    for word in [reason, "asked 8", "free 0", "missing 8"] {
        ensure!(text.contains(word), "explain does not say {word}:\n{text}");
    }
    // A reason that may end by itself is written to the object after 30 s (A6).
    wait_for("the reason in kubectl get", || {
        Ok(province.job("lnu", "borrows")?["status"]["reason"] == reason)
    })?;
    let wide = province.cluster().kubectl(
        "bob",
        &[
            "get",
            "computejob",
            "borrows",
            "--namespace=lnu",
            "--output=wide",
        ],
    )?;
    let wide = wide.ok()?;
    for word in [reason, "asked 8", "free 0", "missing 8"] {
        ensure!(
            wide.contains(word),
            "kubectl get does not say {word}:\n{wide}"
        );
    }
    let own = province
        .edugrid
        .edugrid("bob", &["queue", "--namespace=lnu"])?;
    let text = String::from_utf8_lossy(&own.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("borrows"));
    ensure!(
        own.status.success() && line.is_some_and(|line| line.contains(reason)),
        "bob's own queue: {text}"
    );
    let queue = province
        .edugrid
        .edugrid("bob", &["queue", "--namespace=sdu-cs"])?;
    ensure!(!queue.status.success(), "bob may not read sdu-cs's queue");
    Ok(())
}
