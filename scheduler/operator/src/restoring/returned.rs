//! Jobs that an older etcd brings back after the books have let go of them (L12, A7; design 0012, R15).
//!
//! The books forget a job only when its object is gone, so in any etcd whose journal says `Forget` the object is gone
//! too. Setting etcd back breaks that: the object is there again, as it was before it ran, and the journal of the
//! archive, once it is written back, knows nothing of its attempts. The next leader would start it a second time. What
//! the cluster had lost is known before it is written, and so is which jobs were forgotten in it: their objects go
//! first, as they had gone before. No clock is asked, and no other job is touched.
//!
//! Knows nothing of how segments are written.

use std::collections::BTreeSet;

use edugrid_crds::{ComputeJob, job_status::Phase};
use edugrid_ledger::{Archive, Command, RealDisk, Segment, entries};
use edugrid_units::JobUid;
use kube::{
    Api, Client, Error, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;

use super::{READ_LIMIT, RestoreFault};

/// Jobs of one page.
const PAGE: u32 = 500;

/// Deletes again what was deleted before: the objects of jobs that were forgotten in segments which `there`, the
/// segments of the cluster, lacks. Returns how many. To be done before any of those segments is written: a leader
/// that comes upon a whole journal must find no such object.
///
/// # Errors
/// If the archive can't be read, or the API server refuses.
pub(super) async fn take_away(
    client: &Client,
    archive: &Archive<RealDisk>,
    there: &[Segment],
) -> Result<u64, RestoreFault> {
    let objects = jobs(client).await?;
    if objects.is_empty() {
        return Ok(0);
    }
    let forgotten = forgotten(archive, there)?;
    let mut count: u64 = 0;
    for job in objects {
        let uid = job.uid().unwrap_or_default();
        if forgotten.contains(&JobUid::from(uid.as_str())) {
            end(client, &job, uid).await?;
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

/// The jobs that were forgotten in segments of the archive which the cluster lacks. What it has deleted since it was
/// archived lies before its first one, and was in it when the objects went.
fn forgotten(
    archive: &Archive<RealDisk>,
    there: &[Segment],
) -> Result<BTreeSet<JobUid>, RestoreFault> {
    let known: BTreeSet<u64> = there.iter().map(|it| it.sequence).collect();
    let mut next = known.first().copied().unwrap_or(0);
    let mut reader = archive.reader();
    let mut jobs = BTreeSet::new();
    loop {
        let segments = reader.segments(next, READ_LIMIT)?;
        let Some(last) = segments.last() else {
            return Ok(jobs);
        };
        next = last.sequence.saturating_add(1);
        for segment in segments.iter().filter(|it| !known.contains(&it.sequence)) {
            for entry in entries(segment)? {
                if let Command::Forget {
                    jobs: forgotten, ..
                } = entry.command
                {
                    jobs.extend(forgotten);
                }
            }
        }
    }
}

async fn jobs(client: &Client) -> Result<Vec<ComputeJob>, RestoreFault> {
    let api: Api<ComputeJob> = Api::all(client.clone());
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        all.extend(page.items);
        let more = page.metadata.continue_.filter(|token| !token.is_empty());
        let Some(token) = more else {
            return Ok(all);
        };
        params = params.continue_token(&token);
    }
}

/// The operator may delete only what has ended, so that is written first.
async fn end(client: &Client, job: &ComputeJob, uid: String) -> Result<(), RestoreFault> {
    let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
    tracing::warn!(
        namespace,
        name,
        uid,
        "this job had run and been deleted before etcd was set back, and is deleted again"
    );
    let api: Api<ComputeJob> = Api::namespaced(client.clone(), &namespace);
    let phase = job.status.as_ref().and_then(|status| status.phase);
    if !phase.is_some_and(Phase::is_final) {
        let patch = json!({"metadata": {"uid": uid}, "status": {"phase": "Cancelled"}});
        gone(
            api.patch_status(&name, &PatchParams::default(), &Patch::Merge(patch))
                .await,
        )?;
    }
    let params = DeleteParams::background().preconditions(Preconditions {
        uid: Some(uid),
        resource_version: None,
    });
    gone(api.delete(&name, &params).await)
}

/// What is gone, or has another's name now, is gone.
fn gone<T>(answer: kube::Result<T>) -> Result<(), RestoreFault> {
    match answer {
        Err(Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        answer => Ok(answer.map(drop)?),
    }
}

#[cfg(test)]
#[path = "returned_tests.rs"]
mod tests;
