//! Statuses of tenants, pools, vouchers, funding lines and price books that somebody changed by hand, while no policy
//! refused it: told, and written again as this leader wrote them. Those of jobs, which also bear an epoch, are the
//! business of `edited`. Not to be known here: what such a status says.

use std::collections::{BTreeMap, VecDeque};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::Desk;
use crate::writes::Write;

/// Writes of one object whose events may still be under way; more are not told apart from somebody else's.
const UNDER_WAY_MAX: usize = 4;

/// What this leader wrote lately into each object, by kind and name.
#[derive(Debug, Default)]
pub(super) struct Statuses(BTreeMap<(&'static str, String), Written>);

#[derive(Debug, Default)]
struct Written {
    /// Oldest first.
    lately: VecDeque<Map<String, Value>>,
    /// Whether one of them stands in the object, as far as anybody has told.
    stands: bool,
}

impl Statuses {
    /// A status goes to the API server.
    pub(super) fn note(&mut self, write: &Write) {
        let Write::ObjectStatus {
            kind, name, status, ..
        } = write
        else {
            return;
        };
        let Some(fields) = status.as_object() else {
            return;
        };
        let written = self.0.entry((kind, name.clone())).or_default();
        if written.lately.len() == UNDER_WAY_MAX {
            written.lately.pop_front();
        }
        written.lately.push_back(fields.clone());
    }

    /// The API server has taken what was written last.
    pub(super) fn stands(&mut self, kind: &'static str, name: &str) {
        if let Some(written) = self.0.get_mut(&(kind, name.to_owned())) {
            written.stands = true;
        }
    }

    /// The object is gone; another of its name begins anew.
    pub(super) fn gone(&mut self, kind: &'static str, name: &str) {
        self.0.remove(&(kind, name.to_owned()));
    }

    /// Whether an object says something else than what was written lately, in the fields that were written. A status
    /// that was written before and comes late is none: each is seen in its order.
    fn is_edited<S: Serialize + DeserializeOwned>(
        &mut self,
        kind: &'static str,
        name: &str,
        seen: Option<&S>,
    ) -> bool {
        let Some(written) = self.0.get_mut(&(kind, name.to_owned())) else {
            return false;
        };
        let seen = seen.and_then(|it| serde_json::to_value(it).ok());
        let place = written
            .lately
            .iter()
            .position(|fields| is_same::<S>(fields, seen.as_ref()));
        match place {
            Some(place) => {
                written.lately.drain(..place);
                written.stands = true;
                false
            }
            // Told once, until what is written against it stands.
            None => std::mem::take(&mut written.stands),
        }
    }
}

/// Whether an object's status says this, as its kind spells it: what is null vanishes there.
fn is_same<S: Serialize + DeserializeOwned>(
    written: &Map<String, Value>,
    seen: Option<&Value>,
) -> bool {
    let kept = written.iter().filter(|(_, value)| !value.is_null());
    let kept: Map<String, Value> = kept
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let kept = serde_json::from_value::<S>(Value::Object(kept));
    let Some(kept) = kept.ok().and_then(|it| serde_json::to_value(it).ok()) else {
        // What the kind can't hold is refused by the API server, which is told elsewhere.
        return true;
    };
    written
        .keys()
        .all(|key| kept.get(key) == seen.and_then(|seen| seen.get(key)))
}

impl Desk {
    /// An object is there, with that status: if somebody changed what this leader wrote, it is written again.
    pub(super) fn keep_status<S: Serialize + DeserializeOwned>(
        &mut self,
        kind: &'static str,
        name: &str,
        seen: Option<&S>,
    ) {
        if self.statuses.is_edited(kind, name, seen) {
            tracing::warn!(
                kind,
                name,
                "a status was changed by somebody else and is written again"
            );
            self.tell_again(kind, name);
        }
    }
}

#[cfg(test)]
#[path = "statuses_tests.rs"]
mod tests;
