//! Statements as people and spreadsheets read them.

use edugrid_crds::visibility::{
    AccountLine, LedgerPosition, Totals, Transfer, VirtualClock, VoucherShare,
};

use super::*;
use crate::samples::{CHINESE, ENGLISH, age, at};

fn told() -> Told {
    let mut told = Told::new(age(), "sdu", "2026-11");
    told.accounts = vec![AccountLine {
        account: "grant:sdu-2026-a".into(),
        opening: "0.00".into(),
        closing: "808.00".into(),
    }];
    told.movements = vec![Movement {
        at: at("2026-11-22T07:00:00Z"),
        namespace: "sdu-cs".into(),
        job: "resnet".into(),
        attempt: 1,
        pool: "a100".into(),
        units: "32".into(),
        started_at: Some(at("2026-11-22T05:00:00Z")),
        finished_at: Some(at("2026-11-22T07:00:00Z")),
        seconds: 7_200,
        rate_per_unit_hour: Some("6.00".into()),
        cost: "384.00".into(),
        vouchers: vec![VoucherShare {
            name: "sdu-2026-a".into(),
            amount: "192.00".into(),
        }],
        own: "192.00".into(),
        outcome: Some("Succeeded".into()),
    }];
    told.transfers = vec![Transfer {
        entry: 3,
        at: at("2026-11-01T00:00:00Z"),
        verb: "Grant".into(),
        debit: "issuer:strengthen-2026".into(),
        credit: "grant:sdu-2026-a".into(),
        amount: "1000.00".into(),
    }];
    told.totals = Totals {
        cost: "384.00".into(),
        vouchers: "192.00".into(),
        own: "192.00".into(),
    };
    told.ledger = LedgerPosition {
        entries: 812,
        head: "ab12".into(),
    };
    told
}

#[test]
fn a_month_for_people() {
    let expected = "\
Statement of tenant sdu, 2026-11, in yuan.

ACCOUNT            OPENING   CLOSING
grant:sdu-2026-a   0.00      808.00

JOB             ATTEMPT   POOL   UNITS   STARTED                FINISHED               SECONDS   RATE   COST     VOUCHER             OWN MONEY   OUTCOME
sdu-cs/resnet   1         a100   32      2026-11-22T05:00:00Z   2026-11-22T07:00:00Z   7200      6.00   384.00   sdu-2026-a=192.00   192.00      Succeeded

ENTRY   AT                     WHAT    FROM                     TO                 AMOUNT
3       2026-11-01T00:00:00Z   Grant   issuer:strengthen-2026   grant:sdu-2026-a   1000.00

Cost 384.00 yuan: 192.00 from vouchers, 192.00 from own money.
Read from the ledger at 812 entries, head ab12.

As of 2026-11-22T08:00:00Z.
";
    assert_eq!(text(&told(), ENGLISH), expected);
    let expected = "\
租户 sdu 2026-11 对账单，单位：元。

账户               期初   期末
grant:sdu-2026-a   0.00   808.00

作业            尝试   算力池   计费单位数   开始                   结束                   秒数   单价   费用     算力券              自有资金   结果
sdu-cs/resnet   1      a100     32           2026-11-22T05:00:00Z   2026-11-22T07:00:00Z   7200   6.00   384.00   sdu-2026-a=192.00   192.00     成功

分录   时间                   事项   转出                     转入               金额
3      2026-11-01T00:00:00Z   发放   issuer:strengthen-2026   grant:sdu-2026-a   1000.00

费用 384.00 元：算力券支付 192.00 元，自有资金支付 192.00 元。
取自账本：812 条分录，末项哈希 ab12。

截至 2026-11-22T08:00:00Z。
";
    assert_eq!(text(&told(), CHINESE), expected);
}

#[test]
fn a_month_for_a_spreadsheet() {
    let mut told = told();
    told.movements[0].vouchers.push(VoucherShare {
        name: "b".into(),
        amount: "1.00".into(),
    });
    assert_eq!(
        csv(&told),
        "\u{feff}tenant,month,charged_at,namespace,job,attempt,pool,units,started_at,\
         finished_at,seconds,rate_yuan_per_unit_hour,cost_yuan,vouchers,own_yuan,outcome\r\n\
         sdu,2026-11,2026-11-22T07:00:00Z,sdu-cs,resnet,1,a100,32,2026-11-22T05:00:00Z,\
         2026-11-22T07:00:00Z,7200,6.00,384.00,sdu-2026-a=192.00;b=1.00,192.00,Succeeded\r\n",
    );
}

#[test]
fn cells_that_would_break_a_sheet_are_quoted() {
    assert_eq!(quoted("plain"), "plain");
    assert_eq!(quoted("a,b \"c\"\n"), "\"a,b \"\"c\"\"\n\"");
}

#[test]
fn the_present_month_is_that_of_the_books_in_shanghai() {
    let month = |text: &str| {
        month_of(&Age {
            as_of: at(text),
            clock: None,
        })
        .to_string()
    };
    assert_eq!(month("2026-11-30T15:59:59Z"), "2026-11");
    assert_eq!(month("2026-11-30T16:00:00Z"), "2026-12");
}

#[test]
fn a_virtual_clock_is_told() {
    let mut told = told();
    told.age.clock = Some(VirtualClock {
        origin: at("2026-11-01T00:00:00Z"),
        factor: 60,
    });
    let text = text(&told, ENGLISH);
    assert!(
        text.contains("by a virtual clock, 60 times real time since 2026-11-01"),
        "{text}"
    );
}
