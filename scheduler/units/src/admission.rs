//! The record of one admission (A1): all that replay, usage and settlement need when
//! every object it came from is gone.

use std::fmt;

use crate::{
    ClassName, JobUid, MilliUnits, NodeName, PoolName, Resources, RoleName, Seconds, Stamp,
    TenantName,
};

/// What is admitted, once: an attempt of a task of a job (A1). Task is 0 where the job
/// is neither an array nor a service; attempts count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The job.
    pub job: JobUid,
    /// The task, 0 for a job of one task.
    pub task: u32,
    /// The attempt, from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.job, self.task, self.attempt)
    }
}

/// A class's tier, from the first served to the last (O1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Disasters and the like.
    Emergency,
    /// Examinations, programmes of the province.
    Mission,
    /// Ordinary work.
    Standard,
    /// What runs on what nobody else wants.
    Scavenger,
}

impl Tier {
    /// All tiers in order.
    pub const ALL: [Self; 4] = [
        Self::Emergency,
        Self::Mission,
        Self::Standard,
        Self::Scavenger,
    ];

    /// The word that objects and entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Mission => "Mission",
            Self::Standard => "Standard",
            Self::Scavenger => "Scavenger",
        }
    }

    /// The tier of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == word)
    }
}

/// Where one role's replicas go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePlacement {
    /// The role.
    pub role: RoleName,
    /// What each replica takes from its node.
    pub request: Resources,
    /// Nodes with the number of replicas on each, in the order in which replica
    /// indices are dealt out. Each node once, each number at least 1.
    pub nodes: Vec<(NodeName, u32)>,
}

impl RolePlacement {
    /// Replicas over all nodes.
    pub fn replicas(&self) -> u32 {
        self.nodes
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The node planned for the replica with that index, if there are that many.
    pub fn node_of(&self, index: u32) -> Option<&NodeName> {
        let mut first_of_next = 0_u32;
        self.nodes.iter().find_map(|(node, count)| {
            first_of_next = first_of_next.saturating_add(*count);
            (index < first_of_next).then_some(node)
        })
    }
}

/// One decision: this attempt, in this pool, on these nodes, for this long (A1).
///
/// The books add the hold, its rates and the epoch when they write it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What is admitted.
    pub key: AttemptKey,
    /// The job's namespace.
    pub namespace: String,
    /// The job's name.
    pub name: String,
    /// The `metadata.generation` of the job that was decided on.
    pub generation: i64,
    /// From the tenant that the namespace belonged to up to the root, both included.
    pub path: Vec<TenantName>,
    /// The user that created the job, as the API server knew him.
    pub submitter: String,
    /// The job's class.
    pub class: ClassName,
    /// The class's tier at the time.
    pub tier: Tier,
    /// Whether the class lets the job be preempted.
    pub preemptible: bool,
    /// The one pool of the attempt (N4).
    pub pool: PoolName,
    /// What quota, share and charge count, of the whole gang (N4).
    pub billed: MilliUnits,
    /// The longest that the attempt may run (T1).
    pub walltime: Seconds,
    /// Time after SIGTERM until the pods are killed; planned, not charged (T1).
    pub grace: Seconds,
    /// Since when nothing of the user's own held the job back (O5).
    pub eligible: Stamp,
    /// Where the replicas go, a line per role.
    pub placement: Vec<RolePlacement>,
    /// When it was decided.
    pub at: Stamp,
}

impl Admission {
    /// The tenant that the job counts on.
    pub fn tenant(&self) -> Option<&TenantName> {
        self.path.first()
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// All replicas that decide exited 0.
    Succeeded,
    /// A replica failed by itself.
    Failed,
    /// It reached its walltime.
    Walltime,
    /// The user cancelled it.
    Cancelled,
    /// The user put it on hold.
    Held,
    /// Its object was deleted.
    Deleted,
    /// Not all of its pods were bound in time (P8).
    NotStarted,
    /// A pod was taken away: its node was lost or it was evicted.
    Disrupted,
    /// A quota was cut, and what was borrowed of it taken back (Q3).
    QuotaCut,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Failed,
        Self::Walltime,
        Self::Cancelled,
        Self::Held,
        Self::Deleted,
        Self::NotStarted,
        Self::Disrupted,
        Self::QuotaCut,
    ];

    /// The word that objects and entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Walltime => "Walltime",
            Self::Cancelled => "Cancelled",
            Self::Held => "Held",
            Self::Deleted => "Deleted",
            Self::NotStarted => "NotStarted",
            Self::Disrupted => "Disrupted",
            Self::QuotaCut => "QuotaCut",
        }
    }

    /// The outcome of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_dealt_to_nodes_in_order() {
        let role = RolePlacement {
            role: "worker".into(),
            request: Resources::default(),
            nodes: vec![("n1".into(), 2), ("n2".into(), 1)],
        };
        let dealt: Vec<_> = (0..4)
            .map(|index| role.node_of(index).map(NodeName::as_str))
            .collect();
        assert_eq!(dealt, [Some("n1"), Some("n1"), Some("n2"), None]);
        assert_eq!(role.replicas(), 3);
    }

    #[test]
    fn words_read_back() {
        for tier in Tier::ALL {
            assert_eq!(Tier::from_word(tier.as_str()), Some(tier));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_word(outcome.as_str()), Some(outcome));
        }
    }
}
