//! `cargo xtask tidy`: the house's rules that a program can check, checked. It reads the
//! working tree and changes nothing; each finding names the file, the rule and what to do.
//!
//! Clippy and rustc check what they can (`unsafe`, `todo!`, disallowed types); this room
//! has what they cannot see: which crate may know which, module order, sizes, leaks.

mod code;
mod docs;
mod edges;
mod order;
mod sources;
mod walls;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the repository's root.
    file: PathBuf,
    /// Counted from 1; 0 when the rule is about the whole file.
    line: usize,
    /// What is wrong, and the way out.
    message: String,
}

impl Finding {
    fn new(file: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.message),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.message),
        }
    }
}

/// Checks the repository.
///
/// # Errors
/// A rule is broken (every finding is printed first), or the tree cannot be read.
pub fn run() -> Result<()> {
    let root = repository_root()?;
    let mut findings = check(&root)?;
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} finding(s)", findings.len());
    println!("tidy");
    Ok(())
}

/// The walls as they must stand in `ARCHITECTURE.md`.
pub fn printed_walls() -> String {
    walls::printed()
}

fn check(root: &Path) -> Result<Vec<Finding>> {
    let files = files(root)?;
    let mut findings = sources::check(root, &files)?;
    findings.extend(order::check(root, &files)?);
    findings.extend(docs::check(root, &files)?);
    findings.extend(edges::check(root)?);
    findings.extend(walls::check_page(root));
    Ok(findings)
}

fn repository_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("the folder of xtask has no parent")?
        .to_path_buf())
}

/// Every file that is, or is about to be, tracked: what git lists and the tree still has.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("tidy needs git to know which files belong to the repository")?;
    if !output.status.success() {
        bail!(
            "`git ls-files` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let listed = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let mut files: Vec<PathBuf> = listed
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|file| root.join(file).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The text of a Rust file of the repository.
fn read(root: &Path, file: &Path) -> Result<String> {
    std::fs::read_to_string(root.join(file))
        .with_context(|| format!("cannot read {}", file.display()))
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

/// Whether a whole file is test code, by the house's names: below `tests/`, `tests.rs`, or
/// `<module>_tests.rs`.
fn is_test_file(file: &Path) -> bool {
    let stem = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    stem == "tests"
        || stem.ends_with("_tests")
        || file
            .parent()
            .is_some_and(|folder| folder.components().any(|part| part.as_os_str() == "tests"))
}
