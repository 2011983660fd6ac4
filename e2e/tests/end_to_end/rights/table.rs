//! The matrix as data: rows, columns, cells, and how an answer of the API server becomes a
//! cell. It sends nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::door::{Answer, Person};
use serde::Deserialize;
use serde_json::Value;

/// The file, whose head says what it holds.
#[derive(Deserialize)]
pub struct Matrix {
    pub columns: Vec<String>,
    users: BTreeMap<String, User>,
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
struct User {
    user: String,
    groups: Vec<String>,
}

/// An action on a concrete object.
#[derive(Deserialize)]
pub struct Row {
    pub what: String,
    pub ask: String,
    pub body: Option<Value>,
    pub patch: Option<String>,
    pub yields: Option<Value>,
    #[serde(default)]
    pub by: Vec<String>,
    who: String,
}

/// What the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Done,
    Rbac,
    Policy,
    Server,
}

impl Cell {
    fn read(text: &str) -> Result<Self> {
        Ok(match text {
            "y" => Self::Done,
            "R" => Self::Rbac,
            "P" => Self::Policy,
            "S" => Self::Server,
            other => anyhow::bail!("{other} is no cell"),
        })
    }

    /// As it stands in the table.
    pub fn letter(self) -> char {
        match self {
            Self::Done => 'y',
            Self::Rbac => 'R',
            Self::Policy => 'P',
            Self::Server => 'S',
        }
    }
}

impl Matrix {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// If a row lacks a cell, or two have one name.
    pub fn read(text: &str) -> Result<Self> {
        let matrix: Self = serde_saphyr::from_str(text)?;
        let mut names = std::collections::BTreeSet::new();
        for row in &matrix.rows {
            ensure!(names.insert(&row.what), "two rows say {}", row.what);
            let cells = row.cells().with_context(|| row.what.clone())?;
            ensure!(
                cells.len() == matrix.columns.len(),
                "{}: {} cells for {} columns",
                row.what,
                cells.len(),
                matrix.columns.len()
            );
        }
        for column in &matrix.columns {
            matrix.person(column)?;
        }
        Ok(matrix)
    }

    /// Who stands at the head of a column.
    ///
    /// # Errors
    /// If nobody does.
    pub fn person(&self, column: &str) -> Result<Person> {
        let user = self.users.get(column);
        let user = user.with_context(|| format!("no user {column}"))?;
        Ok(Person {
            user: user.user.clone(),
            groups: user.groups.clone(),
        })
    }
}

impl Row {
    /// Its cells, in the order of the columns.
    ///
    /// # Errors
    /// If one is none of the four letters.
    pub fn cells(&self) -> Result<Vec<Cell>> {
        self.who.split_whitespace().map(Cell::read).collect()
    }

    /// The body with the asking user's name in it.
    pub fn body_of(&self, person: &Person) -> Option<Value> {
        self.body.as_ref().map(|body| named(body, &person.user))
    }

    /// What a cell `y` has to yield.
    pub fn yields_to(&self, person: &Person) -> Option<Value> {
        self.yields
            .as_ref()
            .map(|wanted| named(wanted, &person.user))
    }
}

fn named(value: &Value, user: &str) -> Value {
    // The administrator of the cluster has a certificate of that name.
    let user = if user.is_empty() { "admin" } else { user };
    match value {
        Value::String(text) if text == "$me" => Value::String(user.to_owned()),
        Value::Array(items) => items.iter().map(|item| named(item, user)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), named(value, user)))
            .collect(),
        other => other.clone(),
    }
}

/// What a cell should show, and the policy that it names if one does.
pub fn judged(answer: &Answer) -> (Cell, Option<String>) {
    if answer.is_done() {
        return (Cell::Done, None);
    }
    let words = answer.words();
    let policy = words.split("ValidatingAdmissionPolicy '").nth(1);
    let policy = policy.and_then(|rest| rest.split(".edugrid.io'").next());
    match (answer.status, policy) {
        (403 | 422, Some(policy)) => (Cell::Policy, Some(policy.to_owned())),
        (403, None) if !words.contains("PodSecurity") => (Cell::Rbac, None),
        _ => (Cell::Server, None),
    }
}

/// Whether an answer holds what is wanted: maps by subset, all else by equality.
pub fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| contains(found.get(name).unwrap_or(&Value::Null), wanted)),
        _ => found == wanted,
    }
}
