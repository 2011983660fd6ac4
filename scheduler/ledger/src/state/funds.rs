//! Who could pay for an admission, at which price, and whether a hold says so truly (L2).

use edugrid_units::{
    Admission, HoldAsk, MicroYuan, PoolName, Seconds, Shortage, Stamp, TenantName, VoucherName,
};

use super::State;
use crate::{
    account::Account,
    calendar::Month,
    command::Admit,
    hold::{Hold, Slice},
    plan::{Need, Payer},
    price::{PriceBook, Rates, TopRate},
    voucher::{Voucher, VoucherKind},
};

impl State {
    /// The price of a pool in a tier at an instant: that of the newest book in effect
    /// that has one.
    pub(crate) fn price(
        &self,
        at: Stamp,
        pool: &PoolName,
        tier: &str,
    ) -> Option<(&PriceBook, MicroYuan)> {
        self.prices.in_effect(at, pool, tier)
    }

    /// Whose own money counts for a tenant: the nearest ancestor-or-self with a valid
    /// voucher of own funds, whatever its balance (L2).
    pub(crate) fn own_account(&self, path: &[TenantName], at: Stamp) -> Option<TenantName> {
        let has_own_funds = |tenant: &TenantName| {
            self.held(tenant).any(|voucher| {
                voucher.grant.kind == VoucherKind::OwnFunds && voucher.refusal(at).is_none()
            })
        };
        path.iter().find(|tenant| has_own_funds(tenant)).cloned()
    }

    /// The vouchers that a tenant holds itself, but for those that are over.
    pub(crate) fn held(&self, tenant: &TenantName) -> impl Iterator<Item = &Voucher> {
        let names = self.held_by.get(tenant).into_iter().flatten();
        names.filter_map(|name| self.vouchers.get(name))
    }

    /// What a hold for `ask` would be at `at`; nothing is held.
    pub(crate) fn quote(&self, at: Stamp, ask: &HoldAsk<'_>) -> Result<Hold, Shortage> {
        let admission = ask.admission;
        let payers = self.payers(at, ask)?;
        let mut hold = Hold {
            provider: ask.provider.clone(),
            price_tier: ask.price_tier.to_owned(),
            own_pool: ask.own_pool,
            price_book: None,
            rates: Rates::default(),
            own_account: self.own_account(&admission.path, at),
            slices: Vec::new(),
        };
        if ask.own_pool {
            return Ok(hold);
        }
        let no_price = || Shortage::NoPrice {
            pool: admission.pool.clone(),
            tier: ask.price_tier.to_owned(),
        };
        let (book, per_unit_hour) = self
            .price(at, &admission.pool, ask.price_tier)
            .ok_or_else(no_price)?;
        hold.price_book = Some(book.name.clone());
        hold.rates = Rates {
            per_unit_hour,
            bands: book.bands.clone(),
        };
        if hold.rates.is_free() {
            return Ok(hold);
        }
        let own = self.own_money(hold.own_account.as_ref());
        let beyond_counting = Shortage::InsufficientFunds {
            needed: MicroYuan(u64::MAX),
            vouchers: MicroYuan::ZERO,
            own,
        };
        let need = need(&hold.rates, admission, at, own).ok_or(beyond_counting)?;
        if let Some(limit) = ask.max_cost.filter(|limit| need.total() > *limit) {
            return Err(Shortage::AboveMaxCost {
                needed: need.total(),
                limit,
            });
        }
        hold.slices = need
            .plan(&payers)
            .map_err(|short| Shortage::InsufficientFunds {
                needed: short.needed,
                vouchers: short.vouchers,
                own: short.own,
            })?;
        Ok(hold)
    }

    fn own_money(&self, tenant: Option<&TenantName>) -> MicroYuan {
        tenant.map_or(MicroYuan::ZERO, |tenant| {
            let account = Account::Budget(tenant.clone());
            self.accounts.get(&account).available()
        })
    }

    /// The vouchers that may pay, in their order: the user's if he named some, else that
    /// of L2. Of what he named, own funds are passed over: they pay in any case.
    fn payers(&self, at: Stamp, ask: &HoldAsk<'_>) -> Result<Vec<Payer>, Shortage> {
        let admission = ask.admission;
        if ask.vouchers.is_empty() {
            let mut ranked: Vec<_> = admission
                .path
                .iter()
                .flat_map(|tenant| self.held(tenant))
                .filter(|voucher| self.why_not(voucher, at, ask).is_none())
                .map(|voucher| (voucher.rank(self.rest(voucher)), voucher))
                .collect();
            ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
            let payer = |(_, voucher)| self.payer(voucher, admission, at);
            return Ok(ranked.into_iter().filter_map(payer).collect());
        }
        let mut payers: Vec<Payer> = Vec::new();
        for name in ask.vouchers {
            let voucher = self
                .vouchers
                .get(name)
                .ok_or_else(|| Shortage::UnknownVoucher(name.clone()))?;
            if let Some(why) = self.why_not(voucher, at, ask) {
                return Err(Shortage::VoucherNotAllowed {
                    voucher: name.clone(),
                    why,
                });
            }
            if payers.iter().all(|payer| payer.voucher != *name) {
                payers.extend(self.payer(voucher, admission, at));
            }
        }
        Ok(payers)
    }

    fn why_not(&self, voucher: &Voucher, at: Stamp, ask: &HoldAsk<'_>) -> Option<&'static str> {
        let admission = ask.admission;
        voucher
            .mismatch(
                &admission.path,
                ask.provider,
                &admission.pool,
                &admission.class,
            )
            .or_else(|| voucher.refusal(at))
    }

    /// What a voucher can still give.
    fn rest(&self, voucher: &Voucher) -> MicroYuan {
        let account = Account::Grant(voucher.grant.voucher.clone());
        self.accounts.get(&account).available()
    }

    fn payer(&self, voucher: &Voucher, admission: &Admission, at: Stamp) -> Option<Payer> {
        let grant = &voucher.grant;
        let cap = voucher.cap_left(&admission.key.job, Month::of(at));
        (grant.kind != VoucherKind::OwnFunds).then(|| Payer {
            voucher: grant.voucher.clone(),
            coverage: grant.coverage,
            valid_until: grant.valid_until,
            available: self.rest(voucher).min(cap),
        })
    }

    /// Whether a recorded hold follows from prices, vouchers and rules; if not, what is
    /// wrong with it. The order of its slices isn't judged: the user may have named it.
    pub(super) fn check_hold(&self, at: Stamp, admit: &Admit) -> Result<(), &'static str> {
        let (admission, hold) = (&admit.admission, &admit.hold);
        if admission.path.is_empty() {
            return Err("its path is empty");
        }
        if hold.own_account != self.own_account(&admission.path, at) {
            return Err("its own money is somebody else's");
        }
        let (root, provider) = (admission.path.last(), &hold.provider);
        if hold.own_pool != (root != Some(provider) && admission.path.contains(provider)) {
            return Err("whose pool it is does not follow from its owner and the path");
        }
        if hold.own_pool {
            let nothing =
                hold.slices.is_empty() && hold.price_book.is_none() && hold.rates.is_free();
            return if nothing {
                Ok(())
            } else {
                Err("an own pool costs nothing")
            };
        }
        let (book, price) = self
            .price(at, &admission.pool, &hold.price_tier)
            .ok_or("no price is in effect")?;
        if hold.price_book.as_ref() != Some(&book.name)
            || hold.rates.per_unit_hour != price
            || hold.rates.bands != book.bands
        {
            return Err("its rates are not those of the price book in effect");
        }
        let wrong_total = "its total is not walltime × highest rate";
        let need = need(&hold.rates, admission, at, MicroYuan::ZERO).ok_or(wrong_total)?;
        if need.total() != hold.total() {
            return Err(wrong_total);
        }
        self.check_slices(at, admission, hold, &need)
    }

    fn check_slices(
        &self,
        at: Stamp,
        admission: &Admission,
        hold: &Hold,
        need: &Need,
    ) -> Result<(), &'static str> {
        let last = hold.slices.len().saturating_sub(1);
        let mut reached = MicroYuan::ZERO;
        for (index, slice) in hold.slices.iter().enumerate() {
            reached = reached.saturating_add(slice.base);
            if reached > need.until(slice.valid_until) {
                return Err("a voucher holds money for use after its expiry");
            }
            match &slice.voucher {
                Some(name) => {
                    let earlier = hold.slices.iter().take(index);
                    if earlier
                        .into_iter()
                        .any(|it| it.voucher.as_ref() == Some(name))
                    {
                        return Err("a voucher pays twice");
                    }
                    self.check_slice(at, admission, hold, slice, name)?;
                }
                None if index != last || slice.valid_until.is_some() => {
                    return Err("own money pays what is left, last and without an end");
                }
                None => {}
            }
        }
        Ok(())
    }

    fn check_slice(
        &self,
        at: Stamp,
        admission: &Admission,
        hold: &Hold,
        slice: &Slice,
        name: &VoucherName,
    ) -> Result<(), &'static str> {
        let voucher = self.vouchers.get(name).ok_or("a voucher is unknown")?;
        let grant = &voucher.grant;
        let misfit = voucher.mismatch(
            &admission.path,
            &hold.provider,
            &admission.pool,
            &admission.class,
        );
        if misfit.is_some() || voucher.refusal(at).is_some() || grant.kind == VoucherKind::OwnFunds
        {
            return Err("a voucher may not pay for this job");
        }
        if grant.coverage != slice.coverage || grant.valid_until != slice.valid_until {
            return Err("a slice's coverage or validity is not its voucher's");
        }
        let granted = slice.split(slice.base).0;
        if granted == MicroYuan::ZERO
            || granted > voucher.cap_left(&admission.key.job, Month::of(at))
        {
            return Err("a voucher pays nothing, or more than its cap");
        }
        Ok(())
    }
}

fn need(rates: &Rates, admission: &Admission, at: Stamp, own: MicroYuan) -> Option<Need> {
    let span: Seconds = admission.walltime;
    let rate: TopRate = rates.highest(admission.billed, at.seconds(), span)?;
    Some(Need {
        rate,
        start: at,
        walltime: span,
        own,
    })
}
