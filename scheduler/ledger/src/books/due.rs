//! What passing time asks of the books (L5, L8). The books have no clock: whoever has
//! one asks, and stages what he is told.

use edugrid_units::{Seconds, Stamp};

use super::Books;
use crate::{calendar::Month, command::Command, state::OpenAttempt};

/// Interim charges come at least this often (L5).
const CAPTURE_EVERY: Seconds = Seconds(3600);

impl Books {
    /// The interim charges and expiries that are due at `now`, in the order in which they
    /// are to be staged. Charges are due hourly from the start of an attempt, at the
    /// expiry of each of its slices and at the end of a month, once the use up to there
    /// is confirmed (A2). Takes a step per open attempt and per voucher.
    pub fn due(&self, now: Stamp) -> Vec<Command> {
        let captures = self.state.open.values().flat_map(|attempt| {
            marks(attempt).into_iter().map(|until| Command::Capture {
                key: attempt.admission.key.clone(),
                until,
            })
        });
        let expiries = self.state.vouchers.values().filter(|voucher| {
            !voucher.expired && voucher.grant.valid_until.is_some_and(|end| end <= now)
        });
        captures
            .chain(expiries.map(|voucher| Command::Expire {
                voucher: voucher.grant.voucher.clone(),
            }))
            .collect()
    }
}

/// The instants up to which an attempt is to be charged now, ascending. Of several
/// hours that have passed, the last one stands for all.
fn marks(attempt: &OpenAttempt) -> Vec<Stamp> {
    let (Some(started), Some(confirmed)) = (attempt.started, attempt.confirmed) else {
        return Vec::new();
    };
    // Nothing is charged after the walltime (T1), so nothing is due there.
    let confirmed = confirmed.min(started.after(attempt.admission.walltime));
    let after = attempt.charged_until.unwrap_or(started);
    let hours = confirmed
        .seconds_since(started)
        .0
        .checked_div(CAPTURE_EVERY.0)
        .unwrap_or(0);
    let hourly = started.after(Seconds(hours.saturating_mul(CAPTURE_EVERY.0)));
    let expiries = attempt
        .hold
        .slices
        .iter()
        .filter_map(|slice| slice.valid_until);
    let mut month = Month::of(after);
    let month_ends = std::iter::from_fn(|| {
        month = month.next();
        Some(month.start())
    });
    let mut marks: Vec<_> = expiries
        .chain(month_ends.take_while(|end| *end <= confirmed))
        .chain([hourly])
        .filter(|mark| after < *mark && *mark <= confirmed)
        .collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}
