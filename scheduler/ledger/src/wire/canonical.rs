//! The bytes of stored twins as RFC 8785 has them, written straight from what they stand for:
//! no value of any kind is made in between. A library that takes any JSON has to put names in
//! order while it writes; twins need less: they have no numbers, and their names stand in their
//! order where they are listed, or nothing compiles. That the bytes are the library's is what the
//! tests hold it to.

use super::Wire;

/// An object that is being written.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self {
            out,
            is_empty: true,
        }
    }

    /// The next field; names come in their order and are those of Rust's fields and variants, in
    /// which nothing is escaped.
    pub(super) fn field(&mut self, name: &'static str, value: &impl Wire) {
        value.write(self.name(name));
    }

    /// The name of the next field; what it is follows.
    pub(super) fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// Whether names stand in their order. RFC 8785 goes by units of UTF-16, which for ASCII are bytes.
pub(super) const fn in_order(names: &[&str]) -> bool {
    let mut rest = names;
    while let [first, tail @ ..] = rest {
        if let [second, ..] = tail
            && !is_before(first.as_bytes(), second.as_bytes())
        {
            return false;
        }
        rest = tail;
    }
    true
}

const fn is_before(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) | (_, []) => false,
        ([], _) => true,
        ([a, a_rest @ ..], [b, b_rest @ ..]) => *a < *b || (*a == *b && is_before(a_rest, b_rest)),
    }
}

pub(super) fn list<'a, T: Wire + 'a>(items: impl Iterator<Item = &'a T>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

pub(super) fn pair(first: &impl Wire, second: &impl Wire, out: &mut Vec<u8>) {
    out.push(b'[');
    first.write(out);
    out.push(b',');
    second.write(out);
    out.push(b']');
}

/// Some texts one after the other, as one string.
pub(super) fn text(parts: &[&str], out: &mut Vec<u8>) {
    if parts.iter().all(|part| part.bytes().all(is_plain)) {
        out.push(b'"');
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    } else {
        // What serde_json escapes, and how, is what the RFC says. Text goes into memory: that
        // never fails.
        let _written = serde_json::to_writer(out, &parts.concat());
    }
}

/// Whether a byte of a text stands for itself.
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::{record, tagged};
    use super::*;

    /// Every shape that a stored twin can have.
    #[derive(Clone, Debug)]
    enum Twin {
        Leaf(Leaf),
        Many(Vec<Leaf>),
        Pair { first: Leaf, second: Option<String> },
        Nothing {},
    }

    #[derive(Clone, Debug)]
    struct Leaf {
        count: i64,
        is_it: bool,
        text: String,
    }

    record!(Leaf { count, is_it, text });
    tagged!(Twin {
        Pair { first, second },
        Nothing {},
    } wrapping {
        Leaf,
        Many,
    });

    fn leaf() -> impl Strategy<Value = Leaf> {
        let text = prop_oneof![
            any::<String>(),
            "[\\x00-\\x7f\u{e000}\u{ffff}\u{10000}]*",
            "[a-z-]*",
        ];
        (any::<i64>(), any::<bool>(), text).prop_map(|(count, is_it, text)| Leaf {
            count,
            is_it,
            text,
        })
    }

    fn twin() -> impl Strategy<Value = Twin> {
        prop_oneof![
            leaf().prop_map(Twin::Leaf),
            proptest::collection::vec(leaf(), 0..6).prop_map(Twin::Many),
            (leaf(), proptest::option::of(any::<String>()))
                .prop_map(|(first, second)| Twin::Pair { first, second }),
            Just(Twin::Nothing {}),
        ]
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_library(twin in twin()) {
            let bytes = crate::wire::canonical(&twin);
            let value: Value = serde_json::from_slice(&bytes).expect("it is JSON");
            let library = serde_json_canonicalizer::to_vec(&value).expect("no number is infinite");
            prop_assert_eq!(&bytes, &library);
            let again: Twin = crate::wire::read(&bytes).expect("it is one");
            prop_assert_eq!(crate::wire::canonical(&again), bytes);
        }

        #[test]
        fn parts_are_one_text(parts in proptest::collection::vec(any::<String>(), 0..4)) {
            let mut bytes = Vec::new();
            text(&parts.iter().map(String::as_str).collect::<Vec<_>>(), &mut bytes);
            let read: String = serde_json::from_slice(&bytes).expect("it is JSON");
            prop_assert_eq!(read, parts.concat());
        }
    }

    #[test]
    fn order_is_that_of_bytes() {
        assert!(in_order(&[]) && in_order(&["a"]) && in_order(&["a", "a_b", "ab"]));
        assert!(!in_order(&["b", "a"]) && !in_order(&["a", "a"]) && !in_order(&["ab", "a"]));
    }
}
