//! Tables as kubectl prints them.

use edugrid_crds::visibility::{
    Age, OwnMoney, PoolUse, QueuePhase, Reason, VoucherMoney, VoucherUseState,
};
use k8s_openapi::jiff::Timestamp;

use super::*;

fn age() -> Age {
    Age {
        as_of: at("2026-11-22T08:00:00Z"),
        clock: None,
    }
}

fn at(text: &str) -> Time {
    Time(text.parse::<Timestamp>().unwrap())
}

/// The columns that are always shown, in kubectl's manner.
fn shown(table: &Table) -> Vec<String> {
    let columns = &table.column_definitions;
    let visible: Vec<usize> = (0..columns.len())
        .filter(|&column| columns[column].priority == 0)
        .collect();
    let line = |cells: &dyn Fn(usize) -> String| {
        visible
            .iter()
            .map(|&column| cells(column))
            .collect::<Vec<_>>()
            .join(" | ")
    };
    let head = line(&|column| columns[column].name.to_uppercase());
    let rows = table.rows.iter().map(|row| {
        assert_eq!(row.cells.len(), columns.len());
        line(&|column| row.cells[column].as_str().unwrap_or("?").to_owned())
    });
    std::iter::once(head).chain(rows).collect()
}

fn queue() -> Answer {
    let mut waiting = QueuedJob::new(age(), "sdu-cs", "resnet", QueuePhase::Waiting);
    waiting.reason = Some("QuotaExceeded".into());
    waiting.tenant = Some("sdu-cs".into());
    waiting.pool = Some("a100".into());
    waiting.units = Some("32".into());
    waiting.position_in_pool = Some(3);
    waiting.position_in_tenant = Some(1);
    waiting.waiting_since = Some(at("2026-11-22T07:48:00Z"));
    let running = QueuedJob::new(age(), "sdu-cs", "bert", QueuePhase::Running);
    Answer::Queue(QueuedJobList::new(age(), vec![waiting, running]))
}

#[test]
fn a_queue() {
    assert_eq!(
        shown(&queue().table(IncludeObject::Metadata, Language::English)),
        [
            "NAME | PHASE | REASON | TENANT | POOL | UNITS | POSITION | WAITING SINCE",
            "resnet | Waiting | QuotaExceeded | sdu-cs | a100 | 32 | 3 | 2026-11-22T07:48:00Z",
            "bert | Running |  |  |  |  |  | ",
        ],
    );
}

#[test]
fn rows_carry_as_much_of_the_object_as_was_asked() {
    let objects = |include| {
        let table = serde_json::to_value(queue().table(include, Language::English)).unwrap();
        assert_eq!(table["kind"], "Table");
        assert_eq!(table["apiVersion"], "meta.k8s.io/v1");
        table["rows"][0]["object"].clone()
    };
    assert_eq!(objects(IncludeObject::None), Value::Null);
    assert_eq!(
        objects(IncludeObject::Metadata),
        json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"namespace": "sdu-cs", "name": "resnet"},
        }),
    );
    assert_eq!(objects(IncludeObject::Object)["kind"], "QueuedJob");
    assert_eq!(IncludeObject::parse(Some("Everything")), None);
}

#[test]
fn a_month() {
    let mut statement = Statement::new(age(), "sdu", "2026-11");
    statement.totals.cost = "384.00".into();
    statement.totals.vouchers = "192.00".into();
    statement.totals.own = "192.00".into();
    assert_eq!(
        shown(
            &Answer::Statement(Box::new(statement)).table(IncludeObject::None, Language::English)
        ),
        [
            "NAME | TENANT | COST | VOUCHERS | OWN | AS OF",
            "2026-11 | sdu | 384.00 | 192.00 | 192.00 | 2026-11-22T08:00:00Z",
        ],
    );
}

#[test]
fn a_tenant() {
    let mut tenant = TenantUse::new(age(), "edugrid-sdu", "sdu");
    let pool = |pool: &str, usage: &str, borrowed: &str| PoolUse {
        pool: pool.into(),
        nominal: "64".into(),
        effective_nominal: "64".into(),
        usage: usage.into(),
        borrowed: borrowed.into(),
        available: "8".into(),
        ..PoolUse::default()
    };
    tenant.pools = vec![pool("a100", "72", "8"), pool("h800", "12", "0")];
    tenant.vouchers = Some(VoucherMoney {
        count: 2,
        available: "450.50".into(),
        ..VoucherMoney::default()
    });
    tenant.own = Some(OwnMoney {
        available: "100.00".into(),
        ..OwnMoney::default()
    });
    let list = TenantUseList::new(age(), vec![tenant]);
    assert_eq!(
        shown(&Answer::TenantUses(list).table(IncludeObject::None, Language::English)),
        [
            "NAME | USED | BORROWED | AVAILABLE | VOUCHERS | OWN",
            "sdu | a100 72/64, h800 12/64 | a100 8 | a100 8, h800 8 | \
             450.50 | 100.00",
        ],
    );
}

#[test]
fn a_voucher() {
    let mut voucher = VoucherUse::new(age(), "edugrid-sdu", "sdu-2026-a", VoucherUseState::Active);
    voucher.holder = "sdu".into();
    voucher.face = "50000.00".into();
    voucher.held = Some("384.00".into());
    voucher.spent = Some("100.00".into());
    voucher.left = Some("49516.00".into());
    voucher.expiring_soon = true;
    let list = VoucherUseList::new(age(), vec![voucher]);
    assert_eq!(
        shown(&Answer::VoucherUses(list).table(IncludeObject::None, Language::English)),
        [
            "NAME | HOLDER | TYPE | STATE | FACE | HELD | SPENT | LEFT | UNTIL | SOON",
            "sdu-2026-a | sdu | Subsidy | Active | 50000.00 | 384.00 | 100.00 | 49516.00 |  | yes",
        ],
    );
}

#[test]
fn an_explanation() {
    let mut explanation = Explanation::new(age(), "sdu-cs", "resnet", QueuePhase::Waiting);
    explanation.reason = Some(Reason {
        code: "QuotaExceeded".into(),
        message: "not enough quota is free".into(),
        ..Reason::default()
    });
    assert_eq!(
        shown(
            &Answer::Explanation(Box::new(explanation))
                .table(IncludeObject::None, Language::English)
        ),
        [
            "NAME | PHASE | REASON | MESSAGE",
            "resnet | Waiting | QuotaExceeded | not enough quota is free",
        ],
    );
}
