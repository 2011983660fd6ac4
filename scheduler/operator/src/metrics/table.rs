//! The page of the docs that lists all metrics, made from what is registered.

use std::fmt::Write;

use super::{Metrics, about::About, process, state};

/// What stands above the table.
const INTRODUCTION: &str = include_str!("table.md");

/// The page in Markdown.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    section(
        &mut page,
        "## About objects, from the leader / 各对象（由主副本提供）",
        &state_families(),
        |labels| labels.contains(&"tenant") && !labels.contains(&"lender"),
    );
    let events = &Metrics::new().shelf;
    section(
        &mut page,
        "## Of the operator / 调度器自身",
        &events.about,
        |_| false,
    );
    section(
        &mut page,
        "## Of its process / 进程",
        &process_families(),
        |_| false,
    );
    page
}

type Families = Vec<(About, &'static [&'static str])>;

fn state_families() -> Families {
    state::GROUPS
        .iter()
        .flat_map(|group| group.about())
        .collect()
}

fn process_families() -> Families {
    process::GROUPS
        .iter()
        .flat_map(|group| group.about())
        .collect()
}

fn section(page: &mut String, title: &str, families: &Families, told: fn(&[&str]) -> bool) {
    // Writing to a text never fails.
    let _ = writeln!(page, "\n{title}\n");
    let _ = writeln!(
        page,
        "| name | type | unit | labels | tenants | meaning | 含义 |"
    );
    let _ = writeln!(page, "| --- | --- | --- | --- | --- | --- | --- |");
    for (about, labels) in families {
        let unit = match about.unit.as_str() {
            "" => String::new(),
            unit => format!("`{unit}`"),
        };
        let names: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {unit} | {} | {} | {} | {} |",
            about.full_name(),
            about.kind.as_str(),
            names.join(", "),
            if told(labels) { "yes" } else { "" },
            about.english,
            about.chinese,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_in_the_docs_is_the_registry_s() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == page(),
            "docs/metrics.md is stale, run `cargo xtask metrics` and commit what it writes"
        );
    }

    #[test]
    fn names_are_unique_and_of_the_conventions() {
        let all = [
            state_families(),
            Metrics::new().shelf.about.clone(),
            process_families(),
        ]
        .concat();
        let names: BTreeSet<String> = all.iter().map(|(about, _)| about.full_name()).collect();
        assert_eq!(names.len(), all.len());
        for (about, labels) in all {
            let snake = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(snake(&about.full_name()), "{}", about.full_name());
            assert!(labels.iter().all(|label| snake(label)), "{labels:?}");
            // One line, that is a cell of the table too.
            for words in [about.english, about.chinese] {
                assert!(
                    !words.is_empty() && !words.contains(['\n', '|', '\\']),
                    "{words}"
                );
                assert!(!words.ends_with(['.', '。']), "{words}");
            }
        }
    }
}
