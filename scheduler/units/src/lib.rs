//! The words that the engine, the books and the operator share: ids, quantities,
//! money, time, the reasons of rule W, the record of an admission (A1), who owns
//! how much (O3) and the [`Purse`] through which the engine asks for money (A3).
//!
//! This crate knows nothing: no Kubernetes, no serialisation, no clock, no disk.
//! Whoever stores or sends one of these types owns a versioned twin of it.

#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod admission;
mod ids;
mod money;
mod ownership;
mod purse;
mod quantity;
mod ratio;
mod reason;
mod time;

pub use admission::{Admission, AttemptKey, Outcome, RolePlacement, Tier};
pub use ids::{
    ClassName, FundingLineName, JobUid, NodeName, PoolName, PriceBookName, RoleName, TenantName,
    UserName, VoucherName,
};
pub use money::{MicroYuan, ParseMoneyError};
pub use ownership::{ComputeKind, Owned, Ownership, PoolMeasure};
pub use purse::{HoldAsk, Purse, Shortage};
pub use quantity::{MilliUnits, ParseQuantityError, Resources, parse_mebibytes, parse_milli};
pub use ratio::{InvalidRatio, Ratio};
pub use reason::{Amount, Feature, Language, ObjectKind, Reason, ReasonCode, Subject};
pub use time::{ParseDurationError, Seconds, Stamp};
