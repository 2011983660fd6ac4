//! The bytes of stored twins as RFC 8785 has them, written as they come. A library that takes any
//! JSON holds every property apart until its object ends, which was two thirds of what a replay
//! took; twins need less: they have no numbers, and their keys are field names, in ASCII. That
//! the bytes are the library's is what the tests hold it to.

use serde_json::Value;

/// The canonical bytes of a value without numbers whose keys are ASCII.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            // In order by themselves, unless some crate asks serde_json for another kind of map.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            enclosed(b"{}", fields.into_iter(), out, |(key, value), out| {
                write_text(key, out);
                out.push(b':');
                write(value, out);
            });
        }
        Value::Array(items) => enclosed(b"[]", items.iter(), out, write),
        Value::String(text) => write_text(text, out),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Null => out.extend_from_slice(b"null"),
        // Stored twins have none.
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

fn enclosed<T>(
    [open, close]: &[u8; 2],
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(*open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(*close);
}

/// In quotes. What serde_json escapes, and how, is what the RFC says.
fn write_text(text: &str, out: &mut Vec<u8>) {
    // Text goes into memory: that never fails.
    let _written = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any value that a stored twin could be.
    fn twin() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::String),
            "[\\x00-\\x7f\u{e000}\u{ffff}\u{10000}]*".prop_map(Value::String),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let fields = proptest::collection::vec(("[ -~]{0,6}", inner.clone()), 0..6);
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Value::Array),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_library(value in twin()) {
            let library = serde_json_canonicalizer::to_vec(&value).expect("no number is infinite");
            prop_assert_eq!(bytes(&value), library);
        }
    }
}
