//! What a client says it can read (`Accept`).

/// Whether JSON with all these parameters is accepted, as in
/// `application/json;as=Table;v=v1;g=meta.k8s.io`. Order and weights are left aside: a client
/// of Kubernetes that can read a richer form wants it.
pub fn accepts(accept: &str, parameters: &[&str]) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let json = parts.next() == Some("application/json");
        let given: Vec<&str> = parts.collect();
        json && parameters.iter().all(|wanted| given.contains(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameters_must_stand_in_one_range() {
        const TABLE: [&str; 3] = ["as=Table", "v=v1", "g=meta.k8s.io"];
        for (accept, expected) in [
            // What kubectl 1.36 sends.
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,\
                 application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                true,
            ),
            ("application/json; as=Table; g=meta.k8s.io; v=v1", true),
            ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", false),
            (
                "application/json;as=Table,application/json;v=v1;g=meta.k8s.io",
                false,
            ),
            ("application/yaml;as=Table;v=v1;g=meta.k8s.io", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(accepts(accept, &TABLE), expected, "{accept}");
        }
    }
}
