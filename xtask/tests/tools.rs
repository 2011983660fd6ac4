//! What somebody sees whose machine cannot build the control plane: each failure says the
//! way out. A stand-in for `go` plays the machine, and `PATH` holds nothing else of use.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs `xtask controlplane up` on a machine whose `go` is this script, or that has none.
fn up_with(go: Option<&str>) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).expect("made");
    if let Some(script) = go {
        let file = bin.join("go");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["controlplane", "up", "--dir"])
        .arg(home.path().join("cluster"))
        .env("PATH", &bin)
        .env("EDUGRID_CACHE", home.path().join("cache"))
        .env_remove("KUBEBUILDER_ASSETS")
        .output()
        .expect("xtask runs");
    assert!(!output.status.success());
    assert!(
        !home.path().join("cluster").exists(),
        "nothing is begun that cannot be finished"
    );
    assert_no_program(&home.path().join("cache"));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_no_program(cache: &Path) {
    for version in std::fs::read_dir(cache.join("controlplane"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let programs = std::fs::read_dir(version.path().join("bin"))
            .into_iter()
            .flatten()
            .count();
        assert_eq!(programs, 0, "a failed build leaves no program behind");
    }
}

/// A Go that answers the question for its version and then does this.
fn go_that(version: &str, build: &str) -> String {
    format!("if [ \"$1\" = env ]; then echo {version}; else {build}; fi")
}

#[test]
fn every_way_to_fail_says_the_way_out() {
    let cases = [
        (None, "install Go 1.26 or newer"),
        (
            Some(go_that("go1.24.4", "exit 0")),
            "`go` is go1.24.4, Kubernetes needs 1.26",
        ),
        (Some(go_that("what", "exit 0")), "install Go 1.26 or newer"),
        (
            Some(go_that(
                "go1.26.8",
                "echo 'x.go:1: no space left on device' >&2; exit 1",
            )),
            "the disk is full: free 5 GB, or set EDUGRID_CACHE",
        ),
        (
            Some(go_that(
                "go1.26.8",
                "echo 'dial tcp: lookup proxy: no such host' >&2; exit 1",
            )),
            "set GOPROXY to a mirror",
        ),
        (
            Some(go_that(
                "go1.26.8",
                "echo 'x.go:7:1: syntax error' >&2; exit 1",
            )),
            "x.go:7:1: syntax error",
        ),
        (
            Some(go_that("go1.26.8", "exit 0")),
            "cannot move server into",
        ),
    ];
    for (go, expected) in cases {
        let said = up_with(go.as_deref());
        assert!(
            said.contains(expected),
            "with {go:?} it said:\n{said}\nand not: {expected}"
        );
    }
}
