//! What was borrowed in the past (O3): the engine hears of it from the journal alone, entry by
//! entry, at a start as while it runs; and the journal hears from the engine who owns how much.

use edugrid_core::{Event, PastEvent};
use edugrid_ledger::{Command, Entry};
use edugrid_units::{Ownership, Ratio, Seconds, UserName};

use super::Desk;

/// Lines of one command, so that it stays far below what a segment may hold (L12).
const LINES_MAX: usize = 500;

/// How the past counts in order (O3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FairShare {
    /// After which half of what was borrowed is forgotten; at least a second.
    pub half_life: Seconds,
    /// How much the average of the past counts beside what is borrowed now; 0: not at all.
    pub past_weight: Ratio,
}

/// What an entry says of who used and owned how much, if anything.
pub fn recalled(entry: &Entry) -> Option<PastEvent> {
    match &entry.command {
        Command::Admit(admit) => {
            let admission = &admit.admission;
            Some(PastEvent::Began {
                key: admission.key.clone(),
                path: admission.path.clone(),
                user: UserName::from(admission.submitter.as_str()),
                pool: admission.pool.clone(),
                billed: admission.billed,
                at: admission.at,
            })
        }
        Command::End { key, .. } => Some(PastEvent::Ended {
            key: key.clone(),
            at: entry.at,
        }),
        Command::Owned(ownership) => Some(PastEvent::Owned(ownership.clone())),
        Command::Rebase { at, half_life } => Some(PastEvent::Rebased {
            at: *at,
            half_life: *half_life,
        }),
        _ => None,
    }
}

impl Desk {
    /// An entry is durable.
    pub(super) fn note_past(&mut self, entry: &Entry) {
        if let Some(event) = recalled(entry) {
            self.engine(Event::Past(Box::new(event)));
        }
    }

    /// Tells the books who owns how much, where they don't know, and by which half-life
    /// averages fall, where it is another or much time has passed.
    pub(super) fn note_ownership(&mut self) {
        let half_life = self.fair_share.half_life;
        let now = self.ticker.tick();
        if self.world.past().is_rebase_due(now, half_life) {
            self.stage(now, Command::Rebase { at: now, half_life });
        }
        let Some(Ownership {
            mut measures,
            mut owned,
            ..
        }) = self.world.unrecorded()
        else {
            return;
        };
        while !measures.is_empty() || !owned.is_empty() {
            let at = self.ticker.tick();
            let rest = measures.split_off(measures.len().min(LINES_MAX));
            let measured = std::mem::replace(&mut measures, rest);
            let room = LINES_MAX.saturating_sub(measured.len());
            let rest = owned.split_off(owned.len().min(room));
            let command = Ownership {
                at,
                measures: measured,
                owned: std::mem::replace(&mut owned, rest),
            };
            self.stage(at, Command::Owned(command));
        }
    }
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
