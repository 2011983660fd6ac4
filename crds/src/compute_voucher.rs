//! `ComputeVoucher`: a grant or a deposit that jobs are paid with (算力券).
//!
//! A voucher is a promise of money, so nothing of it changes but its state; whether line, issuer and holder belong
//! together is judged by the operator before the grant is posted.

use crate::bounds::{self, NAME_MAX, SUBJECT_MAX, TEXT_MAX};
use crate::conditions;
use crate::rules;
use crate::text::{Money, Ratio};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the issuer grants.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "ComputeVoucher",
    plural = "computevouchers",
    shortname = "vou",
    category = "edugrid",
    status = "ComputeVoucherStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A grant, or a deposit of own money, that jobs of its holder and below are paid with.",
    validation = rules::name_is_label("ComputeVoucher", NAME_MAX),
    validation = rules::refuse_plainly(
        "!has(oldSelf.status) || !has(oldSelf.status.approval) || (has(self.status) && \
         has(self.status.approval) && self.status.approval == oldSelf.status.approval)",
        "status.approval is written once and stays: revoke the voucher by spec.state and make \
         another one",
    ),
    printcolumn(name = "Holder", type_ = "string", json_path = ".spec.holder"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Face", type_ = "string", json_path = ".spec.faceValue", description = "Yuan"),
    printcolumn(name = "State", type_ = "string", json_path = ".spec.state"),
    printcolumn(name = "Approved", type_ = "string", json_path = ".status.approval.decision"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.validUntil"),
    printcolumn(name = "Issuer", type_ = "string", json_path = ".spec.issuer", priority = 1),
    printcolumn(name = "Line", type_ = "string", json_path = ".spec.fundingLine", priority = 1),
    printcolumn(name = "Maker", type_ = "string", json_path = ".spec.madeBy", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("issuer"),
    validation = fixed("fundingLine"),
    validation = fixed("holder"),
    validation = fixed("type"),
    validation = fixed("faceValue"),
    validation = fixed("coverage"),
    validation = fixed("validFrom"),
    validation = fixed("validUntil"),
    validation = fixed("scope"),
    validation = fixed("caps"),
    validation = fixed("priority"),
    validation = fixed("madeBy"),
    validation = rules::refuse_plainly(
        "oldSelf.state != 'Revoked' || self.state == 'Revoked'",
        "spec.state Revoked is final: make another voucher",
    ).field_path(".state"),
    validation = rules::refuse(
        "has(self.fundingLine) == (self.type != 'OwnFunds')",
        "spec.type is %s: a grant names in spec.fundingLine where its money comes from, and a deposit \
         (type OwnFunds) leaves it out",
        "self.type",
    ),
    validation = rules::refuse(
        "self.type == 'OwnFunds' || (has(self.validFrom) && has(self.validUntil))",
        "spec.type is %s: give spec.validFrom and spec.validUntil; only a voucher of type OwnFunds may stay \
         without an end",
        "self.type",
    ),
    validation = rules::refuse(
        "self.type != 'OwnFunds' || self.coverage.num == self.coverage.den",
        "spec.coverage is %d/%d, but own funds cover the whole price: leave it out with type \
         OwnFunds",
        "self.coverage.num, self.coverage.den",
    ).field_path(".coverage"),
    validation = rules::refuse(
        "!has(self.validFrom) || !has(self.validUntil) || self.validFrom < self.validUntil",
        "spec.validUntil %s must be later than spec.validFrom %s: give a later end",
        "string(self.validUntil), string(self.validFrom)",
    ).field_path(".validUntil")
)]
pub struct ComputeVoucherSpec {
    /// The tenant that grants it; the same as the funding line's.
    #[schemars(schema_with = "bounds::tenant_name")]
    pub issuer: String,
    /// Where its money comes from. Absent for own funds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::name")]
    pub funding_line: Option<String>,
    /// The tenant that it is for, with everything below it; below the issuer, or the root.
    #[schemars(schema_with = "bounds::tenant_name")]
    pub holder: String,
    /// What kind of money it is.
    #[serde(rename = "type")]
    pub type_: VoucherType,
    /// Its amount in yuan.
    #[x_kube(validation = rules::positive_money("spec.faceValue"))]
    pub face_value: Money,
    /// The part of a price that it pays; the rest is own money (co-pay).
    #[serde(default)]
    #[x_kube(validation = rules::refuse(
        "self.num <= self.den",
        "spec.coverage %d/%d is above the whole: num may be at most den, for example {num: 1, den: 2} for half",
        "self.num, self.den",
    ).field_path(".num"))]
    pub coverage: Ratio,
    /// Valid from this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Time>,
    /// Valid before this instant (L8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// What it may be spent on. Absent: on everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<VoucherScope>,
    /// Most of it that is spent at once or in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caps: Option<VoucherCaps>,
    /// Vouchers with a smaller number are spent first (L2). Absent: programme 10, equity 20, subsidy 30, reward 40,
    /// contribution 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub priority: Option<i32>,
    /// The only field that changes.
    #[serde(default)]
    pub state: VoucherState,
    /// Who made it. Written from the request when it is created; what anybody types here is overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = SUBJECT_MAX))]
    pub made_by: Option<String>,
}

fn fixed(field: &str) -> Rule {
    rules::immutable(
        field,
        &format!("spec.{field}"),
        "revoke this voucher by spec.state and make another one",
    )
}

/// What kind of money a voucher is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum VoucherType {
    /// 补贴券: a general subsidy.
    #[default]
    Subsidy,
    /// 倾斜券: for weak and rural schools.
    Equity,
    /// 专项券: for one programme.
    Programme,
    /// 奖励券: for performance (以奖代补).
    Reward,
    /// 贡献券: earned by lending (L9).
    Contribution,
    /// 自有资金: the holder's own money.
    OwnFunds,
}

/// What a voucher may be spent on.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherScope {
    /// Only these pools. Absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "bounds::names")]
    pub pools: Vec<String>,
    /// Only these classes. Absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "bounds::names")]
    pub classes: Vec<String>,
}

/// Most of a voucher that is spent at once.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoucherCaps {
    /// Yuan per job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::positive_money("spec.caps.perJob"))]
    pub per_job: Option<Money>,
    /// Yuan per calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::positive_money("spec.caps.perMonth"))]
    pub per_month: Option<Money>,
}

/// Whether a voucher can be spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum VoucherState {
    /// It can, once approved.
    #[default]
    Active,
    /// Not now; holds made before stay good.
    Frozen,
    /// Never again; its unheld rest goes back.
    Revoked,
}

/// What the system saw of a voucher.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeVoucherStatus {
    /// The second person's decision; the grant is posted only then. Written once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Approved, Posted, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}

/// The decision of the person who checked a voucher; another one than its maker.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who decided.
    #[schemars(length(min = 1, max = SUBJECT_MAX))]
    pub by: String,
    /// When.
    pub at: Time,
    /// What.
    pub decision: Decision,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = TEXT_MAX))]
    pub note: Option<String>,
}

/// What was decided about a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Decision {
    /// The grant is posted.
    Approved,
    /// It never is.
    Refused,
}
