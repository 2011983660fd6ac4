//! What is asked of programs: the operator's command line, the paths and pages of the visibility
//! API, and the trace that the demo plays.

use std::ops::RangeInclusive;

use clap::Parser;
use edugrid_scheduler::{
    args::Args,
    visibility::{Page, Route, Select},
};
use edugrid_units::Seconds;
use xtask::demo::trace;

use crate::input::Input;

/// The operator's flags, parted by zero bytes: what is taken is within its bounds, and fractions
/// have one spelling.
pub fn configuration(data: &[u8]) {
    const HALF_LIVES: RangeInclusive<Seconds> = Seconds(60)..=Seconds(8760 * 3600);
    let text = Input(data).text();
    let flags: Vec<&str> = text.split('\0').take(16).collect();
    let line = std::iter::once("edugrid-scheduler").chain(flags.iter().copied());
    let Ok(args) = Args::try_parse_from(line) else {
        return;
    };
    assert!(HALF_LIVES.contains(&args.half_life), "{:?}", args.half_life);
    let (num, den) = (args.past_weight.num(), args.past_weight.den());
    assert!(num <= 100 && (1..=100).contains(&den), "{num}/{den}");
    assert!((1..=100_000).contains(&args.clock_factor));
    assert!((2..=60).contains(&args.lease_seconds));
    assert!(args.tls_certificate.is_none() || args.tls_key.is_some());
    for flag in flags {
        if let Some(weight) = flag.strip_prefix("--past-weight=") {
            assert!(!weight.contains('+'), "{weight}");
        }
    }
}

/// A path, and after zero bytes the limit and the token of a page.
pub fn visibility(data: &[u8]) {
    let text = Input(data).text();
    let mut parts = text.splitn(3, '\0');
    let path = parts.next().unwrap_or_default();
    let (limit, token) = (parts.next(), parts.next());
    let page = Page::parse("list", limit, token);
    let Some(route) = Route::parse(path) else {
        return;
    };
    let Route::Read(target) = route else {
        return;
    };
    for part in [&target.namespace, &target.name].into_iter().flatten() {
        assert!(!part.is_empty() && !part.contains(['%', '/']), "{path}");
    }
    if let Ok(page) = page {
        let _asked_or_refused = target.query(page, Select::default());
    }
    let _metrics_or_not = target.metrics();
}

/// A trace as the demo reads it: every job has pods, an arrival and a time to run.
pub fn trace(data: &[u8]) {
    let mut input = Input(data);
    if input.byte().is_multiple_of(4) {
        let _stretch_or_not = trace::rows(input.text());
        return;
    }
    let Ok(rows) = trace::read(input.text()) else {
        return;
    };
    let Ok((jobs, _)) = trace::jobs(&rows) else {
        return;
    };
    assert_eq!(jobs.len(), rows.len());
    for job in jobs {
        assert!(job.replicas > 0 && job.units() > 0, "{job:?}");
        assert!((trace::RUN_SECONDS_MIN..=trace::RUN_SECONDS_MAX).contains(&job.runs));
        assert!(job.walltime() > job.runs, "{job:?}");
    }
}
