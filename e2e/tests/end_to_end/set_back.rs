//! etcd is set back to an older backup, in which a job still waits that has run, was paid for, deleted and forgotten
//! since. The archive brings the books back; the job must not run a second time (A2, L12; design 0012, R15).

use anyhow::{Result, ensure};
use edugrid_e2e::{
    Province,
    archive::{
        ARCHIVER, options, restore, said, start_archiver, statement, wait_all_archived,
        wait_not_ready,
    },
    job, wait_for,
};
use serde_json::json;

/// A job that waits until somebody lets it go.
fn held(name: &str) -> String {
    format!("{}  state: Hold\n", job("sdu-cs", name, 1, 2, "1s", 0))
}

fn release(province: &Province, name: &str) -> Result<()> {
    let (job, run) = (
        format!("computejob/{name}"),
        json!({"spec": {"state": "Run"}}),
    );
    let patched = province
        .cluster()
        .patch("alice", &job, &["--namespace=sdu-cs"], &run)?;
    patched.ok()?;
    province.wait_phase("sdu-cs", name, "Succeeded").map(drop)
}

#[test]
fn what_ran_before_etcd_was_set_back_does_not_run_again() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (archive, backup) = (place.path().join("archive"), place.path().join("backup"));
    let province = Province::start(1, options(Some(&archive)))?;
    let cluster = province.cluster();
    start_archiver(&province, &archive)?;
    for name in ["ran", "waits"] {
        cluster.apply("alice", &held(name))?;
        province.wait_phase("sdu-cs", name, "Pending")?;
    }
    province.edugrid.stop()?;
    cluster.back_up_etcd(&backup)?;
    province.edugrid.restart()?;
    release(&province, "ran")?;
    let args = ["delete", "computejob", "ran", "--namespace=sdu-cs"];
    cluster.kubectl("alice", &args)?.ok()?;
    // A leader looks for what is gone when it begins, and then every ten minutes.
    province.edugrid.kill()?;
    province.edugrid.restart()?;
    wait_for("the job to be forgotten", || {
        let args = ["ledger", "export"];
        let books = province.edugrid.edugrid("province-checker", &args)?;
        Ok(String::from_utf8_lossy(&books.stdout).contains(r#"{"Forget":{"#))
    })?;
    let before = statement(&province)?;
    province.edugrid.stop()?;
    wait_all_archived(&province, &archive)?;
    cluster.terminate(ARCHIVER)?;

    cluster.set_etcd_back(&backup)?;
    province.edugrid.forget_view()?;
    province.edugrid.launch()?;
    wait_not_ready(&province, "LedgerRewound")?;
    let job = province.job("sdu-cs", "ran")?;
    ensure!(job["status"]["phase"] == "Pending", "{job:#}");
    let restored = restore(&province, &archive, &[])?;
    ensure!(restored.status.success(), "{}", said(&restored));
    let told = String::from_utf8_lossy(&restored.stdout);
    ensure!(told.contains("1 jobs had run and been deleted"), "{told}");
    province.edugrid.wait_leading()?;
    ensure!(province.job("sdu-cs", "ran").is_err(), "it is gone again");
    let after = statement(&province)?;
    ensure!(after == before, "{after:#} and {before:#}");
    release(&province, "waits")
}
