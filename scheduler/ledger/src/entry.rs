//! An entry: a command with its answer and all its legs, the unit of the chain (L11),
//! and the line in which it is stored and exported.
//!
//! A line is one JSON object with a fixed frame, so that any tool can cut out the bytes
//! that were hashed:
//!
//! ```text
//! {"sequence":"<n>","hash":"<64 hex>","body":<body>}
//! ```
//!
//! `body` is RFC 8785 JSON; its integers are decimal strings. A segment's payload is its
//! lines, each ended by a line feed; an export is the payloads one after the other.

use edugrid_units::{JobUid, MicroYuan, Stamp, TenantName};

use crate::{
    account::Leg,
    calendar::Month,
    chain::{Algorithm, Digest, hex},
    command::{Command, CommandId},
    wire::{self, WireError},
};

/// What a command led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It stands in the books; there is nothing more to say.
    Done,
    /// The attempt is admitted.
    Admitted {
        /// All that is held for it.
        held: MicroYuan,
    },
    /// An interim charge.
    Captured {
        /// The charge since the one before.
        charged: MicroYuan,
        /// The use that it is for.
        seconds: u64,
    },
    /// The attempt is settled.
    Settled(Settlement),
}

/// What an attempt cost in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The charged interval, half-open (A5); none: it never started.
    pub started: Option<Stamp>,
    /// The charged interval's end; none: it never started.
    pub ended: Option<Stamp>,
    /// Whole seconds charged, over all.
    pub seconds: u64,
    /// Charged, over all.
    pub charged: MicroYuan,
    /// The charge since the last interim one; 0 if that had charged too much.
    pub last_charged: MicroYuan,
    /// What interim charges had charged too much, given back.
    pub refunded: MicroYuan,
    /// Use charged since the last interim charge, in whole seconds.
    pub last_seconds: u64,
    /// What was held and not charged.
    pub released: MicroYuan,
}

/// One entry of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 0 without a gap.
    pub sequence: u64,
    /// When it was written; strictly increasing (N2).
    pub at: Stamp,
    /// The command's id.
    pub id: CommandId,
    /// The command.
    pub command: Command,
    /// What it led to.
    pub answer: Answer,
    /// The money that it moved.
    pub legs: Vec<Leg>,
}

impl Entry {
    /// The bytes that are hashed.
    pub fn body(&self) -> Vec<u8> {
        wire::encode(self, &wire::canonical(&self.command))
    }

    /// Reads a body. Does not say whether the bytes are the canonical ones; replay does,
    /// by making them again.
    ///
    /// # Errors
    /// If it is not an entry of a known format.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        wire::decode(body)
    }
}

/// An entry with its place in the chain and under what it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The entry.
    pub entry: Entry,
    /// The bytes that were hashed.
    pub body: Vec<u8>,
    /// The hash before it.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
    /// The month of statements that it counts in: for charges that of the use, else that
    /// of its writing.
    pub month: Month,
    /// The tenants whose statements it counts in.
    pub tenants: Vec<TenantName>,
    /// The job that it is about.
    pub job: Option<JobUid>,
}

impl Record {
    /// The exported line, without its line feed.
    pub fn line(&self) -> Vec<u8> {
        self.taken_apart().write()
    }

    pub(crate) fn taken_apart(&self) -> Line<'_> {
        Line {
            sequence: self.entry.sequence,
            hash: self.hash,
            body: &self.body,
        }
    }
}

/// A line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The entry's number.
    pub sequence: u64,
    /// The entry's hash.
    pub hash: Digest,
    /// The bytes that were hashed.
    pub body: &'a [u8],
}

impl<'a> Line<'a> {
    const SEQUENCE: &'static [u8] = b"{\"sequence\":\"";
    const HASH: &'static [u8] = b"\",\"hash\":\"";
    const BODY: &'static [u8] = b"\",\"body\":";

    /// The bytes of the line.
    pub fn write(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.bytes());
        self.write_to(&mut line);
        line
    }

    /// Adds the bytes of the line.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Self::SEQUENCE);
        out.extend_from_slice(self.sequence.to_string().as_bytes());
        out.extend_from_slice(Self::HASH);
        out.extend(hex(&self.hash.0));
        out.extend_from_slice(Self::BODY);
        out.extend_from_slice(self.body);
        out.push(b'}');
    }

    /// How many bytes [`write`](Self::write) makes.
    pub(crate) fn bytes(&self) -> usize {
        let digits = self.sequence.checked_ilog10().map_or(1, |log| {
            usize::try_from(log).unwrap_or(usize::MAX).saturating_add(1)
        });
        // The hash in hexadecimal digits, and the brace at the end.
        [Self::SEQUENCE, Self::HASH, Self::BODY, self.body]
            .into_iter()
            .fold(digits.saturating_add(65), |sum, part| {
                sum.saturating_add(part.len())
            })
    }

    /// Takes a line apart; `None` if a single byte of its frame isn't as written.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(Self::SEQUENCE)?.strip_suffix(b"}")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let number = str::from_utf8(number).ok()?;
        let sequence: u64 = number.parse().ok()?;
        let (hash, body) = rest.strip_prefix(Self::HASH)?.split_at_checked(64)?;
        let hash = Digest::parse(str::from_utf8(hash).ok()?)?;
        let body = body.strip_prefix(Self::BODY)?;
        (sequence.to_string() == number).then_some(Self {
            sequence,
            hash,
            body,
        })
    }

    /// Whether the hash follows from the one before.
    pub fn follows(&self, algorithm: Algorithm, previous: &Digest) -> bool {
        algorithm.link(previous, self.body) == self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_it_was_said_to_be() {
        for sequence in [0, 9, 10, 99, 100, u64::MAX] {
            let line = Line {
                sequence,
                hash: Digest([7; 32]),
                body: b"{}",
            };
            assert_eq!(line.bytes(), line.write().len(), "{sequence}");
        }
    }
}
