//! Funding lines and vouchers: what was promised, to whom, for what (domain §4.2, §4.3).
//! Knows nothing of balances; those are the accounts'.

use std::{cmp::Reverse, collections::BTreeMap};

use edugrid_units::{
    ClassName, FundingLineName, JobUid, MicroYuan, PoolName, Ratio, Stamp, TenantName, VoucherName,
};

use crate::calendar::Month;

/// Whether a line's grants are redeemed in money or only ration what the issuer owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// A token on nodes that the issuer owns already; nothing is paid out.
    Quota,
    /// Redemption makes a payable.
    Cash,
}

impl Backing {
    /// The word that objects and entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "Quota",
            Self::Cash => "Cash",
        }
    }

    /// The backing of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Quota, Self::Cash]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// Where grants come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingLine {
    /// Its name.
    pub name: FundingLineName,
    /// The tenant that issues from it.
    pub issuer: TenantName,
    /// The year it belongs to.
    pub fiscal_year: u32,
    /// What its grants are worth.
    pub backing: Backing,
    /// The most that may be out at a time.
    pub total: MicroYuan,
    /// Where the money comes from, for people.
    pub source: String,
}

/// What a voucher is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherKind {
    /// An ordinary voucher.
    Subsidy,
    /// For a tenant of an equity tier.
    Equity,
    /// For a programme.
    Programme,
    /// For good service.
    Reward,
    /// Earned by lending.
    Contribution,
    /// A deposit into the holder's budget. Deposits mix there, so the end of one moves no
    /// money; while none is valid, the holder's own money doesn't count (L2).
    OwnFunds,
}

impl VoucherKind {
    const ALL: [Self; 6] = [
        Self::Subsidy,
        Self::Equity,
        Self::Programme,
        Self::Reward,
        Self::Contribution,
        Self::OwnFunds,
    ];

    /// The word that objects and entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subsidy => "Subsidy",
            Self::Equity => "Equity",
            Self::Programme => "Programme",
            Self::Reward => "Reward",
            Self::Contribution => "Contribution",
            Self::OwnFunds => "OwnFunds",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// What a voucher pays for; an empty list allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Pools.
    pub pools: Vec<PoolName>,
    /// Job classes.
    pub classes: Vec<ClassName>,
}

impl Scope {
    fn holds(&self, pool: &PoolName, class: &ClassName) -> bool {
        (self.pools.is_empty() || self.pools.contains(pool))
            && (self.classes.is_empty() || self.classes.contains(class))
    }

    /// Smaller is narrower: first by open dimensions, then by names listed.
    fn breadth(&self) -> (usize, usize) {
        let open = |empty: bool| usize::from(empty);
        (
            open(self.pools.is_empty()).saturating_add(open(self.classes.is_empty())),
            self.pools.len().saturating_add(self.classes.len()),
        )
    }
}

/// The most that a voucher pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of one job, over all its attempts.
    pub per_job: Option<MicroYuan>,
    /// Of what is admitted in one calendar month.
    pub per_month: Option<MicroYuan>,
}

/// A voucher as it was approved. Never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its name.
    pub voucher: VoucherName,
    /// The tenant that issues it: on `holder_path`.
    pub issuer: TenantName,
    /// From the holder up to the root, both included, at the time of the grant.
    pub holder_path: Vec<TenantName>,
    /// What it is for.
    pub kind: VoucherKind,
    /// What it is worth.
    pub face: MicroYuan,
    /// The part of a cost that it pays, above 0 and at most 1.
    pub coverage: Ratio,
    /// From when on it pays.
    pub valid_from: Stamp,
    /// Until when it pays for use; none: for ever.
    pub valid_until: Option<Stamp>,
    /// What it pays for.
    pub scope: Scope,
    /// The most that it pays.
    pub caps: Caps,
    /// Lower pays first.
    pub priority: u32,
    /// The line it comes from; none exactly for `OwnFunds`.
    pub funding_line: Option<FundingLineName>,
    /// Who made it.
    pub made_by: String,
    /// Who approved it: another person.
    pub checked_by: String,
}

/// What is wrong with a grant, in itself or against its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// It is worth nothing.
    #[error("faceValue is 0.00 yuan, it must be above that")]
    NoFace,
    /// Coverage outside (0, 1], or below 1 for own funds.
    #[error("coverage is {0}, it must be above 0 and at most 1, and 1/1 for OwnFunds")]
    Coverage(Ratio),
    /// It ends before it begins.
    #[error("validUntil is not after validFrom")]
    Validity,
    /// The issuer isn't the root and isn't above the holder.
    #[error("issuer {issuer} is not above the holder, a voucher goes down the tree")]
    Issuer {
        /// The issuer.
        issuer: TenantName,
    },
    /// The path is empty.
    #[error("the holder has no path to the root")]
    NoHolder,
    /// Maker and checker are one person, or nobody.
    #[error("made and approved by \"{0}\", two persons are needed")]
    FourEyes(String),
    /// A line for own funds, or none for the rest.
    #[error("fundingLine must be set, except for OwnFunds")]
    FundingLine,
    /// The line belongs to another issuer.
    #[error("fundingLine {line} is of issuer {owner}, the voucher names {issuer}")]
    LineOfAnother {
        /// The line.
        line: FundingLineName,
        /// Whose it is.
        owner: TenantName,
        /// Who the voucher names.
        issuer: TenantName,
    },
    /// More than the line still has.
    #[error("fundingLine {line} has {rest} yuan left, faceValue is {face}")]
    LineExhausted {
        /// The line.
        line: FundingLineName,
        /// What it has left.
        rest: MicroYuan,
        /// What was asked.
        face: MicroYuan,
    },
}

impl Grant {
    /// Who holds it.
    pub fn holder(&self) -> Option<&TenantName> {
        self.holder_path.first()
    }

    /// Whether the issuer is the root of the tree.
    pub fn is_issued_by_root(&self) -> bool {
        self.holder_path.last() == Some(&self.issuer)
    }

    /// Checks what the types can't.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), GrantError> {
        let own = self.kind == VoucherKind::OwnFunds;
        let holder = self.holder().ok_or(GrantError::NoHolder)?;
        if self.face == MicroYuan::ZERO {
            return Err(GrantError::NoFace);
        }
        let (num, den) = (self.coverage.num(), self.coverage.den());
        if num == 0 || num > den || (own && num != den) {
            return Err(GrantError::Coverage(self.coverage));
        }
        if self.valid_until.is_some_and(|end| end <= self.valid_from) {
            return Err(GrantError::Validity);
        }
        let downwards = holder != &self.issuer || self.is_issued_by_root();
        if !self.holder_path.contains(&self.issuer) || !downwards {
            return Err(GrantError::Issuer {
                issuer: self.issuer.clone(),
            });
        }
        if self.made_by == self.checked_by || self.made_by.is_empty() || self.checked_by.is_empty()
        {
            return Err(GrantError::FourEyes(self.made_by.clone()));
        }
        if own == self.funding_line.is_some() {
            return Err(GrantError::FundingLine);
        }
        Ok(())
    }
}

/// What a voucher is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherState {
    /// It pays.
    Active,
    /// It pays nothing new for now.
    Frozen,
    /// It never pays anything new again; its rest went back.
    Revoked,
}

impl VoucherState {
    /// The word that objects and entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Frozen => "Frozen",
            Self::Revoked => "Revoked",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Frozen, Self::Revoked]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// A voucher in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// What was approved.
    pub grant: Grant,
    /// What it is now.
    pub state: VoucherState,
    /// Whether its validity ended and the unheld rest was taken back (L8).
    pub expired: bool,
    /// What it handed back to its line when it expired or was revoked, or later.
    pub returned: MicroYuan,
    /// What it pays per job, held or captured; kept only where a cap needs it.
    pub(crate) by_job: BTreeMap<JobUid, MicroYuan>,
    /// What it pays per month of admission, held or captured; kept only for a cap.
    pub(crate) by_month: BTreeMap<Month, MicroYuan>,
}

impl Voucher {
    pub(crate) fn new(grant: Grant) -> Self {
        Self {
            grant,
            state: VoucherState::Active,
            expired: false,
            returned: MicroYuan::ZERO,
            by_job: BTreeMap::new(),
            by_month: BTreeMap::new(),
        }
    }

    /// Whether it never pays anything new again.
    pub(crate) fn is_over(&self) -> bool {
        self.expired || self.state == VoucherState::Revoked
    }

    /// Why it can't pay at `now`: `state` or `validity`.
    pub(crate) fn refusal(&self, now: Stamp) -> Option<&'static str> {
        if self.state != VoucherState::Active {
            Some("state")
        } else if self.expired
            || now < self.grant.valid_from
            || self.grant.valid_until.is_some_and(|end| end <= now)
        {
            Some("validity")
        } else {
            None
        }
    }

    /// Why it can't pay for such a job: `holder` or `scope`. A voucher never pays its own
    /// holder (L9); only the root's pools are nobody's own (L2).
    pub(crate) fn mismatch(
        &self,
        path: &[TenantName],
        provider: &TenantName,
        pool: &PoolName,
        class: &ClassName,
    ) -> Option<&'static str> {
        let pays_itself = self.grant.holder() == Some(provider) && path.last() != Some(provider);
        let below = self.grant.holder().is_some_and(|it| path.contains(it));
        if !below || pays_itself {
            Some("holder")
        } else if !self.grant.scope.holds(pool, class) {
            Some("scope")
        } else {
            None
        }
    }

    /// What caps leave for a job that is admitted in a month.
    pub(crate) fn cap_left(&self, job: &JobUid, month: Month) -> MicroYuan {
        let left = |cap: Option<MicroYuan>, used: Option<&MicroYuan>| {
            cap.map_or(MicroYuan(u64::MAX), |cap| {
                cap.saturating_sub(used.copied().unwrap_or_default())
            })
        };
        left(self.grant.caps.per_job, self.by_job.get(job))
            .min(left(self.grant.caps.per_month, self.by_month.get(&month)))
    }

    /// Counts what is newly held against the caps.
    pub(crate) fn count(&mut self, job: &JobUid, month: Month, amount: MicroYuan) {
        if amount == MicroYuan::ZERO {
            return;
        }
        if self.grant.caps.per_job.is_some() {
            let used = self.by_job.entry(job.clone()).or_default();
            *used = used.saturating_add(amount);
        }
        if self.grant.caps.per_month.is_some() {
            let used = self.by_month.entry(month).or_default();
            *used = used.saturating_add(amount);
        }
    }

    /// Forgets what was released or given back.
    pub(crate) fn uncount(&mut self, job: &JobUid, month: Month, amount: MicroYuan) {
        lower(&mut self.by_job, job, amount);
        lower(&mut self.by_month, &month, amount);
    }

    /// The order of L2, the first to pay first: priority, earliest expiry, narrowest
    /// scope, highest coverage, smallest rest, name.
    pub(crate) fn rank(&self, rest: MicroYuan) -> impl Ord + use<> {
        let coverage = self.grant.coverage;
        // Equal fractions must compare equal, so they are brought to one denominator:
        // parts of 2^64, exact enough to keep any two fractions of u32 apart.
        let parts = (u128::from(coverage.num()) << 64)
            .checked_div(u128::from(coverage.den()))
            .unwrap_or(0);
        (
            self.grant.priority,
            self.grant.valid_until.unwrap_or(Stamp(i64::MAX)),
            self.grant.scope.breadth(),
            Reverse(parts),
            rest,
            self.grant.voucher.clone(),
        )
    }
}

fn lower<K: Ord>(used: &mut BTreeMap<K, MicroYuan>, key: &K, amount: MicroYuan) {
    if let Some(entry) = used.get_mut(key) {
        *entry = entry.saturating_sub(amount);
        if *entry == MicroYuan::ZERO {
            used.remove(key);
        }
    }
}
