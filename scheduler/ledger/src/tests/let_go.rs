//! What the books look through for an admission, and what they let go of: memory and time that
//! grow with a book's age, not with what it is asked.

use edugrid_units::VoucherName;

use super::world::{World, admission, at_hour, grant, key, yuan};
use crate::{Caps, Command, Grant, VoucherState};

/// The vouchers that an admission of sdu looks through.
fn looked_through(world: &World) -> Vec<String> {
    let held = &world.books.state().held_by;
    let names = held.get("sdu").into_iter().flatten();
    names.map(VoucherName::to_string).collect()
}

fn becomes(world: &mut World, voucher: &str, state: VoucherState, change: i64) {
    world.stage(Command::VoucherState {
        voucher: voucher.into(),
        state,
        change,
    });
}

#[test]
fn vouchers_that_are_over_are_not_looked_through() {
    let mut world = World::new();
    for name in ["frozen", "revoked"] {
        world.grant(grant(name, "500.00"));
    }
    world.grant(Grant {
        valid_until: Some(at_hour(1)),
        ..grant("ends", "500.00")
    });
    assert_eq!(looked_through(&world), ["ends", "frozen", "revoked"]);
    becomes(&mut world, "frozen", VoucherState::Frozen, 1);
    becomes(&mut world, "revoked", VoucherState::Revoked, 1);
    world.pass_to(at_hour(2));
    assert_eq!(looked_through(&world), ["frozen"]);
    // What was frozen may pay again.
    becomes(&mut world, "frozen", VoucherState::Active, 2);
    world
        .hold(&admission("j1", "sdu", world.now))
        .expect("it pays");
    becomes(&mut world, "frozen", VoucherState::Revoked, 3);
    assert!(world.books.state().held_by.is_empty());
}

#[test]
fn a_forgotten_job_is_counted_for_no_cap() {
    let mut world = World::new();
    for name in ["capped", "other"] {
        world.grant(Grant {
            caps: Caps {
                per_job: Some(yuan("240.00")),
                per_month: None,
            },
            ..grant(name, "5000.00")
        });
    }
    world.run(&admission("j1", "sdu", world.now));
    world.pass_to(at_hour(2));
    world.end(&key("j1", 1), Some(at_hour(2)));
    let counted = |world: &World| {
        let vouchers = world.books.vouchers();
        vouchers.map(|voucher| voucher.by_job.len()).sum::<usize>()
    };
    assert!(counted(&world) > 0);
    world.stage(Command::Forget {
        at: at_hour(2),
        jobs: vec!["j1".into()],
    });
    assert_eq!(counted(&world), 0);
}
