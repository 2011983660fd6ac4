//! Takes out each rule of the policies and of the roles, one at a time, and looks whether a
//! cell of the matrix turns wrong: a rule that no cell misses is a rule that nothing checks.
//! It must not know what any rule says.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use edugrid_e2e::door::{Door, Person, Request};
use serde_json::{Value, json};

use super::{
    ask,
    table::{Cell, Matrix, Row},
};

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
/// Until a change has reached the caches that judge, and for a cell to turn wrong.
const SETTLE_LIMIT: Duration = Duration::from_secs(8);

/// A rule, and how it is taken out and put back.
struct Rule {
    name: String,
    object: String,
    /// Where it stands in the object.
    place: String,
    before: Value,
    without: Value,
    /// Which rows can miss it.
    rows: Vec<usize>,
}

/// Takes out every rule in turn; the names of those that no cell misses.
///
/// # Errors
/// If the API server refuses to take one out or to take it back.
pub fn unmissed(door: &Door, matrix: &Matrix) -> Result<Vec<String>> {
    let mut rules = of_policies(door, matrix)?;
    rules.extend(of_roles(door, matrix)?);
    let mut unmissed = Vec::new();
    for rule in &rules {
        put(door, rule, &rule.without)?;
        let missed_by = first_wrong(door, matrix, rule)?;
        put(door, rule, &rule.before)?;
        match missed_by {
            Some(row) => {
                println!("{}: {}", rule.name, row.what);
                until_right(door, matrix, row)?;
            }
            None => {
                println!("{}: NO CELL", rule.name);
                unmissed.push(rule.name.clone());
            }
        }
    }
    println!("{} rules, {} without a cell", rules.len(), unmissed.len());
    Ok(unmissed)
}

/// Each validation, made true; of policies that write, the whole, matching nothing.
fn of_policies(door: &Door, matrix: &Matrix) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for plural in ["validatingadmissionpolicies", "mutatingadmissionpolicies"] {
        for policy in items(door, &format!("{POLICIES}/{plural}"))? {
            let full = policy["metadata"]["name"].as_str().unwrap_or_default();
            let Some(name) = full.strip_suffix(".edugrid.io") else {
                continue;
            };
            let names = |row: &Row| row.by.iter().any(|by| by == name);
            let stamps = |row: &Row| row.yields.is_some();
            let rows = |asks: &dyn Fn(&Row) -> bool| indices(matrix, asks);
            let object = format!("{POLICIES}/{plural}/{full}");
            for index in 0..policy["spec"]["validations"].as_array().map_or(0, Vec::len) {
                rules.push(Rule {
                    name: format!("{name}[{index}]"),
                    object: object.clone(),
                    place: format!("/spec/validations/{index}/expression"),
                    before: policy["spec"]["validations"][index]["expression"].clone(),
                    without: json!("true"),
                    rows: rows(&names),
                });
            }
            if plural.starts_with("mutating") {
                rules.push(Rule {
                    name: name.to_owned(),
                    object,
                    place: "/spec/matchConditions/0/expression".to_owned(),
                    before: policy["spec"]["matchConditions"][0]["expression"].clone(),
                    without: json!("false"),
                    rows: rows(&stamps),
                });
            }
        }
    }
    Ok(rules)
}

/// Each rule of each role that the chart ships.
fn of_roles(door: &Door, matrix: &Matrix) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for role in items(door, ROLES)? {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        if !name.starts_with("edugrid-") {
            continue;
        }
        let all = role["rules"].as_array().cloned().unwrap_or_default();
        for (index, rule) in all.iter().enumerate() {
            let mut without = all.clone();
            without.remove(index);
            let resources: Vec<&str> = rule["resources"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let verbs = rule["verbs"].to_string();
            // Verbs of EduGrid's own stand in no path: a policy asks for them.
            let own =
                verbs.contains("manage") || verbs.contains("approve") || verbs.contains("bind");
            let reaches = |row: &Row| {
                own || resources.iter().any(|resource| {
                    let plural = resource.split('/').next().unwrap_or_default();
                    row.ask.contains(plural)
                })
            };
            rules.push(Rule {
                name: format!("{name} {} {verbs}", resources.join(",")),
                object: format!("{ROLES}/{name}"),
                place: "/rules".to_owned(),
                before: json!(all),
                without: json!(without),
                rows: indices(matrix, &reaches),
            });
        }
    }
    Ok(rules)
}

fn items(door: &Door, path: &str) -> Result<Vec<Value>> {
    let answer = door.ask(&Person::default(), &Request::get(path))?.json();
    let items = answer["items"].as_array().cloned();
    items.with_context(|| format!("{path} can't be listed"))
}

fn indices(matrix: &Matrix, asks: &dyn Fn(&Row) -> bool) -> Vec<usize> {
    let rows = matrix.rows.iter().enumerate();
    rows.filter(|(_, row)| asks(row))
        .map(|(at, _)| at)
        .collect()
}

fn put(door: &Door, rule: &Rule, value: &Value) -> Result<()> {
    let patch = json!([{"op": "replace", "path": rule.place, "value": value}]);
    let request = Request {
        method: "PATCH",
        path: &rule.object,
        content_type: "application/json-patch+json",
        body: Some(&patch),
    };
    let answer = door.ask(&Person::default(), &request)?;
    anyhow::ensure!(answer.is_done(), "{}: {}", rule.name, answer.words());
    Ok(())
}

/// The first row of which a cell turned wrong.
fn first_wrong<'a>(door: &Door, matrix: &'a Matrix, rule: &Rule) -> Result<Option<&'a Row>> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        for index in &rule.rows {
            if let Some(row) = matrix.rows.get(*index)
                && !is_right(door, matrix, row)?
            {
                return Ok(Some(row));
            }
        }
        if Instant::now() > deadline {
            return Ok(None);
        }
    }
}

fn until_right(door: &Door, matrix: &Matrix, row: &Row) -> Result<()> {
    let deadline = Instant::now() + 4 * SETTLE_LIMIT;
    while !is_right(door, matrix, row)? {
        anyhow::ensure!(Instant::now() < deadline, "{} stays wrong", row.what);
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Whether all cells of a row show what they should. A cell that RBAC refuses stays so
/// whatever is taken out, and is not asked.
fn is_right(door: &Door, matrix: &Matrix, row: &Row) -> Result<bool> {
    for (column, cell) in matrix.columns.iter().zip(row.cells()?) {
        if cell == Cell::Rbac {
            continue;
        }
        let shown = ask::ask(door, row, &matrix.person(column)?, Some(cell))?;
        if shown.wrong.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
