//! `PriceBook`: prices per pool and tier from an instant on (L2). A change of prices is a new object, since policies
//! have no clock to know what is already in effect.

use crate::bounds::{self, MESSAGE_MAX, NAME_MAX};
use crate::conditions;
use crate::rules;
use crate::text::{ClockTime, Money, Ratio};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Most prices of a book.
pub const PRICES_MAX: u32 = 512;
/// Most bands of the day.
pub const BANDS_MAX: u32 = 16;

/// What the province charges. Immutable.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "PriceBook",
    plural = "pricebooks",
    shortname = "pbook",
    category = "edugrid",
    status = "PriceBookStatus",
    derive = "PartialEq",
    doc = "Prices per pool and tier, in effect from an instant until a later book's.",
    validation = rules::name_is_label("PriceBook", NAME_MAX),
    printcolumn(name = "From", type_ = "string", json_path = ".spec.effectiveFrom"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Note", type_ = "string", json_path = ".spec.note"),
    printcolumn(name = "Prices", type_ = "string", json_path = ".spec.prices", priority = 1),
    printcolumn(name = "Bands", type_ = "string", json_path = ".spec.bands", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::immutable_spec(
    "PriceBook",
    "a change of prices is another PriceBook with a later effectiveFrom",
))]
pub struct PriceBookSpec {
    /// In effect from this instant.
    pub effective_from: Time,
    /// Prices. A pool and tier that no book prices is refused (`NoPrice`); a free pool says price 0.
    #[schemars(length(min = 1, max = PRICES_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pool".into(), "tier".into()]))]
    pub prices: Vec<Price>,
    /// Parts of the day with another price, in Asia/Shanghai. Outside them the price stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = BANDS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub bands: Vec<Band>,
    /// For people: the decision that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MESSAGE_MAX))]
    pub note: Option<String>,
}

impl Default for PriceBookSpec {
    /// An empty book in effect since 1970; the API server takes none without a price.
    fn default() -> Self {
        Self {
            effective_from: Time(Timestamp::UNIX_EPOCH),
            prices: Vec::new(),
            bands: Vec::new(),
            note: None,
        }
    }
}

/// The price of one pool and tier.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The pool.
    #[schemars(schema_with = "bounds::name")]
    pub pool: String,
    /// The price tier, as classes name it.
    #[schemars(schema_with = "bounds::name")]
    pub tier: String,
    /// Yuan per unit and hour; `"0"` for a free pool.
    pub per_card_hour: Money,
}

/// A part of the day with another price.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = rules::refuse(
    "self.from != self.to",
    "band '%s' begins and ends at %s: give an end after its beginning, or before it for a band \
     over midnight",
    "self.name, self.from",
))]
pub struct Band {
    /// Its name.
    #[schemars(schema_with = "bounds::name")]
    pub name: String,
    /// Its beginning.
    pub from: ClockTime,
    /// Its end; before `from` for a band over midnight.
    pub to: ClockTime,
    /// What prices are multiplied with.
    pub factor: Ratio,
}

/// What the system saw of a book.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceBookStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}
