//! The calendar of bands, caps and statements: Asia/Shanghai, which has been UTC+8
//! without summer time since 1991 (domain §4.1). Knows nothing of money.

use std::fmt;

use edugrid_units::Stamp;

const OFFSET_SECONDS: i64 = 8 * 3600;
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// A calendar month in Asia/Shanghai, from 1970-01 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u32,
    /// From 1 to 12.
    month: u32,
}

/// A text that is not a month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a month, write it like \"2026-11\"")]
pub struct ParseMonthError(String);

impl Month {
    /// The month that holds the instant; what lies before 1970 counts as 1970-01.
    pub fn of(at: Stamp) -> Self {
        let days = local_seconds(at.seconds()).div_euclid(DAY_SECONDS).max(0);
        // No year is longer, so the year sought is this one or one of the next.
        let years = u32::try_from(days.div_euclid(366)).unwrap_or(0);
        let mut month = Self {
            year: years.saturating_add(1970),
            month: 1,
        };
        let mut rest = days.saturating_sub(days_before(month.year));
        while rest >= month.year_days() {
            rest = rest.saturating_sub(month.year_days());
            month.year = month.year.saturating_add(1);
        }
        while rest >= month.days() {
            rest = rest.saturating_sub(month.days());
            month.month = month.month.saturating_add(1);
        }
        month
    }

    /// Reads `2026-11`.
    ///
    /// # Errors
    /// If the text is not a year from 1970 to 2261 and a month, both with all digits.
    pub fn parse(text: &str) -> Result<Self, ParseMonthError> {
        let malformed = || ParseMonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(malformed)?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(malformed());
        }
        let year: u32 = year.parse().map_err(|_| malformed())?;
        let month: u32 = month.parse().map_err(|_| malformed())?;
        // The last year that nanoseconds in 64 bits hold completely.
        if (1970..=2261).contains(&year) && (1..=12).contains(&month) {
            Ok(Self { year, month })
        } else {
            Err(malformed())
        }
    }

    /// The first instant of the month.
    pub fn start(self) -> Stamp {
        let mut days = days_before(self.year);
        let mut walk = Self { month: 1, ..self };
        while walk.month < self.month {
            days = days.saturating_add(walk.days());
            walk.month = walk.month.saturating_add(1);
        }
        Stamp::from_seconds(
            days.saturating_mul(DAY_SECONDS)
                .saturating_sub(OFFSET_SECONDS),
        )
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month >= 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month.saturating_add(1),
            }
        }
    }

    /// A number that orders months, for keys.
    pub(crate) fn index(self) -> u32 {
        self.year.saturating_mul(12).saturating_add(self.month)
    }

    /// Reads what [`index`](Self::index) makes.
    pub(crate) fn from_index(index: u32) -> Option<Self> {
        let zero_based = index.checked_sub(1)?;
        Some(Self {
            year: zero_based.checked_div(12)?,
            month: zero_based.checked_rem(12)?.checked_add(1)?,
        })
    }

    fn year_days(self) -> i64 {
        if self.leap() { 366 } else { 365 }
    }

    fn days(self) -> i64 {
        match self.month {
            2 if self.leap() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn leap(self) -> bool {
        self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400))
    }
}

/// Days from the first of 1970 to the first of a year after it.
fn days_before(year: u32) -> i64 {
    let since = i64::from(year).saturating_sub(1970);
    let last = i64::from(year).saturating_sub(1);
    // Leap years up to 1969: 477.
    let leaps = last
        .div_euclid(4)
        .saturating_sub(last.div_euclid(100))
        .saturating_add(last.div_euclid(400))
        .saturating_sub(477);
    since.saturating_mul(365).saturating_add(leaps)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The instant on a clock in Asia/Shanghai, in whole seconds: `2026-11-22T07:06:00+08:00`.
pub(crate) fn shown(at: Stamp) -> String {
    let month = Month::of(at);
    let second = at.seconds().saturating_sub(month.start().seconds());
    let part = |size: i64, count: i64| second.div_euclid(size).rem_euclid(count);
    format!(
        "{month}-{:02}T{:02}:{:02}:{:02}+08:00",
        part(DAY_SECONDS, 31).saturating_add(1),
        part(3600, 24),
        part(60, 60),
        part(1, 60),
    )
}

/// Seconds on a clock in Asia/Shanghai, for an instant in seconds since 1970 UTC.
pub(crate) fn local_seconds(seconds: i64) -> i64 {
    seconds.saturating_add(OFFSET_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn months_begin_at_midnight_in_shanghai() {
        // 2026-10-31T16:00:00Z is the first instant of November there.
        let start = Stamp::from_seconds(1_793_462_400);
        assert_eq!(Month::of(start).to_string(), "2026-11");
        assert_eq!(Month::of(Stamp(start.0 - 1)).to_string(), "2026-10");
        assert_eq!(Month::parse("2026-11").map(Month::start), Ok(start));
    }

    #[test]
    fn years_follow_each_other_without_a_gap() {
        assert_eq!(days_before(1970), 0);
        for year in 1970..=2261 {
            let days = Month { year, month: 1 }.year_days();
            assert_eq!(days_before(year) + days, days_before(year + 1), "{year}");
        }
    }

    #[test]
    fn february_knows_leap_years() {
        for (text, days) in [("2028-02", 29), ("2026-02", 28), ("2100-02", 28)] {
            let month = Month::parse(text).expect("a month");
            let span = month.next().start().seconds_since(month.start()).0;
            assert_eq!(span, days * 86_400, "{text}");
        }
    }

    #[test]
    fn instants_are_shown_on_the_clock_in_shanghai() {
        for (seconds, text) in [
            (0, "1970-01-01T08:00:00+08:00"),
            (1_793_462_399, "2026-10-31T23:59:59+08:00"),
            (1_793_462_400, "2026-11-01T00:00:00+08:00"),
        ] {
            assert_eq!(shown(Stamp::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn refuses_what_is_no_month() {
        for text in [
            "", "2026", "2026-13", "2026-00", "26-01", "2026-1", "+026-01",
        ] {
            assert!(Month::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_its_month(seconds in 0_i64..9_000_000_000) {
            let at = Stamp::from_seconds(seconds);
            let month = Month::of(at);
            prop_assert!(month.start() <= at && at < month.next().start());
            prop_assert_eq!(Month::parse(&month.to_string()), Ok(month));
        }
    }
}
