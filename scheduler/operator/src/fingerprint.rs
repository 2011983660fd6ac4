//! By what the status of a job is known again: whether it is what this leader wrote, or what the books say. Only the
//! prints are kept, not the status; they mean something in this process alone. Not to be known here: what follows.

use std::hash::{DefaultHasher, Hash, Hasher};

use edugrid_crds::job_status::ComputeJobStatus;
use serde_json::Value;

/// What of a finished job's status follows from the books alone.
const OF_THE_BOOKS: [&str; 4] = ["phase", "attempts", "cost", "finishedAt"];

/// The prints of a status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prints {
    /// Of all of it that the operator writes.
    pub whole: u64,
    /// Of what follows from the books of a finished job.
    pub books: u64,
}

impl Prints {
    /// Of a status as it stands in the object.
    pub fn seen(status: &ComputeJobStatus) -> Self {
        let mut kept = serde_json::to_value(status).unwrap_or_default();
        if let Some(kept) = kept.as_object_mut() {
            // What an executor reports is not the operator's (API.md).
            kept.remove("external");
        }
        let books: Vec<&Value> = OF_THE_BOOKS.iter().map(|key| &kept[*key]).collect();
        Self {
            whole: print(&kept.to_string()),
            books: print(&format!("{books:?}")),
        }
    }

    /// Of a status as the operator writes it: what is null there vanishes. `None` if the object could not hold it.
    pub fn written(status: &Value) -> Option<Self> {
        let fields = status
            .as_object()?
            .iter()
            .filter(|(_, value)| !value.is_null());
        let kept = fields
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let kept: ComputeJobStatus = serde_json::from_value(Value::Object(kept)).ok()?;
        Some(Self::seen(&kept))
    }
}

fn print(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(status: Value) -> Prints {
        Prints::seen(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn what_was_written_is_known_again() {
        let written = json!({
            "phase": "Succeeded", "reason": null, "epoch": 3, "details": null, "observedGeneration": 1,
            "attempts": [{"number": 1, "startedAt": "2026-11-22T10:00:00Z", "outcome": "Succeeded", "charged": "1.50"}],
            "cost": {"held": "0.00", "charged": "1.50", "vouchers": [], "own": {"held": "0.00", "charged": "1.50"}},
        });
        let mut stands = written.clone();
        let fields = stands.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        fields.insert("external".into(), json!({"attempt": 1}));
        let prints = Prints::written(&written).unwrap();
        assert_eq!(seen(stands.clone()), prints);
        stands["epoch"] = json!(4);
        assert_ne!(seen(stands.clone()).whole, prints.whole);
        assert_eq!(seen(stands.clone()).books, prints.books);
        stands["cost"]["charged"] = json!("0.00");
        assert_ne!(seen(stands).books, prints.books);
    }
}
