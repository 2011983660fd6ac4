//! What the API server refuses beside what it always refuses: the one rule of our CRDs that
//! keeps an older leader's status from covering a newer one's, and the policy that keeps the
//! journal. Each can be taken out, to see that the audit misses it.

use serde_json::Value;

use super::target::Kind;

/// Which protections stand.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A name is created once: what fences the journal (L12).
    pub names_once: bool,
    /// A status' epoch never falls (A4).
    pub epochs_rise: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self {
        names_once: true,
        epochs_rise: true,
    };

    /// Why a change is refused, if it is: the code and the words.
    pub(super) fn refuse(
        &self,
        kind: &Kind,
        before: &Value,
        after: &Value,
    ) -> Option<(u16, String)> {
        if kind.group == "ledger.edugrid.io" {
            return Some((
                422,
                "segments never change (ledger-segments.edugrid.io)".into(),
            ));
        }
        let epoch = |object: &Value| object["status"]["epoch"].as_i64();
        if self.epochs_rise
            && kind.plural == "computejobs"
            && let Some(before) = epoch(before)
            && epoch(after).is_none_or(|after| after < before)
        {
            return Some((422, "status.epoch never goes down".into()));
        }
        None
    }
}
