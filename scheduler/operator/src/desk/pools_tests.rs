//! What a pool's status says, and when it is written.

use edugrid_core::{Event, NodeResources, NodeSpec, PoolSpec};
use serde_json::json;

use super::*;
use crate::translate::tenancy;

fn at(seconds: i64) -> Stamp {
    Stamp::from_seconds(1_000 + seconds)
}

fn pool(name: &str, created: i64) -> PoolSpec {
    let spec = json!({
        "kind": "Intelligent", "owner": "province", "nodeSelector": {"model": "a100"},
        "resource": "nvidia.com/gpu", "model": "A100",
    });
    let header = tenancy::Header {
        name,
        uid: name,
        created: at(created),
    };
    let spec = serde_json::from_value(spec).expect("a pool's spec");
    tenancy::pool(header, &spec).expect("a pool")
}

fn node(name: &str, cards: u64, ready: bool) -> Event {
    Event::NodeSet(Box::new(NodeSpec {
        name: name.into(),
        labels: [("model".into(), "a100".into())].into(),
        allocatable: NodeResources {
            cpu_milli: 1_000,
            memory_mebibytes: 1_000,
            devices: [("nvidia.com/gpu".into(), MilliUnits::whole(cards))].into(),
        },
        ready,
        unschedulable: false,
        taints: Vec::new(),
    }))
}

/// Status and message of each condition, by kind.
type Conditions = BTreeMap<String, (String, String)>;

/// The status that is due for a pool, with its conditions.
fn told(writes: Vec<Write>, pool: &str) -> Option<(Value, Conditions)> {
    let status = writes.into_iter().find_map(|write| match write {
        Write::ObjectStatus { name, status, .. } if name == pool => Some(status),
        _ => None,
    })?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = status["conditions"].as_array().cloned().unwrap_or_default();
    let conditions = list
        .iter()
        .map(|one| {
            (
                text(&one["type"]),
                (text(&one["status"]), text(&one["message"])),
            )
        })
        .collect();
    Some((status, conditions))
}

#[test]
fn nodes_and_units_are_told_once_per_change() {
    let (mut world, mut pools) = (World::default(), Pools::default());
    world.apply(at(1), Event::PoolSet(Box::new(pool("a100", 0))));
    pools.set("a100", Some(1), None);
    let (_, conditions) = told(pools.due(&world, at(1)), "a100").expect("a first status");
    assert_eq!(conditions["Ready"].0, "False", "{conditions:?}");
    assert!(conditions["Ready"].1.contains("spec.nodeSelector"));

    world.apply(at(2), node("n1", 8, true));
    world.apply(at(3), node("n2", 8, false));
    let (status, conditions) = told(pools.due(&world, at(3)), "a100").expect("nodes came");
    assert_eq!(status["nodes"], 2);
    assert_eq!(
        (&status["capacity"], &status["healthy"]),
        (&json!("16"), &json!("8"))
    );
    assert_eq!(conditions["Ready"].0, "True");
    assert!(pools.due(&world, at(4)).is_empty(), "nothing has changed");

    pools.forget("a100");
    assert!(
        told(pools.due(&world, at(5)), "a100").is_some(),
        "it did not get through"
    );
}

/// N4: the second match stands on both pools.
#[test]
fn a_contested_node_is_told_on_both() {
    let (mut world, mut pools) = (World::default(), Pools::default());
    for (name, created) in [("old", 0), ("young", 1)] {
        world.apply(at(1), Event::PoolSet(Box::new(pool(name, created))));
        pools.set(name, Some(1), None);
    }
    world.apply(at(2), node("n1", 8, true));
    for (name, other) in [("old", "young"), ("young", "old")] {
        let (_, conditions) = told(pools.due(&world, at(2)), name).expect("a status");
        let (status, words) = &conditions["NodeConflict"];
        assert_eq!(status, "True", "{name}");
        assert!(
            words.contains(&format!("n1 is matched by {other} too")),
            "{words}"
        );
        pools.forget(other);
    }
}

#[test]
fn a_pool_that_cannot_be_read_says_why() {
    let (world, mut pools) = (World::default(), Pools::default());
    pools.set(
        "a100",
        Some(1),
        Some("spec.bundle.cpu is no quantity".to_owned()),
    );
    let (_, conditions) = told(pools.due(&world, at(1)), "a100").expect("a status");
    let (status, words) = &conditions["Ready"];
    assert_eq!(
        (status.as_str(), words.as_str()),
        ("False", "spec.bundle.cpu is no quantity")
    );
}
