//! The books: the state that follows from the entries, the entries that wait to become
//! durable, and the batch that is on its way. Does no input or output itself.

mod audit;
mod due;
mod purse;
mod read;

pub use audit::Imbalance;
pub use read::VoucherBalance;

use std::borrow::Cow;

use edugrid_units::{AttemptKey, MicroYuan, Stamp};

use crate::{
    chain::Digest,
    command::Command,
    entry::{Answer, Entry, Record},
    refused::Refused,
    segment::{CODEC, PAYLOAD_BYTES_MAX, Segment},
    snapshot::Frozen,
    state::{Carried, State, Undo},
};

/// How far a journal, or what was made of it, reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Segments: also the next segment's sequence.
    pub segments: u64,
    /// Entries: also the next entry's number.
    pub entries: u64,
    /// The hash of the last entry; zeros where there is none.
    pub head: Digest,
}

impl Position {
    /// Before the first segment.
    pub const START: Self = Self {
        segments: 0,
        entries: 0,
        head: Digest([0; 32]),
    };
}

/// What a staged command led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The entry's number.
    pub entry: u64,
    /// What it led to.
    pub answer: Answer,
    /// Whether it is new; if not, the same command was in the books before and nothing
    /// was staged (L10).
    pub is_new: bool,
}

#[derive(Clone, Debug)]
struct Staged {
    record: Box<Record>,
    undo: Option<Undo>,
}

/// The books. See the crate's page for how they are used.
#[derive(Clone, Debug)]
pub struct Books {
    state: State,
    /// Whether this process has begun the epoch in force.
    leads: bool,
    staged: Vec<Staged>,
    /// How far the journal reaches, as far as this process knows.
    durable: Position,
    /// Where the journal reaches once the batch in flight is durable.
    in_flight: Option<Position>,
}

/// Entries that become durable together: one segment.
#[derive(Clone, Debug)]
pub struct Batch {
    segment: Segment,
    records: Vec<Record>,
    after: Position,
}

impl Batch {
    /// What the store appends.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The entries, for the view and for what follows from them.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The entries themselves.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.records.iter().map(|record| &record.entry)
    }

    /// How far the journal reaches once the batch is durable.
    pub fn after(&self) -> Position {
        self.after
    }
}

impl Default for Books {
    fn default() -> Self {
        Self::new()
    }
}

impl Books {
    /// Empty books; the first command is [`Command::Open`].
    pub fn new() -> Self {
        Self {
            state: State::new(),
            leads: false,
            staged: Vec::new(),
            durable: Position::START,
            in_flight: None,
        }
    }

    /// Books that were replayed up to `durable`. Nobody leads yet.
    pub(crate) fn replayed(state: State, durable: Position) -> Self {
        Self {
            state,
            leads: false,
            staged: Vec::new(),
            durable,
            in_flight: None,
        }
    }

    /// The books as far as they are durable: for a snapshot. `None` while anything is staged or
    /// on its way, which memory already counts.
    pub fn freeze(&self) -> Option<Frozen<'_>> {
        let is_durable = self.staged.is_empty() && self.in_flight.is_none();
        (is_durable && self.state.opening.is_some()).then_some(Frozen {
            state: Cow::Borrowed(&self.state),
            segments: self.durable.segments,
        })
    }

    /// What the entries led to, for tests that compare all of it.
    #[cfg(test)]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Carries a command out in memory and stages its entry for the next batch. The
    /// entry bears `now`, or the next instant after the last entry where `now` isn't
    /// later than that (N2).
    ///
    /// The same command again gives the same answer and stages nothing (L10).
    ///
    /// # Errors
    /// With the reason if the command can't be carried out; then nothing changed.
    pub fn stage(&mut self, now: Stamp, command: Command) -> Result<Applied, Refused> {
        let only_opened = match self.staged.as_slice() {
            [] => true,
            [one] => matches!(one.record.entry.command, Command::Open(_)),
            _ => false,
        };
        let begins = match &command {
            Command::Open(_) => false,
            Command::Epoch { .. } if !only_opened => return Err(Refused::EpochWithStaged),
            Command::Epoch { .. } => true,
            _ if !self.leads => return Err(Refused::NotLeading),
            _ => false,
        };
        match self.state.execute(self.state.tick(now), command)? {
            Carried::Known { entry, answer } => Ok(Applied {
                entry,
                answer,
                is_new: false,
            }),
            Carried::New(record, undo) => {
                self.leads |= begins;
                let applied = Applied {
                    entry: record.entry.sequence,
                    answer: record.entry.answer.clone(),
                    is_new: true,
                };
                self.staged.push(Staged { record, undo });
                Ok(applied)
            }
        }
    }

    /// The next batch to make durable: what is staged, or as much of it as a segment
    /// holds. `None` while a batch is in flight (A3) or where nothing is staged.
    pub fn take_batch(&mut self) -> Option<Batch> {
        if self.in_flight.is_some() {
            return None;
        }
        let (mut bytes, mut count) = (0_usize, 0_usize);
        for staged in &self.staged {
            let line = staged.record.taken_apart().bytes().saturating_add(1);
            if bytes.saturating_add(line) > PAYLOAD_BYTES_MAX {
                break;
            }
            bytes = bytes.saturating_add(line);
            count = count.saturating_add(1);
        }
        let taken = self.staged.drain(..count);
        let records: Vec<_> = taken.map(|staged| *staged.record).collect();
        let mut payload = Vec::with_capacity(bytes);
        for record in &records {
            record.taken_apart().write_to(&mut payload);
            payload.push(b'\n');
        }
        let (first, last) = (records.first()?, records.last()?);
        let after = Position {
            segments: self.durable.segments.saturating_add(1),
            entries: last.entry.sequence.saturating_add(1),
            head: last.hash,
        };
        let segment = Segment {
            sequence: self.durable.segments,
            epoch: self.state.epoch,
            nonce: self.state.writer.clone(),
            codec: CODEC.to_owned(),
            previous: first.previous,
            payload,
        };
        self.in_flight = Some(after);
        Some(Batch {
            segment,
            records,
            after,
        })
    }

    /// The batch in flight, whose segment has this sequence, is durable.
    ///
    /// # Errors
    /// If no such batch is in flight; then nothing changed.
    pub fn committed(&mut self, sequence: u64) -> Result<Position, NotInFlight> {
        match self.in_flight {
            Some(after) if self.durable.segments == sequence => {
                self.durable = after;
                self.in_flight = None;
                Ok(after)
            }
            _ => Err(NotInFlight { sequence }),
        }
    }

    /// Takes the last staged entry back if it is the `Admit` of `key`.
    fn take_back(&mut self, key: &AttemptKey) -> bool {
        let is_it = |staged: &mut Staged| matches!(&staged.record.entry.command, Command::Admit(admit) if admit.admission.key == *key);
        let Some(Staged {
            record,
            undo: Some(undo),
        }) = self.staged.pop_if(is_it)
        else {
            return false;
        };
        self.state.undo(key, &record.entry.id, undo);
        true
    }
}

/// A batch that isn't in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no batch with segment {sequence} is in flight")]
pub struct NotInFlight {
    /// The segment's sequence.
    pub sequence: u64,
}

/// What is held for an attempt that is admitted just as `ask` says.
fn held(answer: &Answer) -> MicroYuan {
    match answer {
        Answer::Admitted { held } => *held,
        _ => MicroYuan::ZERO,
    }
}
