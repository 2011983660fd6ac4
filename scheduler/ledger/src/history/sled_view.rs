//! The view in a sled database. Sled may lose or damage what it was given (crates
//! §1.5), so nothing here is believed: every value bears a hash, the position is written
//! in the same transaction, sled's panics are caught, and [`restore`](super::restore)
//! compares all of it with the journal.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use edugrid_units::{JobUid, TenantName};
use sled::{
    Db, Transactional, Tree,
    transaction::{ConflictableTransactionError, TransactionError},
};

use super::{Base, HistoryView, ViewError};
use crate::{
    books::Position,
    calendar::Month,
    chain::{Algorithm, Digest},
    entry::{Entry, Record},
    wire,
};

const CACHE_BYTES: u64 = 64 << 20;
/// Sled keeps what isn't flushed in memory, so it is flushed every so many entries.
const FLUSH_EVERY_ENTRIES: u64 = 20_000;
const POSITION: &[u8] = b"position";
const BASE: &[u8] = b"base";
const SEALED: &str = "a value is not as it was written";

/// A view on disk, open for one process.
#[derive(Debug)]
pub struct SledView {
    db: Db,
    /// Number → sealed body.
    entries: Tree,
    /// Tenant, month, number → nothing.
    tenants: Tree,
    /// Job, number → nothing.
    jobs: Tree,
    /// Segments → the position there with the number of rows, sealed.
    marks: Tree,
    /// The position and the base, sealed.
    meta: Tree,
    base: Option<Base>,
    unflushed: u64,
}

impl SledView {
    /// Opens what is in a directory, or makes it. Says nothing about whether it agrees
    /// with a journal; [`restore`](super::restore) does.
    ///
    /// # Errors
    /// If sled can't open it, or panics.
    pub(super) fn open(directory: &Path) -> Result<Self, ViewError> {
        guarded(|| {
            let db = sled::Config::new()
                .path(directory)
                .mode(sled::Mode::HighThroughput)
                .flush_every_ms(None)
                .cache_capacity(CACHE_BYTES)
                .use_compression(false)
                .open()?;
            let meta = db.open_tree("meta")?;
            let base = meta.get(BASE)?;
            let view = Self {
                entries: db.open_tree("entries")?,
                tenants: db.open_tree("tenants")?,
                jobs: db.open_tree("jobs")?,
                marks: db.open_tree("marks")?,
                meta,
                base: None,
                db,
                unflushed: 0,
            };
            Ok((view, base))
        })
        .and_then(|(view, stored)| {
            let read = |value: sled::IVec| {
                let bytes = unseal(&value).ok_or_else(|| ViewError::Damaged(SEALED.into()))?;
                wire::read(bytes).map_err(|error| ViewError::Damaged(error.to_string()))
            };
            let base = stored.map(read).transpose()?;
            Ok(Self { base, ..view })
        })
    }

    /// Begins an empty view at a snapshot.
    pub(super) fn begin(&mut self, base: &Base) -> Result<(), ViewError> {
        let position = base.position();
        guarded(|| {
            (&self.marks, &self.meta)
                .transaction(|(marks, meta)| {
                    meta.insert(BASE, seal(&wire::canonical(base)))?;
                    meta.insert(POSITION, seal(&write_position(position)))?;
                    marks.insert(&position.segments.to_be_bytes(), write_mark(position, 0))?;
                    Ok::<(), ConflictableTransactionError<Infallible>>(())
                })
                .map_err(storage)
        })?;
        self.base = Some(base.clone());
        self.flush()
    }

    /// Takes the entries of durable batches, in order; all of them or none.
    pub(super) fn append_all(
        &mut self,
        batches: &[(&[Record], Position)],
    ) -> Result<(), ViewError> {
        let Some((_, end)) = batches.last() else {
            return Ok(());
        };
        let mut at = self.position()?;
        let rows = self.mark(at)?;
        let mut rows = rows.ok_or_else(|| ViewError::Damaged("its position has no mark".into()))?;
        let mut marked = Vec::with_capacity(batches.len());
        for (records, after) in batches {
            super::check_step(at, records, *after)?;
            rows = rows.saturating_add(super::rows_of(records));
            marked.push((after.segments, write_mark(*after, rows)));
            at = *after;
        }
        let records = || batches.iter().flat_map(|(records, _)| *records);
        guarded(|| {
            let trees = (
                &self.entries,
                &self.tenants,
                &self.jobs,
                &self.marks,
                &self.meta,
            );
            // Sled may run this several times: it only writes into the transaction.
            let done = trees.transaction(|(entries, tenants, jobs, marks, meta)| {
                for record in records() {
                    let sequence = record.entry.sequence;
                    entries.insert(&sequence.to_be_bytes(), seal(&record.body))?;
                    for tenant in &record.tenants {
                        tenants.insert(tenant_key(tenant, record.month, sequence), &[])?;
                    }
                    if let Some(job) = &record.job {
                        jobs.insert(job_key(job, sequence), &[])?;
                    }
                }
                for (segments, mark) in &marked {
                    marks.insert(&segments.to_be_bytes(), mark.as_slice())?;
                }
                meta.insert(POSITION, seal(&write_position(*end)))?;
                Ok::<(), ConflictableTransactionError<Infallible>>(())
            });
            done.map_err(storage)
        })?;
        let added = u64::try_from(records().count()).unwrap_or(u64::MAX);
        self.unflushed = self.unflushed.saturating_add(added);
        if self.unflushed >= FLUSH_EVERY_ENTRIES {
            self.flush()?;
        }
        Ok(())
    }

    /// How many rows the view had at a place of the journal; `None` if it never was at just
    /// that place. The hash there is that of all entries before, so it tells journals apart.
    pub(super) fn mark(&self, at: Position) -> Result<Option<u64>, ViewError> {
        if at == Position::START {
            return Ok(Some(0));
        }
        let stored = guarded(|| self.marks.get(at.segments.to_be_bytes()))?;
        let Some(value) = stored else {
            return Ok(None);
        };
        let mark = unseal(&value).and_then(read_mark);
        let (there, rows) = mark.ok_or_else(|| ViewError::Damaged(SEALED.into()))?;
        Ok((there == at).then_some(rows))
    }

    /// Whether the view holds an entry of the journal just so, under all its keys.
    pub(super) fn holds(&self, record: &Record) -> Result<bool, ViewError> {
        guarded(|| {
            let sequence = record.entry.sequence;
            let stored = self.entries.get(sequence.to_be_bytes())?;
            let mut holds = stored.is_some_and(|value| unseal(&value) == Some(&record.body));
            for tenant in &record.tenants {
                holds &= self
                    .tenants
                    .contains_key(tenant_key(tenant, record.month, sequence))?;
            }
            if let Some(job) = &record.job {
                holds &= self.jobs.contains_key(job_key(job, sequence))?;
            }
            Ok(holds)
        })
    }

    /// How many rows it has, over all trees but the position.
    pub(super) fn rows(&self) -> Result<u64, ViewError> {
        guarded(|| {
            let mut rows = 0_u64;
            for tree in [&self.entries, &self.tenants, &self.jobs] {
                for row in tree.iter() {
                    row?;
                    rows = rows.saturating_add(1);
                }
            }
            Ok(rows)
        })
    }

    fn sequences(&self, tree: &Tree, prefix: &[u8]) -> Result<Vec<u64>, ViewError> {
        guarded(|| {
            tree.scan_prefix(prefix)
                .keys()
                .map(|key| key.map(|key| tail(&key)))
                .collect()
        })
    }

    fn expect(&self, sequence: u64) -> Result<Entry, ViewError> {
        self.entry(sequence)?
            .ok_or_else(|| ViewError::Damaged(format!("entry {sequence} is missing")))
    }
}

impl HistoryView for SledView {
    fn position(&self) -> Result<Position, ViewError> {
        let stored = guarded(|| self.meta.get(POSITION))?;
        match stored {
            None => Ok(Position::START),
            Some(value) => unseal(&value)
                .and_then(read_position)
                .ok_or_else(|| ViewError::Damaged(SEALED.into())),
        }
    }

    fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        self.append_all(&[(records, after)])
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.unflushed = 0;
        guarded(|| self.db.flush().map(|_| ()))
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        let Some(value) = guarded(|| self.entries.get(sequence.to_be_bytes()))? else {
            return Ok(None);
        };
        let body = unseal(&value).ok_or_else(|| ViewError::Damaged(SEALED.into()))?;
        Entry::parse(body)
            .map(Some)
            .map_err(|error| ViewError::Damaged(error.to_string()))
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        let first = prefix(tenant.as_str());
        let end = [&first[..], &until.index().saturating_add(1).to_be_bytes()].concat();
        for row in self.tenants.range(first.clone()..end) {
            let (key, _) = guarded(|| row)?;
            let month = key
                .get(first.len()..)
                .and_then(|rest| rest.first_chunk::<4>())
                .and_then(|index| Month::from_index(u32::from_be_bytes(*index)))
                .ok_or_else(|| ViewError::Damaged("a key is not a month".into()))?;
            visit(month, self.expect(tail(&key))?);
        }
        Ok(())
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        self.sequences(&self.jobs, &prefix(job.as_str()))?
            .into_iter()
            .map(|sequence| self.expect(sequence))
            .collect()
    }
}

fn storage(error: TransactionError<Infallible>) -> sled::Error {
    match error {
        TransactionError::Abort(never) => match never {},
        TransactionError::Storage(error) => error,
    }
}

/// Runs something of sled's, which may panic on damaged files.
fn guarded<T>(work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, ViewError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| ViewError::Damaged(error.to_string())),
        Err(_) => Err(ViewError::Damaged("sled panicked".into())),
    }
}

/// The text with its length before it: no text's prefix is another's.
fn prefix(text: &str) -> Vec<u8> {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn tenant_key(tenant: &TenantName, month: Month, sequence: u64) -> Vec<u8> {
    [
        &prefix(tenant.as_str())[..],
        &month.index().to_be_bytes(),
        &sequence.to_be_bytes(),
    ]
    .concat()
}

fn job_key(job: &JobUid, sequence: u64) -> Vec<u8> {
    [&prefix(job.as_str())[..], &sequence.to_be_bytes()].concat()
}

/// The number at the end of a key; one that no entry has if the key is too short.
fn tail(key: &[u8]) -> u64 {
    key.last_chunk::<8>()
        .map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes))
}

pub(super) fn seal(bytes: &[u8]) -> Vec<u8> {
    [&Algorithm::Sha256.digest(bytes).0[..], bytes].concat()
}

pub(super) fn unseal(value: &[u8]) -> Option<&[u8]> {
    let (hash, bytes) = value.split_first_chunk::<32>()?;
    (Algorithm::Sha256.digest(bytes).0 == *hash).then_some(bytes)
}

pub(super) fn write_position(position: Position) -> Vec<u8> {
    [
        &position.segments.to_be_bytes()[..],
        &position.entries.to_be_bytes(),
        &position.head.0,
    ]
    .concat()
}

fn write_mark(position: Position, rows: u64) -> Vec<u8> {
    seal(&[&write_position(position)[..], &rows.to_be_bytes()].concat())
}

fn read_mark(bytes: &[u8]) -> Option<(Position, u64)> {
    let (position, rows) = bytes.split_last_chunk::<8>()?;
    Some((read_position(position)?, u64::from_be_bytes(*rows)))
}

pub(super) fn read_position(bytes: &[u8]) -> Option<Position> {
    let (segments, rest) = bytes.split_first_chunk::<8>()?;
    let (entries, head) = rest.split_first_chunk::<8>()?;
    Some(Position {
        segments: u64::from_be_bytes(*segments),
        entries: u64::from_be_bytes(*entries),
        head: Digest(head.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sled has checksums of its own; these are for what it doesn't notice.
    #[test]
    fn a_value_that_was_altered_is_damage() {
        let directory = tempfile::tempdir().expect("a directory");
        let view = SledView::open(&directory.path().join("view")).expect("opens");
        let mut value = seal(b"{}");
        value.push(b' ');
        view.entries
            .insert(7_u64.to_be_bytes(), value)
            .expect("writes");
        assert!(matches!(view.entry(7), Err(ViewError::Damaged(why)) if why == SEALED));
        assert!(matches!(view.entry(8), Ok(None)));
        let mut position = seal(&write_position(Position::START));
        position[40] ^= 1;
        view.meta.insert(POSITION, position).expect("writes");
        assert!(matches!(view.position(), Err(ViewError::Damaged(_))));
    }

    #[test]
    fn a_panic_of_sleds_is_damage() {
        let panicked = guarded::<()>(|| panic!("as sled does on a short file"));
        assert!(matches!(panicked, Err(ViewError::Damaged(_))));
    }

    #[test]
    fn positions_read_back() {
        let position = Position {
            segments: 3,
            entries: 70,
            head: Digest([9; 32]),
        };
        assert_eq!(read_position(&write_position(position)), Some(position));
        assert_eq!(read_position(&[0; 47]), None);
    }
}
