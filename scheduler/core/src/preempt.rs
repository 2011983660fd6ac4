//! Who is stopped so that others have what is theirs. So far that is a cut (Q3): of what
//! a subtree borrows, as much is taken back as is missing, and no gang more.
//!
//! Victims borrow at each level of their side (E2) and are chosen as E4 says: the lowest
//! tier, then the side that borrows the most for its weight, then the youngest, then by
//! UID; greedily, and then those are let off again, the last chosen first, without whom
//! it is enough. It must not know since when something is missing, or who asked.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use edugrid_units::{AttemptKey, PoolName, Stamp, TenantName, Tier};

use crate::{
    quota::{PoolIx, Quota},
    share::{Load, Share, Standing},
    tenants::{Tree, TreeIx},
};

/// An attempt that is to be stopped with notice. It holds what it holds until it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The attempt, its whole gang.
    pub key: AttemptKey,
    /// What for.
    pub cause: StopCause,
}

/// What an attempt is stopped for, of the closed list of E2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A quota was cut (Q3).
    QuotaCut {
        /// The tenant that takes back.
        tenant: TenantName,
        /// What it takes back.
        pool: PoolName,
    },
}

/// An admission that may be stopped: preemptible, and not on its way out already.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub key: AttemptKey,
    pub load: Load,
    pub tier: Tier,
    /// When it was admitted.
    pub at: Stamp,
}

/// Candidates of one leaf and tier, the oldest first; of one age the last UID first.
type Side = BTreeSet<(Stamp, Reverse<AttemptKey>)>;

/// Whether what counts at `leaf` is below `top` and borrows at each level on the way (E2).
pub(crate) fn borrows_below(quota: &Quota, tree: &Tree, leaf: TreeIx, top: TreeIx) -> bool {
    let mut side = tree.up(leaf).take_while(|ix| *ix != top);
    tree.up(leaf).any(|ix| ix == top) && side.all(|ix| quota.borrowed(ix).0 > 0)
}

/// Those whose end gives back what the subtree of `top` has too much of the pool, or as
/// much of it as can be. They are taken out of `standing`, which must count nothing of
/// what is on its way out already. O(victims × leaves × depth).
pub(crate) fn take_back(
    standing: &mut Standing,
    (top, pool): (TreeIx, PoolIx),
    candidates: Vec<Candidate>,
) -> Vec<AttemptKey> {
    let mut sides: BTreeMap<(Reverse<Tier>, TreeIx), Side> = BTreeMap::new();
    let mut loads: BTreeMap<AttemptKey, Load> = BTreeMap::new();
    for one in candidates.into_iter().filter(|one| one.load.pool == pool) {
        let side = sides.entry((Reverse(one.tier), one.load.leaf)).or_default();
        side.insert((one.at, Reverse(one.key.clone())));
        loads.insert(one.key, one.load);
    }
    let mut victims: Vec<(AttemptKey, Load)> = Vec::new();
    while is_over(standing, top, pool) {
        let next = next(standing, (top, pool), &mut sides);
        let Some((key, load)) = next.and_then(|key| loads.remove_entry(&key)) else {
            // What is left is within its own, or can't be preempted.
            break;
        };
        standing.remove(&load);
        victims.push((key, load));
        if !is_over(standing, top, pool) {
            let_off(standing, (top, pool), &mut victims);
        }
    }
    let_off(standing, (top, pool), &mut victims);
    victims.into_iter().map(|(key, _)| key).collect()
}

/// Lets those off without whom it is enough, and those whose side is within its own
/// through the others; the last chosen first. Where it then is not enough any more, others
/// are looked for.
fn let_off(
    standing: &mut Standing,
    (top, pool): (TreeIx, PoolIx),
    victims: &mut Vec<(AttemptKey, Load)>,
) {
    for at in (0..victims.len()).rev() {
        let Some((_, load)) = victims.get(at) else {
            continue;
        };
        standing.add(load);
        let is_due = is_over(standing, top, pool)
            && borrows_below(standing.quota(pool), &standing.tree, load.leaf, top);
        if is_due {
            standing.remove(load);
        } else {
            victims.remove(at);
        }
    }
}

fn is_over(standing: &Standing, top: TreeIx, pool: PoolIx) -> bool {
    let quota = standing.quota(pool);
    quota.overdraft(&standing.tree, top).0 > 0
}

/// The next victim, taken out of its side.
fn next(
    standing: &Standing,
    (top, pool): (TreeIx, PoolIx),
    sides: &mut BTreeMap<(Reverse<Tier>, TreeIx), Side>,
) -> Option<AttemptKey> {
    let quota = standing.quota(pool);
    // Usage only falls, so a side that is within its own stays so.
    sides.retain(|(_, leaf), side| {
        !side.is_empty() && borrows_below(quota, &standing.tree, *leaf, top)
    });
    let (&(lowest, _), _) = sides.first_key_value()?;
    let of_tier = sides
        .iter_mut()
        .take_while(|((tier, _), _)| *tier == lowest);
    let (_, side) = of_tier.max_by_key(|((_, leaf), side)| {
        (shares(standing, (top, pool), *leaf), side.last().cloned())
    })?;
    side.pop_last().map(|(_, Reverse(key))| key)
}

/// What each level of a side borrows for its weight, from below `top` to the leaf.
fn shares(standing: &Standing, (top, pool): (TreeIx, PoolIx), leaf: TreeIx) -> Vec<Share> {
    let kind = standing.measure(pool).map(|measure| measure.kind);
    let levels = standing.tree.up(leaf).take_while(|ix| *ix != top);
    let share = |ix| kind.map_or(Share(0), |kind| standing.borrowed_now(ix, kind));
    let mut shares: Vec<Share> = levels.map(share).collect();
    shares.reverse();
    shares
}
