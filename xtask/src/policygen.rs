//! Keeps what the operator knows of the chart's policies in step with the chart: rendered by
//! helm with the chart's own values, written as data into the operator's sources. It must not
//! know what a policy says.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    installation::{NAMESPACE, repository},
    tools::{Tool, Tools},
};

/// Where the operator reads them.
const FILE: &str = "scheduler/operator/src/policies/shipped.json";

/// Writes the file, or with `check` only compares.
///
/// # Errors
/// If helm refuses the chart, or with `check` if the file is stale.
pub fn run(check: bool) -> Result<()> {
    let wanted = rendered()?;
    let path = repository().join(FILE);
    if check {
        ensure!(
            fs::read_to_string(&path).is_ok_and(|found| found == wanted),
            "{FILE} is stale\nrun `cargo xtask policygen` and commit what it writes"
        );
        return Ok(());
    }
    fs::write(&path, wanted).with_context(|| format!("write {}", path.display()))
}

/// Kind to name to `spec`, of every policy and binding of the chart.
fn rendered() -> Result<String> {
    let tools = Tools::ready()?;
    let mut command = Command::new(tools.path(Tool::Helm));
    command
        .args(["template", "edugrid"])
        .arg(repository().join("charts/edugrid"))
        .arg(format!("--namespace={NAMESPACE}"))
        .args([
            "--kube-version=1.36.0",
            "--show-only=templates/policies/*.yaml",
        ]);
    let output = command.output().context("helm can't be run")?;
    if !output.status.success() {
        bail!("helm: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout).context("the rendered chart is no text")?;
    let mut kinds: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for document in text.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).context("a policy is no YAML")?;
        let (Some(kind), Some(name)) =
            (object["kind"].as_str(), object["metadata"]["name"].as_str())
        else {
            continue;
        };
        let of_kind = kinds.entry(kind.to_owned()).or_default();
        of_kind.insert(name.to_owned(), sorted(&object["spec"]));
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&kinds)?))
}

/// With sorted keys, whatever order a dependency's feature gives them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> = map
                .iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            sorted
                .into_iter()
                .map(|(key, value)| (key.clone(), value))
                .collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
