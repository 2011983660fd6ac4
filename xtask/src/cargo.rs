//! Calls cargo from a program that cargo itself runs, as if from a shell. It must not know
//! what is built.

use std::process::Command;

use crate::installation::repository;

/// A call of cargo in the repository, by the toolchain that runs this program.
///
/// `cargo run` and `cargo test` describe the package that they run in the environment. A
/// nested call would hand that on to build scripts that look at it (ring's does), which then
/// count as changed: everything above them would be compiled anew, now and after.
pub fn command(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(repository());
    command
}

fn describes_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_this_package_is_not_handed_on() {
        let command = command(&["--version"]);
        let removed = |name: &str| {
            command
                .get_envs()
                .any(|(set, value)| set == name && value.is_none())
        };
        // Cargo sets these for a test as it does for `cargo run`.
        assert!(removed("CARGO_MANIFEST_DIR") && removed("CARGO_PKG_NAME"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
        assert!(!describes_a_package("CARGO_INCREMENTAL"));
    }
}
