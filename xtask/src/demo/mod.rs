//! `cargo xtask demo`: a province at work on a real control plane, two hundred jobs of a published
//! trace, and the books at the end. This file is the order of events; the rooms below know how each
//! is done. It makes no scheduling choice: it asks, like its users, through `kubectl`.

mod agreement;
mod board;
mod declare;
mod ending;
#[cfg(test)]
mod fixture;
mod frame;
mod guest;
mod maintenance;
mod opening;
mod play;
mod report;
mod scene;
mod stage;
mod submit;
mod text;
pub mod trace;
mod waits;
mod window;
mod words;
mod world;

use std::ops::RangeInclusive;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use crate::cluster::{self, Cluster, ClusterOptions};
use crate::installation::{Binaries, InstallOptions, Installation, OPERATOR};
use stage::stage;
use trace::Job;
use window::Window;
use words::Language;

/// How long the leader's lease lasts: as in production, for on a machine that is busy with something
/// else a short one is lost.
const LEASE_SECONDS: u32 = 15;
/// How many faults are printed one by one.
const FAULTS_SHOWN: usize = 10;
/// How much of the operator's log explains a failure.
const LOG_LINES_SHOWN: usize = 20;

/// Options of the demo.
#[derive(Debug, Args)]
pub struct Options {
    /// Leave everything running at the end, and say how to go on from there.
    #[arg(long)]
    keep: bool,
    /// Play only these rows of the trace, such as 30353-30392.
    #[arg(long, value_name = "FIRST-LAST", value_parser = trace::rows)]
    rows: Option<RangeInclusive<u32>>,
    /// Play on the cluster of this context of your kubeconfig, as a guest, instead of one made for it.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// By which name or address that cluster's API server reaches this machine.
    #[arg(long, value_name = "HOST", requires = "context")]
    reached_at: Option<String>,
    /// Play nothing, and take away what an earlier demo left on that cluster.
    #[arg(long, requires = "context", conflicts_with_all = ["keep", "rows", "reached_at"])]
    end: bool,
    /// The language of board and report; else the locale's.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Option<Language>,
}

/// Plays the demo and prints what came of it.
///
/// # Errors
/// If something is missing or does not start, a job does not succeed, or objects, statements and
/// ledger disagree.
pub fn run(options: &Options) -> Result<()> {
    if let (true, Some(context)) = (options.end, &options.context) {
        return stage("take away what the demo made", || guest::end(context));
    }
    let language = options.lang.unwrap_or_else(Language::of_locale);
    let mut rows = trace::read(trace::EXCERPT)?;
    if let Some(asked) = &options.rows {
        rows.retain(|row| asked.contains(&row.number));
    }
    ensure!(
        !rows.is_empty(),
        "--rows leaves nothing to play: the excerpt holds rows {} to {}",
        trace::FIRST_ROW,
        trace::LAST_ROW
    );
    let (jobs, changes) = trace::jobs(&rows)?;
    // Whether it can be a guest there is known before anything is built.
    let context = options.context.as_deref();
    let guest = context
        .map(|context| guest::arrive(context, options.keep))
        .transpose()?;
    let built = stage(&Binaries::announcement(), Binaries::build);
    if let (Err(_), Some(context)) = (&built, context) {
        guest::end(context)?;
    }
    let binaries = built?;
    let begun = Instant::now();
    let cli = binaries.cli.clone();
    let edugrid = bring_up(options, guest, binaries)?;
    opening::print(&jobs, changes, language);
    let outcome = perform(&edugrid, &jobs, language);
    let well = matches!(&outcome, Ok((faults, _)) if faults.is_empty());
    if !well {
        let log = edugrid.cluster().log_tail(OPERATOR, LOG_LINES_SHOWN);
        eprintln!("the end of the operator's log:\n{log}");
    }
    // What stays is described last, so that it is what one sees.
    let next = match options.keep {
        true => {
            let cluster = edugrid.cluster();
            ending::how_to_go_on(cluster, &cli, &how_to_end(options, cluster), language)
        }
        false => {
            stage("take everything down", || take_down(edugrid))?;
            ending::after(language).to_owned()
        }
    };
    if let Ok((_, summary)) = &outcome {
        let seconds = begun.elapsed().as_secs();
        println!("\n{}", summary.verdict(well, seconds, language));
    }
    if well || options.keep {
        println!("{next}");
    }
    let (faults, _) = outcome?;
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

/// The command that ends a demo that stays.
fn how_to_end(options: &Options, cluster: &Cluster) -> String {
    match &options.context {
        Some(context) => format!("cargo xtask demo --context '{context}' --end"),
        None => format!(
            "cargo xtask controlplane down --dir '{}'",
            cluster.dir().display()
        ),
    }
}

/// Ends a demo that does not stay: a cluster of its own goes whole, another one is left as it was.
fn take_down(edugrid: Installation) -> Result<()> {
    match edugrid.cluster().is_borrowed() {
        true => guest::leave(edugrid.cluster()),
        false => {
            drop(edugrid);
            Ok(())
        }
    }
}

/// Control plane, nodes, people, chart, operator, province. Half of it is of no use to anybody and
/// goes.
fn bring_up(options: &Options, guest: Option<Cluster>, binaries: Binaries) -> Result<Installation> {
    let cluster = match guest {
        Some(cluster) => cluster,
        None => {
            // With a state folder it outlives this process.
            let dir = options
                .keep
                .then(|| cluster::default_dir().with_file_name("demo"));
            Cluster::start(&ClusterOptions {
                detached: dir.is_some(),
                dir,
                progress: true,
                ..ClusterOptions::default()
            })?
        }
    };
    let (dir, borrowed) = (cluster.dir().to_path_buf(), cluster.is_borrowed());
    if let (true, Some(context)) = (borrowed, &options.context) {
        eprintln!(
            "a guest on context {context}; should this be interrupted: cargo xtask demo --context '{context}' --end"
        );
    }
    let installed = install(cluster, binaries, options);
    if installed.is_err() {
        match &options.context {
            Some(context) => guest::end(context)?,
            None if options.keep => drop(cluster::end(&dir)?),
            None => {}
        }
    }
    installed
}

fn install(cluster: Cluster, binaries: Binaries, options: &Options) -> Result<Installation> {
    stage("add nodes and people", || declare::furnish(&cluster))?;
    let options = InstallOptions {
        clock_factor: trace::FACTOR,
        lease_seconds: LEASE_SECONDS,
        values: declare::rights(),
        reached_at: options.reached_at.clone(),
        arguments: Vec::new(),
    };
    let edugrid = stage("install the chart", move || {
        Installation::new(cluster, binaries, options)
    })?;
    stage("start the operator", || {
        edugrid.start()?;
        edugrid.wait_reached()
    })?;
    stage("declare the province", || declare::declare(&edugrid))?;
    Ok(edugrid)
}

/// Plays the jobs and prints the report; gives back what should not be.
fn perform(
    edugrid: &Installation,
    jobs: &[Job],
    language: Language,
) -> Result<(Vec<String>, ending::Summary)> {
    let window = Window::open(edugrid.cluster())?;
    let seen = play::play(edugrid.cluster(), &window, jobs, language)?;
    let outcome = ending::print(edugrid, &window, jobs, &seen, language);
    window.close()?;
    outcome
}
