//! Values that people write as text: durations, money, quantities, times of day, dates, fractions. Each knows its own
//! schema; none is ever rewritten, so an object keeps the spelling of its author.
//!
//! How they are read into numbers is not known here: the words of `units` do that, at the rim of whoever reads.

use crate::rules;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A text newtype with an inlined schema.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text! {
    /// A duration in the spelling of the Gateway API without milliseconds, each unit once, the largest first: `8h`,
    /// `90m`, `1h30m`. The books count whole seconds (A5), so no smaller unit is offered.
    DurationText,
    {
        "type": "string",
        "maxLength": 18,
        "x-kubernetes-validations": [rules::spelled(
            DURATION,
            "no duration: write hours, minutes and seconds, the largest first, for example '8h', '90m' or '1h30m'",
        )],
    }
}

text! {
    /// An amount in yuan with at most six decimals: `"12.50"`. Twelve digits before the point keep the micro-yuan
    /// within 64 bits (N3).
    Money,
    {
        "type": "string",
        "maxLength": 19,
        "x-kubernetes-validations": [rules::spelled(
            MONEY,
            "no amount in yuan: write for example '12.50', from 0, with at most 12 digits before the point and 6 after it",
        )],
    }
}

text! {
    /// A time of day in Asia/Shanghai, `00:00` to `24:00`.
    ClockTime,
    {
        "type": "string",
        "maxLength": 5,
        "x-kubernetes-validations": [rules::spelled(
            "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
            "no time of day: write hours and minutes, for example '08:30', at most '24:00'",
        )],
    }
}

text! {
    /// A day of the calendar in Asia/Shanghai, `2026-09-01`.
    CalendarDate,
    {
        "type": "string",
        "maxLength": 10,
        "x-kubernetes-validations": [rules::spelled(
            CALENDAR_DATE,
            "no day of the calendar from 2000 on: write year, month and day, for example '2026-09-01'",
        )],
    }
}

/// How a duration is spelled. What does not match, `duration()` of CEL may not be able to read.
pub const DURATION: &str =
    "^([0-9]{1,5}h([0-9]{1,5}m)?([0-9]{1,5}s)?|[0-9]{1,5}m([0-9]{1,5}s)?|[0-9]{1,5}s)$";

/// How an amount of money is spelled.
pub const MONEY: &str = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$";

/// How a day is spelled, only days that there are: months of 31 days, of 30, February, and its 29th of leap years.
pub const CALENDAR_DATE: &str = concat!(
    "^2[0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)",
    "|02-(0[1-9]|1[0-9]|2[0-8]))$",
    "|^(2[0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29$",
);

/// How a quantity is spelled, with an exponent of at most two digits: the API server needs minutes and gigabytes to
/// compare `1e99999999`, so no rule may look at a quantity that does not match.
pub const QUANTITY: &str = r"^[+-]?[0-9.]{1,24}([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$";

/// A Kubernetes quantity from 0 to 1P, as number or text: `4`, `"0.5"`, `"120Gi"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Quantity {
    /// Written as a number.
    Number(i64),
    /// Written as text.
    Text(String),
}

impl Quantity {
    /// The quantity as text, whichever way it was written.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl From<i64> for Quantity {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Quantity {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
            "x-kubernetes-validations": [{
                "rule": rules::quantity_is("!q.isLessThan(quantity('0')) && !q.isGreaterThan(quantity('1P'))"),
                "message": "not a quantity from 0 to 1P: write for example 4, \"0.5\" or \"120Gi\"",
            }],
        })
    }
}

/// An integer fraction, for what percent can't say exactly (N1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// Numerator.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub num: i32,
    /// Denominator.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub den: i32,
}

impl Default for Ratio {
    /// The whole: one over one.
    fn default() -> Self {
        Self { num: 1, den: 1 }
    }
}
