//! JSON as it was read, before it is a twin: texts stay where they lie in the bytes, and the
//! fields of an object stand in the order of their names, so that twins take them one by one.
//! Knows no twin.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::{Wire, WireError};

/// Any JSON.
#[derive(Clone, Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// Nothing that is stored has one: an integer is told when it is found, a fraction isn't even
    /// read (N1).
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        // All of it is looked at for UTF-8 at once; text by text takes longer.
        let text = str::from_utf8(bytes).map_err(|error| WireError::NotJson(error.to_string()))?;
        serde_json::from_str(text).map_err(|error| WireError::NotJson(error.to_string()))
    }

    pub(super) fn text(&self) -> Result<&str, WireError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(WireError::value(other, "a string")),
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

/// As it is shown where it isn't what it should be.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(self).fmt(f)
    }
}

impl From<&Json<'_>> for Value {
    fn from(json: &Json<'_>) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(is_it) => Self::Bool(*is_it),
            Json::Number(number) => Self::Number(number.clone()),
            Json::Text(text) => Self::String(text.clone().into_owned()),
            Json::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Json::Object(fields) => {
                let owned = |(name, it): &(Cow<'_, str>, Json<'_>)| {
                    (name.clone().into_owned(), Self::from(it))
                };
                Self::Object(fields.iter().map(owned).collect::<Map<_, _>>())
            }
        }
    }
}

/// The name of a field.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, is_it: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(is_it))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        // Most twins have fewer fields.
        let mut object: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(8);
        while let Some((Name(name), it)) = fields.next_entry()? {
            object.push((name, it));
        }
        // They stand in their order in all that we wrote.
        if !object.is_sorted_by(|(a, _), (b, _)| a <= b) {
            object.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Ok(Json::Object(object))
    }
}

/// The fields of an object, each taken once and in the order of their names, none left over.
pub(crate) struct Fields<'a, 'b>(&'a [(Cow<'b, str>, Json<'b>)]);

impl<'a, 'b> Fields<'a, 'b> {
    pub(super) fn of(json: &'a Json<'b>) -> Result<Self, WireError> {
        match json {
            Json::Object(fields) => Ok(Self(fields)),
            other => Err(WireError::value(other, "an object")),
        }
    }

    /// A field that is looked for before the others are taken.
    pub(super) fn find(&self, name: &str) -> Option<&'a Json<'b>> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, it)| it)
    }

    pub(super) fn take<T: Wire>(&mut self, name: &'static str) -> Result<T, WireError> {
        match self.0.split_first() {
            Some(((key, it), rest)) if key == name => {
                self.0 = rest;
                T::from_wire(it)
            }
            Some(((key, _), _)) if **key < *name => Err(WireError::Unknown(key.to_string())),
            _ => Err(WireError::Missing(name)),
        }
    }

    pub(super) fn finish(self) -> Result<(), WireError> {
        match self.0.first() {
            Some((name, _)) => Err(WireError::Unknown(name.to_string())),
            None => Ok(()),
        }
    }
}

/// The one field of an object that stands for a variant: its name, and what is under it.
pub(crate) fn variant<'a, 'b>(json: &'a Json<'b>) -> Result<(&'a str, &'a Json<'b>), WireError> {
    if let Json::Object(fields) = json
        && let [(name, inner)] = fields.as_slice()
    {
        return Ok((name, inner));
    }
    Err(WireError::value(json, "an object with one key"))
}

#[cfg(test)]
mod tests {
    use super::super::{read, record};

    #[derive(Debug, PartialEq)]
    struct Pair {
        first: String,
        second: u64,
    }
    record!(Pair { first, second });

    fn pair(json: &str) -> Result<(String, u64), String> {
        let read: Result<Pair, _> = read(json.as_bytes());
        read.map(|it| (it.first, it.second))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_taken_whatever_their_order_and_escapes() {
        let expected = Ok(("a\"b".to_owned(), 7));
        assert_eq!(pair(r#"{"first":"a\"b","second":"7"}"#), expected);
        assert_eq!(
            pair(r#" {"second":"7", "\u0066irst":"a\u0022b"}"#),
            expected
        );
    }

    #[test]
    fn what_is_not_the_twin_is_told() {
        for (json, told) in [
            (r#"{"second":"7"}"#, "first is missing"),
            (r#"{"first":"a"}"#, "second is missing"),
            (
                r#"{"first":"a","more":"b","second":"7"}"#,
                "more is unknown",
            ),
            (
                r#"{"first":"a","second":"7","third":"b"}"#,
                "third is unknown",
            ),
            (
                r#"{"first":"a","first":"b","second":"7"}"#,
                "first is unknown",
            ),
            (r#"{"first":5,"second":"7"}"#, "\"5\" is not a string"),
            (
                r#"{"first":["a"],"second":"7"}"#,
                "\"[\"a\"]\" is not a string",
            ),
            (r#"{"first":"a","second":"07"}"#, "\"\"07\"\" is not u64"),
            (r#"{"first":"a","second":"-0"}"#, "\"\"-0\"\" is not u64"),
            (r#"{"first":"a","second":"+7"}"#, "\"\"+7\"\" is not u64"),
            (r#"{"first":"a","second":""}"#, "\"\"\"\" is not u64"),
            ("[]", "\"[]\" is not an object"),
        ] {
            assert_eq!(pair(json), Err(told.to_owned()), "{json}");
        }
        for json in [
            "",
            "{",
            r#"{"first":"a"} x"#,
            r#"{"first":1.5,"second":"7"}"#,
        ] {
            let told = pair(json).expect_err(json);
            assert!(told.starts_with("is not JSON: "), "{told}");
        }
    }
}
