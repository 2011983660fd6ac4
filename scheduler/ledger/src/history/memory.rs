//! The view in memory: for tests, for the command line, and for a book so small that
//! nothing else is worth it.

use std::collections::BTreeMap;

use edugrid_units::{JobUid, TenantName};

use super::{HistoryView, ViewError};
use crate::{
    books::Position,
    calendar::Month,
    entry::{Entry, Record},
};

/// A view that is gone with the process.
#[derive(Clone, Debug)]
pub struct MemoryView {
    position: Position,
    entries: BTreeMap<u64, Entry>,
    by_tenant: BTreeMap<TenantName, BTreeMap<(Month, u64), ()>>,
    by_job: BTreeMap<JobUid, Vec<u64>>,
}

impl Default for MemoryView {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryView {
    /// An empty view.
    pub fn new() -> Self {
        Self {
            position: Position::START,
            entries: BTreeMap::new(),
            by_tenant: BTreeMap::new(),
            by_job: BTreeMap::new(),
        }
    }
}

impl HistoryView for MemoryView {
    fn position(&self) -> Result<Position, ViewError> {
        Ok(self.position)
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        super::check_step(self.position, records, after)?;
        for record in records {
            let sequence = record.entry.sequence;
            for tenant in &record.tenants {
                let rows = self.by_tenant.entry(tenant.clone()).or_default();
                rows.insert((record.month, sequence), ());
            }
            if let Some(job) = &record.job {
                self.by_job.entry(job.clone()).or_default().push(sequence);
            }
            self.entries.insert(sequence, record.entry.clone());
        }
        self.position = after;
        Ok(())
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        Ok(self.entries.get(&sequence).cloned())
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        let rows = self.by_tenant.get(tenant).into_iter().flatten();
        for ((month, sequence), ()) in rows.take_while(|((month, _), ())| *month <= until) {
            if let Some(entry) = self.entries.get(sequence) {
                visit(*month, entry.clone());
            }
        }
        Ok(())
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        let rows = self.by_job.get(job).into_iter().flatten();
        Ok(rows
            .filter_map(|sequence| self.entries.get(sequence).cloned())
            .collect())
    }
}
