//! The play: jobs go in as in the trace, the board shows what becomes of them, until all are
//! over. It must not know how the cluster came up or what the report says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::board::Board;
use super::maintenance;
use super::submit::{self, Beginning};
use super::trace::Job;
use super::waits::Waits;
use super::window::{View, Window};
use super::words::Language;
use super::world::MEMBERS;
use crate::cluster::Cluster;
use crate::installation::OPERATOR;

/// How often the cluster is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(800);
/// How long the jobs may take altogether: several times what they need on two slow cores.
const PLAY_LIMIT: Duration = Duration::from_secs(420);
/// How many looks in a row may fail.
const FAILURES_MAX: u32 = 5;

/// Plays the jobs, and returns what was to be seen when the last one was over, and who waited for
/// what until then.
///
/// # Errors
/// If a job is refused, the operator ends, or the cluster does not answer. Jobs that are not over
/// in time are no error here: the view tells.
pub fn play(
    cluster: &Cluster,
    window: &Window<'_>,
    jobs: &[Job],
    language: Language,
) -> Result<(View, Waits)> {
    let stop = AtomicBool::new(false);
    let clock = window.look()?.queue.age.clock;
    let beginning = Beginning::now(clock.as_ref());
    std::thread::scope(|scope| {
        let stop = &stop;
        let submitters = MEMBERS.map(|member| {
            scope.spawn(move || submit::submit(cluster, member, jobs, beginning, stop))
        });
        let maintenance = scope.spawn(move || maintenance::keep(cluster, beginning, stop));
        let board = Board::new(jobs.len(), language);
        let watched = watch(cluster, window, jobs.len(), board, stop);
        stop.store(true, Ordering::Relaxed);
        // A refused job explains why the watch ended early, so it goes first.
        for submitter in submitters {
            submitter
                .join()
                .map_err(|_| anyhow!("a thread that submits jobs panicked"))??;
        }
        maintenance
            .join()
            .map_err(|_| anyhow!("the thread that keeps nodes panicked"))??;
        watched
    })
}

fn watch(
    cluster: &Cluster,
    window: &Window<'_>,
    jobs: usize,
    mut board: Board,
    stop: &AtomicBool,
) -> Result<(View, Waits)> {
    let began = Instant::now();
    let mut waits = Waits::default();
    let mut failures = 0;
    loop {
        ensure!(!stop.load(Ordering::Relaxed), "the play was stopped");
        // What it said last is printed with every failed demo.
        ensure!(cluster.is_running(OPERATOR), "the operator ended by itself");
        match window.look() {
            Ok(view) => {
                failures = 0;
                let news = waits.look(&view);
                let over = view.jobs.len() == jobs && view.finished() == jobs;
                board.show(&view, &news, over);
                if over || began.elapsed() > PLAY_LIMIT {
                    return Ok((view, waits));
                }
            }
            // The visibility API is served from memory by one loop; it may be late once.
            Err(_) if failures < FAILURES_MAX => failures += 1,
            Err(error) => return Err(error),
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}
