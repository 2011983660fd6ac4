//! How a program of EduGrid in a cluster writes what happens: a line of JSON each, to standard error. The same for
//! operator and archiver, so that one rule reads both.

use tracing_subscriber::EnvFilter;

/// What is written unless `RUST_LOG` says otherwise.
const LEVELS: &str = "info,kube_client=warn";

/// Begins to write. Once, before anything else of the process.
pub fn begin() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| LEVELS.into());
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
