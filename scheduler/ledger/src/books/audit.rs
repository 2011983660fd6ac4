//! The conservation check (L13): invariants 1 to 3 of domain §4.15, over all accounts.

use std::collections::BTreeMap;

use edugrid_units::MicroYuan;

use super::Books;
use crate::{account::Account, state::OpenAttempt};

/// How the books fail to balance (L13). Never seen unless there is a bug or damage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// Debits and credits differ (invariant 1).
    #[error("{what} debits are {debits} and credits {credits} micro-yuan, they must be equal")]
    Sums {
        /// `posted` or `pending`.
        what: &'static str,
        /// Sum of debits.
        debits: u128,
        /// Sum of credits.
        credits: u128,
    },
    /// A bounded account is below zero (invariant 2).
    #[error("{0} is below zero")]
    Overdrawn(Account),
    /// What is pending isn't what open holds have left (invariant 3).
    #[error("{account} has {pending} yuan pending, open holds have {held} left")]
    Holds {
        /// The account.
        account: Account,
        /// What is pending on it.
        pending: MicroYuan,
        /// What open holds say.
        held: MicroYuan,
    },
}

impl Books {
    /// Whether the books balance; cheap enough to run live once a minute.
    ///
    /// # Errors
    /// With the first imbalance.
    pub fn audit(&self) -> Result<(), Imbalance> {
        self.audit_sums()?;
        for (account, counters) in self.accounts() {
            let out = counters.debits_posted.checked_add(counters.debits_pending);
            if account.is_bounded() && out.is_none_or(|out| out > counters.credits_posted) {
                return Err(Imbalance::Overdrawn(account.clone()));
            }
        }
        self.audit_holds()
    }

    fn audit_sums(&self) -> Result<(), Imbalance> {
        let sum = |part: fn(&crate::account::Counters) -> MicroYuan| {
            self.accounts().fold(0_u128, |sum, (_, counters)| {
                sum.saturating_add(u128::from(part(counters).0))
            })
        };
        let sums = [
            (
                "posted",
                sum(|it| it.debits_posted),
                sum(|it| it.credits_posted),
            ),
            (
                "pending",
                sum(|it| it.debits_pending),
                sum(|it| it.credits_pending),
            ),
        ];
        match sums
            .into_iter()
            .find(|(_, debits, credits)| debits != credits)
        {
            Some((what, debits, credits)) => Err(Imbalance::Sums {
                what,
                debits,
                credits,
            }),
            None => Ok(()),
        }
    }

    fn audit_holds(&self) -> Result<(), Imbalance> {
        let mut held: BTreeMap<Account, MicroYuan> = BTreeMap::new();
        for attempt in self.open_attempts() {
            for (account, amount) in left(attempt) {
                let sum = held.entry(account).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
        for (account, counters) in self.accounts().filter(|(account, _)| account.is_bounded()) {
            let held = held.get(account).copied().unwrap_or_default();
            if counters.debits_pending != held {
                return Err(Imbalance::Holds {
                    account: account.clone(),
                    pending: counters.debits_pending,
                    held,
                });
            }
        }
        Ok(())
    }
}

/// What an open attempt's slices have left, per account that pays.
fn left(attempt: &OpenAttempt) -> Vec<(Account, MicroYuan)> {
    let mut left = Vec::new();
    let paid = attempt.paid.iter().zip(&attempt.closed);
    for (slice, (paid, _)) in attempt
        .hold
        .slices
        .iter()
        .zip(paid)
        .filter(|(_, (_, closed))| !**closed)
    {
        let (held, held_own) = slice.split(slice.base);
        let (granted, own) = slice.split(*paid);
        if let Some(voucher) = &slice.voucher {
            left.push((
                Account::Grant(voucher.clone()),
                held.saturating_sub(granted),
            ));
        }
        if let Some(tenant) = &attempt.hold.own_account {
            left.push((
                Account::Budget(tenant.clone()),
                held_own.saturating_sub(own),
            ));
        }
    }
    left
}
