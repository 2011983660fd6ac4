//! Submits the jobs of the trace when their time comes, each college's by its own person with
//! plain `kubectl`, and lets those go that were submitted on hold. It must not know what becomes
//! of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use edugrid_crds::visibility::VirtualClock;
use jiff::{SignedDuration, Timestamp};

use super::text;
use super::trace::{Delay, Each, FACTOR, Job};
use super::world::Member;
use crate::cluster::{Cluster, FAKE_NODE_KEY, annotations};

/// How often it looks whether something is due.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// When the play began: in real time, and by the operator's clock.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// On this machine.
    pub real: Instant,
    /// By the operator's clock.
    pub by_clock: Timestamp,
}

impl Beginning {
    /// Now; the clock's word for it follows from the machine's.
    pub fn now(clock: Option<&VirtualClock>) -> Self {
        Self {
            real: Instant::now(),
            by_clock: text::in_virtual_time(Timestamp::now(), clock),
        }
    }

    /// Virtual seconds since then.
    pub fn passed(self) -> u64 {
        let milliseconds = self.real.elapsed().as_millis() * u128::from(FACTOR) / 1000;
        u64::try_from(milliseconds).unwrap_or(u64::MAX)
    }

    /// The instant by the operator's clock so many virtual seconds later.
    fn after(self, seconds: u64) -> Timestamp {
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
        self.by_clock
            .saturating_add(seconds)
            .unwrap_or(self.by_clock)
    }
}

/// What a person does at some moment.
enum Step<'a> {
    /// Submits a job.
    Submit(&'a Job),
    /// Lets a job go that was submitted on hold.
    Release(&'a Job),
}

/// The job as its user writes it. Only the annotation is the demo's own: it tells the fake node
/// how long the pod runs, in real time. Where the fake nodes are tainted, it tolerates that.
pub fn manifest(job: &Job, beginning: Beginning, tainted: bool) -> String {
    let run_for = annotations::RUN_FOR;
    let milliseconds = job.runs.saturating_mul(1000) / u64::from(FACTOR);
    let pools: Vec<&str> = job.pools().iter().map(|pool| pool.name).collect();
    let wish = match job.delay {
        Delay::None => String::new(),
        Delay::PutOff(seconds) => format!(
            "  startAfter: \"{}\"\n",
            beginning
                .after(job.arrives.saturating_add(seconds))
                .strftime("%Y-%m-%dT%H:%M:%SZ")
        ),
        Delay::Held(_) => "  state: Hold\n".to_owned(),
    };
    let toleration = match tainted {
        true => format!("tolerations: [{{key: {FAKE_NODE_KEY}, operator: Exists}}], "),
        false => String::new(),
    };
    let (cards, resources) = match job.each {
        Each::Cards(cards) => (format!("    cards: {cards}\n"), String::new()),
        Each::Cores(cores) => (
            String::new(),
            format!(", resources: {{requests: {{cpu: \"{cores}\"}}}}"),
        ),
    };
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: ComputeJob
metadata: {{namespace: {}, name: {}}}
spec:
  walltime: {}
  pools: [{}]
{wish}  roles:
  - name: worker
    replicas: {}
{cards}    template:
      metadata: {{annotations: {{{run_for}: {milliseconds}ms}}}}
      spec: {{{toleration}containers: [{{name: main, image: registry.example.edu/train:1{resources}}}]}}
",
        job.member.tenant,
        job.name(),
        text::walltime(job.walltime()),
        pools.join(", "),
        job.replicas,
    )
}

/// Does what a member's user does, those steps that are due together in one call, until all is
/// done or `stop` is set. It sets `stop` itself when it fails.
///
/// # Errors
/// If a job is refused.
pub fn submit(
    cluster: &Cluster,
    member: &Member,
    jobs: &[Job],
    beginning: Beginning,
    stop: &AtomicBool,
) -> Result<()> {
    let mut steps = steps(member, jobs).into_iter().peekable();
    while steps.peek().is_some() && !stop.load(Ordering::Relaxed) {
        let now = beginning.passed();
        let (mut new, mut released) = (Vec::new(), Vec::new());
        while let Some((_, step)) = steps.next_if(|(at, _)| *at <= now) {
            match step {
                Step::Submit(job) => new.push(manifest(job, beginning, cluster.is_borrowed())),
                Step::Release(job) => released.push(job.name()),
            }
        }
        let done = create(cluster, member, &new).and_then(|()| release(cluster, member, released));
        if let Err(error) = done {
            stop.store(true, Ordering::Relaxed);
            return Err(error).with_context(|| format!("{} can't submit", member.user));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// All that a member's user does, by when, in virtual seconds.
fn steps<'a>(member: &Member, jobs: &'a [Job]) -> Vec<(u64, Step<'a>)> {
    let mut steps = Vec::new();
    for job in jobs.iter().filter(|job| job.member.tenant == member.tenant) {
        steps.push((job.arrives, Step::Submit(job)));
        if let Delay::Held(seconds) = job.delay {
            steps.push((job.arrives.saturating_add(seconds), Step::Release(job)));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

fn create(cluster: &Cluster, member: &Member, manifests: &[String]) -> Result<()> {
    if manifests.is_empty() {
        return Ok(());
    }
    let create = ["create", "--filename=-"];
    let created = cluster.kubectl_with_input(member.user, &create, &manifests.join("---\n"))?;
    created.ok().map(drop)
}

fn release(cluster: &Cluster, member: &Member, names: Vec<String>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut args = vec![
        "patch".to_owned(),
        "computejob".to_owned(),
        format!("--namespace={}", member.tenant),
        "--type=merge".to_owned(),
        r#"--patch={"spec":{"state":"Run"}}"#.to_owned(),
    ];
    args.extend(names);
    cluster.kubectl(member.user, &args)?.ok().map(drop)
}

#[cfg(test)]
#[path = "submit_tests.rs"]
mod tests;
