//! B1: how many quota decisions the engine makes in a second, by pending jobs and by tenants,
//! beside a stripped loop that only pops a heap, adds counters and writes one record.
//!
//! A round ends some admissions, submits as many new jobs, and lets the engine admit again: so
//! the queue keeps its length. The ends and the decisions are timed, the submissions are not.
//! What was borrowed counts as in the operator: the engine is told of each admission and end, as
//! the journal would tell it, and time passes, so that keys rise between two rounds (O3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use edugrid_core::{
    Bundle, ClassSpec, Counts, DataClass, Devices, Event, JobSpec, JobType, NodeResources,
    NodeSpec, PastEvent, PoolSpec, QuotaSpec, Request, RoleSpec, TenantLimits, TenantSpec, World,
};
use edugrid_units::{
    Admission, AttemptKey, ComputeKind, HoldAsk, MicroYuan, MilliUnits, Purse, Ratio, Seconds,
    Shortage, Stamp, Tier, UserName,
};
use serde_json::json;

use crate::limit::Stripped;
use crate::measure::{RUNS, Samples, log_slope};
use crate::report::{Line, Report};

/// Admissions that run at once, and so many of them end in a round.
const RUNNING: usize = 1_000;
const ENDED_PER_ROUND: usize = 100;
/// Decisions per run.
const DECISIONS: usize = 10_000;
/// Bounded operations of one step, as the operator gives them.
const OPERATIONS_PER_STEP: u32 = 20_000;
/// The book's time between two events.
const BETWEEN_EVENTS: i64 = 10_000_000;
/// Half of what was borrowed is forgotten after a week, as in the chart.
const HALF_LIFE: Seconds = Seconds(604_800);
/// Tenants below one university.
const COLLEGES: usize = 10;

/// Sizes that are measured.
pub struct Sizes {
    /// Pending jobs.
    pub pending: Vec<usize>,
    /// Tenants that submit.
    pub tenants: Vec<usize>,
}

/// The size at which tenants are varied, and the tenants at which pending jobs are.
const PENDING_FIXED: usize = 100_000;
const TENANTS_FIXED: usize = 1_000;

/// Measures and reports.
///
/// # Errors
/// If the engine does not admit what it should.
pub fn run(sizes: &Sizes) -> Result<Report> {
    let mut lines = Vec::new();
    let (mut orders, mut slopes) = (Vec::new(), Vec::new());
    let largest = sizes.pending.iter().copied().max().unwrap_or(0);
    let by_pending = sizes.pending.iter().map(|size| (*size, TENANTS_FIXED));
    let by_tenants = sizes
        .tenants
        .iter()
        .map(|count| (largest.min(PENDING_FIXED), *count));
    for (name, points) in [
        ("pending", by_pending.collect::<Vec<_>>()),
        ("tenants", by_tenants.collect()),
    ] {
        let mut costs = Vec::new();
        for (pending, tenants) in points {
            let Point {
                measured,
                limit,
                order,
            } = point(pending, tenants)?;
            #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
            let size = if name == "pending" { pending } else { tenants } as f64;
            costs.push((size, 1.0 / measured.median()));
            let what = format!("{pending} pending, {tenants} tenants");
            lines.push(Line::limited(what, "decisions/s", measured, limit));
            orders.push(Line::plain(
                format!("order for readers, {pending} pending, {tenants} tenants"),
                "ms",
                order,
            ));
        }
        slopes.push(json!({"in": name, "slope": log_slope(&costs)}));
    }
    lines.extend(orders);
    let notes = slopes
        .iter()
        .map(|slope| {
            format!(
                "cost per decision in {}: slope {:.3} (log-log)",
                slope["in"].as_str().unwrap_or(""),
                slope["slope"].as_f64().unwrap_or(0.0)
            )
        })
        .collect();
    Ok(Report {
        id: "B1",
        title: "engine: quota decisions, beside a stripped loop of heap, counters and a record",
        lines,
        notes,
        raw: json!({"slopes": slopes, "running": RUNNING, "endedPerRound": ENDED_PER_ROUND}),
    })
}

/// What was found at one size.
#[derive(Debug, Default)]
struct Point {
    measured: Samples,
    limit: Samples,
    /// Milliseconds in which the order of all is found for somebody who reads.
    order: Samples,
}

fn point(pending: usize, tenants: usize) -> Result<Point> {
    let mut point = Point::default();
    let mut engine = Loaded::new(pending, tenants)?;
    let mut stripped = Stripped::new(pending, tenants, COLLEGES);
    for _ in 0..RUNS {
        point.limit.0.push(rate(stripped.run(DECISIONS)));
        point.measured.0.push(rate(engine.run(DECISIONS)?));
        point.order.0.push(1_000.0 * engine.order().as_secs_f64());
    }
    eprintln!("  B1: {pending} pending, {tenants} tenants: done");
    Ok(point)
}

fn rate(span: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let decisions = DECISIONS as f64;
    decisions / span.as_secs_f64()
}

/// A purse for which everything is free, so that the engine alone is measured.
struct Free;

impl Purse for Free {
    fn try_hold(&mut self, _now: Stamp, _ask: &HoldAsk<'_>) -> Result<MicroYuan, Shortage> {
        Ok(MicroYuan::ZERO)
    }

    fn undo(&mut self, _key: &AttemptKey) -> bool {
        true
    }
}

/// An engine with a full pool and a queue.
struct Loaded {
    world: World,
    now: i64,
    tenants: usize,
    submitted: usize,
    running: std::collections::VecDeque<AttemptKey>,
}

impl Loaded {
    fn new(pending: usize, tenants: usize) -> Result<Self> {
        let mut loaded = Self {
            world: World::new(),
            now: 0,
            tenants,
            submitted: 0,
            running: std::collections::VecDeque::new(),
        };
        for event in province(tenants) {
            loaded.apply(event);
        }
        loaded.apply(Event::PastWeight(Ratio::ONE));
        let rebased = PastEvent::Rebased {
            at: Stamp(0),
            half_life: HALF_LIFE,
        };
        loaded.apply(Event::Past(Box::new(rebased)));
        for _ in 0..pending + RUNNING {
            loaded.submit();
        }
        loaded.schedule();
        ensure!(
            loaded.running.len() == RUNNING,
            "{} jobs run, not {RUNNING}",
            loaded.running.len()
        );
        // The first rounds find groups and shapes that were never tried.
        loaded.round();
        Ok(loaded)
    }

    fn run(&mut self, decisions: usize) -> Result<Duration> {
        let mut spent = Duration::ZERO;
        for _ in 0..decisions / ENDED_PER_ROUND {
            spent += self.round();
            ensure!(
                self.running.len() == RUNNING,
                "{} jobs run, not {RUNNING}",
                self.running.len()
            );
        }
        Ok(spent)
    }

    fn round(&mut self) -> Duration {
        let ended: Vec<AttemptKey> = self.running.drain(..ENDED_PER_ROUND).collect();
        let begun = Instant::now();
        for key in &ended {
            let ended = PastEvent::Ended {
                key: key.clone(),
                at: Stamp(self.now),
            };
            self.apply(Event::Past(Box::new(ended)));
            self.apply(Event::Ended {
                key: key.clone(),
                not_before: None,
                finished: true,
            });
        }
        self.schedule();
        let spent = begun.elapsed();
        for key in ended {
            self.apply(Event::JobGone(key.job));
            self.submit();
        }
        spent
    }

    /// The round before has changed the world, so that no order is known.
    fn order(&self) -> Duration {
        let begun = Instant::now();
        std::hint::black_box(self.world.order());
        begun.elapsed()
    }

    fn schedule(&mut self) {
        loop {
            let now = self.tick();
            let plan = self.world.schedule(now, OPERATIONS_PER_STEP, &mut Free);
            for admission in plan.admissions {
                self.running.push_back(admission.key.clone());
                self.apply(Event::Past(Box::new(began(admission))));
            }
            if let Some(change) = self.world.unrecorded() {
                self.apply(Event::Past(Box::new(PastEvent::Owned(change))));
            }
            if !plan.more {
                return;
            }
        }
    }

    fn submit(&mut self) {
        let job = job(self.submitted, self.tenants, Stamp(self.now));
        self.submitted += 1;
        self.apply(Event::JobSet(Box::new(job)));
    }

    fn apply(&mut self, event: Event) {
        let now = self.tick();
        self.world.apply(now, event);
    }

    fn tick(&mut self) -> Stamp {
        self.now += BETWEEN_EVENTS;
        Stamp(self.now)
    }
}

/// What the journal tells of an admission.
fn began(admission: Admission) -> PastEvent {
    PastEvent::Began {
        key: admission.key,
        path: admission.path,
        user: UserName::from(admission.submitter.as_str()),
        pool: admission.pool,
        billed: admission.billed,
        at: admission.at,
    }
}

/// A root, universities of ten colleges each, one class, one pool of a few large nodes: places
/// are plenty, so that quota and order decide. The quota of all together is what runs.
fn province(tenants: usize) -> Vec<Event> {
    let mut events = vec![tenant("province", None, Some(RUNNING))];
    for index in 0..tenants {
        let university = format!("u{}", index / COLLEGES);
        if index % COLLEGES == 0 {
            events.push(tenant(&university, Some("province"), None));
        }
        events.push(tenant(&college(index), Some(&university), None));
    }
    events.push(Event::ClassSet(Box::new(ClassSpec {
        name: "standard".into(),
        tier: Tier::Standard,
        priority: 0,
        preemptible: true,
        default_walltime: Seconds(3600),
        max_walltime: Seconds(86_400),
        notice: Seconds(120),
        price_tier: "standard".to_owned(),
        retired: false,
    })));
    events.push(Event::PoolSet(Box::new(PoolSpec {
        name: "pool".into(),
        created: Stamp(0),
        kind: ComputeKind::Intelligent,
        owner: "province".into(),
        node_selector: BTreeMap::from([("pool".to_owned(), "yes".to_owned())]),
        counts: Counts::Card(DEVICE.to_owned()),
        bundle: Bundle::default(),
        standard_factor: Ratio::ONE,
        max_data_class: DataClass::General,
        retired: false,
    })));
    let cards = MilliUnits::whole(RUNNING as u64);
    events.extend((0..4).map(|index| {
        Event::NodeSet(Box::new(NodeSpec {
            name: format!("n{index}").as_str().into(),
            labels: BTreeMap::from([("pool".to_owned(), "yes".to_owned())]),
            allocatable: NodeResources {
                cpu_milli: 1_000_000_000,
                memory_mebibytes: 1_000_000_000,
                devices: BTreeMap::from([(DEVICE.to_owned(), cards)]),
            },
            ready: true,
            unschedulable: false,
            taints: Vec::new(),
        }))
    }));
    events
}

const DEVICE: &str = "nvidia.com/gpu";

fn college(index: usize) -> String {
    format!("c{index}")
}

fn tenant(name: &str, parent: Option<&str>, nominal: Option<usize>) -> Event {
    let quotas = nominal.map(|cards| QuotaSpec {
        pool: "pool".into(),
        nominal: Some(MilliUnits::whole(cards as u64)),
        borrowing_limit: None,
        lending_limit: None,
        share: None,
    });
    Event::TenantSet(Box::new(TenantSpec {
        name: name.into(),
        uid: name.to_owned(),
        created: Stamp(0),
        parent: parent.map(Into::into),
        quotas: quotas.into_iter().collect(),
        weight: 1,
        limits: TenantLimits::default(),
        user_limits: TenantLimits::default(),
        classes: None,
        stopped: false,
        on_cut: edugrid_core::OnQuotaCut::Keep,
    }))
}

fn job(number: usize, tenants: usize, created: Stamp) -> JobSpec {
    let tenant = college(number % tenants);
    JobSpec {
        uid: format!("{number:012}").as_str().into(),
        namespace: tenant.clone(),
        name: format!("j{number}"),
        generation: 1,
        created,
        tenant: tenant.as_str().into(),
        submitter: format!("user{}", number % 7),
        groups: Arc::default(),
        class: None,
        job_type: JobType::Training,
        walltime: None,
        roles: vec![RoleSpec {
            name: "worker".into(),
            replicas: 1,
            request: Request {
                cpu_milli: 1000,
                memory_mebibytes: 1024,
                devices: Devices::Cards(MilliUnits::whole(1)),
            },
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
        }],
        pools: Vec::new(),
        vouchers: Vec::new(),
        max_cost: None,
        data_class: DataClass::General,
        grace: None,
        held: false,
        not_before: None,
        released: None,
        blocked: None,
        next_attempt: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_admits_what_it_ended() {
        let mut loaded = Loaded::new(500, 20).expect("it loads");
        loaded.run(1_000).expect("the pool stays full");
        loaded.schedule();
        assert_eq!(loaded.world.waiting().count(), 500);
        assert!(loaded.order() > Duration::ZERO);
    }
}
