//! What leaders are asked, in the middle of everything and in the end, and whether they tell the truth.

use edugrid_ledger::Month;
use edugrid_scheduler::visibility::{NotFound, Query, Reply};
use edugrid_units::{MicroYuan, Stamp};

use super::Simulation;
use crate::{
    api::{Key, Kind},
    audit,
    machine::Machine,
    world::TENANTS,
};

impl Simulation {
    /// Somebody asks for a tenant's statement, whatever goes on. Whoever answers may not know of the last entries yet; he
    /// never tells more than the journal, and never that there is no such tenant.
    pub(super) fn ask_somebody(&mut self) {
        let month = self.month();
        let tenant = TENANTS[self.random.index(TENANTS.len())];
        let leaders = |machine: &Machine| machine.leads() && machine.frozen_until.is_none();
        let Some(index) = self.machines.iter().position(leaders) else {
            return;
        };
        let Some(told) = self.machines[index].ask(statement_of(tenant, month), self.now) else {
            return;
        };
        let told = match told {
            Ok(Reply::Statement(told)) => told.movements.len(),
            Err(NotFound::Month { .. } | NotFound::Archived { .. }) => 0,
            other => {
                let words = format!("asked for {tenant}'s statement a leader says {other:?}");
                return self.audit.faults.push(words);
            }
        };
        let known = audit::month(self.audit.segments(), tenant, month);
        let known = known.map_or(0, |(count, _)| count);
        if told > known {
            let words = format!("{tenant} is told {told} movements, the journal has {known}");
            self.audit.faults.push(words);
        }
    }

    fn month(&self) -> Month {
        Month::of(Stamp::from_seconds(self.store.now_seconds))
    }

    /// What the leader tells of each tenant's month must be what the journal says. None: it does not answer yet, as one
    /// that has just begun.
    pub(super) fn statements(&mut self) -> Option<Vec<String>> {
        if self.beginnings().len() > 1 && !self.reads_archive {
            // A view that was lost begins with a snapshot, and what was before it needs the archive.
            return Some(Vec::new());
        }
        let month = self.month();
        let Some(leader) = self.machines.iter_mut().find(|machine| machine.leads()) else {
            return Some(vec!["nobody leads in the end".to_owned()]);
        };
        let mut faults = Vec::new();
        for tenant in TENANTS {
            let told = match leader.ask(statement_of(tenant, month), self.now)? {
                Ok(Reply::Statement(told)) => (told.movements.len(), told.totals.cost.0.clone()),
                Err(NotFound::Month { .. }) => (0, MicroYuan::ZERO.to_string()),
                other => {
                    faults.push(format!("{tenant}'s statement is {other:?}"));
                    continue;
                }
            };
            let known = audit::month(self.audit.segments(), tenant, month);
            let known = known.map(|(count, cost)| (count, cost.to_string()));
            if Some(&told) != known.as_ref() {
                faults.push(format!(
                    "{tenant}'s statement says {told:?}, the journal {known:?}"
                ));
            }
        }
        Some(faults)
    }

    /// What is stuck, and what the leader says of the jobs that wait.
    pub(super) fn stuck(&mut self, unrest: Vec<String>) -> Vec<String> {
        let mut words: Vec<String> = unrest
            .into_iter()
            .map(|words| format!("stuck: {words}"))
            .collect();
        let jobs = self.store.all(&Kind::new("edugrid.io", "computejobs"));
        let waiting = jobs.filter(|(_, job)| job["status"]["phase"] == "Pending");
        let waiting: Vec<Key> = waiting.map(|(key, _)| key.clone()).collect();
        let Some(leader) = self.machines.iter_mut().find(|machine| machine.leads()) else {
            return words;
        };
        for Key {
            namespace, name, ..
        } in waiting
        {
            let query = Query::Explain { namespace, name };
            if let Some(Ok(Reply::Explanation(told))) = leader.ask(query, self.now) {
                words.push(format!("explained: {told:?}"));
            }
        }
        words
    }
}

fn statement_of(tenant: &str, month: Month) -> Query {
    Query::Statement {
        tenant: tenant.into(),
        month: month.to_string(),
    }
}
