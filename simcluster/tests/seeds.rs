//! Seeds of the simulated cluster: those that found something, some that the commit chooses,
//! and what happens when a protection is taken out.

use edugrid_simcluster::{Options, Outcome, Rules, run};

/// Fresh seeds of one run of the tests.
const FRESH: u64 = 8;
/// Fresh seeds with `EDUGRID_ALL_SEEDS`: the thousands are run by the binary, in release.
const FRESH_ALL: u64 = 200;
/// Seeds after which a protection that was taken out must have been missed.
const MISSED_WITHIN: u64 = 60;

fn play(seed: u64, rules: Rules) -> Outcome {
    let options = Options { rules, told: false };
    run(seed, options, edugrid_scheduler::policies::shipped()).expect("the machine below works")
}

fn sound(seed: u64) -> Outcome {
    let outcome = play(seed, Rules::ALL);
    assert!(
        outcome.faults.is_empty(),
        "seed {seed}, again with `cargo run -p edugrid-simcluster -- --seed {seed} --trace`: {:#?}",
        outcome.faults
    );
    outcome
}

/// The first fresh seed: given, or chosen by the commit, so that each runs others.
fn first_fresh() -> u64 {
    let given = std::env::var("EDUGRID_SEED").ok();
    let given = given.and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let git = std::process::Command::new("git")
            .args(["rev-parse", "HEAD"])
            .output();
        let hash = git.map(|git| String::from_utf8_lossy(&git.stdout).into_owned());
        let digits: String = hash.unwrap_or_default().chars().take(8).collect();
        u64::from_str_radix(&digits, 16).unwrap_or(1)
    })
}

#[test]
fn seeds_that_found_something_find_nothing_any_more() {
    let lines = include_str!("../seeds.txt").lines();
    let seeds: Vec<u64> = lines
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let word = line.split_whitespace().next().expect("a seed");
            word.parse().expect("a number")
        })
        .collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        sound(seed);
    }
}

#[test]
fn fresh_seeds_find_nothing() {
    let first = first_fresh();
    let count = if std::env::var_os("EDUGRID_ALL_SEEDS").is_some() {
        FRESH_ALL
    } else {
        FRESH
    };
    let mut steps = 0;
    for seed in first..first + count {
        steps += sound(seed).steps;
    }
    println!("{count} seeds from {first}, {steps} steps");
}

#[test]
fn a_seed_is_one_run() {
    let (one, other) = (sound(7), sound(7));
    assert_eq!(one.fingerprint, other.fingerprint);
    assert_eq!(one.steps, other.steps);
    assert_ne!(one.fingerprint, sound(8).fingerprint);
}

/// Whether any of some seeds sees that a protection is gone, and in which words.
fn missed(rules: Rules, words: &str) {
    let found = (1..=MISSED_WITHIN).find_map(|seed| {
        let faults = play(seed, rules).faults;
        faults
            .into_iter()
            .find(|fault| fault.contains(words))
            .map(|fault| (seed, fault))
    });
    let (seed, fault) = found.unwrap_or_else(|| panic!("no seed says \"{words}\""));
    println!("seed {seed}: {fault}");
}

#[test]
fn without_the_fence_of_segments_the_auditor_cries() {
    let rules = Rules {
        names_once: false,
        ..Rules::ALL
    };
    missed(rules, "what it said is lost");
}
