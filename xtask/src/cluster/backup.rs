//! A backup of etcd, and a cluster that is set back to it: what an administrator does after a disk was lost.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Cluster, start::CONTROLLERS};
use crate::tools::Tool;

impl Cluster {
    /// Copies etcd's data into a folder that does not exist yet. Etcd and API server are away for some seconds, so a
    /// leader may lose its lease.
    ///
    /// # Errors
    /// It does not run, or the data can't be copied.
    pub fn back_up_etcd(&self, to: &Path) -> Result<()> {
        self.kill(Tool::KubeApiserver.binary())?;
        self.terminate(Tool::Etcd.binary())?;
        copy(&self.layout.etcd(), to)?;
        self.start_again(Tool::Etcd)?;
        self.start_again(Tool::KubeApiserver)
    }

    /// Puts a backup in the place of etcd's data, and starts the control plane anew on it.
    ///
    /// # Errors
    /// A part of it does not run or start, or the data can't be copied.
    pub fn set_etcd_back(&self, from: &Path) -> Result<()> {
        for tool in CONTROLLERS {
            self.kill(tool.binary())?;
        }
        self.kill(Tool::KubeApiserver.binary())?;
        self.kill(Tool::Etcd.binary())?;
        let data = self.layout.etcd();
        std::fs::remove_dir_all(&data)
            .with_context(|| format!("cannot remove {}", data.display()))?;
        copy(from, &data)?;
        self.start_again(Tool::Etcd)?;
        self.start_again(Tool::KubeApiserver)?;
        for tool in CONTROLLERS {
            self.start_again(tool)?;
        }
        Ok(())
    }
}

/// A folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot copy {} to {}", from.display(), to.display());
    std::fs::create_dir_all(to).with_context(failed)?;
    // Of etcd's, which takes no other mode.
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions()).with_context(failed)?;
    for entry in std::fs::read_dir(from).with_context(failed)? {
        let (path, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            std::fs::copy(&path, &to).with_context(failed)?;
        }
    }
    Ok(())
}
