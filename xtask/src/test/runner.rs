//! Runs a command with its whole output in a log and one line of progress. It must not know
//! stages.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::installation::repository;
use crate::progress::Progress;

const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How much of the end of a log is read for the line of progress, in bytes.
const GLANCE_BYTES: u64 = 4096;
/// How much of the last line stands in the line of progress, in characters.
const GLANCE_CHARS: usize = 70;
/// How much of a failed stage's log is shown, in lines.
const LINES_SHOWN: usize = 60;

/// Where the logs of the stages lie: with what cargo builds.
pub(super) fn log_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    let target = target.map_or_else(|| repository().join("target"), PathBuf::from);
    target.join("test-logs")
}

/// A call of cargo whose output goes to a log.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = crate::cargo::command(args);
    command
        .env("CARGO_TERM_COLOR", "never")
        // A test's own words are in its error; the way there would push them out of sight.
        .env("RUST_LIB_BACKTRACE", "0");
    command
}

/// The log of one stage: the commands that it ran, and all that they wrote.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line of our own.
    pub(crate) fn note(&mut self, line: &str) {
        // A log that cannot be written is no reason to stop; its reader will see the gap.
        let _ = writeln!(self.file, "{line}");
    }

    /// Runs a command to its end. Returns whether it ended well.
    ///
    /// # Errors
    /// It cannot be run; with its name.
    pub(crate) fn run(&mut self, command: &mut Command, progress: &mut Progress) -> Result<bool> {
        let shown = shown(command);
        self.note(&format!("$ {shown}"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(self.file.try_clone()?)
            .stderr(self.file.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot run `{shown}`"))?;
        loop {
            if let Some(status) = child.try_wait()? {
                if !status.success() {
                    self.note(&format!("`{shown}` failed: {status}"));
                }
                return Ok(status.success());
            }
            std::thread::sleep(POLL_INTERVAL);
            progress.tick(&self.glance());
        }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        std::fs::read(&self.path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The end of the log, for the line of progress.
    fn glance(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            // A handle of its own: a clone would share its position with the writers.
            let mut file = File::open(&self.path)?;
            let length = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(length.saturating_sub(GLANCE_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(GLANCE_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        glanced(&String::from_utf8_lossy(&bytes))
    }
}

/// The last line, after the test program that says it where there is one, cut to what fits
/// a line of progress.
fn glanced(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.next_back().unwrap_or_default();
    // Cargo's line `Running tests/lives.rs (…)`, unless the last one is younger and its own.
    let program = lines.rev().find_map(|line| {
        let named = line.strip_prefix("Running ")?;
        let named = named.strip_prefix("unittests ").unwrap_or(named);
        named.split(" (").next()
    });
    let is_cargos = last.starts_with("Running ") || last.starts_with("Compiling ");
    let glance = match program.filter(|_| !is_cargos) {
        Some(program) => format!("{program}: {last}"),
        None => last.to_owned(),
    };
    glance.chars().take(GLANCE_CHARS).collect()
}

/// The last lines of a text, indented.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LINES_SHOWN);
    lines[first..]
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect()
}

/// The command as somebody would type it; cargo without the way to it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text += &arg.to_string_lossy();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_log_holds_the_commands_and_both_their_outputs() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::create(folder.path().join("log")).expect("created");
        let mut progress = Progress::silent();
        assert!(
            log.run(&mut shell("echo one; echo two >&2"), &mut progress)
                .expect("run")
        );
        assert!(
            !log.run(&mut shell("echo three; exit 3"), &mut progress)
                .expect("run")
        );
        assert!(
            log.run(&mut Command::new("/nowhere/at-all"), &mut progress)
                .is_err()
        );
        let expected = "$ sh -c echo one; echo two >&2\none\ntwo\n$ sh -c echo three; exit 3\nthree\n\
             `sh -c echo three; exit 3` failed: exit status: 3\n$ at-all\n";
        assert_eq!(log.text(), expected);
        assert_eq!(log.glance(), "$ at-all");
    }

    #[test]
    fn a_glance_is_one_short_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::create(folder.path().join("log")).expect("created");
        assert_eq!(log.glance(), "");
        log.note(&"算".repeat(3000));
        log.note("  \n");
        assert_eq!(log.glance().chars().count(), GLANCE_CHARS);
    }

    #[test]
    fn a_glance_names_the_program_of_a_test() {
        for (text, expected) in [
            ("", ""),
            ("   Compiling a v1\n   Compiling b v1\n", "Compiling b v1"),
            (
                "     Running tests/lives.rs (target/debug/deps/lives-1)\n\nrunning 1 test\n",
                "tests/lives.rs: running 1 test",
            ),
            (
                "  Running unittests src/lib.rs (x)\ntest a ... ok\n  Running tests/b.rs (y)\n",
                "Running tests/b.rs (y)",
            ),
        ] {
            assert_eq!(glanced(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_tail_is_the_end() {
        let text: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let tail = tail(&text);
        assert_eq!(tail.lines().count(), LINES_SHOWN);
        assert!(
            tail.starts_with("    line 40\n") && tail.ends_with("line 99\n"),
            "{tail}"
        );
    }
}
