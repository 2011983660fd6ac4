//! The limits of Q5 that depend on what runs: of a tenant, or of one user in it.
//!
//! Cards are what a job is billed in a pool that counts cards, however it asks for them,
//! so that no other way of asking gets round a limit.

use edugrid_units::{Amount, MilliUnits};

use crate::{
    share::Tally,
    tenants::{TenantLimits, TenantSpec, TreeIx},
    world::World,
};

/// One limit that leaves no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub name: &'static str,
    pub asked: Amount,
    pub free: Amount,
    /// Whether it keeps the job out whatever ends.
    pub lasts: bool,
}

impl World {
    /// The tenant whose limits a node of the tree stands for.
    pub(crate) fn limited(&self, ix: TreeIx) -> Option<&TenantSpec> {
        let node = self.standing.tree.node(ix);
        self.tenants.get(&node.tenant).filter(|_| !node.implicit)
    }
}

/// The first of these limits that one more job of so many cards does not keep.
pub(crate) fn first_reached(
    limits: &TenantLimits,
    used: Tally,
    cards: Option<MilliUnits>,
) -> Option<Reached> {
    if let (Some(most), Some(cards)) = (limits.cards_per_job, cards)
        && cards > most
    {
        return Some(Reached {
            name: "cardsPerJob",
            asked: Amount::Units(cards),
            free: Amount::Units(most),
            lasts: true,
        });
    }
    if let Some(most) = limits.running_jobs
        && used.jobs >= most
    {
        return Some(Reached {
            name: "runningJobs",
            asked: Amount::Count(1),
            free: Amount::Count(0),
            lasts: false,
        });
    }
    if let (Some(most), Some(cards)) = (limits.cards, cards) {
        let free = most.saturating_sub(used.cards);
        if cards > free {
            return Some(Reached {
                name: "cards",
                asked: Amount::Units(cards),
                free: Amount::Units(free),
                lasts: false,
            });
        }
    }
    None
}
