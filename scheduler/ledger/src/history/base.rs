//! What a view begins with where the segments before a snapshot are not at hand: balances,
//! vouchers and open admissions carried over, enough for statements of later months.

use crate::{
    account::{Account, Counters},
    books::Position,
    calendar::Month,
    chain::Digest,
    command::{Admit, Opening},
    snapshot::Frozen,
    voucher::Grant,
};
use edugrid_units::Stamp;

/// The books as they stood before the first entry that a view has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Segments before it.
    pub sequence: u64,
    /// Entries before it.
    pub entries: u64,
    /// The hash of the last one.
    pub head: Digest,
    /// When that was written.
    pub at: Stamp,
    /// What stands in segment 0.
    pub opening: Option<Opening>,
    /// All accounts that had ever moved.
    pub accounts: Vec<(Account, Counters)>,
    /// All vouchers.
    pub grants: Vec<Grant>,
    /// The admissions of attempts that hadn't ended.
    pub open: Vec<Admit>,
}

impl Base {
    /// That of books that stand there.
    pub(super) fn of(books: &Frozen<'_>) -> Self {
        let state = &books.state;
        let open = state.open.values().map(|attempt| Admit {
            admission: attempt.admission.clone(),
            hold: attempt.hold.clone(),
            epoch: attempt.epoch,
        });
        let accounts = state.accounts.iter();
        Self {
            sequence: books.segments,
            entries: state.entries,
            head: state.head,
            at: state.last_at.unwrap_or_default(),
            opening: state.opening.clone(),
            accounts: accounts.map(|(name, it)| (name.clone(), *it)).collect(),
            grants: state.vouchers.values().map(|it| it.grant.clone()).collect(),
            open: open.collect(),
        }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        Position {
            segments: self.sequence,
            entries: self.entries,
            head: self.head,
        }
    }

    /// The first month of which all entries are there.
    pub fn first_month(&self) -> Month {
        Month::of(self.at).next()
    }
}
