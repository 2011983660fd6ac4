//! What must hold when all has come to rest.

use edugrid_ledger::{Month, Replay, ViewFound, restore};
use edugrid_units::{MicroYuan, Stamp};

use super::Simulation;
use crate::{audit, machine::Machine, world::TENANTS};

impl Simulation {
    /// What still moves, or can't. Empty: all is as it should be in the end.
    pub(super) fn unrest(&self) -> Vec<String> {
        let mut unrest = self.audit.unrest(&self.store);
        if !self.machines.iter().any(Machine::leads) {
            unrest.push("nobody leads".to_owned());
        }
        unrest
    }

    /// What the leader tells of each tenant's month must be what the journal says.
    pub(super) fn statements(&mut self) -> Vec<String> {
        let Some(leader) = self.machines.iter_mut().find(|machine| machine.leads()) else {
            return vec!["nobody leads in the end".to_owned()];
        };
        let month = Month::of(Stamp::from_seconds(self.store.now_seconds));
        let mut faults = Vec::new();
        for tenant in TENANTS {
            let told = leader.statement(tenant, &month.to_string(), self.now);
            let told = told.map(|told| (told.movements.len(), told.totals.cost.0.clone()));
            // A month in which nothing moved has no statement.
            let told = told.unwrap_or((0, MicroYuan::ZERO.to_string()));
            let known = audit::month(self.audit.segments(), tenant, month);
            let known = known.map(|(count, cost)| (count, cost.to_string()));
            if Some(&told) != known.as_ref() {
                faults.push(format!(
                    "{tenant}'s statement says {told:?}, the journal {known:?}"
                ));
            }
        }
        faults
    }

    /// The disks of both machines must agree with the journal, unless somebody broke them.
    pub(super) fn end(&mut self) -> std::io::Result<Vec<String>> {
        let mut faults = Vec::new();
        for index in 0..self.machines.len() {
            self.machines[index].crash(self.now)?;
            let view = self.machines[index].disk().join("view");
            match restore(&view, Replay::new(), self.audit.segments(), None, |_| ()) {
                Ok(restored) => {
                    if let ViewFound::Rebuilt { why, .. } = restored.found
                        && !self.broken[index]
                    {
                        faults.push(format!(
                            "{}: the view is not the journal's: {why}",
                            self.machines[index].name()
                        ));
                    }
                }
                Err(error) => faults.push(format!("{}: {error}", self.machines[index].name())),
            }
        }
        Ok(faults)
    }
}
