//! Who of those that wait is in the order, and who is above a `pendingJobs` limit (Q5).
//!
//! A limit has a crowd: the jobs of a subtree, or of one user in it, that nothing of
//! their own holds back. Its oldest jobs by eligible time, then UID, are inside, as many
//! as the limit says; a job is in the order if it is inside wherever it counts. So who
//! is over follows from who waits, and not from who came first to our ears.
//!
//! It must not know the tree: whoever calls says which crowds a job belongs to.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{JobUid, Stamp, TenantName, UserName};

/// Whose jobs a limit counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crowd {
    pub tenant: TenantName,
    /// One user of the subtree; none: all of it.
    pub user: Option<UserName>,
}

type Place = (Stamp, JobUid);

#[derive(Clone, Debug, Default)]
struct Sides {
    inside: BTreeSet<Place>,
    outside: BTreeSet<Place>,
}

/// All crowds that are limited and not empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waitlist {
    crowds: BTreeMap<Crowd, Sides>,
}

impl Waitlist {
    /// Counts a job in a crowd of at most `most`; returns the other job that is over now.
    pub fn add(
        &mut self,
        crowd: &Crowd,
        most: u32,
        eligible: Stamp,
        uid: &JobUid,
    ) -> Option<JobUid> {
        let sides = self.crowds.entry(crowd.clone()).or_default();
        sides.inside.insert((eligible, uid.clone()));
        if sides.inside.len() <= usize::try_from(most).unwrap_or(usize::MAX) {
            return None;
        }
        let last = sides.inside.pop_last()?;
        let other = (last.1 != *uid).then(|| last.1.clone());
        sides.outside.insert(last);
        other
    }

    /// Counts a job no more; returns the other job that has come in.
    pub fn remove(&mut self, crowd: &Crowd, eligible: Stamp, uid: &JobUid) -> Option<JobUid> {
        let sides = self.crowds.get_mut(crowd)?;
        let place = (eligible, uid.clone());
        let was_inside = sides.inside.remove(&place);
        sides.outside.remove(&place);
        let next = if was_inside {
            sides.outside.pop_first()
        } else {
            None
        };
        sides.inside.extend(next.clone());
        if sides.inside.is_empty() && sides.outside.is_empty() {
            self.crowds.remove(crowd);
        }
        next.map(|(_, uid)| uid)
    }

    /// Whether a job of the crowd is over its limit.
    pub fn is_over(&self, crowd: &Crowd, eligible: Stamp, uid: &JobUid) -> bool {
        let sides = self.crowds.get(crowd);
        sides.is_some_and(|sides| sides.outside.contains(&(eligible, uid.clone())))
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.crowds.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_inside_whoever_came_first() {
        let crowd = Crowd {
            tenant: "lab".into(),
            user: None,
        };
        let mut pending = Waitlist::default();
        let mut add = |at, uid: &str| pending.add(&crowd, 2, Stamp(at), &uid.into());
        assert_eq!(add(5, "late"), None);
        assert_eq!(add(1, "old"), None);
        assert_eq!(add(3, "mid"), Some("late".into()));
        assert_eq!(add(9, "last"), None, "over from the start");
        assert!(pending.is_over(&crowd, Stamp(5), &"late".into()));
        assert!(pending.is_over(&crowd, Stamp(9), &"last".into()));
        let gone = pending.remove(&crowd, Stamp(1), &"old".into());
        assert_eq!(gone, Some("late".into()));
        let gone = pending.remove(&crowd, Stamp(9), &"last".into());
        assert_eq!(gone, None, "it was over itself");
    }

    #[test]
    fn a_limit_of_nothing_keeps_all_out() {
        let crowd = Crowd {
            tenant: "lab".into(),
            user: Some("li".into()),
        };
        let mut pending = Waitlist::default();
        assert_eq!(pending.add(&crowd, 0, Stamp(1), &"j".into()), None);
        assert!(pending.is_over(&crowd, Stamp(1), &"j".into()));
        assert_eq!(pending.remove(&crowd, Stamp(1), &"j".into()), None);
        assert!(pending.crowds.is_empty());
    }
}
