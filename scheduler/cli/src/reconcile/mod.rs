//! `ledger reconcile`: what the books charged beside what the objects say (domain §4.14).
//!
//! The books are proved while they are read. Objects are read first, so that what they tell
//! stands in the books already; what the books wrote a moment ago may not stand in them yet.

mod booked;
mod compare;
mod objects;

use edugrid_units::Stamp;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::{Connection, Format, Reconcile},
    cluster::Cluster,
    failure::Failure,
    journal::Source,
    ledger,
    look::{Look, Tone},
    output,
    progress::Progress,
    sentences,
};
use booked::Booked;
use compare::{Difference, Measure, compare};

/// What was compared, and what differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// The book's id.
    book: String,
    /// How many entries the book has.
    entries: u64,
    /// The first entry that was compared, where it isn't the first of the book: older ones are archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_entry: Option<u64>,
    /// The hash of the last one.
    head: String,
    /// Whether differences within the tolerance are listed too.
    exact: bool,
    /// Attempts in the books.
    attempts: usize,
    /// Jobs among the objects.
    jobs: usize,
    /// Attempts whose pods are still there.
    with_pods: usize,
    /// Why pods were not compared, where they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pods_not_read: Option<String>,
    /// What differs, in the order of the books.
    differences: Vec<Difference>,
}

/// Compares, tells, and fails where something differs.
///
/// # Errors
/// If books or objects can't be read, the books are damaged, or they differ.
pub async fn run(connection: &Connection, asked: &Reconcile, look: Look) -> Result<(), Failure> {
    let cluster = Cluster::connect(connection).await?;
    let asked_at = Stamp(i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX));
    let jobs = objects::jobs(&cluster).await?;
    let (pods, pods_not_read) = match objects::pods(&cluster).await {
        Ok(pods) => (pods, None),
        Err(failure @ Failure::NoAccess { .. }) => (Vec::new(), Some(failure.to_string())),
        Err(failure) => return Err(failure),
    };
    let mut source = match &asked.file {
        Some(path) => Source::of_file(path)?,
        None => Source::of_cluster(&cluster),
    };
    let mut booked = Booked::default();
    let progress = Progress::of_terminal(look);
    let begin = ledger::begin(connection, &mut source).await?;
    booked.begin(&begin);
    let from_entry = Some(begin.position().entries).filter(|entry| *entry > 0);
    let replay = ledger::prove(&mut source, begin, progress, |record| booked.note(record)).await?;
    let verified = replay.verified();
    let gangs = booked.gangs(&pods);
    let report = Report {
        book: verified.book,
        entries: verified.entries,
        from_entry,
        head: verified.head.to_string(),
        exact: asked.exact,
        attempts: booked.attempts.len(),
        jobs: jobs.len(),
        with_pods: gangs.len(),
        pods_not_read,
        differences: compare(
            &booked,
            &jobs,
            &gangs,
            booked.by_clock(asked_at),
            Measure::new(asked.exact),
        ),
    };
    output::print(&match asked.output {
        Format::Table | Format::Wide => text(&report, look),
        Format::Json => output::json(&report)?,
        Format::Yaml => output::yaml(&report)?,
    })?;
    match report.differences.len() {
        0 => Ok(()),
        count => Err(Failure::Differ(count)),
    }
}

fn text(report: &Report, look: Look) -> String {
    let language = look.language;
    let mut text = String::new();
    for difference in &report.differences {
        let nothing = sentences::nothing_there(language);
        let place = match (&difference.entry, &difference.hash) {
            (Some(entry), Some(hash)) => sentences::entry_and_hash(language, *entry, hash),
            _ => sentences::no_entry_of_it(language),
        };
        let line = sentences::differs(
            language,
            &place,
            &sentences::attempt_of(language, &difference.job, difference.attempt),
            &difference.field,
            difference.in_books.as_ref().unwrap_or(&nothing),
            difference.in_object.as_ref().unwrap_or(&nothing),
            &difference.object,
        );
        text += &(look.paint(Tone::Bad, &line) + "\n");
    }
    if let Some(why) = &report.pods_not_read {
        text += &(sentences::pods_not_read(language, why) + "\n");
    }
    if let Some(entry) = report.from_entry {
        let line = sentences::compared_from(language, entry);
        text += &(look.paint(Tone::Wait, &line) + "\n");
    }
    let summary = sentences::compared(
        language,
        report.attempts,
        report.entries,
        report.jobs,
        report.with_pods,
        report.differences.len(),
    );
    let tone = match report.differences.len() {
        0 => Tone::Good,
        _ => Tone::Plain,
    };
    text + &look.paint(tone, &summary) + "\n"
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
