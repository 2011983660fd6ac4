//! A snapshot: the books as they stand before a segment, so that no segment before it need be
//! read again, or even be there (L12). And beside them what others made of the same entries.
//!
//! ```text
//! snapshot = manifest, parts
//! part     = at most 512 KiB of a section
//! section  = Ledger: rows of the state, a line each, in one order; or Past: bytes that are
//!            none of this crate's business
//! ```
//!
//! Equal states give equal bytes. So whoever replays the segments up to the same place can
//! tell a true snapshot from a false one, and a snapshot that a crash has left half written
//! is finished by writing the same parts again.

use std::borrow::Cow;

use crate::{
    books::Position,
    chain::{Algorithm, Digest},
    state::State,
    wire::{self, Head, Row, WireError},
};

/// How the ledger's section is written.
pub const SNAPSHOT_CODEC: &str = "rows.v1";
/// The largest part, in bytes before any base64 (L12).
pub const PART_BYTES_MAX: usize = 512 * 1024;

/// What a part is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The books.
    Ledger,
    /// What was borrowed, as the engine remembers it (O3).
    Past,
}

impl Section {
    /// All sections, in the order in which they are written.
    pub const ALL: [Self; 2] = [Self::Ledger, Self::Past];

    /// The word that objects and files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "Ledger",
            Self::Past => "Past",
        }
    }

    /// The section of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// A part, as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is of.
    pub section: Section,
    /// Its place there, from 0.
    pub index: u32,
    /// How long it is.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub hash: Digest,
}

/// What a snapshot consists of. Written last: without it there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The book's id.
    pub book: String,
    /// The first segment that it does not cover.
    pub sequence: u64,
    /// The first entry that it does not cover.
    pub entries: u64,
    /// The hash of the last entry that it covers.
    pub head: Digest,
    /// The epoch in force there.
    pub epoch: u64,
    /// The nonce of its leader.
    pub writer: String,
    /// How the ledger's section is written.
    pub codec: String,
    /// The parts, section by section.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// Where the journal goes on after it.
    pub fn position(&self) -> Position {
        Position {
            segments: self.sequence,
            entries: self.entries,
            head: self.head,
        }
    }

    /// The name that objects and files bear: 20 digits.
    pub fn name(&self) -> String {
        format!("{:020}", self.sequence)
    }

    /// As a file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::canonical(self)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    /// If it isn't one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::read(bytes)
    }
}

/// Why a snapshot can't be used. It is told, and never silently passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A part isn't there, or isn't the one that the manifest names.
    #[error("part {} {index} is missing or damaged", section.as_str())]
    Part {
        /// Its section.
        section: Section,
        /// Its place there.
        index: u32,
    },
    /// Written in a way that this version can't read.
    #[error("the codec \"{0}\" is unknown")]
    Codec(String),
    /// A line isn't a row, or stands where it doesn't belong.
    #[error("line {line} {what}")]
    Row {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Manifest and rows are of different places or books.
    #[error("the manifest's {0} is not that of its rows")]
    Manifest(&'static str),
}

/// A snapshot, whole: the manifest and its sections, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    manifest: Manifest,
    ledger: Vec<u8>,
    past: Vec<u8>,
}

impl Snapshot {
    /// Puts a snapshot together from its parts, in the manifest's order.
    ///
    /// # Errors
    /// With the first part that is missing or isn't the one that was written.
    pub fn assemble(
        manifest: Manifest,
        mut part: impl FnMut(&Part) -> Option<Vec<u8>>,
    ) -> Result<Self, SnapshotError> {
        let (mut ledger, mut past) = (Vec::new(), Vec::new());
        for named in &manifest.parts {
            let damaged = SnapshotError::Part {
                section: named.section,
                index: named.index,
            };
            let bytes = part(named).ok_or_else(|| damaged.clone())?;
            if Algorithm::Sha256.digest(&bytes) != named.hash {
                return Err(damaged);
            }
            match named.section {
                Section::Ledger => ledger.extend(bytes),
                Section::Past => past.extend(bytes),
            }
        }
        Ok(Self {
            manifest,
            ledger,
            past,
        })
    }

    /// What it consists of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes of a section.
    pub fn section(&self, section: Section) -> &[u8] {
        match section {
            Section::Ledger => &self.ledger,
            Section::Past => &self.past,
        }
    }

    /// Its parts with their bytes, in the manifest's order.
    pub fn parts(&self) -> impl Iterator<Item = (&Part, &[u8])> {
        let parts = self.manifest.parts.iter();
        parts.filter_map(|part| {
            let index = usize::try_from(part.index).ok()?;
            let mut chunks = self.section(part.section).chunks(PART_BYTES_MAX);
            Some((part, chunks.nth(index)?))
        })
    }

    /// The state that its rows say.
    pub(crate) fn state(&self) -> Result<State, SnapshotError> {
        if self.manifest.codec != SNAPSHOT_CODEC {
            return Err(SnapshotError::Codec(self.manifest.codec.clone()));
        }
        let state = thaw(&self.ledger)?;
        let book = state.opening.as_ref().map(|opening| opening.book.as_str());
        let wrong = SnapshotError::Manifest;
        match &self.manifest {
            manifest if book != Some(&manifest.book) => Err(wrong("book")),
            manifest if state.entries != manifest.entries => Err(wrong("entries")),
            manifest if state.head != manifest.head => Err(wrong("head")),
            manifest if state.epoch != manifest.epoch => Err(wrong("epoch")),
            _ => Ok(state),
        }
    }
}

/// The books at one place, which can't go on meanwhile: what a snapshot is made of.
#[derive(Clone, Debug)]
pub struct Frozen<'a> {
    pub(crate) state: Cow<'a, State>,
    pub(crate) segments: u64,
}

impl Frozen<'_> {
    /// The same, apart from the ones that go on; takes as long as they are large.
    pub fn into_owned(self) -> Frozen<'static> {
        Frozen {
            state: Cow::Owned(self.state.into_owned()),
            segments: self.segments,
        }
    }

    /// Where they stand.
    pub fn position(&self) -> Position {
        Position {
            segments: self.segments,
            entries: self.state.entries,
            head: self.state.head,
        }
    }

    /// The ledger's section, line by line, each with its line feed: one after the other they
    /// are its bytes. Lazy, so that whoever has other things to do can do them between.
    pub fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        rows(&self.state).map(|row| {
            let mut line = wire::canonical(&row);
            line.push(b'\n');
            line
        })
    }

    /// The snapshot with these sections; `None` for a book that isn't opened.
    pub fn snapshot(&self, ledger: Vec<u8>, past: Vec<u8>) -> Option<Snapshot> {
        let mut manifest = Manifest {
            book: self.state.opening.as_ref()?.book.clone(),
            sequence: self.segments,
            entries: self.state.entries,
            head: self.state.head,
            epoch: self.state.epoch,
            writer: self.state.writer.clone(),
            codec: SNAPSHOT_CODEC.to_owned(),
            parts: Vec::new(),
        };
        for (section, bytes) in [(Section::Ledger, &ledger), (Section::Past, &past)] {
            let parts = bytes.chunks(PART_BYTES_MAX).zip(0_u32..);
            manifest.parts.extend(parts.map(|(chunk, index)| Part {
                section,
                index,
                bytes: u64::try_from(chunk.len()).unwrap_or(u64::MAX),
                hash: Algorithm::Sha256.digest(chunk),
            }));
        }
        Some(Snapshot {
            manifest,
            ledger,
            past,
        })
    }
}

/// All rows, in one order: the head first, then table by table in the order of keys.
fn rows(state: &State) -> impl Iterator<Item = Row> {
    let known = &state.known;
    let head = Row::Head(Box::new(Head {
        opening: state.opening.clone(),
        cluster: state.cluster.clone(),
        epoch: state.epoch,
        writer: state.writer.clone(),
        last_at: state.last_at,
        forgotten_until: known.until,
        entries: state.entries,
        head: state.head,
    }));
    let accounts = state.accounts.iter();
    let accounts = accounts.map(|(name, counters)| Row::Account((name.clone(), *counters)));
    let lines = state.lines.values().cloned().map(Row::FundingLine);
    let prices = state.prices.values().cloned().map(Row::PriceBook);
    let vouchers = state.vouchers.values().cloned();
    let vouchers = vouchers.map(|voucher| Row::Voucher(Box::new(voucher)));
    let open = state.open.iter();
    let open = open.map(|(key, it)| Row::Open((key.clone(), Box::new(it.clone()))));
    let settled = state.settled.iter();
    let settled = settled.map(|(key, it)| Row::Settled((key.clone(), Box::new(it.clone()))));
    let last = state.last_attempts.iter();
    let last = last.map(|(job, it)| Row::LastAttempts((job.clone(), it.clone())));
    let of_jobs = known.of_jobs.iter();
    let of_jobs = of_jobs.map(|(job, it)| Row::KnownOfJob((job.clone(), it.clone())));
    let of_instants = known.of_instants.iter();
    let of_instants = of_instants.map(|(at, it)| Row::KnownOfInstant((*at, it.clone())));
    let others = known.others.iter();
    let others = others.map(|(id, it)| Row::Known((*id, it.clone())));
    std::iter::once(head)
        .chain(accounts)
        .chain(lines)
        .chain(prices)
        .chain(vouchers)
        .chain(open)
        .chain(settled)
        .chain(last)
        .chain(of_jobs)
        .chain(of_instants)
        .chain(others)
}

/// The state of these rows. Rows that stand elsewhere than they were written are found by
/// writing the state again: that is the business of whoever doubts them.
fn thaw(bytes: &[u8]) -> Result<State, SnapshotError> {
    let mut state = State::new();
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (line, number) in lines.split(|byte| *byte == b'\n').zip(1_u64..) {
        let row: Row = wire::read(line).map_err(|error| SnapshotError::Row {
            line: number,
            what: error.to_string(),
        })?;
        if (number == 1) != matches!(row, Row::Head(_)) {
            return Err(SnapshotError::Row {
                line: number,
                what: "is the head or is in its place".to_owned(),
            });
        }
        put(&mut state, row);
    }
    Ok(state)
}

fn put(state: &mut State, row: Row) {
    match row {
        Row::Head(head) => {
            state.opening = head.opening;
            state.cluster = head.cluster;
            state.epoch = head.epoch;
            state.writer = head.writer;
            state.last_at = head.last_at;
            state.known.until = head.forgotten_until;
            state.entries = head.entries;
            state.head = head.head;
        }
        Row::Account((name, counters)) => state.accounts.put(name, counters),
        Row::FundingLine(line) => {
            state.lines.insert(line.name.clone(), line);
        }
        Row::PriceBook(book) => {
            state.prices.insert(book.name.clone(), book);
        }
        Row::Voucher(voucher) => state.put_voucher(*voucher),
        Row::Open((key, attempt)) => {
            state.open.insert(key, *attempt);
        }
        Row::Settled((key, attempt)) => {
            state.settled.insert(key, *attempt);
        }
        Row::LastAttempts((job, tasks)) => {
            state.last_attempts.insert(job, tasks);
        }
        Row::KnownOfJob((job, known)) => {
            state.known.of_jobs.insert(job, known);
        }
        Row::KnownOfInstant((at, done)) => {
            state.known.of_instants.insert(at, done);
        }
        Row::Known((id, done)) => {
            state.known.others.insert(id, done);
        }
    }
}
