//! The limits of Q5 that depend on what runs: of every tenant on a job's path, and of its
//! submitter below each of them.
//!
//! Cards are what a job is billed in a pool that counts cards, however it asks for them,
//! so that no other way of asking gets round a limit.

use edugrid_units::{Amount, MilliUnits, Reason, ReasonCode, Subject, TenantName, UserName};

use crate::{
    queue::GroupId,
    share::Tally,
    tenants::TenantLimits,
    world::{Choice, World},
};

/// One limit that leaves no room.
struct Reached {
    name: &'static str,
    asked: Amount,
    free: Amount,
}

impl World {
    /// Q5: the first limit from the job's tenant up to the root that it does not keep.
    pub(super) fn within_limits(&self, id: GroupId, choice: &Choice) -> Result<(), Reason> {
        let (Some(terms), Some(group)) = (self.terms(id), self.groups.get(id)) else {
            return Ok(());
        };
        let user = &group.signature.submitter;
        let tree = &self.standing.tree;
        for ix in tree.up(terms.leaf) {
            let node = tree.node(ix);
            let Some(spec) = self.tenants.get(&node.tenant).filter(|_| !node.implicit) else {
                continue;
            };
            let cards = self.standing.counts_cards(choice.pool);
            let cards = cards.then_some(choice.billed);
            if let Some(reached) = first(&spec.limits, self.standing.tally(ix), cards) {
                return Err(reason(reached, None, &node.tenant, choice));
            }
            let tally = || self.standing.user_tally(ix, user);
            if spec.user_limits != TenantLimits::default()
                && let Some(reached) = first(&spec.user_limits, tally(), cards)
            {
                return Err(reason(reached, Some(user), &node.tenant, choice));
            }
        }
        Ok(())
    }
}

/// The first of these limits that one more job of so many cards does not keep.
fn first(limits: &TenantLimits, used: Tally, cards: Option<MilliUnits>) -> Option<Reached> {
    if let (Some(most), Some(cards)) = (limits.cards_per_job, cards)
        && cards > most
    {
        return Some(Reached {
            name: "cardsPerJob",
            asked: Amount::Units(cards),
            free: Amount::Units(most),
        });
    }
    if let Some(most) = limits.running_jobs
        && used.jobs >= most
    {
        return Some(Reached {
            name: "runningJobs",
            asked: Amount::Count(1),
            free: Amount::Count(0),
        });
    }
    if let (Some(most), Some(cards)) = (limits.cards, cards) {
        let free = most.saturating_sub(used.cards);
        if cards > free {
            return Some(Reached {
                name: "cards",
                asked: Amount::Units(cards),
                free: Amount::Units(free),
            });
        }
    }
    None
}

fn reason(
    reached: Reached,
    user: Option<&UserName>,
    tenant: &TenantName,
    choice: &Choice,
) -> Reason {
    Reason::new(ReasonCode::LimitReached)
        .about(Subject::Limit {
            name: reached.name,
            user: user.map(ToString::to_string),
        })
        .in_pool(choice.name.clone())
        .at(tenant.clone())
        .numbers(reached.asked, reached.free)
}
