//! Integer fractions (N1).

use std::fmt;

/// A fraction of two integers with a denominator above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    num: u32,
    den: u32,
}

/// A fraction with denominator zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("den is 0 in {num}/0, it must be at least 1")]
pub struct InvalidRatio {
    /// The numerator that was given.
    pub num: u32,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { num: 0, den: 1 };
    /// The whole.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// The fraction `num/den`.
    ///
    /// # Errors
    /// If `den` is zero.
    pub fn new(num: u32, den: u32) -> Result<Self, InvalidRatio> {
        if den == 0 {
            Err(InvalidRatio { num })
        } else {
            Ok(Self { num, den })
        }
    }

    /// The numerator.
    pub fn num(self) -> u32 {
        self.num
    }

    /// The denominator, never zero.
    pub fn den(self) -> u32 {
        self.den
    }
}

/// Nothing.
impl Default for Ratio {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}
