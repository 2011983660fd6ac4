//! The stored form of entries (L11): RFC 8785 JSON with integers as decimal strings.
//!
//! Types of `units` and of the books carry no serialisation; their stored twins are the
//! field lists of [`format1`]. A field list that misses a field doesn't compile, and a
//! snapshot test pins what it writes. A changed list is a new format beside the old one,
//! which stays readable for as long as books in it exist.

mod canonical;
mod format1;
mod json;
mod primitive;
mod rows1;

pub(crate) use format1::{decode, encode};
pub(crate) use json::{Fields, Json, variant};
pub(crate) use rows1::{Head, Row};

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
    fn value(value: &Json<'_>, expected: &'static str) -> Self {
        Self::Value {
            value: value.to_string().chars().take(80).collect(),
            expected,
        }
    }
}

/// A type with a stored twin.
pub(crate) trait Wire: Sized {
    /// Adds its canonical bytes.
    fn write(&self, out: &mut Vec<u8>);
    fn from_wire(json: &Json<'_>) -> Result<Self, WireError>;
}

/// The canonical bytes of anything with a stored twin.
pub(crate) fn canonical<T: Wire>(it: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    it.write(&mut out);
    out
}

/// Reads any stored twin.
pub(crate) fn read<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    T::from_wire(&Json::parse(bytes)?)
}

/// Writes and reads these fields of an object. They are listed in the order of their names, in
/// which they are written; another order doesn't compile.
macro_rules! fields {
    (write $out:ident { $($field:ident),* }) => {{
        const { assert!($crate::wire::canonical::in_order(&[$(stringify!($field)),*])) };
        #[allow(unused_mut, reason = "a variant may have no fields")]
        let mut object = $crate::wire::canonical::Object::begin($out);
        $(object.field(stringify!($field), $field);)*
        object.end();
    }};
    (read $json:ident as $name:ident $(:: $variant:ident)? { $($field:ident),* }) => {{
        #[allow(unused_mut, reason = "a variant may have no fields")]
        let mut fields = $crate::wire::Fields::of($json)?;
        $(let $field = fields.take(stringify!($field))?;)*
        fields.finish()?;
        Ok($name $(:: $variant)? { $($field),* })
    }};
}

/// The stored twin of a struct: an object with exactly these fields.
macro_rules! record {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $crate::wire::fields!(write out { $($field),* });
            }

            fn from_wire(json: &$crate::wire::Json<'_>) -> Result<Self, $crate::wire::WireError> {
                $crate::wire::fields!(read json as Self { $($field),* })
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
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name { $($field),* } => {
                        out.extend_from_slice(concat!("{\"", stringify!($name), "\":").as_bytes());
                        $crate::wire::fields!(write out { $($field),* });
                    })*
                    $(Self::$wrap(inner) => {
                        out.extend_from_slice(concat!("{\"", stringify!($wrap), "\":").as_bytes());
                        inner.write(out);
                    })*
                }
                out.push(b'}');
            }

            fn from_wire(json: &$crate::wire::Json<'_>) -> Result<Self, $crate::wire::WireError> {
                let (name, inner) = $crate::wire::variant(json)?;
                match name {
                    $(stringify!($name) => {
                        $crate::wire::fields!(read inner as Self::$name { $($field),* })
                    })*
                    $(stringify!($wrap) => $crate::wire::Wire::from_wire(inner).map(Self::$wrap),)*
                    other => Err($crate::wire::WireError::Unknown(other.to_owned())),
                }
            }
        }
    };
}

pub(crate) use {fields, record, tagged};
