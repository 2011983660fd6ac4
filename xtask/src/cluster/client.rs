//! Runs a client program with text in and text out, and a limit on how long it may take. It
//! must not know clusters.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// A client that hangs on a server that never answers must not hang the test. Longer than
/// any `--timeout` that a test gives.
const CLIENT_LIMIT: Duration = Duration::from_secs(900);
const POLL_FIRST: Duration = Duration::from_millis(5);
const POLL_LONGEST: Duration = Duration::from_millis(100);

/// What a client program answered.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    command: String,
}

impl Output {
    /// Whether it ended with code 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// The standard output of a command that must have worked.
    ///
    /// # Errors
    /// It failed; the message holds the command and what it wrote to standard error.
    pub fn ok(self) -> Result<String> {
        ensure!(
            self.success(),
            "`{}` failed ({}): {}",
            self.command,
            self.status,
            self.stderr.trim()
        );
        Ok(self.stdout)
    }

    /// What a command that must have been refused wrote to standard error.
    ///
    /// # Errors
    /// It worked.
    pub fn refused(self) -> Result<String> {
        ensure!(
            !self.success(),
            "`{}` should have been refused but said: {}",
            self.command,
            self.stdout.trim()
        );
        Ok(self.stderr)
    }
}

/// The command as an error message shows it.
pub(super) fn describe<A: AsRef<OsStr>>(program: &str, user: &str, args: &[A]) -> String {
    let mut text = format!("{program} (as {user})");
    for arg in args {
        text.push(' ');
        text += &arg.as_ref().to_string_lossy();
    }
    text
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be run, or takes too long. How it ended is in the result.
pub(super) fn run(
    command: &mut Command,
    description: String,
    input: Option<&str>,
) -> Result<Output> {
    let mut child = command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{description}`"))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // All three pipes are served at once: each is finite, and a full one stops the program.
    std::thread::scope(|scope| {
        let writer = stdin
            .zip(input)
            .map(|(stdin, text)| scope.spawn(move || write_all(stdin, text)));
        let stdout = scope.spawn(move || read_all(stdout));
        let stderr = scope.spawn(move || read_all(stderr));
        let deadline = Instant::now() + CLIENT_LIMIT;
        let mut pause = POLL_FIRST;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                child.kill()?;
                child.wait()?;
                bail!(
                    "`{description}` did not end within {} s and was killed",
                    CLIENT_LIMIT.as_secs()
                );
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(POLL_LONGEST);
        };
        let panicked = |_| anyhow!("a thread that served `{description}` panicked");
        if let Some(writer) = writer {
            writer.join().map_err(panicked)??;
        }
        Ok(Output {
            status,
            stdout: stdout.join().map_err(panicked)??,
            stderr: stderr.join().map_err(panicked)??,
            command: description.clone(),
        })
    })
}

fn write_all(mut pipe: impl Write, text: &str) -> std::io::Result<()> {
    match pipe.write_all(text.as_bytes()) {
        // It ended without reading everything; its own words say why.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn read_all(pipe: Option<impl Read>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: Option<&str>) -> Output {
        run(
            Command::new("sh").args(["-c", script]),
            describe("sh", "me", &[script]),
            input,
        )
        .expect("it runs")
    }

    #[test]
    fn text_goes_in_and_comes_out_however_much_it_is() {
        let text = "0123456789".repeat(100_000);
        let output = shell("tee /dev/stderr", Some(&text));
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (text.len(), text.len())
        );
        assert!(
            shell("exit 0", Some(&text)).success(),
            "not reading its input is no failure"
        );
    }

    #[test]
    fn a_failure_carries_the_words_and_a_missing_one_is_found() {
        let error = shell("echo no such thing >&2; exit 3", None)
            .ok()
            .expect_err("it failed");
        assert!(error.to_string().contains("no such thing"), "{error}");
        assert_eq!(
            shell("echo refused >&2; exit 1", None)
                .refused()
                .expect("refused")
                .trim(),
            "refused"
        );
        let error = shell("echo created", None)
            .refused()
            .expect_err("it worked");
        assert!(error.to_string().contains("created"), "{error}");
    }
}
