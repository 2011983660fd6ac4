//! The objects and every change of them, in order: what etcd is to the API server.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::target::Kind;
use crate::random::Random;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty where the kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn new(group: &str, plural: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: Kind::new(group, plural),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Added,
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// A change, as watches tell it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its number, of all changes.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// To what.
    pub key: Key,
    /// The object after it; before it, where it is gone.
    pub object: Arc<Value>,
    /// The object before it.
    pub before: Option<Arc<Value>>,
}

/// See the module.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    log: Vec<Change>,
    /// Changes up to this one are forgotten.
    compacted: u64,
    revision: u64,
    random: Random,
    /// Whole seconds since 1970, for stamps.
    pub now_seconds: i64,
}

impl Store {
    /// Nothing in it.
    pub fn new(random: Random) -> Self {
        Self {
            objects: BTreeMap::new(),
            log: Vec::new(),
            compacted: 0,
            revision: 1,
            random,
            now_seconds: 0,
        }
    }

    /// The number of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Every change after a number, if none of them is forgotten.
    pub fn since(&self, revision: u64) -> Option<&[Change]> {
        let first = self
            .log
            .partition_point(|change| change.revision <= revision);
        (revision >= self.compacted).then(|| &self.log[first..])
    }

    /// Forgets the changes up to now, as etcd does every few minutes.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
        self.log.clear();
    }

    /// An object.
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All of a kind, in the order of namespaces and names.
    pub fn all(&self, kind: &Kind) -> impl Iterator<Item = (&Key, &Arc<Value>)> + use<'_> {
        let first = Key {
            kind: kind.clone(),
            namespace: String::new(),
            name: String::new(),
        };
        let kind = kind.clone();
        self.objects
            .range(first..)
            .take_while(move |(key, _)| key.kind == kind)
    }

    /// Makes an object, with all that a server writes into it.
    pub fn create(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        let uid = self.uid();
        let stamp = stamp(self.now_seconds);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.insert("uid".into(), json!(uid));
            metadata.insert("creationTimestamp".into(), json!(stamp));
            metadata.insert("generation".into(), json!(1));
            metadata.insert("name".into(), json!(key.name));
            if !key.namespace.is_empty() {
                metadata.insert("namespace".into(), json!(key.namespace));
            }
        }
        self.put(key, object)
    }

    /// Puts an object where it belongs, as it is but for its version.
    pub fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        let kind = if before.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.note(kind, key, object.clone(), before);
        object
    }

    /// Takes an object away.
    pub fn delete(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.note(
            ChangeKind::Deleted,
            key.clone(),
            Arc::new(last),
            Some(before.clone()),
        );
        Some(before)
    }

    /// Changes an object in place, if it is there.
    pub fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        if let Some(object) = self.objects.get(key) {
            let mut edited = (**object).clone();
            change(&mut edited);
            if edited != **object {
                self.put(key.clone(), edited);
            }
        }
    }

    fn note(&mut self, kind: ChangeKind, key: Key, object: Arc<Value>, before: Option<Arc<Value>>) {
        self.log.push(Change {
            revision: self.revision,
            kind,
            key,
            object,
            before,
        });
    }

    fn uid(&mut self) -> String {
        let (high, low) = (self.random.next(), self.random.next());
        let text = format!("{high:016x}{low:016x}");
        let parts = [
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..],
        ];
        parts.join("-")
    }
}

/// An instant as Kubernetes writes it.
pub fn stamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
