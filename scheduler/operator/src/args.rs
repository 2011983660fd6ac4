//! What the operator can be told on its command line, or by environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use edugrid_units::Language;

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

    /// Language of the sentences written into jobs and printed in tables: en or zh. Codes and
    /// fields are the same in both, and answers as JSON carry both.
    #[arg(long, env = "EDUGRID_LANGUAGE", default_value = "en", value_parser = language)]
    pub language: Language,

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

fn language(tag: &str) -> Result<Language, String> {
    let known = [Language::English, Language::Chinese];
    let found = known.into_iter().find(|language| language.tag() == tag);
    found.ok_or_else(|| "one of en, zh".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_one_of_two() {
        let parsed = |tag: &str| {
            let args = ["edugrid-scheduler", "--language", tag];
            Args::try_parse_from(args).map(|args| args.language)
        };
        assert_eq!(parsed("zh").ok(), Some(Language::Chinese));
        let refused = parsed("de")
            .expect_err("not a language of ours")
            .to_string();
        assert!(refused.contains("one of en, zh"), "{refused}");
        let none = Args::try_parse_from(["edugrid-scheduler"]).map(|args| args.language);
        assert_eq!(none.ok(), Some(Language::English));
    }
}
