//! Statements agree with the books to the micro-yuan (invariant 16).

use edugrid_units::{MicroYuan, Ratio, Seconds};

use super::world::{World, admission, at_hour, grant, key, yuan};
use crate::{
    Account, Command, Grant, HistoryView, MemoryView, Month, Replay, Statement, VoucherState,
    statement,
};

fn view(world: &World) -> MemoryView {
    let (mut view, mut replay) = (MemoryView::new(), Replay::new());
    for segment in &world.segments {
        let records = replay.segment(segment).expect("sound");
        view.append(&records, replay.position()).expect("follows");
    }
    view
}

fn of(world: &World, tenant: &str, month: &str) -> Statement {
    let month = Month::parse(month).expect("a month");
    statement(&view(world), &tenant.into(), month).expect("sound")
}

/// A job over the end of November, one of a sibling, an expiry and a revocation.
fn over_month_end() -> World {
    let mut world = World::new();
    let half = Ratio::new(1, 2).expect("den is not 0");
    world.grant(Grant {
        coverage: half,
        ..grant("a", "1000")
    });
    world.grant(Grant {
        valid_until: Some(at_hour(200)),
        ..grant("old", "7")
    });
    world.deposit("own", "sdu", "1000");
    world.commit();
    world.pass_to(at_hour(200));
    world.now = at_hour(24 * 11 - 2);
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world
        .hold(&admission("k", "sdu-ee", world.now))
        .expect("enough");
    world.commit();
    world.pass_to(at_hour(24 * 11 + 1));
    world.now = at_hour(24 * 11 + 2);
    world.end(&job.key, Some(at_hour(24 * 11).after(Seconds(5400))));
    world.end(&key("k", 1), None);
    world.stage(Command::VoucherState {
        voucher: "a".into(),
        state: VoucherState::Revoked,
        change: 2,
    });
    world.commit();
    world
}

#[test]
fn a_closing_is_the_next_opening_and_the_last_is_the_books() {
    let world = over_month_end();
    for tenant in ["sdu", "sdu-cs", "lnu", "prov"] {
        let november = of(&world, tenant, "2026-11");
        let december = of(&world, tenant, "2026-12");
        for line in &december.accounts {
            let before = november
                .accounts
                .iter()
                .find(|it| it.account == line.account);
            let closing = before.map(|it| it.closing).unwrap_or_default();
            assert_eq!(line.opening, closing, "{}", line.account);
            assert_eq!(
                line.opening.posted + line.credits - line.debits,
                line.closing.posted
            );
            let counters = world.books.account(&line.account);
            let balance =
                i128::from(counters.credits_posted.0) - i128::from(counters.debits_posted.0);
            assert_eq!(line.closing.posted, balance, "{}", line.account);
            assert_eq!(line.closing.held, i128::from(counters.debits_pending.0));
        }
    }
}

#[test]
fn usage_of_both_months_adds_up_to_the_charge() {
    let world = over_month_end();
    let (november, december) = (of(&world, "sdu", "2026-11"), of(&world, "sdu", "2026-12"));
    let cost = |statement: &Statement| statement.usage.iter().map(|it| it.cost()).sum::<i128>();
    let settled = world.books.settled_attempt(&key("j", 1)).expect("ended");
    assert_eq!(settled.settlement.charged, yuan("168"));
    assert_eq!(cost(&november), 96_000_000);
    assert_eq!(cost(&december), 72_000_000);
    let seconds: u64 = [&november, &december]
        .iter()
        .flat_map(|it| &it.usage)
        .map(|usage| usage.seconds)
        .sum();
    assert_eq!(seconds, settled.settlement.seconds);
    // The sibling's job never started: it is listed, and cost nothing.
    let idle = december
        .usage
        .iter()
        .find(|it| it.admit.admission.key == key("k", 1));
    assert_eq!(idle.map(|it| (it.cost(), it.seconds)), Some((0, 0)));
}

#[test]
fn a_child_sees_its_own_and_the_provider_what_it_earned() {
    let world = over_month_end();
    let child = of(&world, "sdu-ee", "2026-12");
    assert_eq!(child.usage.len(), 1);
    assert!(child.accounts.is_empty(), "others paid");
    let provider = of(&world, "lnu", "2026-12");
    assert!(provider.usage.is_empty(), "lnu ran nothing");
    let earned: Vec<_> = provider
        .accounts
        .iter()
        .map(|it| (&it.account, it.closing.posted))
        .collect();
    assert_eq!(earned, [(&Account::Provider("lnu".into()), 168_000_000)]);
}

#[test]
fn movements_are_told_apart_from_charges() {
    let world = over_month_end();
    let verbs = |month| -> Vec<_> {
        let statement = of(&world, "sdu", month);
        statement
            .movements
            .iter()
            .map(|it| (it.verb, it.leg.amount))
            .collect()
    };
    assert_eq!(
        verbs("2026-11"),
        [
            ("Grant", yuan("1000")),
            ("Grant", yuan("7")),
            ("Grant", yuan("1000")),
            ("Expire", yuan("7")),
        ],
    );
    assert_eq!(verbs("2026-12"), [("VoucherState", yuan("916"))]);
}

#[test]
fn the_clock_and_every_row_stand_in_the_csv() {
    let csv = of(&over_month_end(), "sdu", "2026-12").csv();
    assert!(csv.starts_with('\u{feff}'));
    insta::assert_snapshot!(csv.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
}

#[test]
fn a_book_without_entries_has_an_empty_statement() {
    let month = Month::parse("2026-11").expect("a month");
    let empty = statement(&MemoryView::new(), &"sdu".into(), month).expect("sound");
    assert!(empty.accounts.is_empty() && empty.usage.is_empty());
    assert_eq!(empty.document().cost, MicroYuan::ZERO.to_string());
}
