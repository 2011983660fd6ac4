//! What each stage does, and how its end is shown. It must not know the order of the stages.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::runner::{self, Log, cargo};
use super::stage::{Outcome, Stage};
use super::tally::{Tally, failed_tests, last_words};
use super::{Options, program};
use crate::cluster::{Cluster, ClusterOptions};
use crate::installation::repository;
use crate::progress::Progress;
use crate::tools::{Tool, Tools};

/// Every test of the end-to-end stage has a control plane of its own, which keeps a core busy
/// while it starts. More than this many at once only make each other's waits longer.
const CLUSTERS_AT_ONCE_MAX: usize = 4;

/// The fewest rows of the trace in which every college and school has a job.
const SHORT_DEMO: &str = "30347-30386";

/// How many lines of what each failed test said are shown: its error comes first.
const WORDS_SHOWN: usize = 12;

/// Runs one stage and shows how it went.
pub(super) fn run(stage: Stage, number: &str, logs: &Path, options: &Options) -> Outcome {
    let mut progress = Progress::start(format!("{number} {stage}"));
    let mut log = match Log::create(logs.join(format!("{stage}.log"))) {
        Ok(log) => log,
        Err(error) => {
            progress.done(&format!("FAILED: {error:#}"));
            return Outcome {
                passed: false,
                tally: Tally::default(),
            };
        }
    };
    let ended_well = perform(stage, options, &mut log, &mut progress).unwrap_or_else(|error| {
        log.note(&format!("error: {error:#}"));
        false
    });
    let text = log.text();
    let outcome = judged(stage, ended_well, &text);
    if outcome.passed {
        progress.done(&said(stage, outcome.tally));
    } else {
        progress.done("FAILED");
        explain(stage, outcome.tally, &text, log.path());
    }
    outcome
}

fn perform(
    stage: Stage,
    options: &Options,
    log: &mut Log,
    progress: &mut Progress,
) -> Result<bool> {
    let mut run = |command: &mut Command| log.run(command, progress);
    match stage {
        Stage::Format => run(&mut cargo(&[
            "fmt",
            "--all",
            "--check",
            "--",
            "--color=never",
        ])),
        Stage::Generated => Ok(
            run(&mut chore(&["crdgen", "--check"]))? & run(&mut chore(&["metrics", "--check"]))?
        ),
        Stage::Tidy => run(&mut chore(&["tidy"])),
        Stage::Dependencies => dependencies(log, progress),
        Stage::Clippy => {
            let lint = [
                "clippy",
                "--workspace",
                "--all-targets",
                "--keep-going",
                "--",
                "--deny=warnings",
            ];
            run(&mut cargo(&lint))
        }
        Stage::Unit => {
            let mut command = cargo(&["test", "--no-fail-fast"]);
            run(every_seed(&mut command, options))
        }
        Stage::ControlPlane => control_plane(log, progress),
        Stage::Cluster => {
            let tests = [
                "test",
                "--package=xtask",
                "--tests",
                "--no-fail-fast",
                "--",
                "--ignored",
            ];
            run(&mut cargo(&tests))
        }
        Stage::Objects => objects(log, progress),
        Stage::EndToEnd => end_to_end(options, log, progress),
        Stage::Demo => run(&mut chore(&["demo", "--rows", SHORT_DEMO])),
    }
}

/// A chore of this program, built from the sources as they are now.
fn chore(args: &[&str]) -> Command {
    cargo(&[&["run", "--quiet", "--package=xtask", "--"], args].concat())
}

fn dependencies(log: &mut Log, progress: &mut Progress) -> Result<bool> {
    let program = program::CARGO_DENY.ready(log, progress)?;
    let mut command = Command::new(program);
    command.current_dir(repository());
    // A skip or a wrapper that nothing needs any more is stale, and an error.
    let stale = ["--deny=unmatched-skip", "--deny=unused-wrapper"];
    command
        .args(["--locked", "--workspace", "check"])
        .args(stale)
        .args(["bans", "licenses", "sources"]);
    log.run(&mut command, progress)
}

fn control_plane(log: &mut Log, progress: &mut Progress) -> Result<bool> {
    // It shows its own progress: a first build takes minutes.
    let tools = Tools::ready()?;
    for tool in Tool::ALL {
        log.note(&format!("{}", tools.path(tool).display()));
    }
    // Here and not among the generated files: it is helm that renders them.
    log.run(&mut chore(&["policygen", "--check"]), progress)
}

fn objects(log: &mut Log, progress: &mut Progress) -> Result<bool> {
    // Chosen without its package: alone, the package asks for other features of what it
    // stands on, which would be compiled again.
    let tests = ["test", "--test=api_server", "--no-fail-fast"];
    // Compiled before the cluster starts, which would only wait.
    if !log.run(&mut cargo(&[&tests[..], &["--no-run"]].concat()), progress)? {
        return Ok(false);
    }
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let mut command = cargo(&[&tests[..], &["--", "--ignored"]].concat());
    command
        .env("KUBECONFIG", cluster.kubeconfig("admin"))
        .env("KUBECTL", cluster.tools().path(Tool::Kubectl))
        .envs(cluster.client_environment());
    let ended_well = log.run(&mut command, progress)?;
    cluster.stop()?;
    Ok(ended_well)
}

fn end_to_end(options: &Options, log: &mut Log, progress: &mut Progress) -> Result<bool> {
    // Built before the tests, whose waits have limits.
    let binaries = [
        "build",
        "--package=edugrid-scheduler",
        "--package=edugrid-cli",
        "--bins",
    ];
    let tests = ["test", "--package=edugrid-e2e", "--no-fail-fast"];
    for build in [&binaries[..], &[&tests[..], &["--no-run"]].concat()] {
        if !log.run(&mut cargo(build), progress)? {
            return Ok(false);
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = format!("--test-threads={}", cores.clamp(1, CLUSTERS_AT_ONCE_MAX));
    let mut command = cargo(&[&tests[..], &["--", &threads]].concat());
    log.run(every_seed(&mut command, options), progress)
}

/// With `--all-seeds` tests run all of what they otherwise run a part of.
fn every_seed<'a>(command: &'a mut Command, options: &Options) -> &'a mut Command {
    if options.all_seeds {
        command.env("EDUGRID_ALL_SEEDS", "1");
    }
    command
}

/// What a stage's end and its log together mean.
fn judged(stage: Stage, ended_well: bool, log: &str) -> Outcome {
    let mut outcome = Outcome {
        passed: ended_well,
        tally: Tally::default(),
    };
    if !stage.has_tests() {
        return outcome;
    }
    outcome.tally = Tally::of_log(log);
    let ran = outcome.tally.passed + outcome.tally.failed;
    outcome.passed &= ran > 0 && outcome.tally.failed == 0;
    if !ended_well && outcome.tally.failed == 0 {
        // It does not compile, or a test program died before its result: not nothing.
        outcome.tally.failed = 1;
    }
    outcome
}

/// How a stage that passed is summed up.
fn said(stage: Stage, tally: Tally) -> String {
    match (stage.has_tests(), tally.ignored) {
        (false, _) => "ok".to_owned(),
        (true, 0) => format!("ok, {} tests", tally.passed),
        (true, ignored) => format!("ok, {} tests, {ignored} left to later stages", tally.passed),
    }
}

fn explain(stage: Stage, tally: Tally, text: &str, path: &Path) {
    eprintln!("{}", runner::tail(text).trim_end());
    if stage.has_tests() && tally.passed + tally.failed == 0 {
        eprintln!("  no test ran");
    }
    for line in last_words(text, WORDS_SHOWN).concat() {
        eprintln!("  {line}");
    }
    for name in failed_tests(text) {
        eprintln!("  failed: {name}");
    }
    eprintln!("  all of it:   {}", path.display());
    eprintln!("  once more:   cargo xtask test --only {stage}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n";
    const BAD: &str =
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";

    fn check(stage: Stage, ended_well: bool, log: &str, passed: bool, counts: (u64, u64)) {
        let outcome = judged(stage, ended_well, log);
        let found = (outcome.tally.passed, outcome.tally.failed);
        assert_eq!(
            (outcome.passed, found),
            (passed, counts),
            "{stage}, {ended_well}, {log:?}"
        );
    }

    #[test]
    fn a_stage_passes_only_when_its_tests_ran_and_all_passed() {
        check(Stage::Unit, true, GOOD, true, (3, 0));
        check(Stage::Unit, false, &[GOOD, BAD].concat(), false, (4, 2));
        // An exit code that disagrees with the results is not believed.
        check(Stage::Unit, true, BAD, false, (1, 2));
        // No test at all, as with a filter that fits none.
        check(Stage::Cluster, true, "", false, (0, 0));
        // A program that died, or one that does not compile.
        check(Stage::EndToEnd, false, GOOD, false, (3, 1));
        check(
            Stage::Objects,
            false,
            "error: could not compile",
            false,
            (0, 1),
        );
    }

    #[test]
    fn a_check_without_tests_counts_none() {
        check(Stage::Tidy, true, GOOD, true, (0, 0));
        check(Stage::Format, false, "Diff in a.rs", false, (0, 0));
    }

    #[test]
    fn what_is_ignored_is_named() {
        let tally = Tally::of_log(GOOD);
        assert_eq!(
            said(Stage::Unit, tally),
            "ok, 3 tests, 1 left to later stages"
        );
        assert_eq!(said(Stage::Tidy, Tally::default()), "ok");
    }
}
