//! What a benchmark leaves: raw JSON under `target/bench/`, lines of a plain table, and what is
//! wrong with its figures. A ratio above 1 to a physical limit is a fault of the harness.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use xtask::installation::repository;

use crate::host::Load;
use crate::measure::Samples;

/// Ratios may lie so far above 1 by noise alone.
const NOISE: f64 = 1.05;

/// What a limit says of the figures beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Rule {
    /// Nothing is beyond it: where a median is, the harness is at fault.
    Physical,
    /// The ratio is told and judged by nobody.
    Compared,
    /// Not one figure may reach it.
    Required,
}

/// One line of a table: what was measured, beside its limit.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What, with its size.
    pub what: String,
    /// The unit of the figures.
    pub unit: &'static str,
    /// The figures, a run each.
    pub measured: Samples,
    /// The limit of the same runs, if there is one.
    pub limit: Option<(Rule, Samples)>,
}

impl Line {
    /// A figure without a limit.
    pub fn plain(what: impl Into<String>, unit: &'static str, measured: Samples) -> Self {
        Self {
            what: what.into(),
            unit,
            measured,
            limit: None,
        }
    }

    /// A rate beside the highest that is possible.
    pub fn limited(
        what: impl Into<String>,
        unit: &'static str,
        measured: Samples,
        limit: Samples,
    ) -> Self {
        Self {
            limit: Some((Rule::Physical, limit)),
            ..Self::plain(what, unit, measured)
        }
    }

    /// A span beside the shortest that is possible or wished: the ratio is how many times
    /// longer it is.
    pub fn beside(
        what: impl Into<String>,
        unit: &'static str,
        measured: Samples,
        limit: Samples,
    ) -> Self {
        Self {
            limit: Some((Rule::Compared, limit)),
            ..Self::plain(what, unit, measured)
        }
    }

    /// Figures that all must be less than so much.
    pub fn below(
        what: impl Into<String>,
        unit: &'static str,
        measured: Samples,
        limit: f64,
    ) -> Self {
        let limits = Samples(vec![limit; measured.0.len()]);
        Self {
            limit: Some((Rule::Required, limits)),
            ..Self::plain(what, unit, measured)
        }
    }

    fn ratio(&self) -> Option<Samples> {
        let (_, limit) = self.limit.as_ref()?;
        Some(self.measured.ratios(limit))
    }

    /// What is wrong with the line, if anything is.
    fn fault(&self) -> Option<String> {
        let (rule, limit) = self.limit.as_ref()?;
        let (ratio, worst) = (self.ratio()?.median(), self.measured.max());
        match rule {
            Rule::Physical if ratio > NOISE => Some(format!(
                "{}: {ratio:.2} of what is possible, the harness is at fault",
                self.what
            )),
            Rule::Required if worst >= limit.min() => Some(format!(
                "{}: {} {}, not below {}",
                self.what,
                figure(worst),
                self.unit,
                figure(limit.min())
            )),
            Rule::Physical | Rule::Required | Rule::Compared => None,
        }
    }
}

/// A finished benchmark.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its number, as `B1`.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
    /// What else is to be known, a sentence each.
    pub notes: Vec<String>,
    /// What belongs to the raw data beyond the lines.
    pub raw: Value,
}

impl Report {
    /// What is wrong with its figures.
    pub fn faults(&self) -> Vec<String> {
        self.lines.iter().filter_map(Line::fault).collect()
    }

    /// Keeps the raw data and says where. `load` is the machine's before and after.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn keep(&self, load: (&Load, &Load)) -> Result<PathBuf> {
        let directory = repository().join("target/bench");
        std::fs::create_dir_all(&directory).context("target/bench can't be made")?;
        let at = jiff::Timestamp::now();
        let name = format!("{}-{}.json", self.id, at.strftime("%Y%m%dT%H%M%SZ"));
        let path = directory.join(name);
        let document = json!({
            "id": self.id,
            "title": self.title,
            "at": at.to_string(),
            "machine": crate::host::machine(),
            "load": {"before": load.0, "after": load.1},
            "lines": self.lines,
            "notes": self.notes,
            "faults": self.faults(),
            "raw": self.raw,
        });
        std::fs::write(&path, serde_json::to_string_pretty(&document)?)
            .with_context(|| format!("{} can't be written", path.display()))?;
        Ok(path)
    }
}

/// One table of all reports, each with its notes below it.
pub fn table(reports: &[Report]) -> String {
    let mut rows = vec![format!(
        "{:<52} {:>12} {:>25} {:>12} {:>7}",
        "", "median", "min … max", "limit", "ratio"
    )];
    for report in reports {
        rows.push(format!("{} {}", report.id, report.title));
        rows.extend(report.lines.iter().map(row));
        rows.extend(report.notes.iter().map(|note| format!("      {note}")));
    }
    rows.join("\n")
}

fn row(line: &Line) -> String {
    let measured = &line.measured;
    let span = format!("{} … {}", figure(measured.min()), figure(measured.max()));
    let limit = line
        .limit
        .as_ref()
        .map_or(String::new(), |(_, limit)| figure(limit.median()));
    let ratio = line
        .ratio()
        .map_or(String::new(), |ratio| figure(ratio.median()));
    let what = format!("  {}, {}", line.what, line.unit);
    let median = figure(measured.median());
    format!("{what:<52} {median:>12} {span:>25} {limit:>12} {ratio:>7}")
}

/// Three significant places or whole numbers with their thousands apart.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        return match value.abs() {
            small if small < 1.0 => format!("{value:.4}"),
            _ => format!("{value:.2}"),
        };
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_limit_is_a_fault() {
        let of = |values: &[f64]| Samples(values.to_vec());
        let fault = |line: Line| line.fault().is_some();
        assert!(!fault(Line::limited(
            "a",
            "1/s",
            of(&[1.0, 0.9, 1.2]),
            of(&[1.0; 3])
        )));
        assert!(fault(Line::limited(
            "a",
            "1/s",
            of(&[1.2, 0.9, 1.2]),
            of(&[1.0; 3])
        )));
        assert!(!fault(Line::beside("b", "s", of(&[7.0]), of(&[1.0]))));
        assert!(!fault(Line::below("c", "s", of(&[0.1, 0.9]), 1.0)));
        assert!(fault(Line::below("c", "s", of(&[0.1, 1.0]), 1.0)));
    }

    #[test]
    fn one_table_holds_all_reports() {
        let lines = vec![Line::below("an answer", "s", Samples(vec![0.5]), 1.0)];
        let report = |id| Report {
            id,
            title: "it",
            lines: lines.clone(),
            notes: vec!["a note".to_owned()],
            raw: Value::Null,
        };
        let table = table(&[report("B1"), report("B5")]);
        let count = |words| table.matches(words).count();
        assert_eq!((count("B1 it"), count("B5 it"), count("a note")), (1, 1, 2));
        assert_eq!((count("an answer, s"), count("median")), (2, 1));
    }

    #[test]
    fn figures_are_short_and_readable() {
        assert_eq!(figure(1_234_567.8), "1 234 568");
        assert_eq!(figure(0.01234), "0.0123");
        assert_eq!(figure(12.345), "12.35");
        assert_eq!(figure(123.0), "123");
    }
}
