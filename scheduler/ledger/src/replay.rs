//! Reading segments back: every entry's hash is checked, its command is carried out
//! again, and the entry that comes of it must be the one that was read, byte for byte.
//! So replay is verification, and verification is replay (L11, L12).
//!
//! Replay remembers one thing that the books let go of: which jobs were forgotten. A leader never decides one again,
//! since its UID never comes back, so a journal in which one is admitted again shows a second start (design 0012, R6).

use std::{borrow::Cow, collections::BTreeSet};

use edugrid_units::JobUid;

use crate::{
    books::{Books, Position},
    chain::Algorithm,
    command::Command,
    entry::{Entry, Line, Record},
    refused::Refused,
    segment::{CODEC, PAYLOAD_BYTES_MAX, Segment},
    snapshot::{Frozen, Snapshot, SnapshotError},
    state::{Carried, State},
};

/// What is wrong with a journal or an export, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}entry {entry}: {what}", segment_text(*segment))]
pub struct Damage {
    /// The segment, where segments were read.
    pub segment: Option<u64>,
    /// The number of the first entry that isn't as it was written.
    pub entry: u64,
    /// What is wrong with it.
    pub what: Fault,
}

fn segment_text(segment: Option<u64>) -> String {
    segment.map_or_else(String::new, |segment| format!("segment {segment}, "))
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A segment is missing, doubled or out of order.
    #[error("a segment with sequence {found} stands where {expected} belongs")]
    SegmentSequence {
        /// What belongs there.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// The segment's `previous` isn't the hash of the entry before.
    #[error("the segment's previous hash is not that of the entry before it")]
    Previous,
    /// The segment's epoch or nonce isn't that of the leader in force.
    #[error("the segment's {0} is not that of the leader that its entries name")]
    Writer(&'static str),
    /// The payload is written in a way that this version can't read.
    #[error("the codec \"{0}\" is unknown")]
    Codec(String),
    /// A payload without entries, or above the bound.
    #[error("the payload is empty, too large or not ended by a line feed")]
    Payload,
    /// A line that isn't one.
    #[error("the line is not a line of the books")]
    Line,
    /// An entry's number isn't the next one.
    #[error("the entry is numbered {0}")]
    Sequence(u64),
    /// The hash doesn't follow from the entry before and the body.
    #[error("the hash does not follow from the entry before and the body")]
    Hash,
    /// The body isn't an entry.
    #[error("the body {0}")]
    Body(String),
    /// The command can't be carried out at this place.
    #[error("the command is refused: {0}")]
    Refused(Refused),
    /// The command stands in the books before, or its time isn't after the last entry's.
    #[error("the command or its time came before")]
    Repeated,
    /// An attempt of a job that was forgotten before, which then has started twice.
    #[error("job {0} was settled and forgotten before and is admitted again")]
    Forgotten(JobUid),
    /// Carrying the command out again gives another entry.
    #[error("the result or legs are not those of the command")]
    Differs,
}

/// What a sound journal or export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The book's id; empty where there is no entry.
    pub book: String,
    /// How many segments; 0 for an export.
    pub segments: u64,
    /// How many entries.
    pub entries: u64,
    /// The hash of the last entry: to be compared with the published head.
    pub head: crate::chain::Digest,
}

/// Books in the making.
///
/// Flow: [`segment`](Self::segment) for each segment in order, then
/// [`finish`](Self::finish). After an error only dropping it makes sense.
#[derive(Clone, Debug)]
pub struct Replay {
    state: State,
    segments: u64,
    forgotten: Forgotten,
}

/// Jobs that were forgotten since the replay began, by half a hash of their UID: some 20 bytes each, so millions fit.
#[derive(Clone, Debug, Default)]
struct Forgotten(BTreeSet<[u8; 16]>);

impl Forgotten {
    fn of(job: &JobUid) -> [u8; 16] {
        let digest = Algorithm::Sha256.digest(job.to_string().as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(digest.0.split_at(16).0);
        half
    }

    /// Whether a command may stand after all that was forgotten.
    fn check(&self, command: &Command) -> Result<(), Fault> {
        match command {
            Command::Admit(admit) if self.0.contains(&Self::of(&admit.admission.key.job)) => {
                Err(Fault::Forgotten(admit.admission.key.job.clone()))
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, command: &Command) {
        if let Command::Forget { jobs, .. } = command {
            self.0.extend(jobs.iter().map(Self::of));
        }
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

impl Replay {
    /// Before the first segment.
    pub fn new() -> Self {
        Self {
            state: State::new(),
            segments: 0,
            forgotten: Forgotten::default(),
        }
    }

    /// Goes on after a snapshot, without the segments before it.
    ///
    /// # Errors
    /// If the snapshot isn't what its manifest says, or this version can't read it.
    pub fn resume(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        Ok(Self {
            state: snapshot.state()?,
            segments: snapshot.manifest().sequence,
            forgotten: Forgotten::default(),
        })
    }

    /// The books as of the last segment: for a snapshot, or to compare with one.
    pub fn freeze(&self) -> Frozen<'_> {
        Frozen {
            state: Cow::Borrowed(&self.state),
            segments: self.segments,
        }
    }

    /// The cluster in which the book lives.
    pub fn cluster(&self) -> Option<&str> {
        self.state.cluster.as_deref()
    }

    /// The book's id; empty before the first entry.
    pub fn book(&self) -> &str {
        let opening = self.state.opening.as_ref();
        opening.map_or("", |opening| &opening.book)
    }

    /// How far it has come.
    pub fn position(&self) -> Position {
        Position {
            segments: self.segments,
            entries: self.state.entries,
            head: self.state.head,
        }
    }

    /// Carries the next segment out; returns its entries, for a view.
    ///
    /// # Errors
    /// With the first thing that isn't as it was written.
    pub fn segment(&mut self, segment: &Segment) -> Result<Vec<Record>, Damage> {
        let entry = self.state.entries;
        let damage = |what| Damage {
            segment: Some(segment.sequence),
            entry,
            what,
        };
        if segment.sequence != self.segments {
            return Err(Damage {
                segment: Some(self.segments),
                entry,
                what: Fault::SegmentSequence {
                    expected: self.segments,
                    found: segment.sequence,
                },
            });
        }
        if segment.codec != CODEC {
            return Err(damage(Fault::Codec(segment.codec.clone())));
        }
        if segment.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(damage(Fault::Payload));
        }
        let lines = segment.lines().ok_or_else(|| damage(Fault::Payload))?;
        let mut records: Vec<Record> = Vec::new();
        for line in lines {
            let record = self.line(line).map_err(|damage| Damage {
                segment: Some(segment.sequence),
                ..damage
            })?;
            if records.is_empty() && record.previous != segment.previous {
                return Err(damage(Fault::Previous));
            }
            records.push(record);
        }
        if segment.epoch != self.state.epoch {
            return Err(damage(Fault::Writer("epoch")));
        }
        if segment.nonce != self.state.writer {
            return Err(damage(Fault::Writer("nonce")));
        }
        self.segments = self.segments.saturating_add(1);
        Ok(records)
    }

    /// Carries the next line of an exported file out: with the line feed that ends it, without
    /// which the file was cut off.
    ///
    /// # Errors
    /// With the first thing that isn't as it was written.
    pub fn exported(&mut self, line: &[u8]) -> Result<Record, Damage> {
        let Some(whole) = line.strip_suffix(b"\n") else {
            return Err(Damage {
                segment: None,
                entry: self.state.entries,
                what: Fault::Payload,
            });
        };
        self.line(whole)
    }

    /// Carries the next exported line out, without its line feed.
    ///
    /// # Errors
    /// With the first thing that isn't as it was written.
    pub fn line(&mut self, line: &[u8]) -> Result<Record, Damage> {
        let sequence = self.state.entries;
        self.carry_out(line).map_err(|what| Damage {
            segment: None,
            entry: sequence,
            what,
        })
    }

    fn carry_out(&mut self, line: &[u8]) -> Result<Record, Fault> {
        let line = Line::parse(line).ok_or(Fault::Line)?;
        if line.sequence != self.state.entries {
            return Err(Fault::Sequence(line.sequence));
        }
        // Only the opening tells the algorithm, so it is read before its hash is checked.
        let opened = self.state.opening.as_ref();
        if opened.is_some_and(|opening| !line.follows(opening.algorithm, &self.state.head)) {
            return Err(Fault::Hash);
        }
        let entry = Entry::parse(line.body).map_err(|error| Fault::Body(error.to_string()))?;
        if let (None, Command::Open(opening)) = (opened, &entry.command)
            && !line.follows(opening.algorithm, &opening.algorithm.genesis(&opening.book))
        {
            return Err(Fault::Hash);
        }
        if self.state.tick(entry.at) != entry.at {
            return Err(Fault::Repeated);
        }
        self.forgotten.check(&entry.command)?;
        match self.state.execute(entry.at, entry.command) {
            Ok(Carried::New(record, _)) if record.body == line.body => {
                self.forgotten.note(&record.entry.command);
                Ok(*record)
            }
            Ok(Carried::New(..)) => Err(Fault::Differs),
            Ok(Carried::Known { .. }) => Err(Fault::Repeated),
            Err(refused) => Err(Fault::Refused(refused)),
        }
    }

    /// The books as of the last segment. Nobody leads them yet (A4).
    pub fn finish(self) -> Books {
        let durable = self.position();
        Books::replayed(self.state, durable)
    }

    /// What was found sound so far.
    pub fn verified(&self) -> Verified {
        Verified {
            book: self.book().to_owned(),
            segments: self.segments,
            entries: self.state.entries,
            head: self.state.head,
        }
    }
}

/// The entries of a segment as they are written. Proves nothing: for segments that were proved before, such as those of
/// an archive.
///
/// # Errors
/// With the first line that isn't one.
pub fn entries(segment: &Segment) -> Result<Vec<Entry>, Damage> {
    let damage = |entry, what| Damage {
        segment: Some(segment.sequence),
        entry,
        what,
    };
    let lines = segment.lines().ok_or_else(|| damage(0, Fault::Payload))?;
    lines
        .map(|line| {
            let line = Line::parse(line).ok_or_else(|| damage(0, Fault::Line))?;
            Entry::parse(line.body)
                .map_err(|error| damage(line.sequence, Fault::Body(error.to_string())))
        })
        .collect()
}

/// The books that follow from all segments.
///
/// # Errors
/// With the first thing that isn't as it was written.
pub fn replay<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> Result<Books, Damage> {
    let mut replay = Replay::new();
    for segment in segments {
        replay.segment(segment)?;
    }
    Ok(replay.finish())
}

/// Checks all segments of a journal.
///
/// # Errors
/// With the first thing that isn't as it was written.
pub fn verify<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> Result<Verified, Damage> {
    let mut replay = Replay::new();
    for segment in segments {
        replay.segment(segment)?;
    }
    Ok(replay.verified())
}

/// Checks an export: the lines of all payloads, one after the other, in whole.
///
/// # Errors
/// With the first thing that isn't as it was written.
pub fn verify_export(export: &[u8]) -> Result<Verified, Damage> {
    let mut replay = Replay::new();
    for line in export.split_inclusive(|byte| *byte == b'\n') {
        replay.exported(line)?;
    }
    Ok(replay.verified())
}
