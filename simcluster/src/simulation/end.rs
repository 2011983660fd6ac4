//! What must hold when all has come to rest.

use std::path::Path;

use edugrid_ledger::{Month, Replay, ViewFound, restore};
use edugrid_scheduler::visibility::{NotFound, Query, Reply};
use edugrid_units::{MicroYuan, Stamp};

use super::Simulation;
use crate::{
    api::{Key, Kind},
    audit,
    disks::copy,
    world::TENANTS,
};

impl Simulation {
    /// What still moves, or can't. Empty: all is as it should be in the end.
    pub(super) fn unrest(&self) -> Vec<String> {
        let mut unrest = self.audit.unrest(&self.store);
        unrest.extend(self.audit.not_archived(&self.store));
        // One that slept may still believe that it leads, for as long as its lease would last.
        let leaders = self
            .machines
            .iter()
            .filter(|machine| machine.leads())
            .count();
        if leaders != 1 {
            unrest.push(format!("{leaders} lead"));
        }
        if self
            .machines
            .iter()
            .any(|machine| machine.frozen_until.is_some())
        {
            unrest.push("somebody sleeps".to_owned());
        }
        unrest
    }

    /// What the leader tells of each tenant's month must be what the journal says. None: it does not answer yet, as one
    /// that has just begun.
    pub(super) fn statements(&mut self) -> Option<Vec<String>> {
        if self.beginnings().len() > 1 && !self.reads_archive {
            // A view that was lost begins with a snapshot, and what was before it needs the archive.
            return Some(Vec::new());
        }
        let month = Month::of(Stamp::from_seconds(self.store.now_seconds));
        let Some(leader) = self.machines.iter_mut().find(|machine| machine.leads()) else {
            return Some(vec!["nobody leads in the end".to_owned()]);
        };
        let mut faults = Vec::new();
        for tenant in TENANTS {
            let query = Query::Statement {
                tenant: tenant.into(),
                month: month.to_string(),
            };
            let told = match leader.ask(query, self.now)? {
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

    /// The disks of both machines must agree with the journal, unless somebody broke them.
    pub(super) fn end(&mut self) -> std::io::Result<Vec<String>> {
        let mut faults = self.audit.archive_faults();
        for index in 0..self.machines.len() {
            self.machines[index].crash(self.now)?;
            if self.broken[index] || !self.machines[index].is_operators() {
                continue;
            }
            let view = self.machines[index].disk().join("view");
            let mut why = Vec::new();
            for begins in self.beginnings() {
                // What doesn't agree is moved aside, so each is tried on a copy.
                let tried = view.with_extension("tried");
                copy(&view, &tried)?;
                match self.agrees(&tried, begins) {
                    Ok(()) => {
                        why.clear();
                        break;
                    }
                    Err(words) => why.push(words),
                }
            }
            if let Some(words) = why.first() {
                let name = self.machines[index].name();
                faults.push(format!("{name}: the view is not the journal's: {words}"));
            }
        }
        Ok(faults)
    }

    /// Where a view may begin: with the journal, or with a snapshot of the books.
    fn beginnings(&self) -> Vec<usize> {
        let places = self.audit.snapshots().iter();
        let places = places.filter_map(|sequence| usize::try_from(*sequence).ok());
        std::iter::once(0).chain(places).collect()
    }

    fn agrees(&self, view: &Path, begins: usize) -> Result<(), String> {
        let segments = self.audit.segments();
        let (before, after) = segments.split_at(begins.min(segments.len()));
        let mut start = Replay::new();
        for segment in before {
            start
                .segment(segment)
                .map_err(|damage| damage.to_string())?;
        }
        match restore(view, start, after, None, |_| ()) {
            Ok(restored) => match restored.found {
                ViewFound::Rebuilt { why, .. } => Err(why),
                ViewFound::Kept | ViewFound::Missing => Ok(()),
            },
            Err(error) => Err(error.to_string()),
        }
    }
}
