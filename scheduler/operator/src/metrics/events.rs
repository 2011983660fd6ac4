//! What is counted as it happens, with labels of closed lists: durations, requests, writes,
//! watches. Numbers about objects are not counted here but read off the state.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Metric, Registry},
};

use super::about::{About, Base, PREFIX, counter, gauge, histogram, info};

/// Labels of a request to the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// Kubernetes' verb, such as `patch`.
    pub verb: &'static str,
    /// The resource, with its subresource, such as `computejobs/status`.
    pub resource: String,
    /// The status code of the answer, or `none` where there was none.
    pub code: String,
}

/// Labels of the time that requests take.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Verb {
    /// Kubernetes' verb; watches are not timed.
    pub verb: &'static str,
}

/// Labels of the writes of rule A6.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WriteClass {
    /// The class of rule A6.
    pub class: &'static str,
    /// `stands`, `gone`, `conflict`, `outranked`, `refused` or `failed`.
    pub outcome: &'static str,
}

/// Labels of what is told by tier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TierLabel {
    /// The tier.
    pub tier: &'static str,
}

/// Labels of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WatchLabel {
    /// The kind that is watched.
    pub kind: String,
}

/// Short times: requests, appends, steps.
const SHORT: [f64; 13] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
];
/// Waits of jobs, from a second to a week.
const WAITS: [f64; 12] = [
    1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 172_800.0, 345_600.0,
    604_800.0,
];
/// Entries of a batch.
const ENTRIES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0];

type BySmall<L> = Family<L, Histogram, fn() -> Histogram>;

/// All of them. Copies count into the same series.
#[derive(Clone, Debug)]
pub struct Events {
    /// Whether this replica leads.
    pub leading: Gauge,
    /// The epoch of this leader.
    pub epoch: Gauge,
    /// Entries that the local view's disk has not taken.
    pub view_backlog: Gauge,
    /// From eligible to admitted, in virtual time.
    pub wait: BySmall<TierLabel>,
    /// From the first look at a job that could start at once to its durable admission.
    pub scheduling: Histogram,
    /// One step of deciding.
    pub step: Histogram,
    /// From asking for a batch to knowing it durable.
    pub append: Histogram,
    /// Entries of a batch.
    pub batch_entries: Histogram,
    /// Bytes appended.
    pub appended_bytes: Counter,
    /// When the last batch became durable, in seconds since 1970.
    pub appended_at: Gauge,
    /// Segments that are in etcd.
    pub live_segments: Gauge,
    /// Bytes of their payloads.
    pub live_bytes: Gauge,
    /// Bytes at which admission stops.
    pub live_bytes_max: Gauge,
    /// Segments at which admission stops.
    pub live_segments_max: Gauge,
    /// From a job's status being due to its standing in the cluster.
    pub status_delay: Histogram,
    /// Pods that landed elsewhere than planned (P7).
    pub deviations: Counter,
    /// All requests.
    pub requests: Family<Request, Counter>,
    /// How long they took.
    pub request_seconds: BySmall<Verb>,
    /// Writes that follow from decisions (A6).
    pub writes: Family<WriteClass, Counter>,
    /// Writes under way.
    pub writes_in_flight: Gauge,
    /// Turns in which the writer had no room.
    pub writes_overflowed: Counter,
    /// Interruptions of a watch.
    pub watch_restarts: Family<WatchLabel, Counter>,
    /// When a watch told something last, in seconds since 1970.
    pub watch_heard: Family<WatchLabel, Gauge>,
}

impl Default for Events {
    fn default() -> Self {
        let short = || Histogram::new(SHORT);
        Self {
            leading: Gauge::default(),
            epoch: Gauge::default(),
            view_backlog: Gauge::default(),
            wait: Family::new_with_constructor(|| Histogram::new(WAITS)),
            scheduling: short(),
            step: short(),
            append: short(),
            batch_entries: Histogram::new(ENTRIES),
            appended_bytes: Counter::default(),
            appended_at: Gauge::default(),
            live_segments: Gauge::default(),
            live_bytes: Gauge::default(),
            live_bytes_max: Gauge::default(),
            live_segments_max: Gauge::default(),
            status_delay: short(),
            deviations: Counter::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SHORT)),
            writes: Family::default(),
            writes_in_flight: Gauge::default(),
            writes_overflowed: Counter::default(),
            watch_restarts: Family::default(),
            watch_heard: Family::default(),
        }
    }
}

/// A registry that remembers what stands in it, for the docs.
#[derive(Debug)]
pub(super) struct Shelf {
    pub registry: Registry,
    pub about: Vec<(About, &'static [&'static str])>,
}

impl Shelf {
    fn put(&mut self, about: About, labels: &'static [&'static str], metric: impl Metric) {
        match about.unit.unit() {
            Some(unit) => {
                self.registry
                    .register_with_unit(about.name, about.english, unit, metric);
            }
            None => self.registry.register(about.name, about.english, metric),
        }
        self.about.push((about, labels));
    }
}

impl Events {
    /// The registry in which all of them stand.
    #[rustfmt::skip]
    pub(super) fn registered(&self) -> Shelf {
        let mut shelf = Shelf { registry: Registry::with_prefix(PREFIX), about: Vec::new() };
        let it = self.clone();
        shelf.put(info("build", "The version that runs", "运行中的版本"), &["version"], Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        shelf.put(gauge("leading", Base::None, "1 while this replica leads", "1 表示本副本为主"), &[], it.leading);
        shelf.put(gauge("leader_epoch", Base::None, "Epoch of this leader (A4)", "本主副本的任期号（A4）"), &[], it.epoch);
        shelf.put(gauge("view_backlog_entries", Base::None, "Entries that the disk of the local view has not taken, told from memory meanwhile (L12)", "本地视图磁盘尚未写入、暂由内存提供的账目条数（L12）"), &[], it.view_backlog);
        shelf.put(histogram("job_wait", Base::Seconds, "Virtual time from eligible to admitted (O5)", "从可参与排队到准入的虚拟时间（O5）"), &["tier"], it.wait);
        shelf.put(histogram("scheduling_latency", Base::Seconds, "Real time from the first look at a job that could start at once to its durable admission", "从首次看到可立即启动的作业到其准入落盘的真实时间"), &[], it.scheduling);
        shelf.put(histogram("step_duration", Base::Seconds, "Time that one step of deciding took", "一次调度决策步骤的耗时"), &[], it.step);
        shelf.put(histogram("journal_append_duration", Base::Seconds, "Time from sending a batch to knowing it durable (A3)", "从发送一批日志到确认落盘的耗时（A3）"), &[], it.append);
        shelf.put(histogram("journal_batch_entries", Base::None, "Entries of a durable batch", "一批日志的条目数"), &[], it.batch_entries);
        shelf.put(counter("journal_appended", Base::Bytes, "Payload bytes of durable batches", "已落盘日志的字节数"), &[], it.appended_bytes);
        shelf.put(gauge("journal_last_append", Base::TimestampSeconds, "When the last batch became durable, in real time", "最近一批日志落盘的真实时刻"), &[], it.appended_at);
        shelf.put(gauge("journal_live_segments", Base::None, "Segments of the journal that are in etcd: what no archiver has deleted (L12)", "尚在 etcd 中、未被归档程序删除的账段数（L12）"), &[], it.live_segments);
        shelf.put(gauge("journal_live", Base::Bytes, "Bytes of their payloads; in etcd they take a third more", "这些账段的载荷字节数；在 etcd 中约多占三分之一"), &[], it.live_bytes);
        shelf.put(gauge("journal_live_segments_max", Base::None, "Live segments at which admission stops", "停止准入的在线账段数上限"), &[], it.live_segments_max);
        shelf.put(gauge("journal_live_max", Base::Bytes, "Bytes in live segments at which admission stops", "停止准入的在线账段字节上限"), &[], it.live_bytes_max);
        shelf.put(histogram("status_delay", Base::Seconds, "Real time from a job's status being due to its standing in the cluster (A6)", "作业状态从应写到写成的真实时间（A6）"), &[], it.status_delay);
        shelf.put(counter("placement_deviations", Base::None, "Attempts whose pods were bound elsewhere than planned (P7)", "Pod 实际绑定与计划不符的运行数（P7）"), &[], it.deviations);
        shelf.put(counter("api_requests", Base::None, "Requests to the API server, all of them; code none: no answer", "发往 API 服务器的全部请求；code 为 none 表示无应答"), &["verb", "resource", "code"], it.requests);
        shelf.put(histogram("api_request_duration", Base::Seconds, "Time until the answer began; watches are not timed", "请求到应答开始的耗时；不含 watch"), &["verb"], it.request_seconds);
        shelf.put(counter("writes", Base::None, "Writes that follow from decisions, by class and what became of them (A6)", "由决策产生的写请求，按类别与结果（A6）"), &["class", "outcome"], it.writes);
        shelf.put(gauge("writes_in_flight", Base::None, "Writes under way", "正在执行的写请求数"), &[], it.writes_in_flight);
        shelf.put(counter("writes_overflowed", Base::None, "Turns of the loop in which the writer had no room for all that waited; nothing is dropped", "写入器容纳不下全部待写项的循环次数；不会丢弃"), &[], it.writes_overflowed);
        shelf.put(counter("watch_restarts", Base::None, "Interruptions of a watch", "watch 中断次数"), &["kind"], it.watch_restarts);
        shelf.put(gauge("watch_last_event", Base::TimestampSeconds, "When a watch told something last, in real time; quiet kinds change seldom", "watch 最近一次收到事件的真实时刻；少变的类型可能很久无事件"), &["kind"], it.watch_heard);
        shelf
    }

    /// Counts one write with its outcome, words of closed lists.
    pub fn write(&self, class: &'static str, outcome: &'static str) {
        let labels = WriteClass { class, outcome };
        self.writes.get_or_create_owned(&labels).inc();
    }
}
