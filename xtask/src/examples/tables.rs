//! The tables of examples in their folders' READMEs, English and Chinese: made from the files, so that none is missing
//! and none says something else. It must not know what any example is about.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Example, examples};
use crate::installation::repository;

const BEGIN: &str = "<!-- examples -->\n";
const END: &str = "<!-- /examples -->\n";

/// A README, the folder that it is about, and the columns of its table.
struct Page {
    folder: &'static str,
    file: &'static str,
    heads: [&'static str; 3],
    row: fn(&Example) -> [String; 2],
}

/// Every page.
const PAGES: [Page; 4] = [
    Page {
        folder: "examples/invalid",
        file: "README.md",
        heads: ["file", "what it tries", "refused by"],
        row: |example| [example.script.title.clone(), refuser(example)],
    },
    Page {
        folder: "examples/invalid",
        file: "README.zh-CN.md",
        heads: ["文件", "企图", "由谁拒绝"],
        row: |example| [example.script.title_zh.clone(), refuser(example)],
    },
    Page {
        folder: "examples/waiting",
        file: "README.md",
        heads: ["file", "reason", "what it says"],
        row: |example| [code(example), note(example, "en")],
    },
    Page {
        folder: "examples/waiting",
        file: "README.zh-CN.md",
        heads: ["文件", "原因", "说明"],
        row: |example| [code(example), note(example, "zh")],
    },
];

/// Writes the tables, or with `check` only compares.
///
/// # Errors
/// With `check`, names each README that is stale and the command that cures it.
pub fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for page in &PAGES {
        let path = repository().join(page.folder).join(page.file);
        let shown = format!("{}/{}", page.folder, page.file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {shown}"))?;
        let wanted = with_table(&text, &table(page)?).with_context(|| shown.clone())?;
        if text == wanted {
            continue;
        }
        if check {
            stale.push(shown);
        } else {
            std::fs::write(&path, wanted).with_context(|| format!("write {shown}"))?;
        }
    }
    if !stale.is_empty() {
        bail!(
            "stale: {}\nrun `cargo xtask examples` and commit what it writes",
            stale.join(", ")
        );
    }
    Ok(())
}

fn refuser(example: &Example) -> String {
    note(example, "by")
}

fn code(example: &Example) -> String {
    note(example, "waits")
}

fn note(example: &Example, name: &str) -> String {
    let last = example.script.last();
    last.note(name).unwrap_or_default().to_owned()
}

/// The text with the table between its marks.
fn with_table(text: &str, table: &str) -> Result<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .context("has no line `<!-- examples -->`")?;
    let (_, after) = rest
        .split_once(END)
        .context("has no line `<!-- /examples -->`")?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// One table per subfolder, or a single one.
fn table(page: &Page) -> Result<String> {
    let mut text = String::new();
    let mut theme = None;
    for example in examples(page.folder)? {
        let parent = Path::new(&example.name).parent().map(Path::to_path_buf);
        if theme != parent {
            let heads = page.heads.join(" | ");
            text += &format!("\n| {heads} |\n| --- | --- | --- |\n");
            theme = parent;
        }
        let cells = (page.row)(&example)
            .map(|cell| cell.replace('|', "\\|"))
            .join(" | ");
        let name = &example.name;
        text += &format!("| [{name}]({name}.yaml) | {cells} |\n");
    }
    text += "\n";
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readmes_show_what_the_files_say() {
        run(true).expect("the tables are those of the files");
    }

    #[test]
    fn a_table_stands_between_its_marks() {
        let text = format!("# A\n{BEGIN}old\n{END}more\n");
        let new = with_table(&text, "new\n").expect("marks");
        assert_eq!(new, format!("# A\n{BEGIN}new\n{END}more\n"));
        assert!(with_table("# A\n", "new\n").is_err());
    }
}
