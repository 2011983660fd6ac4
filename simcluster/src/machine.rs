//! The machines that operators run on: a runtime that is driven one poll at a time, a clock
//! of its own, a disk that outlives the process.
//!
//! A process is stopped between two polls of its tasks, that is at any `await` of any of
//! them: for good (a crash drops the runtime, with every task where it stands) or for a
//! while (a frozen machine is not polled, and when it thaws its clocks have gone on).

use std::{
    cell::{Cell, RefCell},
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use edugrid_archiver::process as archiver;
use edugrid_scheduler::{
    compaction::Thresholds,
    desk::{FairShare, Settings},
    http::Readiness,
    lease::Timing,
    machine::Machine as Below,
    metrics::Metrics,
    pile::Bounds,
    process::Process,
    visibility::{Asked, Leadership, NotFound, Query, Reply},
};
use edugrid_units::{Language, Ratio, Seconds, Stamp};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot, watch},
};

use crate::{
    api::Account,
    disks::{FullDisk, MaybeFull, copy, is_full},
    gate::{self, Outbox},
    random::Random,
};

thread_local! {
    static WALL: Cell<i64> = const { Cell::new(0) };
    static ENTROPY: RefCell<Random> = RefCell::new(Random::new(0));
}

/// What the operator finds below itself.
const BELOW: Below = Below {
    now: || Stamp(WALL.get()),
    random: |bytes| {
        ENTROPY.with_borrow_mut(|random| random.fill(bytes));
        Ok(())
    },
    disk: |view| Box::new(FullDisk(view)),
    beside: |work| {
        tokio::spawn(work);
        Ok(())
    },
};

/// What runs on a machine.
#[derive(Clone, Debug)]
pub enum Program {
    /// An operator, which may read the archive in this directory.
    Operator(Given, Option<PathBuf>),
    /// The archiver, whose archive is the machine's disk.
    Archiver {
        /// Between two rounds.
        pause: Duration,
        /// How many of the last segments stay in the cluster.
        stay: u64,
    },
}

/// How an operator is started.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// How long the lease lasts.
    pub lease: Duration,
    /// How much faster the clock of a new book runs.
    pub clock_factor: u32,
    /// When the books are written down whole.
    pub thresholds: Thresholds,
}

/// A process that lives.
struct Life {
    runtime: Runtime,
    sentinel: Sentinel,
    /// Whether the sentinel waits for its turn.
    queued: bool,
    /// Whether something has arrived since it was put into the queue.
    stirred: bool,
    idle: bool,
    ended: Arc<Mutex<Option<String>>>,
    outbox: Outbox,
    leadership: watch::Receiver<Leadership>,
    questions: mpsc::Sender<Asked>,
}

/// See the module.
pub struct Machine {
    name: String,
    directory: PathBuf,
    random: Random,
    program: Program,
    /// Lives lived, this one included.
    pub lives: u64,
    life: Option<Life>,
    /// How far its wall clock is off, in milliseconds.
    pub skew_millis: i64,
    /// Whether nothing more can be written to its disk.
    pub disk_full: bool,
    /// Milliseconds that passed while it was frozen.
    owed_millis: u64,
    /// Until when it is frozen.
    pub frozen_until: Option<u64>,
}

impl Machine {
    /// A machine on which nothing runs yet, with its disk at `directory`.
    pub fn new(name: &str, directory: &Path, random: Random, program: Program) -> Self {
        Self {
            name: name.to_owned(),
            directory: directory.join(name),
            random,
            program,
            lives: 0,
            life: None,
            skew_millis: 0,
            disk_full: false,
            owed_millis: 0,
            frozen_until: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its disk is.
    pub fn disk(&self) -> &Path {
        &self.directory
    }

    /// Whether it is an operator's.
    pub fn is_operators(&self) -> bool {
        matches!(self.program, Program::Operator(..))
    }

    /// Whether a process lives on it.
    pub fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Whether its process leads, as far as it says.
    pub fn leads(&self) -> bool {
        self.life
            .as_ref()
            .is_some_and(|life| matches!(*life.leadership.borrow(), Leadership::Leading))
    }

    /// Whether it has something to do right now.
    pub fn is_runnable(&self) -> bool {
        let busy = |life: &Life| !life.idle;
        self.frozen_until.is_none() && self.life.as_ref().is_some_and(busy)
    }

    /// Something has arrived for it.
    pub fn wake(&mut self) {
        if let Some(life) = &mut self.life {
            life.idle = false;
            life.stirred = true;
        }
    }

    /// Starts a process.
    ///
    /// # Errors
    /// If no runtime can be made.
    pub fn start(&mut self, now_millis: u64) -> std::io::Result<()> {
        self.lives += 1;
        self.owed_millis = 0;
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            // One task is polled per turn, and the sentinel after all that were woken within.
            .event_interval(1)
            .global_queue_interval(u32::MAX)
            .build()?;
        let sentinel = Sentinel::default();
        let outbox = Outbox::default();
        let ended = Arc::new(Mutex::new(None));
        let (questions, asked) = mpsc::channel(16);
        let (leadership, leadership_seen) = watch::channel(Leadership::Starting);
        self.borrow_thread(now_millis);
        let guard = runtime.enter();
        runtime.spawn(sentinel.clone());
        match &self.program {
            Program::Operator(given, archive) => {
                let (readiness, _) = watch::channel(Readiness::NotReady(Vec::new()));
                let process = Process {
                    client: gate::client(&outbox, Account::Operator),
                    machine: BELOW,
                    namespace: "edugrid-system".into(),
                    identity: format!("{}_{}", self.name, self.lives),
                    timing: Timing {
                        duration: given.lease,
                    },
                    data_dir: self.directory.clone(),
                    clock_factor: given.clock_factor,
                    thresholds: given.thresholds,
                    bounds: Bounds {
                        segments: u64::MAX,
                        bytes: u64::MAX,
                    },
                    archive_dir: archive.clone(),
                    settings: Settings {
                        language: Language::English,
                        fair_share: FairShare {
                            half_life: Seconds(604_800),
                            past_weight: Ratio::ONE,
                        },
                    },
                    metrics: Metrics::new(),
                    questions: asked,
                    readiness,
                    leadership,
                };
                let last_words = ended.clone();
                runtime.spawn(async move {
                    note(process.live(std::future::pending()).await, &last_words);
                });
            }
            Program::Archiver { pause, stay } => {
                let process = archiver::Process {
                    client: gate::client(&outbox, Account::Archiver),
                    disk: MaybeFull,
                    archive: self.directory.clone(),
                    pause: *pause,
                    stay: *stay,
                    now: BELOW.now,
                    probes: Arc::default(),
                };
                let last_words = ended.clone();
                runtime.spawn(async move {
                    note(process.live(std::future::pending()).await, &last_words);
                });
            }
        }
        drop(guard);
        self.give_back();
        self.life = Some(Life {
            runtime,
            sentinel,
            queued: true,
            stirred: false,
            idle: false,
            ended,
            outbox,
            leadership: leadership_seen,
            questions,
        });
        Ok(())
    }

    /// Lets one of its tasks run to its next `await`. Returns the process' last words where
    /// it has ended.
    pub fn step(&mut self, now_millis: u64) -> Option<String> {
        self.borrow_thread(now_millis);
        let ended = self.life.as_mut().and_then(|life| {
            if !life.queued {
                life.sentinel.wake();
                (life.queued, life.stirred) = (true, false);
            }
            life.runtime.block_on(Turn(false));
            if life.sentinel.was_polled() {
                life.queued = false;
                life.idle = !life.stirred;
            }
            life.ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
        });
        self.give_back();
        if ended.is_some() {
            self.life = None;
        }
        ended
    }

    /// Its time goes on. A frozen process doesn't see it until it thaws.
    pub fn pass(&mut self, millis: u64, now_millis: u64) {
        self.owed_millis += millis;
        if self.frozen_until.is_some_and(|until| until > now_millis) {
            return;
        }
        self.frozen_until = None;
        let owed = Duration::from_millis(std::mem::take(&mut self.owed_millis));
        self.borrow_thread(now_millis);
        if let Some(life) = &mut self.life {
            life.runtime.block_on(tokio::time::advance(owed));
            (life.idle, life.stirred) = (false, true);
        }
        self.give_back();
    }

    /// The process is gone, at once and with all it had in memory; what it had not handed to
    /// the disk is lost too.
    ///
    /// # Errors
    /// If its disk can't be put back to what it was.
    pub fn crash(&mut self, now_millis: u64) -> std::io::Result<()> {
        let Some(life) = self.life.take() else {
            return Ok(());
        };
        // Dropping the tasks closes the view in good order, which a killed process doesn't do.
        let kept = self.directory.with_extension("kept");
        copy(&self.directory, &kept)?;
        self.borrow_thread(now_millis);
        drop(life);
        self.give_back();
        self.frozen_until = None;
        self.lose_disk()?;
        if kept.exists() {
            std::fs::rename(&kept, &self.directory)?;
        }
        Ok(())
    }

    /// All that was on its disk is gone.
    ///
    /// # Errors
    /// If it can't be deleted.
    pub fn lose_disk(&mut self) -> std::io::Result<()> {
        if self.directory.exists() {
            std::fs::remove_dir_all(&self.directory)?;
        }
        Ok(())
    }

    /// Takes what it has sent.
    pub fn sent(&self) -> Vec<gate::Sent> {
        let take = |life: &Life| {
            let mut outbox = life.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *outbox)
        };
        self.life.as_ref().map(take).unwrap_or_default()
    }

    /// What its process answers to somebody who asks, if it answers before anything else happens.
    pub fn ask(&mut self, query: Query, now_millis: u64) -> Option<Result<Reply, NotFound>> {
        let (reply, mut answer) = oneshot::channel();
        let asked = Asked { query, reply };
        self.life.as_ref()?.questions.try_send(asked).ok()?;
        self.wake();
        while self.is_runnable() {
            self.step(now_millis);
            if let Ok(answer) = answer.try_recv() {
                return Some(answer);
            }
        }
        None
    }

    /// What the process sees while it runs on this thread.
    fn borrow_thread(&mut self, now_millis: u64) {
        let millis = i64::try_from(now_millis).unwrap_or(i64::MAX);
        WALL.set((millis + self.skew_millis) * 1_000_000);
        is_full(self.disk_full);
        ENTROPY.with_borrow_mut(|random| std::mem::swap(random, &mut self.random));
    }

    fn give_back(&mut self) {
        ENTROPY.with_borrow_mut(|random| std::mem::swap(random, &mut self.random));
    }
}

/// Is woken by itself and is ready the second time: between the two the runtime polls at
/// most one task, and never waits, so that its paused clock doesn't move.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A task that is woken behind all others: when its turn comes, they have had theirs, and the
/// process waits for something to arrive. The runtime itself does not say so.
#[derive(Clone, Default)]
struct Sentinel(Arc<Watchman>);

#[derive(Default)]
struct Watchman {
    waker: Mutex<Option<Waker>>,
    polled: AtomicBool,
}

impl Sentinel {
    fn wake(&self) {
        let waker = self.0.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = &*waker {
            waker.wake_by_ref();
        }
    }

    fn was_polled(&self) -> bool {
        self.0.polled.swap(false, Ordering::Relaxed)
    }
}

impl Future for Sentinel {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waker = self.0.waker.lock().unwrap_or_else(PoisonError::into_inner);
        *waker = Some(context.waker().clone());
        self.0.polled.store(true, Ordering::Relaxed);
        Poll::Pending
    }
}

/// Writes down how a process ended.
fn note<E: std::error::Error>(end: Result<(), E>, last_words: &Mutex<Option<String>>) {
    let words = match end {
        Ok(()) => "stopped".to_owned(),
        Err(error) => chain(&error),
    };
    *last_words.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
}

/// The words of an error and of all that it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    words
}
