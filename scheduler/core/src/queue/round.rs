//! The cursor of a round of scheduling (O6): which groups are gathered, what is still
//! to try, and why what was tried failed. How a round is worked off is `schedule`'s.

use std::collections::BTreeMap;

use edugrid_units::{PoolName, Reason};

use super::{Agenda, GroupId, Walk};

/// A round between two steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// It has admitted something, so that what it told the others is out of date.
    pub admitted: bool,
    /// Which round it is.
    pub number: u64,
    /// The last group gathered.
    pub gathered: Option<GroupId>,
    /// All groups are gathered.
    pub complete: bool,
    pub agenda: Agenda,
    /// The lane that is being worked off.
    pub walk: Option<Walk>,
    /// Per group still in the round: why its pools so far failed.
    pub failed: BTreeMap<GroupId, Vec<(PoolName, Reason)>>,
}
