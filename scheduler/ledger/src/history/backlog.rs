//! A view that never lags: what its disk does not take is kept in memory, told from there,
//! and offered again. A full disk may last for hours; statements must not stand still with it.

use edugrid_units::{JobUid, TenantName};

use super::{Base, HistoryView, ViewError};
use crate::{
    books::Position,
    calendar::Month,
    entry::{Entry, Record},
};

/// Most entries that are kept: about 2 kB each. What comes after them is refused, and the
/// view is out of step until it is made again.
const KEPT_MAX: usize = 100_000;

/// See the module.
pub struct Backlog {
    view: Box<dyn HistoryView + Send>,
    /// Batches that the view has not taken, in order.
    waiting: Vec<(Vec<Record>, Position)>,
}

impl Backlog {
    /// A view with nothing waiting before it.
    pub fn new(view: Box<dyn HistoryView + Send>) -> Self {
        Self {
            view,
            waiting: Vec::new(),
        }
    }

    /// Entries that the view has not taken yet.
    pub fn waiting(&self) -> usize {
        self.records().count()
    }

    /// Offers the view what it has not taken.
    ///
    /// # Errors
    /// If it still takes nothing; what is left waits on.
    pub fn catch_up(&mut self) -> Result<(), ViewError> {
        let mut taken = 0_usize;
        let mut result = Ok(());
        for (records, after) in &self.waiting {
            result = self.view.append(records, *after);
            if result.is_err() {
                break;
            }
            taken = taken.saturating_add(1);
        }
        self.waiting.drain(..taken);
        result
    }

    /// Takes entries without offering them to the view, where that may not be told yet.
    ///
    /// # Errors
    /// If too many are kept; then the view is out of step from here on.
    pub fn keep(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        if self.waiting().saturating_add(records.len()) > KEPT_MAX {
            return Err(ViewError::Full { max: KEPT_MAX });
        }
        self.waiting.push((records.to_vec(), after));
        Ok(())
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.waiting.iter().flat_map(|(records, _)| records)
    }
}

impl HistoryView for Backlog {
    fn position(&self) -> Result<Position, ViewError> {
        match self.waiting.last() {
            Some((_, after)) => Ok(*after),
            None => self.view.position(),
        }
    }

    fn base(&self) -> Option<&Base> {
        self.view.base()
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        let result = match self.catch_up() {
            Ok(()) => self.view.append(records, after),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.keep(records, after)?;
        }
        result
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.catch_up()?;
        self.view.flush()
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        let mut kept = self.records();
        match kept.find(|record| record.entry.sequence == sequence) {
            Some(record) => Ok(Some(record.entry.clone())),
            None => self.view.entry(sequence),
        }
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        if self.waiting.is_empty() {
            return self.view.of_tenant(tenant, until, visit);
        }
        let mut found: Vec<(Month, Entry)> = Vec::new();
        self.view.of_tenant(tenant, until, &mut |month, entry| {
            found.push((month, entry))
        })?;
        let kept = self
            .records()
            .filter(|record| record.month <= until && record.tenants.contains(tenant));
        found.extend(kept.map(|record| (record.month, record.entry.clone())));
        found.sort_by_key(|(month, entry)| (*month, entry.sequence));
        found
            .into_iter()
            .for_each(|(month, entry)| visit(month, entry));
        Ok(())
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        let mut found = self.view.of_job(job)?;
        let kept = self
            .records()
            .filter(|record| record.job.as_ref() == Some(job));
        found.extend(kept.map(|record| record.entry.clone()));
        Ok(found)
    }
}
