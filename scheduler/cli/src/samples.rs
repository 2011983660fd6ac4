//! What the tests of tables share: readers, an age, instants.

use edugrid_crds::visibility::Age;
use edugrid_units::Language;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use crate::look::Look;

/// Who reads English, without colours.
pub const ENGLISH: Look = Look {
    language: Language::English,
    colour: false,
    wide: false,
};
/// Who reads Chinese, without colours.
pub const CHINESE: Look = Look {
    language: Language::Chinese,
    ..ENGLISH
};

/// An instant.
pub fn at(text: &str) -> Time {
    Time(text.parse::<Timestamp>().expect(text))
}

/// The age of every answer here.
pub fn age() -> Age {
    Age {
        as_of: at("2026-11-22T08:00:00Z"),
        clock: None,
    }
}
