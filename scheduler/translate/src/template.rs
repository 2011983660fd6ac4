//! What a template may not choose for itself, refused again where the schema's rules were missing (API.md). Which pods the
//! API server takes is not known here: a dry run tells.

use edugrid_crds::{
    labels::{ENV_PREFIX, KEY_PREFIX},
    pod_template::{PodTemplate, TemplateSpec},
};

use crate::BadField;

/// Checks the template of the role that `field` names.
///
/// # Errors
/// With the first field that it may not set, and the way out.
pub(crate) fn check(field: &str, template: &PodTemplate) -> Result<(), BadField> {
    let bad = |path: &str, way_out: &str| {
        Err(BadField::words(
            format!("{field}.template.{path}"),
            way_out.to_owned(),
        ))
    };
    let spec = &template.spec;
    if let Some((path, _)) = own_choices(spec).iter().find(|(_, is_set)| *is_set) {
        return bad(&format!("spec.{path}"), "may not be set: remove it");
    }
    let reaches_ours = |key: &Option<String>| {
        key.as_deref()
            .is_none_or(|key| key.is_empty() || key.starts_with(KEY_PREFIX))
    };
    if spec.tolerations.iter().any(|one| reaches_ours(&one.key)) {
        let way_out =
            format!("tolerates every taint or those under {KEY_PREFIX}: name another key");
        return bad("spec.tolerations", &way_out);
    }
    let labels = template
        .metadata
        .iter()
        .flat_map(|metadata| metadata.labels.keys());
    if labels.into_iter().any(|key| key.starts_with(KEY_PREFIX)) {
        let way_out = format!("has a key under {KEY_PREFIX}: take another key");
        return bad("metadata.labels", &way_out);
    }
    let containers = spec.containers.iter().chain(&spec.init_containers);
    let mut variables = containers.flat_map(|container| &container.env);
    if variables.any(|variable| variable.name.starts_with(ENV_PREFIX)) {
        let way_out = format!("sets a variable that starts with {ENV_PREFIX}: take another name");
        return bad("spec.containers[].env", &way_out);
    }
    Ok(())
}

/// The fields that the plan, the class or the walltime decide.
fn own_choices(spec: &TemplateSpec) -> [(&'static str, bool); 7] {
    [
        ("nodeName", spec.node_name.is_some()),
        ("schedulerName", spec.scheduler_name.is_some()),
        ("priority", spec.priority.is_some()),
        ("priorityClassName", spec.priority_class_name.is_some()),
        ("schedulingGates", spec.scheduling_gates.is_some()),
        ("resourceClaims", spec.resource_claims.is_some()),
        (
            "activeDeadlineSeconds",
            spec.active_deadline_seconds.is_some(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(template: Value) -> Option<String> {
        let template: PodTemplate = serde_json::from_value(template).expect("a template");
        check("spec.roles[w]", &template)
            .err()
            .map(|bad| bad.to_string())
    }

    #[test]
    fn a_template_chooses_nothing_that_the_plan_does() {
        let with = |name: &str, value: Value| {
            let mut spec = json!({"containers": [{"name": "main"}]});
            spec[name] = value;
            refused(json!({"spec": spec}))
        };
        assert_eq!(with("hostname", json!("a")), None);
        for (name, value) in [
            ("nodeName", json!("n1")),
            ("schedulerName", json!("mine")),
            ("priority", json!(1)),
            ("priorityClassName", json!("system-node-critical")),
            ("schedulingGates", json!([{"name": "x"}])),
            ("resourceClaims", json!([{"name": "x"}])),
            ("activeDeadlineSeconds", json!(60)),
            ("tolerations", json!([{"operator": "Exists"}])),
            ("tolerations", json!([{"key": "edugrid.io/pool"}])),
            (
                "containers",
                json!([{"name": "main", "env": [{"name": "EDUGRID_ROLE"}]}]),
            ),
            (
                "initContainers",
                json!([{"name": "a", "env": [{"name": "EDUGRID_ROLE"}]}]),
            ),
        ] {
            let said = with(name, value).unwrap_or_else(|| panic!("{name} is taken"));
            assert!(said.starts_with("spec.roles[w].template.spec."), "{said}");
        }
        let labelled =
            json!({"metadata": {"labels": {"edugrid.io/job": "x"}}, "spec": {"containers": []}});
        assert!(refused(labelled).is_some_and(|said| said.contains("metadata.labels")));
        assert_eq!(
            with("tolerations", json!([{"key": "example.org/slow"}])),
            None
        );
    }
}
