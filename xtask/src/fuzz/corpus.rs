//! The kept inputs: what each target's folder holds, and which of the grown ones join it. Inputs
//! that people put there have names with a dash and stay; libFuzzer's are named by their hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The most inputs that a folder keeps, so that a person can look through it.
const INPUTS_MAX: usize = 60;
/// The largest of them, in bytes.
const INPUT_BYTES_MAX: u64 = 4096;

/// The targets: a program each.
pub(super) fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = files(&folder.join("fuzz_targets"))?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Keeps some of the few inputs that together reach all that the grown ones reach, beside those
/// that people put there; returns how many there are now.
pub(super) fn minimise(target: &str, program: &Path, folder: &Path, work: &Path) -> Result<usize> {
    let kept = folder.join("corpus").join(target);
    let merged = work.join("merged").join(target);
    if merged.exists() {
        fs::remove_dir_all(&merged).context("an old merge can't be removed")?;
    }
    fs::create_dir_all(&merged)?;
    for path in named(&kept)? {
        fs::copy(&path, merged.join(path.file_name().unwrap_or_default()))?;
    }
    let status = Command::new(program)
        .args(["-set_cover_merge=1", &format!("-max_len={INPUT_BYTES_MAX}")])
        .arg(&merged)
        .arg(work.join("corpus").join(target))
        .arg(&kept)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("the merge can't be run")?;
    ensure!(status.success(), "the corpus of {target} can't be merged");
    let mut small = Vec::new();
    for path in hashed(&merged)? {
        let bytes = fs::metadata(&path)?.len();
        if bytes <= INPUT_BYTES_MAX {
            small.push((bytes, path));
        }
    }
    small.sort();
    let named_count = named(&kept)?.len();
    let small = spread(small, INPUTS_MAX.saturating_sub(named_count));
    for path in hashed(&kept)? {
        fs::remove_file(path)?;
    }
    for (_, path) in &small {
        fs::copy(path, kept.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(named_count + small.len())
}

/// So many of them, from the smallest to the largest: large ones reach deep.
fn spread<T: Clone>(all: Vec<T>, count: usize) -> Vec<T> {
    if all.len() <= count {
        return all;
    }
    let place = |index: usize| all.get(index * all.len() / count).cloned();
    (0..count).filter_map(place).collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))?;
    listed.map(|entry| Ok(entry?.path())).collect()
}

/// What people put there.
fn named(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = files(folder)?;
    all.retain(|path| is_named(path));
    Ok(all)
}

fn hashed(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = files(folder)?;
    all.retain(|path| !is_named(path));
    Ok(all)
}

fn is_named(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::repository;

    #[test]
    fn every_program_is_a_target() {
        let names = targets(&repository().join("fuzz")).expect("the programs");
        assert!(names.contains(&"export".to_owned()), "{names:?}");
        assert!(names.is_sorted());
    }

    #[test]
    fn what_is_kept_is_spread_over_sizes() {
        assert_eq!(spread(vec![1, 2, 3], 3), [1, 2, 3]);
        assert_eq!(spread((0..10).collect(), 4), [0, 2, 5, 7]);
        assert_eq!(spread(vec![1], 0), [0; 0]);
    }

    #[test]
    fn names_of_people_have_a_dash() {
        assert!(is_named(Path::new("a/line-10")));
        assert!(!is_named(Path::new("a-b/0a1b2c3d")));
    }
}
