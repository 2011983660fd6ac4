//! Keeps the engine's modules in their order: each may name only those before it, so that
//! reading them in order is reading the engine. Tests may name anything.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::code::{without_comments_and_literals, without_tests};
use super::walls::CORE_ORDER;
use super::{Finding, is_rust, is_test_file, read};

const CORE: &str = "scheduler/core/src";

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files {
        let Ok(inside) = file.strip_prefix(CORE) else {
            continue;
        };
        if !is_rust(file) || is_test_file(file) || inside == Path::new("lib.rs") {
            continue;
        }
        findings.extend(check_file(file, inside, &read(root, file)?));
    }
    Ok(findings)
}

/// `inside` is the path below the crate's `src`.
fn check_file(file: &Path, inside: &Path, text: &str) -> Vec<Finding> {
    let parts: Vec<String> = inside
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let Some(module) = parts.first() else {
        return Vec::new();
    };
    let Some(rank) = rank_of(module) else {
        let message = format!(
            "module {module} has no place in the order: add it to CORE_ORDER in xtask/src/tidy/walls.rs"
        );
        return vec![Finding::new(file, 0, message)];
    };
    // `place/mod.rs` is the module `place` itself.
    let depth = parts.len() - usize::from(parts.last().is_some_and(|last| last == "mod"));
    let code = without_comments_and_literals(text);
    let mut findings = Vec::new();
    for (offset, target) in named_from_root(without_tests(&code), depth) {
        let fault = match rank_of(&target) {
            Some(other) if other <= rank => continue,
            Some(_) => format!("{module} comes before {target} and may not use it"),
            None => format!(
                "crate::{target} names no module of the engine: use the path of the module it is in"
            ),
        };
        findings.push(Finding::new(
            file,
            1 + code[..offset].matches('\n').count(),
            fault,
        ));
    }
    findings
}

fn rank_of(module: &str) -> Option<usize> {
    CORE_ORDER.iter().position(|known| *known == module)
}

/// What follows `crate::`, or as many `super::` as lead to the crate's root, with the place
/// where it stands. A brace names several: `crate::{place, quota::Cards}`.
fn named_from_root(code: &str, depth: usize) -> Vec<(usize, String)> {
    let to_root = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", to_root.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            // `pub(in crate::x)` is about who may see, not about what is used.
            let before = code[..at].trim_end();
            let continues = code[..at]
                .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            if continues || before.ends_with("(in") {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(first_words(list).into_iter().map(|word| (at, word))),
                None => found.push((at, word(rest))),
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty() && name != "super" && name != "self");
    found
}

fn word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first word of each entry of a brace list, nested lists left out.
fn first_words(list: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut entry = String::new();
    let mut entries = Vec::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => entries.push(std::mem::take(&mut entry)),
            _ if depth == 0 => entry.push(c),
            _ => {}
        }
    }
    entries.push(entry);
    entries.iter().map(|entry| word(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(inside: &str, text: &str) -> Vec<String> {
        let found = check_file(Path::new(inside), Path::new(inside), text);
        found
            .into_iter()
            .map(|finding| format!("{}: {}", finding.line, finding.message))
            .collect()
    }

    #[test]
    fn a_module_may_use_what_comes_before_it() {
        let fine = [
            (
                "place.rs",
                "use crate::quota::Cards;\nuse crate::{tenants, topology::{self, Rack}};",
            ),
            ("place.rs", "use super::quota::Cards;"),
            (
                "place/fit.rs",
                "use super::Wish;\nuse super::super::topology::Rack;",
            ),
            ("place/mod.rs", "use super::quota::Cards;"),
            ("quota.rs", "// crate::world\nlet s = \"crate::world\";"),
            ("quota.rs", "pub(in crate::quota) fn f() {}"),
            (
                "quota.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests {\n use crate::world::World;\n}\n",
            ),
        ];
        for (inside, text) in fine {
            assert_eq!(
                faults(inside, text),
                Vec::<String>::new(),
                "{inside}: {text}"
            );
        }
    }

    #[test]
    fn a_module_may_not_use_what_comes_after_it() {
        let broken = [
            (
                "quota.rs",
                "\nuse crate::world::World;",
                "2: quota comes before world and may not use it",
            ),
            (
                "quota.rs",
                "let x = crate::place::fit();",
                "1: quota comes before place and may not use it",
            ),
            (
                "quota.rs",
                "use crate::{\n tenants::Tree,\n world,\n};",
                "1: quota comes before world and may not use it",
            ),
            (
                "quota.rs",
                "use super::share::Share;",
                "1: quota comes before share and may not use it",
            ),
            (
                "place/fit.rs",
                "use super::super::world::World;",
                "1: place comes before world and may not use it",
            ),
        ];
        for (inside, text, expected) in broken {
            assert_eq!(faults(inside, text), [expected], "{inside}: {text}");
        }
        assert_eq!(faults("gossip.rs", "").len(), 1, "a module without a place");
        assert_eq!(
            faults("quota.rs", "use crate::Cards;").len(),
            1,
            "a re-export hides the module"
        );
    }
}
