//! Rules about the pages: a link that points into the repository must find something there,
//! and a guide must say the same in both languages: as many headings, the same commands.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Finding, read};

/// Each page of the first folder has its twin in the second.
const LANGUAGES: [&str; 2] = ["docs/en", "docs/zh"];
/// Pages outside those folders that are twins too.
const TWINS: [(&str, &str); 1] = [("README.md", "README.zh-CN.md")];

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let pages = files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    for page in pages.clone() {
        let text = read(root, page)?;
        findings.extend(dead_links(root, page, &text));
    }
    let mut pairs: Vec<(PathBuf, PathBuf)> = TWINS
        .iter()
        .map(|(one, other)| (one.into(), other.into()))
        .collect();
    for page in pages {
        if let Ok(name) = page.strip_prefix(LANGUAGES[0]) {
            pairs.push((page.clone(), Path::new(LANGUAGES[1]).join(name)));
        } else if let Ok(name) = page.strip_prefix(LANGUAGES[1]) {
            let twin = Path::new(LANGUAGES[0]).join(name);
            if !root.join(&twin).exists() {
                findings.push(Finding::new(
                    page,
                    0,
                    format!("has no twin {}", twin.display()),
                ));
            }
        }
    }
    for (one, other) in pairs {
        if root.join(&one).exists() {
            findings.extend(compare(root, &one, &other)?);
        }
    }
    Ok(findings)
}

/// Relative links whose file is not there.
fn dead_links(root: &Path, page: &Path, text: &str) -> Vec<Finding> {
    let folder = root.join(page.parent().unwrap_or(Path::new("")));
    let mut findings = Vec::new();
    for (line, target) in links(text) {
        let path = target.split('#').next().unwrap_or_default();
        let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
        if !elsewhere && !folder.join(path).exists() {
            findings.push(Finding::new(
                page,
                line,
                format!("the link to {target} leads nowhere"),
            ));
        }
    }
    findings
}

/// The targets of inline links outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let mut rest = line;
        while let Some(begin) = rest.find("](") {
            rest = &rest[begin + 2..];
            let Some(end) = rest.find(')') else { break };
            found.push((at + 1, rest[..end].trim()));
            rest = &rest[end..];
        }
    }
    found
}

fn compare(root: &Path, one: &Path, other: &Path) -> Result<Vec<Finding>> {
    if !root.join(other).exists() {
        let message = format!("has no twin {}", other.display());
        return Ok(vec![Finding::new(one, 0, message)]);
    }
    let [here, there] = [read(root, one)?, read(root, other)?].map(|text| Outline::of(&text));
    let mut findings = Vec::new();
    if here.headings != there.headings {
        let message = format!(
            "its headings have the depths {:?}, those of {} {:?}: the two pages must say the same",
            here.headings,
            other.display(),
            there.headings
        );
        findings.push(Finding::new(one, 0, message));
    }
    let differs = here
        .commands
        .iter()
        .find(|line| !there.commands.contains(*line));
    if let Some(line) = differs {
        let message = format!("the command `{line}` is not in {}", other.display());
        findings.push(Finding::new(one, 0, message));
    }
    Ok(findings)
}

/// What two languages of a page have in common.
struct Outline {
    /// Depths of its headings, in order.
    headings: Vec<usize>,
    /// Commands of its `sh` blocks, without comments.
    commands: Vec<String>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let (mut headings, mut commands) = (Vec::new(), Vec::new());
        let mut fence: Option<&str> = None;
        for line in text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                fence = if fence.is_some() {
                    None
                } else {
                    Some(language)
                };
            } else if let Some(language) = fence {
                let command = line.split(" #").next().unwrap_or_default().trim();
                if language == "sh" && !command.is_empty() && !command.starts_with('#') {
                    commands.push(command.to_owned());
                }
            } else if line.starts_with('#') {
                headings.push(line.bytes().take_while(|byte| *byte == b'#').count());
            }
        }
        Self { headings, commands }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_and_links_are_compared() -> Result<()> {
        let root = tempfile::tempdir()?;
        let put = |name: &str, text: &str| -> Result<PathBuf> {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(root.path()))?;
            std::fs::write(path, text)?;
            Ok(name.into())
        };
        let mut files = vec![
            put(
                "docs/en/a.md",
                "# A\n## B\n```sh\nls   # all\n```\n[b](b.md) [web](https://a)\n",
            )?,
            put("docs/zh/a.md", "# A\n```sh\npwd\n```\n")?,
            put("docs/en/b.md", "# B\n`[not](nothing` ```\n")?,
        ];
        let told = |files: &[PathBuf]| -> Result<Vec<String>> {
            let mut told: Vec<_> = check(root.path(), files)?
                .iter()
                .map(ToString::to_string)
                .collect();
            told.sort();
            Ok(told)
        };
        assert_eq!(
            told(&files)?,
            [
                "docs/en/a.md: its headings have the depths [1, 2], those of docs/zh/a.md [1]: the two pages must say the same",
                "docs/en/a.md: the command `ls` is not in docs/zh/a.md",
                "docs/en/b.md: has no twin docs/zh/b.md",
            ]
        );
        put("docs/zh/a.md", "# A\n## B\n```sh\nls\n```\n")?;
        files.push(put("docs/zh/b.md", "# B\n[x](../../nowhere.md)\n")?);
        assert_eq!(
            told(&files)?,
            ["docs/zh/b.md:2: the link to ../../nowhere.md leads nowhere"]
        );
        Ok(())
    }
}
