//! A desk without a cluster, for tests: who tells it of what, and a cluster that accepts all.

use edugrid_core::Past;
use edugrid_ledger::{Algorithm, Books, Command, Opening};
use edugrid_units::{Language, MilliUnits, Ratio, Seconds, Stamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Desk, FairShare, Replayed, Settings, answer::time};
use crate::{
    change::{Change, Wake},
    clock::{Clock, Ticker},
    machine::Machine,
    metrics::Metrics,
    shadow::Shadow,
    visibility::{Asked, NotFound, Query, Reply},
    watch::Seen,
    writes::{Answer, Done, Write},
};

/// A desk that leads an empty book and was told of everything there is: nothing.
pub(super) fn desk() -> Desk {
    desk_with(Shadow::new().0)
}

/// The same, whose batches go to this shadow from the first on.
pub(crate) fn desk_with(shadow: Shadow) -> Desk {
    let clock = Clock {
        origin: (Machine::REAL.now)(),
        factor: 1,
        real: Machine::REAL.now,
    };
    let mut books = Books::new();
    let opening = Opening {
        book: "book".into(),
        algorithm: Algorithm::Sha256,
        origin: clock.origin,
        factor: 1,
    };
    books.stage(clock.origin, Command::Open(opening)).unwrap();
    let epoch = Command::Epoch {
        epoch: 1,
        writer: "writer".into(),
    };
    books.stage(clock.origin, epoch).unwrap();
    let batch = books.take_batch().unwrap();
    books.committed(batch.segment().sequence).unwrap();
    shadow.tell(&batch);
    let ticker = Ticker::new(clock, clock.real_now());
    let replayed = Replayed {
        epoch: 1,
        books,
        shadow,
        past: Past::new(),
    };
    let mut desk = Desk::new(ticker, replayed, Metrics::new(), settings());
    desk.synced = [true; super::WATCHED];
    desk
}

/// What stands where nobody chose otherwise.
pub(super) fn settings() -> Settings {
    Settings {
        language: Language::English,
        fair_share: FairShare {
            half_life: Seconds(604_800),
            past_weight: Ratio::ONE,
        },
    }
}

/// An object of ours, as the watch tells of it.
pub(super) fn object<K: DeserializeOwned>(kind: &str, name: &str, spec: Value) -> Seen<K> {
    let value = json!({
        "apiVersion": "edugrid.io/v1alpha1", "kind": kind,
        "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": spec,
    });
    Seen::There(serde_json::from_value(value).unwrap())
}

impl Desk {
    /// Something has changed.
    pub(crate) fn told(&mut self, change: Change) {
        self.apply(Wake::Change(Box::new(change)));
    }

    /// Another shadow from here on.
    pub(crate) fn follow_with(&mut self, shadow: Shadow) {
        self.shadow = shadow;
    }

    /// What was borrowed, as the engine knows it.
    pub(crate) fn past(&self) -> &Past {
        self.world.past()
    }

    /// How the books stand.
    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    /// The answer to a question that the desk itself answers.
    pub(crate) fn answered(&mut self, query: Query) -> Result<Reply, NotFound> {
        let (reply, mut answer) = oneshot::channel();
        self.answer(Asked { query, reply });
        answer.try_recv().expect("answered at once")
    }

    /// A class, a pool, prices and a funding line.
    pub(crate) fn site(&mut self) {
        let class = json!({
            "tier": "Standard", "priority": 0, "preemptible": true, "minRuntime": "30m",
            "defaultWalltime": "4h", "maxWalltime": "72h", "maxWait": "168h", "notice": "2m",
            "priceTier": "standard",
        });
        self.told(Change::Class(object("JobClass", "standard", class)));
        let pool = json!({
            "kind": "Intelligent", "owner": "province", "nodeSelector": {"pool": "a100"},
            "resource": "nvidia.com/gpu", "model": "A100",
        });
        self.told(Change::Pool(object("ComputePool", "a100", pool)));
        let prices = json!({
            "effectiveFrom": "2026-01-01T00:00:00Z",
            "prices": [{"pool": "a100", "tier": "standard", "perCardHour": "0.50"}],
        });
        self.told(Change::PriceBook(object("PriceBook", "prices", prices)));
        let line = json!({
            "issuer": "province", "fiscalYear": 2026, "backing": "Quota", "total": "10000.00", "source": "budget",
        });
        self.told(Change::FundingLine(object("FundingLine", "line", line)));
    }

    /// A node of the pool with eight cards.
    pub(crate) fn node(&mut self, name: &str) {
        self.told(Change::Node(Seen::There(edugrid_core::NodeSpec {
            name: name.into(),
            labels: [("pool".into(), "a100".into())].into(),
            allocatable: edugrid_core::NodeResources {
                cpu_milli: 1_000_000,
                memory_mebibytes: 1_000_000,
                devices: [("nvidia.com/gpu".into(), MilliUnits::whole(8))].into(),
            },
            ready: true,
            unschedulable: false,
            taints: Vec::new(),
        })));
    }

    /// A tenant with its namespace and a quota of `a100`.
    pub(crate) fn tenant(&mut self, name: &str, parent: Option<&str>, cards: u32) {
        let spec = json!({
            "parent": parent,
            "displayName": {"zh": format!("{name}学院"), "en": format!("School {name}")},
            "quotas": [{"pool": "a100", "nominal": cards}],
        });
        self.told(Change::Tenant(object("Tenant", name, spec)));
        let labels =
            json!({"edugrid.io/tenant": name, "pod-security.kubernetes.io/enforce": "baseline"});
        let namespace = json!({"metadata": {"name": format!("ns-{name}"), "labels": labels}});
        let namespace = serde_json::from_value(namespace).unwrap();
        self.told(Change::Namespace(Seen::There(namespace)));
    }

    /// A job of a tenant's namespace; its UID is its name.
    pub(crate) fn job(&mut self, tenant: &str, name: &str, user: &str, cards: u32) {
        let value = json!({
            "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
            "metadata": {
                "namespace": format!("ns-{tenant}"), "name": name, "uid": name, "generation": 1,
                "creationTimestamp": "2026-11-02T00:00:00Z", "resourceVersion": "1",
            },
            "spec": {
                "submitter": {"user": user},
                "roles": [{"name": "worker", "cards": cards,
                           "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}}],
            },
        });
        let job = serde_json::from_value(value).unwrap();
        self.told(Change::Job(Box::new(Seen::There(job))));
    }

    /// An approved voucher, of 100 yuan.
    pub(crate) fn voucher(&mut self, name: &str, holder: &str, end: Stamp) {
        let until = serde_json::to_value(time(end)).unwrap();
        let spec = json!({
            "issuer": "province", "fundingLine": "line", "holder": holder, "type": "Subsidy",
            "faceValue": "100.00", "validFrom": "2026-01-01T00:00:00Z", "validUntil": until,
            "madeBy": "maker",
        });
        let mut voucher: edugrid_crds::ComputeVoucher = match object("ComputeVoucher", name, spec) {
            Seen::There(voucher) => voucher,
            _ => unreachable!("an object is there"),
        };
        let approval = json!({"approval": {"by": "checker", "at": "2026-01-01T00:00:00Z", "decision": "Approved"}});
        voucher.status = serde_json::from_value(approval).unwrap();
        self.told(Change::Voucher(Seen::There(voucher)));
    }

    /// Plays the cluster that accepts everything, until nothing is left to do. What was
    /// written comes back.
    pub(crate) fn settle(&mut self) -> Vec<Write> {
        let mut written = Vec::new();
        loop {
            let writes = self.writes(usize::MAX);
            let batch = self.step();
            if writes.is_empty() && batch.is_none() && !self.is_restless() {
                return written;
            }
            for write in writes {
                written.push(write.clone());
                let answer = Answer::Stands("2".into());
                self.apply(Wake::Done(Box::new(Done { write, answer })));
            }
            if let Some(batch) = batch {
                self.appended(&batch).unwrap();
            }
        }
    }
}
