//! What a benchmark leaves: raw JSON under `target/bench/`, a plain table, and a verdict. A
//! ratio above 1 to a physical limit is a fault of the harness and fails the run.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use xtask::installation::repository;

use crate::host::Load;
use crate::measure::Samples;

/// Ratios may lie so far above 1 by noise alone.
const NOISE: f64 = 1.05;

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
    pub limit: Option<Samples>,
    /// Whether nothing can be beyond the limit.
    pub is_physical: bool,
}

impl Line {
    /// A figure without a limit.
    pub fn plain(what: impl Into<String>, unit: &'static str, measured: Samples) -> Self {
        Self {
            what: what.into(),
            unit,
            measured,
            limit: None,
            is_physical: false,
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
            limit: Some(limit),
            is_physical: true,
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
            limit: Some(limit),
            ..Self::plain(what, unit, measured)
        }
    }

    fn ratio(&self) -> Option<Samples> {
        let limit = self.limit.as_ref()?;
        Some(self.measured.ratios(limit))
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
    /// Prints the table with its verdict and keeps the raw data. `load` is the machine's before and
    /// after.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn finish(&self, load: (&Load, &Load)) -> Result<bool> {
        println!("\n{} {}", self.id, self.title);
        println!(
            "{:<44} {:>12} {:>25} {:>12} {:>7}",
            "", "median", "min … max", "limit", "ratio"
        );
        let mut faults = Vec::new();
        for line in &self.lines {
            println!("{}", row(line));
            let ratio = line.ratio().map_or(0.0, |ratio| ratio.median());
            if line.is_physical && ratio > NOISE {
                faults.push(format!("{}: {ratio:.2} of what is possible", line.what));
            }
        }
        for note in &self.notes {
            println!("  {note}");
        }
        println!("  load of the machine {} before, {} after", load.0, load.1);
        let path = self.keep(load, &faults)?;
        println!("  raw data: {}", path.display());
        if faults.is_empty() {
            println!("  verdict: measured");
        } else {
            println!("  verdict: the harness is at fault, {}", faults.join("; "));
        }
        Ok(faults.is_empty())
    }

    fn keep(&self, load: (&Load, &Load), faults: &[String]) -> Result<PathBuf> {
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
            "faults": faults,
            "raw": self.raw,
        });
        std::fs::write(&path, serde_json::to_string_pretty(&document)?)
            .with_context(|| format!("{} can't be written", path.display()))?;
        Ok(path)
    }
}

fn row(line: &Line) -> String {
    let measured = &line.measured;
    let span = format!("{} … {}", figure(measured.min()), figure(measured.max()));
    let limit = line
        .limit
        .as_ref()
        .map_or(String::new(), |limit| figure(limit.median()));
    let ratio = line
        .ratio()
        .map_or(String::new(), |ratio| figure(ratio.median()));
    let what = format!("{}, {}", line.what, line.unit);
    let median = figure(measured.median());
    format!("{what:<44} {median:>12} {span:>25} {limit:>12} {ratio:>7}")
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
    fn figures_are_short_and_readable() {
        assert_eq!(figure(1_234_567.8), "1 234 568");
        assert_eq!(figure(0.01234), "0.0123");
        assert_eq!(figure(12.345), "12.35");
        assert_eq!(figure(123.0), "123");
    }
}
