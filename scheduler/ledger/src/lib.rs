//! The books: money and admissions as a chain of entries that can be replayed, proved
//! and read (rules A and L). Knows no Kubernetes, no engine, no clock and no network; no
//! floats, and no order that isn't that of keys.
//!
//! # How the books are used
//!
//! Flow of a leader's life:
//! 1. Read all segments from the [`SegmentStore`] and feed them to a [`Replay`]; its
//!    [`finish`](Replay::finish) gives the [`Books`]. An empty store gives empty books:
//!    stage [`Command::Open`] first. [`Books::open_attempts`] are admitted, whatever the
//!    objects say (A2).
//! 2. Stage [`Command::Epoch`] with [`Books::epoch`] + 1 and a random mark of one's own
//!    (A4). The books refuse everything else until then.
//! 3. For ever: the engine calls [`Purse::try_hold`](edugrid_units::Purse::try_hold), the
//!    operator [`Books::stage`]s what happened and what is [`due`](Books::due). Then
//!
//! ```text
//! while let Some(batch) = books.take_batch() {   // at most one in flight (A3)
//!     store.append(batch.segment()).await?;      // durable, or step down
//!     books.committed(batch.segment().sequence)?;
//!     view.append(batch.records(), batch.after())?;   // may be thrown away and rebuilt
//!     // only now: status, workloads and acknowledgements for batch.entries() (A1, A4)
//! }
//! ```
//!
//! Guarantees: what is refused changes nothing. What is staged is visible at once to
//! readers and to later commands, in memory. A command given again is answered as
//! before and not written again (L10). Money is conserved by every entry (L1).
//! Assumptions: a caller's instants may stand still or go back, the entries' don't (N2).
//! Errors: after a failed append that isn't a plain refusal the journal may or may not
//! hold the segment; drop the books and replay. Nothing else is ever undone, except
//! [`Purse::undo`](edugrid_units::Purse::undo) of the last staged hold.
//!
//! # The rooms
//!
//! `account` conserves money; `price` and `hold` compute charges; `plan` divides a hold;
//! `voucher` knows promises. `command`, `entry`, `wire` and `chain` are what is written;
//! `state` is what follows from it; `books` stages it; `segment` and `journal` store it;
//! `replay` reads and proves it; `history` and `statement` tell it.

#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod account;
mod archive;
mod books;
mod calendar;
mod chain;
mod command;
mod disk;
mod entry;
mod history;
mod hold;
mod journal;
mod plan;
mod price;
mod refused;
mod replay;
mod segment;
mod snapshot;
mod state;
mod statement;
#[cfg(test)]
mod tests;
mod voucher;
mod wire;

pub use account::{Account, Counters, Leg, Phase, PostError};
pub use archive::{Archive, ArchiveError, ArchiveReader, Head, Owner};
pub use books::{Applied, Batch, Books, Imbalance, NotInFlight, Position, VoucherBalance};
pub use calendar::{Month, ParseMonthError};
pub use chain::{Algorithm, Digest};
pub use command::{Admit, Command, CommandId, Opening};
pub use disk::{Disk, DiskFile, RealDisk};
pub use entry::{Answer, Entry, Line, Record, Settlement};
pub use history::{
    Backlog, Base, Earlier, HistoryView, Known, MemoryView, RestoreError, Restored, Rewound, Sight,
    SledView, ViewError, ViewFound, Witness, look, restore, set_aside,
};
pub use hold::{Hold, Slice};
pub use journal::{Ending, FileJournal, Found, JournalError, Records};
pub use price::{
    BAND_DENOMINATOR_MAX, Band, Price, PriceBook, PriceBookError, Rates, price_in_effect,
};
pub use refused::Refused;
pub use replay::{Damage, Fault, Replay, Verified, entries, replay, verify, verify_export};
pub use segment::{AppendError, CODEC, PAYLOAD_BYTES_MAX, ReadError, Segment, SegmentStore};
pub use snapshot::{
    Frozen, Manifest, PART_BYTES_MAX, Part, SNAPSHOT_CODEC, Section, Snapshot, SnapshotError,
};
pub use state::{OpenAttempt, Payments, SettledAttempt};
pub use statement::{
    AccountDocument, AccountStatement, Balance, ClockDocument, Movement, MovementDocument,
    Statement, StatementDocument, Usage, UsageDocument, statement,
};
pub use voucher::{
    Backing, Caps, FundingLine, Grant, GrantError, Scope, Voucher, VoucherKind, VoucherState,
};
pub use wire::WireError;
