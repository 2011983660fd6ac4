//! What the kernel says of this process, under the names that all exporters give it.

use std::sync::Arc;

use procfs::{WithCurrentSystemInfo, process::Process};
use prometheus_client::{encoding::text, registry::Registry};

use super::{
    about::{Base, counter, gauge},
    rows::{Exposed, Family, Group, Shown, row},
};

/// One look.
#[derive(Debug, Default)]
pub(super) struct Look {
    facts: Vec<Facts>,
}

#[derive(Debug)]
struct Facts {
    resident_bytes: f64,
    virtual_bytes: f64,
    cpu_seconds: f64,
    started: f64,
    threads: f64,
    open_files: Option<f64>,
    open_files_max: Option<f64>,
}
row!(Facts:);

/// Its families.
pub(super) static GROUPS: [&dyn Shown<Look>; 1] = [&GROUP];

static GROUP: Group<Look, Facts> = Group {
    rows: |look| &look.facts,
    families: &[
        Family {
            about: counter(
                "process_cpu",
                Base::Seconds,
                "User and system CPU time spent",
                "进程消耗的 CPU 时间",
            ),
            value: |facts| Some(facts.cpu_seconds),
        },
        Family {
            about: gauge(
                "process_resident_memory",
                Base::Bytes,
                "Resident memory size",
                "进程常驻内存",
            ),
            value: |facts| Some(facts.resident_bytes),
        },
        Family {
            about: gauge(
                "process_virtual_memory",
                Base::Bytes,
                "Virtual memory size",
                "进程虚拟内存",
            ),
            value: |facts| Some(facts.virtual_bytes),
        },
        Family {
            about: gauge(
                "process_open_fds",
                Base::None,
                "Open file descriptors",
                "已打开的文件描述符数",
            ),
            value: |facts| facts.open_files,
        },
        Family {
            about: gauge(
                "process_max_fds",
                Base::None,
                "Most file descriptors that may be open",
                "文件描述符上限",
            ),
            value: |facts| facts.open_files_max,
        },
        Family {
            about: gauge("process_threads", Base::None, "Threads", "线程数"),
            value: |facts| Some(facts.threads),
        },
        Family {
            about: gauge(
                "process_start_time",
                Base::Seconds,
                "When it started, in seconds since 1970",
                "进程启动时刻（自 1970 年起的秒数）",
            ),
            value: |facts| Some(facts.started),
        },
    ],
};

/// Writes them. Where the kernel does not tell, as in a container without `/proc`, nothing.
pub(super) fn encode(text: &mut String) -> std::fmt::Result {
    let facts = look().ok().into_iter().collect();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposed {
        state: Arc::new(Look { facts }),
        groups: &GROUPS,
    }));
    text::encode_registry(text, &registry)
}

#[expect(clippy::cast_precision_loss, reason = "gauges for people (N1)")]
fn look() -> procfs::ProcResult<Facts> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let limits = process.limits().ok().map(|limits| limits.max_open_files);
    let ticks = procfs::ticks_per_second() as f64;
    Ok(Facts {
        resident_bytes: stat.rss_bytes().get() as f64,
        virtual_bytes: stat.vsize as f64,
        cpu_seconds: stat.utime.saturating_add(stat.stime) as f64 / ticks,
        started: procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks,
        threads: stat.num_threads as f64,
        open_files: process.fd_count().ok().map(|count| count as f64),
        open_files_max: limits.and_then(|limit| match limit.soft_limit {
            procfs::process::LimitValue::Value(value) => Some(value as f64),
            procfs::process::LimitValue::Unlimited => None,
        }),
    })
}
