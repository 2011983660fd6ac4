//! Money in integer micro-yuan (N3). What people write is a decimal string in yuan.

use std::fmt;

/// An amount of money, never negative: 1 yuan is 1,000,000 micro-yuan.
///
/// The direction of a movement is told by its accounts (L1), so no sign is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroYuan(pub u64);

/// Why a text is not an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not digits with at most one decimal point.
    #[error("\"{0}\" is not an amount in yuan, write it like \"12.50\"")]
    Malformed(String),
    /// Finer than a micro-yuan.
    #[error("\"{0}\" has more than 6 decimals, the smallest amount is \"0.000001\"")]
    TooFine(String),
    /// Above what 64 bits of micro-yuan hold.
    #[error("\"{0}\" is above the largest amount, 18446744073709.551615 yuan")]
    TooLarge(String),
}

impl MicroYuan {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads a decimal amount in yuan, such as `"12.50"`.
    ///
    /// # Errors
    /// If the text is not such an amount, has more than 6 decimals or overflows.
    pub fn parse_yuan(text: &str) -> Result<Self, ParseMoneyError> {
        let malformed = || ParseMoneyError::Malformed(text.to_owned());
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(malformed()),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(malformed());
        }
        if fraction.len() > 6 {
            return Err(ParseMoneyError::TooFine(text.to_owned()));
        }
        let padded = format!("{whole}{fraction:0<6}");
        padded
            .parse()
            .map(Self)
            .map_err(|_| ParseMoneyError::TooLarge(text.to_owned()))
    }

    /// The sum, or `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` if `other` is more.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
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
}

/// Yuan with at least two and at most six decimals: `384.00`, `0.000001`.
impl fmt::Display for MicroYuan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let cents = text.len().saturating_sub(4);
        let used = text.trim_end_matches('0').len().max(cents);
        f.pad(text.get(..used).unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes_yuan() {
        for (text, micro) in [
            ("0", 0),
            ("12.5", 12_500_000),
            ("0.000001", 1),
            ("18446744073709.551615", u64::MAX),
        ] {
            assert_eq!(MicroYuan::parse_yuan(text), Ok(MicroYuan(micro)), "{text}");
        }
        assert_eq!(MicroYuan(384_000_000).to_string(), "384.00");
        assert_eq!(MicroYuan(1).to_string(), "0.000001");
        assert_eq!(MicroYuan(1_230_000).to_string(), "1.23");
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1 ", "１", "1.2.3"] {
            assert_eq!(
                MicroYuan::parse_yuan(text),
                Err(ParseMoneyError::Malformed(text.to_owned())),
            );
        }
        assert!(matches!(
            MicroYuan::parse_yuan("0.0000001"),
            Err(ParseMoneyError::TooFine(_))
        ));
        assert!(matches!(
            MicroYuan::parse_yuan("18446744073709.551616"),
            Err(ParseMoneyError::TooLarge(_))
        ));
    }

    proptest! {
        #[test]
        fn display_reads_back(micro: u64) {
            let money = MicroYuan(micro);
            prop_assert_eq!(MicroYuan::parse_yuan(&money.to_string()), Ok(money));
        }

        #[test]
        fn parse_never_panics(text in "\\PC{0,40}") {
            let _ = MicroYuan::parse_yuan(&text);
        }
    }
}
