//! The table of the docs that says how long each target has run in all. Read, added to, written;
//! the text around it is people's.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Run;
use crate::installation::repository;

/// The page, from the root of the repository.
const PAGE: &str = "docs/fuzzing.md";
const BEGIN: &str = "<!-- runs -->\n";
const END: &str = "<!-- /runs -->";
const HEAD: &str = "| target | seconds | executions | edges reached | inputs kept |\n| --- | --- | --- | --- | --- |\n";

/// The page with its sums.
#[derive(Debug)]
pub(super) struct Page {
    before: String,
    after: String,
    rows: BTreeMap<String, Row>,
}

/// What a target has done in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    seconds: u64,
    executions: u64,
    edges: u64,
    inputs: usize,
}

impl Page {
    /// The page as it is.
    pub(super) fn read() -> Result<Self> {
        let text = std::fs::read_to_string(repository().join(PAGE))
            .with_context(|| format!("{PAGE} can't be read"))?;
        Self::parse(&text).with_context(|| format!("{PAGE} has no table between its markers"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (table, after) = rest.split_once(END)?;
        let rows = table.strip_prefix(HEAD)?.lines().map(row);
        Some(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            rows: rows.collect::<Option<_>>()?,
        })
    }

    /// Adds a run; edges are those of the last one.
    pub(super) fn add(&mut self, target: &str, run: Run, inputs: usize) {
        let row = self.rows.entry(target.to_owned()).or_default();
        row.seconds += run.seconds;
        row.executions += run.executions;
        row.edges = run.edges;
        row.inputs = inputs;
    }

    fn text(&self) -> String {
        let mut table = HEAD.to_owned();
        for (target, row) in &self.rows {
            let Row {
                seconds,
                executions,
                edges,
                inputs,
            } = row;
            table += &format!("| `{target}` | {seconds} | {executions} | {edges} | {inputs} |\n");
        }
        format!("{}{BEGIN}{table}{END}{}", self.before, self.after)
    }

    /// Writes it back.
    pub(super) fn write(&self) -> Result<()> {
        std::fs::write(repository().join(PAGE), self.text())
            .with_context(|| format!("{PAGE} can't be written"))
    }
}

fn row(line: &str) -> Option<(String, Row)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [target, seconds, executions, edges, inputs] = cells[..] else {
        return None;
    };
    let row = Row {
        seconds: seconds.parse().ok()?,
        executions: executions.parse().ok()?,
        edges: edges.parse().ok()?,
        inputs: inputs.parse().ok()?,
    };
    Some((target.trim_matches('`').to_owned(), row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up() {
        let text = format!("# Page\n{BEGIN}{HEAD}| `b` | 5 | 70 | 3 | 4 |\n{END}\nmore\n");
        let mut page = Page::parse(&text).expect("a table");
        assert_eq!(page.text(), text);
        let run = Run {
            seconds: 10,
            executions: 30,
            edges: 9,
        };
        page.add("b", run, 6);
        page.add("a", run, 1);
        let rows = "| `a` | 10 | 30 | 9 | 1 |\n| `b` | 15 | 100 | 9 | 6 |\n";
        assert_eq!(
            page.text(),
            format!("# Page\n{BEGIN}{HEAD}{rows}{END}\nmore\n")
        );
    }

    #[test]
    fn the_page_of_the_repository_has_its_table() {
        assert!(!Page::read().expect("the page").rows.is_empty());
    }
}
