//! Counts tests from what `cargo test` prints. It must not know which tests there are.

use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl Tally {
    /// Sums the result lines of all test programs in a log, each like
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(super) fn of_log(log: &str) -> Self {
        let mut sum = Self::default();
        for line in log.lines() {
            let Some(counts) = line.trim().strip_prefix("test result: ") else {
                continue;
            };
            // `ok. 12 passed`: the verdict of the program stands before the first count.
            let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
            for part in counts.split(';') {
                let mut words = part.split_whitespace();
                let (Some(count), Some(what)) = (words.next(), words.next()) else {
                    continue;
                };
                let Ok(count) = count.parse::<u64>() else {
                    continue;
                };
                match what {
                    "passed" => sum.passed += count,
                    "failed" => sum.failed += count,
                    "ignored" => sum.ignored += count,
                    _ => {}
                }
            }
        }
        sum
    }
}

/// The names of the tests that a log calls failed, each once.
pub(super) fn failed_tests(log: &str) -> Vec<&str> {
    let mut names: Vec<&str> = log
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("test ")?
                .strip_suffix(" ... FAILED")
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What each failed test said, from its heading to where its backtrace begins; at most
/// `lines_max` lines of each.
pub(super) fn last_words(log: &str, lines_max: usize) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = log.lines().collect();
    let heads = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("---- ") && line.ends_with(" stdout ----"));
    heads
        .map(|(index, _)| {
            lines[index..]
                .iter()
                .enumerate()
                .take_while(|(after, line)| {
                    let ends = ["---- ", "failures:", "stack backtrace:", "Stack backtrace:"];
                    *after == 0 || !ends.iter().any(|end| line.starts_with(end))
                })
                .map(|(_, line)| *line)
                .filter(|line| !line.trim().is_empty())
                .take(lines_max)
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "
     Running unittests src/lib.rs (target/debug/deps/a-1)
running 3 tests
test a::holds ... ok
test a::breaks ... FAILED
test a::waits ... ignored, needs an API server
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests a
running 0 tests
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 41 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 61.20s
";

    #[test]
    fn all_programs_of_a_log_are_summed() {
        let expected = Tally {
            passed: 42,
            failed: 1,
            ignored: 3,
        };
        assert_eq!(Tally::of_log(LOG), expected);
        assert_eq!(Tally::of_log("error: could not compile"), Tally::default());
    }

    #[test]
    fn a_failed_test_has_the_last_word() {
        let log = "---- a stdout ----\n\nthread 'a' panicked at a.rs:1:1:\nno\nstack backtrace:\n 0: x\n\n\
                   ---- b stdout ----\n1\n2\n3\n4\n\nfailures:\n    a\n    b\n";
        let expected = [
            vec![
                "---- a stdout ----",
                "thread 'a' panicked at a.rs:1:1:",
                "no",
            ],
            vec!["---- b stdout ----", "1", "2"],
        ];
        assert_eq!(last_words(log, 3), expected);
    }

    #[test]
    fn failed_tests_are_named() {
        assert_eq!(failed_tests(LOG), ["a::breaks"]);
        assert!(failed_tests("").is_empty());
    }
}
