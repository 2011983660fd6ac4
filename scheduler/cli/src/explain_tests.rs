//! Explanations as people read them.

use edugrid_crds::visibility::{Age, Ahead, AmountUnit, Placed, QueuePhase, ReasonDetails};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::*;

fn at(text: &str) -> Time {
    Time(text.parse::<Timestamp>().unwrap())
}

fn job(phase: QueuePhase) -> Explanation {
    let age = Age {
        as_of: at("2026-11-22T08:00:00Z"),
        clock: None,
    };
    let mut told = Explanation::new(age, "sdu-cs", "resnet", phase);
    told.since = Some(at("2026-11-22T07:48:00Z"));
    told.tenant = Some("sdu-cs".into());
    told
}

#[test]
fn a_job_that_waits() {
    let units = |value: &str| Amount {
        value: value.into(),
        unit: AmountUnit::PoolUnit,
    };
    let mut told = job(QueuePhase::Waiting);
    told.reason = Some(Reason {
        code: "QuotaExceeded".into(),
        message: "not enough quota is free, pool a100, tenant sdu, asked 32, free 8, missing 24"
            .into(),
        details: ReasonDetails {
            node: Some("sdu".into()),
            pool: Some("a100".into()),
            asked: Some(units("32")),
            free: Some(units("8")),
            missing: Some(units("24")),
            until: Some(at("2026-11-22T09:30:00Z")),
            ..ReasonDetails::default()
        },
        ..Reason::default()
    });
    told.position_in_pool = Some(5);
    told.walltime = Some("8h".into());
    told.highest_cost = Some("1536.00".into());
    let step = |tenant: &str, available: &str, limit: Option<&str>| PathStep {
        tenant: tenant.into(),
        pool: "a100".into(),
        nominal: "64".into(),
        effective_nominal: "64".into(),
        usage: "56".into(),
        available: available.into(),
        borrowing_limit: limit.map(Into::into),
        ..PathStep::default()
    };
    told.path = vec![step("sdu-cs", "-4", Some("32")), step("sdu", "8", None)];
    told.ahead = vec![
        Ahead {
            position: 1,
            jobs: 1,
            tenant: Some("sdu-cs".into()),
            namespace: Some("sdu-cs".into()),
            name: Some("llama".into()),
            units: "64".into(),
        },
        Ahead {
            position: 2,
            jobs: 2,
            units: "12".into(),
            ..Ahead::default()
        },
    ];
    told.other_pools = vec![Reason {
        code: "NoMatchingPool".into(),
        message: "no pool can hold it".into(),
        details: ReasonDetails {
            pool: Some("h800".into()),
            ..ReasonDetails::default()
        },
        ..Reason::default()
    }];
    assert_eq!(
        text(&told),
        "\
sdu-cs/resnet: Waiting for 12m
QuotaExceeded not enough quota is free, pool a100, tenant sdu, asked 32, free 8, missing 24
  tenant      sdu
  pool        a100
  asked       32
  free        8
  missing     24
  until       2026-11-22T09:30:00Z
Tenant        sdu-cs
Place         5 of those who wait for the pool
Walltime      8h
Highest cost  1536.00 yuan

Quota on the way to the root, in the pool's units:
TENANT   POOL   NOMINAL   EFFECTIVE   USED   AVAILABLE   MAY BORROW
sdu-cs   a100   64        64          56     -4          32
sdu      a100   64        64          56     8           no limit

Before it:
PLACE   TENANT   JOB            UNITS
1       sdu-cs   sdu-cs/llama   64
2       others   2 jobs         12
and 1 more

Other pools:
POOL   REASON           MESSAGE
h800   NoMatchingPool   no pool can hold it

As of 2026-11-22T08:00:00Z.
",
    );
}

#[test]
fn a_job_that_runs() {
    let mut told = job(QueuePhase::Running);
    told.attempts = 2;
    let placed = |node: &str, replicas| Placed {
        role: "worker".into(),
        pool: "a100".into(),
        node: node.into(),
        replicas,
    };
    told.placement = vec![placed("n1", 3), placed("n2", 1)];
    assert_eq!(
        text(&told),
        "\
sdu-cs/resnet: Running for 12m
Tenant        sdu-cs
Attempts      2

Placed on:
ROLE     POOL   NODE   REPLICAS
worker   a100   n1     3
worker   a100   n2     1

As of 2026-11-22T08:00:00Z.
",
    );
}
