//! What holds of every cut (Q3), in random worlds, against an oracle that only reads where
//! tenants stand.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_core::{
    AdmittedAttempt, Event, OnQuotaCut, Plan, Stop, StopCause, TenantSpec, TenantView, World,
};
use edugrid_units::{Admission, AttemptKey, MilliUnits, Ratio, Seconds, Stamp};
use proptest::prelude::*;

use crate::{
    scenario::{self, Job, Node, POOLS, Province, Tenant},
    text::TestPurse,
};

/// What happens in a random world. Numbers pick among what there is, modulo.
#[derive(Clone, Debug)]
enum Act {
    Submit(Job),
    /// A tenant owns so much of a pool from now on.
    Own(usize, usize, u64),
    /// An open attempt ends; its job is finished or waits again.
    End(usize, bool),
    /// An open attempt is stopped by somebody else.
    Stop(usize),
    Wait(u32),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    // A cut of the root is felt by everybody.
    let owner = prop_oneof![Just(0_usize), 0_usize..100];
    let pool = prop_oneof![Just(0_usize), 0..POOLS.len()];
    let act = prop_oneof![
        9 => scenario::job().prop_map(Act::Submit),
        4 => (owner, pool, 0_u64..33).prop_map(|(at, pool, n)| Act::Own(at, pool, n)),
        2 => (0_usize..100, any::<bool>()).prop_map(|(at, done)| Act::End(at, done)),
        1 => (0_usize..100).prop_map(Act::Stop),
        4 => (1_u32..60).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..60)
}

/// A few tenants that share one pool with room for all: quota alone says who may run, so
/// much is borrowed.
fn crowded() -> impl Strategy<Value = Province> {
    let tenant = (
        0_usize..100,
        prop::option::weighted(0.5, 0_u64..9),
        prop::option::weighted(0.2, 0_u64..9),
        prop::option::weighted(0.2, 0_u64..9),
        1_u32..4,
    );
    let tenant = tenant.prop_map(|(parent, nominal, borrowing, lending, weight)| Tenant {
        parent,
        quotas: vec![[nominal, borrowing, lending], [None; 3], [None; 3]],
        weight,
        running: None,
        pending: None,
        user_cards: None,
    });
    prop::collection::vec(tenant, 2..6).prop_map(|mut tenants| {
        tenants[0].quotas[0] = [Some(32), None, None];
        let node = |_| Node { pool: 0, cards: 64 };
        let nodes = (0..2).map(node).collect();
        Province {
            tenants,
            nodes,
            past_weight: Ratio::ZERO,
        }
    })
}

fn anywhere() -> impl Strategy<Value = Province> {
    prop_oneof![scenario::province(), crowded()]
}

/// A world that is told of every act, and what is known of it beside.
struct Run {
    world: World,
    purse: TestPurse,
    tenants: Vec<TenantSpec>,
    /// Pools and nodes, for the oracle.
    ground: Vec<Event>,
    now: i64,
    jobs: usize,
    open: BTreeMap<AttemptKey, Admission>,
    leaving: BTreeSet<AttemptKey>,
}

impl Run {
    fn new(province: &Province, delays: &[Option<u64>]) -> Self {
        let mut run = Self {
            world: World::new(),
            purse: TestPurse::default(),
            tenants: Vec::new(),
            ground: Vec::new(),
            now: 1000,
            jobs: 0,
            open: BTreeMap::new(),
            leaving: BTreeSet::new(),
        };
        for event in province.events() {
            let event = match event {
                Event::TenantSet(mut spec) => {
                    let delay = delays[run.tenants.len() % delays.len()];
                    spec.on_cut = delay.map_or(OnQuotaCut::Keep, |delay| OnQuotaCut::Reclaim {
                        delay: Seconds(delay),
                    });
                    run.tenants.push((*spec).clone());
                    Event::TenantSet(spec)
                }
                Event::ClassSet(mut class) => {
                    class.preemptible = class.name.as_str() != "mission";
                    Event::ClassSet(class)
                }
                ground => {
                    run.ground.push(ground.clone());
                    ground
                }
            };
            run.world.apply(Stamp::from_seconds(run.now), event);
        }
        run
    }

    fn act(&mut self, province: &Province, act: &Act) {
        let now = Stamp::from_seconds(self.now);
        match act {
            Act::Submit(job) => {
                let spec = job.spec(province, self.jobs);
                self.jobs += 1;
                self.world.apply(now, Event::JobSet(Box::new(spec)));
            }
            Act::Own(at, pool, nominal) => {
                let at = at % self.tenants.len();
                let spec = &mut self.tenants[at];
                spec.quotas[*pool].nominal = Some(MilliUnits::whole(*nominal));
                self.world
                    .apply(now, Event::TenantSet(Box::new(spec.clone())));
            }
            Act::End(at, finished) => {
                if let Some(key) = self.nth(*at) {
                    self.open.remove(&key);
                    self.leaving.remove(&key);
                    self.world.apply(
                        now,
                        Event::Ended {
                            key,
                            not_before: None,
                            finished: *finished,
                        },
                    );
                }
            }
            Act::Stop(at) => {
                if let Some(key) = self.nth(*at) {
                    self.leaving.insert(key.clone());
                    self.world.apply(now, Event::Stopping(key));
                }
            }
            Act::Wait(seconds) => self.now += i64::from(*seconds),
        }
    }

    fn nth(&self, at: usize) -> Option<AttemptKey> {
        let at = at.checked_rem(self.open.len())?;
        self.open.keys().nth(at).cloned()
    }

    /// Schedules to the end in steps of so many operations.
    fn schedule(&mut self, ops: u32) -> Plan {
        let mut whole = Plan::default();
        loop {
            let now = Stamp::from_seconds(self.now);
            let plan = self.world.schedule(now, ops, &mut self.purse);
            for admission in &plan.admissions {
                self.open.insert(admission.key.clone(), admission.clone());
            }
            whole.admissions.extend(plan.admissions);
            whole.stops.extend(plan.stops);
            if !plan.more {
                return whole;
            }
        }
    }

    /// Where tenants stand when these attempts are all that run.
    fn facts(&self, open: impl Iterator<Item = AttemptKey>) -> Facts {
        let mut world = World::new();
        let tenants = self.tenants.iter().cloned();
        let tenants = tenants.map(|spec| Event::TenantSet(Box::new(spec)));
        let admitted = open.map(|key| {
            let admission = self.open[&key].clone();
            let attempt = AdmittedAttempt {
                admission,
                bound: None,
            };
            Event::Admitted(Box::new(attempt))
        });
        for event in tenants.chain(self.ground.clone()).chain(admitted) {
            world.apply(Stamp(0), event);
        }
        world.schedule(Stamp(0), 0, &mut TestPurse::default());
        Facts(world.tenants())
    }

    /// The open attempts that are not on their way out.
    fn staying(&self) -> BTreeSet<AttemptKey> {
        let staying = self.open.keys().filter(|key| !self.leaving.contains(*key));
        staying.cloned().collect()
    }

    /// Who takes back in which pool, with the delay.
    fn takers(&self) -> impl Iterator<Item = (String, &'static str, i64)> {
        let takers = self.tenants.iter().filter_map(|spec| match spec.on_cut {
            OnQuotaCut::Reclaim { delay } => Some((spec.name.to_string(), delay.0)),
            OnQuotaCut::Keep => None,
        });
        takers.flat_map(|(name, delay)| {
            let delay = i64::try_from(delay).expect("small");
            POOLS.map(|pool| (name.clone(), pool, delay))
        })
    }

    /// Somebody of the pool who may be stopped for that tenant.
    fn legal(
        &self,
        facts: &Facts,
        staying: &BTreeSet<AttemptKey>,
        tenant: &str,
        pool: &str,
    ) -> Option<AttemptKey> {
        let mut staying = staying.iter().filter(|key| {
            let admission = &self.open[*key];
            admission.pool.as_str() == pool && facts.is_legal(admission, tenant)
        });
        staying.next().cloned()
    }
}

/// Where tenants stand; the oracle reads it with its own eyes.
struct Facts(Vec<TenantView>);

impl Facts {
    /// Nominal that counts, and use, in a pool.
    fn of(&self, tenant: &str, pool: &str) -> (i128, i128, i128) {
        let view = self.0.iter().find(|view| view.name.as_str() == tenant);
        let mut lines = view.expect("a tenant").pools.iter();
        let line = lines
            .find(|line| line.pool.as_str() == pool)
            .expect("a pool");
        let (nominal, used) = (line.effective.0, line.used.0);
        (i128::from(nominal), i128::from(used), line.available.0)
    }

    fn borrows(&self, tenant: &str, pool: &str) -> bool {
        let (nominal, used, _) = self.of(tenant, pool);
        used > nominal
    }

    /// Of what a tenant uses beside its children.
    fn own_leaf_borrows(&self, tenant: &str, pool: &str) -> bool {
        let (mut nominal, mut used, _) = self.of(tenant, pool);
        for child in self.0.iter().filter(|view| {
            let parent = view.parent.as_ref();
            parent.is_some_and(|parent| parent.as_str() == tenant)
        }) {
            let (of_child, by_child, _) = self.of(child.name.as_str(), pool);
            (nominal, used) = (nominal - of_child, used - by_child);
        }
        used > nominal
    }

    fn has_children(&self, tenant: &str) -> bool {
        let mut parents = self.0.iter().filter_map(|view| view.parent.as_ref());
        parents.any(|parent| parent.as_str() == tenant)
    }

    /// Q3: too much is in use, and it is the tenant's own doing.
    fn is_overdrawn(&self, tenant: &str, pool: &str) -> bool {
        let is_root = self
            .0
            .iter()
            .any(|view| view.name.as_str() == tenant && view.parent.is_none());
        self.of(tenant, pool).2 < 0 && (is_root || self.borrows(tenant, pool))
    }

    /// E2: below `top` and borrowing at each level there. A tenant with children has its
    /// own jobs on a leaf of its own (Q2).
    fn is_legal(&self, victim: &Admission, top: &str) -> bool {
        let pool = victim.pool.as_str();
        let path: Vec<&str> = victim.path.iter().map(|tenant| tenant.as_str()).collect();
        let Some(depth) = path.iter().position(|tenant| *tenant == top) else {
            return false;
        };
        let own = !self.has_children(path[0]) || self.own_leaf_borrows(path[0], pool);
        victim.preemptible
            && own
            && path[..depth]
                .iter()
                .all(|tenant| self.borrows(tenant, pool))
    }
}

fn cause(stop: &Stop) -> (String, String) {
    let StopCause::QuotaCut { tenant, pool } = &stop.cause;
    (tenant.to_string(), pool.to_string())
}

/// What must hold of the stops of one step, in the order in which they were named.
fn judge(run: &mut Run, stops: &[Stop]) -> Result<(), TestCaseError> {
    let mut at = 0;
    while at < stops.len() {
        let (tenant, pool) = cause(&stops[at]);
        let same = |stop: &&Stop| cause(stop) == (tenant.clone(), pool.clone());
        let group: Vec<&Stop> = stops[at..].iter().take_while(same).collect();
        at += group.len();
        for stop in &group {
            prop_assert!(run.leaving.insert(stop.key.clone()), "named twice");
        }
        let after = run.staying();
        for stop in &group {
            let spared = after.iter().cloned().chain([stop.key.clone()]);
            let facts = run.facts(spared);
            let victim = &run.open[&stop.key];
            prop_assert_eq!(victim.pool.as_str(), &pool);
            prop_assert!(
                facts.is_overdrawn(&tenant, &pool),
                "more than needed: {:?}",
                stop
            );
            prop_assert!(
                facts.is_legal(victim, &tenant),
                "within its own: {:?}",
                stop
            );
        }
    }
    Ok(())
}

/// Since when each that takes back is overdrawn in a pool, and since when that could be
/// helped, as far as it is still so.
#[derive(Default)]
struct Patience(BTreeMap<(String, &'static str), (i64, Option<i64>)>);

impl Patience {
    /// Something has happened, and nothing is decided yet.
    fn before(&mut self, run: &Run) {
        let staying = run.staying();
        let facts = run.facts(staying.iter().cloned());
        for (tenant, pool, _) in run.takers() {
            let key = (tenant.clone(), pool);
            if !facts.is_overdrawn(&tenant, pool) {
                self.0.remove(&key);
                continue;
            }
            let (_, helpable) = self.0.entry(key).or_insert((run.now, None));
            match run.legal(&facts, &staying, &tenant, pool) {
                Some(_) => drop(helpable.get_or_insert(run.now)),
                None => *helpable = None,
            }
        }
    }

    /// Nobody is stopped before the delay is over.
    fn judge(&self, run: &Run, stops: &[Stop]) -> Result<(), TestCaseError> {
        for stop in stops {
            let (tenant, pool) = cause(stop);
            let mut takers = run.takers();
            let taker = takers.find(|(name, at, _)| *name == tenant && *at == pool);
            let (tenant, pool, delay) = taker.expect("it takes back");
            let (since, _) = self.0[&(tenant, pool)];
            prop_assert!(run.now >= since + delay, "too early: {:?}", stop);
        }
        Ok(())
    }

    /// When it is over nobody is left who could be stopped while it is not enough.
    fn after(&mut self, run: &Run) -> Result<(), TestCaseError> {
        let staying = run.staying();
        let facts = run.facts(staying.iter().cloned());
        for (tenant, pool, delay) in run.takers() {
            let key = (tenant.clone(), pool);
            let Some((_, helpable)) = self.0.get_mut(&key) else {
                continue;
            };
            let left = run.legal(&facts, &staying, &tenant, pool);
            if !facts.is_overdrawn(&tenant, pool) {
                self.0.remove(&key);
            } else if left.is_none() {
                *helpable = None;
            } else if helpable.is_some_and(|since| run.now >= since + delay) {
                prop_assert_eq!(left, None, "{} is still over in {}", tenant, pool);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whoever is stopped is preemptible, borrows at each level below the tenant that
    /// takes back even with all the others gone, and is needed; nobody is stopped twice
    /// or before the delay is over; and when it is, whatever may be stopped is, until it
    /// is enough.
    #[test]
    fn a_cut_takes_back_what_is_borrowed_and_no_more(
        province in anywhere(),
        delays in prop::collection::vec(prop::option::of(0_u64..90), 1..4),
        acts in acts(),
    ) {
        let (mut run, mut patience) = (Run::new(&province, &delays), Patience::default());
        run.schedule(u32::MAX);
        for act in acts.iter().chain([&Act::Wait(100), &Act::Wait(100)]) {
            run.act(&province, act);
            patience.before(&run);
            let stops = run.schedule(u32::MAX).stops;
            patience.judge(&run, &stops)?;
            judge(&mut run, &stops)?;
            patience.after(&run)?;
        }
        // It comes to rest.
        prop_assert_eq!(run.schedule(u32::MAX), Plan::default());
    }

    /// However the work is cut into steps, the same attempts are stopped at the same time.
    #[test]
    fn steps_do_not_change_who_is_stopped(
        province in anywhere(),
        delays in prop::collection::vec(prop::option::of(0_u64..90), 1..4),
        acts in acts(),
        ops in 1_u32..6,
    ) {
        let (mut whole, mut pieces) = (Run::new(&province, &delays), Run::new(&province, &delays));
        for act in acts.iter().chain([&Act::Wait(100)]) {
            for run in [&mut whole, &mut pieces] {
                run.act(&province, act);
            }
            let (one, two) = (whole.schedule(u32::MAX), pieces.schedule(ops));
            prop_assert_eq!(one.stops, two.stops);
            prop_assert_eq!(one.admissions, two.admissions);
        }
    }
}
