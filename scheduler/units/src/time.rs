//! Instants and spans. Nothing here reads a clock: time is stamped once at the
//! edge and handed in (N2).

use std::fmt;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64);

/// A span in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

const NANOS: i64 = 1_000_000_000;

impl Stamp {
    /// The instant that many whole seconds after 1970, held at the ends of the range.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS))
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// The instant `span` later, held at the end of the range.
    #[must_use]
    pub fn after(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.nanos()))
    }

    /// The instant `span` earlier, held at the start of the range.
    #[must_use]
    pub fn before(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.nanos()))
    }

    /// Whole seconds from `earlier` to this instant: 0 if it is not earlier.
    pub fn seconds_since(self, earlier: Self) -> Seconds {
        let nanos = self.0.saturating_sub(earlier.0).max(0);
        Seconds(u64::try_from(nanos.div_euclid(NANOS)).unwrap_or(0))
    }
}

impl Seconds {
    /// The span in nanoseconds, held at the largest.
    pub fn nanos(self) -> i64 {
        i64::try_from(self.0)
            .unwrap_or(i64::MAX)
            .saturating_mul(NANOS)
    }

    /// Reads a duration of the Gateway API kind: `8h`, `90m`, `1h30m`, `45s`, `500ms`.
    ///
    /// A rest of a second is rounded up: a limit may be longer than asked, never shorter.
    ///
    /// # Errors
    /// If the text is not 1 to 4 groups of 1 to 5 digits and a unit, each unit once,
    /// from large to small.
    pub fn parse(text: &str) -> Result<Self, ParseDurationError> {
        let malformed = || ParseDurationError(text.to_owned());
        let (mut rest, mut millis, mut last_rank) = (text, 0_u64, 0_usize);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
            let (unit, tail) = tail.split_at(letters);
            let (rank, scale) = match unit {
                "h" => (1, 3_600_000),
                "m" => (2, 60_000),
                "s" => (3, 1_000),
                "ms" => (4, 1),
                _ => return Err(malformed()),
            };
            if number.is_empty() || number.len() > 5 || rank <= last_rank {
                return Err(malformed());
            }
            let count: u64 = number.parse().map_err(|_| malformed())?;
            millis = millis.saturating_add(count.saturating_mul(scale));
            (rest, last_rank) = (tail, rank);
        }
        if last_rank == 0 {
            Err(malformed())
        } else {
            Ok(Self(millis.div_ceil(1000)))
        }
    }
}

/// `1h30m`, `45s`, `0s`: the form that [`Seconds::parse`] reads.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        let mut text = String::new();
        for (count, unit) in [(hours, 'h'), (minutes, 'm'), (seconds, 's')] {
            if count > 0 {
                text.push_str(&format!("{count}{unit}"));
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

/// A text that is not a duration of the Gateway API kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a duration, write it like \"8h\", \"90m\" or \"1h30m\"")]
pub struct ParseDurationError(String);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_durations() {
        for (text, seconds) in [
            ("8h", 28_800),
            ("90m", 5_400),
            ("1h30m", 5_400),
            ("1500ms", 2),
            ("0s", 0),
        ] {
            assert_eq!(Seconds::parse(text), Ok(Seconds(seconds)), "{text}");
        }
        for text in [
            "", "8", "h", "-1h", "1.5h", "1d", "30m1h", "1h1h", "100000h", "1h 30m",
        ] {
            assert!(Seconds::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_never_go_backwards() {
        let (early, late) = (Stamp::from_seconds(10), Stamp::from_seconds(15));
        assert_eq!(late.seconds_since(early), Seconds(5));
        assert_eq!(early.seconds_since(late), Seconds(0));
        assert_eq!(Stamp(i64::MAX).after(Seconds(u64::MAX)), Stamp(i64::MAX));
    }

    proptest! {
        #[test]
        fn display_reads_back(seconds in 0_u64..99_999 * 3600) {
            let span = Seconds(seconds);
            prop_assert_eq!(Seconds::parse(&span.to_string()), Ok(span));
        }
    }
}
