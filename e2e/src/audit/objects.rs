//! What the objects tell people, held against the books: phases, attempts, charges, and that every attempt of an object
//! is in the books and no other. It reads no status that it does not compare.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::{books::Books, micro};
use crate::Province;

/// Contradictions between jobs' objects and the books, and jobs that did not end as they should have.
pub(super) fn faults(
    province: &Province,
    books: &Books,
    ends: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<String>> {
    let args = ["get", "computejobs", "--all-namespaces", "--output=json"];
    let list: Value = serde_json::from_str(&province.cluster().kubectl("admin", &args)?.ok()?)?;
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for object in list["items"].as_array().into_iter().flatten() {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or("").to_owned();
        let name = format!("{}/{}", text("namespace"), text("name"));
        let phase = object["status"]["phase"].as_str().unwrap_or("");
        if let Some(wanted) = ends.get(&name)
            && !wanted.iter().any(|wanted| wanted == phase)
        {
            faults.push(format!("{name} is {phase}, not {}", wanted.join(" or ")));
        }
        let differs = compared(object, &text("uid"), books).with_context(|| name.clone())?;
        faults.extend(differs.into_iter().map(|what| format!("{name} {what}")));
        seen.insert(name);
    }
    faults.extend(
        ends.keys()
            .filter(|name| !seen.contains(*name))
            .map(|name| format!("{name} is gone")),
    );
    Ok(faults)
}

fn compared(object: &Value, uid: &str, books: &Books) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let told = object["status"]["attempts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let kept: Vec<_> = books.of_job(uid).collect();
    if told.len() != kept.len() {
        faults.push(format!(
            "tells {} attempts, the books {}",
            told.len(),
            kept.len()
        ));
    }
    let mut total = 0;
    for (told, ((_, number), attempt)) in told.iter().zip(&kept) {
        total += attempt.charged;
        let mut differs = |what: &str, told: String, kept: String| {
            if told != kept {
                faults.push(format!(
                    "attempt {number}: {what} {told}, the books say {kept}"
                ));
            }
        };
        differs("number", told["number"].to_string(), number.to_string());
        let outcome = told["outcome"].as_str().unwrap_or("open");
        differs(
            "outcome",
            outcome.to_owned(),
            attempt.outcome.clone().unwrap_or_default(),
        );
        differs(
            "charged",
            micro(&told["charged"])?.to_string(),
            attempt.charged.to_string(),
        );
        let interval = second(&told["startedAt"]).zip(second(&told["finishedAt"]));
        differs(
            "interval",
            format!("{interval:?}"),
            format!("{:?}", attempt.interval),
        );
    }
    let charged = &object["status"]["cost"]["charged"];
    if !kept.is_empty() && micro(charged)? != total {
        faults.push(format!(
            "tells charges of {charged}, its attempts cost {total} micro-yuan"
        ));
    }
    Ok(faults)
}

fn second(instant: &Value) -> Option<i64> {
    Some(instant.as_str()?.parse::<Timestamp>().ok()?.as_second())
}
