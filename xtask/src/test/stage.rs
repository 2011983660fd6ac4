//! The stages by name, and what one ends with. It must not know how a stage is run.

use std::fmt;

use clap::ValueEnum;

use super::tally::Tally;

/// One part of the test command, in the order in which they run: what fails fast comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// `cargo fmt`.
    Format,
    /// The YAML of our kinds and the page of metrics against their Rust sources.
    Generated,
    /// The house's own rules.
    Tidy,
    /// What comes from outside: bans, licences, sources.
    Dependencies,
    /// Clippy over everything, warnings refused.
    Clippy,
    /// Tests that need no cluster.
    Unit,
    /// The programs of a control plane, found or built, and what helm renders for the operator.
    ControlPlane,
    /// The local cluster itself.
    Cluster,
    /// Every case of the kinds' rules, judged by an API server.
    Objects,
    /// The product on a real control plane.
    EndToEnd,
    /// A short demo, which fails when objects, statements and ledger differ.
    Demo,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 11] = [
        Stage::Format,
        Stage::Generated,
        Stage::Tidy,
        Stage::Dependencies,
        Stage::Clippy,
        Stage::Unit,
        Stage::ControlPlane,
        Stage::Cluster,
        Stage::Objects,
        Stage::EndToEnd,
        Stage::Demo,
    ];

    /// Whether it runs a control plane, or builds one.
    pub fn needs_cluster(self) -> bool {
        self == Stage::ControlPlane || self.needs().is_some()
    }

    /// The stage without which this one cannot run.
    pub(super) fn needs(self) -> Option<Stage> {
        let runs_one = [Stage::Cluster, Stage::Objects, Stage::EndToEnd, Stage::Demo];
        runs_one.contains(&self).then_some(Stage::ControlPlane)
    }

    /// Whether it runs tests, of which there must be some.
    pub(super) fn has_tests(self) -> bool {
        matches!(
            self,
            Stage::Unit | Stage::Cluster | Stage::Objects | Stage::EndToEnd
        )
    }
}

/// The name as `--only` takes it.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// How a stage ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) passed: bool,
    pub(super) tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_in_the_list_after_what_it_needs() {
        assert_eq!(Stage::value_variants(), Stage::ALL);
        for (index, stage) in Stage::ALL.iter().enumerate() {
            if let Some(needed) = stage.needs() {
                assert!(
                    Stage::ALL[..index].contains(&needed),
                    "{stage} before {needed}"
                );
            }
        }
        assert_eq!(Stage::EndToEnd.to_string(), "end-to-end");
    }
}
