//! CEL rules that several kinds share, as functions that fill in the field and the way out.
//!
//! A rule about one field of one kind stands beside that field instead. Messages that show values are made with
//! `format`: the API server can't bound the length of `string(an integer)` and refuses a definition with it.

use crate::text;
use kube::core::{Message, Rule};
use serde_json::{Value, json};

/// A rule whose refusal shows values: `says` with `%s` and `%d` for the CEL expressions in `values`.
#[must_use]
pub fn refuse(unless: &str, says: &str, values: &str) -> Rule {
    Rule::new(unless).message(Message::Expression(format!("{says:?}.format([{values}])")))
}

/// A rule whose refusal is a fixed sentence.
#[must_use]
pub fn refuse_plainly(unless: impl Into<String>, says: impl Into<String>) -> Rule {
    Rule::new(unless).message(Message::Message(says.into()))
}

/// A field that never changes, whether it is optional or not: `self == oldSelf` on the field itself would not fire
/// when the field appears or vanishes, so the rule stands on the object around it.
///
/// `path` is the field as its user knows it, `way_out` what to do instead.
#[must_use]
pub fn immutable(field: &str, path: &str, way_out: &str) -> Rule {
    refuse_plainly(
        unchanged("self", "oldSelf", field),
        format!("{path} is immutable: {way_out}"),
    )
    .field_path(format!(".{field}"))
}

/// CEL that holds where a field of two objects is the same, or absent in both.
#[must_use]
pub fn unchanged(new: &str, old: &str, field: &str) -> String {
    format!(
        "has({new}.{field}) == has({old}.{field}) && (!has({new}.{field}) || {new}.{field} == {old}.{field})"
    )
}

/// A whole spec that never changes.
#[must_use]
pub fn immutable_spec(kind: &str, way_out: &str) -> Rule {
    refuse_plainly(
        "self == oldSelf",
        format!("the spec of a {kind} is immutable: {way_out}"),
    )
}

/// The object's own name is a DNS label of at most `max` characters, so that it fits references and label values.
#[must_use]
pub fn name_is_label(kind: &str, max: u32) -> Rule {
    refuse(
        &format!("self.metadata.name.size() <= {max} && !self.metadata.name.contains('.')"),
        &format!(
            "metadata.name is '%s': the name of a {kind} is a DNS label of at most {max} characters (a-z, 0-9 and \
             '-'); choose such a name"
        ),
        "self.metadata.name",
    )
}

/// A text that must match `pattern`, as a rule within a schema: the API server shows the value and then `says`, which
/// a schema's own `pattern` can't.
#[must_use]
pub fn spelled(pattern: &str, says: &str) -> Value {
    json!({"rule": format!("self.matches(r'{pattern}')"), "message": says})
}

/// CEL about durations that holds where one of them can't be read: that is refused elsewhere, in better words than
/// those of a failed conversion.
#[must_use]
pub fn with_durations(durations: &[&str], holds: &str) -> String {
    let misspelled = durations
        .iter()
        .map(|duration| format!("!{duration}.matches(r'{}') || ", text::DURATION));
    format!("{}{holds}", misspelled.collect::<String>())
}

/// A duration field above zero.
#[must_use]
pub fn positive_duration(path: &str) -> Rule {
    refuse(
        &with_durations(&["self"], "duration(self) > duration('0s')"),
        &format!("{path} is '%s': it must be longer than 0s, for example '8h' or '1h30m'"),
        "self",
    )
}

/// A duration field of at most `hours`.
#[must_use]
pub fn duration_at_most_hours(path: &str, hours: u32) -> Rule {
    refuse(
        &with_durations(
            &["self"],
            &format!("duration(self) <= duration('{hours}h')"),
        ),
        &format!("{path} is '%s': it may be at most {hours}h; give a shorter one"),
        "self",
    )
}

/// An amount of money above zero.
#[must_use]
pub fn positive_money(path: &str) -> Rule {
    refuse(
        &format!("!self.matches(r'{}') || self.matches('[1-9]')", text::MONEY),
        &format!("{path} is '%s': it must be above 0 yuan; give the amount"),
        "self",
    )
}

/// A quantity above zero. The API server shows the value itself; what is no quantity at all is refused elsewhere.
#[must_use]
pub fn positive_quantity(path: &str) -> Rule {
    let is_above_zero = quantity_is("q.isGreaterThan(quantity('0'))");
    refuse_plainly(
        format!("!({}) || ({is_above_zero})", quantity_is("true")),
        format!("{path} must be above 0; give how much it is"),
    )
}

/// CEL that holds where `self` is a quantity `q` with this property. The spelling is looked at first, see
/// [`text::QUANTITY`].
#[must_use]
pub fn quantity_is(property: &str) -> String {
    format!(
        "string(self).matches(r'{}') && isQuantity(string(self)) && [quantity(string(self))].all(q, {property})",
        text::QUANTITY
    )
}
