//! Keeps the YAML of our definitions in step with the Rust that they are derived from: once for people to read and to
//! apply by hand, once for the chart, which can only read files of its own; likewise the page of reasons. It must not
//! know what the definitions say.

mod reasons;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders that hold the files, from the root of the repository.
const FOLDERS: [&str; 2] = ["crds/yaml", "charts/edugrid/files/crds"];

const HEADER: &str = "# Made by `cargo xtask crdgen` from the sources in crds/src. Change those, and make it anew.\n";

/// Writes all definitions, or with `check` only compares.
///
/// # Errors
/// With `check`, names each file that is missing, stale or left over, and the command that cures it. Otherwise what
/// the file system refuses.
pub fn run(check: bool) -> Result<()> {
    run_in(&repository_root()?, check)
}

fn repository_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("the folder of xtask has no parent")?
        .to_path_buf())
}

fn run_in(root: &Path, check: bool) -> Result<()> {
    let wanted = rendered()?;
    let mut differences = Vec::new();
    for folder in FOLDERS {
        let folder = root.join(folder);
        if !check {
            fs::create_dir_all(&folder)
                .with_context(|| format!("make folder {}", folder.display()))?;
        }
        for (name, text) in &wanted {
            let path = folder.join(name);
            let found = fs::read_to_string(&path).ok();
            if found.as_ref() == Some(text) {
                continue;
            }
            if check {
                let fault = if found.is_some() {
                    "is stale"
                } else {
                    "is missing"
                };
                differences.push(format!("{} {fault}", relative(root, &path)));
            } else {
                fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            }
        }
        for path in left_over(&folder, &wanted.keys().cloned().collect())? {
            if check {
                differences.push(format!("{} belongs to no kind", relative(root, &path)));
            } else {
                fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
    }
    let page = root.join(reasons::PAGE);
    let text = reasons::page();
    if !check {
        if let Some(folder) = page.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("make folder {}", folder.display()))?;
        }
        fs::write(&page, text).with_context(|| format!("write {}", page.display()))?;
    } else if fs::read_to_string(&page).ok().as_ref() != Some(&text) {
        differences.push(format!("{} is stale or missing", reasons::PAGE));
    }
    if !differences.is_empty() {
        bail!(
            "{}\nrun `cargo xtask crdgen` and commit what it writes",
            differences.join("\n")
        );
    }
    Ok(())
}

/// File names and their text, for every definition.
fn rendered() -> Result<BTreeMap<String, String>> {
    edugrid_crds::definitions()
        .iter()
        .map(|definition| {
            let name = edugrid_crds::file_name(definition);
            let value = canonical(serde_json::to_value(definition)?);
            let yaml =
                serde_saphyr::to_string(&value).with_context(|| format!("write {name} as YAML"))?;
            Ok((name, format!("{HEADER}{yaml}")))
        })
        .collect()
}

/// Sorts keys, whatever order a dependency's feature gives them, and writes whole bounds as integers, as the API
/// server does.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map.into_iter().collect();
            Value::Object(
                sorted
                    .into_iter()
                    .map(|(key, value)| (key, canonical(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        other => other,
    }
}

/// A float that is a whole number, as an integer. Bounds above 2^53 would lose digits, so they stay.
fn whole(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() < EXACT).then(|| Number::from(float as i64))
}

/// YAML files of a folder that no definition accounts for.
fn left_over(folder: &Path, wanted: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("read folder {}", folder.display()))?
            .path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if is_yaml && !wanted.contains(&name) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_once_and_finds_what_was_changed_by_hand() -> Result<()> {
        let root = tempfile::tempdir()?;
        run_in(root.path(), false)?;
        run_in(root.path(), true)?;

        let stale = root.path().join("crds/yaml/tenant.yaml");
        fs::write(&stale, "changed by hand")?;
        fs::write(root.path().join("crds/yaml/old.yaml"), "")?;
        fs::remove_file(root.path().join("charts/edugrid/files/crds/jobclass.yaml"))?;
        let fault =
            run_in(root.path(), true).map_or_else(|fault| fault.to_string(), |()| String::new());
        assert_eq!(
            fault,
            "crds/yaml/tenant.yaml is stale\ncrds/yaml/old.yaml belongs to no kind\n\
             charts/edugrid/files/crds/jobclass.yaml is missing\nrun `cargo xtask crdgen` and commit what it writes"
        );

        run_in(root.path(), false)?;
        run_in(root.path(), true)
    }

    #[test]
    fn the_repository_is_in_step() -> Result<()> {
        run(true)
    }

    #[test]
    fn whole_bounds_are_integers_and_keys_are_sorted() {
        let value = canonical(json!({"b": 10.0, "a": [0.5, -3.0, 7]}));
        assert_eq!(value.to_string(), r#"{"a":[0.5,-3,7],"b":10}"#);
    }
}
