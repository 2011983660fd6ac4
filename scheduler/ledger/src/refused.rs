//! Why the books refuse a command. Refusing changes nothing.

use edugrid_units::{AttemptKey, FundingLineName, JobUid, Stamp, VoucherName};

use crate::{account::PostError, price::PriceBookError, voucher::GrantError};

/// Why a command isn't written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another command has this id already (L10).
    #[error("{verb} {id} is in the books with another content, it can't be changed")]
    IdReused {
        /// The command's verb.
        verb: &'static str,
        /// Its id.
        id: String,
    },
    /// The book isn't opened; `Open` comes first.
    #[error("the book is not opened")]
    NotOpened,
    /// The book is opened already.
    #[error("the book is opened already")]
    AlreadyOpened,
    /// An opening that can't be.
    #[error("the opening's {0}")]
    Opening(&'static str),
    /// Nobody leads: `Epoch` comes before all other commands (A4).
    #[error("this writer has not begun an epoch")]
    NotLeading,
    /// The epoch isn't the last one + 1 (A4).
    #[error("epoch is {given}, after the last one comes {expected}")]
    WrongEpoch {
        /// What was given.
        given: u64,
        /// What comes next.
        expected: u64,
    },
    /// A new epoch while commands of the old one wait to be written.
    #[error("commands of the last epoch are not written yet")]
    EpochWithStaged,
    /// A line that isn't in the books.
    #[error("funding line {0} is not in the books")]
    UnknownFundingLine(FundingLineName),
    /// A voucher that isn't in the books.
    #[error("voucher {0} is not in the books")]
    UnknownVoucher(VoucherName),
    /// A voucher that is revoked for good.
    #[error("voucher {0} is revoked, that is final")]
    VoucherRevoked(VoucherName),
    /// A voucher whose validity hasn't ended.
    #[error("voucher {0} is still valid")]
    NotExpired(VoucherName),
    /// A command bound to an instant of which the books have forgotten all (L10).
    #[error("{} is forgotten, nothing can be bound to it any more (nanoseconds since 1970)", .0.0)]
    Forgotten(Stamp),
    /// A job that can't be forgotten, since an attempt of it is open.
    #[error("job {0} has an open attempt, it can't be forgotten")]
    NotSettled(JobUid),
    /// A move without a cluster.
    #[error("cluster is empty, it must be the UID of a namespace")]
    NoCluster,
    /// Averages that would be nothing at once, so that the past would silently not count.
    #[error("half-life is 0s, it must be at least 1s")]
    NoHalfLife,
    /// A grant that can't be.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A price book that can't be.
    #[error(transparent)]
    PriceBook(#[from] PriceBookError),
    /// An attempt that has no open admission.
    #[error("attempt {0} has no open admission")]
    UnknownAttempt(AttemptKey),
    /// An attempt that was decided before, or that comes before one that was (A2).
    #[error("attempt {key} comes too late, the last one decided is {last}")]
    OutOfTurn {
        /// The attempt.
        key: AttemptKey,
        /// The last attempt of its task.
        last: u32,
    },
    /// A hold that doesn't follow from vouchers, prices and rules.
    #[error("the hold of attempt {key} is wrong: {what}")]
    Hold {
        /// The attempt.
        key: AttemptKey,
        /// What is wrong.
        what: &'static str,
    },
    /// A charge for an attempt that hasn't started.
    #[error("attempt {0} has not started, nothing can be charged")]
    NotStarted(AttemptKey),
    /// A charge for use that isn't confirmed (A2), or that is charged already.
    #[error(
        "attempt {key} can be charged after {after} up to {confirmed}, not up to {until} (nanoseconds since 1970)"
    )]
    NotChargeable {
        /// The attempt.
        key: AttemptKey,
        /// Charged until here.
        after: i64,
        /// Confirmed until here.
        confirmed: i64,
        /// Asked until here.
        until: i64,
    },
    /// Something of the future.
    #[error("{} can't be confirmed yet (nanoseconds since 1970)", .0.0)]
    NotYet(Stamp),
    /// Money that isn't there.
    #[error(transparent)]
    Post(#[from] PostError),
    /// An entry above what a segment holds.
    #[error("the entry takes {bytes} bytes, a segment holds {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most.
        max: usize,
    },
}
