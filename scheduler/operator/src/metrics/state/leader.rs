//! The leader itself: its books, its clock, and whether all is well.

use super::{count, seconds, whole};
use crate::metrics::{
    about::{Base, gauge},
    rows::{Family, Group},
    snapshot::{Check, Leader, LeftOut, Snapshot},
};

pub(super) static CHECKS: Group<Snapshot, Check> = Group {
    rows: |snapshot| &snapshot.checks,
    families: &[Family {
        about: gauge(
            "conservation_faults",
            Base::None,
            "0 when all is well: books that balance (L13), quota usage that is the sum of open admissions (Q7)",
            "守恒检查：账目平衡（L13）、配额用量等于在运行准入之和（Q7），正常为 0",
        ),
        value: |row| Some(whole(row.faults)),
    }],
};

pub(super) static LEADER: Group<Snapshot, Leader> = Group {
    rows: |snapshot| &snapshot.leader,
    families: &[
        Family {
            about: gauge(
                "open_attempts",
                Base::None,
                "Attempts that are admitted and not settled",
                "已准入且未结算的运行数",
            ),
            value: |row| Some(count(row.open_attempts)),
        },
        Family {
            about: gauge(
                "ledger_entries",
                Base::None,
                "Entries in the ledger",
                "账本条目数",
            ),
            value: |row| Some(whole(row.entries)),
        },
        Family {
            about: gauge(
                "ledger_segment_sequence",
                Base::None,
                "Sequence number of the last durable segment: the head of the journal (L12)",
                "最后一个已落盘账段的序号，即日志头（L12）",
            ),
            value: |row| Some(whole(row.segments.saturating_sub(1))),
        },
        Family {
            about: gauge(
                "writes_waiting",
                Base::None,
                "Writes to the API server that wait in the loop because the writer is busy",
                "因写入器繁忙而在主循环中排队的写请求数",
            ),
            value: |row| Some(count(row.writes_waiting)),
        },
        Family {
            about: gauge(
                "clock_factor",
                Base::None,
                "Virtual seconds that pass in a real one (N5)",
                "每一真实秒所经过的虚拟秒数（N5）",
            ),
            value: |row| Some(f64::from(row.clock_factor)),
        },
        Family {
            about: gauge(
                "clock",
                Base::TimestampSeconds,
                "The operator's clock, virtual where it runs faster (N5), when these numbers were taken",
                "取数时的系统时钟；加速时为虚拟时间（N5）",
            ),
            value: |row| Some(seconds(row.now)),
        },
        Family {
            about: gauge(
                "metrics_refresh",
                Base::Seconds,
                "How long it took to take the numbers about objects",
                "采集对象类指标所用的时间",
            ),
            value: |row| Some(row.took),
        },
    ],
};

pub(super) static LEFT_OUT: Group<Snapshot, LeftOut> = Group {
    rows: |snapshot| &snapshot.left_out,
    families: &[Family {
        about: gauge(
            "metrics_left_out",
            Base::None,
            "Objects above the bound, which have no series of their own here",
            "超出上限、在此没有独立序列的对象数",
        ),
        value: |row| Some(count(row.count)),
    }],
};
