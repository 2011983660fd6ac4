//! What holds in every world: decisions are those of the naive scheduler, counters are
//! what runs, and the same events give the same plans.

use std::{collections::BTreeMap, sync::Arc};

use edugrid_core::{AdmittedAttempt, Event, PastEvent, Plan, QueueFilter, World};
use edugrid_units::{Admission, JobUid, Reason, Seconds, Stamp, UserName};
use proptest::prelude::*;

use crate::{
    naive::Naive,
    scenario::{Job, Province, Step, job_name, province, steps},
    text::TestPurse,
};

/// The oracle is slow on purpose. `PROPTEST_CASES` does not reach past this.
const CASES: u32 = 64;
/// Of the averages: a second, so that after any number of them G is a power of two, and the
/// oracle needs no table.
const HALF_LIFE: Seconds = Seconds(1);
/// Half-lives in all, within what the journal is restated for.
const HALF_LIVES_MAX: u32 = 14;

/// The engine with a record of all that it was told and of all that it decided.
struct Record {
    world: World,
    purse: TestPurse,
    now: i64,
    waited: u32,
    /// What the journal says of who used and owned how much.
    journal: Vec<PastEvent>,
    calls: Vec<Call>,
    plans: Vec<Plan>,
    open: Vec<(usize, Admission)>,
    jobs: BTreeMap<usize, Job>,
}

#[derive(Clone)]
enum Call {
    Apply(Stamp, Event),
    Schedule(Stamp, u32),
}

impl Record {
    fn new(province: &Province) -> Self {
        let mut record = Self {
            world: World::new(),
            purse: TestPurse::default(),
            now: 1000,
            waited: 0,
            journal: Vec::new(),
            calls: Vec::new(),
            plans: Vec::new(),
            open: Vec::new(),
            jobs: BTreeMap::new(),
        };
        for event in province.events() {
            record.apply(event);
        }
        record.apply(Event::PastWeight(province.past_weight));
        record.journal(PastEvent::Rebased {
            at: Stamp(0),
            half_life: HALF_LIFE,
        });
        record
    }

    /// An entry is durable.
    fn journal(&mut self, event: PastEvent) {
        self.journal.push(event.clone());
        self.apply(Event::Past(Box::new(event)));
    }

    fn apply(&mut self, event: Event) {
        self.now += 1;
        self.calls.push(Call::Apply(Stamp(self.now), event.clone()));
        self.world.apply(Stamp(self.now), event);
    }

    /// Schedules until no work is left; returns what was admitted in all.
    fn schedule(&mut self, ops: u32) -> Vec<Admission> {
        let mut all = Vec::new();
        loop {
            let plan = self.nudge(ops);
            all.extend(plan.admissions);
            if !plan.more {
                return all;
            }
        }
    }

    /// One step.
    fn nudge(&mut self, ops: u32) -> Plan {
        self.now += 1;
        self.calls.push(Call::Schedule(Stamp(self.now), ops));
        let plan = self.world.schedule(Stamp(self.now), ops, &mut self.purse);
        self.plans.push(plan.clone());
        for admission in &plan.admissions {
            let at = number(&admission.key.job);
            self.open.push((at, admission.clone()));
        }
        for admission in plan.admissions.clone() {
            self.journal(PastEvent::Began {
                key: admission.key,
                path: admission.path,
                user: UserName::from(admission.submitter.as_str()),
                pool: admission.pool,
                billed: admission.billed,
                at: admission.at,
            });
        }
        if let Some(change) = self.world.unrecorded() {
            self.journal(PastEvent::Owned(change));
        }
        plan
    }

    /// Lets half-lives pass, unless too many have.
    fn wait(&mut self, half_lives: u32, naive: &mut Naive<'_>) {
        let half_lives = half_lives.min(HALF_LIVES_MAX - self.waited);
        self.waited += half_lives;
        let span = HALF_LIFE.nanos() * i64::from(half_lives);
        self.now += span;
        naive.wait(half_lives);
    }

    fn submit(&mut self, province: &Province, naive: &mut Naive<'_>, job: Job) {
        let at = self.jobs.len();
        self.apply(Event::JobSet(Box::new(job.spec(province, at))));
        self.jobs.insert(at, job.clone());
        naive.waiting.insert(at, job);
    }

    /// Does a step; returns what scheduling admitted.
    fn step(
        &mut self,
        province: &Province,
        naive: &mut Naive<'_>,
        step: &Step,
    ) -> Option<Vec<Admission>> {
        match step {
            Step::Submit(job) => {
                self.submit(province, naive, job.clone());
            }
            Step::Rush(job, count) => {
                for tenant in (0..province.tenants.len())
                    .cycle()
                    .take(count * province.tenants.len())
                {
                    let mut job = job.clone();
                    job.tenant = tenant;
                    self.submit(province, naive, job);
                }
            }
            Step::End(pick, finished) if !self.open.is_empty() => {
                let (at, admission) = self.open.remove(pick % self.open.len());
                self.journal(PastEvent::Ended {
                    key: admission.key.clone(),
                    at: Stamp(self.now),
                });
                self.apply(Event::Ended {
                    key: admission.key,
                    not_before: None,
                    finished: *finished,
                });
                naive.end(at);
                if !finished {
                    naive.waiting.insert(at, self.jobs[&at].clone());
                }
            }
            Step::Delete(pick) if !naive.waiting.is_empty() => {
                let at = *naive.waiting.keys().nth(pick % naive.waiting.len())?;
                self.apply(Event::JobGone(job_name(at).into()));
                naive.waiting.remove(&at);
            }
            Step::Flip(pick) => {
                let at = pick % province.nodes.len();
                let down = naive.down.entry(at).or_insert(false);
                *down = !*down;
                let ready = !*down;
                self.apply(province.node(at, ready));
            }
            Step::Schedule(ops) => return Some(self.schedule(*ops)),
            Step::Nudge(ops) => naive.follow(&self.nudge(*ops).admissions),
            Step::Wait(half_lives) => self.wait(*half_lives, naive),
            Step::End(..) | Step::Delete(_) => {}
        }
        None
    }
}

fn number(uid: &JobUid) -> usize {
    uid.as_str()[1..].parse().expect("j<at>")
}

fn names(admissions: &[Admission]) -> Vec<(String, String)> {
    let names = admissions
        .iter()
        .map(|admission| (admission.key.job.to_string(), admission.pool.to_string()));
    names.collect()
}

/// Q7: counters are what runs, on every path and in every pool.
fn conserved(world: &World, naive: &Naive<'_>) -> Result<(), TestCaseError> {
    let usages = naive.usages();
    for tenant in world.tenants() {
        for line in tenant.pools {
            let used = usages[&(tenant.name.to_string(), line.pool.to_string())];
            prop_assert_eq!(i128::from(line.used.0), used * 1000);
        }
    }
    let frees = naive.frees();
    for pool in world.pools() {
        prop_assert_eq!(pool.free.cards.0, frees[pool.name.as_str()] * 1000);
    }
    Ok(())
}

fn reasons(world: &World) -> BTreeMap<JobUid, Arc<Reason>> {
    let waiting = world.waiting();
    waiting
        .map(|(uid, reason)| (uid.clone(), reason.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    /// Admissions are those of a scheduler that sorts everything anew before each
    /// trial, in the same order; nodes are never overfilled; gangs go whole; usage is
    /// conserved; and every job that waits has a reason.
    #[test]
    fn decisions_are_those_of_the_naive_scheduler(province in province(), steps in steps()) {
        let (mut record, mut naive) = (Record::new(&province), Naive::new(&province));
        for step in steps.iter().chain([&Step::Schedule(u32::MAX)]) {
            if let Some(plan) = record.step(&province, &mut naive, step) {
                let expected = naive.round(&plan);
                prop_assert_eq!(names(&plan), expected);
                conserved(&record.world, &naive)?;
                let waiting: Vec<_> = naive.waiting.keys().map(|at| job_name(*at)).collect();
                let told: Vec<_> = reasons(&record.world).keys().map(ToString::to_string).collect();
                prop_assert_eq!(told, waiting);
            }
        }
    }

    /// N2: the same calls give the same plans, and reading in between is no call.
    #[test]
    fn the_same_events_give_the_same_plans(province in province(), steps in steps()) {
        let (mut record, mut naive) = (Record::new(&province), Naive::new(&province));
        for step in &steps {
            if let Some(plan) = record.step(&province, &mut naive, step) {
                naive.follow(&plan);
            }
        }
        let (mut world, mut purse) = (World::new(), TestPurse::default());
        let mut plans = Vec::new();
        for call in record.calls {
            match call {
                Call::Apply(now, event) => world.apply(now, event),
                Call::Schedule(now, ops) => plans.push(world.schedule(now, ops, &mut purse)),
            }
            drop((world.tenants(), world.pools(), world.queue(&QueueFilter::default())));
            drop(world.explain(&job_name(0).into()));
        }
        prop_assert_eq!(plans, record.plans);
        prop_assert_eq!(purse.held, record.purse.held);
        prop_assert_eq!(reasons(&world), reasons(&record.world));
    }

    /// A2: a world built anew from objects and open admissions, told in any order,
    /// stands where the old one stands, and says the same of every job.
    #[test]
    fn a_restart_changes_nothing(
        province in province(),
        steps in steps(),
        seed in any::<prop::sample::Index>(),
        later in steps(),
    ) {
        let (mut record, mut naive) = (Record::new(&province), Naive::new(&province));
        for step in steps.iter().chain([&Step::Schedule(u32::MAX)]) {
            if let Some(plan) = record.step(&province, &mut naive, step) {
                naive.round(&plan);
            }
        }
        let mut events = province.events();
        for (at, down) in &naive.down {
            events.push(province.node(*at, !down));
        }
        let open = record.open.iter().map(|(at, admission)| (*at, admission.key.attempt));
        let attempts: BTreeMap<usize, u32> = open.collect();
        let known = naive.waiting.keys().chain(attempts.keys());
        for at in known {
            let mut spec = record.jobs[at].spec(&province, *at);
            spec.next_attempt = attempts.get(at).map_or(7, |attempt| attempt + 1);
            events.push(Event::JobSet(Box::new(spec)));
        }
        for (_, admission) in &record.open {
            let admission = admission.clone();
            let attempt = AdmittedAttempt { admission, bound: None };
            events.push(Event::Admitted(Box::new(attempt)));
        }
        // Node events must keep their order (up, then down); all else may be cut anywhere.
        let cut = seed.index(events.len());
        let (nodes, mut others): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| matches!(event, Event::NodeSet(_)));
        let cut = cut.min(others.len());
        others.rotate_left(cut);
        let past_weight = province.past_weight;
        let nothing = Province { tenants: Vec::new(), nodes: Vec::new(), past_weight };
        let mut again = Record::new(&nothing);
        (again.now, again.waited) = (record.now, record.waited);
        for event in record.journal.iter().skip(1) {
            again.journal(event.clone());
        }
        for event in others.into_iter().chain(nodes) {
            again.apply(event);
        }
        again.open.clone_from(&record.open);
        again.jobs.clone_from(&record.jobs);
        prop_assert_eq!(names(&again.schedule(u32::MAX)), vec![]);
        prop_assert_eq!(again.world.tenants(), record.world.tenants());
        prop_assert_eq!(again.world.pools(), record.world.pools());
        prop_assert_eq!(reasons(&again.world), reasons(&record.world));
        // And it goes on alike.
        let mut twin = Naive::new(&province);
        twin.waiting.clone_from(&naive.waiting);
        twin.down.clone_from(&naive.down);
        again.now = again.now.max(record.now);
        record.now = again.now;
        for step in &later {
            // How many operations a decision takes is not part of it: each step is
            // finished, in whatever pieces.
            let finished = match step {
                Step::Nudge(ops) => Step::Schedule(ops.saturating_add(1)),
                other => other.clone(),
            };
            let step = &finished;
            let one = record.step(&province, &mut naive, step);
            let two = again.step(&province, &mut twin, step);
            prop_assert_eq!(one.as_deref().map(names), two.as_deref().map(names));
            for at in one.iter().flatten().map(|admission| number(&admission.key.job)) {
                naive.waiting.remove(&at);
                twin.waiting.remove(&at);
            }
        }
    }
}
