//! The seam between the engine and the books (A3).

use crate::{Admission, AttemptKey, MicroYuan, PoolName, Stamp, TenantName, VoucherName};

/// What the engine asks the books to set aside for one admission.
#[derive(Clone, Copy, Debug)]
pub struct HoldAsk<'a> {
    /// The admission that the hold is for.
    pub admission: &'a Admission,
    /// The class's price tier.
    pub price_tier: &'a str,
    /// Who earns: the pool's owner.
    pub provider: &'a TenantName,
    /// Whether the pool is the tenant's own, which costs nothing (L2).
    pub own_pool: bool,
    /// The vouchers that the user named; empty: the books' order (L2).
    pub vouchers: &'a [VoucherName],
    /// The most that the user lets it cost.
    pub max_cost: Option<MicroYuan>,
}

/// Why the money for an admission can't be set aside. Nothing was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// No price book in effect has a price for the pool and tier (L2).
    NoPrice {
        /// The pool.
        pool: PoolName,
        /// The price tier.
        tier: String,
    },
    /// Vouchers and own money together don't reach (L2).
    InsufficientFunds {
        /// What the whole walltime costs at the highest rate of its span.
        needed: MicroYuan,
        /// What eligible vouchers would pay of it.
        vouchers: MicroYuan,
        /// What own money would pay of it.
        own: MicroYuan,
    },
    /// The whole walltime may cost more than the user allows.
    AboveMaxCost {
        /// What the whole walltime costs at the highest rate of its span.
        needed: MicroYuan,
        /// What the user allows.
        limit: MicroYuan,
    },
    /// A voucher that the user named isn't in the books.
    UnknownVoucher(VoucherName),
    /// A voucher that the user named can't pay for this job.
    VoucherNotAllowed {
        /// The voucher.
        voucher: VoucherName,
        /// Why: `holder`, `scope`, `state` or `validity`.
        why: &'static str,
    },
    /// The books refuse to write the admission itself, whatever the money: for instance
    /// because it was decided before. Why, in words.
    Refused(String),
}

/// Who pays. The books implement it; the engine calls nothing else of theirs.
///
/// Flow: the engine calls [`try_hold`](Self::try_hold) as the last check of an admission.
/// On success the books have staged the `Admit` command with its hold, and the engine
/// counts the job as admitted. The operator makes what is staged durable in one batch
/// before anything follows from it (A1, A3); if it can't, both sides are thrown away and
/// rebuilt from the journal, so neither needs to forget a batch.
///
/// Guarantees: a refused hold changes nothing. Holds staged in one step see each other.
pub trait Purse {
    /// Sets the money for `ask` aside and stages its `Admit`; returns what is held.
    ///
    /// # Errors
    /// With the shortage if no price is known or the money does not reach.
    fn try_hold(&mut self, now: Stamp, ask: &HoldAsk<'_>) -> Result<MicroYuan, Shortage>;

    /// Takes back the last [`try_hold`](Self::try_hold) that succeeded and was not yet
    /// made durable. Returns whether `key` was that hold; if not, nothing changed.
    fn undo(&mut self, key: &AttemptKey) -> bool;
}
