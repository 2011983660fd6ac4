//! Format 1: the field lists. What stands here stands in books; see the room above for
//! how it may change.

use edugrid_units::{
    Admission, AttemptKey, Owned, Ownership, PoolMeasure, Resources, RolePlacement,
};

use super::{FORMAT, Fields, Json, WireError, canonical, record, tagged};
use crate::{
    account::Leg,
    command::{Admit, Command, Opening},
    entry::{Answer, Entry, Settlement},
    hold::{Hold, Slice},
    price::{Band, Price, PriceBook, Rates},
    segment::Header,
    voucher::{Caps, FundingLine, Grant, Scope},
};

record!(AttemptKey { attempt, job, task });
record!(Resources {
    cards,
    cpu_milli,
    memory_mebibytes,
});
record!(RolePlacement {
    nodes,
    request,
    role,
});
record!(Admission {
    at,
    billed,
    class,
    eligible,
    generation,
    grace,
    key,
    name,
    namespace,
    path,
    placement,
    pool,
    preemptible,
    submitter,
    tier,
    walltime,
});

record!(PoolMeasure { factor, kind, pool });
record!(Owned {
    beside_children,
    nominal,
    pool,
    tenant,
});
record!(Ownership {
    at,
    measures,
    owned,
});

record!(Price {
    per_unit_hour,
    pool,
    tier,
});
record!(Band {
    factor,
    from_minute,
    name,
    until_minute,
});
record!(PriceBook {
    bands,
    effective_from,
    name,
    prices,
});
record!(Rates {
    bands,
    per_unit_hour,
});

record!(Slice {
    base,
    coverage,
    valid_until,
    voucher,
});
record!(Hold {
    own_account,
    own_pool,
    price_book,
    price_tier,
    provider,
    rates,
    slices,
});

record!(FundingLine {
    backing,
    fiscal_year,
    issuer,
    name,
    source,
    total,
});
record!(Scope { classes, pools });
record!(Caps { per_job, per_month });
record!(Grant {
    caps,
    checked_by,
    coverage,
    face,
    funding_line,
    holder_path,
    issuer,
    kind,
    made_by,
    priority,
    scope,
    valid_from,
    valid_until,
    voucher,
});

record!(Opening {
    algorithm,
    book,
    factor,
    origin,
});
record!(Admit {
    admission,
    epoch,
    hold,
});
tagged!(Command {
    Epoch { epoch, writer },
    VoucherState { change, state, voucher },
    Expire { voucher },
    Bound { key, placement },
    Started { at, key },
    Stop { key, outcome },
    Alive { at, except },
    Capture { key, until },
    End { ended, key, outcome, started },
    Rebase { at, half_life },
    Moved { cluster, epoch },
    Forget { at, jobs },
} wrapping {
    Open,
    FundingLine,
    PriceBook,
    Grant,
    Admit,
    Owned,
});

record!(Leg {
    amount,
    credit,
    debit,
    phase,
});
record!(Settlement {
    charged,
    ended,
    last_charged,
    last_seconds,
    refunded,
    released,
    seconds,
    started,
});
tagged!(Answer {
    Done {},
    Admitted { held },
    Captured { charged, seconds },
} wrapping {
    Settled,
});
record!(Header {
    codec,
    epoch,
    nonce,
    previous,
    sequence,
});

/// The body of an entry, which stands for the whole of it: its fields, and the format that they
/// are written in. `command` is what its command was written as before.
pub(crate) fn encode(entry: &Entry, command: &[u8]) -> Vec<u8> {
    let Entry {
        sequence,
        at,
        id,
        command: _,
        answer,
        legs,
    } = entry;
    let mut out = Vec::with_capacity(command.len().saturating_add(512));
    let mut object = canonical::Object::begin(&mut out);
    object.field("answer", answer);
    object.field("at", at);
    object.name("command").extend_from_slice(command);
    canonical::text(&[FORMAT], object.name("format"));
    object.field("id", id);
    object.field("legs", legs);
    object.field("sequence", sequence);
    object.end();
    out
}

/// Reads the body of an entry.
pub(crate) fn decode(body: &[u8]) -> Result<Entry, WireError> {
    let json = Json::parse(body)?;
    let mut fields = Fields::of(&json)?;
    match fields.find("format") {
        Some(Json::Text(format)) if format == FORMAT => {}
        Some(other) => return Err(WireError::Format(other.to_string())),
        None => return Err(WireError::Missing("format")),
    }
    let (answer, at, command) = (
        fields.take("answer")?,
        fields.take("at")?,
        fields.take("command")?,
    );
    let _known: String = fields.take("format")?;
    let (id, legs, sequence) = (
        fields.take("id")?,
        fields.take("legs")?,
        fields.take("sequence")?,
    );
    fields.finish()?;
    Ok(Entry {
        sequence,
        at,
        id,
        command,
        answer,
        legs,
    })
}
