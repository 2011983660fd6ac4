//! The examples whose outcome is stated in them: where they lie, in which order, and the tables that their folders'
//! READMEs show of them. It must not know what any example is about.

mod script;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::installation::repository;

pub use script::{Fault, Script, Step};
pub use tables::run;

/// An example with where it lies.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its path below the folder, without `.yaml`: `10-jobs/walltime-zero`.
    pub name: String,
    /// What it says.
    pub script: Script,
}

/// Every example below a folder of the repository, by path. A folder called `world` holds the ground that they stand
/// on, and is left out.
///
/// # Errors
/// With the file, if one can't be read.
pub fn examples(folder: &str) -> Result<Vec<Example>> {
    let root = repository().join(folder);
    let mut found = Vec::new();
    for path in files(&root)? {
        let below = path.strip_prefix(&root)?.with_extension("");
        if below.starts_with("world") {
            continue;
        }
        let shown = path.display();
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {shown}"))?;
        found.push(Example {
            name: below.to_string_lossy().into_owned(),
            script: Script::parse(&text).with_context(|| format!("{shown}"))?,
        });
    }
    Ok(found)
}

/// The YAML files below a folder, sorted by path.
///
/// # Errors
/// With the folder, if it can't be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
