//! A hold: money set aside for one attempt in slices, and which slice pays how much of
//! its use (L2, L4, domain §4.5–§4.8). Knows nothing of accounts.

use edugrid_units::{MicroYuan, PriceBookName, Ratio, Stamp, TenantName, VoucherName};

use crate::price::Rates;

/// A part of a hold's cost and who pays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The voucher; none: own money pays the whole slice.
    pub voucher: Option<VoucherName>,
    /// The cost that the slice stands for.
    pub base: MicroYuan,
    /// The voucher's part of the cost; the rest is co-pay from own money.
    pub coverage: Ratio,
    /// The slice pays only for use before this instant.
    pub valid_until: Option<Stamp>,
}

impl Slice {
    /// What voucher and own money pay of the slice's first `base`: the voucher's part is
    /// floored over the whole slice, so that parts add up however they are split.
    pub fn split(&self, base: MicroYuan) -> (MicroYuan, MicroYuan) {
        if self.voucher.is_none() {
            return (MicroYuan::ZERO, base);
        }
        let granted = covered(base, self.coverage);
        (granted, base.saturating_sub(granted))
    }
}

/// `floor(base × coverage)`.
pub(crate) fn covered(base: MicroYuan, coverage: Ratio) -> MicroYuan {
    let exact = u128::from(base.0).saturating_mul(u128::from(coverage.num()));
    let floored = exact.checked_div(u128::from(coverage.den())).unwrap_or(0);
    // Coverage is at most 1, so the part is at most the whole.
    MicroYuan(u64::try_from(floored).unwrap_or(base.0)).min(base)
}

/// What is set aside for one attempt, with all that settlement needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who earns: the pool's owner.
    pub provider: TenantName,
    /// The class's price tier.
    pub price_tier: String,
    /// Whether the pool is the tenant's own, which costs nothing (L2).
    pub own_pool: bool,
    /// The book that the rates come from; none for an own pool.
    pub price_book: Option<PriceBookName>,
    /// The rates, fixed for the attempt.
    pub rates: Rates,
    /// Whose budget pays what vouchers don't; none if nobody above has own money.
    pub own_account: Option<TenantName>,
    /// Who pays, in the order in which use is charged; empty if nothing costs.
    pub slices: Vec<Slice>,
}

impl Hold {
    /// All that is held.
    pub fn total(&self) -> MicroYuan {
        self.slices
            .iter()
            .fold(MicroYuan::ZERO, |sum, slice| sum.saturating_add(slice.base))
    }

    /// Which slice pays how much for use over whole seconds `[from, until)`: a line per
    /// slice. Use is cut at each expiry; what no open slice can take is not charged, so
    /// the sum never exceeds the hold (A5, L5).
    ///
    /// Calling it with a later `until` never takes from a slice what it had before:
    /// interim captures are the differences.
    pub fn allot(
        &self,
        billed: edugrid_units::MilliUnits,
        from: i64,
        until: i64,
    ) -> Vec<MicroYuan> {
        let mut paid = vec![MicroYuan::ZERO; self.slices.len()];
        let mut reached = MicroYuan::ZERO;
        for cut in self.cuts(from, until) {
            // A numerator beyond 128 bits was refused when the hold was made.
            let target = self.rates.charge(billed, from, cut).unwrap_or(reached);
            let mut rest = target.saturating_sub(reached);
            reached = target;
            for (slice, paid) in self.slices.iter().zip(&mut paid) {
                if slice.valid_until.is_none_or(|end| cut <= end.seconds()) {
                    let part = rest.min(slice.base.saturating_sub(*paid));
                    *paid = paid.saturating_add(part);
                    rest = rest.saturating_sub(part);
                }
            }
        }
        paid
    }

    /// The expiries inside the span and its end, ascending.
    fn cuts(&self, from: i64, until: i64) -> Vec<i64> {
        let mut cuts: Vec<_> = self
            .slices
            .iter()
            .filter_map(|slice| slice.valid_until.map(Stamp::seconds))
            .filter(|cut| from < *cut && *cut < until)
            .chain([until])
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}
