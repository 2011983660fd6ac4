//! Trees of tenants as people read them.

use edugrid_crds::{
    tenant::{DisplayName, TenantLevel},
    visibility::{UserPool, UserUse},
};

use super::*;
use crate::samples::{CHINESE, ENGLISH, age, at};

fn tenant(name: &str, depth: u32, level: TenantLevel, chinese: &str) -> TenantUse {
    let mut tenant = TenantUse::new(age(), "edugrid-province", name);
    tenant.depth = depth;
    tenant.level = Some(level);
    tenant.display_name = Some(DisplayName {
        zh: Some(chinese.into()),
        en: None,
    });
    tenant
}

fn pool(name: &str, nominal: &str, usage: &str, available: &str) -> PoolUse {
    PoolUse {
        pool: name.into(),
        nominal: nominal.into(),
        effective_nominal: nominal.into(),
        usage: usage.into(),
        borrowed: "0".into(),
        lent: "0".into(),
        available: available.into(),
        average_borrowed: "0".into(),
        share: "0".into(),
        ..PoolUse::default()
    }
}

fn list() -> TenantUseList {
    let mut province = tenant("province", 0, TenantLevel::Province, "省教育厅");
    province.pools = vec![
        pool("a100", "64", "40", "24"),
        pool("ascend910b", "32", "8", "24"),
    ];
    province.running = 5;
    province.waiting = 2;
    let mut university = tenant("sdu", 1, TenantLevel::University, "山东大学");
    let party = |tenant: Option<&str>, units: &str| Party {
        tenant: tenant.map(str::to_owned),
        units: units.into(),
    };
    university.pools = vec![PoolUse {
        borrowed: "8".into(),
        lenders: vec![party(Some("province"), "6"), party(None, "2")],
        borrowing_limit: Some("32".into()),
        average_borrowed: "2.5".into(),
        share: "10.5".into(),
        ..pool("a100", "16", "24", "-4")
    }];
    university.running = 3;
    university.users = vec![UserUse {
        user: "alice".into(),
        running: 3,
        waiting: 0,
        pools: vec![UserPool {
            pool: "a100".into(),
            usage: "24".into(),
        }],
    }];
    let college = tenant("sdu-cs", 2, TenantLevel::College, "计算机学院");
    TenantUseList::new(age(), vec![province, university, college])
}

#[test]
fn a_tree_in_both_languages() {
    let expected = "\
TENANT       LEVEL        RUNNING   WAITING   POOL         NOMINAL   USED   BORROWED   LENT   AVAILABLE
province     Province     5         2         a100         64        40     0          0      24
                                              ascend910b   32        8      0          0      24
  sdu        University   3         0         a100         16        24     8          0      -4
    sdu-cs   College      0         0
";
    assert_eq!(text(&list(), ENGLISH), expected);
    let expected = "\
租户         层级   运行中   等待   算力池       额定   已用   借用   出借   可用
province     省     5        2      a100         64     40     0      0      24
                                    ascend910b   32     8      0      0      24
  sdu        大学   3        0      a100         16     24     8      0      -4
    sdu-cs   学院   0        0
";
    assert_eq!(text(&list(), CHINESE), expected);
}

#[test]
fn a_wide_tree_tells_lenders_shares_and_users() {
    let expected = "\
租户         层级   名称         运行中   等待   算力池       额定   有效   已用   借用   出借   可用   借用上限   历史平均   份额   出借方                   借用方
province     省     省教育厅     5        2      a100         64     64     40     0      0      24     不限       0          0
                                                 ascend910b   32     32     8      0      0      24     不限       0          0
  sdu        大学   山东大学     3        0      a100         16     16     24     8      0      -4     32         2.5        10.5   province 6, 其他租户 2
    sdu-cs   学院   计算机学院   0        0

租户   用户    运行中   等待   已用
sdu    alice   3        0      a100 24
";
    assert_eq!(text(&list(), CHINESE.wide(true)), expected);
}

#[test]
fn what_will_be_taken_back_is_said_below() {
    let mut list = list();
    list.items[1].pools[0].stops_from = Some(at("2026-11-22T06:05:00Z"));
    let told = text(&list, ENGLISH);
    let (_, below) = told.split_once("\n\n").expect("a paragraph below");
    assert_eq!(
        below,
        format!(
            "sdu is over its quota of a100: what it borrows is stopped from {} on, no more than needed.\n",
            instant(&at("2026-11-22T06:05:00Z"))
        )
    );
    assert!(text(&list, CHINESE).contains("起停止其借用的作业"));
}
