//! What each reader sees: names, subtrees, bounds. A province of five tenants, as rows.

use super::*;
use edugrid_units::{MicroYuan, MilliUnits, Stamp};

fn tenant(name: &str) -> Tenant {
    Tenant {
        tenant: name.into(),
        running: 0,
        faults: 0,
        money: None,
        earned: None,
    }
}

const TREE: [(&str, &str); 5] = [
    ("province", ""),
    ("sdu", "province"),
    ("qust", "province"),
    ("sdu-cs", "sdu"),
    ("sdu-cs-lab", "sdu-cs"),
];

fn places(tree: &[(&str, &str)]) -> Vec<Place> {
    let place = |(tenant, parent): &(&str, &str)| Place {
        tenant: (*tenant).into(),
        parent: (*parent).into(),
    };
    tree.iter().map(place).collect()
}

fn pending(tenant: &str, reason: &str, jobs: usize) -> Pending {
    Pending {
        tenant: tenant.into(),
        reason: reason.into(),
        jobs,
        age: 7,
    }
}

fn voucher(name: &str, tenant: &str, available: u64, until: i64) -> Voucher {
    Voucher {
        voucher: name.into(),
        tenant: tenant.into(),
        face: MicroYuan(5_500_000),
        money: Some(VoucherMoney {
            held: MicroYuan(0),
            spent: MicroYuan(1),
            returned: MicroYuan(0),
            available: MicroYuan(available),
        }),
        is_active: true,
        valid_until: Some(Stamp::from_seconds(until)),
    }
}

/// A province with two universities, one of which has a college with a laboratory.
fn province() -> Snapshot {
    Snapshot {
        places: places(&TREE),
        tenants: TREE.iter().map(|(name, _)| tenant(name)).collect(),
        pending: vec![
            pending("qust", "QuotaExceeded", 4),
            pending("sdu-cs", "QuotaExceeded", 2),
            pending("sdu-cs-lab", "QuotaExceeded", 3),
        ],
        vouchers: vec![
            voucher("late", "qust", 9, 900),
            voucher("empty", "sdu", 0, 100),
            voucher("soon", "sdu-cs", 9, 200),
        ],
        loans: vec![Loan {
            tenant: "sdu".into(),
            pool: "a100".into(),
            lender: "qust".into(),
            units: MilliUnits(2_000),
        }],
        leader: vec![Leader::default()],
        ..Snapshot::default()
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|there| there == line)
}

#[test]
fn names_follow_the_conventions_and_values_are_escaped() {
    let metrics = Metrics::new();
    metrics.show(Snapshot {
        places: places(&[("a\"b", "")]),
        pending: vec![pending("a\"b", "QuotaExceeded", 3)],
        ..province()
    });
    metrics.write("pin_pod", "gone");
    metrics.append.observe(0.1);
    let text = metrics.exposition(Format::OpenMetrics).expect("text");
    for line in [
        r#"edugrid_pending_jobs{tenant="a\"b",reason="QuotaExceeded"} 3.0"#,
        r#"edugrid_writes_total{class="pin_pod",outcome="gone"} 1"#,
        r#"edugrid_tenant_info{tenant="a\"b",parent=""} 1"#,
        r#"edugrid_voucher_face_yuan{voucher="soon",tenant="sdu-cs"} 5.5"#,
        r#"edugrid_tenant_borrowed_from_units{tenant="sdu",pool="a100",lender="qust"} 2.0"#,
        "edugrid_open_attempts 0.0",
        "# UNIT edugrid_journal_append_duration_seconds seconds",
        "edugrid_journal_append_duration_seconds_count 1",
        "# TYPE process_cpu_seconds counter",
    ] {
        assert!(has(&text, line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_tenant_sees_its_subtree_and_nothing_else() {
    let metrics = Metrics::new();
    metrics.show(province());
    let seen = |tenant| {
        metrics
            .of_tenant(tenant, Format::OpenMetrics)
            .expect("text")
    };
    let text = seen("sdu").expect("a tenant");
    assert!(has(
        &text,
        r#"edugrid_pending_jobs{tenant="sdu-cs-lab",reason="QuotaExceeded"} 3.0"#
    ));
    assert!(text.contains("voucher=\"soon\"") && text.contains("voucher=\"empty\""));
    for foreign in [
        "qust",
        "late",
        "edugrid_open_attempts",
        "process_",
        "edugrid_pool",
    ] {
        assert!(!text.contains(foreign), "{foreign} is in\n{text}");
    }
    assert!(!seen("sdu-cs").expect("a tenant").contains("tenant=\"sdu\""));
    assert_eq!(seen("nobody"), None);
    assert_eq!(
        Metrics::new().of_tenant("sdu", Format::Plain),
        Ok(None),
        "nothing is known yet"
    );
}

#[test]
fn series_go_with_their_objects() {
    let metrics = Metrics::new();
    metrics.show(province());
    let mut later = province();
    later.vouchers.retain(|row| row.voucher != "soon");
    later.places.retain(|row| row.tenant != "qust");
    metrics.show(later);
    let text = metrics.exposition(Format::OpenMetrics).expect("text");
    assert!(!text.contains("voucher=\"soon\"") && !text.contains("tenant_info{tenant=\"qust\""));
}

#[test]
fn above_the_bound_the_tenants_farthest_from_the_root_count_on_those_above() {
    let told = province().bounded(3, 2);
    let names: Vec<&str> = told.tenants.iter().map(|row| row.tenant.as_str()).collect();
    assert_eq!(names, ["province", "sdu", "qust"]);
    let jobs: Vec<(&str, usize)> = told
        .pending
        .iter()
        .map(|row| (row.tenant.as_str(), row.jobs))
        .collect();
    assert_eq!(jobs, [("qust", 4), ("sdu", 5)]);
    let vouchers: Vec<&str> = told
        .vouchers
        .iter()
        .map(|row| row.voucher.as_str())
        .collect();
    assert_eq!(vouchers, ["soon", "late"]);
    let left_out: Vec<usize> = told.left_out.iter().map(|row| row.count).collect();
    assert_eq!(left_out, [2, 1]);

    let all = province().bounded(5, 3);
    assert_eq!((all.tenants.len(), all.vouchers.len()), (5, 3));
    assert!(all.left_out.iter().all(|row| row.count == 0));
}
