//! What objects say beside the journal: statuses, and what is left in the end.

use edugrid_units::{AttemptKey, MicroYuan, TenantName};
use serde_json::Value;

use super::{Audit, read};
use crate::{
    api::{Change, Kind, Store},
    kubernetes::text,
};

impl Audit {
    /// A status says nothing that the journal does not say, and its epoch never falls.
    pub(super) fn status(&mut self, change: &Change) {
        let epoch = |object: &Value| object["status"]["epoch"].as_i64();
        let (after, before) = (&change.object, change.before.as_deref());
        let name = &change.key.name;
        if before.is_some_and(|before| before["status"] == after["status"]) {
            return;
        }
        if before.and_then(epoch) > epoch(after) {
            self.fault(format!(
                "{name}: an older leader's status covers a newer one's"
            ));
        }
        let uid = text(&after["metadata"]["uid"]).unwrap_or_default();
        let told = after["status"]["attempts"].as_array();
        for attempt in told.into_iter().flatten() {
            let Some(charged) = attempt["charged"].as_str() else {
                continue;
            };
            let number = attempt["number"]
                .as_u64()
                .and_then(|number| u32::try_from(number).ok());
            let key = AttemptKey {
                job: uid.as_str().into(),
                task: 0,
                attempt: number.unwrap_or(0),
            };
            let settled = self
                .attempts
                .get(&key)
                .and_then(|known| known.settled.as_ref());
            let in_books = settled.map(|settled| settled.charged);
            if attempt["outcome"].is_null() || in_books == MicroYuan::parse_yuan(charged).ok() {
                continue;
            }
            self.fault(format!(
                "{name}: its status says {charged} yuan, the journal {in_books:?}"
            ));
        }
        if after["status"]["phase"] == "Admitted"
            && !self.attempts.keys().any(|key| key.job.as_str() == uid)
        {
            self.fault(format!(
                "{name}: its status says Admitted, the journal doesn't"
            ));
        }
    }

    /// What still moves or is stuck. Empty: all is as it should be in the end.
    pub fn unrest(&self, store: &Store) -> Vec<String> {
        let mut unrest = Vec::new();
        for (key, _) in self
            .attempts
            .iter()
            .filter(|(_, known)| known.settled.is_none())
        {
            unrest.push(format!("{key} is not settled"));
        }
        for (key, job) in store.all(&Kind::new("edugrid.io", "computejobs")) {
            let phase = job["status"]["phase"].as_str().unwrap_or("nothing");
            let reason = job["status"]["reason"].as_str().unwrap_or("nothing");
            let waits = matches!(
                reason,
                "InsufficientFunds" | "TooLarge" | "Fragmented" | "NoMatchingPool"
            );
            let over = matches!(phase, "Succeeded" | "Failed" | "Cancelled");
            // What its tenant may never hold at once waits for ever.
            let most = self.limits.get(&TenantName::from(key.namespace.as_str()));
            let waits = waits
                || reason == "QuotaExceeded"
                    && most.is_some_and(|most| read::cards(job) * 1000 > *most);
            let rests = over || (phase == "Pending" && waits);
            if !rests {
                let message = job["status"]["message"].as_str().unwrap_or("");
                unrest.push(format!(
                    "job {} is {phase} because of {reason}: {message}",
                    key.name
                ));
            }
            let uid = text(&job["metadata"]["uid"]).unwrap_or_default();
            let of_it = self
                .attempts
                .iter()
                .filter(|(key, _)| key.job.as_str() == uid);
            let told = job["status"]["attempts"].as_array().map_or(0, Vec::len);
            let settled = of_it.filter(|(_, known)| known.settled.is_some()).count();
            if over && told != settled {
                unrest.push(format!(
                    "job {}: {told} attempts are told of {settled}",
                    key.name
                ));
            }
        }
        for (key, pod) in store.all(&Kind::new("", "pods")) {
            if !matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            ) {
                unrest.push(format!("pod {} is left", key.name));
            }
        }
        for (key, job) in store.all(&Kind::new("batch", "jobs")) {
            if job["status"]["conditions"].is_null() {
                unrest.push(format!("native job {} is left", key.name));
            }
        }
        unrest
    }
}
