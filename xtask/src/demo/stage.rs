//! Runs a step of the demo with its progress shown. It must not know what the step does.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::progress::Progress;

/// How often a progress line learns that time passes.
const TICK: Duration = Duration::from_millis(200);

/// Runs a step in a thread of its own, so that its progress line shows that time passes.
///
/// # Errors
/// The step's own.
pub fn stage<T: Send>(what: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let mut progress = Progress::start(what);
    let (done, wait) = mpsc::channel();
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let result = work();
            // Nobody listens any more only if this process is ending.
            let _ = done.send(());
            result
        });
        while let Err(mpsc::RecvTimeoutError::Timeout) = wait.recv_timeout(TICK) {
            progress.tick("");
        }
        worker
            .join()
            .map_err(|_| anyhow!("the step panicked: {what}"))?
    });
    match result {
        Ok(value) => {
            progress.done("done");
            Ok(value)
        }
        Err(error) => {
            progress.done("failed");
            Err(error)
        }
    }
}
