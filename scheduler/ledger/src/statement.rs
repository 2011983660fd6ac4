//! What a tenant's subtree used and paid in a month, with the balances before and after
//! (domain §4.17). Made of entries alone: whoever has the journal makes the same one.
//!
//! A tenant's accounts are the vouchers and budgets held in its subtree and what it earns
//! itself. Usage lists every attempt of the subtree, whoever paid for it.

mod document;

pub use document::{
    AccountDocument, ClockDocument, MovementDocument, StatementDocument, UsageDocument,
};

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{AttemptKey, MicroYuan, Outcome, Stamp, TenantName, VoucherName};

use crate::{
    account::{Account, Leg, Phase},
    calendar::Month,
    command::{Admit, Command, Opening},
    entry::{Answer, Entry},
    history::{Base, HistoryView, ViewError},
    voucher::Grant,
};

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose it is.
    pub tenant: TenantName,
    /// The month, in Asia/Shanghai.
    pub month: Month,
    /// The book and its clock; none where there are no entries.
    pub opening: Option<Opening>,
    /// The tenant's accounts that ever moved, in their order.
    pub accounts: Vec<AccountStatement>,
    /// Attempts that were charged or ended in the month, in the order of their keys.
    pub usage: Vec<Usage>,
    /// Movements that are no charges: grants, deposits, expiries, revocations.
    pub movements: Vec<Movement>,
}

/// An account over the month. Amounts in micro-yuan, signed: a provider may owe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatement {
    /// The account.
    pub account: Account,
    /// Before the month.
    pub opening: Balance,
    /// Moved in during the month.
    pub credits: i128,
    /// Moved out during the month.
    pub debits: i128,
    /// After the month: the next one's opening.
    pub closing: Balance,
}

impl AccountStatement {
    fn unmoved(account: Account, balance: Balance) -> Self {
        Self {
            account,
            opening: balance,
            credits: 0,
            debits: 0,
            closing: balance,
        }
    }
}

/// A balance in micro-yuan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What came in less what went out.
    pub posted: i128,
    /// Of it, what is set aside to go out.
    pub held: i128,
}

/// What one attempt used in the month, and who paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The admission with its rates.
    pub admit: Admit,
    /// Charged use in the month.
    pub seconds: u64,
    /// The charged interval's end within the month; none if nothing was charged.
    pub until: Option<Stamp>,
    /// Its start, where the attempt ended in the month.
    pub started: Option<Stamp>,
    /// What the vouchers paid in the month, in micro-yuan.
    pub vouchers: BTreeMap<VoucherName, i128>,
    /// What own money paid in the month, in micro-yuan.
    pub own: i128,
    /// How it ended, if it did in the month.
    pub outcome: Option<Outcome>,
}

impl Usage {
    /// All that was charged in the month, in micro-yuan.
    pub fn cost(&self) -> i128 {
        self.vouchers
            .values()
            .fold(self.own, |sum, part| sum.saturating_add(*part))
    }

    /// What vouchers paid of it, in micro-yuan.
    pub fn granted(&self) -> i128 {
        self.cost().saturating_sub(self.own)
    }
}

/// A movement that is no charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The entry.
    pub entry: u64,
    /// When.
    pub at: Stamp,
    /// The command's verb.
    pub verb: &'static str,
    /// What moved.
    pub leg: Leg,
}

/// The statement of a tenant's subtree for a month.
///
/// # Errors
/// If the view is damaged.
pub fn statement(
    view: &dyn HistoryView,
    tenant: &TenantName,
    month: Month,
) -> Result<Statement, ViewError> {
    let base = view.base();
    if let Some(first) = base.map(Base::first_month).filter(|first| month < *first) {
        return Err(ViewError::NeedsArchive { first });
    }
    let opening = match (base, view.entry(0)?.map(|entry| entry.command)) {
        (Some(base), _) => base.opening.clone(),
        (None, Some(Command::Open(opening))) => Some(opening),
        _ => None,
    };
    let mut fold = Fold {
        tenant,
        month,
        subtree: BTreeSet::from([tenant.clone()]),
        vouchers: BTreeSet::new(),
        open: BTreeMap::new(),
        accounts: BTreeMap::new(),
        usage: BTreeMap::new(),
        movements: Vec::new(),
    };
    if let Some(base) = base {
        fold.begin(base);
    }
    let mut failed = Ok(());
    view.of_tenant(tenant, month, &mut |month, entry| {
        if failed.is_ok() {
            failed = fold.take(view, month, &entry);
        }
    })?;
    failed?;
    Ok(Statement {
        tenant: tenant.clone(),
        month,
        opening,
        accounts: fold.accounts.into_values().collect(),
        usage: fold.usage.into_values().collect(),
        movements: fold.movements,
    })
}

/// A statement in the making.
struct Fold<'a> {
    tenant: &'a TenantName,
    month: Month,
    /// The tenant and all that were ever seen below it.
    subtree: BTreeSet<TenantName>,
    /// The vouchers that they hold.
    vouchers: BTreeSet<VoucherName>,
    /// Admissions of attempts that haven't ended.
    open: BTreeMap<AttemptKey, Admit>,
    accounts: BTreeMap<Account, AccountStatement>,
    usage: BTreeMap<AttemptKey, Usage>,
    movements: Vec<Movement>,
}

impl Fold<'_> {
    /// Carries over what stood before the view's first entry.
    fn begin(&mut self, base: &Base) {
        for grant in &base.grants {
            self.learn_grant(grant);
        }
        for admit in &base.open {
            self.learn_admit(admit);
        }
        for (account, counters) in &base.accounts {
            if self.owns(account) {
                let credited = i128::from(counters.credits_posted.0);
                let balance = Balance {
                    posted: credited.saturating_sub(i128::from(counters.debits_posted.0)),
                    held: i128::from(counters.debits_pending.0),
                };
                let line = AccountStatement::unmoved(account.clone(), balance);
                self.accounts.insert(account.clone(), line);
            }
        }
    }

    fn learn_grant(&mut self, grant: &Grant) {
        let is_below = self.climb(&grant.holder_path);
        self.vouchers
            .extend(is_below.then(|| grant.voucher.clone()));
    }

    fn learn_admit(&mut self, admit: &Admit) {
        let is_below = self.climb(&admit.admission.path);
        let key = admit.admission.key.clone();
        self.open.extend(is_below.then(|| (key, admit.clone())));
    }

    fn take(
        &mut self,
        view: &dyn HistoryView,
        month: Month,
        entry: &Entry,
    ) -> Result<(), ViewError> {
        match &entry.command {
            Command::Grant(grant) => self.learn_grant(grant),
            Command::Admit(admit) => self.learn_admit(admit),
            _ => {}
        }
        let is_now = month == self.month;
        for leg in &entry.legs {
            self.move_account(&leg.debit, leg, is_now, true);
            self.move_account(&leg.credit, leg, is_now, false);
            if is_now && is_no_charge(leg) && (self.owns(&leg.debit) || self.owns(&leg.credit)) {
                self.movements.push(Movement {
                    entry: entry.sequence,
                    at: entry.at,
                    verb: entry.command.verb(),
                    leg: leg.clone(),
                });
            }
        }
        if is_now {
            self.use_up(view, entry)?;
        }
        if let Command::End { key, .. } = &entry.command {
            self.open.remove(key);
        }
        Ok(())
    }

    /// Learns who is below the tenant from a path; whether the tenant is on it at all.
    fn climb(&mut self, path: &[TenantName]) -> bool {
        let Some(place) = path.iter().position(|tenant| tenant == self.tenant) else {
            return false;
        };
        self.subtree.extend(path.iter().take(place).cloned());
        true
    }

    fn owns(&self, account: &Account) -> bool {
        match account {
            Account::Grant(voucher) => self.vouchers.contains(voucher),
            Account::Budget(tenant) => self.subtree.contains(tenant),
            Account::Provider(tenant) => tenant == self.tenant,
            _ => false,
        }
    }

    fn move_account(&mut self, account: &Account, leg: &Leg, is_now: bool, is_debit: bool) {
        if !self.owns(account) {
            return;
        }
        let line = self
            .accounts
            .entry(account.clone())
            .or_insert_with(|| AccountStatement::unmoved(account.clone(), Balance::default()));
        let amount = i128::from(leg.amount.0);
        let moves = matches!(leg.phase, Phase::Post | Phase::Capture);
        let held = match (is_debit, leg.phase) {
            (true, Phase::Hold) => amount,
            (true, Phase::Capture | Phase::Release) => amount.saturating_neg(),
            _ => 0,
        };
        let posted = match (moves, is_debit) {
            (false, _) => 0,
            (true, true) => amount.saturating_neg(),
            (true, false) => amount,
        };
        line.closing.posted = line.closing.posted.saturating_add(posted);
        line.closing.held = line.closing.held.saturating_add(held);
        if !is_now {
            line.opening = line.closing;
        } else if moves && is_debit {
            line.debits = line.debits.saturating_add(amount);
        } else if moves {
            line.credits = line.credits.saturating_add(amount);
        }
    }

    /// Adds a charge of the month to its attempt's line.
    fn use_up(&mut self, view: &dyn HistoryView, entry: &Entry) -> Result<(), ViewError> {
        let (key, seconds) = match (&entry.command, &entry.answer) {
            (Command::Capture { key, .. }, Answer::Captured { seconds, .. }) => (key, *seconds),
            (Command::End { key, .. }, Answer::Settled(settled)) => (key, settled.last_seconds),
            _ => return Ok(()),
        };
        let admit = match self.open.get(key) {
            Some(admit) => admit.clone(),
            // Admitted in a later month than it was charged in, by a clock that is ahead;
            // or seen only as the provider, who gets no usage lines.
            None => match admission(view, key)? {
                Some(admit) if admit.admission.path.contains(self.tenant) => admit,
                _ => return Ok(()),
            },
        };
        let usage = self.usage.entry(key.clone()).or_insert_with(|| Usage {
            admit,
            seconds: 0,
            until: None,
            started: None,
            vouchers: BTreeMap::new(),
            own: 0,
            outcome: None,
        });
        usage.seconds = usage.seconds.saturating_add(seconds);
        match (&entry.command, &entry.answer) {
            (Command::Capture { until, .. }, _) => usage.until = Some(*until),
            (Command::End { outcome, .. }, Answer::Settled(settled)) => {
                usage.outcome = Some(*outcome);
                usage.started = settled.started;
                usage.until = settled.ended;
            }
            _ => {}
        }
        for leg in &entry.legs {
            usage.pay(leg);
        }
        Ok(())
    }
}

impl Usage {
    /// Captures count, refunds count back.
    fn pay(&mut self, leg: &Leg) {
        let amount = i128::from(leg.amount.0);
        let (payer, amount) = match (leg.phase, &leg.debit) {
            (Phase::Capture, payer) => (payer, amount),
            (Phase::Post, Account::Provider(_)) => (&leg.credit, amount.saturating_neg()),
            _ => return,
        };
        let paid = match payer {
            Account::Grant(voucher) => self.vouchers.entry(voucher.clone()).or_default(),
            _ => &mut self.own,
        };
        *paid = paid.saturating_add(amount);
    }
}

/// Whether the leg moves money that isn't a charge or a refund of one.
fn is_no_charge(leg: &Leg) -> bool {
    leg.phase == Phase::Post && !matches!(leg.debit, Account::Provider(_))
}

fn admission(view: &dyn HistoryView, key: &AttemptKey) -> Result<Option<Admit>, ViewError> {
    let entries = view.of_job(&key.job)?;
    Ok(entries.into_iter().find_map(|entry| match entry.command {
        Command::Admit(admit) if admit.admission.key == *key => Some(*admit),
        _ => None,
    }))
}

/// A signed amount in yuan.
pub(crate) fn money(micro: i128) -> String {
    let magnitude = u64::try_from(micro.unsigned_abs()).unwrap_or(u64::MAX);
    let sign = if micro < 0 { "-" } else { "" };
    format!("{sign}{}", MicroYuan(magnitude))
}
