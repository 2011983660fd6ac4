//! What others read from the books: in memory, as of the last command carried out,
//! staged ones included.

use edugrid_units::{
    AttemptKey, FundingLineName, JobUid, MicroYuan, PoolName, Stamp, TenantName, VoucherName,
};

use super::{Books, Position};
use crate::{
    account::{Account, Counters},
    command::Opening,
    price::PriceBook,
    state::{OpenAttempt, Payments, SettledAttempt},
    voucher::{FundingLine, Voucher},
};

/// What a voucher of money is worth now. For own funds see [`Books::budget`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoucherBalance {
    /// What it was worth.
    pub face: MicroYuan,
    /// Held for running attempts.
    pub held: MicroYuan,
    /// Spent, less what was given back.
    pub spent: MicroYuan,
    /// Handed back to its line by expiry or revocation.
    pub returned: MicroYuan,
    /// What it can still pay.
    pub available: MicroYuan,
}

impl Books {
    /// What stands in segment 0: the book's id, its hash function, its clock.
    pub fn opening(&self) -> Option<&Opening> {
        self.state.opening.as_ref()
    }

    /// The epoch in force; 0 before the first. The next leader's is one more.
    pub fn epoch(&self) -> u64 {
        self.state.epoch
    }

    /// The cluster in which the book lives: the UID of its namespace `kube-system`. `None`
    /// before the first [`Command::Moved`](crate::Command::Moved).
    pub fn cluster(&self) -> Option<&str> {
        self.state.cluster.as_deref()
    }

    /// All jobs of which anything is remembered, in the order of their UIDs.
    pub fn jobs(&self) -> impl Iterator<Item = &JobUid> {
        self.state.last_attempts.keys()
    }

    /// How far the journal reaches: the last committed batch.
    pub fn position(&self) -> Position {
        self.durable
    }

    /// Whether commands wait for [`take_batch`](Self::take_batch).
    pub fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Whether a batch was taken and not yet committed.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// All attempts that were admitted and haven't ended, in the order of their keys.
    pub fn open_attempts(&self) -> impl Iterator<Item = &OpenAttempt> {
        self.state.open.values()
    }

    /// The attempt, if it was admitted and hasn't ended.
    pub fn open_attempt(&self, key: &AttemptKey) -> Option<&OpenAttempt> {
        self.state.open.get(key)
    }

    /// The attempt, if it has ended.
    pub fn settled_attempt(&self, key: &AttemptKey) -> Option<&SettledAttempt> {
        self.state.settled.get(key)
    }

    /// All attempts of a job that have ended.
    pub fn settled_attempts(
        &self,
        job: &JobUid,
    ) -> impl Iterator<Item = (&AttemptKey, &SettledAttempt)> {
        let job = job.clone();
        let first = AttemptKey {
            job: job.clone(),
            task: 0,
            attempt: 0,
        };
        self.state
            .settled
            .range(first..)
            .take_while(move |(key, _)| key.job == job)
    }

    /// The last attempt of a task that was admitted, ended or not: the next one has a
    /// higher number (A2). 0 if there was none.
    pub fn last_attempt(&self, job: &JobUid, task: u32) -> u32 {
        self.state.last_attempt(job, task).unwrap_or(0)
    }

    /// Who has paid what for an open attempt so far, or for an ended one in all.
    pub fn payments(&self, key: &AttemptKey) -> Option<Payments> {
        match self.state.open.get(key) {
            Some(attempt) => Some(Payments::of(&attempt.hold.slices, &attempt.paid)),
            None => self
                .state
                .settled
                .get(key)
                .map(|settled| settled.payments.clone()),
        }
    }

    /// The instants between which an open attempt may still be charged: until when it
    /// is charged, and the last one confirmed.
    pub fn chargeable(&self, key: &AttemptKey) -> Option<(Stamp, Stamp)> {
        let attempt = self.state.open.get(key)?;
        let started = attempt.started?;
        Some((
            attempt.charged_until.unwrap_or(started),
            attempt.confirmed.unwrap_or(started),
        ))
    }

    /// A voucher as it stands in the books.
    pub fn voucher(&self, name: &VoucherName) -> Option<&Voucher> {
        self.state.vouchers.get(name)
    }

    /// All vouchers in the order of their names.
    pub fn vouchers(&self) -> impl Iterator<Item = &Voucher> {
        self.state.vouchers.values()
    }

    /// What a voucher is worth now.
    pub fn voucher_balance(&self, name: &VoucherName) -> Option<VoucherBalance> {
        let voucher = self.state.vouchers.get(name)?;
        let counters = self.account(&Account::Grant(name.clone()));
        let given_back = counters.credits_posted.saturating_sub(voucher.grant.face);
        Some(VoucherBalance {
            face: voucher.grant.face,
            held: counters.debits_pending,
            spent: counters
                .debits_posted
                .saturating_sub(voucher.returned)
                .saturating_sub(given_back),
            returned: voucher.returned,
            available: counters.available(),
        })
    }

    /// A tenant's own money: what came in, went out and is held.
    pub fn budget(&self, tenant: &TenantName) -> Counters {
        self.account(&Account::Budget(tenant.clone()))
    }

    /// What a tenant earned with its pools: posted, and pending for running attempts.
    pub fn earnings(&self, tenant: &TenantName) -> Counters {
        self.account(&Account::Provider(tenant.clone()))
    }

    /// An account's counters; zeros if it never moved.
    pub fn account(&self, account: &Account) -> Counters {
        self.state.accounts.get(account)
    }

    /// All accounts that ever moved, in their order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, &Counters)> {
        self.state.accounts.iter()
    }

    /// A funding line with what it can still grant.
    pub fn funding_line(&self, name: &FundingLineName) -> Option<(&FundingLine, MicroYuan)> {
        let line = self.state.lines.get(name)?;
        Some((line, self.state.line_rest(line)))
    }

    /// The price book in effect for a pool and tier, with the price (L2).
    pub fn price(
        &self,
        now: Stamp,
        pool: &PoolName,
        tier: &str,
    ) -> Option<(&PriceBook, MicroYuan)> {
        self.state.price(now, pool, tier)
    }
}
