//! Rows of a snapshot, format `rows.v1`: what the state is made of, a line each. What stands
//! here stands in archives; see the room above for how it may change.

use std::collections::BTreeMap;

use edugrid_units::{AttemptKey, JobUid, Stamp};

use super::{Json, Wire, WireError, canonical, record, tagged};
use crate::{
    account::{Account, Counters},
    archive::{Head as ArchiveHead, Owner},
    calendar::Month,
    chain::Digest,
    command::{CommandId, Opening},
    history::Base,
    price::PriceBook,
    snapshot::{Manifest, Part, Section},
    state::{Done, OpenAttempt, Payments, SettledAttempt},
    voucher::{FundingLine, Voucher},
};

/// What is one of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub opening: Option<Opening>,
    pub cluster: Option<String>,
    pub epoch: u64,
    pub writer: String,
    pub last_at: Option<Stamp>,
    pub forgotten_until: Option<Stamp>,
    pub entries: u64,
    pub head: Digest,
}

/// A line of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Head(Box<Head>),
    Account((Account, Counters)),
    FundingLine(FundingLine),
    PriceBook(PriceBook),
    Voucher(Box<Voucher>),
    Open((AttemptKey, Box<OpenAttempt>)),
    Settled((AttemptKey, Box<SettledAttempt>)),
    LastAttempts((JobUid, BTreeMap<u32, u32>)),
    KnownOfJob((JobUid, BTreeMap<CommandId, Done>)),
    KnownOfInstant(((Stamp, CommandId), Done)),
    Known((CommandId, Done)),
}

record!(Head {
    cluster,
    entries,
    epoch,
    forgotten_until,
    head,
    last_at,
    opening,
    writer,
});
record!(Counters {
    credits_pending,
    credits_posted,
    debits_pending,
    debits_posted,
});
record!(Voucher {
    by_job,
    by_month,
    expired,
    grant,
    returned,
    state,
});
record!(OpenAttempt {
    admission,
    charged_until,
    closed,
    confirmed,
    entry,
    epoch,
    hold,
    month,
    paid,
    started,
    stopping,
});
record!(SettledAttempt {
    admission,
    held,
    outcome,
    payments,
    settlement,
});
record!(Payments { own, vouchers });
record!(Done {
    answer,
    digest,
    entry,
});
tagged!(Row {
} wrapping {
    Head,
    Account,
    FundingLine,
    PriceBook,
    Voucher,
    Open,
    Settled,
    LastAttempts,
    KnownOfJob,
    KnownOfInstant,
    Known,
});

record!(Part {
    bytes,
    hash,
    index,
    section,
});
record!(Manifest {
    book,
    codec,
    entries,
    epoch,
    head,
    parts,
    sequence,
    writer,
});
record!(ArchiveHead {
    book,
    cluster,
    entries,
    head,
    segments,
    written_at,
});
record!(Owner {
    before,
    cluster,
    since,
});
record!(Base {
    accounts,
    at,
    entries,
    grants,
    head,
    open,
    opening,
    sequence,
});

/// As it is written: `2026-11`.
impl Wire for Month {
    fn write(&self, out: &mut Vec<u8>) {
        canonical::text(&[&self.to_string()], out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        let text = json.text()?;
        Self::parse(text).map_err(|_| WireError::value(json, "a month"))
    }
}

impl Wire for Section {
    fn write(&self, out: &mut Vec<u8>) {
        canonical::text(&[self.as_str()], out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        let text = json.text()?;
        Self::from_word(text).ok_or_else(|| WireError::value(json, "a section"))
    }
}

/// Pairs in the order of their keys.
impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            canonical::pair(key, value, out);
        }
        out.push(b']');
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        Ok(Vec::<(K, V)>::from_wire(json)?.into_iter().collect())
    }
}
