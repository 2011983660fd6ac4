//! The fifty jobs of the Philly trace that the demo plays, and the rules by which a row of the
//! trace becomes a job of the demo. Each rule is printed before the play; `examples/demo/README.md`
//! tells them to people. It must not know clusters.

use anyhow::{Context, Result, ensure};
use jiff::civil::DateTime;

use super::world::{CARDS_PER_NODE, NODES, TENANTS, Tenant};

/// The excerpt, as committed.
pub const EXCERPT: &str = include_str!("../../../examples/demo/philly-50.csv");
/// Jobs in the excerpt.
pub const JOBS: usize = 50;

/// Virtual seconds in a real one (N5): an hour and a half of arrivals pass in half a minute.
pub const FACTOR: u32 = 180;
/// Longest run, in virtual seconds: a third of a real minute. Half of the jobs ran for most of a
/// day and longer; three generations of them must end within the demo's minute.
pub const RUN_SECONDS_MAX: u64 = 3600;
/// Shortest run, in virtual seconds: two real ones. Pods are stamped in whole real seconds and a
/// charge never begins before the admission, so of a single second hardly anything may be left.
pub const RUN_SECONDS_MIN: u64 = 2 * FACTOR as u64;
/// Most cards of one pod: a larger gang is several pods.
pub const CARDS_PER_POD_MAX: u32 = 4;
/// Most cards of a job: the whole pool.
pub const CARDS_PER_JOB_MAX: u32 = NODES * CARDS_PER_NODE;
/// What people add to the time that they expect, in virtual seconds.
const MARGIN_SECONDS: u64 = 3600;
/// What they round the sum up to.
const WALLTIME_STEP_SECONDS: u64 = 1800;

/// One line of the excerpt: a row of the trace under its number there.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number in the trace, the first job being 1.
    pub number: u32,
    /// When it arrived, local time.
    pub arrived: DateTime,
    /// How long it ran, in seconds.
    pub ran: u64,
    /// Its cards.
    pub cards: u32,
    /// The virtual cluster it was submitted to.
    pub cluster: String,
}

/// A job of the demo. Times are virtual seconds.
#[derive(Clone, Debug)]
pub struct Job {
    /// The row it comes from.
    pub row: u32,
    /// Whose it is.
    pub tenant: &'static Tenant,
    /// When it is submitted, after the first one.
    pub arrives: u64,
    /// How long it runs.
    pub runs: u64,
    /// Its pods.
    pub replicas: u32,
    /// Cards of each pod.
    pub cards_per_pod: u32,
}

impl Job {
    /// Its name in the cluster.
    pub fn name(&self) -> String {
        format!("philly-{}", self.row)
    }

    /// All its cards.
    pub fn cards(&self) -> u32 {
        self.replicas.saturating_mul(self.cards_per_pod)
    }

    /// The time limit that its user asks for: the trace has none, so everyone asks for an hour
    /// more than needed, rounded up to the half hour.
    pub fn walltime(&self) -> u64 {
        (self.runs + MARGIN_SECONDS).next_multiple_of(WALLTIME_STEP_SECONDS)
    }
}

/// How often the rules cut a row, to be said aloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Runs that were longer.
    pub longer: usize,
    /// Runs that were shorter.
    pub shorter: usize,
    /// Gangs that were wider than the pool.
    pub wider: usize,
}

/// The rows of a trace or of the excerpt, where a line begins with its row's number.
///
/// # Errors
/// A line that is not one, with its text.
pub fn read(text: &str) -> Result<Vec<Row>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.skip(1).map(row).collect()
}

fn row(line: &str) -> Result<Row> {
    let fields: Vec<&str> = line.split(',').collect();
    let [number, arrived, ran, cards, _, cluster] = fields[..] else {
        anyhow::bail!("not a row of the excerpt: {line}");
    };
    let read = || -> Result<Row> {
        Ok(Row {
            number: number.parse()?,
            arrived: arrived.parse()?,
            // The trace writes whole seconds as decimals: `250.0`.
            ran: ran.strip_suffix(".0").unwrap_or(ran).parse()?,
            cards: cards.parse()?,
            cluster: cluster.to_owned(),
        })
    };
    read().with_context(|| format!("not a row of the excerpt: {line}"))
}

/// The jobs of the demo, in the order of the trace.
///
/// # Errors
/// If the rows are not in order.
pub fn jobs(rows: &[Row]) -> Result<(Vec<Job>, Cuts)> {
    let clusters = clusters(rows);
    let mut cuts = Cuts::default();
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let since = row.arrived.duration_since(rows[0].arrived).as_secs();
        ensure!(since >= 0, "row {} is out of order", row.number);
        cuts.longer += usize::from(row.ran > RUN_SECONDS_MAX);
        cuts.shorter += usize::from(row.ran < RUN_SECONDS_MIN);
        cuts.wider += usize::from(row.cards > CARDS_PER_JOB_MAX);
        let cards = row.cards.min(CARDS_PER_JOB_MAX);
        let cards_per_pod = cards_per_pod(cards);
        let place = clusters.iter().position(|cluster| *cluster == row.cluster);
        jobs.push(Job {
            row: row.number,
            tenant: &TENANTS[place.unwrap_or(0) % TENANTS.len()],
            arrives: since.unsigned_abs(),
            runs: row.ran.clamp(RUN_SECONDS_MIN, RUN_SECONDS_MAX),
            replicas: cards / cards_per_pod,
            cards_per_pod,
        });
    }
    Ok((jobs, cuts))
}

/// Pods of one size that together have exactly these cards.
fn cards_per_pod(cards: u32) -> u32 {
    let sizes = (1..=CARDS_PER_POD_MAX).rev();
    sizes
        .into_iter()
        .find(|size| cards.is_multiple_of(*size))
        .unwrap_or(1)
}

/// The virtual clusters in the order of their first job. Dealt to the tenants in turn, they
/// become the universities' departments.
pub fn clusters(rows: &[Row]) -> Vec<&str> {
    let mut clusters: Vec<&str> = Vec::new();
    for row in rows {
        if !clusters.contains(&row.cluster.as_str()) {
            clusters.push(&row.cluster);
        }
    }
    clusters
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
