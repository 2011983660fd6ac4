//! The machine under the measurement, from `/proc`: its processors, its load, and the time and
//! memory of a process. It must not know whose process it is.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde_json::{Value, json};

/// Ticks of `/proc/<pid>/stat` in a second: fixed in Linux's interface to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// How busy the machine was: processes that ran or waited, mean of a minute.
#[derive(Clone, Debug, Serialize)]
pub struct Load(String);

impl Load {
    /// Now.
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self(text.split_whitespace().next().unwrap_or("?").to_owned())
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of machine it is.
pub fn machine() -> Value {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = processors.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": field("model name"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "kernel": kernel.trim(),
    })
}

/// The same in a few words.
pub fn described() -> String {
    let machine = machine();
    format!(
        "{} × {}, Linux {}",
        machine["cores"],
        machine["processor"].as_str().unwrap_or("processor"),
        machine["kernel"].as_str().unwrap_or("")
    )
}

/// Processor seconds that a process has used, its own and the kernel's for it.
///
/// # Errors
/// If there is no such process.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // The name, in brackets, may hold spaces; utime and stime are the 12th and 13th after it.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    Ok(fields.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// Processor time that this thread has used, its own and the kernel's for it.
pub fn thread_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// Resident memory of a process in bytes.
///
/// # Errors
/// If there is no such process.
pub fn resident_bytes(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kibibytes.context("no VmRSS")? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).expect("memory") > 100_000.0);
        let before = cpu_seconds(pid).expect("time");
        let used = thread_time();
        let mut sum = 0_u64;
        while cpu_seconds(pid).expect("time") <= before {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0 && thread_time() > used);
    }
}
