//! How fast the present outgrows the past: G(t) = 2⁴⁰ · 2^(t ÷ half-life), floored, from
//! integers alone, so that every machine gets the same number (N1, O3).

use edugrid_units::Seconds;

/// What G is at the start: one, in parts of 2⁻⁴⁰.
pub(super) const GROWTH_AT_START: u128 = 1 << 40;
/// Whole half-lives after which G grows no more. Nobody gets there: what is counted is
/// restated long before.
const DOUBLINGS_MAX: u64 = 40;
/// Bits of the part of a half-life that has passed.
const FRACTION_BITS: u32 = 40;
/// One, as the roots are written.
const ONE: u128 = 1 << 62;
/// The `i`-th is 2^(2^−(i+1)): multiplied for each bit of the passed part.
const ROOTS: [u128; FRACTION_BITS as usize] = roots();

const fn roots() -> [u128; FRACTION_BITS as usize] {
    let mut roots = [0; FRACTION_BITS as usize];
    let mut root: u128 = 1 << 63;
    let mut at = 0;
    while at < roots.len() {
        // At most 2⁶³ · 2⁶², and 40 rounds.
        root = root.wrapping_mul(ONE).isqrt();
        roots[at] = root;
        at = at.wrapping_add(1);
    }
    roots
}

/// G after so many seconds. Never falls with time.
pub(super) fn growth(seconds: u64, half_life: Seconds) -> u128 {
    let span = half_life.0.max(1);
    let doublings = seconds.checked_div(span).unwrap_or(0);
    if doublings >= DOUBLINGS_MAX {
        return GROWTH_AT_START << DOUBLINGS_MAX;
    }
    let passed = u128::from(seconds.checked_rem(span).unwrap_or(0));
    let parts = (passed << FRACTION_BITS).checked_div(u128::from(span));
    let parts = parts.unwrap_or(0);
    let highest_first = (0..FRACTION_BITS).rev();
    let power = highest_first.zip(ROOTS).fold(ONE, |power, (bit, root)| {
        if (parts >> bit) & 1 == 1 {
            // Below 2⁶³ · 2⁶³.
            power.saturating_mul(root) >> 62
        } else {
            power
        }
    });
    (power << doublings) >> 22
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEEK: Seconds = Seconds(604_800);

    #[test]
    fn doubles_with_each_half_life() {
        for doublings in 0..DOUBLINGS_MAX {
            assert_eq!(growth(doublings * WEEK.0, WEEK), 1 << (40 + doublings));
        }
        let last = growth(DOUBLINGS_MAX * WEEK.0, WEEK);
        assert_eq!(growth(u64::MAX, WEEK), last, "and then stands still");
        assert_eq!(growth(7, Seconds(0)), growth(7, Seconds(1)));
    }

    proptest! {
        /// Together with the doubling this is what makes it a power: to pass twice is to
        /// multiply, to one part in 2²⁹. And it never falls.
        #[test]
        fn spans_add_as_powers_do(one in 0..12 * WEEK.0, other in 0..12 * WEEK.0, span in 60..2 * WEEK.0) {
            let span = Seconds(span);
            let (one, other) = (one % (span.0 * 15), other % (span.0 * 15));
            let product = ((growth(one, span) >> 8) * (growth(other, span) >> 8)) >> 24;
            let sum = growth(one + other, span);
            prop_assert!(sum.abs_diff(product) <= sum >> 29, "{product} for {sum}");
            prop_assert!(growth(one + 1, span) >= growth(one, span));
        }
    }
}
