//! How a hold is divided into slices (L2, domain §4.6): a pure function of the rates,
//! the vouchers in order and the own money at hand.

use edugrid_units::{MicroYuan, Ratio, Seconds, Stamp, VoucherName};

use crate::{
    hold::{Slice, covered},
    price::TopRate,
};

/// A voucher that may pay, in its place in the order.
#[derive(Clone, Debug)]
pub(crate) struct Payer {
    pub voucher: VoucherName,
    pub coverage: Ratio,
    pub valid_until: Option<Stamp>,
    /// What it can still pay: its rest, or less where a cap says so.
    pub available: MicroYuan,
}

/// What a plan is made for.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub rate: TopRate,
    pub start: Stamp,
    pub walltime: Seconds,
    /// Own money at hand.
    pub own: MicroYuan,
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub needed: MicroYuan,
    pub vouchers: MicroYuan,
    pub own: MicroYuan,
}

impl Need {
    /// The whole cost, rounded up; what no one can have where 64 bits don't hold it.
    pub(crate) fn total(&self) -> MicroYuan {
        self.rate
            .ceil(self.walltime.0)
            .unwrap_or(MicroYuan(u64::MAX))
    }

    /// Divides the whole cost over vouchers and own money.
    pub(crate) fn plan(&self, payers: &[Payer]) -> Result<Vec<Slice>, Short> {
        let needed = self.total();
        let (mut slices, uncovered, own_left) = self.slices(payers, self.own);
        if uncovered == MicroYuan::ZERO {
            return Ok(slices);
        }
        if uncovered <= own_left && needed.0 < u64::MAX {
            slices.push(Slice {
                voucher: None,
                base: uncovered,
                coverage: Ratio::ONE,
                valid_until: None,
            });
            return Ok(slices);
        }
        // What vouchers would pay if co-pay were no question.
        let (unbounded, ..) = self.slices(payers, MicroYuan(u64::MAX));
        let vouchers = unbounded.iter().fold(MicroYuan::ZERO, |sum, slice| {
            sum.saturating_add(slice.split(slice.base).0)
        });
        Err(Short {
            needed,
            vouchers,
            own: self.own.min(needed.saturating_sub(vouchers)),
        })
    }

    /// The vouchers' slices, the cost that they leave and the own money that they leave.
    fn slices(&self, payers: &[Payer], own: MicroYuan) -> (Vec<Slice>, MicroYuan, MicroYuan) {
        let (mut rest, mut own) = (self.total(), own);
        let mut slices = Vec::new();
        for payer in payers {
            let reached = self.total().saturating_sub(rest);
            let base = rest
                .min(self.until(payer.valid_until).saturating_sub(reached))
                .min(largest_base(payer.available, payer.coverage));
            let base = affordable(base, payer.coverage, own);
            let granted = covered(base, payer.coverage);
            if granted > MicroYuan::ZERO {
                own = own.saturating_sub(base.saturating_sub(granted));
                rest = rest.saturating_sub(base);
                slices.push(Slice {
                    voucher: Some(payer.voucher.clone()),
                    base,
                    coverage: payer.coverage,
                    valid_until: payer.valid_until,
                });
            }
        }
        (slices, rest, own)
    }

    /// The cost until a voucher expires: rounded down, so that what follows the expiry
    /// is never one micro-yuan short (domain §4.6). Unbounded where it lasts long enough.
    pub(crate) fn until(&self, expiry: Option<Stamp>) -> MicroYuan {
        let Some(end) = expiry else {
            return MicroYuan(u64::MAX);
        };
        let seconds = end.seconds().saturating_sub(self.start.seconds());
        let seconds = u64::try_from(seconds).unwrap_or(0);
        if seconds >= self.walltime.0 {
            MicroYuan(u64::MAX)
        } else {
            self.rate.floor(seconds).unwrap_or(MicroYuan(u64::MAX))
        }
    }
}

/// The largest base whose covered part is at most `available`.
fn largest_base(available: MicroYuan, coverage: Ratio) -> MicroYuan {
    let exact = u128::from(available.0)
        .saturating_add(1)
        .saturating_mul(u128::from(coverage.den()))
        .saturating_sub(1)
        .checked_div(u128::from(coverage.num()))
        .unwrap_or(0);
    MicroYuan(u64::try_from(exact).unwrap_or(u64::MAX))
}

/// The largest base, at most `base`, whose co-pay is at most `own`. Co-pay never falls
/// as the base grows, so halving finds it.
fn affordable(base: MicroYuan, coverage: Ratio, own: MicroYuan) -> MicroYuan {
    let fits = |base: u64| {
        let base = MicroYuan(base);
        base.saturating_sub(covered(base, coverage)) <= own
    };
    if fits(base.0) {
        return base;
    }
    let (mut fitting, mut failing) = (0, base.0);
    while failing.saturating_sub(fitting) > 1 {
        let middle = u64::midpoint(fitting, failing);
        if fits(middle) {
            fitting = middle;
        } else {
            failing = middle;
        }
    }
    MicroYuan(fitting)
}

#[cfg(test)]
mod tests {
    use edugrid_units::MilliUnits;
    use proptest::prelude::*;

    use super::*;
    use crate::price::Rates;

    fn need(walltime: u64, own: u64) -> Need {
        let rates = Rates {
            per_unit_hour: MicroYuan(6_000_000),
            bands: Vec::new(),
        };
        let rate = rates
            .highest(MilliUnits::whole(8), 0, Seconds(walltime))
            .expect("small numbers");
        Need {
            rate,
            start: Stamp(0),
            walltime: Seconds(walltime),
            own: MicroYuan(own),
        }
    }

    fn payer(name: &str, available: u64, coverage: (u32, u32), hours: Option<i64>) -> Payer {
        Payer {
            voucher: name.into(),
            coverage: Ratio::new(coverage.0, coverage.1).expect("den is not 0"),
            valid_until: hours.map(|hours| Stamp::from_seconds(hours * 3600)),
            available: MicroYuan(available),
        }
    }

    /// Domain §4.16.
    #[test]
    fn the_worked_example_is_divided_as_written() {
        let payers = [
            payer("a", 200_000_000, (4, 5), Some(4)),
            payer("b", 1_000_000_000, (1, 2), None),
        ];
        let slices = need(36_000, 500_000_000).plan(&payers).expect("enough");
        let parts: Vec<_> = slices
            .iter()
            .map(|slice| (slice.base.0, slice.split(slice.base)))
            .collect();
        assert_eq!(
            parts,
            [
                (192_000_000, (MicroYuan(153_600_000), MicroYuan(38_400_000))),
                (
                    288_000_000,
                    (MicroYuan(144_000_000), MicroYuan(144_000_000))
                ),
            ],
        );
    }

    #[test]
    fn half_coverage_pays_half() {
        let slices = need(3600, 24_000_000)
            .plan(&[payer("a", 1_000_000_000, (1, 2), None)])
            .expect("enough");
        assert_eq!(slices.len(), 1);
        assert_eq!(
            slices[0].split(slices[0].base),
            (MicroYuan(24_000_000), MicroYuan(24_000_000)),
        );
    }

    #[test]
    fn a_shortage_says_what_there_is() {
        let short = need(3600, 23_999_999).plan(&[payer("a", 1_000_000_000, (1, 2), None)]);
        assert_eq!(
            short,
            Err(Short {
                needed: MicroYuan(48_000_000),
                vouchers: MicroYuan(24_000_000),
                own: MicroYuan(23_999_999),
            }),
        );
    }

    #[test]
    fn a_cost_beyond_counting_is_a_shortage() {
        let mut ask = need(3600, u64::MAX);
        ask.walltime = Seconds(u64::MAX);
        assert!(ask.plan(&[]).is_err());
    }

    /// L2 taken literally: for each voucher the largest base that nothing forbids, found
    /// by trying them all.
    fn by_trial(ask: &Need, payers: &[Payer]) -> Vec<(VoucherName, u64)> {
        let (mut reached, mut own, mut parts) = (0, ask.own.0, Vec::new());
        for payer in payers {
            let limit = ask.until(payer.valid_until).0.min(ask.total().0);
            let fits = |base: &u64| {
                let granted =
                    base * u64::from(payer.coverage.num()) / u64::from(payer.coverage.den());
                reached + base <= limit && granted <= payer.available.0 && base - granted <= own
            };
            let base = (0..=ask.total().0).filter(fits).max().unwrap_or(0);
            let granted = base * u64::from(payer.coverage.num()) / u64::from(payer.coverage.den());
            if granted > 0 {
                (reached, own) = (reached + base, own - (base - granted));
                parts.push((payer.voucher.clone(), base));
            }
        }
        parts
    }

    proptest! {
        #[test]
        fn a_plan_equals_trying_all(
            walltime in 1_u64..600,
            own in 0_u64..800,
            vouchers in proptest::collection::vec(
                (0_u64..400, 1_u32..7, 0_u32..5, proptest::option::of(0_i64..600)), 0..4),
        ) {
            let rates = Rates { per_unit_hour: MicroYuan(4321), bands: Vec::new() };
            let rate = rates.highest(MilliUnits(1000), 0, Seconds(walltime)).expect("small numbers");
            let ask = Need { rate, start: Stamp(0), walltime: Seconds(walltime), own: MicroYuan(own) };
            let payers: Vec<_> = vouchers.iter().enumerate().map(|(index, (rest, num, more, end))| Payer {
                valid_until: end.map(Stamp::from_seconds),
                ..payer(&format!("v{index}"), *rest, (*num, num + more), None)
            }).collect();
            let trial = by_trial(&ask, &payers);
            if let Ok(slices) = ask.plan(&payers) {
                let parts: Vec<_> = slices.into_iter()
                    .filter_map(|slice| Some((slice.voucher?, slice.base.0)))
                    .collect();
                prop_assert_eq!(parts, trial);
            } else {
                let paid: u64 = trial.iter().map(|(_, base)| base).sum();
                prop_assert!(paid < ask.total().0);
            }
        }

        /// The whole cost, within every voucher's rest and the own money, or a shortage
        /// whose numbers say that it can't be.
        #[test]
        fn a_plan_is_complete_and_affordable(
            walltime in 1_u64..100_000,
            own in 0_u64..1_000_000_000,
            vouchers in proptest::collection::vec(
                (0_u64..500_000_000, 1_u32..7, 0_u32..5, proptest::option::of(0_i64..30)), 0..5),
        ) {
            let payers: Vec<_> = vouchers.iter().enumerate().map(|(index, (rest, num, more, hours))|
                payer(&format!("v{index}"), *rest, (*num, num + more), *hours)).collect();
            let ask = need(walltime, own);
            match ask.plan(&payers) {
                Ok(slices) => {
                    let (mut base, mut own_part) = (0, 0);
                    for slice in &slices {
                        let (granted, rest) = slice.split(slice.base);
                        if let Some(name) = &slice.voucher {
                            let payer = payers.iter().find(|it| it.voucher == *name).expect("known");
                            prop_assert!(granted <= payer.available);
                        }
                        base += slice.base.0;
                        own_part += rest.0;
                    }
                    prop_assert_eq!(base, ask.total().0);
                    prop_assert!(own_part <= own);
                }
                Err(short) => prop_assert!(short.vouchers.0 + short.own.0 < short.needed.0),
            }
        }
    }
}
