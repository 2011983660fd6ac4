//! Explanations as people read them.

use edugrid_crds::visibility::{Placed, QueuePhase, ReasonDetails};

use super::*;
use crate::samples::{CHINESE, ENGLISH, age, at};

fn job(phase: QueuePhase) -> Explanation {
    let mut told = Explanation::new(age(), "sdu-cs", "resnet", phase);
    told.since = Some(at("2026-11-22T07:48:00Z"));
    told.tenant = Some("sdu-cs".into());
    told
}

#[test]
fn a_job_that_waits() {
    let mut told = job(QueuePhase::Waiting);
    told.reason = Some(Reason {
        code: "QuotaExceeded".into(),
        message: "not enough quota is free, pool a100, tenant sdu, asked 32, free 8, missing 24"
            .into(),
        message_zh: Some("可用配额不足：算力池 a100，租户 sdu，申请 32，可用 8，缺 24".into()),
        way_out: Some("wait, or ask for more quota".into()),
        way_out_zh: Some("等待，或申请更多配额".into()),
        details: ReasonDetails {
            until: Some(at("2026-11-22T09:30:00Z")),
            ..ReasonDetails::default()
        },
    });
    told.position_in_pool = Some(5);
    told.waiting_in_pool = Some(9);
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
        average_borrowed: "2.5".into(),
        share: "1.25".into(),
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
    let expected = "\
sdu-cs/resnet: Waiting for 12m
QuotaExceeded not enough quota is free, pool a100, tenant sdu, asked 32, free 8, missing 24
What helps: wait, or ask for more quota.
Until         2026-11-22T09:30:00Z
Tenant        sdu-cs
Position      5 of 9 that wait for the pool
Walltime      8h
Cost at most  1536.00 yuan

Quota on the way to the root, in the pool's units:
TENANT   POOL   NOMINAL   EFFECTIVE   USED   BORROWED   AVAILABLE   MAY BORROW   AVERAGE   SHARE
sdu-cs   a100   64        64          56     0          -4          32           2.5       1.25
sdu      a100   64        64          56     0          8           no limit     2.5       1.25

Before it:
POSITION   TENANT   JOB            JOBS   UNITS
1          sdu-cs   sdu-cs/llama   1      64
2          others                  2      12
and 1 more

Other pools:
POOL   REASON           MESSAGE
h800   NoMatchingPool   no pool can hold it
";
    assert_eq!(text(&told, ENGLISH), expected);
    let expected = "\
sdu-cs/resnet：等待，已 12m
QuotaExceeded 可用配额不足：算力池 a100，租户 sdu，申请 32，可用 8，缺 24
解决办法：等待，或申请更多配额。
直到          2026-11-22T09:30:00Z
租户          sdu-cs
排队位置      在等待该算力池的 9 个作业中排第 5
运行时限      8h
最高费用      1536.00 元

到根租户一路上的配额（计费单位数）：
租户     算力池   额定   有效   已用   借用   可用   借用上限   历史平均   份额
sdu-cs   a100     64     64     56     0      -4     32         2.5        1.25
sdu      a100     64     64     56     0      8      不限       2.5        1.25

排在前面的作业：
排队位置   租户       作业           作业数   计费单位数
1          sdu-cs     sdu-cs/llama   1        64
2          其他租户                  2        12
另有 1 个

其他算力池：
算力池   原因             说明
h800     NoMatchingPool   no pool can hold it
";
    assert_eq!(text(&told, CHINESE), expected);
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
    let expected = "\
sdu-cs/resnet: Running for 12m
Tenant        sdu-cs
Attempt       2

Placed on:
ROLE     POOL   NODE   REPLICAS
worker   a100   n1     3
worker   a100   n2     1
";
    assert_eq!(text(&told, ENGLISH), expected);
    let expected = "\
sdu-cs/resnet：运行中，已 12m
租户          sdu-cs
尝试          2

所在节点：
角色     算力池   节点   副本
worker   a100     n1     3
worker   a100     n2     1
";
    assert_eq!(text(&told, CHINESE), expected);
}

#[test]
fn words_of_others_cannot_command_the_terminal() {
    let mut told = job(QueuePhase::Waiting);
    told.reason = Some(Reason {
        code: "TemplateRefused".into(),
        message: "unknown\nfield \u{1b}[2J".into(),
        ..Reason::default()
    });
    let text = text(&told, ENGLISH);
    assert!(text.contains("unknown field  [2J"), "{text:?}");
}
