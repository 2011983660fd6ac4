//! What the operator can be told on its command line, or by environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

/// Schedules a province's compute jobs and keeps the books.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "edugrid-scheduler",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Something else than scheduling.
    #[command(subcommand)]
    pub chore: Option<Chore>,

    /// Directory of the local view; made if it is absent, rebuilt from the journal if it is
    /// damaged. May be thrown away at any time.
    #[arg(long, env = "EDUGRID_DATA_DIR", default_value = "/var/lib/edugrid")]
    pub data_dir: PathBuf,

    /// Where probes and metrics are served.
    #[arg(long, env = "EDUGRID_METRICS_ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: SocketAddr,

    /// Where the aggregated visibility API is served; needs the two files below.
    #[arg(long, env = "EDUGRID_VISIBILITY_ADDRESS", requires = "tls_certificate")]
    pub visibility_address: Option<SocketAddr>,

    /// PEM file with the certificate of the visibility API.
    #[arg(long, env = "EDUGRID_TLS_CERTIFICATE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// PEM file with its key.
    #[arg(long, env = "EDUGRID_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// How many virtual seconds pass in a real one, for tests and demonstrations (N5). It is
    /// written into a new book and never changes.
    #[arg(long, env = "EDUGRID_CLOCK_FACTOR", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clock_factor: u32,

    /// How long the leader's lease lasts without renewal, in seconds.
    #[arg(long, env = "EDUGRID_LEASE_SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(2..=60))]
    pub lease_seconds: u64,

    /// The operator's own namespace.
    #[arg(long, env = "EDUGRID_NAMESPACE", default_value = edugrid_crds::labels::SYSTEM_NAMESPACE)]
    pub namespace: String,
}

/// What the binary does beside scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Chore {
    /// Print the page of the documentation that lists all metrics, and end.
    MetricsTable,
}

impl Args {
    /// How long the lease lasts.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }
}
