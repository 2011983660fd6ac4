//! The stored form of entries (L11): RFC 8785 JSON with integers as decimal strings.
//!
//! Types of `units` and of the books carry no serialisation; their stored twins are the
//! field lists of [`format1`]. A field list that misses a field doesn't compile, and a
//! snapshot test pins what it writes. A changed list is a new format beside the old one,
//! which stays readable for as long as books in it exist.

mod canonical;
mod format1;
mod primitive;
mod rows1;

pub(crate) use rows1::{Head, Row};

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::entry::Entry;

/// The format that is written.
const FORMAT: &str = "1";

/// Why bytes aren't an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not JSON at all.
    #[error("is not JSON: {0}")]
    NotJson(String),
    /// A field or variant that must be there isn't.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field that nobody knows.
    #[error("{0} is unknown")]
    Unknown(String),
    /// A value of the wrong kind or out of range.
    #[error("\"{value}\" is not {expected}")]
    Value {
        /// What stands there, cut to a readable length.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// Another spelling than the one that is written.
    #[error("is not written as RFC 8785 says")]
    NotCanonical,
    /// A format that this version can't read.
    #[error("format {0} is unknown, this version reads format {FORMAT}")]
    Format(String),
}

impl WireError {
    fn value(value: &Value, expected: &'static str) -> Self {
        Self::Value {
            value: value.to_string().chars().take(80).collect(),
            expected,
        }
    }
}

/// A type with a stored twin.
pub(crate) trait Wire: Sized {
    fn to_wire(&self) -> Value;
    fn from_wire(value: &Value) -> Result<Self, WireError>;
}

/// The canonical bytes of anything with a stored twin.
pub(crate) fn canonical<T: Wire>(it: &T) -> Vec<u8> {
    canonical::bytes(&it.to_wire())
}

/// Reads any stored twin.
pub(crate) fn read<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    T::from_wire(&json(bytes)?)
}

/// The body of an entry.
pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
    let mut value = entry.to_wire();
    if let Value::Object(fields) = &mut value {
        fields.insert("format".to_owned(), Value::String(FORMAT.to_owned()));
    }
    canonical::bytes(&value)
}

/// Reads the body of an entry.
pub(crate) fn decode(body: &[u8]) -> Result<Entry, WireError> {
    let mut value = json(body)?;
    let Some(fields) = value.as_object_mut() else {
        return Err(WireError::value(&value, "an object"));
    };
    match fields.remove("format") {
        Some(Value::String(format)) if format == FORMAT => Entry::from_wire(&value),
        Some(other) => Err(WireError::Format(other.to_string())),
        None => Err(WireError::Missing("format")),
    }
}

fn json(bytes: &[u8]) -> Result<Value, WireError> {
    serde_json::from_slice(bytes).map_err(|error| WireError::NotJson(error.to_string()))
}

/// The fields of an object, each taken once, none left over.
struct Fields<'a>(BTreeMap<&'a str, &'a Value>);

impl<'a> Fields<'a> {
    fn of(value: &'a Value) -> Result<Self, WireError> {
        let object = value
            .as_object()
            .ok_or_else(|| WireError::value(value, "an object"))?;
        Ok(Self(
            object.iter().map(|(key, it)| (key.as_str(), it)).collect(),
        ))
    }

    fn take<T: Wire>(&mut self, name: &'static str) -> Result<T, WireError> {
        T::from_wire(self.0.remove(name).ok_or(WireError::Missing(name))?)
    }

    fn finish(self) -> Result<(), WireError> {
        match self.0.into_keys().next() {
            Some(name) => Err(WireError::Unknown(name.to_owned())),
            None => Ok(()),
        }
    }
}

/// The one key of an object that stands for a variant, with what is under it.
fn variant(value: &Value) -> Result<(&str, &Value), WireError> {
    let one = |fields: &'_ Map<String, Value>| fields.len() == 1;
    value
        .as_object()
        .filter(|fields| one(fields))
        .and_then(|fields| fields.iter().next())
        .map(|(name, inner)| (name.as_str(), inner))
        .ok_or_else(|| WireError::value(value, "an object with one key"))
}

/// The stored twin of a struct: an object with exactly these fields.
macro_rules! record {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $type {
            fn to_wire(&self) -> serde_json::Value {
                let Self { $($field),* } = self;
                serde_json::Value::Object(serde_json::Map::from_iter([
                    $((stringify!($field).to_owned(), $field.to_wire()),)*
                ]))
            }

            fn from_wire(value: &serde_json::Value) -> Result<Self, $crate::wire::WireError> {
                let mut fields = $crate::wire::Fields::of(value)?;
                $(let $field = fields.take(stringify!($field))?;)*
                fields.finish()?;
                Ok(Self { $($field),* })
            }
        }
    };
}

/// The stored twin of an enum: an object with one key, the variant. Variants in braces
/// hold these fields, wrapping variants hold another twin.
macro_rules! tagged {
    ($type:ident {
        $($name:ident { $($field:ident),* },)*
    } wrapping {
        $($wrap:ident),* $(,)?
    }) => {
        impl $crate::wire::Wire for $type {
            fn to_wire(&self) -> serde_json::Value {
                let (name, inner) = match self {
                    $(Self::$name { $($field),* } => (
                        stringify!($name),
                        serde_json::Value::Object(serde_json::Map::from_iter([
                            $((stringify!($field).to_owned(), $field.to_wire()),)*
                        ])),
                    ),)*
                    $(Self::$wrap(inner) => (stringify!($wrap), inner.to_wire()),)*
                };
                serde_json::Value::Object(serde_json::Map::from_iter([(name.to_owned(), inner)]))
            }

            fn from_wire(value: &serde_json::Value) -> Result<Self, $crate::wire::WireError> {
                let (name, inner) = $crate::wire::variant(value)?;
                match name {
                    $(stringify!($name) => {
                        #[allow(unused_mut, reason = "a variant may have no fields")]
                        let mut fields = $crate::wire::Fields::of(inner)?;
                        $(let $field = fields.take(stringify!($field))?;)*
                        fields.finish()?;
                        Ok(Self::$name { $($field),* })
                    })*
                    $(stringify!($wrap) => $crate::wire::Wire::from_wire(inner).map(Self::$wrap),)*
                    other => Err($crate::wire::WireError::Unknown(other.to_owned())),
                }
            }
        }
    };
}

pub(crate) use {record, tagged};
