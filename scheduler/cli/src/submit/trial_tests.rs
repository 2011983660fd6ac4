//! What refusals of the API server become, in its own words.

use kube::core::response::{StatusCause, StatusDetails};

use super::*;

fn manifest() -> Manifest {
    Manifest {
        source: "job.yaml".into(),
        namespace: "sdu-cs".into(),
        name: Some("train".into()),
        object: Value::Null,
    }
}

fn status(code: u16, message: &str) -> Status {
    Status {
        code,
        message: message.to_owned(),
        ..Status::default()
    }
}

fn told(status: &Status, within: &str) -> Vec<String> {
    let problems = refused(&manifest(), status, within, Language::English);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn strict_errors_are_told_field_by_field() {
    let status = status(
        400,
        "ComputeJob in version \"v1alpha1\" cannot be handled as a ComputeJob: strict decoding \
         error: unknown field \"spec.waltime\", duplicate field \"spec.roles[0].cards\"",
    );
    assert_eq!(
        told(&status, ""),
        [
            "job.yaml: sdu-cs/train: spec.waltime: unknown field, see `kubectl explain \
             computejob.spec` for those there are",
            "job.yaml: sdu-cs/train: spec.roles[0].cards: stands there twice, keep one",
        ],
    );
}

#[test]
fn a_typo_in_a_template_is_told_with_the_role() {
    let status = status(
        400,
        "PodTemplate in version \"v1\" cannot be handled as a PodTemplate: strict decoding error: \
         unknown field \"template.spec.containers[0].imagee\"",
    );
    let told = told(&status, "spec.roles[worker].");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains(": spec.roles[worker].template.spec.containers[0].imagee: unknown field"),
        "{told:?}"
    );
}

#[test]
fn causes_keep_their_fields() {
    let mut status = status(422, "ComputeJob.edugrid.io \"train\" is invalid");
    let cause = |field: &str, message: &str| StatusCause {
        reason: "FieldValueInvalid".into(),
        message: message.into(),
        field: field.into(),
    };
    status.details = Some(StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: vec![cause("spec.walltime", "Invalid value: \"0s\": too short")],
        retry_after_seconds: 0,
    });
    assert_eq!(
        told(&status, ""),
        ["job.yaml: sdu-cs/train: spec.walltime: Invalid value: \"0s\": too short"],
    );
}

#[test]
fn rbac_is_about_who_asks_and_a_policy_about_what() {
    let rbac = "computejobs.edugrid.io is forbidden: User \"bob\" cannot create resource \
                \"computejobs\" in API group \"edugrid.io\" in the namespace \"sdu-cs\"";
    let rbac = status(403, rbac);
    assert!(!is_refusal(&rbac));
    let failure = no_access(&rbac, &manifest()).expect("no access");
    assert_eq!(failure.code(), 6);
    assert_eq!(
        failure.told(Language::English),
        "error: you may not create computejobs.edugrid.io in namespace \"sdu-cs\"\n\
         hint: ask who manages it for a RoleBinding there to ClusterRole edugrid-user",
    );
    let policy = status(
        403,
        "computejobs.edugrid.io \"train\" is forbidden: ValidatingAdmissionPolicy 'x' with binding \
         'x' denied request: spec.submitter may not be typed",
    );
    assert!(is_refusal(&policy) && no_access(&policy, &manifest()).is_none());
}

#[test]
fn a_missing_namespace_is_a_refusal_and_a_missing_api_is_not() {
    let mut missing = status(404, "namespaces \"x\" not found");
    assert!(!is_refusal(&status(404, "404 page not found")));
    missing.details = Some(StatusDetails {
        name: "x".into(),
        group: String::new(),
        kind: "namespaces".into(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    });
    assert!(is_refusal(&missing));
    assert_eq!(
        told(&missing, ""),
        ["job.yaml: sdu-cs/train: namespaces \"x\" not found"]
    );
}

#[test]
fn a_taken_name_says_what_to_do() {
    let told = told(
        &status(409, "computejobs.edugrid.io \"train\" already exists"),
        "",
    );
    assert!(told[0].contains("metadata.name: is taken: "), "{told:?}");
}
