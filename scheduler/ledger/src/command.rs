//! What can be written into the books: one closed list. Every command has an id that
//! follows from what it is about (L10), so a caller can neither forget nor confuse it.

use std::fmt::{self, Write as _};

use edugrid_units::{
    Admission, AttemptKey, JobUid, Outcome, Ownership, RolePlacement, Seconds, Stamp, VoucherName,
};

use crate::{
    chain::{Algorithm, parse_hex, write_hex},
    hold::Hold,
    price::PriceBook,
    voucher::{FundingLine, Grant, VoucherState},
};

/// One command (A1, A2, A4, L1). Replaying all of them gives the books again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens the book; the first command, and only that.
    Open(Opening),
    /// A leader takes over (A4): `epoch` is that of the last leader + 1.
    Epoch {
        /// The epoch.
        epoch: u64,
        /// What the leader puts into each of its segments as nonce: random, its own.
        writer: String,
    },
    /// A funding line, before a grant names it.
    FundingLine(FundingLine),
    /// A price book, before an admission names it.
    PriceBook(PriceBook),
    /// An approved voucher: credits it, or for own funds the holder's budget.
    Grant(Box<Grant>),
    /// A voucher is frozen, active again, or revoked for good.
    VoucherState {
        /// The voucher.
        voucher: VoucherName,
        /// What it becomes.
        state: VoucherState,
        /// Which change of the voucher this is: its object's `metadata.generation`.
        change: i64,
    },
    /// A voucher's validity has ended: what is not held goes back (L8).
    Expire {
        /// The voucher.
        voucher: VoucherName,
    },
    /// An attempt is admitted and its money held (A1, L2). Only
    /// [`Books::try_hold`](edugrid_units::Purse::try_hold) makes it.
    Admit(Box<Admit>),
    /// The nodes that the attempt's pods really got (P7).
    Bound {
        /// The attempt.
        key: AttemptKey,
        /// A line per role.
        placement: Vec<RolePlacement>,
    },
    /// The attempt started: the latest `PodScheduled` of its gang (A5).
    Started {
        /// The attempt.
        key: AttemptKey,
        /// When.
        at: Stamp,
    },
    /// All started attempts but `except` still ran at `at` (A2).
    Alive {
        /// The last confirmed instant.
        at: Stamp,
        /// Attempts of which that isn't known, such as on nodes that don't answer.
        except: Vec<AttemptKey>,
    },
    /// An interim charge for use before `until` (L5).
    Capture {
        /// The attempt.
        key: AttemptKey,
        /// Up to when, not after the last confirmed instant.
        until: Stamp,
    },
    /// The attempt is being stopped: written before anything of it is deleted, so that no
    /// restart takes what is missing for what was never made.
    Stop {
        /// The attempt.
        key: AttemptKey,
        /// What it will have ended as.
        outcome: Outcome,
    },
    /// The attempt ended: the final charge and the release of the rest.
    End {
        /// The attempt.
        key: AttemptKey,
        /// How.
        outcome: Outcome,
        /// When it started, if that was not recorded before. None and nothing recorded:
        /// it never started and costs nothing.
        started: Option<Stamp>,
        /// When its last container finished; none: lost, so the last confirmed instant.
        ended: Option<Stamp>,
    },
    /// Others own other amounts, or a pool counts otherwise: what shares of the past are
    /// counted with (O3). Moves no money.
    Owned(Ownership),
    /// Averages of what was borrowed fall by this half-life from now on; what they were is
    /// restated (O3). Moves no money.
    Rebase {
        /// From when on.
        at: Stamp,
        /// At least a second.
        half_life: Seconds,
    },
    /// The book lives in this cluster from now on. Written by the first leader, and by a
    /// restore into another cluster; no leader of another one may go on with the book (L12).
    Moved {
        /// The epoch of the leader that says so.
        epoch: u64,
        /// The UID of the cluster's namespace `kube-system`.
        cluster: String,
    },
    /// What memory needs no more goes: the settled attempts of jobs whose objects are gone,
    /// and the ids of commands about them and about instants before `at`. Moves no money.
    Forget {
        /// Commands bound to an earlier instant are refused from now on.
        at: Stamp,
        /// Jobs without an open attempt; no attempt of theirs is ever admitted again.
        jobs: Vec<JobUid>,
    },
}

/// What stands in segment 0 and never changes (L11, N5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The book's id, a random UUID in text.
    pub book: String,
    /// The hash function of the chain.
    pub algorithm: Algorithm,
    /// Where the clock of the books was started.
    pub origin: Stamp,
    /// How many times faster than real time it runs; 1: it is real time.
    pub factor: u32,
}

/// An admission with its money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// What was decided.
    pub admission: Admission,
    /// What is held for it.
    pub hold: Hold,
    /// The epoch of the leader that decided.
    pub epoch: u64,
}

impl Command {
    /// The command's name in entries and messages.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Open(_) => "Open",
            Self::Epoch { .. } => "Epoch",
            Self::FundingLine(_) => "FundingLine",
            Self::PriceBook(_) => "PriceBook",
            Self::Grant(_) => "Grant",
            Self::VoucherState { .. } => "VoucherState",
            Self::Expire { .. } => "Expire",
            Self::Admit(_) => "Admit",
            Self::Bound { .. } => "Bound",
            Self::Started { .. } => "Started",
            Self::Alive { .. } => "Alive",
            Self::Capture { .. } => "Capture",
            Self::Stop { .. } => "Stop",
            Self::End { .. } => "End",
            Self::Owned(_) => "Owned",
            Self::Rebase { .. } => "Rebase",
            Self::Moved { .. } => "Moved",
            Self::Forget { .. } => "Forget",
        }
    }

    /// The attempt that it is about.
    pub fn attempt(&self) -> Option<&AttemptKey> {
        match self {
            Self::Admit(admit) => Some(&admit.admission.key),
            Self::Bound { key, .. }
            | Self::Started { key, .. }
            | Self::Stop { key, .. }
            | Self::Capture { key, .. }
            | Self::End { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The instant that it is bound to, where its id is that of an instant.
    pub(crate) fn instant(&self) -> Option<Stamp> {
        match self {
            Self::Alive { at, .. } | Self::Rebase { at, .. } | Self::Forget { at, .. } => Some(*at),
            Self::Owned(ownership) => Some(ownership.at),
            _ => None,
        }
    }

    /// The id (L10): a hash of what the command is about, its verb and, where it can
    /// come again, what makes this time another.
    pub fn id(&self) -> CommandId {
        let mut about = format!("{}\n", self.verb());
        // Text goes into memory: that never fails.
        let _written = self.write_subject(&mut about);
        CommandId::of(&about)
    }

    fn write_subject(&self, about: &mut String) -> fmt::Result {
        match self {
            Self::Open(_) => Ok(()),
            Self::Epoch { epoch, .. } | Self::Moved { epoch, .. } => write!(about, "{epoch}"),
            Self::FundingLine(line) => write!(about, "{}", line.name),
            Self::PriceBook(book) => write!(about, "{}", book.name),
            Self::Grant(grant) => write!(about, "{}", grant.voucher),
            Self::Expire { voucher } => write!(about, "{voucher}"),
            Self::VoucherState {
                voucher, change, ..
            } => write!(about, "{voucher}/{change}"),
            Self::Alive { at, .. } | Self::Rebase { at, .. } | Self::Forget { at, .. } => {
                write!(about, "{}", at.0)
            }
            Self::Owned(ownership) => write!(about, "{}", ownership.at.0),
            Self::Admit(admit) => write!(about, "{}", admit.admission.key),
            Self::Started { key, .. } | Self::Stop { key, .. } | Self::End { key, .. } => {
                write!(about, "{key}")
            }
            Self::Capture { key, until } => write!(about, "{key}/{}", until.0),
            Self::Bound { key, placement } => write!(about, "{key}/{}", binding(placement)),
        }
    }
}

/// Which pods got which nodes, as a text: bindings of an attempt differ in it or are one.
fn binding(placement: &[RolePlacement]) -> String {
    let nodes = placement.iter().flat_map(|role| {
        role.nodes
            .iter()
            .map(move |(node, count)| format!("{}={node}*{count}", role.role))
    });
    nodes.collect::<Vec<_>>().join(",")
}

/// The id of a command: 16 bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub(crate) [u8; 16]);

impl CommandId {
    /// Before all others.
    pub(crate) const FIRST: Self = Self([0; 16]);

    fn of(about: &str) -> Self {
        let digest = Algorithm::Sha256.digest(about.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(digest.0.split_at(16).0);
        Self(id)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        parse_hex(text, &mut bytes).then_some(Self(bytes))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}
