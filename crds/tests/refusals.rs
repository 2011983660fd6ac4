//! Every case of `tests/cases`, judged without an API server, and the examples that people copy.

mod support;

use std::path::Path;
use support::judge::refusals;
use support::{Subject, subjects, with, yaml_files};

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

/// Kinds of Kubernetes that a world needs besides ours.
const OF_KUBERNETES: [&str; 2] = ["Namespace", "RoleBinding"];

#[test]
fn examples_are_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let subjects = subjects();
    let mut seen = 0;
    for path in yaml_files(&folder) {
        // What must be refused is judged by a test of its own.
        if path
            .strip_prefix(&folder)
            .is_ok_and(|below| below.starts_with("invalid"))
        {
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
    assert!(seen >= 10, "only {seen} objects found in examples");
}

/// YAML blocks of the pages, each with the page it stands in.
fn blocks() -> Vec<(std::path::PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md"), root.join("README.zh-CN.md")];
    for folder in ["docs", "docs/en", "docs/zh"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("read the folder of pages");
        pages.extend(entries.map(|entry| entry.expect("read a page's name").path()));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let mut blocks = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("read a page");
        let parts = text.split("\n```yaml\n").skip(1);
        for block in parts.filter_map(|part| part.split("\n```").next()) {
            blocks.push((page.clone(), block.to_owned()));
        }
    }
    blocks
}

/// What a guide tells its reader to write is what the schemas take.
#[test]
fn objects_in_the_pages_are_taken() {
    let subjects = subjects();
    let mut seen = 0;
    for (page, block) in blocks() {
        let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&block)
            .unwrap_or_else(|fault| panic!("{}: {fault}\n{block}", page.display()));
        for object in objects {
            let of_ours = |subject: &&Subject| object["kind"] == subject.kind();
            if let Some(subject) = subjects.iter().find(of_ours) {
                let found = refusals(&subject.schema(), &object, None);
                assert!(found.is_empty(), "{}: {found:#?}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "only {seen} objects found in the pages");
}
