//! Rules about single files: how each begins, how long it may be, which words have no place
//! in it, and what must not leak into the repository.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::code::{without_comments_and_literals, without_tests, words};
use super::{Finding, is_rust, is_test_file, read};

/// Longer files are not read in one go. Tests are not counted.
const LINES_MAX: usize = 500;
/// Files above this size are data, not text that somebody typed a path into.
const LEAK_BYTES_MAX: u64 = 4 << 20;

/// Folders whose code must give the same result on every run (N1, N2).
const DETERMINISTIC: [&str; 2] = ["scheduler/core/src", "scheduler/ledger/src"];
/// Words that have no place there, and what to use.
const NOT_DETERMINISTIC: [(&str, &str); 10] = [
    ("f32", "use integers or integer fractions"),
    ("f64", "use integers or integer fractions"),
    (
        "HashMap",
        "its order differs from run to run: use BTreeMap or a Vec with indices",
    ),
    ("HashSet", "its order differs from run to run: use BTreeSet"),
    ("SystemTime", "time is an argument"),
    ("Instant", "time is an argument"),
    ("println!", "it does not print: return what is to be said"),
    ("print!", "it does not print: return what is to be said"),
    ("eprintln!", "it does not print: return what is to be said"),
    ("eprint!", "it does not print: return what is to be said"),
];
/// Words that mark unfinished code, in any Rust file.
const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
/// Written in two halves, so that this file does not hold what it forbids.
const FIX_LATER: &str = concat!("FIX", "ME");

/// Traces of somebody's machine: home folders, and hosts of package registries and mirrors.
const LEAKS: [(&str, &str); 12] = [
    (concat!("/ho", "me/"), "an absolute home folder"),
    (concat!("/ro", "ot/"), "an absolute home folder"),
    (concat!("/Us", "ers/"), "an absolute home folder"),
    (concat!("index.", "crates.io"), "a package registry's host"),
    (concat!("static.", "crates.io"), "a package registry's host"),
    (concat!("rsproxy", ".cn"), "a package registry's host"),
    (concat!("proxy.", "golang.org"), "a package registry's host"),
    (concat!("sum.", "golang.org"), "a package registry's host"),
    (concat!("goproxy", "."), "a package registry's host"),
    (concat!("pypi", ".org"), "a package registry's host"),
    (
        concat!("registry.", "npmjs.org"),
        "a package registry's host",
    ),
    (concat!("deb.", "debian.org"), "a package registry's host"),
];

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files {
        if is_rust(file) {
            findings.extend(check_rust(file, &read(root, file)?));
        }
        let small =
            std::fs::metadata(root.join(file)).is_ok_and(|meta| meta.len() <= LEAK_BYTES_MAX);
        // What is not text holds no path that somebody typed.
        if small && let Ok(text) = std::fs::read_to_string(root.join(file)) {
            findings.extend(check_leaks(file, &text));
        }
    }
    Ok(findings)
}

fn check_rust(file: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(Finding::new(
            file,
            1,
            "begins without `//!`: say what the room is for and what it must not know",
        ));
    }
    let code = without_comments_and_literals(text);
    let product = if is_test_file(file) {
        ""
    } else {
        without_tests(&code)
    };
    let lines = product.lines().count();
    if lines > LINES_MAX {
        findings.push(Finding::new(
            file,
            0,
            format!("{lines} lines without tests, {LINES_MAX} at most: split it"),
        ));
    }
    for (number, line) in text.lines().enumerate() {
        if words(line).any(|word| word == FIX_LATER) {
            findings.push(Finding::new(
                file,
                number + 1,
                format!("{FIX_LATER}: do it, or write it down where it is planned"),
            ));
        }
    }
    for (number, line) in code.lines().enumerate() {
        for word in words(line).filter(|word| UNFINISHED.contains(word)) {
            findings.push(Finding::new(
                file,
                number + 1,
                format!("`{word}` marks unfinished code"),
            ));
        }
    }
    if DETERMINISTIC.iter().any(|folder| file.starts_with(folder)) {
        findings.extend(check_deterministic(file, product));
    }
    findings
}

fn check_deterministic(file: &Path, product: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in product.lines().enumerate() {
        for word in words(line) {
            if let Some((_, way_out)) = NOT_DETERMINISTIC.iter().find(|(name, _)| *name == word) {
                findings.push(Finding::new(
                    file,
                    number + 1,
                    format!("`{word}` has no place here: {way_out}"),
                ));
            }
        }
    }
    findings
}

fn check_leaks(file: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (trace, what) in LEAKS {
            if line
                .match_indices(trace)
                .any(|(at, _)| stands_alone(line, at))
            {
                findings.push(Finding::new(
                    file,
                    number + 1,
                    format!("`{trace}` is {what}: it holds on one machine only"),
                ));
            }
        }
    }
    findings
}

/// Whether an absolute path begins here: `a/home/b` is a path within something else.
fn stands_alone(line: &str, at: usize) -> bool {
    !line[..at]
        .ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '-' || c == '_' || c == '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(file: &str, text: &str) -> usize {
        check_rust(Path::new(file), text).len() + check_leaks(Path::new(file), text).len()
    }

    #[test]
    fn good_files_pass() {
        let cases = [
            ("a/src/lib.rs", "//! A room.\nfn a() {}\n"),
            (
                "scheduler/core/src/a.rs",
                "//! Not f64.\n// HashMap\nfn a() -> &'static str { \"f64\" }\n",
            ),
            (
                "scheduler/core/src/a_tests.rs",
                "//! Tests.\nuse std::collections::HashMap;\n",
            ),
            (
                "scheduler/core/src/a.rs",
                "//! A.\n#[cfg(test)]\nmod tests {\n    type X = f64;\n}\n",
            ),
            (
                "scheduler/operator/src/a.rs",
                "//! A.\nuse std::time::Instant;\n",
            ),
            ("a/src/lib.rs", "//! In src/home/x.rs.\n"),
        ];
        for (file, text) in cases {
            assert_eq!(faults(file, text), 0, "{file}: {text}");
        }
        let long_tests = format!(
            "//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// x\n".repeat(LINES_MAX)
        );
        assert_eq!(faults("a/src/a.rs", &long_tests), 0);
    }

    #[test]
    fn broken_rules_are_found() {
        let cases = [
            ("a/src/lib.rs", "fn a() {}\n".to_owned()),
            (
                "a/src/lib.rs",
                format!("//! A.\n{}", "// x\n".repeat(LINES_MAX)),
            ),
            ("a/src/lib.rs", "//! A.\nfn a() { todo!() }\n".to_owned()),
            ("a/tests/a.rs", "//! A.\nfn a() { dbg!(1); }\n".to_owned()),
            ("a/src/lib.rs", format!("//! A.\n// {FIX_LATER}: later\n")),
            (
                "scheduler/core/src/a.rs",
                "//! A.\nlet x: f64 = 0.0;\n".to_owned(),
            ),
            (
                "scheduler/ledger/src/a/b.rs",
                "//! A.\nlet now = Instant::now();\n".to_owned(),
            ),
            (
                "scheduler/ledger/src/a.rs",
                "//! A.\nprintln!(\"x\");\n".to_owned(),
            ),
            (
                "a/src/lib.rs",
                format!("//! See {}lin/notes.\n", LEAKS[0].0),
            ),
            ("a/src/lib.rs", format!("//! https://{}/x\n", LEAKS[6].0)),
        ];
        for (file, text) in cases {
            assert_eq!(faults(file, &text), 1, "{file}: {text}");
        }
    }
}
