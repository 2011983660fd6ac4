//! What is remembered of what was borrowed, against the definition and world 14.

use edugrid_units::JobUid;
use proptest::prelude::*;

use super::*;

const WEEK: Seconds = Seconds(604_800);

fn key(name: &str) -> AttemptKey {
    AttemptKey {
        job: JobUid::from(name),
        task: 0,
        attempt: 1,
    }
}

/// Pool `p` counts one to one; the province owns it, and nobody else anything.
fn measured() -> Past {
    let mut past = Past::new();
    let at = Stamp::from_seconds(0);
    past.record(PastEvent::Owned(Ownership {
        at,
        measures: vec![PoolMeasure {
            pool: "p".into(),
            kind: ComputeKind::Intelligent,
            factor: Ratio::ONE,
        }],
        owned: vec![],
    }));
    past.record(PastEvent::Rebased {
        at,
        half_life: WEEK,
    });
    past
}

fn began(name: &str, tenant: &str, billed: u64, at: u64) -> PastEvent {
    PastEvent::Began {
        key: key(name),
        path: vec![tenant.into(), "root".into()],
        user: "ann".into(),
        pool: "p".into(),
        billed: MilliUnits(billed),
        at: seconds(at),
    }
}

fn ended(name: &str, at: u64) -> PastEvent {
    let key = key(name);
    let at = seconds(at);
    PastEvent::Ended { key, at }
}

fn owns(tenant: &str, nominal: u64, at: u64) -> PastEvent {
    PastEvent::Owned(Ownership {
        at: seconds(at),
        measures: vec![],
        owned: vec![Owned {
            tenant: tenant.into(),
            beside_children: false,
            pool: "p".into(),
            nominal: MilliUnits(nominal),
        }],
    })
}

fn seconds(at: u64) -> Stamp {
    Stamp::from_seconds(i64::try_from(at).expect("a time"))
}

/// What a tenant borrowed on average, in milli-units.
fn average(past: &Past, tenant: &str, at: u64) -> u128 {
    let growth = past.growth(seconds(at)).expect("averages are kept");
    let sum = past.tenant(&tenant.into(), false)[0].averaged(growth);
    sum / growth / SCALE
}

/// World 14: 10⁹ milli-units on average, and a half-life later exactly half of them, whoever
/// looked in between and how often.
#[test]
fn world_14_half_is_left_after_a_half_life_whoever_looks() {
    for every in [None, Some(60), Some(1)] {
        let mut past = measured();
        past.record(began("j", "a", 2_000_000_000, 0));
        past.record(ended("j", WEEK.0));
        let looks = every.map_or(0, |every| WEEK.0 / every);
        for look in 0..looks {
            let at = WEEK.0 + look * every.unwrap_or(1);
            assert!(average(&past, "a", at) <= 1_000_000_000, "it only falls");
        }
        assert_eq!(average(&past, "a", WEEK.0), 1_000_000_000, "{every:?}");
        assert_eq!(average(&past, "a", 2 * WEEK.0), 500_000_000, "{every:?}");
        assert_eq!(average(&past, "a", 3 * WEEK.0), 250_000_000, "{every:?}");
    }
}

#[test]
fn only_what_is_above_nominal_is_borrowed() {
    let mut past = measured();
    past.record(owns("a", 600, 0));
    past.record(began("j", "a", 1000, 0));
    assert_eq!(average(&past, "a", WEEK.0), 200);
    // All of it from now on: half of 400, and three quarters of the rest to the whole 1000.
    past.record(owns("a", 0, WEEK.0));
    assert_eq!(average(&past, "a", 2 * WEEK.0), 600);
    let growth = past.growth(seconds(WEEK.0)).expect("kept");
    let user = past.user(&"a".into(), &"ann".into());
    assert_eq!(
        user[0].averaged(growth) / growth / SCALE,
        500,
        "owns nothing"
    );
}

#[test]
fn another_half_life_keeps_what_was() {
    let mut past = measured();
    past.record(began("j", "a", 1024, 0));
    past.record(ended("j", WEEK.0));
    assert!(!past.is_rebase_due(seconds(WEEK.0), WEEK));
    let day = Seconds(86_400);
    assert!(past.is_rebase_due(seconds(WEEK.0), day));
    past.record(PastEvent::Rebased {
        at: seconds(WEEK.0),
        half_life: day,
    });
    assert_eq!(past.half_life(), Some(day));
    assert_eq!(average(&past, "a", WEEK.0), 512);
    assert_eq!(average(&past, "a", WEEK.0 + day.0), 256);
    assert!(past.is_rebase_due(seconds(WEEK.0 + 16 * day.0), day));
}

/// Of whom nothing is left nothing is kept, however many there were.
#[test]
fn what_has_faded_is_forgotten() {
    let mut past = measured();
    for at in 0..100 {
        let name = format!("j{at}");
        past.record(began(&name, &format!("t{at}"), 1000, 0));
        past.record(ended(&name, 60));
    }
    assert!(past.rows.len() > 300);
    let half_life = WEEK;
    let at = seconds(16 * WEEK.0);
    past.record(PastEvent::Rebased { at, half_life });
    assert_eq!(past.rows.len(), 0);
}

#[test]
fn repeats_and_strangers_change_nothing() {
    let mut past = measured();
    past.record(began("j", "a", 1000, 0));
    past.record(began("j", "a", 1000, 0));
    past.record(ended("other", 5));
    assert_eq!(average(&past, "a", WEEK.0), 500);
}

#[test]
fn the_books_are_told_what_is_another_than_they_know() {
    let past = {
        let mut past = measured();
        past.record(owns("a", 5, 0));
        past.record(owns("gone", 7, 0));
        past
    };
    let owned = |tenant: &str, nominal| Owned {
        tenant: tenant.into(),
        beside_children: false,
        pool: "p".into(),
        nominal: MilliUnits(nominal),
    };
    let now = vec![owned("a", 5), owned("b", 3), owned("c", 0)];
    let (_, missing) = past.missing(std::iter::empty(), now.into_iter());
    assert_eq!(missing, [owned("b", 3), owned("gone", 0)]);
}

proptest! {
    /// Against the definition: each piece of time adds what was borrowed in it, times what G
    /// grew by, and it does not matter into how many pieces time is cut.
    #[test]
    fn follows_the_definition(
        changes in prop::collection::vec((0_u64..200_000, 1_u64..5000, any::<bool>()), 1..20),
        looks in prop::collection::vec(0_u64..4_000_000, 0..20),
    ) {
        let mut past = measured();
        let (mut at, mut open) = (0, Vec::new());
        let mut pieces: Vec<(u64, u128)> = vec![(0, 0)];
        for (name, (wait, billed, ends)) in (0..).zip(changes) {
            at += wait;
            if ends && !open.is_empty() {
                let (name, _) = open.remove(0);
                past.record(ended(&format!("j{name}"), at));
            } else {
                past.record(began(&format!("j{name}"), "a", billed, at));
                open.push((name, billed));
            }
            pieces.push((at, open.iter().map(|(_, billed)| u128::from(*billed)).sum()));
        }
        for look in looks.into_iter().filter(|look| *look < at) {
            average(&past, "a", look);
            pieces.push((look, u128::MAX));
        }
        prop_assert_eq!(&Past::of_parts(past.parts()), &past);
        pieces.sort_by_key(|(at, _)| *at);
        let end = at + 1000;
        pieces.push((end, 0));
        let (mut sum, mut borrowed) = (0, 0);
        for pair in pieces.windows(2) {
            if pair[0].1 != u128::MAX {
                borrowed = pair[0].1;
            }
            let grown = growth(pair[1].0, WEEK) - growth(pair[0].0, WEEK);
            sum += borrowed * SCALE * grown;
        }
        let found = past.tenant(&"a".into(), false)[0].averaged(growth(end, WEEK));
        prop_assert_eq!(found, sum);
    }

    /// Restating loses next to nothing.
    #[test]
    fn restating_keeps_the_average(billed in 1_000_u64..10_000_000, at in 1_u64..20_000_000) {
        let mut past = measured();
        past.record(began("j", "a", billed, 0));
        past.record(ended("j", at));
        let read = |past: &Past, at| {
            let growth = past.growth(seconds(at)).expect("kept");
            past.tenant(&"a".into(), false)[0].averaged(growth) / growth
        };
        let before = read(&past, at);
        past.record(PastEvent::Rebased { at: seconds(at), half_life: WEEK });
        let after = read(&past, at);
        prop_assert!(before - after <= 1 || before < SCALE, "{before} became {after}");
    }
}
