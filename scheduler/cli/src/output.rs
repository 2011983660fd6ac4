//! Where answers go: standard output, in the form that was asked for.

use std::io::{self, Write};

use edugrid_crds::visibility::Age;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;

use crate::{failure::Failure, look::Look, sentences};

/// An answer that is ready to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What it says; ends with a line feed.
    pub text: String,
    /// As of when, where that stands apart from the text: a watch shows an answer again only if
    /// the text is another one.
    pub age: Option<String>,
    /// What parts it from the answer before, where answers are appended.
    pub gap: &'static str,
}

impl Page {
    /// An answer as JSON; its age stands inside.
    pub fn json(answer: &impl Serialize) -> Result<Self, Failure> {
        let (age, gap) = (None, "");
        json(answer).map(|text| Self { text, age, gap })
    }

    /// The same as YAML, of which a stream has documents.
    pub fn yaml(answer: &impl Serialize) -> Result<Self, Failure> {
        let (age, gap) = (None, "---\n");
        yaml(answer).map(|text| Self { text, age, gap })
    }

    /// A text for people, with its age below.
    pub fn aged(text: String, age: &Age, look: Look) -> Self {
        let age = Some(sentences::stated(look.language, age));
        let gap = "\n";
        Self { text, age, gap }
    }

    /// All of it.
    pub fn whole(&self) -> String {
        match &self.age {
            Some(age) if self.text.is_empty() => format!("{age}\n"),
            Some(age) => format!("{}\n{age}\n", self.text),
            None => self.text.clone(),
        }
    }
}

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

/// An instant as answers spell it.
pub fn instant(time: &Time) -> String {
    time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The word by which the API says a value of a closed list.
pub fn word_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
