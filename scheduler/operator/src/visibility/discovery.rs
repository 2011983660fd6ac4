//! The documents by which clients learn what is served. They hold constants only, so every
//! replica can answer them at any time: a namespace's deletion asks for discovery and must
//! never wait for us.

use edugrid_crds::visibility::{API_VERSION, GROUP, RESOURCES, Resource, VERSION};
use serde_json::{Map, Value, json};

/// What a client must accept to get all groups and resources in one document.
pub const AGGREGATED: [&str; 3] = ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"];
/// The media type of that document.
pub const AGGREGATED_TYPE: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/apis`, aggregated.
pub fn aggregated() -> Value {
    let resources: Vec<Value> = RESOURCES.iter().map(aggregated_resource).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{
            "metadata": {"name": GROUP, "creationTimestamp": null},
            "versions": [{"version": VERSION, "freshness": "Current", "resources": resources}],
        }],
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    json!({
        "resource": resource.plural,
        "responseKind": {"group": GROUP, "version": VERSION, "kind": resource.kind},
        "scope": "Namespaced",
        "singularResource": resource.singular,
        "verbs": resource.verbs(),
        "shortNames": resource.short_names,
    })
}

/// `/apis`.
pub fn groups() -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_body()]})
}

/// `/apis/visibility.edugrid.io`.
pub fn group() -> Value {
    let mut group = group_body();
    if let Some(fields) = group.as_object_mut() {
        fields.insert("kind".into(), "APIGroup".into());
        fields.insert("apiVersion".into(), "v1".into());
    }
    group
}

fn group_body() -> Value {
    let version = json!({"groupVersion": API_VERSION, "version": VERSION});
    json!({"name": GROUP, "versions": [version], "preferredVersion": version})
}

/// `/apis/visibility.edugrid.io/v1alpha1`.
pub fn resources() -> Value {
    let resources: Vec<Value> = RESOURCES.iter().map(plain_resource).collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": API_VERSION,
        "resources": resources,
    })
}

fn plain_resource(resource: &Resource) -> Value {
    json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": true,
        "kind": resource.kind,
        "verbs": resource.verbs(),
        "shortNames": resource.short_names,
    })
}

/// `/openapi/v2`: valid and empty. The API server merges it; answers have no schema, since
/// nobody writes them.
pub fn openapi_v2() -> Value {
    json!({
        "swagger": "2.0",
        "info": {"title": "EduGrid visibility", "version": VERSION},
        "paths": {},
        "definitions": {},
    })
}

/// `/openapi/v3`: where the one group version is described.
pub fn openapi_v3() -> Value {
    let path = format!("apis/{API_VERSION}");
    let url = format!("/openapi/v3/{path}?hash={}", env!("CARGO_PKG_VERSION"));
    json!({"paths": {path: {"serverRelativeURL": url}}})
}

/// `/openapi/v3/apis/visibility.edugrid.io/v1alpha1`: for each kind its path and what it is,
/// enough for `kubectl explain`. No fields: nobody writes them.
pub fn openapi_v3_version() -> Value {
    let gvk =
        |resource: &Resource| json!({"group": GROUP, "version": VERSION, "kind": resource.kind});
    let path = |resource: &Resource| {
        let path = format!(
            "/apis/{API_VERSION}/namespaces/{{namespace}}/{}",
            resource.plural
        );
        let get = json!({
            "description": format!("read {}", resource.plural),
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "list",
            "x-kubernetes-group-version-kind": gvk(resource),
        });
        (path, json!({"get": get}))
    };
    let schema = |resource: &Resource| {
        let description = format!(
            "{} is an answer from the operator's memory, read-only. Read one with \
             `kubectl get {} NAME -o yaml`, or with `kubectl edugrid`.",
            resource.kind, resource.singular,
        );
        let schema = json!({
            "type": "object",
            "description": description,
            "x-kubernetes-group-version-kind": [gvk(resource)],
        });
        (resource.kind.to_owned(), schema)
    };
    let paths: Map<String, Value> = RESOURCES.iter().map(path).collect();
    let schemas: Map<String, Value> = RESOURCES.iter().map(schema).collect();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "EduGrid visibility", "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visibility::media::accepts;

    #[test]
    fn resources_are_namespaced_and_read_only() {
        let document = resources();
        let lines: Vec<String> = document["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|resource| {
                assert_eq!(resource["namespaced"], true);
                format!(
                    "{} {} {}",
                    resource["name"], resource["verbs"], resource["shortNames"]
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                r#""queuedjobs" ["get","list"] ["qj"]"#,
                r#""explanations" ["get"] []"#,
                r#""statements" ["get","list"] []"#,
                r#""tenantuses" ["get","list"] ["tu"]"#,
                r#""voucheruses" ["get","list"] ["vu"]"#,
                r#""tenantmetrics" ["get"] []"#,
            ],
        );
        assert_eq!(document["groupVersion"], "visibility.edugrid.io/v1alpha1");
    }

    #[test]
    fn the_group_stands_alone_and_in_the_list() {
        let mut alone = group();
        assert_eq!(alone["kind"], "APIGroup");
        for key in ["kind", "apiVersion"] {
            alone.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(groups()["groups"], json!([alone]));
    }

    #[test]
    fn the_aggregated_form_is_asked_for_by_its_media_type() {
        // What the API server of 1.36 sends.
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";
        assert!(accepts(accept, &AGGREGATED));
        assert!(accepts(AGGREGATED_TYPE, &AGGREGATED));
        let version = &aggregated()["items"][0]["versions"][0];
        assert_eq!(version["resources"][0]["responseKind"]["kind"], "QueuedJob");
    }
}
