//! One run: everything that happens, in an order that the seed chooses.
//!
//! A step is one of: a task of an operator runs to its next `await`; a request or an answer
//! arrives; a watch tells a change; or, when none of these is left for now, time goes on, and
//! with it controllers, people and faults. After every step the [`Audit`] looks.

mod end;
mod questions;
mod traffic;
mod wrong;

use std::{collections::BTreeMap, path::Path, time::Duration};

use edugrid_scheduler::compaction::Thresholds;

use crate::{
    api::{Key, Rules, Store},
    audit::{Audit, Sums},
    faults::{Fault, Faults},
    hands::Hands,
    kubernetes::Kubernetes,
    machine::{Given, Machine, Program},
    network::{Flight, Peer, Watch},
    random::Random,
    trace::Trace,
    world::Users,
};

/// 2026-03-02 08:00 in Shanghai, in milliseconds.
const BEGINNING: u64 = 1_772_409_600_000;
/// How long things go wrong.
const CHAOS_MILLIS: u64 = 60_000;
/// How long all may take to come to rest after it: what was not started is told after 300 s.
const REST_MILLIS: u64 = 900_000;
/// Longest stretch in which nothing is looked at.
const STRETCH_MILLIS: u64 = 250;

/// Machines of operators; they come first.
const OPERATORS: usize = 2;
/// The machine of the archiver, and its disk: the archive.
const ARCHIVER: &str = "archiver";

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the API server protects.
    pub rules: Rules,
    /// Whether everything that happens is written down.
    pub told: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What must never be, and was.
    pub faults: Vec<String>,
    /// Steps.
    pub steps: u64,
    /// Simulated time.
    pub lasted: Duration,
    /// How often each fault struck.
    pub struck: BTreeMap<Fault, u64>,
    /// How much happened.
    pub sums: Sums,
    /// A number that differs where anything happened otherwise.
    pub fingerprint: u64,
    /// What happened, if it was to be told.
    pub trace: Vec<String>,
}

/// Runs a seed.
///
/// # Errors
/// If the machine that simulates fails: no directory, no runtime.
pub fn run(seed: u64, options: Options, shipped: &serde_json::Value) -> std::io::Result<Outcome> {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)?
    } else {
        tempfile::tempdir()?
    };
    // kube's watches pause for random times after an error; so that they do so alike.
    fastrand::seed(seed);
    let mut simulation = Simulation::new(seed, options, directory.path(), shipped);
    let faults = simulation.live();
    let views = simulation.end();
    let mut all = faults?;
    all.extend(views?);
    Ok(Outcome {
        seed,
        faults: all,
        steps: simulation.steps,
        lasted: Duration::from_millis(simulation.now - BEGINNING),
        struck: simulation.faults.seen.clone(),
        sums: simulation.audit.sums(),
        fingerprint: simulation.trace.fingerprint(),
        trace: simulation.trace.lines(),
    })
}

struct Simulation {
    random: Random,
    rules: Rules,
    store: Store,
    told_until: u64,
    kubernetes: Kubernetes,
    users: Users,
    hands: Hands,
    audit: Audit,
    machines: Vec<Machine>,
    /// Whether operators may read the archive.
    reads_archive: bool,
    /// When a machine that is down is started again.
    starts: Vec<u64>,
    /// Disks on which something was broken since they were last seen whole.
    broken: Vec<bool>,
    flights: Vec<Flight>,
    watches: Vec<Watch>,
    /// Who wrote the journal's last segment.
    writer: Option<Peer>,
    faults: Faults,
    trace: Trace,
    now: u64,
    next_pass: u64,
    next_act: u64,
    next_question: u64,
    unreachable_until: u64,
    silent_until: u64,
    taken: Option<(u64, Key, serde_json::Value)>,
    steps: u64,
}

impl Simulation {
    fn new(seed: u64, options: Options, directory: &Path, shipped: &serde_json::Value) -> Self {
        let mut random = Random::new(seed);
        let mut store = Store::new(random.part());
        store.now_seconds = i64::try_from(BEGINNING / 1000).unwrap_or(0);
        let users = Users::new(&mut store, random.part(), shipped);
        let given = Given {
            lease: Duration::from_secs(random.between(2, 8)),
            clock_factor: 1,
            // In half of the runs the books are written down whole, now and then.
            thresholds: Thresholds {
                segments: if random.per_mille(500) {
                    random.between(2, 25)
                } else {
                    u64::MAX
                },
                bytes: u64::MAX,
            },
        };
        // The archiver takes away what snapshots cover, so it runs where there are some; an
        // operator may read what it keeps, or not.
        let has_archiver = given.thresholds.segments != u64::MAX && random.per_mille(800);
        let archive = has_archiver.then(|| directory.join(ARCHIVER));
        let readable = archive.clone().filter(|_| random.per_mille(500));
        let operators =
            ["one", "two"].map(|name| (name, Program::Operator(given, readable.clone())));
        let archiver = Program::Archiver {
            pause: Duration::from_millis(random.between(500, 6000)),
            stay: random.between(1, 20),
        };
        let machines: Vec<Machine> = operators
            .into_iter()
            .chain(has_archiver.then_some((ARCHIVER, archiver)))
            .map(|(name, program)| Machine::new(name, directory, random.part(), program))
            .collect();
        let starts = machines
            .iter()
            .map(|_| BEGINNING + random.below(3000))
            .collect();
        Self {
            rules: options.rules,
            told_until: store.revision(),
            store,
            kubernetes: Kubernetes::new(random.part()),
            hands: Hands::new(random.part()),
            audit: Audit::new(users.limits(), archive),
            users,
            broken: machines.iter().map(|_| false).collect(),
            machines,
            reads_archive: readable.is_some(),
            starts,
            flights: Vec::new(),
            watches: Vec::new(),
            writer: None,
            faults: Faults::new(&mut random),
            trace: Trace::new(options.told),
            now: BEGINNING,
            next_pass: BEGINNING,
            next_act: BEGINNING + 500,
            next_question: BEGINNING,
            unreachable_until: 0,
            silent_until: 0,
            taken: None,
            steps: 0,
            random,
        }
    }

    /// Until all has come to rest, or something must not be.
    fn live(&mut self) -> std::io::Result<Vec<String>> {
        let chaos_ends = BEGINNING + CHAOS_MILLIS;
        let mut next_look = chaos_ends;
        loop {
            self.steps += 1;
            if !self.happen()? {
                self.pass_time()?;
            }
            if !self.audit.faults.is_empty() {
                return Ok(std::mem::take(&mut self.audit.faults));
            }
            if self.now >= chaos_ends && !self.faults.over {
                self.calm();
            }
            if self.faults.over && self.now >= next_look {
                next_look = self.now + 1000;
                let mut unrest = self.unrest();
                if unrest.is_empty() {
                    match self.statements() {
                        Some(faults) if faults.is_empty() => return Ok(faults),
                        // What is durable may still be on its way to whoever wrote it.
                        Some(faults) => unrest.extend(faults),
                        None => unrest.push("the leader answers nobody".to_owned()),
                    }
                }
                if self.now > chaos_ends + REST_MILLIS {
                    return Ok(self.stuck(unrest));
                }
            }
        }
    }

    /// One of the things that are due. False: there is nothing left for now.
    fn happen(&mut self) -> std::io::Result<bool> {
        let now = self.now;
        let runnable = (0..self.machines.len()).filter(|index| self.machines[*index].is_runnable());
        let arriving = (0..self.flights.len()).filter(|index| self.flights[*index].due <= now);
        let telling = (0..self.watches.len())
            .filter(|index| self.watches[*index].due <= now && self.watches[*index].has_news());
        let ready: Vec<(u8, usize)> = runnable
            .map(|index| (0, index))
            .chain(arriving.map(|index| (1, index)))
            .chain(telling.map(|index| (2, index)))
            .collect();
        let Some((what, index)) = self.random.pick(&ready).copied() else {
            return Ok(false);
        };
        match what {
            0 => self.poll(index),
            1 => self.arrive(index),
            _ => self.tell(index),
        }
        self.fan_out();
        Ok(true)
    }

    /// A task of a process runs to its next `await`.
    fn poll(&mut self, index: usize) {
        let peer = self.peer(index);
        // Several polls at once are one process that isn't interrupted; a step is cheap.
        if let Some(words) = self.machines[index].step(self.now) {
            self.trace.note(self.now, || {
                format!("{}: ended: {words}", self.machines[index].name())
            });
            self.hang_up(peer);
            self.starts[index] = self.now + self.random.between(100, 3000);
        }
        for sent in self.machines[index].sent() {
            self.send(peer, sent);
        }
    }

    fn peer(&self, index: usize) -> Peer {
        Peer {
            machine: index,
            life: self.machines[index].lives,
        }
    }

    /// Nothing is due: time goes on to what comes next.
    fn pass_time(&mut self) -> std::io::Result<()> {
        let stretch = self.random.between(5, STRETCH_MILLIS);
        let flights = self.flights.iter().map(|flight| flight.due);
        let watches = self
            .watches
            .iter()
            .filter(|watch| watch.has_news())
            .map(|watch| watch.due);
        let coming =
            flights
                .chain(watches)
                .chain([self.next_pass, self.next_act, self.next_question]);
        let next = coming
            .filter(|due| *due > self.now)
            .min()
            .unwrap_or(u64::MAX);
        let passed = next.min(self.now + stretch) - self.now;
        self.now += passed;
        self.store.now_seconds = i64::try_from(self.now / 1000).unwrap_or(0);
        for machine in &mut self.machines {
            machine.pass(passed, self.now);
        }
        self.close_watches();
        if self.now >= self.next_pass {
            self.next_pass = self.now + self.random.between(50, 400);
            self.kubernetes.pass(&mut self.store, self.now);
        }
        if self.now >= self.next_act && !self.faults.over {
            self.next_act = self.now + self.random.between(300, 3500);
            let what = self.users.act(&mut self.store);
            self.trace.note(self.now, || format!("somebody: {what}"));
        }
        if self.now >= self.next_question {
            self.next_question = self.now + self.random.between(50, 2000);
            self.ask_somebody();
        }
        self.start_machines()?;
        self.go_wrong()?;
        self.fan_out();
        Ok(())
    }

    fn start_machines(&mut self) -> std::io::Result<()> {
        for (machine, start) in self.machines.iter_mut().zip(&self.starts) {
            if !machine.is_up() && self.now >= *start {
                self.trace
                    .note(self.now, || format!("{}: started", machine.name()));
                machine.start(self.now)?;
            }
        }
        Ok(())
    }

    /// No fault any more; what was taken comes back, what was held goes on.
    fn calm(&mut self) {
        self.faults.over = true;
        self.unreachable_until = 0;
        self.silent_until = 0;
        self.give_back_policy();
        self.kubernetes.silent.clear();
        self.users.let_go(&mut self.store);
        for machine in &mut self.machines {
            machine.disk_full = false;
            machine.skew_millis = 0;
            if machine.frozen_until.is_some() {
                machine.frozen_until = Some(self.now);
            }
        }
        self.trace.note(self.now, || "no more faults".to_owned());
    }
}
