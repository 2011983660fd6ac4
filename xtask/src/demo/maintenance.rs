//! A rack is taken out for maintenance while the jobs run, as whoever owns the nodes would: by
//! cordon and uncordon. What runs there goes on; nothing new starts there, while its quota stays.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::submit::Beginning;
use super::world::A100;
use crate::cluster::Cluster;

/// Nodes of the rack.
pub const NODES: u32 = 3;
/// When it is taken out, in virtual seconds after the first job's arrival.
pub const FROM_SECONDS: u64 = 5400;
/// When it is back.
pub const TO_SECONDS: u64 = 9000;
/// How often it looks whether its time has come.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Takes the rack out and gives it back, unless `stop` is set before. It sets `stop` itself when
/// it fails.
///
/// # Errors
/// If the cluster refuses.
pub fn keep(cluster: &Cluster, beginning: Beginning, stop: &AtomicBool) -> Result<()> {
    for (verb, at) in [("cordon", FROM_SECONDS), ("uncordon", TO_SECONDS)] {
        while beginning.passed() < at {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        let mut args = vec![verb.to_owned()];
        args.extend(nodes());
        let done = cluster
            .kubectl("admin", &args)
            .and_then(|output| output.ok());
        if let Err(error) = done {
            stop.store(true, Ordering::Relaxed);
            return Err(error);
        }
    }
    Ok(())
}

/// The last nodes of the pool.
fn nodes() -> impl Iterator<Item = String> {
    (A100.nodes - NODES..A100.nodes).map(|index| format!("{}-{index}", A100.prefix))
}
