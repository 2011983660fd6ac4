//! `ComputeReservation`: capacity for a time window, once or weekly (T5).

use crate::bounds::{self, NAME_MAX};
use crate::conditions;
use crate::rules;
use crate::text::{CALENDAR_DATE, CalendarDate, ClockTime, Quantity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most days that a weekly reservation leaves out.
pub const EXCEPT_MAX: u32 = 128;
/// Longest term of a weekly reservation, in days.
pub const TERM_DAYS_MAX: u32 = 400;

/// What a tenant reserves. Admitted like a job that is not preemptible.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "edugrid.io",
    version = "v1alpha1",
    kind = "ComputeReservation",
    plural = "computereservations",
    shortname = "cres",
    category = "edugrid",
    status = "ComputeReservationStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Capacity for a time window, once or weekly: a class on Tuesdays, an examination.",
    validation = rules::name_is_label("ComputeReservation", NAME_MAX),
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.owner"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool"),
    printcolumn(name = "Cards", type_ = "string", json_path = ".spec.cards"),
    printcolumn(name = "Start", type_ = "string", json_path = ".spec.window.start"),
    printcolumn(name = "End", type_ = "string", json_path = ".spec.window.end"),
    printcolumn(name = "Days", type_ = "string", json_path = ".spec.weekly.days"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::immutable("owner", "spec.owner", "make another reservation"),
    validation = rules::immutable("pool", "spec.pool", "make another reservation"),
    validation = rules::refuse_plainly(
        "has(self.window) != has(self.weekly)",
        "give either spec.window (once) or spec.weekly (every week of a term), and not both",
    )
)]
pub struct ComputeReservationSpec {
    /// The tenant that reserves and pays.
    #[schemars(schema_with = "bounds::tenant_name")]
    pub owner: String,
    /// The pool.
    #[schemars(schema_with = "bounds::name")]
    pub pool: String,
    /// Units; nodes are chosen when the window begins.
    #[x_kube(validation = rules::positive_quantity("spec.cards"))]
    pub cards: Quantity,
    /// Once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Every week of a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// Tenants whose jobs may use it, beside the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "bounds::tenant_names")]
    pub members: Vec<String>,
    /// What happens to hours that nobody uses.
    #[serde(default)]
    pub unused: UnusedHours,
}

/// From one instant to another.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = rules::refuse(
    "self.start < self.end",
    "spec.window.end %s must be later than spec.window.start %s: give a later end",
    "string(self.end), string(self.start)",
).field_path(".end"))]
pub struct Window {
    /// Its beginning.
    pub start: Time,
    /// Its end.
    pub end: Time,
}

/// The same hours on some days of every week of a term, in Asia/Shanghai.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::refuse(
        "self.from < self.to",
        "spec.weekly.to %s must be later on the day than spec.weekly.from %s: give a later end; hours over midnight \
         are two reservations",
        "self.to, self.from",
    ),
    validation = rules::refuse(
        "self.firstDate <= self.lastDate",
        "spec.weekly.lastDate %s must not be before spec.weekly.firstDate %s: give a later last day",
        "self.lastDate, self.firstDate",
    ),
    validation = term_is_bounded(),
    validation = rules::refuse(
        "!has(self.except) || self.except.all(d, d >= self.firstDate && d <= self.lastDate)",
        "spec.weekly.except names a day outside the term from %s to %s: leave it out",
        "self.firstDate, self.lastDate",
    )
)]
pub struct Weekly {
    /// Days of the week.
    #[schemars(length(min = 1, max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days: Vec<Weekday>,
    /// Its beginning on these days.
    pub from: ClockTime,
    /// Its end on these days.
    pub to: ClockTime,
    /// First day of the term.
    pub first_date: CalendarDate,
    /// Last day of the term.
    pub last_date: CalendarDate,
    /// Days that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = EXCEPT_MAX))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub except: Vec<CalendarDate>,
}

/// A term has an end, so that the windows of a reservation can be counted.
fn term_is_bounded() -> Rule {
    rules::refuse(
        &format!(
            "!self.firstDate.matches(r'{CALENDAR_DATE}') || !self.lastDate.matches(r'{CALENDAR_DATE}') || \
             timestamp(self.lastDate + 'T00:00:00Z') - timestamp(self.firstDate + 'T00:00:00Z') <= duration('{}h')",
            TERM_DAYS_MAX * 24
        ),
        &format!(
            "the term from %s to %s may last at most {TERM_DAYS_MAX} days: make a reservation per term"
        ),
        "self.firstDate, self.lastDate",
    )
}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(inline)]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// What happens to reserved hours that nobody uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum UnusedHours {
    /// The owner pays for them.
    #[default]
    ChargeOwner,
}

/// What the operator saw of a reservation.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeReservationStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Admitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::conditions")]
    pub conditions: Vec<Condition>,
}
