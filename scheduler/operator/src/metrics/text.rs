//! The two texts in which Prometheus reads metrics, and which of them a client wants.

use std::fmt::Write;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0: what is served unless another is asked for.
    OpenMetrics,
    /// Prometheus' own of before, version 0.0.4: `promtool check metrics` reads only that.
    Plain,
}

impl Format {
    /// What a client with this `Accept` reads. None: neither.
    pub fn accepted(accept: &str) -> Option<Self> {
        let mut types = accept
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .filter(|kind| !kind.is_empty())
            .peekable();
        if types.peek().is_none() {
            return Some(Self::OpenMetrics);
        }
        let rank = |kind: &str| match kind {
            "application/openmetrics-text" | "application/*" => Some((0, Self::OpenMetrics)),
            "text/plain" | "text/*" => Some((1, Self::Plain)),
            "*/*" => Some((2, Self::OpenMetrics)),
            _ => None,
        };
        let best = types.filter_map(rank).min_by_key(|(rank, _)| *rank);
        best.map(|(_, format)| format)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// This text in that format; what comes in is OpenMetrics.
    pub(super) fn of(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Plain => plain(&text),
        }
    }
}

/// OpenMetrics names a family without the suffix of its samples and knows units and infos;
/// the older text names what stands in the samples and knows neither.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // The help comes before the type, which decides how both are spelled.
    let mut help: Option<(&str, &str)> = None;
    for line in text.lines() {
        let words = |prefix| line.strip_prefix(prefix)?.split_once(' ');
        if let Some((name, words)) = words("# HELP ") {
            help = Some((name, words));
        } else if let Some((name, kind)) = words("# TYPE ") {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            if let Some((_, words)) = help.take().filter(|(of, _)| *of == name) {
                // Writing to a text never fails.
                let _ = writeln!(plain, "# HELP {name}{suffix} {words}");
            }
            let _ = writeln!(plain, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_read() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
                          application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (prometheus, Some(Format::OpenMetrics)),
            ("", Some(Format::OpenMetrics)),
            ("*/*", Some(Format::OpenMetrics)),
            ("application/json, */*", Some(Format::OpenMetrics)),
            ("text/plain;version=0.0.4", Some(Format::Plain)),
            ("text/plain;q=0.5,*/*;q=0.1", Some(Format::Plain)),
            ("application/json", None),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn the_older_text_names_counters_and_infos_as_their_samples() {
        let text = "# HELP a_seconds Time.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
                    a_seconds_total{x=\"# EOF\"} 1\n# HELP b What.\n# TYPE b info\n\
                    b_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n# EOF\n";
        let expected = "# HELP a_seconds_total Time.\n# TYPE a_seconds_total counter\n\
                        a_seconds_total{x=\"# EOF\"} 1\n# HELP b_info What.\n# TYPE b_info gauge\n\
                        b_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n";
        assert_eq!(Format::Plain.of(text.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.of(text.to_owned()), text);
    }
}
