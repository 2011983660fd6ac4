//! Starts the processes of a cluster and ends exactly these.
//!
//! Every process carries two environment variables: the state folder of its cluster and
//! its owner. The kernel keeps them readable in `/proc/<pid>/environ` for as long as the
//! process lives, and children inherit them. So what belongs to a cluster can be told
//! from the outside, also after a crash and without trusting a pid that a file remembers
//! and that may be somebody else's by now. This room must not know what the programs do.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Names the state folder of the cluster that a process belongs to.
pub(super) const MARK_CLUSTER: &str = "EDUGRID_CLUSTER_STATE";
/// Names the process that keeps the cluster alive, or `detached`.
pub(super) const MARK_OWNER: &str = "EDUGRID_CLUSTER_OWNER";

/// How long killed processes may take to vanish.
const END_SECONDS_MAX: u64 = 20;

/// Who keeps a cluster alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody: it lives until `controlplane down`.
    Detached,
    /// A process, told apart from a later one with the same number by its start time in
    /// clock ticks since boot.
    Process { pid: u32, start_ticks: u64 },
}

impl Owner {
    /// This very process.
    pub(super) fn this_process() -> Result<Self> {
        let pid = std::process::id();
        let start_ticks = start_ticks(pid)
            .context("a local control plane needs Linux: /proc/self/stat cannot be read")?;
        Ok(Owner::Process { pid, start_ticks })
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "detached" {
            return Some(Owner::Detached);
        }
        let (pid, ticks) = text.split_once(':')?;
        Some(Owner::Process {
            pid: pid.parse().ok()?,
            start_ticks: ticks.parse().ok()?,
        })
    }

    /// Whether the cluster still has a reason to live.
    pub(super) fn holds(&self) -> bool {
        match self {
            Owner::Detached => true,
            Owner::Process {
                pid,
                start_ticks: ticks,
            } => start_ticks(*pid) == Some(*ticks),
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Owner::Detached => f.write_str("detached"),
            Owner::Process { pid, start_ticks } => write!(f, "{pid}:{start_ticks}"),
        }
    }
}

/// Field 22 of `/proc/<pid>/stat`. The second field may hold spaces and parentheses, so
/// counting starts behind the last one.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie keeps its line until its parent reads its status; it holds nothing any more.
    (fields.next()? != "Z").then_some(())?;
    fields.nth(18)?.parse().ok()
}

/// A living process that carries the marks of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub(super) pid: u32,
    pub(super) state: PathBuf,
    pub(super) owner: Owner,
}

/// Every marked process of this user.
pub(super) fn marked() -> Result<Vec<Marked>> {
    let user = std::fs::metadata("/proc/self")
        .context("a local control plane needs Linux: no /proc")?
        .uid();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // Processes end while the list is read; what cannot be read any more is gone.
        let ours = entry.metadata().is_ok_and(|meta| meta.uid() == user);
        if let Some(process) = ours.then(|| read_marks(pid)).flatten() {
            found.push(process);
        }
    }
    Ok(found)
}

fn read_marks(pid: u32) -> Option<Marked> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |name: &str| {
        environ
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    let state = PathBuf::from(std::ffi::OsString::from_vec(value(MARK_CLUSTER)?.to_vec()));
    let owner = Owner::parse(std::str::from_utf8(value(MARK_OWNER)?).ok()?)?;
    Some(Marked { pid, state, owner })
}

/// Starts a program of the cluster: in a process group of its own, so that a terminal's
/// Ctrl-C reaches only the owner; without input; with its output appended to `log`.
pub(super) fn spawn(
    command: &mut Command,
    state: &Path,
    owner: &Owner,
    log: &Path,
) -> Result<Child> {
    let output = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open the log {}", log.display()))?;
    command
        .env(MARK_CLUSTER, state)
        .env(MARK_OWNER, owner.to_string())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Whether a living process belongs to this cluster.
pub(super) fn is_marked(pid: u32, state: &Path) -> bool {
    read_marks(pid).is_some_and(|marks| marks.state == state)
}

/// Sends a signal to a process if it still carries the mark of this cluster. The handle is
/// taken before the check, so that a number that was given to another process meanwhile is
/// never hit. `false` when there is no such process any more.
pub(super) fn signal(pid: u32, state: &Path, signal: Signal) -> Result<bool> {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(false);
    };
    let Ok(handle) = pidfd_open(number, PidfdFlags::empty()) else {
        return Ok(false);
    };
    if !is_marked(pid, state) {
        return Ok(false);
    }
    match pidfd_send_signal(&handle, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => bail!("cannot signal process {pid}: {error}"),
    }
}

/// Kills every process that carries the mark of this cluster and waits until none is left.
/// Their state is about to be thrown away, so none is asked to save it first.
pub(super) fn end_all(state: &Path) -> Result<usize> {
    let deadline = Instant::now() + Duration::from_secs(END_SECONDS_MAX);
    let mut ended = 0;
    loop {
        let left: Vec<u32> = marked()?
            .into_iter()
            .filter(|process| process.state == state)
            .map(|process| process.pid)
            .collect();
        if left.is_empty() {
            return Ok(ended);
        }
        ensure!(
            Instant::now() < deadline,
            "processes {left:?} of {} did not end within {END_SECONDS_MAX} s of SIGKILL",
            state.display()
        );
        for pid in left {
            ended += usize::from(signal(pid, state, Signal::KILL)?);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Ends a cluster whose owner died without a word, be it by SIGKILL.
///
/// A shell waits on a pipe that only the owner holds open. The kernel closes it with the
/// owner, the shell wakes, kills what carries the cluster's mark, and removes the state.
#[derive(Debug)]
pub(super) struct Reaper {
    child: Child,
    /// The end of the pipe that closes when this process dies.
    _lifeline: ChildStdin,
}

/// `$1` the mark to look for, `$2` the folder to remove or empty. `grep -z` reads the
/// NUL-separated environments; its exit code says nothing, because other processes end while
/// it reads. A pass is repeated until it finds nothing.
const REAPER_SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  found=$(grep -lzxFs -e "$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || break
  for file in $found; do
    pid=${file#/proc/}
    kill -KILL "${pid%/environ}" 2>/dev/null
  done
  sleep 0.2
done
if [ -n "$2" ] && [ -f "$2/cluster.json" ]; then rm -rf -- "$2"; fi
"#;

impl Reaper {
    pub(super) fn start(state: &Path, remove: bool) -> Result<Self> {
        let mut mark = std::ffi::OsString::from(format!("{MARK_CLUSTER}="));
        mark.push(state);
        let mut child = Command::new("sh")
            .args(["-c", REAPER_SCRIPT, "edugrid-reaper"])
            .arg(mark)
            .arg(if remove {
                state.as_os_str()
            } else {
                std::ffi::OsStr::from_bytes(b"")
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start `sh` to watch over the cluster")?;
        let lifeline = child
            .stdin
            .take()
            .context("the reaper has no standard input")?;
        Ok(Self {
            child,
            _lifeline: lifeline,
        })
    }

    /// Sends the reaper away without its deed: the cluster has ended, or is to live on.
    pub(super) fn cancel(mut self) {
        // It may have ended by itself; nothing of its end is left to act on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a log, for an error message.
pub(super) fn tail(log: &Path, lines: usize) -> String {
    let Ok(file) = File::open(log) else {
        return format!("  (no log at {})", log.display());
    };
    let mut last = VecDeque::with_capacity(lines);
    for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(format!("  {}", String::from_utf8_lossy(&line)));
    }
    Vec::from(last).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_survive_their_text() {
        let own = Owner::this_process().expect("on Linux");
        for owner in [Owner::Detached, own.clone()] {
            assert_eq!(Owner::parse(&owner.to_string()), Some(owner));
        }
        assert!(own.holds());
        let Owner::Process { pid, start_ticks } = own else {
            panic!("a process")
        };
        let later = Owner::Process {
            pid,
            start_ticks: start_ticks + 1,
        };
        assert!(
            !later.holds(),
            "another process with the same number is no owner"
        );
        assert_eq!(Owner::parse("12"), None);
    }

    #[test]
    fn only_marked_processes_of_the_cluster_are_ended() {
        let mine = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        let start = |state: &Path| {
            let log = state.join("log");
            // A shell with a child of its own: the child inherits the mark.
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 300 & wait"]);
            spawn(
                &mut command,
                state,
                &Owner::this_process().expect("on Linux"),
                &log,
            )
            .expect("started")
        };
        let (mut ours, mut theirs) = (start(mine.path()), start(other.path()));
        let count = |state: &Path| {
            marked()
                .expect("listed")
                .iter()
                .filter(|p| p.state == state)
                .count()
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while count(mine.path()) < 2 || count(other.path()) < 2 {
            assert!(
                Instant::now() < deadline,
                "the shells and their sleeps must show up"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(
            !signal(theirs.id(), mine.path(), Signal::KILL).expect("asked"),
            "not of this cluster"
        );

        end_all(mine.path()).expect("ended");
        ours.wait().expect("reaped");
        assert_eq!(count(mine.path()), 0);
        assert_eq!(count(other.path()), 2);

        end_all(other.path()).expect("ended");
        theirs.wait().expect("reaped");
    }

    #[test]
    fn the_reaper_ends_a_cluster_whose_owner_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        std::fs::create_dir(&state).expect("made");
        std::fs::write(state.join("cluster.json"), "{}").expect("written");
        let Reaper {
            child: mut reaper,
            _lifeline,
        } = Reaper::start(&state, true).expect("started");
        let mut command = Command::new("sleep");
        command.arg("300");
        let owner = Owner::this_process().expect("on Linux");
        let mut child =
            spawn(&mut command, &state, &owner, &folder.path().join("log")).expect("started");

        // What the kernel does with the owner's end of the pipe when the owner is killed.
        drop(_lifeline);
        reaper.wait().expect("reaped");
        let status = child.wait().expect("reaped");
        assert!(!status.success());
        assert!(
            !state.exists(),
            "the state of an ephemeral cluster goes with it"
        );
    }
}
