//! Seeds: by them a run with faults at random moments is made again. It knows no fault.

use std::process::Command;

use xtask::installation::repository;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to choose moments again by their seed.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Whether every seed is wanted (`cargo xtask test --all-seeds`).
pub fn is_all() -> bool {
    std::env::var_os("EDUGRID_ALL_SEEDS").is_some()
}

/// The seeds of this run, out of all: the one of `EDUGRID_SEED`, all with `--all-seeds`, else one that the commit
/// chooses, so that in the course of time every one has its turn.
pub fn seeds(all: &[u64]) -> Vec<u64> {
    let given = std::env::var("EDUGRID_SEED").ok();
    if let Some(seed) = given.and_then(|seed| seed.parse().ok()) {
        return vec![seed];
    }
    if is_all() || all.is_empty() {
        return all.to_vec();
    }
    let commit = commit();
    let hash = commit.bytes().fold(0_u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    let chosen = all[usize::try_from(hash % all.len() as u64).unwrap_or(0)];
    println!(
        "commit {commit}: seed {chosen} of {}, again with EDUGRID_SEED={chosen}",
        all.len()
    );
    vec![chosen]
}

/// The commit that is tested; empty where there is no repository.
fn commit() -> String {
    let asked = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(repository())
        .output();
    let text = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_numbers() {
        let draw = |seed| -> Vec<u64> {
            let mut random = Random(seed);
            (0..8).map(|_| random.below(1000)).collect()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|number| *number < 1000));
    }
}
