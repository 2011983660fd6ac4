//! Files of jobs become documents, each with its place, so that whatever is wrong is told with
//! file and number. Documents stay as they were written: what they may say is the API server's
//! to judge.

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
};

use edugrid_crds::labels::{GROUP, VERSION};
use edugrid_units::Language;
use serde_json::{Value, json};

use super::Problem;
use crate::{failure::Failure, sentences};

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// Most bytes of a file: a job is at most the API server's 1.5 MiB, and nobody submits more than
/// some dozens by hand.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A job as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its file, and which of its documents.
    pub source: String,
    /// The namespace it goes to.
    pub namespace: String,
    /// Its name; none where the API server makes one (`generateName`).
    pub name: Option<String>,
    /// The document, with its namespace filled in.
    pub object: Value,
}

impl Manifest {
    /// What it is called before it has a name.
    pub fn called(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("{}/{name}", self.namespace))
    }
}

/// Reads all documents of all files.
///
/// # Errors
/// If a file can't be read, is no YAML, or holds something else than jobs.
pub fn read(files: &[PathBuf], language: Language) -> Result<Vec<Manifest>, Failure> {
    let (mut manifests, mut problems) = (Vec::new(), Vec::new());
    for path in files {
        let text = text_of(path)?;
        let name = match path.as_path() == Path::new(STANDARD_INPUT) {
            true => "stdin".to_owned(),
            false => path.display().to_string(),
        };
        match documents(&name, &text) {
            Ok(found) => {
                for (source, object) in found {
                    match manifest(source, object, language) {
                        Ok(manifest) => manifests.push(manifest),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if manifests.is_empty() && problems.is_empty() {
        let files: Vec<String> = files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        problems.push(Problem {
            source: files.join(", "),
            job: None,
            field: None,
            what: sentences::no_document(language),
        });
    }
    if problems.is_empty() {
        Ok(manifests)
    } else {
        Err(Failure::Manifest(problems))
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    if path == Path::new(STANDARD_INPUT) {
        let input = std::io::stdin().lock();
        input.take(FILE_BYTES_MAX).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text)
    }
    .map_err(failed)?;
    Ok(text)
}

/// The documents of a file with their places; lists are taken apart, as kubectl does.
fn documents(file: &str, text: &str) -> Result<Vec<(String, Value)>, Problem> {
    let parsed: Result<Vec<Value>, _> = serde_saphyr::from_multiple(text);
    let parsed = parsed.map_err(|error| Problem {
        source: file.to_owned(),
        job: None,
        field: None,
        what: first_line(&error.to_string()),
    })?;
    let objects = parsed.into_iter().filter(|object| !object.is_null());
    let objects: Vec<Value> = objects.flat_map(taken_apart).collect();
    let many = objects.len() > 1;
    let placed = (1..).zip(objects).map(|(number, object)| {
        let source = if many {
            format!("{file}#{number}")
        } else {
            file.to_owned()
        };
        (source, object)
    });
    Ok(placed.collect())
}

/// What a parser says, without the picture that it draws below.
fn first_line(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn taken_apart(mut object: Value) -> Vec<Value> {
    let is_list = object.get("kind").is_some_and(|kind| kind == "List");
    match object.get_mut("items").filter(|_| is_list) {
        Some(Value::Array(items)) => std::mem::take(items),
        _ => vec![object],
    }
}

fn manifest(source: String, object: Value, language: Language) -> Result<Manifest, Problem> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let api = format!("{GROUP}/{VERSION}");
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let name = metadata.get("name").and_then(text);
    let problem = |field: &str, what: String| Problem {
        source: source.clone(),
        job: name.clone(),
        field: Some(field.to_owned()),
        what,
    };
    let kind = object.get("kind").and_then(text).unwrap_or_default();
    if kind != "ComputeJob" {
        return Err(problem("kind", sentences::other_kind(language, &kind)));
    }
    let version = object.get("apiVersion").and_then(text).unwrap_or_default();
    if version != api {
        let what = sentences::other_version(language, &version, &api);
        return Err(problem("apiVersion", what));
    }
    if name.is_none() && metadata.get("generateName").is_none() {
        return Err(problem("metadata.name", sentences::no_name(language)));
    }
    Ok(Manifest {
        namespace: metadata.get("namespace").and_then(text).unwrap_or_default(),
        source,
        name,
        object,
    })
}

/// Fills in the namespace where a document names none. `flag`: it was asked for by `-n`, and then
/// no document may name another.
///
/// # Errors
/// If one does, or two documents are the same job.
pub fn placed(
    manifests: Vec<Manifest>,
    namespace: &str,
    flag: bool,
    language: Language,
) -> Result<Vec<Manifest>, Failure> {
    let (mut placed, mut problems) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for mut manifest in manifests {
        let problem = |manifest: &Manifest, field: &str, what| Problem {
            source: manifest.source.clone(),
            job: manifest.name.clone(),
            field: Some(field.to_owned()),
            what,
        };
        if manifest.namespace.is_empty() {
            manifest.namespace = namespace.to_owned();
            manifest.object["metadata"]["namespace"] = json!(namespace);
        } else if flag && manifest.namespace != namespace {
            let what = sentences::other_namespace(language, &manifest.namespace, namespace);
            problems.push(problem(&manifest, "metadata.namespace", what));
        }
        if let Some(called) = manifest.called()
            && !seen.insert(called)
        {
            let what = sentences::twice(language);
            problems.push(problem(&manifest, "metadata.name", what));
        }
        placed.push(manifest);
    }
    if problems.is_empty() {
        Ok(placed)
    } else {
        Err(Failure::Manifest(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: edugrid.io/v1alpha1
kind: ComputeJob
metadata: {name: a}
spec: {roles: []}
---
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeJob
metadata: {name: b, namespace: lnu}
";

    fn read_text(text: &str) -> Result<Vec<Manifest>, Problem> {
        documents("jobs.yaml", text)?
            .into_iter()
            .map(|(source, object)| manifest(source, object, Language::English))
            .collect()
    }

    #[test]
    fn documents_know_their_place() {
        let found = read_text(TWO).expect("two jobs");
        let places: Vec<_> = found.iter().map(|it| it.source.as_str()).collect();
        assert_eq!(places, ["jobs.yaml#1", "jobs.yaml#2"]);
        let placed = placed(found, "sdu-cs", false, Language::English).expect("placed");
        let called: Vec<_> = placed.iter().filter_map(Manifest::called).collect();
        assert_eq!(called, ["sdu-cs/a", "lnu/b"]);
        assert_eq!(placed[0].object["metadata"]["namespace"], "sdu-cs");
    }

    #[test]
    fn json_and_lists_are_documents_too() {
        let one = json!({
            "apiVersion": "edugrid.io/v1alpha1", "kind": "ComputeJob",
            "metadata": {"generateName": "run-"}, "spec": {},
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [one, one]});
        for (text, count) in [(one.to_string(), 1), (list.to_string(), 2)] {
            let found = read_text(&text).expect(&text);
            assert_eq!(found.len(), count);
            for manifest in found {
                assert_eq!(manifest.object, one, "it stays as it was written");
            }
        }
    }

    #[test]
    fn what_is_no_job_is_told_with_its_field() {
        for (text, told) in [
            ("kind: Tenant", "kind: is \"Tenant\""),
            ("kind: ComputeJob\napiVersion: v1", "apiVersion: is \"v1\""),
            (
                "kind: ComputeJob\napiVersion: edugrid.io/v1alpha1",
                "metadata.name: is missing",
            ),
            ("kind: [\n a: b: c", "jobs.yaml: line 2 column 6: "),
            ("a: 1\na: 2", "duplicate"),
        ] {
            let problem = read_text(text).expect_err(text).to_string();
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }

    #[test]
    fn a_namespace_that_is_not_the_flags_and_a_job_twice_are_refused() {
        let refused = |flag| {
            let found = read_text(&format!("{TWO}---{TWO}")).expect("four jobs");
            let refused = placed(found, "sdu-cs", flag, Language::English);
            refused.expect_err("refused").told(Language::English)
        };
        assert!(
            refused(false).contains("jobs.yaml#3: a: metadata.name: stands in these files twice")
        );
        assert!(refused(true).contains("metadata.namespace: is \"lnu\", but -n says \"sdu-cs\""));
    }
}
