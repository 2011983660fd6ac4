//! What was borrowed in the past: per tenant, per tenant's own jobs and per user, an
//! exponential average of what each used above what it owned, per kind of compute (O3).
//!
//! It follows the journal, entry by entry, and nothing else: whoever reads the same
//! journal has the same averages. That is why it counts usage and nominals of its own,
//! beside those of [`crate::share`]: an end counts from the instant in the books, and a
//! nominal from the instant at which the books were told.
//!
//! Forward decay: instead of shrinking what was, what is grows, with
//! G(t) = 2^(t ÷ half-life). With b borrowed over [t₁, t₂) the sum takes b · (G(t₂) − G(t₁)),
//! and the average at t is the sum ÷ G(t). The terms telescope, so reading changes nothing,
//! however often (N2). Written as b · G(now) + `past`, a change of b at t adds
//! (b before − b after) · G(t) to `past`, and nothing else ever happens to it until it is
//! restated with G small again ([`Past::rebase`]).

mod growth;
mod parts;

use std::collections::BTreeMap;

use edugrid_units::{
    AttemptKey, ComputeKind, MilliUnits, Owned, Ownership, PoolMeasure, PoolName, Ratio, Seconds,
    Stamp, TenantName, UserName,
};

pub use parts::{PastHolder, PastParts, PastRow, PastUse};

use growth::{GROWTH_AT_START, growth};

/// Standard units are counted in 2⁻²⁰ of a milli-unit.
pub(crate) const SCALE: u128 = 1 << 20;
/// After so many half-lives all is to be restated.
const HALF_LIVES_MAX: u64 = 16;

/// What an entry of the journal says of who used and owned how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastEvent {
    /// An admission.
    Began {
        /// Of which attempt.
        key: AttemptKey,
        /// From its tenant up to the root.
        path: Vec<TenantName>,
        /// Who submitted it.
        user: UserName,
        /// Its pool.
        pool: PoolName,
        /// How much it is billed (N4).
        billed: MilliUnits,
        /// From when on.
        at: Stamp,
    },
    /// The end of one.
    Ended {
        /// Of which attempt.
        key: AttemptKey,
        /// From when on it counts no more.
        at: Stamp,
    },
    /// Others own other amounts.
    Owned(Ownership),
    /// Averages fall by this half-life from now on; what they were stays.
    Rebased {
        /// From when on.
        at: Stamp,
        /// At least a second.
        half_life: Seconds,
    },
}

/// Whose average it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// A tenant with all below it.
    Tenant(TenantName),
    /// The jobs of a tenant itself, beside those of its children (Q2).
    Own(TenantName),
    /// A user's jobs at a tenant (O2).
    User(TenantName, UserName),
}

/// One pool of a holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    /// What it owns, as far as the books were told; a user never owns anything.
    nominal: MilliUnits,
    used: MilliUnits,
}

/// What of one kind is borrowed, and was: b and `past` of the module's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    borrowed: u128,
    past: i128,
}

/// The sums of each kind.
pub(crate) type Sums = [Sum; 3];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    lines: BTreeMap<PoolName, Line>,
    sums: Sums,
}

/// An open admission, as far as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Use {
    path: Vec<TenantName>,
    user: UserName,
    pool: PoolName,
    billed: MilliUnits,
}

/// Since when G grows, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decay {
    since: i64,
    half_life: Seconds,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    decay: Option<Decay>,
    measures: BTreeMap<PoolName, (ComputeKind, Ratio)>,
    rows: BTreeMap<Holder, Row>,
    open: BTreeMap<AttemptKey, Use>,
}

impl Past {
    /// Before the first entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows one entry. What it names and isn't known changes nothing.
    pub fn record(&mut self, event: PastEvent) {
        match event {
            PastEvent::Began {
                key,
                path,
                user,
                pool,
                billed,
                at,
            } => {
                let usage = Use {
                    path,
                    user,
                    pool,
                    billed,
                };
                if !self.open.contains_key(&key) {
                    self.count(&usage, at, MilliUnits::saturating_add);
                    self.open.insert(key, usage);
                }
            }
            PastEvent::Ended { key, at } => {
                if let Some(usage) = self.open.remove(&key) {
                    self.count(&usage, at, MilliUnits::saturating_sub);
                }
            }
            PastEvent::Owned(change) => self.own(change),
            PastEvent::Rebased { at, half_life } => self.rebase(at, half_life),
        }
    }

    /// From the tenant of an open admission up to the root.
    pub(crate) fn path_of(&self, key: &AttemptKey) -> Option<&[TenantName]> {
        self.open.get(key).map(|usage| usage.path.as_slice())
    }

    /// Who submitted an open admission.
    pub(crate) fn user_of(&self, key: &AttemptKey) -> Option<&UserName> {
        self.open.get(key).map(|usage| &usage.user)
    }

    /// The half-life in force, if averages are kept at all.
    pub fn half_life(&self) -> Option<Seconds> {
        self.decay.map(|decay| decay.half_life)
    }

    /// Whether averages are to be restated: they are kept by another half-life than this,
    /// or not at all, or G has grown far.
    pub fn is_rebase_due(&self, now: Stamp, half_life: Seconds) -> bool {
        let most = half_life.0.saturating_mul(HALF_LIVES_MAX);
        self.decay
            .is_none_or(|decay| decay.half_life != half_life || decay.seconds_until(now) >= most)
    }

    /// G at an instant; nothing while no averages are kept.
    pub(crate) fn growth(&self, now: Stamp) -> Option<u128> {
        let decay = self.decay?;
        Some(growth(decay.seconds_until(now), decay.half_life))
    }

    /// The sums of a tenant, or of its own jobs beside its children's.
    pub(crate) fn tenant(&self, tenant: &TenantName, own: bool) -> Sums {
        self.sums(&holder_of(tenant, own))
    }

    /// The sums of a user at a tenant.
    pub(crate) fn user(&self, tenant: &TenantName, user: &UserName) -> Sums {
        if self.rows.is_empty() {
            return Sums::default();
        }
        self.sums(&Holder::User(tenant.clone(), user.clone()))
    }

    fn sums(&self, holder: &Holder) -> Sums {
        self.rows
            .get(holder)
            .map_or_else(Sums::default, |row| row.sums)
    }

    /// What the books have to be told of who owns how much, for all to be as in `owned` and
    /// `measures`; what stands in neither counts as nothing.
    pub(crate) fn missing(
        &self,
        measures: impl Iterator<Item = PoolMeasure>,
        owned: impl Iterator<Item = Owned>,
    ) -> (Vec<PoolMeasure>, Vec<Owned>) {
        let measures =
            measures.filter(|it| self.measures.get(&it.pool) != Some(&(it.kind, it.factor)));
        let mut gone: BTreeMap<(Holder, PoolName), MilliUnits> = self.all_owned().collect();
        let mut missing: Vec<Owned> = owned
            .filter(|it| {
                let known =
                    gone.remove(&(holder_of(&it.tenant, it.beside_children), it.pool.clone()));
                known.unwrap_or_default() != it.nominal
            })
            .collect();
        missing.extend(gone.into_iter().filter_map(|((holder, pool), _)| {
            let (tenant, beside_children) = match holder {
                Holder::Tenant(tenant) => (tenant, false),
                Holder::Own(tenant) => (tenant, true),
                Holder::User(..) => return None,
            };
            Some(Owned {
                tenant,
                beside_children,
                pool,
                nominal: MilliUnits::ZERO,
            })
        }));
        (measures.collect(), missing)
    }

    fn all_owned(&self) -> impl Iterator<Item = ((Holder, PoolName), MilliUnits)> {
        self.rows.iter().flat_map(|(holder, row)| {
            let lines = row.lines.iter();
            let owned = lines.filter(|(_, line)| line.nominal > MilliUnits::ZERO);
            owned.map(|(pool, line)| ((holder.clone(), pool.clone()), line.nominal))
        })
    }

    fn count(
        &mut self,
        usage: &Use,
        at: Stamp,
        change: impl Fn(MilliUnits, MilliUnits) -> MilliUnits,
    ) {
        let Some(leaf) = usage.path.first() else {
            return;
        };
        let own = [
            Holder::Own(leaf.clone()),
            Holder::User(leaf.clone(), usage.user.clone()),
        ];
        let path = usage.path.iter().cloned().map(Holder::Tenant);
        for holder in path.chain(own) {
            self.edit(&holder, &usage.pool, at, |line| {
                line.used = change(line.used, usage.billed);
            });
        }
    }

    fn own(&mut self, change: Ownership) {
        let Ownership {
            at,
            measures,
            owned,
        } = change;
        for PoolMeasure { pool, kind, factor } in measures {
            self.measure(&pool, (kind, factor), at);
        }
        for one in owned {
            self.edit(
                &holder_of(&one.tenant, one.beside_children),
                &one.pool,
                at,
                |line| {
                    line.nominal = one.nominal;
                },
            );
        }
    }

    /// Changes one line, and its row's sums with it.
    fn edit(&mut self, holder: &Holder, pool: &PoolName, at: Stamp, edit: impl FnOnce(&mut Line)) {
        let now = self.growth(at).unwrap_or(0);
        let measure = self.measures.get(pool).copied();
        let row = self.rows.entry(holder.clone()).or_default();
        let line = row.lines.entry(pool.clone()).or_default();
        let before = *line;
        edit(line);
        let after = *line;
        if let Some((kind, factor)) = measure {
            let sum = &mut row.sums[kind as usize];
            let borrowed = |line: Line| standard(line.borrowed(), factor);
            sum.change(borrowed(before), borrowed(after), now);
        }
    }

    /// A pool counts otherwise from now on.
    fn measure(&mut self, pool: &PoolName, measure: (ComputeKind, Ratio), at: Stamp) {
        let now = self.growth(at).unwrap_or(0);
        let before = self.measures.insert(pool.clone(), measure);
        for row in self.rows.values_mut() {
            let Some(line) = row.lines.get(pool) else {
                continue;
            };
            let borrowed = line.borrowed();
            if let Some((kind, factor)) = before {
                row.sums[kind as usize].change(standard(borrowed, factor), 0, now);
            }
            let (kind, factor) = measure;
            row.sums[kind as usize].change(0, standard(borrowed, factor), now);
        }
    }

    /// Restates all averages, with G at its start from `at` on. Rounds each down by at most
    /// 2⁻⁴⁰ of itself; that is why it is an entry of the journal and not done on the way.
    fn rebase(&mut self, at: Stamp, half_life: Seconds) {
        let now = self.growth(at);
        self.decay = Some(Decay {
            since: at.seconds(),
            half_life: Seconds(half_life.0.max(1)),
        });
        for row in self.rows.values_mut() {
            for sum in &mut row.sums {
                sum.restate(now);
            }
        }
        self.rows.retain(|_, row| !row.is_idle());
    }
}

/// Whose line that is.
fn holder_of(tenant: &TenantName, beside_children: bool) -> Holder {
    if beside_children {
        Holder::Own(tenant.clone())
    } else {
        Holder::Tenant(tenant.clone())
    }
}

impl Line {
    fn borrowed(self) -> MilliUnits {
        self.used.saturating_sub(self.nominal)
    }
}

impl Row {
    /// Whether nothing would be lost without it.
    fn is_idle(&self) -> bool {
        let mut lines = self.lines.values();
        let is_empty =
            |line: &Line| line.nominal == MilliUnits::ZERO && line.used == MilliUnits::ZERO;
        lines.all(is_empty) && self.sums == Sums::default()
    }
}

impl Sum {
    fn change(&mut self, before: u128, after: u128, growth: u128) {
        let term =
            |borrowed: u128| i128::try_from(borrowed.saturating_mul(growth)).unwrap_or(i128::MAX);
        let past = self.past.saturating_add(term(before));
        self.past = past.saturating_sub(term(after));
        self.borrowed = self.borrowed.saturating_sub(before).saturating_add(after);
    }

    /// The average times G, in 2⁻²⁰ of a standard milli-unit.
    pub fn averaged(&self, growth: u128) -> u128 {
        let present = self.borrowed.saturating_mul(growth);
        let present = i128::try_from(present).unwrap_or(i128::MAX);
        let sum = present.saturating_add(self.past);
        u128::try_from(sum).unwrap_or(0)
    }

    /// Less than a milli-unit on average is forgotten where nothing is borrowed.
    fn restate(&mut self, growth: Option<u128>) {
        let averaged = growth.map_or(0, |growth| self.averaged(growth));
        let growth = growth.unwrap_or(1);
        let whole = averaged.checked_div(growth).unwrap_or(0);
        let rest = averaged.checked_rem(growth).unwrap_or(0);
        let rest = rest.saturating_mul(GROWTH_AT_START).checked_div(growth);
        let present = whole.saturating_mul(GROWTH_AT_START);
        let present = present.saturating_add(rest.unwrap_or(0));
        let present = i128::try_from(present).unwrap_or(i128::MAX);
        self.past = match (self.borrowed, whole < SCALE) {
            (0, true) => 0,
            _ => present.saturating_sub(
                i128::try_from(self.borrowed.saturating_mul(GROWTH_AT_START)).unwrap_or(i128::MAX),
            ),
        };
    }
}

impl Decay {
    fn seconds_until(&self, now: Stamp) -> u64 {
        u64::try_from(now.seconds().saturating_sub(self.since)).unwrap_or(0)
    }
}

/// Standard units, in 2⁻²⁰ of a milli-unit, floored.
pub(crate) fn standard(billed: MilliUnits, factor: Ratio) -> u128 {
    let scaled = u128::from(billed.0).saturating_mul(SCALE);
    let times = scaled.saturating_mul(u128::from(factor.num()));
    times.checked_div(u128::from(factor.den())).unwrap_or(times)
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
