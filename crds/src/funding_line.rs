//! `FundingLine`: where the money of vouchers comes from.

use crate::bounds::{self, MESSAGE_MAX, NAME_MAX, TEXT_MAX};
use crate::conditions;
use crate::rules;
use crate::text::Money;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an issuer has to give in a year. Immutable but for its note.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "FundingLine",
    plural = "fundinglines",
    shortname = "fline",
    category = "edugrid",
    status = "FundingLineStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A source of voucher money: who issues it, for which year, how much, and whether cash stands behind it.",
    validation = rules::name_is_label("FundingLine", NAME_MAX),
    printcolumn(name = "Issuer", type_ = "string", json_path = ".spec.issuer"),
    printcolumn(name = "Year", type_ = "integer", json_path = ".spec.fiscalYear"),
    printcolumn(name = "Backing", type_ = "string", json_path = ".spec.backing"),
    printcolumn(name = "Total", type_ = "string", json_path = ".spec.total", description = "Yuan"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.source", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("issuer"),
    validation = fixed("fiscalYear"),
    validation = fixed("backing"),
    validation = fixed("total"),
    validation = fixed("source")
)]
pub struct FundingLineSpec {
    /// The tenant that issues vouchers from it.
    #[schemars(schema_with = "bounds::tenant_name")]
    pub issuer: String,
    /// The year that it is budgeted in.
    #[schemars(range(min = 2000, max = 2100))]
    pub fiscal_year: i32,
    /// Whether cash stands behind it.
    pub backing: Backing,
    /// Yuan in all.
    #[x_kube(validation = rules::positive_money("spec.total"))]
    pub total: Money,
    /// Where it comes from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = TEXT_MAX))]
    pub source: Option<String>,
    /// For people; the only field that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MESSAGE_MAX))]
    pub note: Option<String>,
}

fn fixed(field: &str) -> Rule {
    rules::immutable(field, &format!("spec.{field}"), "make another funding line")
}

/// Whether cash stands behind a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Backing {
    /// A right to use, never paid out.
    #[default]
    Quota,
    /// Money that lenders are paid with at clearing.
    Cash,
}

/// What the system saw of a line.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingLineStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Posted, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}
