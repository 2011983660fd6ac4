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

/// World 13: a card is freed in a crowd of tenants; the shapes that do not fit are
/// found out once each, not once per tenant.
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
    let before = play.world.waiting().count();
    let first = play
        .purse
        .held
        .first()
        .expect("something is admitted")
        .clone();
    play.line(&format!("end {}", first.job));
    play.line("schedule");
    assert!(
        play.world.waiting().count() < before,
        "what was freed is used"
    );
    let order = play.world.queue(&edugrid_core::QueueFilter::default());
    assert_eq!(order.len(), play.world.waiting().count());
}
