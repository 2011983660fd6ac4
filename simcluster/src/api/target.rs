//! What a request is about: its path, taken apart.

/// A kind of objects, by group and plural.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The group; empty for the core group.
    pub group: String,
    /// The plural.
    pub plural: String,
}

impl Kind {
    /// The kind of that group and plural.
    pub fn new(group: &str, plural: &str) -> Self {
        Self {
            group: group.to_owned(),
            plural: plural.to_owned(),
        }
    }
}

/// A path, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/version`.
    Version,
    /// Objects.
    Objects {
        /// Their kind.
        kind: Kind,
        /// The namespace, where one is named.
        namespace: String,
        /// One object's name.
        name: Option<String>,
        /// A part of it, such as `status`.
        part: Option<String>,
    },
}

impl Target {
    /// Takes a path apart; `None` if it isn't one.
    pub fn parse(path: &str) -> Option<Self> {
        if path == "/version" {
            return Some(Self::Version);
        }
        let mut words = path.trim_start_matches('/').split('/');
        let group = match words.next()? {
            "api" => "",
            "apis" => words.next()?,
            _ => return None,
        };
        let _version = words.next()?;
        let rest: Vec<&str> = words.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, plural, rest @ ..] => {
                (*namespace, [&[*plural], rest].concat())
            }
            other => ("", other.to_vec()),
        };
        let (plural, rest) = rest.split_first()?;
        Some(Self::Objects {
            kind: Kind::new(group, plural),
            namespace: namespace.to_owned(),
            name: rest.first().map(|name| (*name).to_owned()),
            part: rest.get(1).map(|part| (*part).to_owned()),
        })
    }
}

/// The value of a query's parameter, decoded as far as kube encodes.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                digit(digits[0]).zip(digit(digits[1]))
            }
            _ => None,
        };
        match escaped {
            Some((high, low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?')),
            None if byte == b'+' => bytes.push(b' '),
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let objects = |path: &str| match Target::parse(path) {
            Some(Target::Objects {
                kind,
                namespace,
                name,
                part,
            }) => {
                let words = [
                    Some(kind.group),
                    Some(kind.plural),
                    Some(namespace),
                    name,
                    part,
                ];
                words.map(Option::unwrap_or_default).join("|")
            }
            other => format!("{other:?}"),
        };
        assert_eq!(objects("/api/v1/pods"), "|pods|||");
        assert_eq!(objects("/api/v1/namespaces/sdu-cs"), "|namespaces||sdu-cs|");
        assert_eq!(objects("/api/v1/namespaces/a/pods/b"), "|pods|a|b|");
        assert_eq!(
            objects("/apis/edugrid.io/v1alpha1/namespaces/a/computejobs/b/status"),
            "edugrid.io|computejobs|a|b|status"
        );
        assert_eq!(Target::parse("/version"), Some(Target::Version));
    }

    #[test]
    fn parameters_are_decoded() {
        let query = "&watch=true&continue=12%3Aa%2Fb&limit=16";
        assert_eq!(parameter(query, "continue").as_deref(), Some("12:a/b"));
        assert_eq!(parameter(query, "watch").as_deref(), Some("true"));
        assert_eq!(parameter(query, "resourceVersion"), None);
    }
}
