//! Charging an attempt: which slice captures, gives back and releases how much (L4, L5,
//! L8), and what an expired or revoked voucher hands on to its funding line.
//!
//! Every charge is computed from the start of the attempt, and only the difference to
//! what was charged before is moved. So any split of the time gives the same total, and
//! an end that turns out earlier than what was confirmed gives money back.

use std::collections::BTreeMap;

use edugrid_units::{AttemptKey, MicroYuan, Outcome, Stamp, VoucherName};

use super::{OpenAttempt, Payments, SettledAttempt, State};
use crate::{
    account::{Account, Leg, Phase},
    calendar::Month,
    entry::{Answer, Settlement},
    hold::Slice,
    voucher::Voucher,
};

/// What a charge changes in an attempt, and the legs that go with it.
#[derive(Clone, Debug)]
pub(super) struct Settling {
    pub legs: Vec<Leg>,
    /// What each slice has paid afterwards.
    pub paid: Vec<MicroYuan>,
    /// Which slices are released afterwards.
    pub closed: Vec<bool>,
    /// What vouchers no longer hold or paid and got back, per slice; for their caps.
    pub freed: Vec<MicroYuan>,
    pub until: Stamp,
    pub charged: MicroYuan,
    pub refunded: MicroYuan,
    pub released: MicroYuan,
}

/// The movements of one slice, for its voucher or for own money.
#[derive(Clone, Copy, Debug, Default)]
struct Move {
    captured: MicroYuan,
    refunded: MicroYuan,
    released: MicroYuan,
}

impl Move {
    /// From `old` paid to `new` paid out of `held`; `release` lets go of the rest.
    fn new(held: MicroYuan, old: MicroYuan, new: MicroYuan, release: bool) -> Self {
        Self {
            captured: new.saturating_sub(old),
            refunded: old.saturating_sub(new),
            released: if release {
                held.saturating_sub(old.max(new))
            } else {
                MicroYuan::ZERO
            },
        }
    }

    fn add(&mut self, other: Self) {
        self.captured = self.captured.saturating_add(other.captured);
        self.refunded = self.refunded.saturating_add(other.refunded);
        self.released = self.released.saturating_add(other.released);
    }

    fn freed(&self) -> MicroYuan {
        self.refunded.saturating_add(self.released)
    }

    fn legs(&self, payer: &Account, provider: &Account, legs: &mut Vec<Leg>) {
        let mut push = |debit: &Account, credit: &Account, amount, phase| {
            if amount > MicroYuan::ZERO {
                legs.push(Leg {
                    debit: debit.clone(),
                    credit: credit.clone(),
                    amount,
                    phase,
                });
            }
        };
        push(payer, provider, self.captured, Phase::Capture);
        push(provider, payer, self.refunded, Phase::Post);
        push(payer, provider, self.released, Phase::Release);
    }
}

impl State {
    /// Charges an attempt that runs in `[from, until)`; `finish` releases all that is
    /// left, otherwise only slices that have expired are released.
    pub(super) fn settle(
        &self,
        attempt: &OpenAttempt,
        from: Stamp,
        until: Stamp,
        finish: bool,
    ) -> Settling {
        let hold = &attempt.hold;
        let allotted = hold.allot(attempt.admission.billed, from.seconds(), until.seconds());
        let provider = Account::Provider(hold.provider.clone());
        let mut settling = Settling {
            legs: Vec::new(),
            paid: Vec::with_capacity(allotted.len()),
            closed: Vec::with_capacity(allotted.len()),
            freed: Vec::with_capacity(allotted.len()),
            until,
            charged: MicroYuan::ZERO,
            refunded: MicroYuan::ZERO,
            released: MicroYuan::ZERO,
        };
        let (mut own, mut all) = (Move::default(), Move::default());
        let before = attempt.paid.iter().zip(&attempt.closed);
        for ((slice, new), (old, was_closed)) in hold.slices.iter().zip(allotted).zip(before) {
            // A released slice has nothing left to capture, whatever is allotted.
            let new = if *was_closed { new.min(*old) } else { new };
            let expired = slice.valid_until.is_some_and(|end| end <= until);
            let release = !*was_closed && (finish || expired);
            let (granted, copaid) = moves(slice, *old, new, release);
            if let Some(voucher) = &slice.voucher {
                let account = Account::Grant(voucher.clone());
                granted.legs(&account, &provider, &mut settling.legs);
                self.sweep(voucher, granted.freed(), &mut settling.legs);
            }
            own.add(copaid);
            all.add(granted);
            all.add(copaid);
            settling.paid.push(new);
            settling.closed.push(*was_closed || expired);
            settling.freed.push(granted.freed());
        }
        if let Some(tenant) = &hold.own_account {
            let account = Account::Budget(tenant.clone());
            own.legs(&account, &provider, &mut settling.legs);
        }
        settling.charged = all.captured;
        settling.refunded = all.refunded;
        settling.released = all.released;
        settling
    }

    /// The end of the charge for use up to `until`: not after the walltime (T1).
    pub(super) fn charge_end(attempt: &OpenAttempt, started: Stamp, until: Stamp) -> Stamp {
        until
            .min(started.after(attempt.admission.walltime))
            .max(started)
    }

    pub(super) fn carry_capture(&mut self, key: &AttemptKey, settling: Option<Settling>) {
        let (Some(attempt), Some(settling)) = (self.open.get_mut(key), settling) else {
            return;
        };
        attempt.paid = settling.paid;
        attempt.closed = settling.closed;
        attempt.charged_until = Some(settling.until);
        let (month, slices) = (attempt.month, &attempt.hold.slices);
        free_caps(&mut self.vouchers, key, month, slices, settling.freed);
    }

    pub(super) fn carry_end(
        &mut self,
        key: &AttemptKey,
        outcome: Outcome,
        answer: &Answer,
        settling: Option<Settling>,
    ) {
        let (Some(attempt), Some(settling), Answer::Settled(settlement)) =
            (self.open.remove(key), settling, answer)
        else {
            return;
        };
        let (month, slices) = (attempt.month, &attempt.hold.slices);
        free_caps(&mut self.vouchers, key, month, slices, settling.freed);
        let settled = SettledAttempt {
            settlement: settlement.clone(),
            outcome,
            held: attempt.hold.total(),
            payments: Payments::of(&attempt.hold.slices, &settling.paid),
            admission: attempt.admission,
        };
        self.settled.insert(key.clone(), settled);
    }
}

/// Takes out of what caps count what each slice's voucher no longer holds or paid.
pub(super) fn free_caps(
    vouchers: &mut BTreeMap<VoucherName, Voucher>,
    key: &AttemptKey,
    month: Month,
    slices: &[Slice],
    freed: impl IntoIterator<Item = MicroYuan>,
) {
    let freed = slices.iter().zip(freed);
    for (slice, amount) in freed.filter(|(_, amount)| *amount > MicroYuan::ZERO) {
        let name = slice.voucher.as_ref();
        if let Some(voucher) = name.and_then(|name| vouchers.get_mut(name)) {
            voucher.uncount(&key.job, month, amount);
        }
    }
}

/// What the slice's voucher and own money move.
fn moves(slice: &Slice, old: MicroYuan, new: MicroYuan, release: bool) -> (Move, Move) {
    let ((held, held_own), (old, old_own), (new, new_own)) =
        (slice.split(slice.base), slice.split(old), slice.split(new));
    (
        Move::new(held, old, new, release),
        Move::new(held_own, old_own, new_own, release),
    )
}

impl Payments {
    /// Who paid what, of what each slice paid.
    pub(crate) fn of(slices: &[Slice], paid: &[MicroYuan]) -> Self {
        let mut payments = Self::default();
        for (slice, paid) in slices.iter().zip(paid) {
            let (granted, own) = slice.split(*paid);
            if let Some(voucher) = &slice.voucher {
                payments.vouchers.push((voucher.clone(), granted));
            }
            payments.own = payments.own.saturating_add(own);
        }
        payments
    }
}

/// The settlement of an attempt that ran in `[started, ended)`.
pub(super) fn settlement(
    attempt: &OpenAttempt,
    interval: Option<(Stamp, Stamp)>,
    settling: &Settling,
) -> Settlement {
    let whole = |from: Stamp, until: Stamp| {
        u64::try_from(until.seconds().saturating_sub(from.seconds())).unwrap_or(0)
    };
    let charged_until = attempt
        .charged_until
        .or(interval.map(|(started, _)| started));
    Settlement {
        started: interval.map(|(started, _)| started),
        ended: interval.map(|(_, ended)| ended),
        seconds: interval.map_or(0, |(started, ended)| whole(started, ended)),
        charged: attempt
            .charged()
            .saturating_add(settling.charged)
            .saturating_sub(settling.refunded),
        last_charged: settling.charged,
        last_seconds: match (charged_until, interval) {
            (Some(from), Some((_, ended))) => whole(from, ended),
            _ => 0,
        },
        refunded: settling.refunded,
        released: settling.released,
    }
}
