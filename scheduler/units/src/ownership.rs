//! Who owns how much, as the journal keeps it: shares of the past (O3) count what was used
//! above it, so the books must say what it was.

use crate::{MilliUnits, PoolName, Ratio, Stamp, TenantName};

/// What a pool's capacity is for; shares are kept apart by it (O3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComputeKind {
    /// Accelerators.
    Intelligent,
    /// General processors.
    General,
    /// High-performance computing.
    Super,
}

impl ComputeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Intelligent, Self::General, Self::Super];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intelligent => "Intelligent",
            Self::General => "General",
            Self::Super => "Super",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How usage of a pool counts in shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMeasure {
    /// The pool.
    pub pool: PoolName,
    /// With which pools it counts together.
    pub kind: ComputeKind,
    /// Standard units per billed unit.
    pub factor: Ratio,
}

/// What a tenant owns of a pool (Q1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The tenant.
    pub tenant: TenantName,
    /// Whether it is what the tenant keeps beside its children's, for its own jobs (Q2): all of
    /// it where it has none. Otherwise its whole effective nominal.
    pub beside_children: bool,
    /// The pool.
    pub pool: PoolName,
    /// How much.
    pub nominal: MilliUnits,
}

/// What has changed in who owns how much. Only what is another than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// From when on.
    pub at: Stamp,
    /// Pools.
    pub measures: Vec<PoolMeasure>,
    /// Tenants.
    pub owned: Vec<Owned>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for kind in ComputeKind::ALL {
            assert_eq!(ComputeKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(ComputeKind::from_word("Quantum"), None);
    }
}
