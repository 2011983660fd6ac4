//! What counts as altered, against the policies that the chart of this version ships.

use serde_json::json;

use super::*;

/// What a cluster holds after an installation: with what the API server fills in.
fn installed(kind: Kind) -> Map<String, Value> {
    let shipped = super::shipped();
    let mut found = shipped[kind.as_str()].as_object().expect("a map").clone();
    for spec in found.values_mut() {
        if let Some(constraints) = spec.get_mut("matchConstraints") {
            constraints["matchPolicy"] = json!("Equivalent");
            constraints["objectSelector"] = json!({});
            for rule in constraints["resourceRules"].as_array_mut().expect("rules") {
                rule["scope"] = json!("*");
            }
        }
    }
    found
}

/// What is said when `alter` has changed the spec of a policy.
fn said(kind: Kind, name: &str, alter: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut found = installed(kind);
    alter(found.get_mut(name).expect("shipped"));
    faults(kind, &found)
}

/// What somebody does to a policy by hand.
type Alteration = fn(&mut Value);

const TENANT_RIGHTS: &str = "tenant-rights.edugrid.io";

#[test]
fn what_the_chart_installs_is_complete() {
    for kind in Kind::ALL {
        let found = installed(kind);
        assert!(!found.is_empty(), "{kind:?}");
        assert_eq!(faults(kind, &found), [""; 0]);
    }
}

#[test]
fn every_policy_that_ships_refuses_when_it_fails_and_is_bound_to_deny() {
    for kind in [Kind::Validating, Kind::Mutating] {
        for (name, spec) in installed(kind) {
            assert_eq!(spec["failurePolicy"], "Fail", "{name}");
        }
    }
    for (name, spec) in installed(Kind::ValidatingBinding) {
        assert_eq!(spec["validationActions"], json!(["Deny"]), "{name}");
        assert_eq!(spec["policyName"], name.as_str());
    }
    for (policy, binding) in [
        (Kind::Validating, Kind::ValidatingBinding),
        (Kind::Mutating, Kind::MutatingBinding),
    ] {
        let names = |kind| installed(kind).keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(policy), names(binding));
    }
}

#[test]
fn what_is_missing_is_named() {
    let mut found = installed(Kind::ValidatingBinding);
    found.remove(TENANT_RIGHTS);
    assert_eq!(
        faults(Kind::ValidatingBinding, &found),
        [
            "ValidatingAdmissionPolicyBinding tenant-rights.edugrid.io is missing, \
             install the chart of this version again"
        ]
    );
}

#[test]
fn whatever_weakens_a_policy_is_named_with_its_place() {
    let weakened: [(&str, Kind, Alteration); 7] = [
        ("spec.validations[0].expression", Kind::Validating, |spec| {
            spec["validations"][0]["expression"] = json!("true");
        }),
        ("spec.validations", Kind::Validating, |spec| {
            spec["validations"].as_array_mut().expect("a list").pop();
        }),
        ("spec.failurePolicy", Kind::Validating, |spec| {
            spec["failurePolicy"] = json!("Ignore");
        }),
        ("spec.matchConditions", Kind::Validating, |spec| {
            spec["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
        }),
        (
            "spec.matchConstraints.excludeResourceRules",
            Kind::Validating,
            |spec| {
                spec["matchConstraints"]["excludeResourceRules"] = json!([{"resources": ["*"]}]);
            },
        ),
        (
            "spec.validationActions[0]",
            Kind::ValidatingBinding,
            |spec| {
                spec["validationActions"] = json!(["Audit"]);
            },
        ),
        ("spec.matchResources", Kind::ValidatingBinding, |spec| {
            spec["matchResources"] = json!({"objectSelector": {"matchLabels": {"a": "b"}}});
        }),
    ];
    for (place, kind, alter) in weakened {
        let said = said(kind, TENANT_RIGHTS, alter);
        assert_eq!(said.len(), 1, "{place}: {said:?}");
        assert!(
            said[0].contains(&format!("was altered at {place},")),
            "{said:?}"
        );
    }
}

#[test]
fn other_words_for_a_refusal_are_no_weakening() {
    let said = said(Kind::Validating, TENANT_RIGHTS, |spec| {
        spec["validations"][0]["messageExpression"] = json!("'请联系上级管理员'");
    });
    assert_eq!(said, [""; 0]);
}

#[test]
fn a_value_of_the_chart_may_be_any_word_and_nothing_that_decides() {
    let archiver = |expression: &str| {
        let expression = json!(expression);
        said(Kind::Validating, "ledger-segments.edugrid.io", |spec| {
            spec["variables"][0]["expression"] = expression;
        })
    };
    assert_eq!(
        archiver("'system:serviceaccount:edugrid-system:archiver'"),
        [""; 0]
    );
    for expression in [
        "request.userInfo.username",
        "'' + request.userInfo.username + ''",
    ] {
        assert_eq!(archiver(expression).len(), 1, "{expression}");
    }
}
