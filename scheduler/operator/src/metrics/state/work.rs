//! Work: what waits, what was admitted, and what became of it.

use super::{count, whole};
use crate::metrics::{
    about::{Base, counter, gauge},
    rows::{Family, Group},
    snapshot::{End, Finished, Pending, Snapshot, Work},
};

pub(super) static PENDING: Group<Snapshot, Pending> = Group {
    rows: |snapshot| &snapshot.pending,
    families: &[
        Family {
            about: gauge(
                "pending_jobs",
                Base::None,
                "Jobs that wait, by the code of their reason (W); Undecided: not looked at yet",
                "等待中的作业数，按原因代码（W）；Undecided 表示尚未检查",
            ),
            value: |row| Some(count(row.jobs)),
        },
        Family {
            about: gauge(
                "pending_oldest",
                Base::Seconds,
                "For how long the oldest of these jobs counts as waiting, in virtual time (O5)",
                "这些作业中等待最久者的等待时长，虚拟时间（O5）",
            ),
            value: |row| Some(whole(row.age)),
        },
    ],
};

pub(super) static WORK: Group<Snapshot, Work> = Group {
    rows: |snapshot| &snapshot.work,
    families: &[
        Family {
            about: counter(
                "attempts_admitted",
                Base::None,
                "Attempts admitted of the tenant's own jobs",
                "租户自身作业的准入次数",
            ),
            value: |row| Some(whole(row.admitted)),
        },
        Family {
            about: counter(
                "attempts_retried",
                Base::None,
                "Those of them that were not the first of their job",
                "其中非首次运行的次数，即重试",
            ),
            value: |row| Some(whole(row.retried)),
        },
        Family {
            about: counter(
                "attempts_started",
                Base::None,
                "Attempts whose pods were all bound, from which on they are charged (A5)",
                "Pod 全部绑定、开始计费的运行数（A5）",
            ),
            value: |row| Some(whole(row.started)),
        },
    ],
};

pub(super) static ENDS: Group<Snapshot, End> = Group {
    rows: |snapshot| &snapshot.ends,
    families: &[
        Family {
            about: counter(
                "attempts_ended",
                Base::None,
                "Attempts that ended, by outcome",
                "已结束的运行数，按结果",
            ),
            value: |row| Some(whole(row.ended)),
        },
        Family {
            about: counter(
                "lost_work",
                Base::UnitSeconds,
                "Billed units times charged seconds of attempts that did not finish, by what ended them (E4)",
                "未完成的运行所损失的单位·秒，按终止原因（E4）",
            ),
            value: |row| row.lost.map(unit_seconds),
        },
    ],
};

pub(super) static FINISHED: Group<Snapshot, Finished> = Group {
    rows: |snapshot| &snapshot.finished,
    families: &[Family {
        about: counter(
            "jobs_finished",
            Base::None,
            "Jobs that are over, by what became of them",
            "已终结的作业数，按终态",
        ),
        value: |row| Some(whole(row.jobs)),
    }],
};

#[expect(clippy::cast_precision_loss, reason = "a counter for people (N1)")]
fn unit_seconds(milli: u128) -> f64 {
    milli as f64 / 1000.0
}
