//! Whether the cluster's admission policies are those that this version rests on (L12): each
//! there, bound, and deciding what the chart of this version says. Whatever is missing or was
//! altered is named; words of refusals may differ, what refuses may not.
//!
//! It judges policies as data and knows no expression's meaning. What the chart leaves to its
//! values (`OPEN`) is accepted as long as it is a plain list of words: which words is the
//! business of whoever holds the values.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The policies and bindings of the chart, as `cargo xtask policygen` rendered them.
static SHIPPED: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("policies/shipped.json")).unwrap_or_default()
});
/// Variables that hold values of the chart.
const OPEN: [&str; 2] = ["archiver", "priorityClasses"];
/// What a validation says rather than decides.
const WORDS: [&str; 3] = ["message", "messageExpression", "reason"];

/// The kinds of which a policy is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ValidatingAdmissionPolicy`.
    Validating,
    /// `ValidatingAdmissionPolicyBinding`.
    ValidatingBinding,
    /// `MutatingAdmissionPolicy`.
    Mutating,
    /// `MutatingAdmissionPolicyBinding`.
    MutatingBinding,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Validating,
        Self::ValidatingBinding,
        Self::Mutating,
        Self::MutatingBinding,
    ];

    /// As Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "ValidatingAdmissionPolicy",
            Self::ValidatingBinding => "ValidatingAdmissionPolicyBinding",
            Self::Mutating => "MutatingAdmissionPolicy",
            Self::MutatingBinding => "MutatingAdmissionPolicyBinding",
        }
    }
}

/// The specs of this version, by kind and name.
pub fn shipped() -> &'static Value {
    &SHIPPED
}

/// What is wrong with the objects of a kind, a line each: `found` are those of the cluster,
/// by name, with their `spec`.
pub fn faults(kind: Kind, found: &Map<String, Value>) -> Vec<String> {
    let Some(shipped) = shipped()[kind.as_str()].as_object() else {
        // A binary without its policies must not pass for one whose cluster has them all.
        return vec![format!(
            "{} objects of this version are not known",
            kind.as_str()
        )];
    };
    let fault = |(name, spec): (&String, &Value)| {
        let what = match found.get(name) {
            None => "is missing".to_owned(),
            Some(found) => {
                let place = difference(&decides(found), &decides(spec), "spec".to_owned())?;
                format!("was altered at {place}")
            }
        };
        let kind = kind.as_str();
        Some(format!(
            "{kind} {name} {what}, install the chart of this version again"
        ))
    };
    shipped.iter().filter_map(fault).collect()
}

/// What of a spec decides: without words for people, and without what the API server fills
/// in where nothing was said.
fn decides(spec: &Value) -> Value {
    match spec {
        Value::Object(map) => {
            let is_open = map
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(|name| OPEN.contains(&name));
            let kept = map
                .iter()
                .filter(|(key, value)| !WORDS.contains(&key.as_str()) && !is_default(key, value))
                .map(|(key, value)| match value {
                    Value::String(text) if is_open && key == "expression" && is_plain(text) => (
                        key.clone(),
                        Value::String("a value of the chart".to_owned()),
                    ),
                    value => (key.clone(), decides(value)),
                });
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().map(decides).collect(),
        Value::String(text) => Value::String(text.trim_end().to_owned()),
        other => other.clone(),
    }
}

/// Whether the API server would have filled it in.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "matchPolicy" => value == "Equivalent",
        "scope" => value == "*",
        _ => match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        },
    }
}

/// One word in quotes, or a list of such: nothing that could decide by itself.
fn is_plain(expression: &str) -> bool {
    let words: Option<Vec<String>> = serde_json::from_str(expression).ok();
    let word = expression
        .trim()
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    words.is_some() || word.is_some_and(|word| !word.contains(['\'', '\\']))
}

/// The first place at which two differ.
fn difference(found: &Value, wanted: &Value, place: String) -> Option<String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let keys = found.keys().chain(wanted.keys());
            keys.into_iter().find_map(|key| {
                let null = &Value::Null;
                let (found, wanted) = (found.get(key), wanted.get(key));
                let place = format!("{place}.{key}");
                difference(found.unwrap_or(null), wanted.unwrap_or(null), place)
            })
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            let pairs = found.iter().zip(wanted).enumerate();
            pairs.into_iter().find_map(|(index, (found, wanted))| {
                difference(found, wanted, format!("{place}[{index}]"))
            })
        }
        (found, wanted) => (found != wanted).then_some(place),
    }
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
