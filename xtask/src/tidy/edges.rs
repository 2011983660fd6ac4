//! Compares what the crates' manifests name, and what is built below the strict ones, with
//! the walls. It asks cargo rather than reading TOML, so renames and inherited versions
//! are resolved as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Finding;
use super::walls::{Others, WALLS, Wall};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A crate of the workspace, as `cargo metadata` tells it.
#[derive(Clone, Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    name: String,
    /// Absent for what the crate itself is built with.
    kind: Option<String>,
    /// Present for crates of ours.
    path: Option<PathBuf>,
}

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let metadata = cargo(root, &["metadata", "--no-deps", "--format-version=1"])?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).context("`cargo metadata` is not as expected")?;
    let mut findings = check_members(root, &metadata.packages);
    for package in &metadata.packages {
        let manifest = relative(root, &package.manifest_path);
        findings.extend(check_lints(&manifest, &super::read(root, &manifest)?));
        let Some(wall) = wall_of(&package.name) else {
            continue;
        };
        findings.extend(check_manifest(&manifest, package, wall));
        if !wall.never_below.is_empty() {
            let tree = cargo(
                root,
                &[
                    "tree",
                    "--package",
                    wall.of,
                    "--edges=normal,build",
                    "--prefix=none",
                ],
            )?;
            findings.extend(check_tree(&manifest, &tree, wall));
        }
    }
    Ok(findings)
}

fn wall_of(name: &str) -> Option<&'static Wall> {
    WALLS.iter().find(|wall| wall.of == name)
}

/// Every member has a wall, and every wall a member.
fn check_members(root: &Path, packages: &[Package]) -> Vec<Finding> {
    let table = Path::new("xtask/src/tidy/walls.rs");
    let without_wall = packages
        .iter()
        .filter(|package| wall_of(&package.name).is_none())
        .map(|package| {
            let manifest = relative(root, &package.manifest_path);
            Finding::new(
                manifest,
                0,
                format!(
                    "crate {} has no wall: add it to {}",
                    package.name,
                    table.display()
                ),
            )
        });
    let members: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let without_crate = WALLS
        .iter()
        .filter(|wall| !members.contains(wall.of))
        .map(|wall| {
            Finding::new(
                table,
                0,
                format!("a wall for {}, which is no crate of the workspace", wall.of),
            )
        });
    without_wall.chain(without_crate).collect()
}

fn check_manifest(manifest: &Path, package: &Package, wall: &Wall) -> Vec<Finding> {
    let built_with = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    let names: BTreeMap<&str, bool> = built_with
        .map(|dependency| (dependency.name.as_str(), dependency.path.is_some()))
        .collect();
    let mut findings = Vec::new();
    for (name, ours) in names {
        let allowed = match (ours, wall.others) {
            (true, _) => wall.ours.contains(&name),
            (false, Others::Only(list)) => list.contains(&name),
            (false, Others::AnyBut(list)) => !list.contains(&name),
        };
        if !allowed {
            let message = format!("{} may not use {name}: {}", wall.of, wall.why);
            findings.push(Finding::new(manifest, 0, message));
        }
    }
    findings
}

/// Each line of the tree begins with a crate's name.
fn check_tree(manifest: &Path, tree: &str, wall: &Wall) -> Vec<Finding> {
    let below: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    wall.never_below
        .iter()
        .filter(|name| below.contains(*name))
        .map(|name| {
            let message = format!(
                "{name} is built below {}: {} (see `cargo tree --package {} --invert {name}`)",
                wall.of, wall.why, wall.of
            );
            Finding::new(manifest, 0, message)
        })
        .collect()
}

/// The lints (no `unsafe`, documentation) hold only for crates that ask for them.
fn check_lints(manifest: &Path, text: &str) -> Option<Finding> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    let asked = lines.find(|line| !line.is_empty()) == Some("workspace = true");
    (!asked).then(|| {
        Finding::new(
            manifest,
            0,
            "the workspace's lints are not asked for: add `[lints]` with `workspace = true`",
        )
    })
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}

fn cargo(root: &Path, args: &[&str]) -> Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(program)
        .current_dir(root)
        .args(args)
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "`cargo {}` failed: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).context("cargo's answer is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest_path: PathBuf::from("/r/x/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|(name, kind, ours)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                    path: ours.then(|| PathBuf::from("/r/y")),
                })
                .collect(),
        }
    }

    fn refused(of: &str, dependency: (&str, Option<&str>, bool)) -> bool {
        let wall = wall_of(of).expect("a wall");
        !check_manifest(Path::new("x/Cargo.toml"), &package(of, &[dependency]), wall).is_empty()
    }

    #[test]
    fn edges_across_a_wall_are_found() {
        let cases = [
            ("edugrid-core", ("edugrid-units", None, true), false),
            ("edugrid-core", ("edugrid-ledger", None, true), true),
            ("edugrid-core", ("serde", None, false), true),
            ("edugrid-core", ("proptest", Some("dev"), false), false),
            ("edugrid-core", ("cc", Some("build"), false), true),
            ("edugrid-ledger", ("sled", None, false), false),
            ("edugrid-ledger", ("kube", None, false), true),
            ("edugrid-ledger", ("edugrid-core", None, true), true),
            ("edugrid-crds", ("tokio", None, false), true),
            ("edugrid-scheduler", ("tokio", None, false), false),
            ("edugrid-scheduler", ("xtask", None, true), true),
        ];
        for (of, dependency, expected) in cases {
            assert_eq!(refused(of, dependency), expected, "{of} and {dependency:?}");
        }
    }

    #[test]
    fn what_is_built_below_is_found_by_its_whole_name() {
        let wall = wall_of("edugrid-crds").expect("a wall");
        let clean = "edugrid-crds v0.1.0 (/r/crds)\nkube-core v5.0.0\ntokio-macros v2.0.0\n";
        assert!(check_tree(Path::new("x"), clean, wall).is_empty());
        let found = check_tree(Path::new("x"), &format!("{clean}tokio v1.0.0 (*)\n"), wall);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn members_and_walls_match() {
        let mut packages: Vec<Package> = WALLS.iter().map(|wall| package(wall.of, &[])).collect();
        assert!(check_members(Path::new("/r"), &packages).is_empty());
        packages.push(package("edugrid-newcomer", &[]));
        packages.remove(0);
        assert_eq!(check_members(Path::new("/r"), &packages).len(), 2);
    }

    #[test]
    fn lints_must_be_asked_for() {
        let manifest = Path::new("x/Cargo.toml");
        assert_eq!(
            check_lints(manifest, "[package]\n\n[lints]\nworkspace = true\n"),
            None
        );
        for text in [
            "[package]\n",
            "[lints]\n[features]\n",
            "[lints.rust]\nworkspace = true\n",
        ] {
            assert!(check_lints(manifest, text).is_some(), "{text}");
        }
    }
}
