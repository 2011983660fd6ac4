//! What the auditor reads by itself: segments from their objects, charges from the journal,
//! and how long pods really ran.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_ledger::{Digest, HistoryView, MemoryView, Month, Replay, Segment, Usage, statement};
use edugrid_units::{AttemptKey, MicroYuan};
use serde_json::Value;

use crate::kubernetes::{Kubernetes, text};

/// How far a charge may go beyond the truth where the end of a pod was never seen: the
/// minute between two confirmations (A2), and what the clocks are off.
const UNSEEN_SECONDS: i64 = 130;

/// What a tenant's month came to by the journal: how many charges, how much money.
pub fn month(segments: &[Segment], tenant: &str, month: Month) -> Option<(usize, MicroYuan)> {
    let (mut replay, mut view) = (Replay::new(), MemoryView::new());
    for segment in segments {
        let records = replay.segment(segment).ok()?;
        view.append(&records, replay.position()).ok()?;
    }
    let usage = statement(&view, &tenant.into(), month).ok()?.usage;
    let cost = usage.iter().map(Usage::cost).sum::<i128>();
    Some((usage.len(), MicroYuan(u64::try_from(cost).ok()?)))
}

/// The longest time that an attempt can be charged for, if its pods ever ran; whether the operator has `seen` all ends.
pub(super) fn truth(key: &AttemptKey, seen: bool, cluster: &Kubernetes) -> Option<i64> {
    let number = key.attempt.to_string();
    let of_it = |pod: &&crate::kubernetes::Pod| pod.of.0 == key.job.as_str() && pod.of.1 == number;
    let pods: Vec<_> = cluster.pods.values().filter(of_it).collect();
    let bound = pods.iter().map(|pod| pod.bound).max()??;
    let all_ended = pods.iter().all(|pod| pod.finished.is_some());
    let last = pods.iter().filter_map(|pod| pod.finished).max();
    Some(match last {
        Some(last) if all_ended && seen => last - bound,
        Some(last) => last - bound + UNSEEN_SECONDS,
        None => return None,
    })
}

/// A segment's object, read anew: nothing of the operator's is trusted here.
pub(super) fn segment(object: &Value) -> Option<Segment> {
    let spec = &object["spec"];
    Some(Segment {
        sequence: spec["sequence"].as_u64()?,
        epoch: spec["epoch"].as_u64()?,
        nonce: text(&spec["nonce"])?,
        codec: text(&spec["codec"])?,
        previous: Digest::parse(spec["previous"].as_str()?)?,
        payload: BASE64.decode(spec["payload"].as_str()?).ok()?,
    })
}

/// Cards that a job asks for.
pub(super) fn cards(job: &Value) -> u64 {
    let roles = job["spec"]["roles"].as_array().into_iter().flatten();
    let of = |role: &Value| Some(role["replicas"].as_u64()? * role["cards"].as_u64()?);
    roles.filter_map(of).sum()
}

/// The first segment that a snapshot doesn't cover, by the name of its manifest.
pub(super) fn manifest_of(name: &str) -> Option<u64> {
    let (sequence, part) = name.split_once('-')?;
    part.starts_with("manifest-")
        .then(|| sequence.parse().ok())?
}
