//! The jobs of the Philly trace that the demo plays, and the rules by which a row of the trace
//! becomes a job of the demo. Each rule is printed before the play; `examples/demo/README.md`
//! tells them to people. It must not know clusters.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};
use jiff::civil::DateTime;

use super::world::{GENERAL, MEMBERS, Member, Pool};

/// The excerpt, as committed.
pub const EXCERPT: &str = include_str!("../../../examples/demo/philly-200.csv");
/// The number of its first row.
pub const FIRST_ROW: u32 = 30_270;
/// The number of its last row.
pub const LAST_ROW: u32 = 30_469;

/// Virtual seconds in a real one (N5): six and a half hours of arrivals pass in 78 seconds.
pub const FACTOR: u32 = 300;
/// Longest run, in virtual seconds: 30 real ones. Many of these jobs ran for longer, some for
/// weeks, and the demo is to end within two minutes.
pub const RUN_SECONDS_MAX: u64 = 9000;
/// Shortest run, in virtual seconds: two real ones. Pods are stamped in whole real seconds and a
/// charge never begins before the admission, so of a single second hardly anything may be left.
pub const RUN_SECONDS_MIN: u64 = 2 * FACTOR as u64;
/// Most cards of one pod: a larger gang is several pods.
pub const CARDS_PER_POD_MAX: u32 = 4;
/// Most cards of a job: all of the smaller pool of cards.
pub const CARDS_PER_JOB_MAX: u32 = 40;
/// A job of one card that ran for less than this in the trace was a test; it asks for cores instead.
pub const TEST_SECONDS: u64 = 600;
/// The cores that it asks for.
pub const CORES_PER_TEST: u32 = 8;
/// Every row whose number divides by this is put off by its user.
pub const PUT_OFF_EVERY: u32 = 20;
/// For how long, in virtual seconds after its arrival.
pub const PUT_OFF_SECONDS: u64 = 3600;
/// Every row whose number leaves 7 divided by this is submitted on hold.
pub const HOLD_EVERY: u32 = 40;
/// When its user lets it go, in virtual seconds after its arrival.
pub const HOLD_SECONDS: u64 = 1800;
/// What is left of [`HOLD_EVERY`], so that no row is both.
const HOLD_REST: u32 = 7;
/// What people add to twice the time that they expect, in virtual seconds.
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

/// What a job asks for, for each of its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Cards, whatever the vendor.
    Cards(u32),
    /// Cores of the general pool.
    Cores(u32),
}

/// What of the user's own keeps a job back. Times are virtual seconds after its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Nothing.
    None,
    /// `startAfter`.
    PutOff(u64),
    /// Submitted with `state: Hold`, and let go.
    Held(u64),
}

impl Delay {
    /// How long it is.
    pub fn seconds(self) -> u64 {
        match self {
            Delay::None => 0,
            Delay::PutOff(seconds) | Delay::Held(seconds) => seconds,
        }
    }
}

/// A job of the demo. Times are virtual seconds.
#[derive(Clone, Debug)]
pub struct Job {
    /// The row it comes from.
    pub row: u32,
    /// Whose it is.
    pub member: &'static Member,
    /// When it is submitted, after the first one.
    pub arrives: u64,
    /// How long it runs.
    pub runs: u64,
    /// Its pods.
    pub replicas: u32,
    /// What each of them asks for.
    pub each: Each,
    /// What of its user's own keeps it back.
    pub delay: Delay,
}

impl Job {
    /// Its name in the cluster.
    pub fn name(&self) -> String {
        format!("philly-{}", self.row)
    }

    /// All its units, in the unit of its pools.
    pub fn units(&self) -> u32 {
        let (Each::Cards(each) | Each::Cores(each)) = self.each;
        self.replicas.saturating_mul(each)
    }

    /// The pools that it asks for, in order of preference.
    pub fn pools(&self) -> Vec<&'static Pool> {
        match self.each {
            Each::Cards(_) => self.member.pools.to_vec(),
            Each::Cores(_) => vec![&GENERAL],
        }
    }

    /// The time limit that its user asks for: the trace has none, so everyone asks for twice the
    /// time needed and an hour more, rounded up to the half hour.
    pub fn walltime(&self) -> u64 {
        (2 * self.runs + MARGIN_SECONDS).next_multiple_of(WALLTIME_STEP_SECONDS)
    }
}

/// How often the rules changed a row, to be said aloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Runs that were longer.
    pub longer: usize,
    /// Runs that were shorter.
    pub shorter: usize,
    /// Gangs that were wider than a pool.
    pub wider: usize,
    /// Tests that ask for cores in place of their card.
    pub tests: usize,
    /// Jobs that are put off.
    pub put_off: usize,
    /// Jobs that are submitted on hold.
    pub held: usize,
}

/// Reads a stretch of rows such as `30353-30392`.
///
/// # Errors
/// If it is none.
pub fn rows(text: &str) -> Result<RangeInclusive<u32>> {
    let ends = text.split_once('-');
    let ends = ends.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let (first, last) = ends.with_context(|| {
        format!("{text} is no stretch of rows: write two numbers, such as {FIRST_ROW}-{LAST_ROW}")
    })?;
    Ok(first..=last)
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
        let cards = cards.parse()?;
        ensure!(cards > 0, "it has no cards");
        Ok(Row {
            number: number.parse()?,
            arrived: arrived.parse()?,
            // The trace writes whole seconds as decimals: `250.0`.
            ran: ran.strip_suffix(".0").unwrap_or(ran).parse()?,
            cards,
            cluster: cluster.to_owned(),
        })
    };
    read().with_context(|| format!("not a row of the excerpt: {line}"))
}

/// The jobs of the demo, in the order of the trace.
///
/// # Errors
/// If the rows are not in order, or one is of a virtual cluster that nobody stands for.
pub fn jobs(rows: &[Row]) -> Result<(Vec<Job>, Changes)> {
    let mut changes = Changes::default();
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let since = row.arrived.duration_since(rows[0].arrived).as_secs();
        ensure!(since >= 0, "row {} is out of order", row.number);
        let member = stands_for(&row.cluster)
            .with_context(|| format!("nobody stands for virtual cluster {}", row.cluster))?;
        let test = row.cards == 1 && row.ran < TEST_SECONDS;
        let cards = row.cards.min(CARDS_PER_JOB_MAX);
        let per_pod = cards_per_pod(cards);
        let delay = delay(row.number);
        changes.longer += usize::from(row.ran > RUN_SECONDS_MAX);
        changes.shorter += usize::from(row.ran < RUN_SECONDS_MIN);
        changes.wider += usize::from(row.cards > CARDS_PER_JOB_MAX);
        changes.tests += usize::from(test);
        changes.put_off += usize::from(matches!(delay, Delay::PutOff(_)));
        changes.held += usize::from(matches!(delay, Delay::Held(_)));
        jobs.push(Job {
            row: row.number,
            member,
            arrives: since.unsigned_abs(),
            runs: row.ran.clamp(RUN_SECONDS_MIN, RUN_SECONDS_MAX),
            replicas: cards / per_pod,
            each: match test {
                true => Each::Cores(CORES_PER_TEST),
                false => Each::Cards(per_pod),
            },
            delay,
        });
    }
    Ok((jobs, changes))
}

/// Who stands for a virtual cluster of the trace.
fn stands_for(cluster: &str) -> Option<&'static Member> {
    let mut members = MEMBERS.into_iter();
    members.find(|member| member.clusters.contains(&cluster))
}

fn delay(row: u32) -> Delay {
    if row.is_multiple_of(PUT_OFF_EVERY) {
        Delay::PutOff(PUT_OFF_SECONDS)
    } else if row % HOLD_EVERY == HOLD_REST {
        Delay::Held(HOLD_SECONDS)
    } else {
        Delay::None
    }
}

/// Pods of one size that together have exactly these cards.
fn cards_per_pod(cards: u32) -> u32 {
    let sizes = (1..=CARDS_PER_POD_MAX).rev();
    sizes
        .into_iter()
        .find(|size| cards.is_multiple_of(*size))
        .unwrap_or(1)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
