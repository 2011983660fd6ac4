//! Accounts, their four counters and the legs that move them (L1). Knows nothing of
//! jobs, vouchers or prices: only that money is neither made nor lost here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use edugrid_units::{FundingLineName, MicroYuan, TenantName, VoucherName};

/// An account (domain §4.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Where a funding line's grants come from; its debit balance is what was issued.
    Issuer(FundingLineName),
    /// A voucher's own money; never below zero.
    Grant(VoucherName),
    /// A tenant's own money; never below zero.
    Budget(TenantName),
    /// What the owner of pools earned.
    Provider(TenantName),
    /// What returned to a funding line when vouchers expired.
    Expired(FundingLineName),
    /// What returned to a funding line when vouchers were revoked.
    Revoked(FundingLineName),
    /// The world outside, from which budgets are filled.
    External,
}

impl Account {
    /// Whether the account may never go below zero (L1).
    pub fn is_bounded(&self) -> bool {
        matches!(self, Self::Grant(_) | Self::Budget(_))
    }

    /// What it is, and whose; in that order it is written.
    pub(crate) fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Issuer(line) => ("issuer", Some(line.as_str())),
            Self::Grant(voucher) => ("grant", Some(voucher.as_str())),
            Self::Budget(tenant) => ("budget", Some(tenant.as_str())),
            Self::Provider(tenant) => ("provider", Some(tenant.as_str())),
            Self::Expired(line) => ("expired", Some(line.as_str())),
            Self::Revoked(line) => ("revoked", Some(line.as_str())),
            Self::External => ("external", None),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("issuer", name)) => Some(Self::Issuer(name.into())),
            Some(("grant", name)) => Some(Self::Grant(name.into())),
            Some(("budget", name)) => Some(Self::Budget(name.into())),
            Some(("provider", name)) => Some(Self::Provider(name.into())),
            Some(("expired", name)) => Some(Self::Expired(name.into())),
            Some(("revoked", name)) => Some(Self::Revoked(name.into())),
            Some(_) => None,
            None => (text == "external").then_some(Self::External),
        }
    }
}

/// `grant:sdu-2026-a`, `external`.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            (kind, Some(name)) => write!(f, "{kind}:{name}"),
            (kind, None) => f.write_str(kind),
        }
    }
}

/// What a leg does with its amount: two-phase money is first held, then captured or
/// released (L1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Moved at once.
    Post,
    /// Set aside.
    Hold,
    /// Moved, out of what was set aside.
    Capture,
    /// No longer set aside.
    Release,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Post, Self::Hold, Self::Capture, Self::Release];

    /// The word that entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "Post",
            Self::Hold => "Hold",
            Self::Capture => "Capture",
            Self::Release => "Release",
        }
    }

    /// The phase of that word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// One movement: `amount`, above zero, from `debit` to `credit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Who gives.
    pub debit: Account,
    /// Who gets.
    pub credit: Account,
    /// How much.
    pub amount: MicroYuan,
    /// Whether it moves, is set aside, or stops being set aside.
    pub phase: Phase,
}

/// The four counters of an account, each the sum of its legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Moved out.
    pub debits_posted: MicroYuan,
    /// Set aside to move out.
    pub debits_pending: MicroYuan,
    /// Moved in.
    pub credits_posted: MicroYuan,
    /// Set aside to move in.
    pub credits_pending: MicroYuan,
}

impl Counters {
    /// What a bounded account can still give: moved in − moved out − set aside.
    pub fn available(&self) -> MicroYuan {
        self.credits_posted
            .saturating_sub(self.debits_posted)
            .saturating_sub(self.debits_pending)
    }

    /// What came in less what went out; `None` where more went out, as with an issuer.
    pub fn balance(&self) -> Option<MicroYuan> {
        self.credits_posted.checked_sub(self.debits_posted)
    }

    fn is_overdrawn(&self) -> bool {
        self.debits_posted
            .checked_add(self.debits_pending)
            .is_none_or(|out| out > self.credits_posted)
    }

    fn debit(&mut self, amount: MicroYuan, phase: Phase) -> Option<()> {
        shift(
            &mut self.debits_posted,
            &mut self.debits_pending,
            amount,
            phase,
        )
    }

    fn credit(&mut self, amount: MicroYuan, phase: Phase) -> Option<()> {
        shift(
            &mut self.credits_posted,
            &mut self.credits_pending,
            amount,
            phase,
        )
    }
}

fn shift(
    posted: &mut MicroYuan,
    pending: &mut MicroYuan,
    amount: MicroYuan,
    phase: Phase,
) -> Option<()> {
    match phase {
        Phase::Post => *posted = posted.checked_add(amount)?,
        Phase::Hold => *pending = pending.checked_add(amount)?,
        Phase::Capture => {
            *pending = pending.checked_sub(amount)?;
            *posted = posted.checked_add(amount)?;
        }
        Phase::Release => *pending = pending.checked_sub(amount)?,
    }
    Some(())
}

/// Why legs can't be posted. Nothing was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// A bounded account would go below zero.
    #[error("{account} has {available} yuan, {asked} were asked of it")]
    Overdrawn {
        /// The account.
        account: Account,
        /// What it can give.
        available: MicroYuan,
        /// What the legs take from it.
        asked: MicroYuan,
    },
    /// A counter would leave its range: more captured or released than was held, or a
    /// sum above 64 bits.
    #[error("{0} can't be moved by {1} yuan, its counters would leave their range")]
    OutOfRange(Account, MicroYuan),
    /// A leg of nothing, or from an account to itself.
    #[error(
        "a leg from {debit} to {credit} moves {amount} yuan, it must move money between two accounts"
    )]
    Empty {
        /// Who gives.
        debit: Account,
        /// Who gets.
        credit: Account,
        /// How much.
        amount: MicroYuan,
    },
}

/// All accounts that ever moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts(BTreeMap<Account, Counters>);

/// What accounts were before some legs, to put them back exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before(Vec<(Account, Option<Counters>)>);

impl Accounts {
    pub(crate) fn get(&self, account: &Account) -> Counters {
        self.0.get(account).copied().unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Account, &Counters)> {
        self.0.iter()
    }

    /// An account as a snapshot says it stood.
    pub(crate) fn put(&mut self, account: Account, counters: Counters) {
        self.0.insert(account, counters);
    }

    /// What the accounts of these legs are now, to put them back after the legs are posted.
    pub(crate) fn before(&self, legs: &[Leg]) -> Before {
        let touched: BTreeSet<_> = legs
            .iter()
            .flat_map(|leg| [&leg.debit, &leg.credit])
            .collect();
        let before = touched
            .into_iter()
            .map(|account| (account.clone(), self.0.get(account).copied()));
        Before(before.collect())
    }

    /// Posts all legs or none.
    pub(crate) fn post(&mut self, legs: &[Leg]) -> Result<(), PostError> {
        let mut after: BTreeMap<&Account, Counters> = BTreeMap::new();
        for leg in legs {
            if leg.amount == MicroYuan::ZERO || leg.debit == leg.credit {
                return Err(PostError::Empty {
                    debit: leg.debit.clone(),
                    credit: leg.credit.clone(),
                    amount: leg.amount,
                });
            }
            let out_of_range =
                |account: &Account| PostError::OutOfRange(account.clone(), leg.amount);
            after
                .entry(&leg.debit)
                .or_insert_with(|| self.get(&leg.debit))
                .debit(leg.amount, leg.phase)
                .ok_or_else(|| out_of_range(&leg.debit))?;
            after
                .entry(&leg.credit)
                .or_insert_with(|| self.get(&leg.credit))
                .credit(leg.amount, leg.phase)
                .ok_or_else(|| out_of_range(&leg.credit))?;
        }
        if let Some((account, _)) = after
            .iter()
            .find(|(account, counters)| account.is_bounded() && counters.is_overdrawn())
        {
            return Err(self.overdrawn(account, legs));
        }
        for (account, counters) in after {
            match self.0.get_mut(account) {
                Some(known) => *known = counters,
                None => self.put(account.clone(), counters),
            }
        }
        Ok(())
    }

    /// Puts accounts back to what they were [before](Self::before) some legs.
    pub(crate) fn restore(&mut self, before: Before) {
        for (account, counters) in before.0 {
            match counters {
                Some(counters) => self.0.insert(account, counters),
                None => self.0.remove(&account),
            };
        }
    }

    fn overdrawn(&self, account: &Account, legs: &[Leg]) -> PostError {
        let asked = legs
            .iter()
            .filter(|leg| leg.debit == *account && matches!(leg.phase, Phase::Post | Phase::Hold))
            .fold(MicroYuan::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        PostError::Overdrawn {
            account: account.clone(),
            available: self.get(account).available(),
            asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(phase: Phase, amount: u64) -> Leg {
        Leg {
            debit: Account::Budget("a".into()),
            credit: Account::Provider("p".into()),
            amount: MicroYuan(amount),
            phase,
        }
    }

    fn filled() -> Accounts {
        let mut accounts = Accounts::default();
        let deposit = Leg {
            debit: Account::External,
            credit: Account::Budget("a".into()),
            amount: MicroYuan(100),
            phase: Phase::Post,
        };
        accounts.post(&[deposit]).expect("external is unbounded");
        accounts
    }

    #[test]
    fn held_money_is_captured_or_released() {
        let mut accounts = filled();
        let budget = Account::Budget("a".into());
        accounts.post(&[leg(Phase::Hold, 80)]).expect("fits");
        assert_eq!(accounts.get(&budget).available(), MicroYuan(20));
        accounts
            .post(&[leg(Phase::Capture, 50), leg(Phase::Release, 30)])
            .expect("was held");
        assert_eq!(accounts.get(&budget).available(), MicroYuan(50));
        assert_eq!(accounts.get(&budget).debits_pending, MicroYuan::ZERO);
    }

    #[test]
    fn a_refused_posting_changes_nothing() {
        let mut accounts = filled();
        let before = accounts.clone();
        for legs in [
            vec![leg(Phase::Hold, 60), leg(Phase::Hold, 41)],
            vec![leg(Phase::Post, 1), leg(Phase::Capture, 1)],
            vec![leg(Phase::Post, 1), leg(Phase::Release, 1)],
            vec![leg(Phase::Post, 0)],
        ] {
            assert!(accounts.post(&legs).is_err(), "{legs:?}");
            assert_eq!(accounts, before);
        }
    }

    #[test]
    fn postings_are_put_back_exactly() {
        let mut accounts = filled();
        let before = accounts.clone();
        let legs = [leg(Phase::Hold, 60)];
        let undo = accounts.before(&legs);
        accounts.post(&legs).expect("fits");
        assert_ne!(accounts, before);
        accounts.restore(undo);
        assert_eq!(accounts, before);
    }

    #[test]
    fn accounts_read_back() {
        for account in [
            Account::Issuer("l".into()),
            Account::Grant("v:w".into()),
            Account::Budget("t".into()),
            Account::Provider("t".into()),
            Account::Expired("l".into()),
            Account::Revoked("l".into()),
            Account::External,
        ] {
            assert_eq!(Account::parse(&account.to_string()), Some(account));
        }
        assert_eq!(Account::parse("bank:x"), None);
    }
}
