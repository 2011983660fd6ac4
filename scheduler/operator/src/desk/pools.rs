//! What is told in pools: their nodes and units, and what is wrong with them (N4, Q4). Told
//! when it changes, looked at once a second. It must not know jobs.

use std::collections::BTreeMap;

use edugrid_core::{Counts, PoolCondition, PoolView, World};
use edugrid_crds::conditions;
use edugrid_units::{MilliUnits, Stamp};
use serde_json::{Value, json};

use super::money::condition;
use crate::writes::Write;

/// Most contested nodes that a condition names.
const NODES_NAMED_MAX: usize = 5;

/// Every pool whose object is there.
#[derive(Debug, Default)]
pub(super) struct Pools(BTreeMap<String, Known>);

#[derive(Debug)]
struct Known {
    generation: Option<i64>,
    /// Why its object can't be read.
    bad: Option<String>,
    /// What its status was told last: all of it but times.
    told: Option<Value>,
    /// Since when each condition is as it is.
    since: BTreeMap<&'static str, (bool, Stamp)>,
}

impl Pools {
    /// A pool is there, or has changed; `bad` says why it can't be read.
    pub(super) fn set(&mut self, name: &str, generation: Option<i64>, bad: Option<String>) {
        let known = self.0.entry(name.to_owned()).or_insert_with(|| Known {
            generation,
            bad: None,
            told: None,
            since: BTreeMap::new(),
        });
        known.generation = generation;
        known.bad = bad;
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Its status did not get through and is told again.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some(known) = self.0.get_mut(name) {
            known.told = None;
        }
    }

    /// The statuses that have changed.
    pub(super) fn due(&mut self, world: &World, now: Stamp) -> Vec<Write> {
        let views: BTreeMap<String, PoolView> = world
            .pools()
            .into_iter()
            .map(|view| (view.name.to_string(), view))
            .collect();
        let known = self.0.iter_mut();
        let told = known.filter_map(|(name, known)| known.tell(name, views.get(name), now));
        told.collect()
    }
}

impl Known {
    fn tell(&mut self, name: &str, view: Option<&PoolView>, now: Stamp) -> Option<Write> {
        let held = self.conditions(view);
        let numbers = view.map(numbers);
        let facts = json!([self.generation, held, numbers]);
        if self.told.as_ref() == Some(&facts) {
            return None;
        }
        self.told = Some(facts);
        let list: Vec<Value> = held
            .into_iter()
            .map(|(kind, holds, words)| {
                let (before, since) = self.since.entry(kind).or_insert((holds, now));
                if *before != holds {
                    (*before, *since) = (holds, now);
                }
                condition(kind, holds, &words, self.generation, *since)
            })
            .collect();
        let mut status = numbers.unwrap_or_else(|| json!({}));
        status["observedGeneration"] = json!(self.generation);
        status["conditions"] = json!(list);
        Some(Write::ObjectStatus {
            kind: "ComputePool",
            plural: "computepools",
            name: name.to_owned(),
            status,
        })
    }

    /// Kind, whether it holds, and its words.
    fn conditions(&self, view: Option<&PoolView>) -> Vec<(&'static str, bool, String)> {
        let empty = view.is_none_or(|view| view.nodes == 0);
        let ready = match &self.bad {
            Some(bad) => (conditions::READY, false, bad.clone()),
            None if empty => {
                let words = "no node has the labels of spec.nodeSelector and spec.resource";
                (conditions::READY, false, words.to_owned())
            }
            None => (conditions::READY, true, "has nodes".to_owned()),
        };
        let wrong = view.map(|view| view.conditions.as_slice()).unwrap_or(&[]);
        let contested = contested(wrong);
        let over = wrong.iter().find_map(|condition| match condition {
            PoolCondition::Overdeclared { declared, healthy } => Some(format!(
                "tenants own {declared}, healthy nodes have {healthy}: what is missing can't be given \
                 to its owners until nodes are back or quota is cut"
            )),
            PoolCondition::NodeContested { .. } => None,
        });
        vec![
            ready,
            (conditions::NODE_CONFLICT, !contested.is_empty(), contested),
            (
                conditions::OVERDECLARED,
                over.is_some(),
                over.unwrap_or_default(),
            ),
        ]
    }
}

/// The first nodes that another pool matches too.
fn contested(wrong: &[PoolCondition]) -> String {
    let nodes: Vec<String> = wrong
        .iter()
        .filter_map(|condition| match condition {
            PoolCondition::NodeContested { node, other } => {
                Some(format!("{node} is matched by {other} too"))
            }
            PoolCondition::Overdeclared { .. } => None,
        })
        .collect();
    if nodes.is_empty() {
        return String::new();
    }
    let shown = nodes.iter().take(NODES_NAMED_MAX).cloned();
    let mut words = shown.collect::<Vec<_>>().join(", ");
    let more = nodes.len().saturating_sub(NODES_NAMED_MAX);
    if more > 0 {
        words += &format!(" and {more} more");
    }
    words + ": the older pool keeps it, make the selectors exclude each other"
}

fn numbers(view: &PoolView) -> Value {
    let capacity = match view.counts {
        Some(Counts::Core) => MilliUnits(view.capacity.cpu_milli),
        _ => view.capacity.cards,
    };
    json!({
        "nodes": view.nodes,
        "capacity": capacity.to_string(),
        "healthy": view.healthy.to_string(),
    })
}

#[cfg(test)]
#[path = "pools_tests.rs"]
mod tests;
