//! Statements as people and spreadsheets read them.

use edugrid_crds::visibility::{
    AccountLine, LedgerPosition, Totals, Transfer, VirtualClock, VoucherShare,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::*;

fn at(text: &str) -> Time {
    Time(text.parse::<Timestamp>().unwrap())
}

fn age() -> Age {
    Age {
        as_of: at("2026-11-22T08:00:00Z"),
        clock: None,
    }
}

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
        verb: "grant".into(),
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
    assert_eq!(
        text(&told()),
        "\
Tenant sdu, 2026-11, as of 2026-11-22T08:00:00Z.

ACCOUNT            OPENING   CLOSING
grant:sdu-2026-a   0.00      808.00

JOB             ATTEMPT   POOL   UNITS   STARTED                FINISHED               SECONDS   \
RATE   COST     VOUCHERS            OWN      OUTCOME
sdu-cs/resnet   1         a100   32      2026-11-22T05:00:00Z   2026-11-22T07:00:00Z   7200      \
6.00   384.00   sdu-2026-a=192.00   192.00   Succeeded

ENTRY   AT                     WHAT    FROM                     TO                 AMOUNT
3       2026-11-01T00:00:00Z   grant   issuer:strengthen-2026   grant:sdu-2026-a   1000.00

Cost 384.00 yuan: 192.00 from vouchers, 192.00 from own money.
Read from the ledger at 812 entries, head ab12.
",
    );
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
    let text = text(&told);
    assert!(
        text.contains("by a virtual clock, 60 times real time since 2026-11-01"),
        "{text}"
    );
}
