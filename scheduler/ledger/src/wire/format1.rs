//! Format 1: the field lists. What stands here stands in books; see the room above for
//! how it may change.

use edugrid_units::{
    Admission, AttemptKey, Owned, Ownership, PoolMeasure, Resources, RolePlacement,
};

use super::{record, tagged};
use crate::{
    account::Leg,
    command::{Admit, Command, Opening},
    entry::{Answer, Entry, Settlement},
    hold::{Hold, Slice},
    price::{Band, Price, PriceBook, Rates},
    segment::Header,
    voucher::{Caps, FundingLine, Grant, Scope},
};

record!(AttemptKey { job, task, attempt });
record!(Resources {
    cards,
    cpu_milli,
    memory_mebibytes
});
record!(RolePlacement {
    role,
    request,
    nodes
});
record!(Admission {
    key,
    namespace,
    name,
    generation,
    path,
    submitter,
    class,
    tier,
    preemptible,
    pool,
    billed,
    walltime,
    grace,
    eligible,
    placement,
    at,
});

record!(PoolMeasure { pool, kind, factor });
record!(Owned {
    tenant,
    beside_children,
    pool,
    nominal
});
record!(Ownership {
    at,
    measures,
    owned
});

record!(Price {
    pool,
    tier,
    per_unit_hour
});
record!(Band {
    name,
    from_minute,
    until_minute,
    factor
});
record!(PriceBook {
    name,
    effective_from,
    prices,
    bands
});
record!(Rates {
    per_unit_hour,
    bands
});

record!(Slice {
    voucher,
    base,
    coverage,
    valid_until
});
record!(Hold {
    provider,
    price_tier,
    own_pool,
    price_book,
    rates,
    own_account,
    slices,
});

record!(FundingLine {
    name,
    issuer,
    fiscal_year,
    backing,
    total,
    source
});
record!(Scope { pools, classes });
record!(Caps { per_job, per_month });
record!(Grant {
    voucher,
    issuer,
    holder_path,
    kind,
    face,
    coverage,
    valid_from,
    valid_until,
    scope,
    caps,
    priority,
    funding_line,
    made_by,
    checked_by,
});

record!(Opening {
    book,
    algorithm,
    origin,
    factor
});
record!(Admit {
    admission,
    hold,
    epoch
});
tagged!(Command {
    Epoch { epoch, writer },
    VoucherState { voucher, state, change },
    Expire { voucher },
    Bound { key, placement },
    Started { key, at },
    Stop { key, outcome },
    Alive { at, except },
    Capture { key, until },
    End { key, outcome, started, ended },
    Rebase { at, half_life },
    Moved { epoch, cluster },
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
    debit,
    credit,
    amount,
    phase
});
record!(Settlement {
    started,
    ended,
    seconds,
    charged,
    last_charged,
    refunded,
    last_seconds,
    released,
});
tagged!(Answer {
    Done {},
    Admitted { held },
    Captured { charged, seconds },
} wrapping {
    Settled,
});
record!(Entry {
    sequence,
    at,
    id,
    command,
    answer,
    legs
});
record!(Header {
    sequence,
    epoch,
    nonce,
    codec,
    previous
});
