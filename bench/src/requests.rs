//! How many requests an API server answered, by whom they can be told apart: verb, resource and
//! subresource from its own metrics, the operator's from the operator's. It must not know what
//! the requests are for.

use std::collections::BTreeMap;

/// Counts by a name for people.
pub type Counts = BTreeMap<String, f64>;

/// All samples of one counter, by `resource/subresource verb`, from a text of metrics. Watches and
/// leases are left out: they don't grow with the work.
pub fn of_server(metrics: &str) -> Counts {
    counted(metrics, "apiserver_request_total", |labels| {
        let of = |name: &str| labels.get(name).copied().unwrap_or("");
        let (verb, resource) = (of("verb"), of("resource"));
        if verb == "WATCH" || resource == "leases" || resource.is_empty() {
            return None;
        }
        let part = match of("subresource") {
            "" => String::new(),
            subresource => format!("/{subresource}"),
        };
        let failed = match of("code").as_bytes().first() {
            Some(b'2') | None => "",
            Some(_) => " refused",
        };
        Some(format!("{verb} {resource}{part}{failed}"))
    })
}

/// The operator's own count, with all of its labels.
pub fn of_operator(metrics: &str) -> Counts {
    counted(metrics, "edugrid_api_requests_total", |labels| {
        let words: Vec<&str> = labels.values().copied().collect();
        Some(words.join(" "))
    })
}

/// What came to be between two counts.
pub fn grown(before: &Counts, after: &Counts) -> Counts {
    let difference = |name: &String, count: f64| count - before.get(name).copied().unwrap_or(0.0);
    let grown = after
        .iter()
        .map(|(name, count)| (name.clone(), difference(name, *count)));
    grown.filter(|(_, count)| *count > 0.0).collect()
}

fn counted(
    metrics: &str,
    family: &str,
    name: impl Fn(&BTreeMap<&str, &str>) -> Option<String>,
) -> Counts {
    let mut counts = Counts::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line
            .strip_prefix(family)
            .and_then(|rest| rest.strip_prefix('{')?.rsplit_once("} "))
        else {
            continue;
        };
        let value = value.split_whitespace().next().unwrap_or("");
        if let (Some(name), Ok(value)) = (name(&read(labels)), value.parse::<f64>()) {
            *counts.entry(name).or_default() += value;
        }
    }
    counts
}

/// Labels of a sample. Those of the two families hold no quotes and no commas.
fn read(labels: &str) -> BTreeMap<&str, &str> {
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), value.trim_matches('"')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",group="edugrid.io",resource="computejobs",subresource="",verb="POST"} 7
apiserver_request_total{code="200",group="edugrid.io",resource="computejobs",subresource="status",verb="PATCH"} 5
apiserver_request_total{code="200",group="edugrid.io",resource="computejobs",subresource="status",verb="APPLY"} 1
apiserver_request_total{code="409",group="edugrid.io",resource="computejobs",subresource="status",verb="PATCH"} 2
apiserver_request_total{code="0",group="edugrid.io",resource="computejobs",subresource="",verb="WATCH"} 3
edugrid_api_requests_total{class="pin_pod",outcome="stands"} 4
"#;

    #[test]
    fn requests_are_named_and_refusals_apart() {
        let counts = of_server(TEXT);
        assert_eq!(counts["POST computejobs"], 7.0);
        assert_eq!(counts["PATCH computejobs/status"], 5.0);
        assert_eq!(counts["PATCH computejobs/status refused"], 2.0);
        assert!(!counts.keys().any(|name| name.contains("WATCH")));
        assert_eq!(of_operator(TEXT)["pin_pod stands"], 4.0);
    }

    #[test]
    fn only_what_grew_is_told() {
        let before = Counts::from([("a".to_owned(), 1.0), ("b".to_owned(), 2.0)]);
        let after = Counts::from([("a".to_owned(), 1.0), ("b".to_owned(), 5.0)]);
        assert_eq!(
            grown(&before, &after),
            Counts::from([("b".to_owned(), 3.0)])
        );
    }
}
