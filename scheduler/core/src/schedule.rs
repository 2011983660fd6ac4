//! The step (O6): what an event made possible is admitted in bounded steps, whose
//! cursor is state.
//!
//! Groups that are new are first put into the lines of all their pools. Then the first
//! job in order (O2) of all that are awake is tried, again and again: it is admitted, or
//! what stopped it is put to sleep on that one condition, so that nobody behind it is
//! tried for the same thing. Where nobody is awake the step is done. So an event costs
//! what it makes possible, and not a look at all who wait.
//!
//! An event between two steps changes who is awake, and the first of those is tried
//! next, wherever the cursor was. So admissions are the same however the work is cut
//! into steps (tested), and they are those of a scheduler that sorts everything anew for
//! each single one (tested).

mod limits;
mod trial;

use edugrid_units::{Admission, Purse, Stamp};

pub(crate) use limits::{Reached, first_reached};

use crate::{preempt::Stop, queue::Next, world::World};

/// What one step decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Admissions in the order in which they were decided. They count already; the
    /// purse has staged each with its hold (A3).
    pub admissions: Vec<Admission>,
    /// Attempts to be stopped, each named once; they are on their way out from now on.
    pub stops: Vec<Stop>,
    /// Whether work is left: call again, after these are durable.
    pub more: bool,
}

impl World {
    /// Admits what can be admitted, in at most `ops` bounded operations: one per group
    /// that is new, per line that is read, and per trial. Says what it admitted, whom it
    /// stops (in one go: a cut is never taken back by halves), and whether work is left.
    pub fn schedule(&mut self, now: Stamp, ops: u32, purse: &mut dyn Purse) -> Plan {
        self.advance(now);
        self.settle();
        self.wake();
        let mut plan = Plan::default();
        if self.ledger_reason.is_some() {
            return plan;
        }
        plan.stops = self.take_back();
        for _ in 0..ops {
            if let Some(id) = self.fresh.pop_first() {
                self.enter(id);
                continue;
            }
            match self.lines.next(&self.standing) {
                Next::Nothing => return plan,
                Next::Read => {}
                Next::Try(id, pick) => plan.admissions.extend(self.try_one(&id, &pick, purse)),
            }
        }
        plan.more = !self.fresh.is_empty() || self.lines.is_restless();
        plan
    }
}
