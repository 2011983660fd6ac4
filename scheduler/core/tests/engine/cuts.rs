//! A quota is cut while jobs run (Q3): who is stopped, and when.

use edugrid_units::{MilliUnits, Seconds, Stamp};
use insta::assert_snapshot;

use crate::text::{Play, play};

/// Both universities use 8; 10 minutes after a cut the province takes back.
const BOTH_USE_EIGHT: &str = "
tenant root created=1 reclaim=10m
tenant a parent=root created=2 quota=p:8
tenant b parent=root created=3 quota=p:8
class scavenger tier=Scavenger
class lasting lasting
pool p card=gpu
node n pool=p cards=32
job a1 tenant=a gang=w:1x8 at=1
";

/// b owns nothing any more: of the 16 in use 8 are too many.
const CUT: &str = "tenant b parent=root created=3 quota=p:0";

#[test]
fn what_is_borrowed_is_taken_back_after_the_delay() {
    assert_snapshot!(play(&format!("{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x8 at=2
        schedule
        {CUT}
        schedule
        wait 599
        schedule
        wait 1
        schedule
        schedule
        end b1 again
        schedule
    ")), @r"
    + a1 p 8 on n×1
    + b1 p 8 on n×1
    ! b1 for root in p
    - b1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 8, free 0, missing 8
    ");
}

#[test]
fn the_end_of_the_delay_is_a_timer() {
    let mut play = Play::new();
    for line in BOTH_USE_EIGHT.lines() {
        play.line(line);
    }
    for line in [
        "job b1 tenant=b gang=w:1x8 at=2",
        "schedule",
        CUT,
        "schedule",
    ] {
        play.line(line);
    }
    let due = play.stamp().after(Seconds(600));
    assert_eq!(play.world.next_timer(), Some(due));
    play.line("wait 600");
    play.line("schedule");
    assert_eq!(play.world.next_timer(), None, "it is named once");
}

#[test]
fn raised_in_time_it_stops_nobody_and_the_next_cut_begins_anew() {
    assert_snapshot!(play(&format!("{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x8 at=2
        schedule
        {CUT}
        schedule
        wait 500
        tenant b parent=root created=3 quota=p:8
        schedule
        wait 50
        {CUT}
        schedule
        wait 599
        schedule
        wait 1
        schedule
    ")), @r"
    + a1 p 8 on n×1
    + b1 p 8 on n×1
    ! b1 for root in p
    ");
}

/// 6 are too many. The lowest tier goes first, however small; then the 8 are needed, and
/// they alone are enough: the 2 are let off, though they are borrowed like the others.
#[test]
fn no_gang_more_than_needed() {
    assert_snapshot!(play("
        tenant root created=1 quota=p:18 reclaim=10m
        tenant a parent=root created=2 quota=p:8
        tenant b parent=root created=3
        class scavenger tier=Scavenger
        pool p card=gpu
        node n pool=p cards=32
        job a1 tenant=a gang=w:1x8 at=1
        job b1 tenant=b gang=w:1x2 class=scavenger at=2
        schedule
        wait 1
        job b2 tenant=b gang=w:2x4 at=3
        schedule
        tenant root created=1 quota=p:12 reclaim=10m
        schedule
        wait 600
        schedule
    "), @r"
    + a1 p 8 on n×1
    + b1 p 2 on n×1
    + b2 p 8 on n×2
    ! b2 for root in p
    ");
}

/// b and c borrow 4 each, and c has twice the weight; 5 are too many.
#[test]
fn lowest_tier_then_the_side_that_borrows_most_then_the_youngest_then_by_uid() {
    assert_snapshot!(play("
        tenant root created=1 quota=p:13 reclaim=1m
        tenant b parent=root created=2
        tenant c parent=root created=3 weight=2
        class scavenger tier=Scavenger
        pool p card=gpu
        node n pool=p cards=32
        job b1 tenant=b at=1
        job b2 tenant=b at=2
        schedule
        wait 1
        job b3 tenant=b at=3
        job b4 tenant=b at=4
        job c1 tenant=c at=3
        job c2 tenant=c at=3
        job c3 tenant=c at=3
        job c4 tenant=c class=scavenger at=3
        schedule
        tenant root created=1 quota=p:3 reclaim=1m
        schedule
        wait 60
        schedule
    "), @r"
    + b1 p 1 on n×1
    + b2 p 1 on n×1
    + c1 p 1 on n×1
    + c2 p 1 on n×1
    + c3 p 1 on n×1
    + b3 p 1 on n×1
    + b4 p 1 on n×1
    + c4 p 1 on n×1
    ! c4 for root in p
    ! b3 for root in p
    ! b4 for root in p
    ! b1 for root in p
    ! c1 for root in p
    ");
}

/// The owner within its nominal is never touched, however much is missing, nor is what
/// can't be preempted.
#[test]
fn who_is_within_nominal_and_what_lasts_is_left_alone() {
    let world = format!(
        "{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x4 class=lasting at=2
        job b2 tenant=b gang=w:1x4 at=3
        schedule
        {CUT}
        tenant a parent=root created=2 quota=p:6
        schedule
        wait 600
        schedule
        wait 6000
        schedule
    "
    );
    assert_snapshot!(play(&world), @r"
    + a1 p 8 on n×1
    + b1 p 4 on n×1
    + b2 p 4 on n×1
    ! b2 for root in p
    ! a1 for root in p
    ");
    let within = world.replace("quota=p:6", "quota=p:8");
    assert_snapshot!(play(&within), @r"
    + a1 p 8 on n×1
    + b1 p 4 on n×1
    + b2 p 4 on n×1
    ! b2 for root in p
    ");
}

#[test]
fn what_is_on_its_way_out_counts_as_gone() {
    assert_snapshot!(play(&format!("{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x4 at=2
        job b2 tenant=b gang=w:1x4 at=3
        schedule
        tenant b parent=root created=3 quota=p:4
        schedule
        stopping b1
        wait 600
        schedule
        {CUT}
        schedule
        wait 600
        schedule
    ")), @r"
    + a1 p 8 on n×1
    + b1 p 4 on n×1
    + b2 p 4 on n×1
    ! b2 for root in p
    ");
}

/// The first cut is met by what is being stopped anyway, so the delay is the second's.
#[test]
fn a_cut_that_is_met_already_begins_no_delay() {
    assert_snapshot!(play(&format!("{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x4 at=2
        job b2 tenant=b gang=w:1x4 at=3
        schedule
        stopping b1
        tenant b parent=root created=3 quota=p:4
        schedule
        wait 300
        {CUT}
        schedule
        wait 599
        schedule
        end b1 again
        wait 1
        schedule
    ")), @r"
    + a1 p 8 on n×1
    + b1 p 4 on n×1
    + b2 p 4 on n×1
    ! b2 for root in p
    - b1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 4, free 0, missing 4
    ");
}

/// A tenant takes back only what its own subtree borrows; with `Keep` nobody is stopped.
#[test]
fn a_tenant_takes_back_in_its_own_subtree_only() {
    let world = |root: &str, a: &str, b: &str| {
        play(&format!(
            "
        tenant root created=1 quota=p:16 {root}
        tenant a parent=root created=2 quota=p:8 {a}
        tenant b parent=root created=3 quota=p:0 {b}
        pool p card=gpu
        node n pool=p cards=32
        job a1 tenant=a gang=w:1x8 at=1
        job b1 tenant=b gang=w:1x8 at=2
        schedule
        tenant root created=1 quota=p:8 {root}
        schedule
        wait 60
        schedule
        "
        ))
    };
    let stopped = |output: String| {
        let stops = output.lines().filter_map(|line| line.strip_prefix("! "));
        stops.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(stopped(world("", "", "")), "", "Keep");
    assert_eq!(
        stopped(world("", "reclaim=1m", "")),
        "",
        "a borrows nothing"
    );
    assert_eq!(stopped(world("", "", "reclaim=1m")), "b1 for b in p");
    assert_eq!(stopped(world("reclaim=1m", "", "")), "b1 for root in p");
    let both = world("reclaim=1m", "", "reclaim=1m");
    assert_eq!(stopped(both), "b1 for b in p", "from below, and only once");
}

#[test]
fn nobody_is_stopped_while_nothing_can_be_written_down() {
    assert_snapshot!(play(&format!("{BOTH_USE_EIGHT}
        job b1 tenant=b gang=w:1x8 at=2
        schedule
        {CUT}
        ledger down
        wait 600
        schedule
        ledger ready
        schedule
    ")), @r"
    + a1 p 8 on n×1
    + b1 p 8 on n×1
    ! b1 for root in p
    ");
}

#[test]
fn what_is_done_is_told_and_what_can_not_be() {
    let mut play = Play::new();
    let told = |play: &Play, name: &str| {
        let views = play.world.tenants();
        let view = views.iter().find(|view| view.name.as_str() == name);
        let line = &view.expect("a tenant").pools[0];
        let by = line.taking_back.clone();
        let from = |from: Option<Stamp>| from.map(|from| from.seconds() - play.now);
        (
            by.map(|by| (by.by.to_string(), from(by.from))),
            line.leaving,
        )
    };
    let jobs = "
        job b1 tenant=b gang=w:1x4 class=lasting at=2
        job b2 tenant=b gang=w:1x4 at=3
        schedule";
    for line in BOTH_USE_EIGHT
        .lines()
        .chain(jobs.lines())
        .chain([CUT, "schedule"])
    {
        play.line(line);
    }
    let root = "root".to_owned();
    assert_eq!(
        told(&play, "b"),
        (Some((root.clone(), Some(600))), MilliUnits::ZERO)
    );
    assert_eq!(told(&play, "a"), (None, MilliUnits::ZERO), "within its own");
    play.line("wait 600");
    play.line("schedule");
    assert_eq!(
        told(&play, "b"),
        (Some((root.clone(), None)), MilliUnits::whole(4))
    );
    play.line("end b2 again");
    play.line("schedule");
    assert_eq!(told(&play, "root"), (Some((root, None)), MilliUnits::ZERO));
    play.line("end b1");
    play.line("schedule");
    assert_eq!(told(&play, "b"), (None, MilliUnits::ZERO));
}
