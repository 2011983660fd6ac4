//! The journal is written down whole, archived, cut short and continued from there (L12):
//! balances and statements stay the same whatever is taken away, nobody goes on with a journal
//! that lacks something, and a book lives in one cluster.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{
    Province,
    archive::{
        ARCHIVER, ARCHIVER_USER, names, options, restore, said, start_archiver, statement,
        wait_all_archived, wait_not_ready,
    },
    job, wait_for,
};
use serde_json::{Value, json};
use xtask::installation::{NAMESPACE, OPERATOR};

fn manifests(province: &Province) -> Result<usize> {
    let all = names(province, "ledgersnapshotparts")?;
    Ok(all
        .iter()
        .filter(|name| name.contains("-manifest-"))
        .count())
}

fn run_jobs(province: &Province, from: u32, to: u32) -> Result<()> {
    for index in from..to {
        let manifest = job("sdu-cs", &format!("job-{index}"), 1, 2, "1s", 0);
        province.cluster().apply("alice", &manifest)?;
    }
    for index in from..to {
        province.wait_phase("sdu-cs", &format!("job-{index}"), "Succeeded")?;
    }
    Ok(())
}

/// A leader that was killed finds its view and begins at a snapshot; one that has lost it
/// reads all segments, which are all there.
#[test]
fn a_leader_begins_at_the_newest_snapshot() -> Result<()> {
    let province = Province::start(2, options(None))?;
    run_jobs(&province, 0, 4)?;
    wait_for("a snapshot", || Ok(manifests(&province)? > 0))?;
    std::thread::sleep(Duration::from_secs(1));
    let before = statement(&province)?;
    for is_lost in [false, true] {
        province.edugrid.kill()?;
        if is_lost {
            province.edugrid.forget_view()?;
        }
        province.edugrid.restart()?;
        // The view catches up beside the leader; whoever asks is told to come again until it has.
        ensure!(statement(&province)? == before, "{before:#}");
        let log = province.cluster().log_tail(OPERATOR, 200);
        ensure!(log.contains("the books begin at a snapshot"), "{log}");
        let found = match is_lost {
            false => "the local view was there",
            true => "the local view was made from the journal",
        };
        ensure!(log.contains(found), "{log}");
    }
    run_jobs(&province, 4, 6)
}

#[test]
fn a_book_outlives_its_segments_its_view_and_its_cluster() -> Result<()> {
    let place = tempfile::tempdir()?;
    let archive = place.path().join("archive");
    let old = Province::start(2, options(Some(&archive)))?;
    start_archiver(&old, &archive)?;
    run_jobs(&old, 0, 8)?;
    wait_for("segments to be archived and deleted", || {
        let first = names(&old, "ledgersegments")?.into_iter().next();
        Ok(first.is_some_and(|first| first > format!("{:020}", 3)))
    })?;
    let before = statement(&old)?;
    ensure!(
        before["movements"].as_array().map(Vec::len) == Some(8),
        "{before:#}"
    );
    println!(
        "{} segments and {} parts of snapshots are left in the cluster",
        names(&old, "ledgersegments")?.len(),
        names(&old, "ledgersnapshotparts")?.len()
    );

    let verify = |more: &[&str]| -> Result<String> {
        let args = [&["ledger", "verify"], more].concat();
        let output = old.edugrid.edugrid("province-checker", &args)?;
        ensure!(output.status.success(), "{}", said(&output));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let place_of_all = archive.display().to_string();
    println!("{}{}", verify(&[])?, verify(&["--file", &place_of_all])?);

    // Killed, its disk gone, most of its journal too; and a leader that slept since long before has written meanwhile.
    old.edugrid.kill()?;
    old.edugrid.forget_view()?;
    old.cluster().pause(ARCHIVER)?;
    let stray = write_stray(&old)?;
    old.edugrid.restart()?;
    ensure!(statement(&old)? == before, "from the archive: {before:#}");
    println!("{}", verify(&[])?);
    old.cluster().resume(ARCHIVER)?;
    wait_for("the stray to be taken away", || {
        Ok(!names(&old, "ledgersegments")?.contains(&stray))
    })?;
    run_jobs(&old, 8, 9)?;
    let before = statement(&old)?;

    rewound(&old, &archive, &before)?;
    moved(&old, &archive, &before)
}

/// Writes another segment under a number that is free again, as the operator; returns its name.
fn write_stray(province: &Province) -> Result<String> {
    let cluster = province.cluster();
    let first = names(province, "ledgersegments")?;
    let first = first.first().context("a segment")?;
    let args = ["get", "ledgersegment", first, "--output=json"];
    let there: Value = serde_json::from_str(&cluster.kubectl("admin", &args)?.ok()?)?;
    let mut spec = there["spec"].clone();
    let name = format!("{:020}", 1);
    spec["sequence"] = json!(1);
    spec["nonce"] = json!("00000000-0000-4000-8000-000000000000");
    let stray = json!({
        "apiVersion": there["apiVersion"], "kind": there["kind"], "metadata": {"name": name}, "spec": spec,
    });
    let operator = format!("system:serviceaccount:{NAMESPACE}:{OPERATOR}");
    cluster
        .kubectl_with_input(&operator, &["create", "--filename=-"], &stray.to_string())?
        .ok()?;
    Ok(name)
}

/// The last segments are lost, as by an older backup of etcd.
fn rewound(old: &Province, archive: &Path, before: &Value) -> Result<()> {
    old.edugrid.stop()?;
    wait_all_archived(old, archive)?;
    old.cluster().terminate(ARCHIVER)?;
    let segments = names(old, "ledgersegments")?;
    let lost = segments.iter().rev().take(2);
    let first = lost.clone().next_back().context("segments")?;
    let parts = names(old, "ledgersnapshotparts")?;
    // An older backup has no snapshot either of what came later.
    let later = parts.iter().filter(|name| name.as_str() > first.as_str());
    for (kind, name) in lost
        .map(|name| ("ledgersegment", name))
        .chain(later.map(|name| ("ledgersnapshotpart", name)))
    {
        let args = ["delete", kind, name];
        old.cluster().kubectl(ARCHIVER_USER, &args)?.ok()?;
    }
    old.edugrid.launch()?;
    wait_not_ready(old, "LedgerRewound: the journal in the cluster ends")?;
    old.edugrid.kill()?;
    old.edugrid.forget_view()?;
    old.edugrid.launch()?;
    wait_not_ready(old, "the archive knows")?;
    let manifest = job("sdu-cs", "waits", 1, 2, "1s", 0);
    old.cluster().apply("alice", &manifest)?;
    wait_for("the waiting job to say so", || {
        Ok(old.job("sdu-cs", "waits")?["status"]["reason"] == "LedgerRewound")
    })?;
    start_archiver(old, archive)?;
    wait_for("the archiver to stop", || {
        Ok(!old.cluster().is_running(ARCHIVER))
    })?;
    let log = old.cluster().log_tail(ARCHIVER, 5);
    ensure!(log.contains("LedgerRewound"), "{log}");

    let restored = restore(old, archive, &[])?;
    ensure!(restored.status.success(), "{}", said(&restored));
    old.edugrid.wait_leading()?;
    ensure!(statement(old)? == *before, "after the restore: {before:#}");
    start_archiver(old, archive)?;
    old.wait_phase("sdu-cs", "waits", "Succeeded").map(drop)
}

/// Another cluster takes the book over; the old one may not go on beside it.
fn moved(old: &Province, archive: &Path, _: &Value) -> Result<()> {
    let before = statement(old)?;
    let new = Province::installed(2, options(Some(archive)))?;
    let refused = restore(&new, archive, &[])?;
    ensure!(!refused.status.success(), "beside an archiver that writes");
    println!("{}", said(&refused));
    wait_all_archived(old, archive)?;
    old.cluster().terminate(ARCHIVER)?;
    let refused = restore(&new, archive, &[])?;
    ensure!(
        said(&refused).contains("may still run"),
        "{}",
        said(&refused)
    );
    let restored = restore(&new, archive, &["--take-over"])?;
    ensure!(restored.status.success(), "{}", said(&restored));
    let again = restore(&new, archive, &[])?;
    ensure!(again.status.success(), "again: {}", said(&again));

    // The old leader sees it, ends, and may not lead any more; nor may its archiver archive.
    wait_for("the old leader to end", || {
        Ok(!old.cluster().is_running(OPERATOR))
    })?;
    old.edugrid.launch()?;
    wait_not_ready(old, "the archive belongs to cluster")?;
    start_archiver(old, archive)?;
    wait_for("the old archiver to stop", || {
        Ok(!old.cluster().is_running(ARCHIVER))
    })?;
    let log = old.cluster().log_tail(ARCHIVER, 5);
    ensure!(log.contains("nothing is archived or deleted here"), "{log}");

    new.edugrid.start()?;
    new.declare()?;
    new.edugrid.wait_reached()?;
    let accounts = statement(&new)?["accounts"].clone();
    ensure!(
        accounts == before["accounts"],
        "{accounts:#} and {:#}",
        before["accounts"]
    );
    start_archiver(&new, archive)?;
    run_jobs(&new, 20, 21)?;
    let charged = statement(&new)?["movements"].as_array().map(Vec::len);
    let earlier = before["movements"].as_array().map(Vec::len);
    ensure!(charged > earlier, "{charged:?} after {earlier:?}");
    ensure!(new.cluster().is_running(ARCHIVER), "it goes on from here");
    Ok(())
}
