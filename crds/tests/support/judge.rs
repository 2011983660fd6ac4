//! What the API server would say to an object, said without one: the schema's own bounds here, in the server's words,
//! and the CEL rules by kube's evaluator.

use kube::core::cel::{Validator, apply_defaults};
use regex::Regex;
use serde_json::Value;

/// Every refusal of `object`, created or, with `old`, changed; empty where it is taken.
pub fn refusals(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<String> {
    let object = apply_defaults(schema, object);
    let mut found = Vec::new();
    walk(schema, &object, "", &mut found);
    if let Err(errors) = Validator::new().validate(schema, &object, old) {
        // The evaluator writes UTC as an offset, the API server as Z.
        found.extend(
            errors
                .into_iter()
                .map(|error| error.to_string().replace("+00:00", "Z")),
        );
    }
    found
}

fn walk(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if !is_of_type(schema, value) {
        let wanted = schema["type"].as_str().unwrap_or("integer or string");
        found.push(format!(
            "{path}: Invalid value: {path} in body must be of type {wanted}"
        ));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: Unsupported value: {value}"));
    }
    match value {
        Value::String(text) => check_text(schema, text, path, found),
        Value::Number(number) => {
            check_number(schema, number.as_f64().unwrap_or(f64::NAN), path, found)
        }
        Value::Array(items) => check_list(schema, items, path, found),
        Value::Object(_) => check_object(schema, value, path, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_of_type(schema: &Value, value: &Value) -> bool {
    if schema["x-kubernetes-int-or-string"] == true {
        return value.is_i64() || value.is_string();
    }
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    }
}

fn check_text(schema: &Value, text: &str, path: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|max| length > max) {
        found.push(format!(
            "{path}: Too long: may not be more than {} bytes",
            schema["maxLength"]
        ));
    }
    if schema["minLength"].as_u64().is_some_and(|min| length < min) {
        found.push(format!(
            "{path}: Invalid value: should be at least {} chars long",
            schema["minLength"]
        ));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !Regex::new(pattern)
            .expect("a pattern of ours compiles")
            .is_match(text)
    {
        found.push(format!(
            "{path}: Invalid value: {text:?}: {path} in body should match '{pattern}'"
        ));
    }
    if schema["format"] == "date-time" && text.parse::<k8s_openapi::jiff::Timestamp>().is_err() {
        found.push(format!(
            "{path}: Invalid value: {text:?}: {path} in body must be of type date-time"
        ));
    }
}

fn check_number(schema: &Value, number: f64, path: &str, found: &mut Vec<String>) {
    if let Some(min) = schema["minimum"].as_f64().filter(|min| number < *min) {
        found.push(format!(
            "{path}: Invalid value: {number}: {} in body should be greater than or equal to {min}",
            &path[1..]
        ));
    }
    if let Some(max) = schema["maximum"].as_f64().filter(|max| number > *max) {
        found.push(format!(
            "{path}: Invalid value: {number}: {} in body should be less than or equal to {max}",
            &path[1..]
        ));
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, found: &mut Vec<String>) {
    let length = items.len() as u64;
    if let Some(min) = schema["minItems"].as_u64().filter(|min| length < *min) {
        found.push(format!(
            "{path}: Invalid value: {length}: {} in body should have at least {min} items",
            &path[1..]
        ));
    }
    if let Some(max) = schema["maxItems"].as_u64().filter(|max| length > *max) {
        found.push(format!(
            "{path}: Too many: {length}: must have at most {max} items"
        ));
    }
    let key = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
            let parts = keys.iter().filter_map(Value::as_str);
            let parts = parts.filter_map(|key| Some((key.to_owned(), item.get(key)?.clone())));
            Some(Value::Object(parts.collect()))
        }
        _ => None,
    };
    for (index, item) in items.iter().enumerate() {
        if let Some(here) = key(item)
            && items[..index]
                .iter()
                .any(|other| key(other).as_ref() == Some(&here))
        {
            found.push(format!("{path}[{index}]: Duplicate value: {here}"));
        }
        walk(&schema["items"], item, &format!("{path}[{index}]"), found);
    }
}

fn check_object(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let Some(map) = value.as_object() else { return };
    for field in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !map.contains_key(field) {
            found.push(format!("{path}.{field}: Required value"));
        }
    }
    if schema["minProperties"]
        .as_u64()
        .is_some_and(|min| (map.len() as u64) < min)
    {
        found.push(format!(
            "{path}: Invalid value: {}: {} in body should have at least {} properties",
            map.len(),
            &path[1..],
            schema["minProperties"]
        ));
    }
    if schema["maxProperties"]
        .as_u64()
        .is_some_and(|max| (map.len() as u64) > max)
    {
        found.push(format!(
            "{path}: Too many: must have at most {} items",
            schema["maxProperties"]
        ));
    }
    for (name, field) in map {
        let property = schema["properties"]
            .get(name)
            .or_else(|| schema.get("additionalProperties"));
        if let Some(property) = property.filter(|property| property.is_object()) {
            walk(property, field, &format!("{path}.{name}"), found);
        }
    }
}
