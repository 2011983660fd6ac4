//! Text worlds: a line per event, words of `key=value` after the name. Each `schedule`
//! line, and the end, prints who is stopped, what was admitted and why the others wait.
//!
//! ```text
//! tenant a parent=root quota=a100:8 weight=2     quota=pool:nominal|percent%[/borrowing[/lending]], - for none
//! pool a100 card=gpu owner=root cpu=12 mem=120    a card pool selects nodes labelled pool=<name>
//! node n1 pool=a100 cards=8 cpu=96 mem=960        memory in GiB
//! class mission tier=Mission priority=1           lasting: not preemptible
//! tenant d reclaim=10m                            takes back after a cut; stopping j: j is on its way out
//! job j tenant=a gang=worker:4x8 pools=a100       gang=role:replicas×cards[/cores[/GiB]], +more roles
//! tenant b running=2 cards=8 user-pending=3       limits of the tenant, and of each user
//! tenant c classes=standard,exam@group:office     a class for some people only
//! unpaid j no-price                               what the books say of a job, other than too little money
//! past half-life=1h weight=1/2                    the past counts from here on
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use edugrid_core::{
    AdmittedAttempt, Bundle, ClassSpec, ClassSubject, Counts, DataClass, Devices, Event, JobSpec,
    JobType, LedgerState, NodeResources, NodeSpec, OnQuotaCut, PastEvent, PoolSpec, QuotaSpec,
    Request, RoleSpec, StopCause, Taint, TaintEffect, TenantLimits, TenantSpec, World,
};
use edugrid_units::{
    Admission, AttemptKey, ClassName, ComputeKind, HoldAsk, JobUid, MicroYuan, MilliUnits, Purse,
    Ratio, Reason, ReasonCode, RolePlacement, Seconds, Shortage, Stamp, Subject, TenantName, Tier,
};

/// A world with the purse and the clock that its text drives.
pub struct Play {
    pub world: World,
    pub purse: TestPurse,
    pub now: i64,
    /// Objects are as old as the line that made them.
    line: i64,
    ops: u32,
    open: BTreeMap<JobUid, Admission>,
    /// The journal tells who used how much.
    recalls: bool,
    output: String,
}

/// Pays for everybody but those named poor, and jobs that are refused something else.
#[derive(Default)]
pub struct TestPurse {
    poor: BTreeSet<TenantName>,
    unpaid: BTreeMap<JobUid, Shortage>,
    pub held: Vec<AttemptKey>,
}

impl Purse for TestPurse {
    fn try_hold(&mut self, _: Stamp, ask: &HoldAsk<'_>) -> Result<MicroYuan, Shortage> {
        let tenant = ask.admission.tenant().expect("an admission has a tenant");
        if self.poor.contains(tenant) && !ask.own_pool {
            return Err(Shortage::InsufficientFunds {
                needed: MicroYuan(384_000_000),
                vouchers: MicroYuan(100_000_000),
                own: MicroYuan(4_000_000),
            });
        }
        if let Some(shortage) = self.unpaid.get(&ask.admission.key.job) {
            return Err(shortage.clone());
        }
        self.held.push(ask.admission.key.clone());
        Ok(MicroYuan(0))
    }

    fn undo(&mut self, key: &AttemptKey) -> bool {
        let last = self.held.last() == Some(key);
        if last {
            self.held.pop();
        }
        last
    }
}

/// Plays a text and returns what it printed.
pub fn play(text: &str) -> String {
    let mut play = Play::new();
    for line in text.lines() {
        play.line(line);
    }
    play.output
}

/// The words of a line after its name.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let mut values = self.0.iter().filter_map(|word| {
            let (name, value) = word.split_once('=')?;
            (name == key).then_some(value)
        });
        values.next()
    }

    fn all(&self, key: &str) -> Vec<&'a str> {
        let values = self.0.iter().filter_map(|word| {
            let (name, value) = word.split_once('=')?;
            (name == key).then_some(value)
        });
        values.collect()
    }

    fn has(&self, flag: &str) -> bool {
        self.0.contains(&flag)
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        let value = self.get(key)?;
        Some(value.parse().unwrap_or_else(|_| panic!("{key}={value}")))
    }

    fn list(&self, key: &str) -> Vec<&'a str> {
        self.get(key)
            .map_or(Vec::new(), |list| list.split(',').collect())
    }
}

impl Play {
    pub fn new() -> Self {
        let mut play = Self {
            world: World::new(),
            purse: TestPurse::default(),
            now: 1000,
            line: 0,
            ops: u32::MAX,
            open: BTreeMap::new(),
            recalls: false,
            output: String::new(),
        };
        play.line("class standard");
        play
    }

    pub fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let Some(verb) = words.next() else { return };
        let name = words.next().unwrap_or_default();
        let words = Words(words.collect());
        self.line += 1;
        match verb {
            "tenant" => self.apply(Event::TenantSet(Box::new(self.tenant(name, &words)))),
            "pool" => self.apply(Event::PoolSet(Box::new(self.pool(name, &words)))),
            "node" => self.apply(Event::NodeSet(Box::new(node(name, &words)))),
            "class" => self.apply(Event::ClassSet(Box::new(class(name, &words)))),
            "job" => self.apply(Event::JobSet(Box::new(self.job(name, &words)))),
            "foreign" => self.apply(Event::ForeignUse {
                node: name.into(),
                used: node(name, &words).allocatable,
            }),
            "poor" => drop(self.purse.poor.insert(name.into())),
            "unpaid" => drop(self.purse.unpaid.insert(name.into(), shortage(&words))),
            "rich" => {
                self.purse.poor.remove(name);
                if !words.has("quietly") {
                    self.apply(Event::MoneyChanged);
                }
            }
            "gone" => self.gone(name, &words),
            "end" => self.end(name, &words),
            "stopping" => {
                let key = self.open.get(name).expect("an open admission").key.clone();
                self.apply(Event::Stopping(key));
            }
            "replay" => self.replay(name, &words),
            "bound" => self.bound(name, &words),
            "ledger" => self.apply(Event::Ledger(match name {
                "ready" => LedgerState::Ready,
                "rewound" => LedgerState::Rewound,
                _ => LedgerState::Unavailable("a test".to_owned()),
            })),
            "ops" => self.ops = name.parse().expect("ops"),
            "past" => self.past(name, &words),
            "wait" => self.now += name.parse::<i64>().expect("seconds"),
            "schedule" => self.schedule(),
            other => panic!("no such line: {other}"),
        }
    }

    pub fn apply(&mut self, event: Event) {
        self.world.apply(self.stamp(), event);
    }

    pub fn stamp(&self) -> Stamp {
        Stamp::from_seconds(self.now)
    }

    /// The books tell something of who used and owned how much.
    pub fn recall(&mut self, event: PastEvent) {
        if self.recalls {
            self.apply(Event::Past(Box::new(event)));
        }
    }

    /// `past half-life=1h weight=1/2`.
    fn past(&mut self, half_life: &str, words: &Words<'_>) {
        self.recalls = true;
        let (_, half_life) = half_life.split_once('=').expect("half-life=span");
        let (num, den) = words
            .get("weight")
            .expect("weight")
            .split_once('/')
            .expect("a/b");
        let number = |text: &str| text.parse().expect("a number");
        let weight = Ratio::new(number(num), number(den)).expect("not by zero");
        self.apply(Event::PastWeight(weight));
        self.recall(PastEvent::Rebased {
            at: self.stamp(),
            half_life: span(half_life),
        });
    }

    /// One step of so many operations; whether work is left.
    pub fn step(&mut self, ops: u32) -> bool {
        let plan = self.world.schedule(self.stamp(), ops, &mut self.purse);
        for stop in plan.stops {
            let StopCause::QuotaCut { tenant, pool } = stop.cause;
            let job = stop.key.job;
            self.output
                .push_str(&format!("! {job} for {tenant} in {pool}\n"));
        }
        for admission in plan.admissions {
            self.output
                .push_str(&format!("+ {}\n", admitted(&admission)));
            self.recall(PastEvent::Began {
                key: admission.key.clone(),
                path: admission.path.clone(),
                user: admission.submitter.as_str().into(),
                pool: admission.pool.clone(),
                billed: admission.billed,
                at: admission.at,
            });
            self.open.insert(admission.key.job.clone(), admission);
        }
        if let Some(change) = self.world.unrecorded() {
            self.recall(PastEvent::Owned(change));
        }
        plan.more
    }

    fn schedule(&mut self) {
        while self.step(self.ops) {
            self.output.push_str("  …\n");
        }
        for (uid, reason) in self.world.waiting() {
            let code = reason.code;
            let until = reason.until.map(|at| format!(" until {}", at.seconds()));
            let until = until.unwrap_or_default();
            self.output
                .push_str(&format!("- {uid} {code}{until}: {reason}\n"));
        }
    }

    fn tenant(&self, name: &str, words: &Words<'_>) -> TenantSpec {
        let quotas = words.all("quota").into_iter().map(|quota| {
            let (pool, numbers) = quota.split_once(':').expect("pool:numbers");
            let share = numbers
                .split('/')
                .next()
                .and_then(|own| own.strip_suffix('%'));
            let mut numbers = numbers.split('/').map(|number| match number {
                "-" => None,
                share if share.ends_with('%') => None,
                number => Some(MilliUnits::whole(number.parse().expect("units"))),
            });
            QuotaSpec {
                pool: pool.into(),
                share: share.map(|percent| percent.parse().expect("percent")),
                nominal: numbers.next().flatten(),
                borrowing_limit: numbers.next().flatten(),
                lending_limit: numbers.next().flatten(),
            }
        });
        TenantSpec {
            name: name.into(),
            uid: words.get("uid").unwrap_or(name).into(),
            created: Stamp::from_seconds(words.number("created").unwrap_or(self.line)),
            parent: words.get("parent").map(Into::into),
            quotas: quotas.collect(),
            weight: words.number("weight").unwrap_or(1),
            limits: TenantLimits {
                running_jobs: words.number("running"),
                pending_jobs: words.number("pending"),
                cards: words.number("cards").map(MilliUnits::whole),
                cards_per_job: words.number("cards-per-job").map(MilliUnits::whole),
                walltime: words.get("walltime").map(span),
            },
            user_limits: TenantLimits {
                running_jobs: words.number("user-running"),
                pending_jobs: words.number("user-pending"),
                cards: words.number("user-cards").map(MilliUnits::whole),
                cards_per_job: words.number("user-cards-per-job").map(MilliUnits::whole),
                walltime: words.get("user-walltime").map(span),
            },
            classes: words
                .get("classes")
                .map(|list| list.split(',').map(class_for).collect()),
            stopped: words.has("stopped"),
            on_cut: words
                .get("reclaim")
                .map_or(OnQuotaCut::Keep, |delay| OnQuotaCut::Reclaim {
                    delay: span(delay),
                }),
        }
    }

    fn pool(&self, name: &str, words: &Words<'_>) -> PoolSpec {
        let factor = words.get("factor").map_or(Ratio::ONE, |text| {
            let (num, den) = text.split_once('/').expect("num/den");
            Ratio::new(num.parse().expect("num"), den.parse().expect("den")).expect("ratio")
        });
        let (key, value) = words.get("nodes").map_or(("pool", name), |label| {
            label.split_once(':').expect("key:value")
        });
        PoolSpec {
            name: name.into(),
            created: Stamp::from_seconds(words.number("created").unwrap_or(self.line)),
            kind: match words.get("kind") {
                Some("general") => ComputeKind::General,
                Some("super") => ComputeKind::Super,
                _ => ComputeKind::Intelligent,
            },
            owner: words.get("owner").unwrap_or("root").into(),
            node_selector: BTreeMap::from([(key.into(), value.into())]),
            counts: match words.get("card") {
                Some(device) => Counts::Card(device.into()),
                None => Counts::Core,
            },
            bundle: Bundle {
                cpu_milli: words.number("cpu").map(|cores: u64| cores * 1000),
                memory_mebibytes: words.number("mem").map(|gib: u64| gib * 1024),
            },
            standard_factor: factor,
            max_data_class: match words.get("data") {
                Some("core") => DataClass::Core,
                Some("important") => DataClass::Important,
                _ => DataClass::General,
            },
            retired: words.has("retired"),
        }
    }

    fn job(&self, name: &str, words: &Words<'_>) -> JobSpec {
        let selector = words.get("select").map(|label| {
            let (key, value) = label.split_once(':').expect("key:value");
            (key.to_owned(), value.to_owned())
        });
        let roles = words.get("gang").unwrap_or("main:1x1").split('+');
        let roles = roles.map(|role| {
            let (role, size) = role.split_once(':').expect("role:size");
            let (replicas, size) = size.split_once('x').expect("replicas x size");
            let mut amounts = size.split('/');
            let cards = amounts.next().expect("cards");
            let mut next = || amounts.next().map_or(0, |n| n.parse::<u64>().expect("n"));
            RoleSpec {
                name: role.into(),
                replicas: replicas.parse().expect("replicas"),
                request: Request {
                    devices: devices(cards, words.get("device")),
                    cpu_milli: next() * 1000,
                    memory_mebibytes: next() * 1024,
                },
                node_selector: selector.clone().into_iter().collect(),
                tolerations: Vec::new(),
            }
        });
        let at = words.number("at").unwrap_or(self.now);
        JobSpec {
            uid: name.into(),
            namespace: words.get("tenant").unwrap_or("root").into(),
            name: name.into(),
            generation: 1,
            created: Stamp::from_seconds(at),
            tenant: words.get("tenant").unwrap_or("root").into(),
            submitter: words.get("user").unwrap_or("li").into(),
            groups: Arc::new(words.list("groups").into_iter().map(Into::into).collect()),
            class: words.get("class").map(Into::into),
            job_type: JobType::Training,
            walltime: words.get("walltime").map(span),
            roles: roles.collect(),
            pools: words.list("pools").into_iter().map(Into::into).collect(),
            vouchers: Vec::new(),
            max_cost: None,
            data_class: match words.get("data") {
                Some("core") => DataClass::Core,
                Some("important") => DataClass::Important,
                _ => DataClass::General,
            },
            grace: Some(Seconds(30)),
            held: words.has("held"),
            not_before: words.number("not-before").map(Stamp::from_seconds),
            released: None,
            blocked: words.has("refused").then(|| {
                let reason = Reason::new(ReasonCode::TemplateRefused);
                let reason = reason.about(Subject::Words("spec.containers is required".to_owned()));
                match words.number("until") {
                    Some(until) => reason.until(Stamp::from_seconds(until)),
                    None => reason,
                }
            }),
            next_attempt: words.number("attempt").unwrap_or(1),
        }
    }

    fn gone(&mut self, kind: &str, words: &Words<'_>) {
        let name = *words.0.first().expect("gone kind name");
        self.apply(match kind {
            "tenant" => Event::TenantGone(name.into()),
            "pool" => Event::PoolGone(name.into()),
            "class" => Event::ClassGone(name.into()),
            "node" => Event::NodeGone(name.into()),
            _ => Event::JobGone(name.into()),
        });
    }

    fn end(&mut self, name: &str, words: &Words<'_>) {
        let admission = self.open.remove(name).expect("an open admission");
        let not_before = words.number("back-off").map(Stamp::from_seconds);
        self.recall(PastEvent::Ended {
            key: admission.key.clone(),
            at: self.stamp(),
        });
        self.apply(Event::Ended {
            key: admission.key,
            not_before,
            finished: !words.has("again"),
        });
    }

    /// `replay j path=lab,a,root pool=a100 billed=8 nodes=n1:1 each=8`: an open `Admit`.
    fn replay(&mut self, name: &str, words: &Words<'_>) {
        let admission = Admission {
            key: AttemptKey {
                job: name.into(),
                task: 0,
                attempt: words.number("attempt").unwrap_or(1),
            },
            namespace: "lab".into(),
            name: name.into(),
            generation: 1,
            path: words.list("path").into_iter().map(Into::into).collect(),
            submitter: words.get("user").unwrap_or("li").into(),
            class: "standard".into(),
            tier: Tier::Standard,
            preemptible: true,
            pool: words.get("pool").expect("pool").into(),
            billed: MilliUnits::whole(words.number("billed").expect("billed")),
            walltime: Seconds(3600),
            grace: Seconds(30),
            eligible: Stamp::from_seconds(words.number("eligible").unwrap_or(1)),
            placement: placement(words),
            at: Stamp::from_seconds(2),
        };
        self.open.insert(name.into(), admission.clone());
        self.apply(Event::Admitted(Box::new(AdmittedAttempt {
            admission,
            bound: None,
        })));
    }

    fn bound(&mut self, name: &str, words: &Words<'_>) {
        let key = self.open.get(name).expect("an open admission").key.clone();
        let placement = placement(words);
        self.apply(Event::Bound { key, placement });
    }
}

/// What else than money can be short.
fn shortage(words: &Words<'_>) -> Shortage {
    match *words.0.first().expect("unpaid j why") {
        "no-price" => Shortage::NoPrice {
            pool: "p".into(),
            tier: "standard".into(),
        },
        "max-cost" => Shortage::AboveMaxCost {
            needed: MicroYuan(9_000_000),
            limit: MicroYuan(5_000_000),
        },
        "unknown-voucher" => Shortage::UnknownVoucher("lost".into()),
        "barred-voucher" => Shortage::VoucherNotAllowed {
            voucher: "theirs".into(),
            why: "holder",
        },
        _ => Shortage::Refused("decided before".into()),
    }
}

/// `nodes=n1:2,n2:1 each=8`: one role.
fn placement(words: &Words<'_>) -> Vec<RolePlacement> {
    let nodes = words.list("nodes").into_iter().map(|node| {
        let (node, count) = node.split_once(':').expect("node:count");
        (node.into(), count.parse().expect("count"))
    });
    vec![RolePlacement {
        role: "main".into(),
        request: edugrid_units::Resources {
            cards: MilliUnits::whole(words.number("each").unwrap_or(1)),
            cpu_milli: 0,
            memory_mebibytes: 0,
        },
        nodes: nodes.collect(),
    }]
}

fn node(name: &str, words: &Words<'_>) -> NodeSpec {
    let cards = words.number("cards").map(MilliUnits::whole);
    let device = words.get("device").unwrap_or("gpu");
    let mut labels: BTreeMap<String, String> = words
        .get("pool")
        .map(|pool| ("pool".to_owned(), pool.to_owned()))
        .into_iter()
        .collect();
    for label in words.all("label") {
        let (key, value) = label.split_once(':').expect("key:value");
        labels.insert(key.into(), value.into());
    }
    NodeSpec {
        name: name.into(),
        labels,
        allocatable: NodeResources {
            cpu_milli: words.number::<u64>("cpu").unwrap_or(0) * 1000,
            memory_mebibytes: words.number::<u64>("mem").unwrap_or(0) * 1024,
            devices: cards
                .map(|cards| (device.to_owned(), cards))
                .into_iter()
                .collect(),
        },
        ready: !words.has("notready"),
        unschedulable: words.has("cordoned"),
        taints: words
            .get("taint")
            .map(|key| Taint {
                key: key.into(),
                value: String::new(),
                effect: TaintEffect::NoSchedule,
            })
            .into_iter()
            .collect(),
    }
}

fn class(name: &str, words: &Words<'_>) -> ClassSpec {
    ClassSpec {
        name: name.into(),
        tier: words
            .get("tier")
            .map_or(Tier::Standard, |tier| Tier::from_word(tier).expect("tier")),
        priority: words.number("priority").unwrap_or(0),
        preemptible: !words.has("lasting"),
        default_walltime: words.get("default").map_or(Seconds(4 * 3600), span),
        max_walltime: words.get("max").map_or(Seconds(72 * 3600), span),
        notice: Seconds(120),
        price_tier: "standard".into(),
        retired: words.has("retired"),
    }
}

/// `standard`, or `exam@user:li@group:office` for some people only.
fn class_for(text: &str) -> (ClassName, BTreeSet<ClassSubject>) {
    let mut words = text.split('@');
    let class = words.next().expect("a class").into();
    let subject = |word: &str| match word.split_once(':').expect("kind:name") {
        ("user", name) => ClassSubject::User(name.into()),
        (_, name) => ClassSubject::Group(name.into()),
    };
    (class, words.map(subject).collect())
}

fn devices(cards: &str, name: Option<&str>) -> Devices {
    let cards = edugrid_units::parse_milli(cards).expect("cards");
    match name {
        Some(name) => Devices::Named(BTreeMap::from([(name.to_owned(), cards)])),
        None => Devices::Cards(cards),
    }
}

fn span(text: &str) -> Seconds {
    Seconds::parse(text).expect("a span")
}

/// One admission as a line.
pub fn admitted(admission: &Admission) -> String {
    let roles = admission.placement.iter().map(|role| {
        let nodes = role.nodes.iter();
        let nodes: Vec<_> = nodes
            .map(|(node, count)| format!("{node}×{count}"))
            .collect();
        nodes.join(" ")
    });
    format!(
        "{} {} {} on {}",
        admission.key.job,
        admission.pool,
        admission.billed,
        roles.collect::<Vec<_>>().join(" | ")
    )
}
