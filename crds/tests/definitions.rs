//! What every definition must have, whatever its kind, and what an object must not lose on its way through our types.

mod support;

use edugrid_crds::conditions::WAITING;
use edugrid_crds::job_status::Outcome;
use edugrid_crds::text::{CALENDAR_DATE, DURATION, MONEY, QUANTITY};
use edugrid_crds::{ComputeJob, definitions};
use edugrid_units::{MicroYuan, ReasonCode, Seconds, parse_milli};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use support::{schema, subjects};

/// Every schema in a schema, with its path.
fn each_schema(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        each_schema(property, &format!("{path}.{name}"), visit);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            each_schema(&schema[inner], &format!("{path}[]"), visit);
        }
    }
}

/// Faults found by `judge` in any schema of any kind; an opaque object inside is not ours to judge.
fn faults(judge: impl Fn(&str, &Value) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for definition in definitions() {
        let kind = definition.spec.names.kind.clone();
        each_schema(&schema(&definition), &kind, &mut |path, schema| {
            found.extend(judge(path, schema).map(|fault| format!("{path}: {fault}")));
        });
    }
    found
}

#[test]
fn every_string_list_map_and_integer_is_bounded() {
    let found = faults(|_, schema| {
        let has = |bound: &str| schema[bound].is_number();
        let bounded = match schema["type"].as_str() {
            Some("string") => {
                has("maxLength") || schema["enum"].is_array() || schema["format"] == "date-time"
            }
            Some("array") => has("maxItems"),
            Some("object") if schema["additionalProperties"].is_object() => has("maxProperties"),
            Some("integer") => has("minimum"),
            None if schema["x-kubernetes-int-or-string"] == true => has("maxLength"),
            _ => true,
        };
        (!bounded).then(|| format!("no bound on this {}", schema["type"]))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn nothing_is_nullable_titled_or_unsigned() {
    let found = faults(|_, schema| {
        let noise = schema["nullable"] == true
            || schema["title"].is_string()
            || schema.get("default").is_some_and(Value::is_null)
            || schema["format"]
                .as_str()
                .is_some_and(|format| format.starts_with("uint"));
        noise.then(|| schema.to_string())
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_field_and_rule_speaks_to_its_user() {
    let found = faults(|path, schema| {
        let named = path.contains('.') && !path.ends_with("[]") && !path.contains(".conditions");
        if named
            && path != format!("{}.metadata", path.split('.').next()?)
            && !schema["description"].is_string()
        {
            return Some("no description".into());
        }
        let rules = schema["x-kubernetes-validations"].as_array()?;
        let silent = rules
            .iter()
            .find(|rule| rule["message"].is_null() && rule["messageExpression"].is_null())?;
        Some(format!("no message for {}", silent["rule"]))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_kind_is_listed_by_category_and_has_a_status() {
    let mut short_names = BTreeSet::new();
    for definition in definitions() {
        let (names, spec) = (&definition.spec.names, &definition.spec);
        assert_eq!(
            names.categories.as_deref(),
            Some(&["edugrid".to_owned()][..]),
            "{}",
            names.kind
        );
        for short in names.short_names.iter().flatten() {
            assert!(
                short_names.insert(short.clone()),
                "short name {short} is used twice"
            );
        }
        let version = spec.versions.first().expect("a definition has a version");
        assert!(
            version
                .additional_printer_columns
                .as_ref()
                .is_some_and(|columns| columns.len() >= 4),
            "{}",
            names.kind
        );
        if names.kind.starts_with("Ledger") {
            assert!(
                version.subresources.is_none(),
                "nothing of the books changes"
            );
            continue;
        }
        let subresources = version
            .subresources
            .as_ref()
            .expect("a kind has subresources");
        assert!(subresources.status.is_some(), "{}", names.kind);
        assert_eq!(
            subresources.scale.is_some(),
            names.kind == "ComputeJob",
            "{}",
            names.kind
        );
        let status = schema(&definition)["properties"]["status"]["properties"].clone();
        assert!(
            status["conditions"].is_object() && status["observedGeneration"].is_object(),
            "{}",
            names.kind
        );
    }
    // Names that kubectl already gives to kinds of Kubernetes itself.
    for taken in [
        "cj", "po", "no", "ns", "pc", "cm", "ev", "rs", "ds", "sa", "csr", "pv", "pvc", "sc",
    ] {
        assert!(!short_names.contains(taken), "short name {taken} is taken");
    }
}

#[test]
fn printer_columns_point_at_fields() {
    for definition in definitions() {
        let schema = schema(&definition);
        for column in definition.spec.versions[0]
            .additional_printer_columns
            .iter()
            .flatten()
        {
            let path = column.json_path.trim_start_matches('.');
            let mut here = &schema;
            for step in path
                .split('.')
                .take_while(|step| !step.contains('[') && !path.starts_with("metadata"))
            {
                here = &here["properties"][step];
                assert!(
                    here.is_object(),
                    "{}: {} leads nowhere",
                    definition.spec.names.kind,
                    column.json_path
                );
            }
        }
    }
}

/// Whether everything in `part` stands in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|found| contains(found, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole
                    .iter()
                    .zip(part)
                    .all(|(found, value)| contains(found, value))
        }
        (whole, part) => whole == part,
    }
}

#[test]
fn an_object_loses_nothing_on_its_way_through_our_types() {
    for subject in subjects() {
        let object = subject.suite.valid;
        let kind = subject.definition.spec.names.kind;
        let back = through_types(&kind, object.clone());
        assert!(
            contains(&back, &object),
            "{kind}: {object:#}\nbecame\n{back:#}"
        );
    }
}

fn through_types(kind: &str, object: Value) -> Value {
    fn through<T: serde::de::DeserializeOwned + serde::Serialize>(object: Value) -> Value {
        let typed: T = serde_json::from_value(object).expect("a valid object is read");
        serde_json::to_value(typed).expect("a typed object is JSON")
    }
    match kind {
        "Tenant" => through::<edugrid_crds::Tenant>(object),
        "ComputePool" => through::<edugrid_crds::ComputePool>(object),
        "JobClass" => through::<edugrid_crds::JobClass>(object),
        "ComputeJob" => through::<ComputeJob>(object),
        "ComputeVoucher" => through::<edugrid_crds::ComputeVoucher>(object),
        "FundingLine" => through::<edugrid_crds::FundingLine>(object),
        "PriceBook" => through::<edugrid_crds::PriceBook>(object),
        "ComputeReservation" => through::<edugrid_crds::ComputeReservation>(object),
        "LedgerSegment" => through::<edugrid_crds::LedgerSegment>(object),
        "LedgerSnapshotPart" => through::<edugrid_crds::LedgerSnapshotPart>(object),
        other => panic!("no type for {other}"),
    }
}

#[test]
fn a_template_is_a_native_pod_template_word_for_word() {
    let jobs = subjects()
        .into_iter()
        .find(|subject| subject.kind() == "ComputeJob")
        .expect("jobs are a kind");
    let written = jobs.suite.valid["spec"]["roles"][0]["template"].clone();
    let job: ComputeJob = serde_json::from_value(jobs.suite.valid).expect("a valid job is read");
    let template = serde_json::to_value(&job.spec.roles[0].template).expect("a template is JSON");
    assert_eq!(template, written);
    let native: k8s_openapi::api::core::v1::PodTemplateSpec =
        serde_json::from_value(template).expect("a template is a native one");
    assert_eq!(
        native
            .spec
            .and_then(|spec| spec.volumes)
            .map(|volumes| volumes.len()),
        Some(1)
    );
}

#[test]
fn our_words_are_those_of_the_engine_and_the_books() {
    let codes: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, WAITING);
    for outcome in edugrid_units::Outcome::ALL {
        let word = Value::from(outcome.as_str());
        assert!(
            serde_json::from_value::<Outcome>(word).is_ok(),
            "no outcome {outcome:?}"
        );
    }
}

#[test]
fn what_the_schema_takes_the_units_can_read() {
    let duration = |text: &str| Seconds::parse(text).map(|seconds| seconds.0);
    let durations = Regex::new(DURATION).expect("it compiles");
    for (text, seconds) in [
        ("8h", Some(28_800)),
        ("1h30m", Some(5400)),
        ("0s", Some(0)),
        ("30m1h", None),
        ("1h1h", None),
    ] {
        assert_eq!(
            (durations.is_match(text), duration(text).ok()),
            (seconds.is_some(), seconds),
            "{text}"
        );
    }
    let money = Regex::new(MONEY).expect("it compiles");
    for text in ["0", "12.50", "0.000001", "999999999999.999999"] {
        assert!(
            money.is_match(text) && MicroYuan::parse_yuan(text).is_ok(),
            "{text}"
        );
    }
    let days = Regex::new(CALENDAR_DATE).expect("it compiles");
    for (text, is_one) in [
        ("2026-09-30", true),
        ("2026-09-31", false),
        ("2026-02-29", false),
        ("2028-02-29", true),
        ("2100-02-29", false),
        ("2000-02-29", true),
        ("1999-12-31", false),
        ("2026-12-31", true),
    ] {
        assert_eq!(days.is_match(text), is_one, "{text}");
        assert_eq!(
            text.parse::<k8s_openapi::jiff::civil::Date>()
                .is_ok_and(|day| day.year() >= 2000),
            is_one,
            "{text}"
        );
    }
    let quantities = Regex::new(QUANTITY).expect("it compiles");
    for text in ["4", "0.5", "500m", "120Gi", "1e3", "1P"] {
        assert!(
            quantities.is_match(text) && parse_milli(text).is_ok(),
            "{text}"
        );
    }
    for text in ["1e100", "plenty", "", "4 cards", "1e99999999"] {
        assert!(!quantities.is_match(text), "{text}");
    }
}

#[test]
fn the_largest_payload_is_half_a_mebibyte() {
    use edugrid_crds::ledger_segment::{PAYLOAD_TEXT_MAX, name};
    assert_eq!(PAYLOAD_TEXT_MAX, 699_052);
    assert_eq!(name(42), "00000000000000000042");
}
