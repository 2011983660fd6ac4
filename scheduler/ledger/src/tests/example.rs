//! The worked example of domain §4.16, to the micro-yuan.

use edugrid_units::{MicroYuan, Outcome, Ratio, Seconds, Stamp};

use super::world::{HOUR, World, admission, at_hour, grant, key, night, prices, yuan};
use crate::{Account, Command, Grant, HistoryView, MemoryView, Month, statement};

/// 19:00, so that the fifth hour ends at midnight, where the night rate begins.
fn evening() -> World {
    let mut world = World::new();
    world.now = at_hour(19);
    world.stage(Command::PriceBook(prices("p2", "6.00", vec![night()])));
    world.grant(Grant {
        coverage: Ratio::new(4, 5).expect("den is not 0"),
        valid_until: Some(at_hour(23)),
        ..grant("a", "200.00")
    });
    world.grant(Grant {
        coverage: Ratio::new(1, 2).expect("den is not 0"),
        ..grant("b", "1000.00")
    });
    world.deposit("own", "sdu", "500.00");
    world
}

#[test]
fn the_hold_is_divided_as_written() {
    let mut world = evening();
    let held = world.hold(&admission("j", "sdu-cs", world.now));
    assert_eq!(held, Ok(yuan("480.00")));
    let a = world.books.voucher_balance(&"a".into()).expect("known");
    let b = world.books.voucher_balance(&"b".into()).expect("known");
    assert_eq!((a.held, a.available), (yuan("153.60"), yuan("46.40")));
    assert_eq!((b.held, b.available), (yuan("144.00"), yuan("856.00")));
    let own = world.books.budget(&"sdu".into());
    assert_eq!(own.debits_pending, yuan("182.40"));
}

#[test]
fn the_charges_are_as_written() {
    let mut world = evening();
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.pass_to(at_hour(24));
    assert_eq!(
        world.books.open_attempt(&job.key).map(|it| it.charged()),
        Some(yuan("240.00")),
    );
    let a = world.books.voucher_balance(&"a".into()).expect("known");
    assert_eq!(a.spent, yuan("153.60"));
    assert_eq!((a.held, a.available), (MicroYuan::ZERO, MicroYuan::ZERO));
    assert_eq!(a.returned, yuan("46.40"));

    let finished = at_hour(25).after(Seconds(HOUR / 2));
    world.now = finished;
    let settlement = world.end(&job.key, Some(finished));
    assert_eq!(settlement.charged, yuan("283.20"));
    assert_eq!(settlement.seconds, 13 * HOUR / 2);
    let payments = world.books.payments(&job.key).expect("known");
    assert_eq!(
        payments.vouchers,
        [("a".into(), yuan("153.60")), ("b".into(), yuan("45.60"))],
    );
    assert_eq!(payments.own, yuan("84.00"));
    let earned = world.books.earnings(&"lnu".into());
    assert_eq!(earned.balance(), Some(yuan("283.20")));
    assert_eq!(earned.credits_pending, MicroYuan::ZERO);
    assert_eq!(
        world.books.budget(&"sdu".into()).available(),
        yuan("416.00")
    );
    assert_eq!(
        world
            .books
            .account(&Account::Expired("line".into()))
            .credits_posted,
        yuan("46.40"),
    );
    assert_eq!(world.books.audit(), Ok(()));
}

#[test]
fn the_statement_says_the_same() {
    let mut world = evening();
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.pass_to(at_hour(24));
    world.now = at_hour(25).after(Seconds(HOUR / 2));
    world.end(&job.key, Some(world.now));
    world.commit();
    let mut view = MemoryView::new();
    let (records, position) = (world.records.clone(), world.books.position());
    assert_eq!(position.segments, 1);
    view.append(&records, position).expect("follows");
    let month = Month::parse("2026-11").expect("a month");
    let document = statement(&view, &"sdu".into(), month)
        .expect("the view is sound")
        .document();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).expect("plain"));
}

/// Half coverage of 8 cards at 6 yuan for an hour: 24 yuan each.
#[test]
fn half_coverage_pays_half() {
    let mut world = World::new();
    world.grant(Grant {
        coverage: Ratio::new(1, 2).expect("den is not 0"),
        ..grant("half", "1000.00")
    });
    world.deposit("own", "sdu", "24.00");
    let mut job = admission("j", "sdu-cs", world.now);
    job.walltime = Seconds(HOUR);
    world.run(&job);
    world.now = at_hour(1);
    let settlement = world.end(&job.key, Some(at_hour(1)));
    assert_eq!(settlement.charged, yuan("48.00"));
    let payments = world.books.payments(&job.key).expect("known");
    assert_eq!(payments.vouchers, [("half".into(), yuan("24.00"))]);
    assert_eq!(payments.own, yuan("24.00"));
}

/// A node is lost: charged to the last confirmed instant, not to the walltime (A5).
#[test]
fn a_lost_attempt_is_charged_to_the_last_confirmed_instant() {
    let mut world = evening();
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.pass_to(at_hour(20).after(Seconds(60)));
    world.now = at_hour(30);
    world.stage(Command::Alive {
        at: world.now,
        except: vec![key("j", 1)],
    });
    let applied = world.stage(Command::End {
        key: job.key.clone(),
        outcome: Outcome::Disrupted,
        started: None,
        ended: None,
    });
    assert!(applied.is_new);
    let settled = world.books.settled_attempt(&job.key).expect("ended");
    assert_eq!(settled.settlement.charged, yuan("48.80"));
    assert_eq!(
        settled.settlement.ended,
        Some(Stamp::from_seconds(at_hour(20).seconds() + 60))
    );
}
