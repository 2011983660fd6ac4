//! Who is stopped so that others have what is theirs. So far that is a cut (Q3): of what
//! a subtree borrows, as much is taken back as is missing, and no gang more.
//!
//! Victims borrow at each level of their side (E2) and are chosen as E4 says: the lowest
//! tier, then the side that borrows the most for its weight, then the youngest, then by
//! UID; greedily, and then those are let off again, the last chosen first, without whom
//! it is enough. It must not know since when something is missing, or who asked.

use std::{cmp::Reverse, collections::BTreeMap};

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

/// Candidates by tier, the lowest first, and leaf; the oldest of a leaf first, and of one
/// age the last UID first.
type Sides = BTreeMap<(Reverse<Tier>, TreeIx), BTreeMap<(Stamp, Reverse<AttemptKey>), Load>>;

/// One that is to be stopped.
struct Victim {
    side: (Reverse<Tier>, TreeIx),
    age: (Stamp, Reverse<AttemptKey>),
    load: Load,
}

/// Whether what counts at `leaf` is below `top` and borrows at each level on the way (E2).
pub(crate) fn borrows_below(quota: &Quota, tree: &Tree, leaf: TreeIx, top: TreeIx) -> bool {
    let mut side = tree.up(leaf).take_while(|ix| *ix != top);
    tree.up(leaf).any(|ix| ix == top) && side.all(|ix| quota.borrowed(ix).0 > 0)
}

/// Those whose end gives back what the subtree of `top` has too much of the pool, or as
/// much of it as can be. They are taken out of `standing`, which must count nothing of
/// what is on its way out already. O(victims × (victims + leaves) × depth).
///
/// It ends: whoever is let off for another may be chosen again only once that one is let
/// off too, for one higher up in the tree.
pub(crate) fn take_back(
    standing: &mut Standing,
    (top, pool): (TreeIx, PoolIx),
    candidates: Vec<Candidate>,
) -> Vec<AttemptKey> {
    let mut sides = Sides::new();
    for one in candidates.into_iter().filter(|one| one.load.pool == pool) {
        let side = sides.entry((Reverse(one.tier), one.load.leaf)).or_default();
        side.insert((one.at, Reverse(one.key)), one.load);
    }
    let mut victims: Vec<Victim> = Vec::new();
    while is_over(standing, top, pool) {
        let Some(next) = next(standing, (top, pool), &mut sides) else {
            // What is left is within its own, or can't be preempted.
            break;
        };
        standing.remove(&next.load);
        for one in spare_within(standing, (top, pool), &mut victims) {
            let side = sides.entry(one.side).or_default();
            side.insert(one.age, one.load);
        }
        victims.push(next);
    }
    spare_unneeded(standing, (top, pool), &mut victims);
    let keys = victims.into_iter().map(|one| one.age.1.0);
    keys.collect()
}

/// Lets those off whose side is within its own, if they stay, now that the others are
/// gone; the last chosen first. Looks only: what is let off is all that is moved.
fn spare_within(
    standing: &mut Standing,
    (top, pool): (TreeIx, PoolIx),
    victims: &mut Vec<Victim>,
) -> Vec<Victim> {
    let mut spared = Vec::new();
    for at in (0..victims.len()).rev() {
        let (tree, quota) = (&standing.tree, standing.quota(pool));
        let is_within = victims.get(at).is_some_and(|one| {
            let mut side = tree.up(one.load.leaf).take_while(|ix| *ix != top);
            side.any(|ix| quota.slack(ix).0 >= i128::from(one.load.billed.0))
        });
        if is_within {
            let one = victims.remove(at);
            standing.add(&one.load);
            spared.push(one);
        }
    }
    spared
}

/// Lets those off without whom it is enough, the last chosen first.
fn spare_unneeded(
    standing: &mut Standing,
    (top, pool): (TreeIx, PoolIx),
    victims: &mut Vec<Victim>,
) {
    for at in (0..victims.len()).rev() {
        let Some(one) = victims.get(at) else { continue };
        standing.add(&one.load);
        if is_over(standing, top, pool) {
            standing.remove(&one.load);
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
fn next(standing: &Standing, (top, pool): (TreeIx, PoolIx), sides: &mut Sides) -> Option<Victim> {
    let quota = standing.quota(pool);
    let mut legal = sides.iter_mut().filter(|((_, leaf), side)| {
        !side.is_empty() && borrows_below(quota, &standing.tree, *leaf, top)
    });
    let first = legal.next()?;
    let lowest = first.0.0;
    let of_tier = legal.take_while(|((tier, _), _)| *tier == lowest);
    let (&place, side) =
        std::iter::once(first)
            .chain(of_tier)
            .max_by_key(|((_, leaf), side)| {
                let youngest = side.last_key_value().map(|(age, _)| age.clone());
                (shares(standing, (top, pool), *leaf), youngest)
            })?;
    let (age, load) = side.pop_last()?;
    Some(Victim {
        side: place,
        age,
        load,
    })
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
