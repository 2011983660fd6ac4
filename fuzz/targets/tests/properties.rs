//! The arithmetic under inputs that are shaped like the real ones: the same claims as the targets
//! make, over spellings and price books that a grammar makes up, in place of bytes.

use edugrid_fuzz_targets::run;
use edugrid_ledger::{Band, Rates};
use edugrid_units::{MicroYuan, MilliUnits, Ratio, Resources, Seconds, Stamp};
use proptest::{collection::vec, prelude::*};

/// Hands a text to one of the claims of a target.
fn claim(target: &str, kind: u8, text: &str) {
    let data = [&[kind], text.as_bytes()].concat();
    assert!(run(target, &data));
}

/// Bands that don't overlap, cut out of a day at any minutes.
fn bands() -> impl Strategy<Value = Vec<Band>> {
    let factor = (0_u32..20, 1_u32..13);
    (vec(0_u32..1440, 0..8), vec(factor, 4)).prop_map(|(mut cuts, factors)| {
        cuts.sort_unstable();
        cuts.dedup();
        let pairs = cuts.chunks_exact(2).zip(factors);
        pairs
            .map(|(pair, (num, den))| Band {
                name: format!("b{}", pair[0]),
                from_minute: pair[0],
                until_minute: pair[1],
                factor: Ratio::new(num, den).expect("not by zero"),
            })
            .collect()
    })
}

/// The factor of a second, as a fraction: that of the band of its first instant (L4).
fn factor_at(bands: &[Band], second: i64) -> (u128, u128) {
    let minute = (second + 8 * 3600).rem_euclid(86_400) / 60;
    let found = bands
        .iter()
        .find(|band| (i64::from(band.from_minute)..i64::from(band.until_minute)).contains(&minute));
    found.map_or((1, 1), |band| {
        (band.factor.num().into(), band.factor.den().into())
    })
}

proptest! {
    #[test]
    fn quantities_are_rounded_up_and_never_down(
        text in "[0-9]{1,20}(\\.[0-9]{0,9})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e-?[0-9]{1,2}|E[0-9])?",
    ) {
        claim("amounts", 0, &text);
    }

    #[test]
    fn money_is_what_is_written(text in "[0-9]{1,15}(\\.[0-9]{1,7})?") {
        claim("amounts", 1, &text);
    }

    #[test]
    fn durations_are_the_sum_of_their_parts(
        text in "([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?",
    ) {
        claim("amounts", 2, &text);
    }

    #[test]
    fn months_hold_their_instants(nanos: i64, span: u64) {
        let data = [&[1_u8][..], &nanos.to_be_bytes(), &span.to_be_bytes()].concat();
        prop_assert!(run("calendar", &data));
    }

    #[test]
    fn months_read_back(text in "(19[67]|20[0-9]|2[12][0-9])[0-9]-[01][0-9]") {
        claim("calendar", 0, &text);
    }

    /// L4 second by second, over a denominator of its own: any price book, any span.
    #[test]
    fn a_charge_is_the_sum_of_its_seconds(
        bands in bands(),
        price in 0_u64..20_000_000,
        milli in 0_u64..64_000,
        from in 1_700_000_000_i64..1_900_000_000,
        span in 0_i64..5000,
        cut in 0_i64..5000,
    ) {
        let rates = Rates { per_unit_hour: MicroYuan(price), bands: bands.clone() };
        let until = from + span;
        // 12! holds every denominator below 13.
        let common = 479_001_600_u128;
        let weight: u128 = (from..until)
            .map(|second| factor_at(&bands, second))
            .map(|(num, den)| num * (common / den))
            .sum();
        let top = weight * u128::from(price) * u128::from(milli);
        let expected = u64::try_from(top / (3_600_000 * common)).expect("small");
        let charged = |from, until| rates.charge(MilliUnits(milli), from, until).expect("small").0;
        prop_assert_eq!(charged(from, until), expected);
        // Path independence: what is charged at a cut and what follows add up to the whole, and
        // no more than one micro-yuan is ever lost by beginning anew.
        let middle = from + cut.min(span);
        prop_assert!(charged(from, middle) <= expected);
        let anew = charged(from, middle) + charged(middle, until);
        prop_assert!(anew == expected || anew + 1 == expected);
        // L2: nothing costs more than the highest rate, rounded up.
        let span = Seconds(u64::try_from(span).expect("not below 0"));
        let most = rates.most(MilliUnits(milli), span).expect("small");
        prop_assert!(most.0 >= expected);
    }

    /// N1: sums and spans are held at their ends and never wrap.
    #[test]
    fn sums_saturate(a: u64, b: u64, stamp: i64, span: u64, count: u32) {
        let (wide_a, wide_b, top) = (u128::from(a), u128::from(b), u128::from(u64::MAX));
        let sum = (wide_a + wide_b).min(top);
        let product = (wide_a * u128::from(count)).min(top);
        prop_assert_eq!(u128::from(MicroYuan(a).saturating_add(MicroYuan(b)).0), sum);
        prop_assert_eq!(u128::from(MilliUnits(a).saturating_add(MilliUnits(b)).0), sum);
        prop_assert_eq!(MicroYuan(a).saturating_sub(MicroYuan(b)).0, a.max(b) - b);
        prop_assert_eq!(MilliUnits(a).saturating_sub(MilliUnits(b)).0, a.max(b) - b);
        prop_assert_eq!(MicroYuan(a).checked_sub(MicroYuan(b)).is_some(), a >= b);
        prop_assert_eq!(u128::from(MilliUnits(a).times(count).0), product);
        prop_assert_eq!(u128::from(MilliUnits::whole(a).0), (wide_a * 1000).min(top));
        let asked = Resources { cards: MilliUnits(a), cpu_milli: a, memory_mebibytes: b };
        prop_assert!(asked.saturating_add(&asked).holds(&asked));
        prop_assert_eq!(u128::from(asked.times(count).cpu_milli), product);

        let nanos = i128::from(span) * 1_000_000_000;
        let held = |exact: i128| exact.clamp(i64::MIN.into(), i64::MAX.into());
        let span_held = nanos.min(i64::MAX.into());
        prop_assert_eq!(i128::from(Seconds(span).nanos()), span_held);
        let (at, span) = (Stamp(stamp), Seconds(span));
        prop_assert_eq!(i128::from(at.after(span).0), held(i128::from(stamp) + span_held));
        prop_assert_eq!(i128::from(at.before(span).0), held(i128::from(stamp) - span_held));
    }

    /// Whole seconds between two instants are rounded down, and none below zero.
    #[test]
    fn spans_between_instants_are_whole(a: i64, b: i64) {
        let exact = (i128::from(a) - i128::from(b)).clamp(0, i64::MAX.into()) / 1_000_000_000;
        prop_assert_eq!(i128::from(Stamp(a).seconds_since(Stamp(b)).0), exact);
    }
}
