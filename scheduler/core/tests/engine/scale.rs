//! Ten thousand jobs in a debug build: what a round costs is counted in operations,
//! and in what it does not do.

use crate::text::Play;

/// Runs steps of one operation until no work is left; returns how many there were.
fn operations(play: &mut Play) -> (u32, usize) {
    let (mut steps, mut admitted) = (0, 0);
    loop {
        let plan = play.world.schedule(play.stamp(), 1, &mut play.purse);
        steps += 1;
        admitted += plan.admissions.len();
        if !plan.more {
            return (steps, admitted);
        }
    }
}

fn province(tenants: usize) -> Play {
    let mut play = Play::new();
    play.line("tenant root quota=p:512");
    play.line("pool p card=gpu");
    for at in 0..64 {
        play.line(&format!("node n{at:02} pool=p cards=8 cpu=96 mem=960"));
    }
    for at in 0..tenants {
        play.line(&format!("tenant t{at:05} parent=root"));
    }
    play
}

#[test]
fn like_jobs_cost_a_step_per_group() {
    let mut play = province(100);
    for at in 0..10_000 {
        play.line(&format!(
            "job j{at:05} tenant=t{:05} gang=w:1x8 at={at}",
            at % 100
        ));
    }
    let (steps, admitted) = operations(&mut play);
    assert_eq!(admitted, 64);
    assert!(
        steps < 500,
        "100 groups gathered and tried twice, 64 admitted: {steps}"
    );
    play.line("node n64 pool=p cards=8");
    let (steps, admitted) = operations(&mut play);
    assert_eq!(admitted, 0, "the quota is used up");
    assert!(steps < 300, "{steps}");
    assert_eq!(play.world.waiting().count(), 9936);
}

/// World 13: one card is freed in a crowd. What that costs follows from what it makes
/// possible, and not from how many wait: neither where the quota is used up, so that all
/// of a shape sleep at once, nor where the nodes are full, so that a shape is tried once
/// and not once per tenant.
#[test]
fn world_13_a_freed_card_costs_what_it_makes_possible() {
    for quota in [512, 100_000] {
        let costs = [100, 1_000].map(|tenants| {
            let mut play = province(tenants);
            play.line(&format!("tenant root quota=p:{quota}"));
            for at in 0..512 {
                play.line(&format!("job full{at:03} tenant=root at=0"));
            }
            play.line("schedule");
            assert_eq!(play.world.pools()[0].free.cards.0, 0);
            for at in 0..tenants {
                for size in [8, 6, 4, 2, 1] {
                    let job = format!("job j{at:05}x{size} tenant=t{at:05} gang=w:1x{size}");
                    play.line(&format!("{job} at={at}"));
                }
            }
            let (entered, admitted) = operations(&mut play);
            let groups = 5 * u32::try_from(tenants).expect("few");
            assert!(
                admitted == 0 && entered < groups + 20,
                "{entered} for {groups}"
            );
            play.line("end full000");
            let (cost, admitted) = operations(&mut play);
            assert_eq!(admitted, 1);
            cost
        });
        assert_eq!(costs[0], costs[1], "ten times as many wait");
        assert!(costs[0] < 20, "{costs:?}");
    }
}

/// What is decided does not depend on money alone: who can't pay stands aside, costs
/// nothing until money moves, and is tried again each minute, for prices have hours.
#[test]
fn who_cannot_pay_stands_aside() {
    let mut play = province(50);
    for at in 0..50 {
        play.line(&format!("poor t{at:05}"));
        play.line(&format!("job j{at:02} tenant=t{at:05} at={at}"));
    }
    assert_eq!(operations(&mut play).1, 0);
    play.line("job rich tenant=root");
    let (cost, admitted) = operations(&mut play);
    assert!(admitted == 1 && cost < 10, "{cost}");
    play.line("rich t00007 quietly");
    assert_eq!(operations(&mut play).1, 0, "nobody said so");
    let next = play.world.next_timer().expect("a minute");
    assert_eq!(next.seconds(), 1020, "the next full minute");
    play.line("wait 20");
    assert_eq!(operations(&mut play).1, 1);
}

/// Many unlike jobs, in a debug build; and what people read of them.
#[test]
fn ten_thousand_unlike_jobs_are_fine() {
    let mut play = province(2_000);
    for at in 0..10_000 {
        let (tenant, size) = (at % 2_000, [8, 4, 2, 1, 6][at / 2_000]);
        play.line(&format!(
            "job j{at:05} tenant=t{tenant:05} gang=w:2x{size} at={at}"
        ));
    }
    play.line("schedule");
    assert_eq!(play.world.pools()[0].free.cards.0, 0);
    let order = play.world.queue(&edugrid_core::QueueFilter::default());
    assert_eq!(order.len(), play.world.waiting().count());
    let first = order.first().expect("somebody waits");
    assert_eq!((first.place, first.place_in_tenant), (Some(1), Some(1)));
}
