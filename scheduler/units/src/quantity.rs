//! Quantities in milli-units and MiB (N3), and what Kubernetes writes for them.

use std::fmt;

/// An amount of a pool's unit (a card, or a core) in thousandths (N3, N4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliUnits(pub u64);

impl MilliUnits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// That many whole units, held at the largest amount.
    pub fn whole(units: u64) -> Self {
        Self(units.saturating_mul(1000))
    }

    /// The sum, held at the largest amount (N1).
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at nothing (N1).
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// That many times as much, held at the largest amount (N1).
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(u64::from(count)))
    }
}

/// Units with up to three decimals: `8`, `0.5`, `1.125`.
impl fmt::Display for MilliUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What a pod asks of a node, or what a node has free: the real vector that
/// placement uses (N4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Of the pool's device resource, in milli-cards; 0 in a pool of cores.
    pub cards: MilliUnits,
    /// Processor time in milli-cores.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mebibytes: u64,
}

impl Resources {
    /// Whether `ask` fits into these.
    pub fn holds(&self, ask: &Self) -> bool {
        self.cards >= ask.cards
            && self.cpu_milli >= ask.cpu_milli
            && self.memory_mebibytes >= ask.memory_mebibytes
    }

    /// The sum in each component, held at the largest (N1).
    #[must_use]
    pub fn saturating_add(&self, other: &Self) -> Self {
        Self {
            cards: self.cards.saturating_add(other.cards),
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory_mebibytes: self.memory_mebibytes.saturating_add(other.memory_mebibytes),
        }
    }

    /// The difference in each component, held at nothing (N1).
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        Self {
            cards: self.cards.saturating_sub(other.cards),
            cpu_milli: self.cpu_milli.saturating_sub(other.cpu_milli),
            memory_mebibytes: self.memory_mebibytes.saturating_sub(other.memory_mebibytes),
        }
    }

    /// That many times as much in each component.
    #[must_use]
    pub fn times(&self, count: u32) -> Self {
        Self {
            cards: self.cards.times(count),
            cpu_milli: self.cpu_milli.saturating_mul(u64::from(count)),
            memory_mebibytes: self.memory_mebibytes.saturating_mul(u64::from(count)),
        }
    }
}

/// A text that is not a Kubernetes quantity we can count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseQuantityError {
    /// Not a number with a known suffix.
    #[error("\"{0}\" is not a quantity, write it like \"4\", \"0.5\", \"500m\" or \"8Gi\"")]
    Malformed(String),
    /// Below zero.
    #[error("\"{0}\" is negative, a request is at least 0")]
    Negative(String),
    /// Above what we count.
    #[error("\"{0}\" is too large to count")]
    TooLarge(String),
}

/// Reads a Kubernetes quantity in thousandths, rounded up as kube-scheduler does.
///
/// # Errors
/// If the text is no quantity, is negative, or overflows.
pub fn parse_milli(text: &str) -> Result<MilliUnits, ParseQuantityError> {
    scaled(text, 1000, 1).map(MilliUnits)
}

/// Reads a Kubernetes quantity of bytes in MiB, rounded up.
///
/// # Errors
/// If the text is no quantity, is negative, or overflows.
pub fn parse_mebibytes(text: &str) -> Result<u64, ParseQuantityError> {
    scaled(text, 1, 1 << 20)
}

/// `ceil(quantity × multiplier ÷ divisor)`.
fn scaled(text: &str, multiplier: u128, divisor: u128) -> Result<u64, ParseQuantityError> {
    let malformed = || ParseQuantityError::Malformed(text.to_owned());
    let too_large = || ParseQuantityError::TooLarge(text.to_owned());
    if text.starts_with('-') {
        return Err(ParseQuantityError::Negative(text.to_owned()));
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let end = unsigned
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(malformed());
    }
    if whole.len() > 30 || fraction.len() > 9 {
        return Err(too_large());
    }
    let (up, down) = suffix_scale(suffix).ok_or_else(malformed)?;
    let mantissa: u128 = format!("0{whole}{fraction}")
        .parse()
        .map_err(|_| too_large())?;
    let decimals = u32::try_from(fraction.len()).map_err(|_| too_large())?;
    let numerator = mantissa
        .checked_mul(up)
        .and_then(|value| value.checked_mul(multiplier))
        .ok_or_else(too_large)?;
    let denominator = 10_u128
        .checked_pow(decimals)
        .and_then(|value| value.checked_mul(down))
        .and_then(|value| value.checked_mul(divisor))
        .ok_or_else(too_large)?;
    u64::try_from(numerator.div_ceil(denominator)).map_err(|_| too_large())
}

/// Multiplier and divisor of a suffix, `e3`-like exponents included.
fn suffix_scale(suffix: &str) -> Option<(u128, u128)> {
    let scale = match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
            if exponent < 0 { (1, power) } else { (power, 1) }
        }
    };
    Some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_quantities() {
        for (text, milli) in [
            ("4", 4000),
            ("0.5", 500),
            ("500m", 500),
            ("1u", 1),
            ("2k", 2_000_000),
            (".5", 500),
            ("1e3", 1_000_000),
            ("5.", 5000),
        ] {
            assert_eq!(parse_milli(text), Ok(MilliUnits(milli)), "{text}");
        }
        for (text, mebibytes) in [
            ("200Gi", 204_800),
            ("1", 1),
            ("1Mi", 1),
            ("1G", 954),
            ("0", 0),
        ] {
            assert_eq!(parse_mebibytes(text), Ok(mebibytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", "x", "1x", "1.2.3", "1Ki1", ".", "e3"] {
            assert!(
                matches!(parse_milli(text), Err(ParseQuantityError::Malformed(_))),
                "{text}"
            );
        }
        assert!(matches!(
            parse_milli("-1"),
            Err(ParseQuantityError::Negative(_))
        ));
        for text in ["99999999999999999999", "1e99", "9999999999E"] {
            assert!(parse_milli(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_units() {
        for (milli, text) in [(8000, "8"), (500, "0.5"), (1125, "1.125"), (0, "0")] {
            assert_eq!(MilliUnits(milli).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics(text in "[-+0-9.eEKMGTPinumk]{0,40}") {
            let _ = (parse_milli(&text), parse_mebibytes(&text));
        }
    }
}
