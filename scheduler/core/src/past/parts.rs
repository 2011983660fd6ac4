//! What is remembered, taken apart into integers and names and put together again: for a
//! snapshot of the journal (L12). Equal pasts have equal parts, in one order.

use edugrid_units::{
    AttemptKey, ComputeKind, MilliUnits, PoolMeasure, PoolName, Seconds, TenantName, UserName,
};

use super::{Decay, Holder, Line, Past, Row, Sum, Use};

/// All of what is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastParts {
    /// Since which second averages fall, and by which half-life.
    pub decay: Option<(i64, Seconds)>,
    /// How each pool counts.
    pub measures: Vec<PoolMeasure>,
    /// A row per holder.
    pub rows: Vec<PastRow>,
    /// The open admissions.
    pub open: Vec<PastUse>,
}

/// Whose row it is, beside its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastHolder {
    /// The tenant with all below it.
    Tenant,
    /// The tenant's own jobs (Q2).
    Own,
    /// A user's jobs there.
    User(UserName),
}

/// What is remembered of one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRow {
    /// The tenant.
    pub tenant: TenantName,
    /// Of whom there.
    pub holder: PastHolder,
    /// Per pool: what it owns, and what it uses.
    pub lines: Vec<(PoolName, MilliUnits, MilliUnits)>,
    /// Per kind: what it borrows, and the sum that remembers (see the room above).
    pub sums: Vec<(ComputeKind, u128, i128)>,
}

/// An open admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastUse {
    /// Of which attempt.
    pub key: AttemptKey,
    /// From its tenant up to the root.
    pub path: Vec<TenantName>,
    /// Who submitted it.
    pub user: UserName,
    /// Its pool.
    pub pool: PoolName,
    /// How much it is billed.
    pub billed: MilliUnits,
}

impl Past {
    /// Takes it apart.
    pub fn parts(&self) -> PastParts {
        let measures = self.measures.iter();
        let open = self.open.iter();
        PastParts {
            decay: self.decay.map(|decay| (decay.since, decay.half_life)),
            measures: measures
                .map(|(pool, (kind, factor))| PoolMeasure {
                    pool: pool.clone(),
                    kind: *kind,
                    factor: *factor,
                })
                .collect(),
            rows: self.rows.iter().map(part_of).collect(),
            open: open
                .map(|(key, usage)| PastUse {
                    key: key.clone(),
                    path: usage.path.clone(),
                    user: usage.user.clone(),
                    pool: usage.pool.clone(),
                    billed: usage.billed,
                })
                .collect(),
        }
    }

    /// Puts it together again.
    pub fn of_parts(parts: PastParts) -> Self {
        let measure = |it: PoolMeasure| (it.pool, (it.kind, it.factor));
        let open = |it: PastUse| {
            let usage = Use {
                path: it.path,
                user: it.user,
                pool: it.pool,
                billed: it.billed,
            };
            (it.key, usage)
        };
        Self {
            decay: parts
                .decay
                .map(|(since, half_life)| Decay { since, half_life }),
            measures: parts.measures.into_iter().map(measure).collect(),
            rows: parts.rows.into_iter().map(row_of).collect(),
            open: parts.open.into_iter().map(open).collect(),
        }
    }
}

fn part_of((holder, row): (&Holder, &Row)) -> PastRow {
    let (tenant, holder) = match holder {
        Holder::Tenant(tenant) => (tenant, PastHolder::Tenant),
        Holder::Own(tenant) => (tenant, PastHolder::Own),
        Holder::User(tenant, user) => (tenant, PastHolder::User(user.clone())),
    };
    let lines = row.lines.iter();
    let sums = ComputeKind::ALL.into_iter().zip(row.sums);
    PastRow {
        tenant: tenant.clone(),
        holder,
        lines: lines
            .map(|(pool, line)| (pool.clone(), line.nominal, line.used))
            .collect(),
        sums: sums
            .map(|(kind, sum)| (kind, sum.borrowed, sum.past))
            .collect(),
    }
}

fn row_of(part: PastRow) -> (Holder, Row) {
    let PastRow {
        tenant,
        holder,
        lines,
        sums,
    } = part;
    let holder = match holder {
        PastHolder::Tenant => Holder::Tenant(tenant),
        PastHolder::Own => Holder::Own(tenant),
        PastHolder::User(user) => Holder::User(tenant, user),
    };
    let mut row = Row::default();
    let lines = lines.into_iter();
    row.lines
        .extend(lines.map(|(pool, nominal, used)| (pool, Line { nominal, used })));
    for (kind, borrowed, past) in sums {
        row.sums[kind as usize] = Sum { borrowed, past };
    }
    (holder, row)
}
