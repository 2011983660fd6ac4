//! Where answers go: standard output, in the form that was asked for.

use std::io::{self, Write};

use edugrid_crds::visibility::Age;
use serde::Serialize;

use crate::failure::Failure;

/// Writes text. A reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// The answer as JSON, with a line feed.
pub fn json(answer: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(answer);
    Ok(text.map_err(|error| Failure::Print(error.to_string()))? + "\n")
}

/// The answer as YAML.
pub fn yaml(answer: &impl Serialize) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(answer);
    let text = text.map_err(|error| Failure::Print(error.to_string()))?;
    Ok(if text.ends_with('\n') {
        text
    } else {
        text + "\n"
    })
}

/// The stated age of an answer: `as of …`, and what clock says so (N5).
pub fn stated(age: &Age) -> String {
    let as_of = instant(&age.as_of);
    match &age.clock {
        None => format!("as of {as_of}"),
        Some(clock) => format!(
            "as of {as_of} by a virtual clock, {} times real time since {}",
            clock.factor,
            instant(&clock.origin),
        ),
    }
}

/// An instant as answers spell it.
pub fn instant(time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> String {
    time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
