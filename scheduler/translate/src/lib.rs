//! The rim: the objects that people write become the words of the engine and the books.
//! Everything a text can get wrong is caught here and told with its field; nothing past
//! this room sees a string that has not been read.
//!
//! A crate of its own, because a job must be read alike by the operator that admits it and
//! by `kubectl edugrid submit`, which tells what the operator will say before it is asked.
//! It knows no client and no clock.

pub mod job;
pub mod money;
pub mod requests;
pub mod segment;
pub mod snapshot;
mod template;
pub mod tenancy;

use edugrid_units::{
    MilliUnits, ParseDurationError, ParseMoneyError, ParseQuantityError, Seconds, Stamp,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A field that can't be read: the operator refuses again what the schema should have.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadField {
    /// The field's path.
    pub field: String,
    /// What is wrong and how to write it.
    pub why: Why,
}

/// What is wrong with a field.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// Not an amount of money.
    #[error(transparent)]
    Money(#[from] ParseMoneyError),
    /// Not a quantity.
    #[error(transparent)]
    Quantity(#[from] ParseQuantityError),
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] ParseDurationError),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl BadField {
    /// A fault of that field.
    pub fn new(field: impl Into<String>, why: impl Into<Why>) -> Self {
        Self {
            field: field.into(),
            why: why.into(),
        }
    }

    /// A fault of that field, in words.
    pub fn words(field: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            why: Why::Other(words.into()),
        }
    }
}

/// The instant of a Kubernetes stamp.
pub fn stamp(time: &Time) -> Stamp {
    Stamp(i64::try_from(time.0.as_nanosecond()).unwrap_or(i64::MAX))
}

/// An instant that a person wrote: virtual already (N5).
pub fn written(time: &Time) -> Stamp {
    stamp(time)
}

fn duration(field: &str, text: &str) -> Result<Seconds, BadField> {
    Seconds::parse(text).map_err(|why| BadField::new(field, why))
}

fn units(field: &str, text: &str) -> Result<MilliUnits, BadField> {
    edugrid_units::parse_milli(text).map_err(|why| BadField::new(field, why))
}
