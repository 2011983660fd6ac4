//! What waiting jobs are told while nobody may lead (L12): the code `LedgerRewound`, with what
//! is wrong and the way out. No leader is there to say it, so it is said from the objects
//! alone; the next leader says again what holds then.
//!
//! It writes no epoch: whoever led last wrote a higher one, and nothing of its statuses but the
//! reason changes.

use edugrid_crds::ComputeJob;
use edugrid_units::{Language, Reason, ReasonCode};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

/// Jobs of one page.
const PAGE: u32 = 500;
/// Jobs that are told in one go; the rest follows at the next try.
const TOLD_MAX: usize = 2000;
/// Longest message of a status.
const MESSAGE_MAX: usize = 1024;

/// Tells every job that waits and wasn't told yet. What can't be written now is tried again by
/// the next call.
pub async fn tell(client: &Client, language: Language, why: &str) {
    let jobs: Api<ComputeJob> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut told = 0;
    loop {
        let page = match jobs.list(&params).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "waiting jobs can't be listed");
                return;
            }
        };
        for job in page.items.iter().filter(|job| is_untold(job)) {
            if told == TOLD_MAX {
                return;
            }
            told += 1;
            tell_one(client, job, language, why).await;
        }
        let more = page.metadata.continue_.filter(|token| !token.is_empty());
        let Some(token) = more else {
            return;
        };
        params = params.continue_token(&token);
    }
}

fn is_untold(job: &ComputeJob) -> bool {
    let status = job
        .status
        .as_ref()
        .and_then(|it| serde_json::to_value(it).ok());
    let status = status.unwrap_or_default();
    let waits = status["phase"]
        .as_str()
        .is_none_or(|phase| phase == "Pending");
    waits && status["reason"] != ReasonCode::LedgerRewound.as_str()
}

async fn tell_one(client: &Client, job: &ComputeJob, language: Language, why: &str) {
    let (name, namespace) = (job.name_any(), job.namespace().unwrap_or_default());
    let api: Api<ComputeJob> = Api::namespaced(client.clone(), &namespace);
    let patch = Patch::Merge(patch_of(job, language, why));
    let patched = api
        .patch_status(&name, &PatchParams::default(), &patch)
        .await;
    if let Err(error) = patched {
        tracing::warn!(namespace, name, %error, "a waiting job can't be told");
    }
}

fn patch_of(job: &ComputeJob, language: Language, why: &str) -> Value {
    let reason = Reason::new(ReasonCode::LedgerRewound);
    let message = format!("{} ({why})", reason.sentence(language));
    let message: String = message.chars().take(MESSAGE_MAX).collect();
    json!({
        "metadata": {"resourceVersion": job.metadata.resource_version, "uid": job.metadata.uid},
        "status": {
            "phase": "Pending",
            "reason": reason.code.as_str(),
            "message": message,
            "details": null,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &Value) -> ComputeJob {
        serde_json::from_value(json!({
            "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
            "metadata": {"namespace": "n", "name": "j", "uid": "u", "resourceVersion": "7"},
            "spec": {"roles": []},
            "status": status,
        }))
        .expect("a job")
    }

    #[test]
    fn only_what_waits_and_was_not_told_is_told() {
        for (status, expected) in [
            (json!(null), true),
            (json!({"phase": "Pending", "reason": "QuotaExceeded"}), true),
            (
                json!({"phase": "Pending", "reason": "LedgerRewound"}),
                false,
            ),
            (json!({"phase": "Running"}), false),
            (json!({"phase": "Succeeded"}), false),
        ] {
            assert_eq!(is_untold(&job(&status)), expected, "{status}");
        }
        let patch = patch_of(&job(&json!(null)), Language::English, "the archive knows 9");
        assert_eq!(patch["status"]["reason"], "LedgerRewound");
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let message = patch["status"]["message"].as_str().expect("text");
        assert!(message.contains("the archive knows 9"), "{message}");
    }
}
