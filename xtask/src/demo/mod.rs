//! `cargo xtask demo`: a province of three universities on a real control plane, fifty jobs of a
//! published trace, and the books at the end. This file is the order of events; the rooms below
//! know how each is done. It makes no scheduling choice: it asks, like its users, through
//! `kubectl`.

mod board;
mod play;
mod report;
mod submit;
mod text;
mod trace;
mod window;
mod world;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use clap::Args;

use crate::cluster::{self, Cluster, ClusterOptions};
use crate::installation::{Binaries, InstallOptions, Installation, OPERATOR};
use crate::progress::Progress;
use trace::Job;
use window::{View, Window};
use world::{CHECKER, TENANTS};

/// Whose statement is printed: the shortest one.
const STATEMENT_OF: usize = 1;
/// How many faults are printed one by one.
const FAULTS_SHOWN: usize = 10;
/// How much of the operator's log explains a failure.
const LOG_LINES_SHOWN: usize = 20;
/// How often a progress line learns that time passes.
const TICK: Duration = Duration::from_millis(200);

/// `spec.walltime` of `examples/first-job/30-job.yaml`.
const FIRST_JOB_WALLTIME_SECONDS: u32 = 3600;

/// What to try after a demo that is gone.
const NEXT: &str = "
next:  cargo xtask demo --keep    leave it running, and be one of its users
       examples/demo/README.md    the jobs, the province, and the rules between them
       examples/first-job/        the smallest world, to be applied by hand";

/// Options of the demo.
#[derive(Debug, Args)]
pub struct Options {
    /// Leave everything running at the end, and say how to go on from there.
    #[arg(long)]
    keep: bool,
}

/// Plays the demo and prints what came of it.
///
/// # Errors
/// If something is missing or does not start, a job does not succeed, or objects, statements and
/// ledger disagree.
pub fn run(options: &Options) -> Result<()> {
    let rows = trace::read(trace::EXCERPT)?;
    let (jobs, cuts) = trace::jobs(&rows)?;
    let binaries = stage("build the operator and kubectl-edugrid", Binaries::build)?;
    let begun = Instant::now();
    let cli = binaries.cli.clone();
    let dir = options
        .keep
        .then(|| cluster::default_dir().with_file_name("demo"));
    let edugrid = bring_up(dir, binaries)?;
    introduce(&jobs, cuts);
    let faults = perform(&edugrid, &jobs);
    let well = matches!(&faults, Ok(none) if none.is_empty());
    if !well {
        let log = edugrid.cluster().log_tail(OPERATOR, LOG_LINES_SHOWN);
        eprintln!("the end of the operator's log:\n{log}");
    }
    // What stays is described last, so that it is what one sees.
    let next = match options.keep {
        true => how_to_go_on(edugrid.cluster(), &cli),
        false => {
            stage("take everything down", || {
                drop(edugrid);
                Ok(())
            })?;
            NEXT.to_owned()
        }
    };
    if well {
        println!("\ndemo: passed in {} s", begun.elapsed().as_secs());
    }
    if well || options.keep {
        println!("{next}");
    }
    let faults = faults?;
    for fault in faults.iter().take(FAULTS_SHOWN) {
        println!("fault: {fault}");
    }
    ensure!(
        faults.is_empty(),
        "the demo failed with {} fault(s), see above",
        faults.len()
    );
    Ok(())
}

/// Control plane, nodes, people, chart, operator, province. With a state folder it outlives this
/// process; half a one is of no use to anybody and goes.
fn bring_up(dir: Option<PathBuf>, binaries: Binaries) -> Result<Installation> {
    let options = ClusterOptions {
        detached: dir.is_some(),
        dir: dir.clone(),
        progress: true,
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(&options)?;
    let installed = install(cluster, binaries);
    if let (Err(_), Some(dir)) = (&installed, dir) {
        cluster::end(&dir)?;
    }
    installed
}

fn install(cluster: Cluster, binaries: Binaries) -> Result<Installation> {
    stage("add nodes and people", || world::furnish(&cluster))?;
    let options = InstallOptions {
        clock_factor: trace::FACTOR,
        ..InstallOptions::default()
    };
    let edugrid = stage("install the chart", move || {
        Installation::new(cluster, binaries, options)
    })?;
    stage("start the operator", || edugrid.start())?;
    stage("declare the province", || world::declare(&edugrid))?;
    Ok(edugrid)
}

/// Says what will be seen, and by which rules.
fn introduce(jobs: &[Job], cuts: trace::Cuts) {
    let row = |job: Option<&Job>| job.map_or(0, |job| job.row);
    println!(
        "
{} consecutive jobs of Microsoft's Philly trace (rows {} to {}; CC BY 4.0, Jeon et al.,
USENIX ATC 2019) on {} nodes with {} cards each, shared by three universities.
  time     one second here is {} minutes there
  runs     cut at {} ({} were longer), at least {} ({} were shorter)
  gangs    in pods of up to {} cards, cut at {} cards ({} were wider)
  tenants  the trace's virtual clusters, in order of appearance, dealt in turn to",
        jobs.len(),
        row(jobs.first()),
        row(jobs.last()),
        world::NODES,
        world::CARDS_PER_NODE,
        trace::FACTOR / 60,
        text::minutes(trace::RUN_SECONDS_MAX),
        cuts.longer,
        text::minutes(trace::RUN_SECONDS_MIN),
        cuts.shorter,
        trace::CARDS_PER_POD_MAX,
        trace::CARDS_PER_JOB_MAX,
        cuts.wider,
    );
    for tenant in &TENANTS {
        let count = jobs
            .iter()
            .filter(|job| job.tenant.name == tenant.name)
            .count();
        println!(
            "           {} ({}): {count} jobs, submitted by {}",
            tenant.name, tenant.university, tenant.user
        );
    }
    println!();
}

/// Plays the jobs and prints the report; gives back what should not be.
fn perform(edugrid: &Installation, jobs: &[Job]) -> Result<Vec<String>> {
    let window = Window::open(edugrid.cluster())?;
    let view = play::play(edugrid.cluster(), &window, jobs)?;
    print_table(jobs, &view)?;
    let unwell = report::not_succeeded(jobs, &view.jobs);
    let mut disagreed = Vec::new();
    for tenant in &TENANTS {
        let months = window.statements(tenant.name)?;
        disagreed.extend(report::disagreements(tenant.name, &view.jobs, &months)?);
    }
    window.close()?;
    let reader = &TENANTS[STATEMENT_OF];
    let statement = command(edugrid, reader.user, &["statement", reader.name])?;
    let verify = command(edugrid, CHECKER, &["ledger", "verify"])?;
    println!(
        "{} of {} jobs succeeded",
        jobs.len() - unwell.len(),
        jobs.len()
    );
    if disagreed.is_empty() {
        println!(
            "the statements charge every job what its object says, {} yuan in all",
            text::yuan(report::charged(&view.jobs)?)
        );
    }
    Ok(unwell
        .into_iter()
        .chain(disagreed)
        .chain(statement)
        .chain(verify)
        .collect())
}

fn print_table(jobs: &[Job], view: &View) -> Result<()> {
    let clock = view.queue.age.clock.as_ref();
    println!("\n{}", report::table(jobs, &view.jobs, clock)?);
    println!(
        "A wait is from submission to the last pod bound; money is in yuan. Pods are stamped in whole\n\
         seconds here, so times are exact to {} there.\n",
        text::minutes(u64::from(trace::FACTOR)),
    );
    Ok(())
}

/// Runs `kubectl edugrid` as a user and shows it as typed; that it failed is a fault.
fn command(edugrid: &Installation, user: &str, args: &[&str]) -> Result<Option<String>> {
    let typed = format!("kubectl edugrid {}", args.join(" "));
    println!("{user}$ {typed}");
    let output = edugrid.edugrid(user, args)?;
    println!("{}\n", String::from_utf8_lossy(&output.stdout).trim_end());
    let words = String::from_utf8_lossy(&output.stderr);
    let failed = !output.status.success();
    Ok(failed.then(|| format!("`{typed}` as {user} failed: {}", words.trim())))
}

/// How to go on with a demo that stays.
fn how_to_go_on(cluster: &Cluster, cli: &Path) -> String {
    let dir = cluster.dir().display();
    let path = cli.parent().unwrap_or(cli).display();
    let users = TENANTS
        .each_ref()
        .map(|tenant| format!("{} ({})", tenant.user, tenant.name));
    format!(
        "
everything is still running, and its clock still {} times faster
  users    {}, {}, {CHECKER}
  be one   eval \"$(cargo xtask controlplane env --dir '{dir}' --user {})\"
           export PATH='{path}':\"$PATH\"
  ask      kubectl get computejobs -n {tenant}; kubectl edugrid queue -n {tenant}
  submit   sed 's/sdu-cs/{tenant}/' examples/first-job/30-job.yaml | kubectl create -f -
           (its pods never exit here, so its walltime ends it after {} s)
  end      cargo xtask controlplane down --dir '{dir}'",
        trace::FACTOR,
        users.join(", "),
        world::PROVINCE,
        TENANTS[0].user,
        FIRST_JOB_WALLTIME_SECONDS / trace::FACTOR,
        tenant = TENANTS[0].name,
    )
}

/// Runs a step in a thread of its own, so that its progress line shows that time passes.
fn stage<T: Send>(what: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let mut progress = Progress::start(what);
    let (done, wait) = mpsc::channel();
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let result = work();
            // Nobody listens any more only if this process is ending.
            let _ = done.send(());
            result
        });
        while let Err(mpsc::RecvTimeoutError::Timeout) = wait.recv_timeout(TICK) {
            progress.tick("");
        }
        worker
            .join()
            .map_err(|_| anyhow!("the step panicked: {what}"))?
    });
    match result {
        Ok(value) => {
            progress.done("done");
            Ok(value)
        }
        Err(error) => {
            progress.done("failed");
            Err(error)
        }
    }
}
