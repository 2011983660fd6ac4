//! The province that is simulated, and its users: what stands at the beginning, and what
//! people do meanwhile.

use std::collections::BTreeMap;

use edugrid_units::TenantName;
use serde_json::{Map, Value, json};

use crate::{
    api::{Key, Kind, Store, stamp},
    kubernetes::{EXIT_CODE, RUN_FOR, text},
    random::Random,
};

/// Cards of a node.
pub const CARDS: u64 = 8;
/// Namespaces, each a tenant's of the same name.
pub const NAMESPACES: [&str; 3] = ["sdu-cs", "sdu-ai", "lnu"];
/// The tenant that may not borrow as much as it likes; its quota is never changed.
const LIMITED: &str = "lnu";
/// So many cards it may.
const BORROWED_MOST: u64 = 2;
/// Tenants that pay.
pub const TENANTS: [&str; 4] = ["sdu", "sdu-cs", "sdu-ai", "lnu"];
/// The policies that must stand (L12), by kind and plural.
const POLICIES: [(&str, &str); 4] = [
    ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    (
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
    ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    (
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
    ),
];

/// The people, and what they will do.
#[derive(Debug)]
pub struct Users {
    random: Random,
    nodes: u64,
    /// Jobs that are still to be submitted.
    pub to_submit: u64,
    submitted: u64,
}

impl Users {
    /// Puts the province into the store; its people come later.
    pub fn new(store: &mut Store, mut random: Random, shipped: &Value) -> Self {
        let nodes = random.between(2, 4);
        let to_submit = random.between(6, 18);
        declare(store, &mut random, nodes, shipped);
        Self {
            random,
            nodes,
            to_submit,
            submitted: 0,
        }
    }

    /// Somebody does something. What it was, in a word or two.
    pub fn act(&mut self, store: &mut Store) -> String {
        if self.to_submit > 0 && self.random.per_mille(550) {
            self.to_submit -= 1;
            return self.submit(store);
        }
        let jobs: Vec<Key> = store
            .all(&Kind::new("edugrid.io", "computejobs"))
            .map(|(key, _)| key.clone())
            .collect();
        let Some(job) = self.random.pick(&jobs).cloned() else {
            return String::new();
        };
        let state = |state: &'static str| {
            move |job: &mut Value| {
                // Once it is cancelled there is no way back: a rule of the CRD.
                if job["spec"]["state"] != "Cancel" && job["spec"]["state"] != state {
                    job["spec"]["state"] = json!(state);
                    let generation = job["metadata"]["generation"].as_i64().unwrap_or(1);
                    job["metadata"]["generation"] = json!(generation + 1);
                }
            }
        };
        let (what, name) = match self.random.below(10) {
            0 | 1 => ("cancel", store.edit(&job, state("Cancel"))),
            2 | 3 => ("hold", store.edit(&job, state("Hold"))),
            4..=6 => ("resume", store.edit(&job, state("Run"))),
            7 => ("delete", drop(store.delete(&job))),
            8 => (
                "touch",
                store.edit(&job, |job| {
                    job["metadata"]["annotations"]["note"] = json!("touched")
                }),
            ),
            _ => ("cut or raise", self.change_quota(store)),
        };
        let () = name;
        format!("{what} {}", job.name)
    }

    /// All that was held back goes on: what is to come to rest must be let.
    pub fn let_go(&mut self, store: &mut Store) {
        let jobs: Vec<Key> = store
            .all(&Kind::new("edugrid.io", "computejobs"))
            .filter(|(_, job)| job["spec"]["state"] == "Hold")
            .map(|(key, _)| key.clone())
            .collect();
        for job in jobs {
            store.edit(&job, |job| {
                job["spec"]["state"] = json!("Run");
                let generation = job["metadata"]["generation"].as_i64().unwrap_or(1);
                job["metadata"]["generation"] = json!(generation + 1);
            });
        }
        for name in (0..self.nodes).map(node_name) {
            let key = Key::new("", "nodes", "", &name);
            if store.get(&key).is_none() {
                store.create(key.clone(), node(&name));
            }
            store.edit(&key, |node| set_ready(node, true));
        }
        let all = CARDS * self.nodes;
        for tenant in ["sdu", "sdu-cs"] {
            store.edit(&Key::new("edugrid.io", "tenants", "", tenant), |tenant| {
                set_quota(tenant, all / 2)
            });
        }
    }

    /// The most that a tenant may ever hold, in thousandths of a card (Q7): of those of whom that is known.
    pub fn limits(&self) -> BTreeMap<TenantName, u64> {
        let most = CARDS * self.nodes / 4 + BORROWED_MOST;
        BTreeMap::from([(LIMITED.into(), most * 1000)])
    }

    /// A node's name, one of them.
    pub fn some_node(&mut self) -> String {
        node_name(self.random.below(self.nodes))
    }

    fn change_quota(&mut self, store: &mut Store) {
        let nominal = self.random.below(CARDS * self.nodes / 2 + 1);
        let tenant = if self.random.per_mille(500) {
            "sdu"
        } else {
            "sdu-cs"
        };
        let key = Key::new("edugrid.io", "tenants", "", tenant);
        store.edit(&key, |tenant| set_quota(tenant, nominal));
    }

    fn submit(&mut self, store: &mut Store) -> String {
        self.submitted += 1;
        let random = &mut self.random;
        let namespace = NAMESPACES[random.index(NAMESPACES.len())];
        let home = Key::new("", "namespaces", "", namespace);
        match store.get(&home) {
            Some(there) if !there["metadata"]["deletionTimestamp"].is_null() => {
                return format!("submit {namespace}/…, which is being deleted");
            }
            Some(_) => {}
            None => drop(store.create(home, self::namespace(namespace))),
        }
        let name = format!("job-{}", self.submitted);
        let roles = if random.per_mille(250) {
            vec!["master", "worker"]
        } else {
            vec!["worker"]
        };
        let exit = if random.per_mille(200) { "1" } else { "0" };
        let run_for = random.between(1, 25).to_string();
        let roles: Vec<Value> = roles
            .into_iter()
            .map(|role| {
                json!({
                    "name": role, "replicas": random.between(1, 3), "cards": random.between(1, 4),
                    "template": {
                        "metadata": {"annotations": {RUN_FOR: run_for, EXIT_CODE: exit}},
                        "spec": {"containers": [{"name": "main", "image": "registry.example.edu/train:1"}]},
                    },
                })
            })
            .collect();
        let user = if random.per_mille(500) {
            "alice"
        } else {
            "bob"
        };
        let walltime = if random.per_mille(200) { "10s" } else { "2m" };
        let job = object(
            "ComputeJob",
            &name,
            json!({
            "class": "standard", "walltime": walltime, "retries": random.below(3), "roles": roles,
            "submitter": {"user": user, "groups": ["students"]}}),
        );
        let key = Key::new("edugrid.io", "computejobs", namespace, &name);
        store.create(key, job);
        format!("submit {namespace}/{name}")
    }
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "edugrid.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn node_name(index: u64) -> String {
    format!("gpu-{index}")
}

fn node(name: &str) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"edugrid.io/pool": "a100", "kubernetes.io/hostname": name}},
        "spec": {},
        "status": {"allocatable": {"cpu": "96", "memory": "960Gi", "pods": "110", "nvidia.com/gpu": CARDS.to_string()}},
    });
    set_ready(&mut node, true);
    node
}

fn namespace(tenant: &str) -> Value {
    let labels =
        json!({"edugrid.io/tenant": tenant, "pod-security.kubernetes.io/enforce": "baseline"});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "labels": labels}})
}

/// A kubelet that speaks, or doesn't.
pub fn set_ready(node: &mut Value, ready: bool) {
    let status = if ready { "True" } else { "Unknown" };
    node["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
}

fn set_quota(tenant: &mut Value, nominal: u64) {
    tenant["spec"]["quotas"][0]["nominal"] = json!(nominal);
    let generation = tenant["metadata"]["generation"].as_i64().unwrap_or(1);
    tenant["metadata"]["generation"] = json!(generation + 1);
}

fn declare(store: &mut Store, random: &mut Random, nodes: u64, shipped: &Value) {
    let mut put = |group: &str, plural: &str, object: Value| {
        let name = text(&object["metadata"]["name"]).unwrap_or_default();
        store.create(Key::new(group, plural, "", &name), object);
    };
    for (kind, plural) in POLICIES {
        for (name, spec) in shipped[kind].as_object().unwrap_or(&Map::new()) {
            let mut policy = object(kind, name, spec.clone());
            policy["apiVersion"] = json!("admissionregistration.k8s.io/v1");
            put("admissionregistration.k8s.io", plural, policy);
        }
    }
    for index in 0..nodes {
        put("", "nodes", node(&node_name(index)));
    }
    put(
        "",
        "namespaces",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}),
    );
    for name in NAMESPACES {
        put("", "namespaces", namespace(name));
    }
    let all = CARDS * nodes;
    let quota = |nominal: u64| json!([{"pool": "a100", "nominal": nominal}]);
    let on_cut = if random.per_mille(500) {
        "Keep"
    } else {
        "Reclaim"
    };
    let tenants = [
        ("province", json!({"level": "Province"})),
        (
            "sdu",
            json!({"parent": "province", "level": "University", "quotas": quota(all / 2), "onQuotaCut": on_cut}),
        ),
        (
            "sdu-cs",
            json!({"parent": "sdu", "level": "College", "quotas": quota(all / 2), "onQuotaCut": on_cut}),
        ),
        ("sdu-ai", json!({"parent": "sdu", "level": "College"})),
        (
            "lnu",
            json!({"parent": "province", "level": "University", "quotas": [
                {"pool": "a100", "nominal": all / 4, "borrowingLimit": BORROWED_MOST}]}),
        ),
    ];
    for (name, spec) in tenants {
        put("edugrid.io", "tenants", object("Tenant", name, spec));
    }
    let class = json!({"tier": "Standard", "priority": 0, "preemptible": true, "minRuntime": "1s", "defaultWalltime": "2m",
                       "maxWalltime": "72h", "maxWait": "168h", "notice": "2s", "priceTier": "standard"});
    put(
        "edugrid.io",
        "jobclasses",
        object("JobClass", "standard", class),
    );
    let pool = json!({"kind": "Intelligent", "owner": "province", "nodeSelector": {"edugrid.io/pool": "a100"},
                      "resource": "nvidia.com/gpu", "model": "A100-80G", "bundle": {"cpu": "12", "memory": "120Gi"}});
    put(
        "edugrid.io",
        "computepools",
        object("ComputePool", "a100", pool),
    );
    declare_money(&mut put, random);
}

fn declare_money(put: &mut impl FnMut(&str, &str, Value), random: &mut Random) {
    let prices = json!({"effectiveFrom": "2026-01-01T00:00:00+08:00",
                        "prices": [{"pool": "a100", "tier": "standard", "perCardHour": "6.00"}]});
    put(
        "edugrid.io",
        "pricebooks",
        object("PriceBook", "prices-2026", prices),
    );
    let line = json!({"issuer": "province", "fiscalYear": 2026, "backing": "Quota", "total": "2000000.00",
                      "source": "provincial budget"});
    put(
        "edugrid.io",
        "fundinglines",
        object("FundingLine", "strengthen-2026", line),
    );
    for holder in ["sdu", "lnu"] {
        // Some have enough for all, some for a job or two at a time.
        let face = ["2.00", "40.00", "5000.00"][random.index(3)];
        let own = ["2.00", "5000.00"][random.index(2)];
        let vouchers: BTreeMap<String, Value> = BTreeMap::from([
            (
                format!("{holder}-half"),
                json!({
                "issuer": "province", "fundingLine": "strengthen-2026", "holder": holder, "type": "Subsidy",
                "faceValue": face, "coverage": {"num": 1, "den": 2}, "validFrom": "2026-01-01T00:00:00+08:00",
                "validUntil": "2027-12-31T00:00:00+08:00", "scope": {"pools": ["a100"]}, "madeBy": "maker"}),
            ),
            (
                format!("{holder}-own"),
                json!({
                "issuer": "province", "holder": holder, "type": "OwnFunds", "faceValue": own, "madeBy": "maker"}),
            ),
        ]);
        for (name, spec) in vouchers {
            let mut voucher = object("ComputeVoucher", &name, spec);
            let at = stamp(1_767_225_600);
            voucher["status"] =
                json!({"approval": {"by": "checker", "at": at, "decision": "Approved"}});
            put("edugrid.io", "computevouchers", voucher);
        }
    }
}
