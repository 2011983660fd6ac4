//! Texts that people write for amounts and times: quantities, money, durations, months. Each
//! number that is read is compared with one that is reckoned here in another way.

use edugrid_ledger::{Digest, Month};
use edugrid_units::{MicroYuan, Seconds, Stamp, parse_mebibytes, parse_milli};

use crate::input::Input;

/// Quantities, money and durations.
pub fn amounts(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte();
    let text = input.text();
    match kind % 3 {
        0 => quantity(text),
        1 => money(text),
        _ => duration(text),
    }
}

/// What is read is the smallest whole number of thousandths that is not below the text.
fn quantity(text: &str) {
    let (milli, mebibytes) = (parse_milli(text), parse_mebibytes(text));
    if let Ok(milli) = &milli {
        let Some((digits, exponent, binary)) = scientific(text) else {
            panic!("\"{text}\" is read as {milli}, and no quantity");
        };
        let least = at_least(milli.0, digits, exponent + 3, binary);
        assert!(least, "\"{text}\" is more than {} thousandths", milli.0);
        let tight = milli.0 == 0 || !at_least(milli.0 - 1, digits, exponent + 3, binary);
        assert!(tight, "\"{text}\" is less than {} thousandths", milli.0);
    }
    // What can be counted in thousandths can be counted in MiB.
    if let (Ok(milli), Ok(mebibytes)) = (milli, mebibytes) {
        let bytes = u128::from(milli.0).div_ceil(1000);
        assert!(u128::from(mebibytes) << 20 >= bytes, "\"{text}\"");
        assert!(
            u128::from(mebibytes.saturating_sub(1)) << 20 <= bytes,
            "\"{text}\""
        );
    }
}

/// All digits as one number, the power of ten and the power of two by which it is multiplied.
fn scientific(text: &str) -> Option<(u128, i32, u32)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.');
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let decimals = number.split_once('.').map_or(0, |(_, after)| after.len());
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits: u128 = digits.parse().ok()?;
    let scales = "num kMGTPE";
    let (exponent, binary) = match suffix {
        "" => (0, 0),
        "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => {
            let place = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
                .iter()
                .position(|it| *it == suffix)?;
            (0, 10 * (u32::try_from(place).ok()? + 1))
        }
        _ if suffix.len() == 1 && scales.contains(suffix) && suffix != " " => {
            let place = i32::try_from(scales.find(suffix)?).ok()?;
            (3 * (place - 3), 0)
        }
        _ => (suffix.strip_prefix(['e', 'E'])?.parse().ok()?, 0),
    };
    Some((digits, exponent - i32::try_from(decimals).ok()?, binary))
}

/// Whether `number ≥ digits × 10^exponent × 2^binary`, without dividing.
fn at_least(number: u64, digits: u128, exponent: i32, binary: u32) -> bool {
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    let number = u128::from(number);
    if digits == 0 {
        return true;
    }
    let Some(power) = power else {
        // So large or so small a power decides alone.
        return exponent < 0;
    };
    let up = digits.checked_mul(1_u128 << binary);
    if exponent < 0 {
        match (number.checked_mul(power), up) {
            (Some(left), Some(right)) => left >= right,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    } else {
        up.and_then(|up| up.checked_mul(power))
            .is_some_and(|right| number >= right)
    }
}

fn money(text: &str) {
    let Ok(money) = MicroYuan::parse_yuan(text) else {
        return;
    };
    assert_eq!(MicroYuan::parse_yuan(&money.to_string()), Ok(money));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digit = |sum: u128, digit: u8| sum * 10 + u128::from(digit - b'0');
    let whole = whole.trim_start_matches('0').bytes().fold(0, digit);
    let missing = u32::try_from(6 - fraction.len()).expect("at most six decimals");
    let fraction = fraction.bytes().fold(0, digit) * 10_u128.pow(missing);
    assert_eq!(u128::from(money.0), whole * 1_000_000 + fraction, "{text}");
}

fn duration(text: &str) {
    let Ok(span) = Seconds::parse(text) else {
        return;
    };
    // The unit of each group, read from the right.
    let (mut rest, mut millis) = (text, 0_u64);
    while !rest.is_empty() {
        let (scale, unit) = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find_map(|(unit, scale)| Some((scale, rest.strip_suffix(unit)?)))
            .expect("a unit");
        let digits = unit.trim_end_matches(|it: char| it.is_ascii_digit());
        let number: u64 = unit[digits.len()..].parse().expect("a number");
        millis += number * scale;
        rest = digits;
    }
    assert_eq!(span.0, millis.div_ceil(1000), "{text}");
    if span.0 < 100_000 * 3600 {
        assert_eq!(Seconds::parse(&span.to_string()), Ok(span));
    }
}

/// Months, stamps and hashes.
pub fn calendar(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => {
            let text = input.text();
            let Ok(month) = Month::parse(text) else {
                return;
            };
            assert_eq!(month.to_string(), text);
            within(month);
        }
        1 => {
            let stamp = Stamp(input.number(8).cast_signed());
            let month = Month::of(stamp);
            assert!(stamp < month.next().start() || month.to_string().as_str() >= "2262");
            assert!(stamp >= month.start() || month.to_string() == "1970-01");
            let span = Seconds(input.number(8));
            assert!(stamp.after(span) >= stamp && stamp.before(span) <= stamp);
            let exact = i128::from(stamp.0).div_euclid(1_000_000_000);
            assert_eq!(i128::from(stamp.seconds()), exact);
        }
        _ => {
            let text = input.text();
            if let Some(digest) = Digest::parse(text) {
                assert_eq!(digest.to_string(), text);
            }
        }
    }
}

/// A month begins in itself and ends where the next begins.
fn within(month: Month) {
    let (start, end) = (month.start(), month.next().start());
    assert_eq!(Month::of(start), month);
    assert_eq!(Month::of(Stamp(end.0 - 1)), month);
    let days = (end.seconds() - start.seconds()) / 86_400;
    assert!((28..=31).contains(&days), "{month} has {days} days");
}
