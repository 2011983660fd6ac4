//! A reason with its fields (W), so that a reader can say it in a language of its own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a job waits, or why a pool does not take it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The code: a word of rule W.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_zh: Option<String>,
    /// What whoever waits can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_out_zh: Option<String>,
    /// The same in fields.
    #[serde(flatten)]
    pub details: ReasonDetails,
}

/// The fields of a reason. What is absent does not apply, or is another tenant's matter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReasonDetails {
    /// The tenant of the tree where the check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The pool it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What it names, in words: a field, a resource, an object, who holds what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How much was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Amount>,
    /// How much there is for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Amount>,
    /// How much is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Amount>,
    /// When it may end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// A number with its unit: `{value: "384.00", unit: Yuan}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The number, in the spelling of its unit.
    pub value: String,
    /// What it counts.
    pub unit: AmountUnit,
}

/// What an [`Amount`] counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AmountUnit {
    /// Billed units of the reason's pool (N4), with at most three decimals.
    #[default]
    PoolUnit,
    /// Money, with two to six decimals.
    Yuan,
    /// Jobs, nodes, or whatever the code counts; whole.
    Count,
    /// A span of time: `8h`, `1h30m`.
    Duration,
}

/// As tables say it in any language: the number, and the unit where it is not the pool's.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            AmountUnit::Yuan => f.pad(&format!("{} yuan", self.value)),
            AmountUnit::PoolUnit | AmountUnit::Count | AmountUnit::Duration => f.pad(&self.value),
        }
    }
}
