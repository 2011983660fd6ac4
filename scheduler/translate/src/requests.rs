//! What a pod asks of a node, as kube-scheduler counts it (N4): containers, init
//! containers and sidecars, pod-level resources, overhead.
//!
//! Knows the pod's shape, not who asks or where it goes.

use std::collections::BTreeMap;

use edugrid_units::{MilliUnits, ParseQuantityError, parse_mebibytes, parse_milli};
use k8s_openapi::{
    api::core::v1::{Container, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

/// The vector of a pod: cores, memory and every device by its resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRequest {
    /// In milli-cores.
    pub cpu_milli: u64,
    /// In MiB.
    pub memory_mebibytes: u64,
    /// In thousandths of a device, by extended resource name.
    pub devices: BTreeMap<String, MilliUnits>,
}

impl PodRequest {
    /// Adds another vector to this one, held at the largest (N1).
    pub fn add(&mut self, other: &Self) {
        self.cpu_milli = self.cpu_milli.saturating_add(other.cpu_milli);
        self.memory_mebibytes = self.memory_mebibytes.saturating_add(other.memory_mebibytes);
        for (name, count) in &other.devices {
            let sum = self.devices.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    fn raise_to(&mut self, other: &Self) {
        self.cpu_milli = self.cpu_milli.max(other.cpu_milli);
        self.memory_mebibytes = self.memory_mebibytes.max(other.memory_mebibytes);
        for (name, count) in &other.devices {
            let sum = self.devices.entry(name.clone()).or_default();
            *sum = (*sum).max(*count);
        }
    }
}

/// A request that can't be counted, with the field that holds it.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {source}")]
pub struct BadRequest {
    field: String,
    #[source]
    source: ParseQuantityError,
}

/// Whether a resource name is a device: any name with a domain, as the placement gate's
/// policy counts them (Q5).
pub fn is_device(resource: &str) -> bool {
    resource.contains('/')
}

/// Adds up what the pod asks.
///
/// # Errors
/// If a quantity is malformed, negative or too large; names the container's field.
pub fn effective(spec: &PodSpec) -> Result<PodRequest, BadRequest> {
    let mut total = PodRequest::default();
    for container in &spec.containers {
        total.add(&of_container(container)?);
    }
    // A sidecar stays up beside everything that starts after it; an ordinary init
    // container runs alone with the sidecars before it.
    let mut sidecars = PodRequest::default();
    let mut init_peak = PodRequest::default();
    for container in spec.init_containers.iter().flatten() {
        let mut running = of_container(container)?;
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars.add(&running);
            running = sidecars.clone();
        } else {
            running.add(&sidecars);
        }
        init_peak.raise_to(&running);
    }
    total.add(&sidecars);
    total.raise_to(&init_peak);
    if let Some(resources) = &spec.resources {
        let whole = of_requirements("spec.resources", resources)?;
        if whole.cpu_milli > 0 {
            total.cpu_milli = whole.cpu_milli;
        }
        if whole.memory_mebibytes > 0 {
            total.memory_mebibytes = whole.memory_mebibytes;
        }
    }
    if let Some(overhead) = &spec.overhead {
        total.add(&of_quantities("spec.overhead", overhead)?);
    }
    Ok(total)
}

fn of_container(container: &Container) -> Result<PodRequest, BadRequest> {
    match &container.resources {
        Some(resources) => of_requirements(
            &format!("container {}: resources", container.name),
            resources,
        ),
        None => Ok(PodRequest::default()),
    }
}

/// Requests, completed by limits where a request is absent: the API server does the
/// same when the pod is created.
fn of_requirements(
    field: &str,
    resources: &ResourceRequirements,
) -> Result<PodRequest, BadRequest> {
    let mut effective = resources.limits.clone().unwrap_or_default();
    effective.extend(resources.requests.clone().unwrap_or_default());
    of_quantities(field, &effective)
}

/// Reads a list of quantities; `field` is for the error.
///
/// # Errors
/// If a quantity is malformed, negative or too large.
pub fn of_quantities(
    field: &str,
    quantities: &BTreeMap<String, Quantity>,
) -> Result<PodRequest, BadRequest> {
    let mut request = PodRequest::default();
    for (name, quantity) in quantities {
        let bad = |source| BadRequest {
            field: format!("{field}.{name}"),
            source,
        };
        match name.as_str() {
            "cpu" => request.cpu_milli = parse_milli(&quantity.0).map_err(bad)?.0,
            "memory" => request.memory_mebibytes = parse_mebibytes(&quantity.0).map_err(bad)?,
            device if is_device(device) => {
                let count = parse_milli(&quantity.0).map_err(bad)?;
                if count > MilliUnits::ZERO {
                    request.devices.insert(device.to_owned(), count);
                }
            }
            _ => {}
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(spec: serde_json::Value) -> PodRequest {
        effective(&serde_json::from_value(spec).expect("a pod spec")).expect("countable")
    }

    #[test]
    fn containers_add_up_and_limits_stand_in_for_requests() {
        let request = of(json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1500m", "memory": "1Gi"}, "limits": {"cpu": "4"}}},
            {"name": "b", "resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "1"}}},
        ]}));
        assert_eq!((request.cpu_milli, request.memory_mebibytes), (2500, 1024));
        assert_eq!(request.devices["nvidia.com/gpu"], MilliUnits::whole(2));
    }

    #[test]
    fn init_containers_raise_and_sidecars_add() {
        let request = of(json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}],
            "initContainers": [
                {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "2"}}},
                {"name": "init", "resources": {"requests": {"cpu": "5"}}},
            ],
            "overhead": {"memory": "10Mi"},
        }));
        // the init container beside the sidecar (7) is above the containers beside it (3)
        assert_eq!((request.cpu_milli, request.memory_mebibytes), (7000, 10));
    }

    #[test]
    fn a_bad_quantity_is_named() {
        let spec = json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": "-1"}}}]});
        let error = effective(&serde_json::from_value(spec).expect("a pod spec"));
        assert_eq!(
            error.expect_err("negative").to_string(),
            "container a: resources.cpu: \"-1\" is negative, a request is at least 0",
        );
    }

    #[test]
    fn a_name_with_a_domain_is_a_device() {
        assert!(is_device("nvidia.com/gpu") && is_device("huawei.com/Ascend910"));
        for name in ["cpu", "memory", "hugepages-2Mi", "ephemeral-storage"] {
            assert!(!is_device(name), "{name}");
        }
    }
}
