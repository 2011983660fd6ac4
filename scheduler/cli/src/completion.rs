//! Shell completion: scripts for the command called by its own name, and the answers that
//! kubectl wants from a plugin's helper, `kubectl_complete-edugrid`.
//!
//! kubectl (1.26 and later) runs that helper with the words after `kubectl edugrid`, and reads
//! what Cobra's `__complete` prints: candidates, each with a description behind a tab, then
//! `:` and a number of flags. This program is that helper when it is called by that name.

use std::{
    ffi::{OsStr, OsString},
    fmt::Write,
    path::Path,
};

use clap::{Command, CommandFactory};
use clap_complete::{Shell, engine, generate};

use crate::arguments::Arguments;

/// The name of kubectl's helper.
const HELPER: &str = "kubectl_complete-edugrid";
/// The name of this program.
const PROGRAM: &str = "kubectl-edugrid";
/// Cobra's flag for "complete no file names either".
const NO_FILES: u8 = 4;
/// None of Cobra's flags: the shell goes on with file names.
const DEFAULT: u8 = 0;

/// Whether this process was called as kubectl's helper.
pub fn is_helper(called: Option<&OsStr>) -> bool {
    called.is_some_and(|path| Path::new(path).file_stem() == Some(OsStr::new(HELPER)))
}

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    generate(shell, &mut by_its_name(), PROGRAM, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The command line as it is typed without kubectl.
fn by_its_name() -> Command {
    Arguments::command().name(PROGRAM).bin_name(PROGRAM)
}

/// What kubectl's helper answers to the words after `kubectl edugrid`, of which the last one is
/// being typed.
pub fn answer(words: &[OsString]) -> String {
    let mut line = vec![OsString::from(PROGRAM)];
    line.extend(words.iter().cloned());
    if words.is_empty() {
        line.push(OsString::new());
    }
    let last = line.len().saturating_sub(1);
    let found = engine::complete(&mut by_its_name(), line, last, None).unwrap_or_default();
    let mut text = String::new();
    for candidate in &found {
        let value = candidate.get_value().to_string_lossy();
        let help = candidate.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        // Writing to a String can't fail.
        let _ = match help.lines().next().unwrap_or_default() {
            "" => writeln!(text, "{value}"),
            line => writeln!(text, "{value}\t{line}"),
        };
    }
    let directive = if found.is_empty() { DEFAULT } else { NO_FILES };
    text + &format!(":{directive}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        answer(&words)
    }

    #[test]
    fn bash_accepts_its_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("script");
        std::fs::write(&file, script(Shell::Bash)).expect("writes");
        let checked = std::process::Command::new("bash")
            .arg("-n")
            .arg(&file)
            .output();
        let checked = checked.expect("bash is there");
        assert!(checked.status.success(), "{checked:?}");
    }

    #[test]
    fn every_shell_learns_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = script(shell);
            for word in ["queue", "explain", "submit", "tenants", "ledger", "lang"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn kubectl_is_answered_in_cobras_way() {
        let text = answered(&["que"]);
        assert!(text.starts_with("queue\t"), "{text}");
        assert!(text.ends_with("\n:4\n"), "{text}");
        let text = answered(&[]);
        assert!(
            text.contains("statement\t") && text.contains("ledger\t"),
            "{text}"
        );
        let text = answered(&["queue", "--lang", ""]);
        assert_eq!(text, "en\nzh\n:4\n");
        let text = answered(&["queue", "--out"]);
        assert!(text.starts_with("--output\t"), "{text}");
    }

    #[test]
    fn the_helper_is_known_by_its_name() {
        for (called, expected) in [
            ("/usr/local/bin/kubectl_complete-edugrid", true),
            ("kubectl_complete-edugrid.exe", true),
            ("/usr/local/bin/kubectl-edugrid", false),
        ] {
            assert_eq!(is_helper(Some(OsStr::new(called))), expected, "{called}");
        }
        assert!(!is_helper(None));
    }
}
