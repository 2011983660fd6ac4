//! What jobs cost at most, from declarations as people write them.

use edugrid_crds::ComputeJobSpec;
use edugrid_translate::job::{self, Identity};
use serde_json::{Value, json};

use super::*;

impl Estimate {
    /// An estimate of eight hours at six yuan.
    pub fn sample(pool: &str, units: &str, amount: Option<MicroYuan>) -> Self {
        Self {
            pool: pool.into(),
            units: units.into(),
            walltime: "8h".into(),
            rate_per_unit_hour: amount.map(|_| "6.00".into()),
            cost_at_most: amount.map(|amount| amount.to_string()),
            amount,
        }
    }
}

fn catalogue() -> Catalogue {
    let pool = |name: &str, resource: &str| {
        let spec = serde_json::from_value(json!({
            "kind": "Intelligent", "owner": "province", "resource": resource,
            "nodeSelector": {"edugrid.io/pool": name}, "bundle": {"cpu": "12", "memory": "120Gi"},
        }));
        let header = Header {
            name,
            uid: "",
            created: Stamp::default(),
        };
        tenancy::pool(header, &spec.expect("a pool")).expect("a pool")
    };
    let class = serde_json::from_value(json!({
        "tier": "Standard", "defaultWalltime": "4h", "maxWalltime": "72h", "priceTier": "standard",
    }));
    let class = tenancy::class("standard", &class.expect("a class")).expect("a class");
    let book = |name: &str, from: &str, price: &str, bands: Value| {
        let spec = serde_json::from_value(json!({
            "effectiveFrom": from, "bands": bands,
            "prices": [{"pool": "a100", "tier": "standard", "perCardHour": price}],
        }));
        money::price_book(name, &spec.expect("a book")).expect("a book")
    };
    let peak =
        json!([{"name": "peak", "from": "08:00", "to": "20:00", "factor": {"num": 3, "den": 2}}]);
    Catalogue {
        pools: vec![
            pool("a100", "nvidia.com/gpu"),
            pool("h800", "nvidia.com/gpu"),
        ],
        classes: BTreeMap::from([("standard".to_owned(), class)]),
        books: vec![
            book("old", "2026-01-01T00:00:00Z", "6.00", json!([])),
            book("new", "2026-10-01T00:00:00Z", "8.00", peak),
        ],
    }
}

fn estimates(spec: Value, at: &str) -> Vec<(String, String, Option<String>)> {
    let spec: ComputeJobSpec = serde_json::from_value(spec).expect("a spec");
    let identity = Identity {
        uid: "u".into(),
        namespace: "ns".into(),
        name: "job".into(),
        generation: 1,
        created: Stamp::default(),
    };
    let job = job::job(&identity, &spec, "sdu".into(), 1);
    let now = Stamp::from_seconds(crate::samples::at(at).0.as_second());
    let estimates = catalogue().estimate(&job, now);
    let short = |it: Estimate| (it.pool, it.units, it.cost_at_most);
    estimates.into_iter().map(short).collect()
}

fn spec(cards: u32, cpu: &str, more: Value) -> Value {
    let resources = json!({"requests": {"cpu": cpu}});
    let template = json!({"spec": {"containers": [{"name": "main", "resources": resources}]}});
    let role = json!({"name": "w", "replicas": 2, "cards": cards, "template": template});
    let mut spec = json!({"class": "standard", "walltime": "1h", "roles": [role]});
    for (key, value) in more.as_object().expect("a map") {
        spec[key] = value.clone();
    }
    spec
}

#[test]
fn walltime_times_units_times_the_highest_rate_of_the_day() {
    let before = "2026-09-30T00:00:00Z";
    let after = "2026-11-22T00:00:00Z";
    let pools = json!({"pools": ["a100"]});
    let a100 = |units: &str, cost: &str| {
        vec![("a100".to_owned(), units.to_owned(), Some(cost.to_owned()))]
    };
    // 8 cards × 6.00 × 1 h; then 8.00 with the band of the day, whenever it starts.
    assert_eq!(
        estimates(spec(4, "1", pools.clone()), before),
        a100("8", "48.00")
    );
    assert_eq!(
        estimates(spec(4, "1", pools.clone()), after),
        a100("8", "96.00")
    );
    // 24 cores are 2 cards' worth, whoever asks for one card (N4).
    assert_eq!(estimates(spec(1, "24", pools), before), a100("4", "24.00"));
}

#[test]
fn every_pool_that_could_hold_it_is_told_and_what_has_no_price_says_so() {
    let found = estimates(spec(4, "1", json!({})), "2026-11-22T00:00:00Z");
    let pools: Vec<_> = found.iter().map(|(pool, ..)| pool.as_str()).collect();
    assert_eq!(pools, ["a100", "h800"]);
    assert_eq!(found[1].2, None);
    let default = json!({"walltime": null, "pools": ["a100"]});
    let found = estimates(spec(4, "1", default), "2026-09-30T00:00:00Z");
    assert_eq!(
        found[0].2.as_deref(),
        Some("192.00"),
        "four hours by default"
    );
}

#[test]
fn an_unknown_class_or_pool_has_no_cost() {
    let at = "2026-11-22T00:00:00Z";
    assert!(estimates(spec(4, "1", json!({"class": "other"})), at).is_empty());
    assert!(estimates(spec(4, "1", json!({"pools": ["other"]})), at).is_empty());
}
