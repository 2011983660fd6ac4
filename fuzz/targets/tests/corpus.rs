//! Every committed input, given to its target with the ordinary compiler: what fuzzing found
//! once stays found.

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use edugrid_fuzz_targets::TARGETS;

/// The largest input that is kept: what finds a fault can nearly always be made small.
const INPUT_BYTES_MAX: u64 = 16 * 1024;
/// The most inputs of one target, so that the folder stays one that a person can look through.
const INPUTS_MAX: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// The inputs of a target, in the order of their names.
fn inputs(target: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder().join(target)).expect("a folder per target");
    let mut paths: Vec<_> = listed.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_input_still_holds() {
    let mut failed = Vec::new();
    for target in TARGETS {
        for path in inputs(target.name) {
            let data = fs::read(&path).expect("reads");
            if catch_unwind(|| (target.run)(&data)).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_corpora_stay_small_and_belong_to_targets() {
    let mut folders: Vec<_> = fs::read_dir(folder())
        .expect("the corpora")
        .map(|it| {
            it.expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    folders.sort();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(folders, names);
    for name in names {
        let inputs = inputs(name);
        assert!(
            (1..=INPUTS_MAX).contains(&inputs.len()),
            "{name}: {}",
            inputs.len()
        );
        for input in inputs {
            let bytes = fs::metadata(&input).expect("is there").len();
            assert!(
                bytes <= INPUT_BYTES_MAX,
                "{}: {bytes} bytes",
                input.display()
            );
        }
    }
}

/// Each target has its program for libFuzzer, and no program is without a target.
#[test]
fn every_target_has_its_program() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let mut found: Vec<_> = fs::read_dir(programs)
        .expect("the programs")
        .map(|it| it.expect("an entry").path())
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    found.sort();
    let names: Vec<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(found, names);
}
