//! Rows of a snapshot, format `rows.v1`: what the state is made of, a line each. What stands
//! here stands in archives; see the room above for how it may change.

use std::collections::BTreeMap;

use edugrid_units::{AttemptKey, JobUid, Stamp};
use serde_json::Value;

use super::{Wire, WireError, record, tagged};
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
    opening,
    cluster,
    epoch,
    writer,
    last_at,
    forgotten_until,
    entries,
    head,
});
record!(Counters {
    debits_posted,
    debits_pending,
    credits_posted,
    credits_pending,
});
record!(Voucher {
    grant,
    state,
    expired,
    returned,
    by_job,
    by_month,
});
record!(OpenAttempt {
    admission,
    hold,
    epoch,
    entry,
    started,
    confirmed,
    stopping,
    charged_until,
    paid,
    closed,
    month,
});
record!(SettledAttempt {
    admission,
    settlement,
    outcome,
    held,
    payments,
});
record!(Payments { vouchers, own });
record!(Done {
    digest,
    entry,
    answer
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
    section,
    index,
    bytes,
    hash
});
record!(Manifest {
    book,
    sequence,
    entries,
    head,
    epoch,
    writer,
    codec,
    parts,
});
record!(ArchiveHead {
    book,
    segments,
    entries,
    head,
    cluster,
    written_at,
});
record!(Owner {
    cluster,
    since,
    before,
});
record!(Base {
    sequence,
    entries,
    head,
    at,
    opening,
    accounts,
    grants,
    open,
});

/// As it is written: `2026-11`.
impl Wire for Month {
    fn to_wire(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        let text = String::from_wire(value)?;
        Self::parse(&text).map_err(|_| WireError::value(value, "a month"))
    }
}

impl Wire for Section {
    fn to_wire(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        let text = String::from_wire(value)?;
        Self::from_word(&text).ok_or_else(|| WireError::value(value, "a section"))
    }
}

/// Pairs in the order of their keys.
impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn to_wire(&self) -> Value {
        let pairs = self.iter();
        Value::Array(
            pairs
                .map(|(key, value)| Value::Array(vec![key.to_wire(), value.to_wire()]))
                .collect(),
        )
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        Ok(Vec::<(K, V)>::from_wire(value)?.into_iter().collect())
    }
}
