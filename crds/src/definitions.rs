//! The definitions of all kinds as the API server gets them.
//!
//! What the derive emits is tidied here: Kubernetes treats an absent field and a null one alike and needs no
//! `nullable`, and CEL's `has()` then means what it says; titles and unsigned formats are noise to it.

use crate::{
    ComputeJob, ComputePool, ComputeReservation, ComputeVoucher, FundingLine, JobClass,
    LedgerSegment, LedgerSnapshotPart, PriceBook, Tenant,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

/// All definitions, ready to be applied.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![
        Tenant::crd(),
        ComputePool::crd(),
        JobClass::crd(),
        ComputeJob::crd(),
        ComputeVoucher::crd(),
        FundingLine::crd(),
        PriceBook::crd(),
        ComputeReservation::crd(),
        LedgerSegment::crd(),
        LedgerSnapshotPart::crd(),
    ];
    for version in definitions
        .iter_mut()
        .flat_map(|definition| &mut definition.spec.versions)
    {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            tidy(schema);
        }
    }
    definitions
}

/// The file that a definition is kept in: the kind in lower case.
#[must_use]
pub fn file_name(definition: &CustomResourceDefinition) -> String {
    format!("{}.yaml", definition.spec.names.kind.to_ascii_lowercase())
}

/// Removes what means nothing to the API server, everywhere in a schema.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
    }
    if schema
        .default
        .as_ref()
        .is_some_and(|default| default.0.is_null())
    {
        schema.default = None;
    }
    if let Some(values) = &mut schema.enum_ {
        values.retain(|value| value.0 != Value::Null);
    }
    if let Some(description) = &mut schema.description {
        *description = unwrap_lines(description);
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

/// Joins the lines of a doc comment, which break where the source does.
fn unwrap_lines(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
