//! When a declared kind is really served. A CustomResourceDefinition is established a moment before admission knows its
//! kind, after it was made as after a start of the API server; what is written in between is refused though nothing is
//! wrong with it. It must not know which kinds there are.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Cluster;
use super::start::wait_until;

/// How long the API server may take from establishing a kind to serving it.
const SERVED_LIMIT: Duration = Duration::from_secs(60);
/// What it says before that, from admission and from discovery.
const NOT_YET: [&str; 2] = ["There can be a delay", "no matches for kind"];

impl Cluster {
    /// Waits until every declared kind is served, admission included. Nothing is made.
    ///
    /// # Errors
    /// If one is not in time.
    pub fn wait_served(&self) -> Result<()> {
        let args = ["get", "customresourcedefinitions", "--output=json"];
        let list: Value = serde_json::from_str(&self.kubectl("admin", &args)?.ok()?)?;
        let definitions = list["items"].as_array().context("no list of kinds")?;
        if definitions.is_empty() {
            return Ok(());
        }
        let probes: Vec<Value> = definitions.iter().flat_map(probes).collect();
        let probes = json!({"apiVersion": "v1", "kind": "List", "items": probes}).to_string();
        let ask = [
            "create",
            "--dry-run=server",
            "--validate=false",
            "--filename=-",
        ];
        wait_until(SERVED_LIMIT, "declared kinds to be served", || {
            // Whether the empty objects are good is of no interest here.
            let said = self.kubectl_with_input("admin", &ask, &probes)?.stderr;
            Ok(!NOT_YET.iter().any(|words| said.contains(words)))
        })
    }
}

/// An empty object of each served version of a kind.
fn probes(definition: &Value) -> Vec<Value> {
    let spec = &definition["spec"];
    let group = spec["group"].as_str().unwrap_or_default();
    let versions = spec["versions"].as_array().into_iter().flatten();
    let served = versions.filter(|version| version["served"] == true);
    let object = |version: &Value| {
        let version = version["name"].as_str().unwrap_or_default();
        let mut metadata = json!({"name": "probe"});
        if spec["scope"] == "Namespaced" {
            metadata["namespace"] = json!("default");
        }
        json!({
            "apiVersion": format!("{group}/{version}"),
            "kind": spec["names"]["kind"],
            "metadata": metadata,
            "spec": {},
        })
    };
    served.map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_an_empty_object_of_each_served_version() {
        let definition = json!({"spec": {
            "group": "g.io", "scope": "Namespaced", "names": {"kind": "K"},
            "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}],
        }});
        let expected = json!([{
            "apiVersion": "g.io/v1", "kind": "K", "metadata": {"name": "probe", "namespace": "default"}, "spec": {},
        }]);
        assert_eq!(json!(probes(&definition)), expected);
    }
}
