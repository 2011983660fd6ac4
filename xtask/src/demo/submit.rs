//! Submits the jobs of the trace when their time comes, each university's by its own person with
//! plain `kubectl`. It must not know what becomes of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::text;
use super::trace::{FACTOR, Job};
use super::world::Tenant;
use crate::cluster::{Cluster, annotations};

/// How often it looks whether a job is due.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The job as its user writes it. Only the annotation is the demo's own: it tells the fake node
/// how long the pod runs, in real time.
pub fn manifest(job: &Job) -> String {
    let run_for = annotations::RUN_FOR;
    let milliseconds = job.runs.saturating_mul(1000) / u64::from(FACTOR);
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: ComputeJob
metadata: {{namespace: {}, name: {}}}
spec:
  walltime: {}
  roles:
  - name: worker
    replicas: {}
    cards: {}
    template:
      metadata: {{annotations: {{{run_for}: {milliseconds}ms}}}}
      spec: {{containers: [{{name: main, image: registry.example.edu/train:1}}]}}
",
        job.tenant.name,
        job.name(),
        text::walltime(job.walltime()),
        job.replicas,
        job.cards_per_pod,
    )
}

/// Submits a tenant's jobs, those that are due together in one call, until all are submitted or
/// `stop` is set. It sets `stop` itself when it fails.
///
/// # Errors
/// If a job is refused.
pub fn submit(
    cluster: &Cluster,
    tenant: &Tenant,
    jobs: &[Job],
    began: Instant,
    stop: &AtomicBool,
) -> Result<()> {
    let mine = jobs.iter().filter(|job| job.tenant.name == tenant.name);
    let mut mine = mine.peekable();
    while mine.peek().is_some() && !stop.load(Ordering::Relaxed) {
        let now = began.elapsed().as_millis() * u128::from(FACTOR) / 1000;
        let mut due = Vec::new();
        while let Some(job) = mine.next_if(|job| u128::from(job.arrives) <= now) {
            due.push(manifest(job));
        }
        if due.is_empty() {
            std::thread::sleep(LOOK_INTERVAL);
            continue;
        }
        let create = ["create", "--filename=-"];
        let created = cluster.kubectl_with_input(tenant.user, &create, &due.join("---\n"));
        if let Err(error) = created.and_then(|output| output.ok()) {
            stop.store(true, Ordering::Relaxed);
            return Err(error).with_context(|| format!("{} can't submit", tenant.user));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use edugrid_crds::ComputeJob;

    use super::*;
    use crate::demo::trace::{EXCERPT, jobs, read};

    #[test]
    fn a_user_writes_a_dozen_lines_of_our_kind() {
        let (jobs, _) = jobs(&read(EXCERPT).expect("rows")).expect("jobs");
        for job in &jobs {
            let text = manifest(job);
            assert_eq!(text.lines().count(), 12);
            let read: ComputeJob = serde_saphyr::from_str(&text).expect("a ComputeJob");
            assert_eq!(read.metadata.namespace.as_deref(), Some(job.tenant.name));
            assert_eq!(read.spec.roles[0].replicas.unsigned_abs(), job.replicas);
            let rest = &read.spec.roles[0]
                .template
                .metadata
                .as_ref()
                .expect("metadata")
                .rest;
            let real = rest["annotations"][annotations::RUN_FOR]
                .as_str()
                .expect("a duration");
            let real: u64 = real.trim_end_matches("ms").parse().expect("milliseconds");
            assert_eq!(real, job.runs * 1000 / u64::from(FACTOR));
            assert!(real >= 1000, "shorter than the stamps can show");
        }
    }
}
