//! An example file of `examples/invalid` or `examples/waiting`, read: objects with a few notes in comments above each,
//! for people and for tests alike. What the notes mean in a cluster is not known here.
//!
//! ```text
//! # What it is, in English.
//! # 同一句话的中文。
//! # as: alice                         who asks; a name of the folder's README
//! # kubectl: patch computejob a …     the command; `kubectl create` where there is none
//! # by: policy placement-gate         a note of the last step
//! # refused: the words, that may go on
//! #   in deeper indented lines
//! apiVersion: …
//! ```
//!
//! Further steps follow after `---`, each with notes of its own: all but the last prepare the ground.

use std::collections::BTreeMap;
use std::fmt;

/// The notes that there are. Anything else in a head is a fault, so that a typo is not taken for prose.
const NOTES: [&str; 11] = [
    "as", "kubectl", "by", "refused", "event", "gated", "becomes", "until", "waits", "en", "zh",
];

/// What an example is and what is done in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What it is, in English.
    pub title: String,
    /// The same in Chinese.
    pub title_zh: String,
    /// What is done, in order; at least one. The last is what the example is about.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The notes above it, by name.
    pub notes: BTreeMap<String, String>,
    /// The object or patch as YAML; empty where the command says all.
    pub body: String,
}

/// Why a file is no example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Fault {}

impl Step {
    /// A note's text.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.notes.get(name).map(String::as_str)
    }

    /// The words of the command after `kubectl`.
    pub fn command(&self) -> Vec<&str> {
        self.note("kubectl")
            .unwrap_or("create")
            .split_whitespace()
            .collect()
    }
}

impl Script {
    /// Reads a file's text.
    ///
    /// # Errors
    /// With the line, if the head lacks its two titles or a note is not known.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut lines = text.lines().enumerate().peekable();
        let mut title = |what: &str| match lines.next() {
            Some((_, line)) if line.starts_with("# ") => Ok(line[2..].to_owned()),
            other => Err(fault(
                other.map_or(0, |(at, _)| at),
                format!("{what} is missing"),
            )),
        };
        let (title, title_zh) = (title("the English title")?, title("the Chinese title")?);
        let mut steps = Vec::new();
        let (mut step, mut last, mut in_head) = (Step::default(), None::<String>, true);
        for (at, line) in lines {
            if line == "---" {
                steps.push(std::mem::take(&mut step));
                (last, in_head) = (None, true);
            } else if in_head && let Some(rest) = line.strip_prefix('#') {
                last = Some(take_note(&mut step, last, rest).map_err(|what| fault(at, what))?);
            } else {
                in_head = false;
                step.body.push_str(line);
                step.body.push('\n');
            }
        }
        steps.push(step);
        Ok(Self {
            title,
            title_zh,
            steps,
        })
    }

    /// The step that the example is about.
    pub fn last(&self) -> &Step {
        // There is one: `parse` pushes it.
        &self.steps[self.steps.len() - 1]
    }

    /// The steps before it.
    pub fn before(&self) -> &[Step] {
        &self.steps[..self.steps.len() - 1]
    }
}

/// Takes a line of a head, without its `#`, and returns the note that it belongs to.
fn take_note(step: &mut Step, last: Option<String>, line: &str) -> Result<String, String> {
    if let Some(more) = line.strip_prefix("   ") {
        let name = last.ok_or("an indented line without a note before it")?;
        let text = step.notes.entry(name.clone()).or_default();
        text.push(' ');
        text.push_str(more.trim());
        return Ok(name);
    }
    let (name, text) = line
        .trim()
        .split_once(": ")
        .ok_or("a note is `name: text`")?;
    if !NOTES.contains(&name) {
        return Err(format!(
            "no note is called {name:?}, but {}",
            NOTES.join(", ")
        ));
    }
    let before = step.notes.insert(name.to_owned(), text.trim().to_owned());
    match before {
        Some(_) => Err(format!("the note {name} stands twice")),
        None => Ok(name.to_owned()),
    }
}

fn fault(at: usize, what: String) -> Fault {
    Fault { line: at + 1, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_STEPS: &str = "\
# A thing.
# 一件事。
# as: alice
kind: A
# not of the head
spec: {}
---
# kubectl: patch a b
#   --type=merge
# by: schema
# refused: no:
#   never
spec: {c: 1}
";

    #[test]
    fn a_file_is_read_step_by_step() {
        let script = Script::parse(TWO_STEPS).expect("an example");
        assert_eq!(
            (script.title.as_str(), script.title_zh.as_str()),
            ("A thing.", "一件事。")
        );
        let [first] = script.before() else {
            panic!("one step before")
        };
        assert_eq!(first.body, "kind: A\n# not of the head\nspec: {}\n");
        assert_eq!(
            (first.command(), first.note("as")),
            (vec!["create"], Some("alice"))
        );
        let last = script.last();
        assert_eq!(last.command(), ["patch", "a", "b", "--type=merge"]);
        assert_eq!(last.note("refused"), Some("no: never"));
        assert_eq!(last.body, "spec: {c: 1}\n");
    }

    #[test]
    fn faults_name_their_line() {
        for (text, said) in [
            ("kind: A\n", "line 1: the English title is missing"),
            ("# A.\nkind: A\n", "line 2: the Chinese title is missing"),
            (
                "# A.\n# 甲。\n# refuse: x\n",
                "line 3: no note is called \"refuse\"",
            ),
            (
                "# A.\n# 甲。\n#   x\n",
                "line 3: an indented line without a note",
            ),
            (
                "# A.\n# 甲。\n# as: a\n# as: b\n",
                "line 4: the note as stands twice",
            ),
            ("# A.\n# 甲。\n# prose\n", "line 3: a note is `name: text`"),
        ] {
            let fault = Script::parse(text).expect_err(text).to_string();
            assert!(fault.starts_with(said), "{text:?}: {fault}");
        }
    }
}
