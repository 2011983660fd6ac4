//! The families that are read off a [`Snapshot`]: what each is called, what it means in both
//! languages, and which number of a row it is.

mod capacity;
mod leader;
mod money;
mod work;

use edugrid_core::Balance;
use edugrid_units::{MicroYuan, MilliUnits, Stamp};

use super::{rows::Shown, snapshot::Snapshot};

/// All of them, in the order of the docs.
pub(super) static GROUPS: [&dyn Shown<Snapshot>; 14] = [
    &capacity::POOLS,
    &capacity::PLACES,
    &capacity::TENANTS,
    &capacity::TENANT_POOLS,
    &capacity::LOANS,
    &work::PENDING,
    &work::WORK,
    &work::ENDS,
    &work::FINISHED,
    &money::VOUCHERS,
    &money::LINES,
    &leader::CHECKS,
    &leader::LEADER,
    &leader::LEFT_OUT,
];

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn units(units: MilliUnits) -> f64 {
    units.0 as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn balance(units: Balance) -> f64 {
    units.0 as f64 / 1000.0
}

/// From 2⁻²⁰ of a standard milli-unit.
#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn share(share: u128) -> f64 {
    share as f64 / f64::from(1_u32 << 20) / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn yuan(money: MicroYuan) -> f64 {
    money.0 as f64 / 1_000_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn seconds(stamp: Stamp) -> f64 {
    stamp.0 as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a gauge for people (N1)")]
fn count(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count for people (N1)")]
fn whole(count: u64) -> f64 {
    count as f64
}
