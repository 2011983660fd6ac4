//! Queues as people read them.

use edugrid_crds::visibility::VirtualClock;

use super::*;
use crate::samples::{CHINESE, ENGLISH, age, at};

fn list() -> QueuedJobList {
    let mut waiting = QueuedJob::new(age(), "sdu-cs", "resnet", QueuePhase::Waiting);
    waiting.reason = Some("QuotaExceeded".into());
    waiting.message = Some("not enough quota is free, missing 24".into());
    waiting.message_zh = Some("配额不足，缺 24".into());
    waiting.tenant = Some("sdu-cs".into());
    waiting.class = Some("standard".into());
    waiting.tier = Some("Standard".into());
    waiting.pool = Some("a100".into());
    waiting.units = Some("32".into());
    waiting.submitter = Some("alice".into());
    waiting.position_in_pool = Some(3);
    waiting.position_in_tenant = Some(1);
    waiting.waiting_since = Some(at("2026-11-22T05:48:00Z"));
    let mut running = QueuedJob::new(age(), "sdu-cs", "bert", QueuePhase::Running);
    running.pool = Some("a100".into());
    running.held = Some("48.00".into());
    running.waiting_since = Some(at("2026-11-22T05:00:00Z"));
    QueuedJobList::new(age(), vec![running, waiting])
}

#[test]
fn a_queue_of_one_namespace() {
    let expected = "\
JOB      PHASE     REASON          TENANT   POOL   UNITS   POSITION   WAITING FOR   MESSAGE
bert     Running                            a100
resnet   Waiting   QuotaExceeded   sdu-cs   a100   32      3          2h12m         not enough quota is free, missing 24

Jobs shown: 2.
";
    assert_eq!(table(&list(), Some("sdu-cs"), ENGLISH), expected);
    let expected = "\
作业     阶段     原因            租户     算力池   计费单位数   排队位置   已等待   说明
bert     运行中                            a100
resnet   等待     QuotaExceeded   sdu-cs   a100     32           3          2h12m    配额不足，缺 24

共列出 2 个作业。
";
    assert_eq!(table(&list(), Some("sdu-cs"), CHINESE), expected);
}

#[test]
fn a_wide_queue_of_all_namespaces_says_what_it_lacks() {
    let mut list = list();
    list.metadata.remaining_item_count = Some(7);
    let expected = "\
命名空间   作业     阶段     原因            租户     算力池   计费单位数   排队位置   已等待   租户内位置   作业类     层次   提交人   冻结    说明
sdu-cs     bert     运行中                            a100                                                                              48.00
sdu-cs     resnet   等待     QuotaExceeded   sdu-cs   a100     32           3          2h12m    1            standard   标准   alice            配额不足，缺 24

共列出 2 个作业；另有 7 个未列出，见 --limit。
";
    assert_eq!(table(&list, None, CHINESE.wide(true)), expected);
}

#[test]
fn a_page_says_as_of_when_and_whose_time_it_is() {
    let mut list = list();
    let page = Page::aged("x\n".into(), &list.age, ENGLISH).whole();
    assert_eq!(page, "x\n\nAs of 2026-11-22T08:00:00Z.\n");
    list.age.clock = Some(VirtualClock {
        origin: at("2026-11-01T00:00:00Z"),
        factor: 60,
    });
    let page = |look| Page::aged(String::new(), &list.age, look).whole();
    assert_eq!(
        page(ENGLISH),
        "As of 2026-11-22T08:00:00Z by a virtual clock, 60 times real time since \
         2026-11-01T00:00:00Z.\n",
    );
    assert_eq!(
        page(CHINESE),
        "截至 2026-11-22T08:00:00Z（虚拟时钟，自 2026-11-01T00:00:00Z 起为实际时间的 60 倍）。\n",
    );
}

#[test]
fn an_empty_queue() {
    let list = QueuedJobList::new(age(), Vec::new());
    assert_eq!(
        table(&list, Some("sdu-cs"), ENGLISH),
        "No unfinished jobs in namespace sdu-cs.\n",
    );
    assert_eq!(table(&list, None, CHINESE), "没有未结束的作业。\n");
}
