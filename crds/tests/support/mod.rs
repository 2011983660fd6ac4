//! The cases of `tests/cases`, read once for both judges: the local one here, and a real API server.
//!
//! A case is a valid object and what is set in it, by JSON pointer (null removes); `says` is part of the refusal that
//! must follow, and absent where the change must be taken.

// Each test binary uses its own part of this module.
#![allow(dead_code)]

pub mod judge;
// How an example is read is known in one place, on the other side of the wall: that crate stands on this one.
#[path = "../../../xtask/src/examples/script.rs"]
pub mod script;

use edugrid_crds::{definitions, file_name};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values to set, by JSON pointer; null removes.
pub type Settings = BTreeMap<String, Value>;

/// The cases of one kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// An object that is taken as it is.
    pub valid: Value,
    /// Objects that are refused when they are created.
    pub refused: Vec<Case>,
    /// Changes to an object that exists.
    pub changes: Vec<Case>,
}

/// One object or change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is, for people.
    pub case: String,
    /// What is set before the object exists.
    #[serde(default)]
    pub before: Settings,
    /// What is set then.
    pub set: Settings,
    /// Part of the refusal.
    pub says: Option<String>,
}

/// A kind with its cases.
pub struct Subject {
    pub definition: CustomResourceDefinition,
    pub suite: Suite,
}

impl Subject {
    pub fn kind(&self) -> &str {
        &self.definition.spec.names.kind
    }

    /// The schema as the API server gets it.
    pub fn schema(&self) -> Value {
        schema(&self.definition)
    }
}

pub fn schema(definition: &CustomResourceDefinition) -> Value {
    let version = definition
        .spec
        .versions
        .first()
        .expect("a definition has a version");
    let validation = version.schema.as_ref().expect("a version has a schema");
    serde_json::to_value(&validation.open_api_v3_schema).expect("a schema is JSON")
}

/// All kinds with their cases; a kind without cases is a fault.
pub fn subjects() -> Vec<Subject> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("read tests/cases")
        .map(|entry| entry.expect("read an entry of tests/cases").path())
        .collect();
    definitions()
        .into_iter()
        .map(|definition| {
            let stem = file_name(&definition).replace(".yaml", "");
            let file = files
                .iter()
                .find(|file| {
                    file.file_stem()
                        .is_some_and(|name| name.to_string_lossy().replace('_', "") == stem)
                })
                .unwrap_or_else(|| panic!("no cases for {stem}"));
            let text = std::fs::read_to_string(file).expect("read cases");
            let suite = serde_saphyr::from_str(&text)
                .unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
            Subject { definition, suite }
        })
        .collect()
}

/// The object with `settings` made in it.
pub fn with(object: &Value, settings: &Settings) -> Value {
    let mut changed = object.clone();
    for (pointer, value) in settings {
        let keys: Vec<String> = pointer
            .split('/')
            .skip(1)
            .map(|key| key.replace("~1", "/"))
            .collect();
        set(&mut changed, &keys, value);
    }
    changed
}

fn set(target: &mut Value, keys: &[String], value: &Value) {
    let (key, rest) = keys.split_first().expect("a pointer has a key");
    let slot = match target {
        Value::Array(items) => {
            let index: usize = key.parse().expect("a list is indexed by a number");
            assert!(index <= items.len(), "index {index} leaves a hole");
            if index == items.len() {
                items.push(Value::Null);
            }
            &mut items[index]
        }
        other => {
            if other.is_null() {
                *other = Value::Object(Map::new());
            }
            let map = other
                .as_object_mut()
                .expect("a pointer leads through objects");
            if rest.is_empty() && value.is_null() {
                map.remove(key);
                return;
            }
            map.entry(key.clone()).or_insert(Value::Null)
        }
    };
    if rest.is_empty() {
        *slot = value.clone();
    } else {
        set(slot, rest, value);
    }
}

/// The YAML files below a folder, sorted.
pub fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("read a folder of examples") {
        let path = entry.expect("read an entry of a folder").path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}
