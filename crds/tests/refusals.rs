//! Every case of `tests/cases`, judged without an API server, and the examples that people copy.

mod support;

use std::path::Path;
use support::judge::refusals;
use support::{Subject, subjects, with};

#[test]
fn valid_objects_are_taken() {
    for subject in subjects() {
        let found = refusals(&subject.schema(), &subject.suite.valid, None);
        assert!(found.is_empty(), "{}: {found:#?}", subject.kind());
    }
}

#[test]
fn bad_objects_are_refused_with_field_limit_and_way_out() {
    let mut faults = Vec::new();
    for subject in subjects() {
        let schema = subject.schema();
        for case in &subject.suite.refused {
            let says = case
                .says
                .as_deref()
                .unwrap_or_else(|| panic!("{}: no words", case.case));
            let found = refusals(&schema, &with(&subject.suite.valid, &case.set), None);
            if !found.iter().any(|refusal| refusal.contains(says)) {
                faults.push(format!(
                    "{}, {}: wanted {says:?}, got {found:#?}",
                    subject.kind(),
                    case.case
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn changes_are_taken_or_refused() {
    let mut faults = Vec::new();
    for subject in subjects() {
        let schema = subject.schema();
        for case in &subject.suite.changes {
            let before = with(&subject.suite.valid, &case.before);
            let found = refusals(&schema, &with(&before, &case.set), Some(&before));
            let right = match &case.says {
                Some(says) => found.iter().any(|refusal| refusal.contains(says)),
                None => found.is_empty(),
            };
            if !right {
                faults.push(format!(
                    "{}, {}: wanted {:?}, got {found:#?}",
                    subject.kind(),
                    case.case,
                    case.says
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn there_are_many_cases_for_each_kind() {
    for Subject { suite, definition } in subjects() {
        let kind = &definition.spec.names.kind;
        assert!(
            suite.refused.len() >= 5,
            "{kind} has {} refusals",
            suite.refused.len()
        );
        assert!(!suite.changes.is_empty(), "{kind} has no changes");
    }
}

/// Kinds of Kubernetes that a world needs besides ours.
const OF_KUBERNETES: [&str; 2] = ["Namespace", "RoleBinding"];

#[test]
fn examples_are_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let subjects = subjects();
    let mut seen = 0;
    for world in std::fs::read_dir(&folder).expect("read examples") {
        for file in std::fs::read_dir(world.expect("read an example").path())
            .expect("read an example's folder")
        {
            let path = file.expect("read an example's file").path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("read an example's text");
            let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text)
                .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
            for object in objects {
                let Some(subject) = subjects
                    .iter()
                    .find(|subject| object["kind"] == subject.kind())
                else {
                    let kind = object["kind"].as_str().unwrap_or_default();
                    let known = OF_KUBERNETES.contains(&kind);
                    assert!(known, "{}: a {kind} is no kind of ours", path.display());
                    continue;
                };
                let found = refusals(&subject.schema(), &object, None);
                assert!(found.is_empty(), "{}: {found:#?}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "only {seen} objects found in examples");
}
