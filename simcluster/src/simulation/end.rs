//! What must hold when all has come to rest.

use std::path::Path;

use edugrid_ledger::{Replay, ViewFound, restore};

use super::Simulation;
use crate::disks::copy;

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
    pub(super) fn beginnings(&self) -> Vec<usize> {
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
        match restore(view, None, &|| Ok(start.clone()), after, None, |_| ()) {
            Ok(restored) => match restored.view {
                Ok((_, ViewFound::Rebuilt { why, .. })) => Err(why),
                Ok((_, ViewFound::Kept | ViewFound::Missing)) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        }
    }
}
