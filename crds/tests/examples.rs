//! Every example of `examples/invalid` that the schema refuses, judged without an API server: some rule of the kind says
//! what the file states, and without that rule it is not refused so. A real API server judges all examples, with their
//! exact words, in `e2e/tests/end_to_end/refusals.rs`.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use support::judge::refusals;
use support::script::{Script, Step};
use support::{Subject, subjects, yaml_files};

/// Fewest rules of each kind that examples and cases show broken.
const PER_KIND_MIN: usize = 5;

/// Objects by kind and name, as the API server would hold them.
type Objects = BTreeMap<(String, String), Value>;

fn key(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// What lies under an example: the world of the first job.
fn ground(root: &Path) -> Objects {
    let files = yaml_files(&root.join("first-job"));
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("read the ground"));
    let objects =
        texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).expect("objects"));
    objects.map(|object| (key(&object), object)).collect()
}

/// The object that a step leads to, and the one that it changes.
fn led_to(step: &Step, objects: &Objects) -> (Value, Option<Value>) {
    let body: Value = serde_saphyr::from_str(&step.body).expect("a body is YAML");
    match step.command().as_slice() {
        ["create"] => (body, None),
        ["replace"] => {
            let old = objects[&key(&body)].clone();
            (body, Some(old))
        }
        ["patch", kind, name, ..] => {
            let old = objects[&((*kind).to_owned(), (*name).to_owned())].clone();
            let mut new = old.clone();
            merge(&mut new, &body);
            (new, Some(old))
        }
        other => panic!("no judge for kubectl {other:?}"),
    }
}

/// A JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (name, value) in patch {
        let map = target.as_object_mut().expect("made an object above");
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Whether the judge's refusal `path: words` is what the API server says, which puts more around it.
fn is_said(refusal: &str, said: &str) -> bool {
    let (path, words) = refusal.split_once(": ").unwrap_or(("", refusal));
    // The judge's own schema checks word the beginning otherwise.
    let words = words.strip_prefix("Invalid value: ").unwrap_or(words);
    // A key of a map stands in brackets, or after a dot.
    let plain = |text: &str| text.replace('[', ".").replace(']', "");
    plain(said).contains(plain(path).trim_start_matches('.')) && said.contains(words)
}

/// Takes the rules out of a schema that speak in these words; returns how many there were.
fn take_out(schema: &mut Value, said: &str) -> usize {
    let mut count = 0;
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(rules)) = map.get_mut("x-kubernetes-validations") {
                let before = rules.len();
                rules.retain(|rule| !speaks(rule, said));
                count += before - rules.len();
            }
            count += map
                .values_mut()
                .map(|value| take_out(value, said))
                .sum::<usize>();
        }
        Value::Array(items) => {
            count += items
                .iter_mut()
                .map(|item| take_out(item, said))
                .sum::<usize>();
        }
        _ => {}
    }
    count
}

/// Whether a rule's message, or every fixed part of its message expression, stands in the words.
fn speaks(rule: &Value, said: &str) -> bool {
    if let Some(message) = rule["message"].as_str() {
        return said.contains(message);
    }
    let Some(expression) = rule["messageExpression"].as_str() else {
        return false;
    };
    let format = expression.trim_start_matches('"');
    let format = format.split("\".format(").next().unwrap_or(format);
    format
        .split("%s")
        .flat_map(|part| part.split("%d"))
        .all(|part| said.contains(part))
}

/// Judges one example; an error says what is wrong.
fn judge(subject: &Subject, said: &str, new: &Value, old: Option<&Value>) -> Result<(), String> {
    let schema = subject.schema();
    let found = refusals(&schema, new, old);
    if !found.iter().any(|refusal| is_said(refusal, said)) {
        return Err(format!("states {said:?}, judged {found:#?}"));
    }
    let mut without = schema;
    if take_out(&mut without, said) == 0 {
        // A bound of the schema itself: the API server words it, and the cases break each kind of bound.
        return Ok(());
    }
    let left = refusals(&without, new, old);
    if left.len() >= found.len() {
        return Err(format!("still refused without its rule: {left:#?}"));
    }
    Ok(())
}

#[test]
fn each_example_is_refused_by_the_rule_that_it_states() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let (subjects, ground) = (subjects(), ground(&root));
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for subject in &subjects {
        let cases = subject.suite.refused.len() + subject.suite.changes.len();
        shown.insert(subject.kind(), cases);
    }
    for file in yaml_files(&root.join("invalid")) {
        if file.components().any(|part| part.as_os_str() == "world") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("read an example");
        let script =
            Script::parse(&text).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
        let last = script.last();
        if last.note("by") != Some("schema") {
            continue;
        }
        let mut objects = ground.clone();
        for step in script.before() {
            let (made, _) = led_to(step, &objects);
            objects.insert(key(&made), made);
        }
        let (new, old) = led_to(last, &objects);
        let subject = subjects
            .iter()
            .find(|subject| new["kind"] == subject.kind())
            .unwrap_or_else(|| panic!("{}: no kind of ours", file.display()));
        *shown.entry(subject.kind()).or_default() += 1;
        let said = last.note("refused").unwrap_or_default();
        if let Err(fault) = judge(subject, said, &new, old.as_ref()) {
            faults.push(format!("{}: {fault}", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (kind, shown) in shown {
        assert!(
            shown >= PER_KIND_MIN,
            "{kind}: only {shown} are shown broken"
        );
    }
}
