//! Starts operators again that ended by themselves, as a kubelet does with the container of a pod: an operator that can't
//! go on ends its process and relies on that. It must not know why one ended.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

use anyhow::{Result, anyhow};
use xtask::installation::{Installation, OPERATOR, Replica};

/// Between looks, and so about what a kubelet waits before the first restart.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Does `work` with the operator, and its further replicas, kept running. Says how often one was started again.
///
/// # Errors
/// Those of `work`, or if an operator can't be started.
pub fn kept_running<T>(
    edugrid: &Installation,
    replicas: &[Replica],
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, u32)> {
    let (is_over, restarts) = (AtomicBool::new(false), AtomicU32::new(0));
    scope(|scope| {
        let keeper = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Acquire) {
                if !edugrid.cluster().is_running(OPERATOR) {
                    edugrid.launch()?;
                    restarts.fetch_add(1, Ordering::AcqRel);
                }
                for replica in replicas {
                    if !edugrid.cluster().is_running(&replica.name) {
                        edugrid.relaunch(replica)?;
                        restarts.fetch_add(1, Ordering::AcqRel);
                    }
                }
                sleep(LOOK_AGAIN);
            }
            Ok(())
        });
        let done = work();
        is_over.store(true, Ordering::Release);
        keeper
            .join()
            .map_err(|_| anyhow!("the supervisor panicked"))??;
        Ok((done?, restarts.load(Ordering::Acquire)))
    })
}
