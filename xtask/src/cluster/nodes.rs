//! Fake nodes, played by kwok, and the annotations that steer what they and their pods do.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Cluster;
use super::programs::Played;
use super::start::wait_until;

/// Annotations that kwok's stages read. Durations are Go's: `90s`, `1m30s`, `250ms`.
pub mod annotations {
    /// On a pod: how long it runs before it completes. Without it, it runs until deleted.
    pub const RUN_FOR: &str = "pod-complete.stage.kwok.x-k8s.io/delay";
    /// On a pod with [`RUN_FOR`]: what its containers exit with; `0` when absent.
    pub const EXIT_CODE: &str = "pod-complete.stage.kwok.x-k8s.io/exit-code";
    /// On a pod: how long it takes from bound to running; at once when absent.
    pub const START_AFTER: &str = "pod-ready.stage.kwok.x-k8s.io/delay";
    /// On a pod: how long it takes to stop when it is deleted; at once when absent.
    pub const STOP_AFTER: &str = "pod-delete.stage.kwok.x-k8s.io/delay";
    /// On a node: `NotReady` makes it so.
    pub const NODE_STATE: &str = "node.stage.kwok.x-k8s.io/state";
}

/// Marks a fake node: an annotation in a cluster of our own, a taint in a borrowed one.
pub const FAKE_NODE_KEY: &str = "kwok.x-k8s.io/node";
/// Marks the nodes of one call of [`Cluster::add_nodes`].
const NODE_SET_LABEL: &str = "edugrid.io/node-set";
/// Ready seconds for a small set; each further node adds to it.
const READY_SECONDS_MIN: u64 = 60;
const READY_MILLISECONDS_PER_NODE: u64 = 100;

/// What fake nodes look like.
#[derive(Clone, Debug, Default)]
pub struct NodeShape {
    /// Labels beside `kubernetes.io/hostname` and kwok's own.
    pub labels: BTreeMap<String, String>,
    /// Capacity, all of it allocatable, as quantities by resource name. CPU, memory, disk and
    /// pods have defaults.
    pub capacity: BTreeMap<String, String>,
}

impl NodeShape {
    /// A node with some NVIDIA cards, 128 cores and 1 TiB of memory.
    pub fn with_cards(cards: u32) -> Self {
        Self::default().capacity("nvidia.com/gpu", &cards.to_string())
    }

    /// Adds or replaces a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds or replaces the capacity of a resource.
    #[must_use]
    pub fn capacity(mut self, resource: &str, quantity: &str) -> Self {
        self.capacity
            .insert(resource.to_owned(), quantity.to_owned());
        self
    }

    fn object(&self, prefix: &str, index: usize, played: Played) -> Value {
        let name = node_name(prefix, index);
        let mut labels = BTreeMap::from([
            ("kubernetes.io/hostname", name.as_str()),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            (NODE_SET_LABEL, prefix),
            played.label(),
        ]);
        labels.extend(
            self.labels
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
        let mut capacity = BTreeMap::from([
            ("cpu", "128"),
            ("memory", "1Ti"),
            ("ephemeral-storage", "4Ti"),
            ("pods", "250"),
        ]);
        capacity.extend(
            self.capacity
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
        let mut node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "status": {"capacity": capacity, "allocatable": capacity},
        });
        match played {
            Played::Own => node["metadata"]["annotations"] = json!({FAKE_NODE_KEY: "fake"}),
            // Nobody's real pods land there, and no other kwok feels meant.
            Played::Brought => {
                node["spec"]["taints"] =
                    json!([{"key": FAKE_NODE_KEY, "value": "fake", "effect": "NoSchedule"}]);
            }
        }
        node
    }
}

fn node_name(prefix: &str, index: usize) -> String {
    format!("{prefix}-{index}")
}

impl Cluster {
    /// Adds fake nodes `<prefix>-0`, `<prefix>-1`, … and waits until all are Ready. Returns
    /// their names.
    ///
    /// # Errors
    /// A node of that name exists, the shape is refused, or they do not get Ready in time.
    pub fn add_nodes(&self, prefix: &str, count: usize, shape: &NodeShape) -> Result<Vec<String>> {
        let items: Vec<Value> = (0..count)
            .map(|index| shape.object(prefix, index, self.played()))
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl_with_input("admin", &["create", "--filename=-"], &list.to_string())?
            .ok()
            .with_context(|| format!("cannot add nodes {prefix}-*"))?;
        let millis =
            READY_MILLISECONDS_PER_NODE.saturating_mul(count.try_into().unwrap_or(u64::MAX));
        let limit = Duration::from_secs(READY_SECONDS_MIN) + Duration::from_millis(millis);
        wait_until(
            limit,
            &format!("{count} nodes {prefix}-* to be Ready"),
            || Ok(self.ready_nodes(&format!("{NODE_SET_LABEL}={prefix}"))? >= count),
        )
        .with_context(|| format!("kwok said:\n{}", self.log_tail("kwok", 8)))?;
        Ok((0..count).map(|index| node_name(prefix, index)).collect())
    }

    /// Makes a fake node Ready or not, and waits until it is so.
    ///
    /// # Errors
    /// There is no such fake node, or the change does not show in time.
    pub fn set_node_ready(&self, name: &str, ready: bool) -> Result<()> {
        let annotation = match ready {
            true => format!("{}-", annotations::NODE_STATE),
            false => format!("{}=NotReady", annotations::NODE_STATE),
        };
        self.kubectl(
            "admin",
            &["annotate", "--overwrite", "node", name, &annotation],
        )?
        .ok()?;
        let selector = format!("kubernetes.io/hostname={name}");
        wait_until(
            Duration::from_secs(READY_SECONDS_MIN),
            &format!("node {name} to change"),
            || Ok((self.ready_nodes(&selector)? == 1) == ready),
        )
    }

    /// Removes nodes, as a crash of the machines would end: their pods are left to the
    /// controllers.
    ///
    /// # Errors
    /// There is no such node.
    pub fn remove_nodes(&self, names: &[String]) -> Result<()> {
        ensure!(!names.is_empty(), "no node to remove");
        let mut args = vec![
            "delete".to_owned(),
            "node".to_owned(),
            "--wait=false".to_owned(),
        ];
        args.extend_from_slice(names);
        self.kubectl("admin", &args)?.ok().map(drop)
    }

    fn ready_nodes(&self, selector: &str) -> Result<usize> {
        let path = r#"jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;
        let text = self
            .kubectl(
                "admin",
                &["get", "nodes", "--selector", selector, "--output", path],
            )?
            .ok()?;
        Ok(text.lines().filter(|line| *line == "True").count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_overrides_defaults_and_keeps_the_rest() {
        let shape = NodeShape::with_cards(8)
            .label("rack", "r1")
            .capacity("cpu", "64");
        let node = shape.object("gpu", 3, Played::Own);
        assert_eq!(node["metadata"]["name"], "gpu-3");
        assert_eq!(
            node["metadata"]["labels"]["kubernetes.io/hostname"],
            "gpu-3"
        );
        assert_eq!(node["metadata"]["labels"]["type"], "kwok");
        assert_eq!(node["metadata"]["labels"]["rack"], "r1");
        assert_eq!(node["status"]["capacity"]["nvidia.com/gpu"], "8");
        assert_eq!(node["status"]["allocatable"]["cpu"], "64");
        assert_eq!(node["status"]["allocatable"]["memory"], "1Ti");
    }

    #[test]
    fn a_node_that_was_brought_along_keeps_others_away() {
        let own = NodeShape::default().object("a", 0, Played::Own);
        assert!(own["spec"]["taints"].is_null());
        let brought = NodeShape::default().object("a", 0, Played::Brought);
        assert_eq!(brought["spec"]["taints"][0]["effect"], "NoSchedule");
        assert!(
            brought["metadata"]["labels"]["type"].is_null(),
            "another kwok might play it"
        );
    }
}
