//! CEL rules that several kinds share, as functions that fill in the field and the way out.
//!
//! A rule about one field of one kind stands beside that field instead.

use kube::core::{Message, Rule};

/// A field that never changes, whether it is optional or not: `self == oldSelf` on the field itself would not fire
/// when the field appears or vanishes, so the rule stands on the object around it.
///
/// `path` is the field as its user knows it, `way_out` what to do instead.
#[must_use]
pub fn immutable(field: &str, path: &str, way_out: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(Message::Message(format!("{path} is immutable: {way_out}")))
    .field_path(format!(".{field}"))
}

/// A whole spec that never changes.
#[must_use]
pub fn immutable_spec(kind: &str, way_out: &str) -> Rule {
    Rule::new("self == oldSelf").message(Message::Message(format!(
        "the spec of a {kind} is immutable: {way_out}"
    )))
}

/// The object's own name is a DNS label of at most `max` characters, so that it fits references and label values.
#[must_use]
pub fn name_is_label(kind: &str, max: u32) -> Rule {
    Rule::new(format!("self.metadata.name.size() <= {max} && !self.metadata.name.contains('.')")).message(
        Message::Expression(format!(
            "\"metadata.name is '\" + self.metadata.name + \"': the name of a {kind} is a DNS label of at most {max} \
             characters (a-z, 0-9 and '-'); choose such a name\""
        )),
    )
}

/// A duration field above zero.
#[must_use]
pub fn positive_duration(path: &str) -> Rule {
    Rule::new("duration(self) > duration('0s')").message(Message::Expression(format!(
        "\"{path} is '\" + self + \"': it must be longer than 0s, for example '8h' or '1h30m'\""
    )))
}

/// A duration field of at most `hours`.
#[must_use]
pub fn duration_at_most_hours(path: &str, hours: u32) -> Rule {
    Rule::new(format!("duration(self) <= duration('{hours}h')")).message(Message::Expression(
        format!("\"{path} is '\" + self + \"': it may be at most {hours}h; give a shorter one\""),
    ))
}

/// An amount of money above zero.
#[must_use]
pub fn positive_money(path: &str) -> Rule {
    Rule::new("self.matches('[1-9]')").message(Message::Expression(format!(
        "\"{path} is '\" + self + \"': it must be above 0 yuan\""
    )))
}

/// A quantity above zero. The API server's own report shows the value; a message made from it can't be bounded.
#[must_use]
pub fn positive_quantity(path: &str) -> Rule {
    Rule::new("!isQuantity(string(self)) || quantity(string(self)).isGreaterThan(quantity('0'))")
        .message(Message::Message(format!("{path} must be above 0")))
}
