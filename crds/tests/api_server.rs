//! Every case of `tests/cases`, judged by a real API server through kubectl.
//!
//! Ignored by default, since it needs one: `KUBECONFIG=… cargo test -p edugrid-crds --test api_server -- --ignored`,
//! with `KUBECTL` where kubectl is not on the path. It leaves the definitions behind, and no objects.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use support::{Subject, subjects, with};

/// What kubectl said on both channels, and whether it went well.
struct Answer {
    well: bool,
    text: String,
}

fn kubectl(arguments: &[&str], object: Option<&Value>) -> Answer {
    let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into());
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("start {program}: {fault}"));
    let text = object.map(Value::to_string).unwrap_or_default();
    child
        .stdin
        .take()
        .expect("kubectl has an input")
        .write_all(text.as_bytes())
        .expect("write to kubectl");
    let output = child.wait_with_output().expect("wait for kubectl");
    let text = [output.stdout, output.stderr].concat();
    Answer {
        well: output.status.success(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

fn install(subjects: &[Subject]) {
    for subject in subjects {
        let definition = serde_json::to_value(&subject.definition).expect("a definition is JSON");
        let answer = kubectl(
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            Some(&definition),
        );
        assert!(
            answer.well && !answer.text.contains("Warning"),
            "{}: {}",
            subject.kind(),
            answer.text
        );
        let name = format!(
            "crd/{}",
            definition["metadata"]["name"].as_str().unwrap_or_default()
        );
        let answer = kubectl(
            &[
                "wait",
                "--for=condition=Established",
                "--timeout=30s",
                &name,
            ],
            None,
        );
        assert!(answer.well, "{}", answer.text);
        let answer = kubectl(
            &[
                "get",
                &name,
                "-o",
                "jsonpath={.status.conditions[?(@.status=='True')].type}",
            ],
            None,
        );
        assert!(
            !answer.text.contains("NonStructuralSchema"),
            "{}: {}",
            subject.kind(),
            answer.text
        );
    }
}

/// Writes the object, and its status where it has one, as two requests like every client must.
fn write(verb: &str, object: &Value, options: &[&str]) -> Answer {
    let arguments = [&[verb, "-f", "-"], options].concat();
    kubectl(&arguments, Some(object))
}

fn check(faults: &mut Vec<String>, what: String, says: Option<&str>, answer: &Answer) {
    let right = match says {
        Some(says) => !answer.well && answer.text.contains(says),
        None => answer.well,
    };
    if !right {
        faults.push(format!("{what}: wanted {says:?}, got {}", answer.text));
    }
}

fn try_changes(subject: &Subject, faults: &mut Vec<String>) {
    for case in &subject.suite.changes {
        let before = with(&subject.suite.valid, &case.before);
        let what = format!("{}, {}", subject.kind(), case.case);
        check(
            faults,
            format!("{what} (before)"),
            None,
            &write("create", &before, &[]),
        );
        if before.get("status").is_some() {
            check(
                faults,
                format!("{what} (before)"),
                None,
                &write("replace", &before, &["--subresource=status"]),
            );
        }
        let on_status = case
            .set
            .keys()
            .any(|pointer| pointer.starts_with("/status"));
        let options: &[&str] = if on_status {
            &["--subresource=status"]
        } else {
            &[]
        };
        check(
            faults,
            what,
            case.says.as_deref(),
            &write("replace", &with(&before, &case.set), options),
        );
        let gone = kubectl(&["delete", "--wait", "-f", "-"], Some(&before));
        assert!(gone.well, "{}", gone.text);
    }
}

#[test]
#[ignore = "needs an API server: set KUBECONFIG"]
fn a_real_api_server_agrees() {
    let subjects = subjects();
    install(&subjects);
    let mut faults = Vec::new();
    for subject in &subjects {
        let dry = ["--dry-run=server"];
        check(
            &mut faults,
            subject.kind().into(),
            None,
            &write("create", &subject.suite.valid, &dry),
        );
        for case in &subject.suite.refused {
            let answer = write("create", &with(&subject.suite.valid, &case.set), &dry);
            check(
                &mut faults,
                format!("{}, {}", subject.kind(), case.case),
                case.says.as_deref(),
                &answer,
            );
        }
        try_changes(subject, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[ignore = "needs an API server: set KUBECONFIG"]
fn a_service_is_scaled_through_the_subresource() {
    let all = subjects();
    install(&all);
    let jobs = all
        .iter()
        .find(|subject| subject.kind() == "ComputeJob")
        .expect("jobs are a kind");
    let settings = json!({
        "/metadata/name": "scaled", "/spec/type": "Inference", "/spec/array": null, "/spec/replicas": 2,
        "/spec/roles/0/replicas": null, "/spec/roles/0/minReplicas": null,
    });
    let service = with(
        &jobs.suite.valid,
        &serde_json::from_value(settings).expect("settings are a map"),
    );
    let made = write("create", &service, &[]);
    assert!(made.well, "{}", made.text);
    let scaled = kubectl(
        &[
            "scale",
            "computejob/scaled",
            "-n",
            "default",
            "--replicas=5",
        ],
        None,
    );
    let read = kubectl(
        &[
            "get",
            "computejob/scaled",
            "-n",
            "default",
            "-o",
            "jsonpath={.spec.replicas}",
        ],
        None,
    );
    let gone = kubectl(&["delete", "--wait", "-f", "-"], Some(&service));
    assert!(scaled.well && gone.well, "{} {}", scaled.text, gone.text);
    assert_eq!(read.text, "5");
}
