//! Vouchers as people read them.

use edugrid_crds::{
    compute_voucher::{VoucherScope, VoucherType},
    text::Ratio,
    visibility::OwnMoney,
};

use super::*;
use crate::samples::{CHINESE, ENGLISH, age, at};

fn list() -> VoucherUseList {
    let state = VoucherUseState::Active;
    let mut subsidy = VoucherUse::new(age(), "edugrid-sdu", "sdu-2026-a", state);
    subsidy.holder = "sdu".into();
    subsidy.issuer = "province".into();
    subsidy.funding_line = Some("strengthen-2026".into());
    subsidy.face = "50000.00".into();
    subsidy.held = Some("24.00".into());
    subsidy.spent = Some("1200.50".into());
    subsidy.left = Some("48775.50".into());
    subsidy.coverage = Ratio { num: 1, den: 2 };
    subsidy.valid_from = Some(at("2025-12-31T16:00:00Z"));
    subsidy.valid_until = Some(at("2026-12-01T00:00:00Z"));
    subsidy.expiring_soon = true;
    subsidy.scope = Some(VoucherScope {
        pools: vec!["a100".into()],
        classes: Vec::new(),
    });
    let state = VoucherUseState::AwaitsApproval;
    let mut own = VoucherUse::new(age(), "edugrid-sdu", "sdu-own", state);
    own.type_ = VoucherType::OwnFunds;
    own.holder = "sdu".into();
    own.issuer = "province".into();
    own.face = "10000.00".into();
    own.coverage = Ratio { num: 1, den: 1 };
    let mut list = VoucherUseList::new(age(), vec![subsidy, own]);
    list.own_money = vec![OwnMoney {
        tenant: "sdu".into(),
        deposited: "10000.00".into(),
        held: "24.00".into(),
        spent: "1200.50".into(),
        available: "8775.50".into(),
    }];
    list
}

#[test]
fn vouchers_in_both_languages() {
    let expected = "\
VOUCHER      HOLDER   TYPE       STATE            FACE       HELD    SPENT     LEFT       EXPIRES
sdu-2026-a   sdu      Subsidy    Active           50000.00   24.00   1200.50   48775.50   2026-12-01T00:00:00Z
sdu-own      sdu      OwnFunds   AwaitsApproval   10000.00                                never

OWN MONEY OF   DEPOSITED   HELD    SPENT     LEFT
sdu            10000.00    24.00   1200.50   8775.50
";
    assert_eq!(text(&list(), Some("sdu"), ENGLISH), expected);
    let expected = "\
算力券       持有者   类型       状态     面额       冻结    扣费      余额       到期
sdu-2026-a   sdu      补贴       有效     50000.00   24.00   1200.50   48775.50   2026-12-01T00:00:00Z
sdu-own      sdu      自有资金   待审批   10000.00                                长期

自有资金归属   存入       冻结    扣费      余额
sdu            10000.00   24.00   1200.50   8775.50
";
    assert_eq!(text(&list(), Some("sdu"), CHINESE), expected);
}

#[test]
fn wide_vouchers_tell_where_they_come_from() {
    let mut list = list();
    list.own_money.clear();
    let expected = "\
VOUCHER      HOLDER   TYPE       STATE            FACE       HELD    SPENT     LEFT       EXPIRES                VALID FROM             ISSUER     FUNDING LINE      COVERAGE   SCOPE
sdu-2026-a   sdu      Subsidy    Active           50000.00   24.00   1200.50   48775.50   2026-12-01T00:00:00Z   2025-12-31T16:00:00Z   province   strengthen-2026   1/2        a100
sdu-own      sdu      OwnFunds   AwaitsApproval   10000.00                                never                                         province                     1/1
";
    assert_eq!(text(&list, None, ENGLISH.wide(true)), expected);
}

#[test]
fn no_vouchers() {
    let list = VoucherUseList::new(age(), Vec::new());
    assert_eq!(
        text(&list, Some("sdu"), ENGLISH),
        "Tenant sdu has no vouchers.\n"
    );
    assert_eq!(text(&list, None, CHINESE), "没有算力券。\n");
}

#[test]
fn every_state_and_type_has_a_chinese_word() {
    use edugrid_units::Language;
    let states = [
        VoucherUseState::AwaitsApproval,
        VoucherUseState::Refused,
        VoucherUseState::NotPosted,
        VoucherUseState::Active,
        VoucherUseState::Frozen,
        VoucherUseState::Revoked,
        VoucherUseState::Expired,
    ];
    let types = [
        VoucherType::Subsidy,
        VoucherType::Equity,
        VoucherType::Programme,
        VoucherType::Reward,
        VoucherType::Contribution,
        VoucherType::OwnFunds,
    ];
    let types = types.iter().map(word_of);
    for word in states.iter().map(|it| it.as_str().to_owned()).chain(types) {
        assert_ne!(value(Language::Chinese, &word), word);
    }
}
