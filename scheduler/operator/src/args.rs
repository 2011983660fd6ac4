//! What the operator can be told on its command line, or by environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use edugrid_units::{Language, Ratio, Seconds};

use crate::{
    compaction::Thresholds,
    desk::{FairShare, Settings},
    pile::Bounds,
};

/// Bounds of the half-life: where it is short, minutes are a history; where it is long, nothing
/// is ever forgotten.
const HALF_LIFE_MIN: Seconds = Seconds(60);
const HALF_LIFE_MAX: Seconds = Seconds(8760 * 3600);
/// Largest term of the past's weight: shares are counted in 128 bits.
const WEIGHT_TERM_MAX: u32 = 100;

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

    /// After which time half of what a tenant or user borrowed is forgotten in the order of
    /// jobs: 1m to 8760h. A change keeps what is remembered.
    #[arg(long, env = "EDUGRID_HALF_LIFE", default_value = "168h", value_parser = half_life)]
    pub half_life: Seconds,

    /// How much what was borrowed counts beside what is borrowed now, as a fraction of whole
    /// numbers up to 100: 1/1 as much, 0/1 not at all.
    #[arg(long, env = "EDUGRID_PAST_WEIGHT", default_value = "1/1", value_parser = past_weight)]
    pub past_weight: Ratio,

    /// How many segments of the journal may pile up until the books are written down whole
    /// (a snapshot), from which the next leader starts and after which the archiver may
    /// delete segments.
    #[arg(long, env = "EDUGRID_SNAPSHOT_SEGMENTS", default_value_t = 2000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub snapshot_segments: u64,

    /// The same in bytes of their payloads.
    #[arg(long, env = "EDUGRID_SNAPSHOT_BYTES", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub snapshot_bytes: u64,

    /// At how many segments in etcd admission stops; ends and charges go on. An archiver keeps
    /// it far below.
    #[arg(long, env = "EDUGRID_JOURNAL_SEGMENTS_MAX", default_value_t = 200_000,
          value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    pub journal_segments_max: u64,

    /// The same in bytes of their payloads; etcd must have room for twice that beside
    /// everything else in it.
    #[arg(long, env = "EDUGRID_JOURNAL_BYTES_MAX", default_value_t = 768 << 20,
          value_parser = clap::value_parser!(u64).range(1 << 20..=64 << 30))]
    pub journal_bytes_max: u64,

    /// Directory of the archive, for reading: a lost view is made whole from it, and a journal
    /// that lacks what it has is not continued.
    #[arg(long, env = "EDUGRID_ARCHIVE_DIR")]
    pub archive_dir: Option<PathBuf>,

    /// The operator's own namespace.
    #[arg(long, env = "EDUGRID_NAMESPACE", default_value = edugrid_crds::labels::SYSTEM_NAMESPACE)]
    pub namespace: String,
}

/// What the binary does beside scheduling.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Chore {
    /// Print the page of the documentation that lists all metrics, and end.
    MetricsTable,
    /// Put the books of an archive into this cluster, which is empty or whose etcd was set
    /// back, and end. Can be run again after a crash.
    Restore {
        /// The directory of the archive; must be writable.
        #[arg(long)]
        archive: PathBuf,
        /// Also where the archive was written a moment ago: the cluster that wrote it may not
        /// go on.
        #[arg(long)]
        take_over: bool,
    },
}

impl Args {
    /// What the desk is to know.
    pub fn settings(&self) -> Settings {
        Settings {
            language: self.language,
            fair_share: FairShare {
                half_life: self.half_life,
                past_weight: self.past_weight,
            },
        }
    }

    /// When the books are written down whole.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            segments: self.snapshot_segments,
            bytes: self.snapshot_bytes,
        }
    }

    /// When too much of the journal is in etcd.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            segments: self.journal_segments_max,
            bytes: self.journal_bytes_max,
        }
    }

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

fn half_life(text: &str) -> Result<Seconds, String> {
    let span = Seconds::parse(text).map_err(|error| error.to_string())?;
    if (HALF_LIFE_MIN..=HALF_LIFE_MAX).contains(&span) {
        Ok(span)
    } else {
        Err(format!(
            "{span} is not from {HALF_LIFE_MIN} to {HALF_LIFE_MAX}; to let the past not count, set the past's weight to 0/1"
        ))
    }
}

fn past_weight(text: &str) -> Result<Ratio, String> {
    let known = text.split_once('/').and_then(|(num, den)| {
        // No sign: a fraction has one spelling.
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|it| *it <= WEIGHT_TERM_MAX);
            number.filter(|_| digits)
        };
        Ratio::new(number(num)?, number(den)?).ok()
    });
    known.ok_or_else(|| {
        format!(
            "\"{text}\" is not a fraction of whole numbers up to {WEIGHT_TERM_MAX} like \"1/1\" or \"1/2\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_that_silently_does_not_count_is_refused() {
        let parsed = |flag: &str| {
            let parsed = Args::try_parse_from(["edugrid-scheduler", flag]);
            parsed.map(|args| args.settings().fair_share)
        };
        let share = parsed("--half-life=72h").expect("a span");
        assert_eq!(share.half_life, Seconds(72 * 3600));
        assert_eq!(share.past_weight, Ratio::ONE);
        assert_eq!(
            parsed("--past-weight=0/1").expect("no past").past_weight,
            Ratio::ZERO
        );
        for (flag, words) in [
            ("--half-life=0s", "set the past's weight to 0/1"),
            ("--half-life=9000h", "9000h is not from 1m to 8760h"),
            ("--half-life=7d", "write it like"),
            ("--past-weight=1/0", "is not a fraction"),
            ("--past-weight=0.5", "is not a fraction"),
            ("--past-weight=101/1", "up to 100"),
            ("--past-weight=+1/1", "is not a fraction"),
        ] {
            let refused = parsed(flag).expect_err(flag).to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }

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
