//! What each command would lead to, and why it may not be written. Changes nothing.

use edugrid_units::{AttemptKey, JobUid, MicroYuan, Stamp, TenantName, VoucherName};

use super::{Effect, OpenAttempt, State, settle::settlement};
use crate::{
    account::{Account, Leg, Phase},
    calendar::Month,
    command::{Admit, Command, Opening},
    entry::Answer,
    refused::Refused,
    voucher::{FundingLine, Grant, GrantError, Voucher, VoucherKind, VoucherState},
};

impl Effect {
    fn new(at: Stamp) -> Self {
        Self {
            answer: Answer::Done,
            legs: Vec::new(),
            month: Month::of(at),
            tenants: Vec::new(),
            settling: None,
        }
    }

    fn seen_by<'a>(mut self, tenants: impl IntoIterator<Item = &'a TenantName>) -> Self {
        for tenant in tenants {
            if !self.tenants.contains(tenant) {
                self.tenants.push(tenant.clone());
            }
        }
        self
    }

    fn moving(mut self, legs: Vec<Leg>) -> Self {
        self.legs = legs;
        self
    }
}

impl State {
    pub(super) fn judge(&self, at: Stamp, command: &Command) -> Result<Effect, Refused> {
        if self.epoch == 0 && !matches!(command, Command::Open(_) | Command::Epoch { .. }) {
            return Err(Refused::NotLeading);
        }
        if let Some(instant) = self.known.is_forgotten(command) {
            return Err(Refused::Forgotten(instant));
        }
        let done = Effect::new(at);
        match command {
            Command::Open(opening) => self.judge_open(opening).map(|()| done),
            Command::Epoch { epoch, .. } => {
                let expected = self.epoch.saturating_add(1);
                if *epoch == expected {
                    Ok(done)
                } else {
                    Err(Refused::WrongEpoch {
                        given: *epoch,
                        expected,
                    })
                }
            }
            Command::FundingLine(line) => Ok(done.seen_by([&line.issuer])),
            Command::PriceBook(book) => Ok(book.check().map(|()| done)?),
            Command::Grant(grant) => self.judge_grant(at, grant),
            Command::VoucherState { voucher, state, .. } => self.judge_state(at, voucher, *state),
            Command::Expire { voucher } => self.judge_expire(at, voucher),
            Command::Admit(admit) => self.judge_admit(at, admit),
            Command::Bound { key, .. }
            | Command::Started { key, .. }
            | Command::Stop { key, .. } => self.attempt(key).map(|_| done),
            Command::Alive { at: alive, .. } if *alive > at => Err(Refused::NotYet(*alive)),
            Command::Alive { .. } => Ok(done),
            Command::Owned(ownership) if ownership.at > at => Err(Refused::NotYet(ownership.at)),
            Command::Rebase { at: from, .. } if *from > at => Err(Refused::NotYet(*from)),
            Command::Rebase { half_life, .. } if half_life.0 == 0 => Err(Refused::NoHalfLife),
            Command::Forget { at: until, .. } if *until > at => Err(Refused::NotYet(*until)),
            Command::Forget { jobs, .. } => match jobs.iter().find(|job| self.is_open(job)) {
                Some(job) => Err(Refused::NotSettled(job.clone())),
                None => Ok(done),
            },
            Command::Moved { epoch, .. } if *epoch != self.epoch => Err(Refused::WrongEpoch {
                given: *epoch,
                expected: self.epoch,
            }),
            Command::Moved { cluster, .. } if cluster.is_empty() => Err(Refused::NoCluster),
            Command::Owned(_) | Command::Rebase { .. } | Command::Moved { .. } => Ok(done),
            Command::Capture { key, until } => self.judge_capture(at, key, *until),
            Command::End {
                key,
                started,
                ended,
                ..
            } => self.judge_end(at, key, *started, *ended),
        }
    }

    fn judge_open(&self, opening: &Opening) -> Result<(), Refused> {
        if self.opening.is_some() {
            Err(Refused::AlreadyOpened)
        } else if opening.book.is_empty() {
            Err(Refused::Opening(
                "book id is empty, it must be a random UUID",
            ))
        } else if opening.factor == 0 {
            Err(Refused::Opening("clock factor is 0, it must be at least 1"))
        } else {
            Ok(())
        }
    }

    fn judge_grant(&self, at: Stamp, grant: &Grant) -> Result<Effect, Refused> {
        grant.check()?;
        let credit = match (grant.kind, grant.holder()) {
            (VoucherKind::OwnFunds, Some(holder)) => Account::Budget(holder.clone()),
            _ => Account::Grant(grant.voucher.clone()),
        };
        let debit = match &grant.funding_line {
            Some(name) => {
                let line = self
                    .lines
                    .get(name)
                    .ok_or_else(|| Refused::UnknownFundingLine(name.clone()))?;
                self.check_line(line, grant)?;
                Account::Issuer(name.clone())
            }
            None if grant.is_issued_by_root() => Account::External,
            None => Account::Budget(grant.issuer.clone()),
        };
        let leg = Leg {
            debit,
            credit,
            amount: grant.face,
            phase: Phase::Post,
        };
        Ok(Effect::new(at)
            .seen_by(&grant.holder_path)
            .moving(vec![leg]))
    }

    fn check_line(&self, line: &FundingLine, grant: &Grant) -> Result<(), GrantError> {
        if line.issuer != grant.issuer {
            return Err(GrantError::LineOfAnother {
                line: line.name.clone(),
                owner: line.issuer.clone(),
                issuer: grant.issuer.clone(),
            });
        }
        let rest = self.line_rest(line);
        if grant.face > rest {
            return Err(GrantError::LineExhausted {
                line: line.name.clone(),
                rest,
                face: grant.face,
            });
        }
        Ok(())
    }

    /// What a line can still grant: what expired or was revoked returned to it (L8).
    pub(crate) fn line_rest(&self, line: &FundingLine) -> MicroYuan {
        let counters = |account| self.accounts.get(&account);
        let issued = counters(Account::Issuer(line.name.clone())).debits_posted;
        let returned = counters(Account::Expired(line.name.clone()))
            .credits_posted
            .saturating_add(counters(Account::Revoked(line.name.clone())).credits_posted);
        line.total.saturating_sub(issued.saturating_sub(returned))
    }

    pub(crate) fn voucher(&self, name: &VoucherName) -> Result<&Voucher, Refused> {
        self.vouchers
            .get(name)
            .ok_or_else(|| Refused::UnknownVoucher(name.clone()))
    }

    fn judge_state(
        &self,
        at: Stamp,
        name: &VoucherName,
        state: VoucherState,
    ) -> Result<Effect, Refused> {
        let voucher = self.voucher(name)?;
        if voucher.state == VoucherState::Revoked {
            return Err(Refused::VoucherRevoked(name.clone()));
        }
        let mut legs = Vec::new();
        if let (VoucherState::Revoked, false, Some(line)) =
            (state, voucher.expired, &voucher.grant.funding_line)
        {
            legs.extend(self.rest_to(name, Account::Revoked(line.clone())));
        }
        Ok(Effect::new(at)
            .seen_by(&voucher.grant.holder_path)
            .moving(legs))
    }

    fn judge_expire(&self, at: Stamp, name: &VoucherName) -> Result<Effect, Refused> {
        let voucher = self.voucher(name)?;
        if voucher.grant.valid_until.is_none_or(|end| at < end) {
            return Err(Refused::NotExpired(name.clone()));
        }
        let mut legs = Vec::new();
        if let Some(line) = &voucher.grant.funding_line {
            legs.extend(self.rest_to(name, Account::Expired(line.clone())));
        }
        Ok(Effect::new(at)
            .seen_by(&voucher.grant.holder_path)
            .moving(legs))
    }

    /// The voucher's unheld rest goes back; nothing if there is none.
    fn rest_to(&self, name: &VoucherName, credit: Account) -> Option<Leg> {
        let debit = Account::Grant(name.clone());
        let amount = self.accounts.get(&debit).available();
        (amount > MicroYuan::ZERO).then_some(Leg {
            debit,
            credit,
            amount,
            phase: Phase::Post,
        })
    }

    /// Hands `amount`, which a voucher just got back, on to its line if the voucher has
    /// expired or was revoked meanwhile: it must never pay again (L8).
    pub(super) fn sweep(&self, name: &VoucherName, amount: MicroYuan, legs: &mut Vec<Leg>) {
        let Some(voucher) = self.vouchers.get(name) else {
            return;
        };
        let credit = match (&voucher.grant.funding_line, voucher.state, voucher.expired) {
            (Some(line), VoucherState::Revoked, _) => Account::Revoked(line.clone()),
            (Some(line), _, true) => Account::Expired(line.clone()),
            _ => return,
        };
        if amount > MicroYuan::ZERO {
            legs.push(Leg {
                debit: Account::Grant(name.clone()),
                credit,
                amount,
                phase: Phase::Post,
            });
        }
    }

    fn judge_admit(&self, at: Stamp, admit: &Admit) -> Result<Effect, Refused> {
        let (admission, hold) = (&admit.admission, &admit.hold);
        let key = &admission.key;
        self.check_turn(key, &key.job)?;
        let wrong = |what| Refused::Hold {
            key: key.clone(),
            what,
        };
        if admit.epoch != self.epoch {
            return Err(wrong("its epoch is not the one in force"));
        }
        self.check_hold(at, admit).map_err(wrong)?;
        let provider = Account::Provider(hold.provider.clone());
        let mut legs = Vec::new();
        let mut push = |debit, amount| {
            if amount > MicroYuan::ZERO {
                legs.push(Leg {
                    debit,
                    credit: provider.clone(),
                    amount,
                    phase: Phase::Hold,
                });
            }
        };
        let mut own = MicroYuan::ZERO;
        for slice in &hold.slices {
            let (granted, copaid) = slice.split(slice.base);
            if let Some(voucher) = &slice.voucher {
                push(Account::Grant(voucher.clone()), granted);
            }
            own = own.saturating_add(copaid);
        }
        match &hold.own_account {
            Some(tenant) => push(Account::Budget(tenant.clone()), own),
            None if own > MicroYuan::ZERO => return Err(wrong("nobody's own money would pay")),
            None => {}
        }
        let mut effect = Effect::new(at)
            .seen_by(admission.path.iter().chain([&hold.provider]))
            .moving(legs);
        effect.answer = Answer::Admitted { held: hold.total() };
        Ok(effect)
    }

    /// An attempt is decided once, and attempts of a task in their order (A2).
    fn check_turn(&self, key: &AttemptKey, job: &JobUid) -> Result<(), Refused> {
        match self.last_attempt(job, key.task) {
            Some(last) if key.attempt <= last => Err(Refused::OutOfTurn {
                key: key.clone(),
                last,
            }),
            _ => Ok(()),
        }
    }

    fn judge_capture(&self, at: Stamp, key: &AttemptKey, until: Stamp) -> Result<Effect, Refused> {
        let attempt = self.attempt(key)?;
        let (Some(started), Some(confirmed)) = (attempt.started, attempt.confirmed) else {
            return Err(Refused::NotStarted(key.clone()));
        };
        let after = attempt.charged_until.unwrap_or(started);
        if until <= after || until > confirmed {
            return Err(Refused::NotChargeable {
                key: key.clone(),
                after: after.0,
                confirmed: confirmed.0,
                until: until.0,
            });
        }
        let end = Self::charge_end(attempt, started, until);
        let mut settling = self.settle(attempt, started, end, false);
        settling.until = until;
        let seconds = end.seconds().saturating_sub(after.seconds());
        let mut effect = charging(attempt, Effect::new(at), Some(end));
        effect.answer = Answer::Captured {
            charged: settling.charged,
            seconds: u64::try_from(seconds).unwrap_or(0),
        };
        effect.legs = std::mem::take(&mut settling.legs);
        effect.settling = Some(settling);
        Ok(effect)
    }

    fn judge_end(
        &self,
        at: Stamp,
        key: &AttemptKey,
        started: Option<Stamp>,
        ended: Option<Stamp>,
    ) -> Result<Effect, Refused> {
        let attempt = self.attempt(key)?;
        // What was recorded while the attempt ran stands (A5).
        let interval = attempt.started.or(started).map(|started| {
            let last = ended.or(attempt.confirmed).unwrap_or(started);
            (started, Self::charge_end(attempt, started, last))
        });
        let (from, until) = interval.unwrap_or_default();
        let mut settling = self.settle(attempt, from, until, true);
        let ran = interval.filter(|(started, ended)| started < ended);
        let mut effect = charging(attempt, Effect::new(at), ran.map(|(_, ended)| ended));
        effect.answer = Answer::Settled(settlement(attempt, interval, &settling));
        effect.legs = std::mem::take(&mut settling.legs);
        effect.settling = Some(settling);
        Ok(effect)
    }
}

/// A charge counts in the month of the last second of its use.
fn charging(attempt: &OpenAttempt, effect: Effect, used_until: Option<Stamp>) -> Effect {
    let admission = &attempt.admission;
    let mut effect = effect.seen_by(admission.path.iter().chain([&attempt.hold.provider]));
    if let Some(until) = used_until {
        effect.month = Month::of(Stamp(until.0.saturating_sub(1)));
    }
    effect
}
