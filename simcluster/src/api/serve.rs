//! Requests answered from the store.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    merge,
    rules::Rules,
    store::{Key, Store},
    target::{Kind, Target, parameter},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Create,
    /// `PUT`.
    Replace,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// By whose account something is asked, as far as rights differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The operator's.
    Operator,
    /// The archiver's: reads and deletes the ledger's objects, and changes nothing.
    Archiver,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose.
    pub by: Account,
    /// What is to be done.
    pub verb: Verb,
    /// The path.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The body; null where there is none.
    pub body: Value,
}

impl Ask {
    /// Whether a watch is asked for.
    pub fn is_watch(&self) -> bool {
        parameter(&self.query, "watch").as_deref() == Some("true")
    }
}

/// What an answer says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// The body.
    pub body: Value,
}

/// An answer, or the beginning of a watch.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answered.
    Answer(Answer),
    /// Changes after a revision, as they come.
    Watch {
        /// Of which kind.
        kind: Kind,
        /// Only of objects with this label.
        label: Option<String>,
        /// After which revision.
        after: u64,
        /// For how long.
        seconds: u64,
    },
}

/// A refusal as Kubernetes writes it.
pub fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                      "message": message, "reason": reason, "code": code});
    Answer { code, body }
}

/// What a 410 says, in a list and within a watch.
pub fn expired() -> Answer {
    refusal(410, "Expired", "the provided resource version is too old")
}

impl Store {
    /// Answers a request.
    pub fn serve(&mut self, ask: &Ask, rules: &Rules) -> Reply {
        let Some(target) = Target::parse(&ask.path) else {
            return Reply::Answer(refusal(404, "NotFound", "no such path"));
        };
        let Target::Objects {
            kind,
            namespace,
            name,
            part,
        } = target
        else {
            return Reply::Answer(version());
        };
        if ask.verb == Verb::Get && name.is_none() {
            return self.list_or_watch(kind, &namespace, &ask.query);
        }
        let name = name.or_else(|| ask.body["metadata"]["name"].as_str().map(str::to_owned));
        let Some(name) = name else {
            return Reply::Answer(refusal(422, "Invalid", "metadata.name is required"));
        };
        let key = Key {
            kind,
            namespace,
            name,
        };
        let is_status = part.as_deref() == Some("status");
        if let Some(refused) = forbidden(ask, &key.kind) {
            return Reply::Answer(refused);
        }
        Reply::Answer(match ask.verb {
            Verb::Get => self.read(&key),
            Verb::Create => self.make(key, ask, rules),
            Verb::Replace | Verb::Patch => self.change(key, ask, is_status, rules),
            Verb::Delete => self.take_away(&key, ask),
        })
    }

    fn read(&self, key: &Key) -> Answer {
        match self.get(key) {
            Some(object) => found(200, object),
            None => absent(key),
        }
    }

    fn make(&mut self, key: Key, ask: &Ask, rules: &Rules) -> Answer {
        if rules.names_once && self.get(&key).is_some() {
            let words = format!("{} \"{}\" already exists", key.kind.plural, key.name);
            return refusal(409, "AlreadyExists", &words);
        }
        let home = Key::new("", "namespaces", "", &key.namespace);
        let is_going =
            |namespace: &Arc<Value>| !namespace["metadata"]["deletionTimestamp"].is_null();
        if self.get(&home).is_some_and(is_going) {
            let words = format!(
                "unable to create new content in namespace {} because it is being terminated",
                home.name
            );
            return refusal(403, "Forbidden", &words);
        }
        let mut object = ask.body.clone();
        if has_status(&key.kind)
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
        if parameter(&ask.query, "dryRun").is_some() {
            return Answer {
                code: 201,
                body: object,
            };
        }
        found(201, &self.create(key, object))
    }

    /// A replacement or a merge patch, of an object or of its status.
    fn change(&mut self, key: Key, ask: &Ask, is_status: bool, rules: &Rules) -> Answer {
        let applies = parameter(&ask.query, "fieldManager").is_some() && ask.verb == Verb::Patch;
        let Some(before) = self.get(&key).cloned() else {
            // A server-side apply makes what isn't there.
            return if applies {
                found(201, &self.create(key, ask.body.clone()))
            } else {
                absent(&key)
            };
        };
        let claims = |field: &str| {
            let claimed = ask.body["metadata"][field].as_str();
            claimed.is_some_and(|claimed| Some(claimed) != before["metadata"][field].as_str())
        };
        if claims("resourceVersion") || claims("uid") {
            let words = format!("the object has been modified: {}", key.name);
            return refusal(409, "Conflict", &words);
        }
        let mut after = (*before).clone();
        let kept = [
            "uid",
            "name",
            "namespace",
            "creationTimestamp",
            "resourceVersion",
            "generation",
        ];
        match (ask.verb, is_status) {
            (Verb::Replace, _) => after = ask.body.clone(),
            (_, true) => merge(&mut after["status"], &ask.body["status"]),
            (_, false) => merge(&mut after, &ask.body),
        }
        for field in kept {
            after["metadata"][field] = before["metadata"][field].clone();
        }
        if has_status(&key.kind) {
            let (kept, given) = if is_status {
                ("spec", "status")
            } else {
                ("status", "spec")
            };
            after[kept] = before[kept].clone();
            if given == "spec" && after["spec"] != before["spec"] {
                let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
                after["metadata"]["generation"] = json!(generation + 1);
            }
        }
        drop_nulls(&mut after);
        if let Some((code, words)) = rules.refuse(&key.kind, &before, &after) {
            return refusal(code, "Invalid", &words);
        }
        if after == *before {
            return found(200, &before);
        }
        found(200, &self.put(key, after))
    }

    fn take_away(&mut self, key: &Key, ask: &Ask) -> Answer {
        let Some(there) = self.get(key).cloned() else {
            return absent(key);
        };
        let wanted = ask.body["preconditions"]["uid"].as_str();
        if wanted.is_some_and(|uid| there["metadata"]["uid"] != uid) {
            let words = format!("the UID in the precondition is not that of {}", key.name);
            return refusal(409, "Conflict", &words);
        }
        self.delete(key);
        found(200, &there)
    }

    fn list_or_watch(&self, kind: Kind, namespace: &str, query: &str) -> Reply {
        let label = parameter(query, "labelSelector").filter(|label| !label.is_empty());
        let number = |name| parameter(query, name).and_then(|text| text.parse::<u64>().ok());
        if parameter(query, "watch").as_deref() == Some("true") {
            let after = number("resourceVersion").unwrap_or(self.revision());
            return match self.since(after) {
                Some(_) => Reply::Watch {
                    kind,
                    label,
                    after,
                    seconds: number("timeoutSeconds").unwrap_or(60),
                },
                None => Reply::Answer(expired()),
            };
        }
        let limit = usize::try_from(number("limit").unwrap_or(0)).unwrap_or(0);
        let (revision, after) = match parameter(query, "continue").filter(|it| !it.is_empty()) {
            Some(token) => match token
                .split_once(':')
                .map(|(at, key)| (at.parse::<u64>(), key))
            {
                // A page of an old list: its revision must still be known.
                Some((Ok(at), key)) if self.since(at).is_some() => (at, Some(key.to_owned())),
                _ => return Reply::Answer(expired()),
            },
            None => (self.revision(), None),
        };
        let place = |key: &Key| format!("{}/{}", key.namespace, key.name);
        let mut items: Vec<(&Key, &Arc<Value>)> = self
            .all(&kind)
            .filter(|(key, _)| namespace.is_empty() || key.namespace == namespace)
            .filter(|(_, object)| has_label(object, label.as_deref()))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| place(key) > *after))
            .collect();
        let more = limit > 0 && items.len() > limit;
        if more {
            items.truncate(limit);
        }
        let token = match items.last() {
            Some((last, _)) if more => format!("{revision}:{}", place(last)),
            _ => String::new(),
        };
        let items: Vec<&Value> = items
            .into_iter()
            .map(|(_, object)| object.as_ref())
            .collect();
        let body = json!({"kind": "List", "apiVersion": "v1", "items": items,
                          "metadata": {"resourceVersion": revision.to_string(), "continue": token}});
        Reply::Answer(Answer { code: 200, body })
    }
}

/// What roles and policies don't let an account do.
fn forbidden(ask: &Ask, kind: &Kind) -> Option<Answer> {
    let is_ledger = kind.group == "ledger.edugrid.io";
    let words = match (ask.by, ask.verb) {
        (_, Verb::Get) => return None,
        (Account::Operator, Verb::Delete) if is_ledger => {
            "segments are never deleted (ledger-segments.edugrid.io)"
        }
        (Account::Operator, _) => return None,
        (Account::Archiver, Verb::Delete) if is_ledger => return None,
        (Account::Archiver, _) => "the archiver only deletes, and only what is the ledger's",
    };
    Some(refusal(403, "Forbidden", words))
}

/// Whether an object bears a label.
pub fn has_label(object: &Value, label: Option<&str>) -> bool {
    label.is_none_or(|label| !object["metadata"]["labels"][label].is_null())
}

/// Whether status is a part of its own, that other writes leave alone.
fn has_status(kind: &Kind) -> bool {
    kind.group == "edugrid.io"
}

/// What a merge of one side left as null on the other.
fn drop_nulls(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
    }
}

fn found(code: u16, object: &Arc<Value>) -> Answer {
    Answer {
        code,
        body: (**object).clone(),
    }
}

fn absent(key: &Key) -> Answer {
    refusal(
        404,
        "NotFound",
        &format!("{} \"{}\" not found", key.kind.plural, key.name),
    )
}

fn version() -> Answer {
    let body = json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "",
                      "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
    Answer { code: 200, body }
}
