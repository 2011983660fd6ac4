//! How long and how many: the bounds that several kinds share, and the schemas made of them.
//!
//! Every string, list and map of ours has one, for two reasons: an object stays small enough to be cached by the
//! hundred thousand, and the API server can bound the cost of the CEL rules that walk it (it refuses a definition
//! whose rules it can't bound).

use crate::rules;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Longest name of an object of ours: a DNS label, so that it also fits a label value.
pub const NAME_MAX: u32 = 63;
/// Longest tenant name: `edugrid-<tenant>` must still be a namespace's name, with room for suffixes.
pub const TENANT_NAME_MAX: u32 = 50;
/// Longest qualified name: a DNS subdomain of 253, a slash and 63 characters.
pub const KEY_MAX: u32 = 317;
/// Longest user or group name; a service account's full name has at most 338 characters.
pub const SUBJECT_MAX: u32 = 512;
/// Longest short text for people, in characters.
pub const TEXT_MAX: u32 = 256;
/// Longest text for people, in characters.
pub const MESSAGE_MAX: u32 = 1024;
/// Most groups of a submitter.
pub const GROUPS_MAX: u32 = 64;
/// Most pools, classes or tenants in one list of references.
pub const REFERENCES_MAX: u32 = 64;
/// Most labels in a node selector.
pub const NODE_SELECTOR_MAX: u32 = 16;

/// A DNS label, as Kubernetes spells it.
pub const DNS_LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A qualified name: an optional DNS subdomain with a slash, then a name.
pub const QUALIFIED_NAME: &str =
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

/// The name of another object of ours.
pub fn name(_: &mut SchemaGenerator) -> Schema {
    label_of_at_most(NAME_MAX)
}

fn label_of_at_most(length: u32) -> Schema {
    let says = format!(
        "no name of an object: write a DNS label of at most {length} characters (a-z, 0-9 and '-'), for example 'a100'"
    );
    json_schema!({
        "type": "string",
        "maxLength": length,
        "x-kubernetes-validations": [rules::spelled(DNS_LABEL, &says)],
    })
}

/// The name of a tenant.
pub fn tenant_name(_: &mut SchemaGenerator) -> Schema {
    label_of_at_most(TENANT_NAME_MAX)
}

/// A label key or an extended resource's name.
pub fn qualified_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": KEY_MAX,
        "x-kubernetes-validations": [rules::spelled(
            QUALIFIED_NAME,
            "no qualified name: write for example 'nvidia.com/gpu' or 'kubernetes.io/hostname'",
        )],
    })
}

/// A list of names of ours in an order that means something; each at most once.
pub fn names(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": REFERENCES_MAX,
        "items": name(generator),
        "x-kubernetes-list-type": "atomic",
        "x-kubernetes-validations": [{
            "rule": "self.all(x, self.exists_one(y, x == y))",
            "message": "a name stands in this list more than once: name each one once, in order of preference",
        }],
    })
}

/// A set of tenant names that several people may edit at once.
pub fn tenant_names(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": REFERENCES_MAX,
        "items": tenant_name(generator),
        "x-kubernetes-list-type": "set",
    })
}

/// A map of labels.
pub fn node_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": NODE_SELECTOR_MAX,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}
