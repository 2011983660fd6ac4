//! Price books and the arithmetic of a charge (L4): integers, one denominator, floored
//! once. Knows nothing of who pays.
//!
//! Time is counted in whole seconds of UTC: second `s` is the half-open `[s, s + 1)`,
//! and its band is the one of its first instant on a clock in Asia/Shanghai.

use edugrid_units::{MicroYuan, MilliUnits, PoolName, PriceBookName, Ratio, Seconds, Stamp};

use crate::calendar::{DAY_SECONDS, local_seconds};

/// Micro-yuan per unit-hour × milli-units × seconds, over this, is micro-yuan.
const UNIT_HOURS: u128 = 3600 * 1000;

/// The largest common denominator of a book's bands.
pub const BAND_DENOMINATOR_MAX: u128 = 1_000_000;

/// What units cost from an instant on (domain §4.4). Never changes; a new price is a new
/// book. Several may be in effect; the newest one with a price for the pool and tier counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceBook {
    /// Its name: the version of the prices.
    pub name: PriceBookName,
    /// From when on it prices admissions.
    pub effective_from: Stamp,
    /// Prices; at most one per pool and tier.
    pub prices: Vec<Price>,
    /// Times of day at which prices are multiplied; they may not overlap.
    pub bands: Vec<Band>,
}

/// The price of one pool in one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The pool.
    pub pool: PoolName,
    /// The price tier of the class.
    pub tier: String,
    /// For one unit (a card, or a core) for one hour.
    pub per_unit_hour: MicroYuan,
}

/// A time of day in Asia/Shanghai at which prices are multiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Its name, for people.
    pub name: String,
    /// First minute of the day, 0 to 1439.
    pub from_minute: u32,
    /// Minute of the day at which it ends, 1 to 1440; if it is not after `from_minute`,
    /// the band runs over midnight.
    pub until_minute: u32,
    /// The factor.
    pub factor: Ratio,
}

/// What is wrong with a price book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceBookError {
    /// Two prices for the same pool and tier.
    #[error("prices has pool {pool}, tier {tier} twice, keep one")]
    Twice {
        /// The pool.
        pool: PoolName,
        /// The tier.
        tier: String,
    },
    /// A band outside the day.
    #[error(
        "band {0} must begin at minute 0 to 1439 and end at minute 1 to 1440, at another minute"
    )]
    OutsideDay(String),
    /// Two bands at the same minute.
    #[error("bands {0} and {1} overlap, a minute belongs to one band at most")]
    Overlap(String, String),
    /// Denominators whose common multiple is too large to count exactly.
    #[error(
        "the factors' common denominator is above {BAND_DENOMINATOR_MAX}, use rounder fractions"
    )]
    TooFine,
}

impl PriceBook {
    /// Checks what the types can't.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), PriceBookError> {
        for (index, price) in self.prices.iter().enumerate() {
            let same = |other: &Price| other.pool == price.pool && other.tier == price.tier;
            if self.prices.iter().take(index).any(same) {
                return Err(PriceBookError::Twice {
                    pool: price.pool.clone(),
                    tier: price.tier.clone(),
                });
            }
        }
        for (index, band) in self.bands.iter().enumerate() {
            if band.from_minute > 1439
                || !(1..=1440).contains(&band.until_minute)
                || band.from_minute == band.until_minute
            {
                return Err(PriceBookError::OutsideDay(band.name.clone()));
            }
            if let Some(other) = self.bands.iter().take(index).find(|it| it.overlaps(band)) {
                return Err(PriceBookError::Overlap(
                    other.name.clone(),
                    band.name.clone(),
                ));
            }
        }
        match common_denominator(&self.bands) {
            Some(_) => Ok(()),
            None => Err(PriceBookError::TooFine),
        }
    }

    /// The price of the pool in the tier, if the book has one.
    pub fn price(&self, pool: &PoolName, tier: &str) -> Option<MicroYuan> {
        self.prices
            .iter()
            .find(|price| price.pool == *pool && price.tier == tier)
            .map(|price| price.per_unit_hour)
    }
}

/// The price of a pool in a tier at an instant: that of the newest book in effect that has one.
pub fn price_in_effect<'a>(
    books: impl IntoIterator<Item = &'a PriceBook>,
    at: Stamp,
    pool: &PoolName,
    tier: &str,
) -> Option<(&'a PriceBook, MicroYuan)> {
    books
        .into_iter()
        .filter(|book| book.effective_from <= at)
        .filter_map(|book| Some((book, book.price(pool, tier)?)))
        .max_by_key(|(book, _)| (book.effective_from, &book.name))
}

impl Band {
    /// One or two spans of a day, in seconds.
    fn windows(&self) -> [(i64, i64); 2] {
        let second = |minute: u32| i64::from(minute).saturating_mul(60);
        let (from, until) = (second(self.from_minute), second(self.until_minute));
        if from < until {
            [(from, until), (0, 0)]
        } else {
            [(from, DAY_SECONDS), (0, until)]
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.windows().iter().any(|(from, until)| {
            other
                .windows()
                .iter()
                .any(|(start, end)| from.max(start) < until.min(end))
        })
    }

    /// Seconds of `[from, until)` that lie in the band.
    fn seconds_in(&self, from: i64, until: i64) -> u64 {
        let count = |(start, end)| {
            seconds_in_window_before(local_seconds(until), start, end)
                .saturating_sub(seconds_in_window_before(local_seconds(from), start, end))
        };
        let [first, second] = self.windows();
        u64::try_from(count(first).saturating_add(count(second))).unwrap_or(0)
    }
}

/// Seconds from 1970 to `local` that lie in the daily window: whole days in closed form.
fn seconds_in_window_before(local: i64, start: i64, end: i64) -> i64 {
    let length = end.saturating_sub(start);
    let today = local
        .rem_euclid(DAY_SECONDS)
        .saturating_sub(start)
        .clamp(0, length);
    local
        .div_euclid(DAY_SECONDS)
        .saturating_mul(length)
        .saturating_add(today)
}

fn common_denominator(bands: &[Band]) -> Option<u128> {
    bands.iter().try_fold(1_u128, |lcm, band| {
        let den = u128::from(band.factor.den());
        let multiple = lcm.checked_div(gcd(lcm, den))?.checked_mul(den)?;
        (multiple <= BAND_DENOMINATOR_MAX).then_some(multiple)
    })
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// The rates that were fixed for an attempt at its admission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// For one unit for one hour, before bands.
    pub per_unit_hour: MicroYuan,
    /// The bands of the price book.
    pub bands: Vec<Band>,
}

impl Rates {
    /// Whether nothing is ever charged.
    pub fn is_free(&self) -> bool {
        self.per_unit_hour == MicroYuan::ZERO
    }

    /// What `billed` units cost over whole seconds `[from, until)`: the exact numerator,
    /// floored once. `None` where 128 bits don't hold it.
    pub fn charge(&self, billed: MilliUnits, from: i64, until: i64) -> Option<MicroYuan> {
        let until = until.max(from);
        let lcm = common_denominator(&self.bands)?;
        let total = u64::try_from(until.checked_sub(from)?).ok()?;
        let (mut weight, mut outside) = (0_u128, total);
        for band in &self.bands {
            let inside = band.seconds_in(from, until);
            outside = outside.saturating_sub(inside);
            let share = u128::from(inside).checked_mul(scaled(band.factor, lcm)?)?;
            weight = weight.checked_add(share)?;
        }
        weight = weight.checked_add(u128::from(outside).checked_mul(lcm)?)?;
        Fare::new(self, billed, lcm)?.floor(weight)
    }

    /// The most that `billed` units can cost for so long, whenever they start: the highest rate
    /// of a whole day stands for that of the span, which isn't known before admission (L2).
    /// `None` where 128 bits don't hold it.
    pub fn most(&self, billed: MilliUnits, walltime: Seconds) -> Option<MicroYuan> {
        let day = u64::try_from(DAY_SECONDS).unwrap_or(u64::MAX);
        let span = Seconds(walltime.0.max(day));
        self.highest(billed, 0, span)?.ceil(walltime.0)
    }

    /// The cost per second at the highest rate of `[from, from + span)` (L2).
    pub(crate) fn highest(&self, billed: MilliUnits, from: i64, span: Seconds) -> Option<TopRate> {
        let until = from.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX));
        let lcm = common_denominator(&self.bands)?;
        let (mut top, mut outside) = (0_u128, span.0);
        for band in &self.bands {
            let inside = band.seconds_in(from, until);
            outside = outside.saturating_sub(inside);
            if inside > 0 {
                top = top.max(scaled(band.factor, lcm)?);
            }
        }
        if outside > 0 {
            top = top.max(lcm);
        }
        Some(TopRate {
            fare: Fare::new(self, billed, lcm)?,
            weight: top,
        })
    }
}

/// A factor over the common denominator.
fn scaled(factor: Ratio, lcm: u128) -> Option<u128> {
    lcm.checked_div(u128::from(factor.den()))?
        .checked_mul(u128::from(factor.num()))
}

/// Micro-yuan for a weight in seconds × lcm: `numerator × weight ÷ denominator`.
#[derive(Clone, Copy)]
struct Fare {
    numerator: u128,
    denominator: u128,
}

impl Fare {
    fn new(rates: &Rates, billed: MilliUnits, lcm: u128) -> Option<Self> {
        Some(Self {
            numerator: u128::from(billed.0).checked_mul(u128::from(rates.per_unit_hour.0))?,
            denominator: UNIT_HOURS.checked_mul(lcm)?,
        })
    }

    fn floor(self, weight: u128) -> Option<MicroYuan> {
        let exact = self.numerator.checked_mul(weight)?;
        u64::try_from(exact.checked_div(self.denominator)?)
            .ok()
            .map(MicroYuan)
    }

    fn ceil(self, weight: u128) -> Option<MicroYuan> {
        let exact = self.numerator.checked_mul(weight)?;
        let up = exact.checked_add(self.denominator.checked_sub(1)?)?;
        u64::try_from(up.checked_div(self.denominator)?)
            .ok()
            .map(MicroYuan)
    }
}

/// A cost per second that no second of a span exceeds.
#[derive(Clone, Copy)]
pub(crate) struct TopRate {
    fare: Fare,
    weight: u128,
}

impl TopRate {
    /// For that many seconds, rounded up: the total of a hold (L2).
    pub(crate) fn ceil(self, seconds: u64) -> Option<MicroYuan> {
        self.fare
            .ceil(self.weight.checked_mul(u128::from(seconds))?)
    }

    /// For that many seconds, rounded down: a slice that an expiry limits (L2).
    pub(crate) fn floor(self, seconds: u64) -> Option<MicroYuan> {
        self.fare
            .floor(self.weight.checked_mul(u128::from(seconds))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn night() -> Band {
        Band {
            name: "night".into(),
            from_minute: 0,
            until_minute: 480,
            factor: Ratio::new(6, 10).expect("den is not 0"),
        }
    }

    fn rates(bands: Vec<Band>) -> Rates {
        Rates {
            per_unit_hour: MicroYuan(6_000_000),
            bands,
        }
    }

    #[test]
    fn eight_cards_at_six_yuan_for_an_hour_cost_48() {
        let cost = rates(Vec::new()).charge(MilliUnits::whole(8), 0, 3600);
        assert_eq!(cost, Some(MicroYuan(48_000_000)));
    }

    #[test]
    fn bands_follow_the_clock_in_shanghai() {
        // 07:30 to 08:30 there: half an hour at 6/10, half an hour in full.
        let from = 23 * 3600 + 1800;
        let cost = rates(vec![night()]).charge(MilliUnits::whole(1), from, from + 3600);
        assert_eq!(cost, Some(MicroYuan(4_800_000)));
    }

    #[test]
    fn a_band_may_run_over_midnight() {
        let band = Band {
            from_minute: 22 * 60,
            until_minute: 6 * 60,
            ..night()
        };
        assert_eq!(band.seconds_in(0, DAY_SECONDS * 3), 3 * 8 * 3600);
    }

    #[test]
    fn the_highest_rate_is_that_of_the_span_only() {
        let rates = rates(vec![night()]);
        // 16:00 UTC is midnight in Shanghai.
        let midnight = 16 * 3600;
        let top = |hours: u64| {
            rates
                .highest(MilliUnits::whole(1), midnight, Seconds(hours * 3600))
                .and_then(|top| top.ceil(3600))
        };
        assert_eq!(top(8), Some(MicroYuan(3_600_000)));
        assert_eq!(top(9), Some(MicroYuan(6_000_000)));
    }

    #[test]
    fn a_band_may_cost_more() {
        let band = Band {
            factor: Ratio::new(3, 2).expect("den is not 0"),
            ..night()
        };
        let rates = rates(vec![band]);
        // An hour before midnight in Shanghai, for two hours.
        let (from, billed) = (15 * 3600, MilliUnits::whole(1));
        let top = rates.highest(billed, from, Seconds(7200));
        assert_eq!(
            top.and_then(|top| top.ceil(7200)),
            Some(MicroYuan(18_000_000))
        );
        let cost = rates.charge(billed, from, from + 7200);
        assert_eq!(cost, Some(MicroYuan(15_000_000)));
    }

    #[test]
    fn a_book_says_what_is_wrong_with_it() {
        let book = |bands| PriceBook {
            name: "p".into(),
            effective_from: Stamp(0),
            prices: vec![],
            bands,
        };
        let with = |from_minute, until_minute, den| Band {
            name: "b".into(),
            from_minute,
            until_minute,
            factor: Ratio::new(1, den).expect("den is not 0"),
        };
        assert_eq!(book(vec![night(), with(480, 500, 3)]).check(), Ok(()));
        assert!(matches!(
            book(vec![night(), with(479, 500, 3)]).check(),
            Err(PriceBookError::Overlap(..))
        ));
        assert!(matches!(
            book(vec![with(5, 5, 1)]).check(),
            Err(PriceBookError::OutsideDay(_))
        ));
        assert_eq!(
            book(vec![with(5, 6, 1_000_003)]).check(),
            Err(PriceBookError::TooFine)
        );
    }

    proptest! {
        /// Second by second, against the closed form.
        #[test]
        fn closed_form_equals_counting(
            start in 0_i64..200_000,
            length in 0_i64..4_000,
            from_minute in 0_u32..1440,
            width in 1_u32..1440,
        ) {
            let band = Band { from_minute, until_minute: (from_minute + width - 1) % 1440 + 1, ..night() };
            prop_assume!(band.from_minute != band.until_minute);
            let counted = (start..start + length).filter(|second| {
                let of_day = local_seconds(*second).rem_euclid(DAY_SECONDS);
                band.windows().iter().any(|(from, until)| (*from..*until).contains(&of_day))
            }).count();
            prop_assert_eq!(band.seconds_in(start, start + length), counted as u64);
        }

        /// No start makes the hold dearer than what is told before it is known.
        #[test]
        fn a_hold_stays_below_the_most(
            milli in 0_u64..10_000, start in 0_i64..(2 * DAY_SECONDS), span in 1_u64..200_000,
        ) {
            let evening = Band {
                name: "evening".into(),
                from_minute: 1080,
                until_minute: 1200,
                factor: Ratio::new(3, 2).expect("den is not 0"),
            };
            let (rates, billed) = (rates(vec![night(), evening]), MilliUnits(milli));
            let hold = rates.highest(billed, start, Seconds(span)).and_then(|top| top.ceil(span));
            prop_assert!(hold <= rates.most(billed, Seconds(span)));
        }

        /// No second costs more than the highest rate of the span says.
        #[test]
        fn a_charge_stays_below_the_highest_rate(
            start in 0_i64..200_000, span in 1_u64..100_000, milli in 1_u64..100_000,
        ) {
            let rates = rates(vec![night()]);
            let billed = MilliUnits(milli);
            let top = rates.highest(billed, start, Seconds(span)).and_then(|top| top.ceil(span));
            let until = start + i64::try_from(span).expect("small");
            prop_assert!(rates.charge(billed, start, until) <= top);
        }
    }
}
