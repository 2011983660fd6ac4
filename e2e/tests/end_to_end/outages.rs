//! What the operator stands on goes away under load: etcd stops answering for half a minute, the API server dies and
//! comes back on the same data, or it freezes for longer than the lease. The operator holds on or ends its process, which
//! the test starts again as the kubelet would; nothing is lost (A1, A2, L12).

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use edugrid_e2e::{
    Province,
    load::{COLLEGE, Load},
    seeds::{self, Random},
    supervisor::kept_running,
    wait_for,
};
use jiff::Timestamp;
use xtask::{installation::InstallOptions, tools::Tool};

/// The lease of an installation as it is shipped, in seconds.
const LEASE_SECONDS: u32 = 15;
/// Longer than the lease.
const FROZEN: Duration = Duration::from_secs(20);
/// How long etcd is stopped.
const STOPPED: Duration = Duration::from_secs(30);
/// Jobs that are on their way when it happens.
const JOBS: usize = 10;

/// What goes away: all with `--all-seeds`, else the one whose number the commit chooses.
const OUTAGES: [u64; 3] = [0, 1, 2];

#[test]
fn nothing_is_lost_when_the_ground_goes_away() -> Result<()> {
    let options = InstallOptions {
        lease_seconds: LEASE_SECONDS,
        ..InstallOptions::default()
    };
    let province = Province::audited(4, options)?;
    let mut load = Load::new(&province, Random(20_261_122))?;
    let mut moments = Vec::new();
    for outage in seeds::seeds(&OUTAGES) {
        for _ in 0..JOBS {
            load.submit(&COLLEGE)?;
        }
        load.stir()?;
        sleep(Duration::from_millis(700));
        let at = Timestamp::now();
        let epoch = province
            .edugrid
            .metric("edugrid_leader_epoch")
            .unwrap_or(0.0);
        let ((), restarts) = kept_running(&province.edugrid, &[], || {
            let since = Instant::now();
            let name = happens(&province, outage)?;
            println!("{name}: over after {:?}", since.elapsed());
            // The one that leads now is another, or still the one that did.
            wait_for("the operator to lead", || {
                let said = province.edugrid.readiness();
                Ok(said.is_ok_and(|(_, words)| words.contains("leading")))
            })?;
            println!("it leads {:?} after the beginning", since.elapsed());
            moments.push((name, at));
            for _ in 0..2 {
                load.submit(&COLLEGE)?;
            }
            load.finish(&province)
        })?;
        let now = province
            .edugrid
            .metric("edugrid_leader_epoch")
            .unwrap_or(0.0);
        println!("started again {restarts} times, epoch {epoch} before, {now} now");
    }
    let found = load.audit().check(&province)?;
    for (name, at) in moments {
        println!("{name} hit {}", found.in_flight(at));
    }
    Ok(())
}

/// Lets it happen, and says what it was.
fn happens(province: &Province, outage: u64) -> Result<&'static str> {
    let cluster = province.cluster();
    let frozen = |tool: Tool, span: Duration| {
        cluster.pause(tool.binary())?;
        sleep(span);
        cluster.resume(tool.binary())
    };
    match outage {
        0 => frozen(Tool::Etcd, STOPPED).map(|()| "etcd stopped for 30 s"),
        1 => cluster
            .restart_apiserver()
            .map(|()| "the API server killed and started again"),
        _ => frozen(Tool::KubeApiserver, FROZEN)
            .map(|()| "the API server frozen for 20 s, longer than the lease"),
    }
}
