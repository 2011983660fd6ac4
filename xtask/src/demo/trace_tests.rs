//! The excerpt against its rule and the full trace, and what the rules make of rows.

use std::collections::BTreeMap;

use super::*;
use crate::demo::world::{A100, ASCEND};
use crate::installation::repository;

/// The full trace is no part of the repository; where it lies beside the checkout, the excerpt
/// is compared with it.
const FULL: &str = "../shared/traces/philly-2017/philly-first60.csv";

/// Jobs in the excerpt.
const JOBS: usize = 200;
/// What makes a stretch worth playing: a crowd from many places, none of them alone, with gangs.
const SPAN_SECONDS_MAX: i64 = 7 * 3600;
const CLUSTERS_MIN: usize = 10;
const LARGEST_CLUSTER_MAX: usize = JOBS * 2 / 5;
const GANGS_MIN: usize = 25;

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
    let mut clusters = BTreeMap::<&str, usize>::new();
    for row in rows {
        *clusters.entry(&row.cluster).or_default() += 1;
    }
    span.as_secs() <= SPAN_SECONDS_MAX
        && rows.iter().filter(|row| row.cards > 1).count() >= GANGS_MIN
        && clusters.len() >= CLUSTERS_MIN
        && clusters.values().all(|jobs| *jobs <= LARGEST_CLUSTER_MAX)
}

#[test]
fn the_excerpt_is_a_stretch_that_fits_its_rule() {
    let rows = read(EXCERPT).expect("rows");
    assert_eq!(rows.len(), JOBS);
    assert_eq!(
        (rows[0].number, rows[JOBS - 1].number),
        (FIRST_ROW, LAST_ROW)
    );
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
fn every_job_is_within_the_printed_limits_and_nothing_is_changed_unsaid() {
    let rows = read(EXCERPT).expect("rows");
    let (jobs, said) = jobs(&rows).expect("jobs");
    let mut changed = Changes::default();
    for (job, row) in jobs.iter().zip(&rows) {
        assert!((RUN_SECONDS_MIN..=RUN_SECONDS_MAX).contains(&job.runs));
        assert!(job.walltime() >= 2 * job.runs + MARGIN_SECONDS);
        changed.longer += usize::from(job.runs < row.ran);
        changed.shorter += usize::from(job.runs > row.ran);
        changed.put_off += usize::from(matches!(job.delay, Delay::PutOff(_)));
        changed.held += usize::from(matches!(job.delay, Delay::Held(_)));
        match job.each {
            Each::Cards(each) => {
                assert!(each <= CARDS_PER_POD_MAX && job.units() <= CARDS_PER_JOB_MAX);
                assert!(job.units() <= row.cards, "no job asks for more than it did");
                assert!(row.cards > 1 || row.ran >= TEST_SECONDS, "a test");
                changed.wider += usize::from(job.units() < row.cards);
            }
            Each::Cores(cores) => {
                assert_eq!((cores, row.cards), (CORES_PER_TEST, 1));
                assert!(row.ran < TEST_SECONDS);
                changed.tests += 1;
            }
        }
    }
    assert_eq!(changed, said);
}

#[test]
fn the_widest_gang_fits_every_pool_of_cards() {
    let cards = [&A100, &ASCEND].map(|pool| pool.capacity());
    assert_eq!(cards.into_iter().min(), Some(CARDS_PER_JOB_MAX));
}

#[test]
fn gangs_are_split_into_pods_and_cut_at_the_pool() {
    let case = |cards| {
        let text = format!("a\n7,2017-10-17 02:28:08,900.0,{cards},1.0,6c71a0\n");
        let (jobs, changes) = jobs(&read(&text).expect("rows")).expect("jobs");
        (jobs[0].replicas, jobs[0].each, changes.wider)
    };
    assert_eq!(case(1), (1, Each::Cards(1), 0));
    assert_eq!(case(4), (1, Each::Cards(4), 0));
    assert_eq!(case(6), (2, Each::Cards(3), 0));
    assert_eq!(case(8), (2, Each::Cards(4), 0));
    assert_eq!(case(128), (10, Each::Cards(4), 1));
}

#[test]
fn a_stretch_of_rows_is_two_numbers() {
    assert_eq!(rows("3-7").expect("a stretch"), 3..=7);
    for wrong in ["3", "3-", "a-b", "3..7"] {
        let error = rows(wrong).expect_err("refused");
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn what_is_no_row_is_named_and_so_is_a_cluster_that_nobody_plays() {
    for line in [
        "7,2017-10-17 02:28:08,1.5,1,1.5,x",
        "7,soon,1.0,1,1.0,x",
        "7",
    ] {
        let error = read(&format!("a\n{line}\n")).expect_err("refused");
        assert!(error.to_string().contains(line), "{error}");
    }
    let rows = read("a\n7,2017-10-17 02:28:08,1.0,1,1.0,beef\n").expect("rows");
    let error = jobs(&rows).expect_err("refused");
    assert!(error.to_string().contains("beef"), "{error}");
}
