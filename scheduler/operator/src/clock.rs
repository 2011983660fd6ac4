//! The operator's clock (N2, N5): time as the machine shows it, made virtual once.
//!
//! Instants that machines made (our own `now`, Kubernetes' stamps) pass through
//! [`Clock::to_virtual`] once, at the rim. Instants that people write are virtual already.

use edugrid_units::Stamp;

/// Virtual time: `origin + factor × (real − origin)`. Real time is factor 1.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The real instant at which virtual and real time agree; that of segment 0.
    pub origin: Stamp,
    /// How many virtual seconds pass in a real one, at least 1.
    pub factor: u32,
    /// Reads the machine's clock ([`crate::machine::Machine::now`]).
    pub real: fn() -> Stamp,
}

impl Clock {
    /// The instant that the machine shows.
    pub fn real_now(&self) -> Stamp {
        (self.real)()
    }

    /// The present in virtual time.
    pub fn now(&self) -> Stamp {
        self.to_virtual(self.real_now())
    }

    /// The virtual instant of a real one.
    pub fn to_virtual(&self, real: Stamp) -> Stamp {
        let passed = real.0.saturating_sub(self.origin.0);
        Stamp(
            self.origin
                .0
                .saturating_add(passed.saturating_mul(i64::from(self.factor.max(1)))),
        )
    }

    /// The real instant of a virtual one, rounded down.
    pub fn to_real(&self, stamp: Stamp) -> Stamp {
        let passed = stamp.0.saturating_sub(self.origin.0);
        Stamp(
            self.origin
                .0
                .saturating_add(passed.div_euclid(i64::from(self.factor.max(1)))),
        )
    }
}

/// Hands out the present so that it strictly increases, whatever the machine's clock
/// does: the engine and the books demand that (N2).
#[derive(Debug)]
pub struct Ticker {
    clock: Clock,
    last: Stamp,
}

impl Ticker {
    /// A ticker that never shows an instant at or before `last`.
    pub fn new(clock: Clock, last: Stamp) -> Self {
        Self { clock, last }
    }

    /// The clock behind it.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present, a nanosecond after the last answer at the least.
    pub fn tick(&mut self) -> Stamp {
        self.last = self.clock.now().max(Stamp(self.last.0.saturating_add(1)));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    #[test]
    fn virtual_time_runs_faster_from_the_origin() {
        let clock = Clock {
            origin: Stamp::from_seconds(1000),
            factor: 60,
            real: Machine::REAL.now,
        };
        let later = clock.to_virtual(Stamp::from_seconds(1002));
        assert_eq!(later, Stamp::from_seconds(1120));
        assert_eq!(clock.to_real(later), Stamp::from_seconds(1002));
        assert_eq!(
            clock.to_virtual(Stamp::from_seconds(1000)),
            Stamp::from_seconds(1000)
        );
    }

    #[test]
    fn ticks_increase_even_when_the_clock_stands_or_jumps_back() {
        let clock = Clock {
            origin: Stamp(0),
            factor: 1,
            real: Machine::REAL.now,
        };
        let future = Stamp(clock.now().0 + 3_600_000_000_000);
        let mut ticker = Ticker::new(clock, future);
        let (first, second) = (ticker.tick(), ticker.tick());
        assert!(future < first && first < second);
    }
}
