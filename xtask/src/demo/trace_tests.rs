//! The excerpt against its rule and the full trace, and what the rules make of rows.

use std::collections::BTreeSet;

use super::*;
use crate::installation::repository;

/// The full trace is no part of the repository; where it lies beside the checkout, the excerpt
/// is compared with it.
const FULL: &str = "../shared/traces/philly-2017/philly-first60.csv";

/// What makes a stretch worth playing: a crowd, from many places, with gangs.
const SPAN_SECONDS_MAX: i64 = 7200;
const CLUSTERS_MIN: usize = 7;
const GANGS_MIN: usize = 20;

/// The lines of the excerpt that hold rows.
fn lines() -> Vec<&'static str> {
    EXCERPT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .collect()
}

fn fits(rows: &[Row]) -> bool {
    let span = rows[rows.len() - 1].arrived.duration_since(rows[0].arrived);
    span.as_secs() <= SPAN_SECONDS_MAX
        && rows.iter().filter(|row| row.cards > 1).count() >= GANGS_MIN
        && clusters(rows).len() >= CLUSTERS_MIN
}

#[test]
fn the_excerpt_is_a_stretch_that_fits_its_rule() {
    let rows = read(EXCERPT).expect("rows");
    assert_eq!(rows.len(), JOBS);
    assert!(fits(&rows));
    for pair in rows.windows(2) {
        assert_eq!(pair[0].number + 1, pair[1].number);
        assert!(pair[0].arrived <= pair[1].arrived);
    }
    for (line, row) in lines().iter().zip(&rows) {
        let gpu_time = line.split(',').nth(4).expect("a fifth column");
        assert_eq!(gpu_time, format!("{}.0", row.ran * u64::from(row.cards)));
    }
}

#[test]
fn the_excerpt_is_the_first_such_stretch_of_the_trace() {
    let Ok(full) = std::fs::read_to_string(repository().join(FULL)) else {
        eprintln!("the full trace is not at {FULL}: only the excerpt itself was checked");
        return;
    };
    let numbered: Vec<String> = full
        .lines()
        .skip(1)
        .zip(1..)
        .map(|(line, number)| format!("{number},{line}"))
        .collect();
    let rows: Vec<Row> = numbered
        .iter()
        .map(|line| row(line))
        .collect::<Result<_>>()
        .expect("rows of the trace");
    let first = rows.windows(JOBS).position(fits).expect("a stretch fits");
    assert_eq!(lines(), numbered[first..first + JOBS]);
}

#[test]
fn every_job_is_within_the_printed_limits_and_nothing_is_cut_unsaid() {
    let rows = read(EXCERPT).expect("rows");
    let (jobs, cuts) = jobs(&rows).expect("jobs");
    let mut changed = Cuts::default();
    for (job, row) in jobs.iter().zip(&rows) {
        assert!((RUN_SECONDS_MIN..=RUN_SECONDS_MAX).contains(&job.runs));
        assert!(job.cards_per_pod <= CARDS_PER_NODE && job.cards() <= CARDS_PER_JOB_MAX);
        assert!(job.walltime() >= job.runs + MARGIN_SECONDS);
        changed.longer += usize::from(job.runs < row.ran);
        changed.shorter += usize::from(job.runs > row.ran);
        changed.wider += usize::from(job.cards() < row.cards);
        assert!(job.cards() <= row.cards, "no job asks for more than it did");
    }
    assert_eq!(changed, cuts);
    let tenants: BTreeSet<&str> = jobs.iter().map(|job| job.tenant.name).collect();
    assert_eq!(tenants.len(), TENANTS.len());
}

#[test]
fn gangs_are_split_into_pods_and_cut_at_the_pool() {
    let case = |cards| {
        let text = format!("a\n7,2017-10-17 02:28:08,1.0,{cards},1.0,x\n");
        let (jobs, cuts) = jobs(&read(&text).expect("rows")).expect("jobs");
        (jobs[0].replicas, jobs[0].cards_per_pod, cuts.wider)
    };
    assert_eq!(case(1), (1, 1, 0));
    assert_eq!(case(4), (1, 4, 0));
    assert_eq!(case(6), (2, 3, 0));
    assert_eq!(case(8), (2, 4, 0));
    assert_eq!(case(128), (8, 4, 1));
}

#[test]
fn what_is_no_row_is_named() {
    for line in [
        "7,2017-10-17 02:28:08,1.5,1,1.5,x",
        "7,soon,1.0,1,1.0,x",
        "7",
    ] {
        let error = read(&format!("a\n{line}\n")).expect_err("refused");
        assert!(error.to_string().contains(line), "{error}");
    }
}
