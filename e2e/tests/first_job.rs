//! The first job through a real cluster: from a user's YAML to a charged voucher.

use edugrid_e2e::{Province, job};
use xtask::installation::InstallOptions;

#[test]
fn a_plain_job_runs_is_charged_and_proved() -> anyhow::Result<()> {
    let province = Province::start(2, InstallOptions::default())?;
    province
        .cluster()
        .apply("alice", &job("sdu-cs", "first", 2, 4, "4s", 0))?;
    let done = province.wait_phase("sdu-cs", "first", "Succeeded")?;
    println!("{done:#}");
    Ok(())
}
