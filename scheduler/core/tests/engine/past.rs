//! Worlds in which the past counts (O3): who borrowed less goes first, for as long as it is
//! remembered, and whoever looks.

use edugrid_core::{PastEvent, QueueFilter};
use edugrid_units::{MilliUnits, Stamp};

use crate::text::Play;

fn played(text: &str) -> Play {
    let mut play = Play::new();
    text.lines().for_each(|line| play.line(line));
    play
}

/// Who was admitted, in order.
fn admitted(play: &Play) -> Vec<String> {
    let held = play.purse.held.iter();
    held.map(|key| key.job.to_string()).collect()
}

/// What a tenant borrowed of `p` on average.
fn average(play: &Play, tenant: &str) -> MilliUnits {
    let tenants = play.world.tenants();
    let view = tenants.iter().find(|view| view.name.as_str() == tenant);
    let lines = &view.expect("a tenant").pools;
    let line = lines.iter().find(|line| line.pool.as_str() == "p");
    line.expect("a pool").average.standard_units()
}

/// World 14: over four hours in which cards are freed one by one, nobody looks, somebody
/// looks each minute, or each second. Reading settles nothing and ages nothing: decisions
/// and averages are the same. Without a past the decisions would be others.
#[test]
fn world_14_looking_changes_no_decision() {
    const WORLD: &str = "
        tenant root quota=p:6 quota=q:4
        tenant a parent=root weight=2
        tenant b parent=root quota=p:1
        tenant c parent=root
        pool p card=gpu
        pool q card=gpu factor=1/3
        node n pool=p cards=6
        node m pool=q cards=4
        replay q1 path=c,root pool=q billed=4 nodes=m:4
    ";
    let decided = |weight: &str, every: Option<usize>| {
        let mut play = played(&format!("past half-life=1h weight={weight}\n{WORLD}"));
        for at in 0..24 {
            let (tenant, user) = (["a", "b", "c"][at % 3], ["an", "bo"][at / 3 % 2]);
            play.line(&format!(
                "job {tenant}{at:02} tenant={tenant} user={user} pools=p at={at}"
            ));
        }
        play.line("schedule");
        for ended in 0..12 {
            let first = play.purse.held.get(ended).expect("admitted").job.clone();
            for second in 0..1200 {
                play.line("wait 1");
                if every.is_some_and(|every| second % every == 0) {
                    drop((
                        play.world.tenants(),
                        play.world.pools(),
                        play.world.waiting().count(),
                    ));
                    drop(play.world.queue(&QueueFilter::default()));
                    drop(play.world.explain(&"a00".into()));
                }
            }
            play.line(&format!("end {first}"));
            play.line("schedule");
        }
        let averages = ["a", "b", "c"].map(|tenant| average(&play, tenant));
        (admitted(&play), averages)
    };
    let unseen = decided("3/1", None);
    assert_eq!(unseen.0.len(), 18);
    assert_eq!(unseen, decided("3/1", Some(60)), "each minute");
    assert_eq!(unseen, decided("3/1", Some(1)), "each second");
    assert_ne!(unseen.0, decided("0/1", None).0, "the past decides");
}

/// The figure of world 14: what was borrowed for a half-life is half remembered, and a
/// half-life later a quarter.
#[test]
fn world_14_half_is_left_after_a_half_life() {
    let mut play = played(
        "past half-life=168h weight=1/1
        tenant root quota=p:64
        tenant a parent=root
        pool p card=gpu
        node n pool=p cards=64
        job j tenant=a gang=w:1x64
        schedule
        wait 604800
        schedule",
    );
    assert_eq!(average(&play, "a"), MilliUnits::whole(32));
    play.line("end j");
    play.line("wait 604800");
    play.line("schedule");
    assert_eq!(average(&play, "a"), MilliUnits::whole(16));
    let share = play.world.tenants()[0].pools[0].share.standard_units();
    assert_eq!(share, MilliUnits::whole(16), "nothing is borrowed now");
}

/// Two equal tenants: a held all 8 cards for a day and holds none, b has held one since. At
/// first b goes before a; as a's day fades and b's card adds up, a goes before b, though nothing
/// has happened but time (O3, O6: no line is woken for it).
const FADING: &str = "
    past half-life=24h weight=1/1
    tenant root quota=p:9
    tenant a parent=root
    tenant b parent=root
    tenant c parent=root
    pool p card=gpu
    node n pool=p cards=9
    job a-day tenant=a gang=w:1x8
    schedule
    wait 86400
    end a-day
    job b-one tenant=b gang=w:1x1
    job c-one tenant=c gang=w:1x4
    job c-two tenant=c gang=w:1x4
    schedule
";

#[test]
fn order_changes_with_time_alone() {
    for (hours, first) in [(1, "b-next"), (72, "a-next")] {
        let mut play = played(FADING);
        play.line("job a-next tenant=a gang=w:1x2");
        play.line("job b-next tenant=b gang=w:1x2");
        play.line("schedule");
        play.line(&format!("wait {}", hours * 3600));
        play.line("schedule");
        let queue = play.world.queue(&QueueFilter::default());
        assert_eq!(
            queue[0].job.uid.as_str(),
            first,
            "as people read it, {hours} h"
        );
        play.line("end c-one");
        play.line("schedule");
        let order = admitted(&play);
        assert_eq!(order[4], first, "{hours} h: {order:?}");
    }
}

/// The same where the two stand in lines of their own, and time passes between two steps of
/// one piece of work.
#[test]
fn order_follows_time_between_steps() {
    for (hours, first) in [(1, "b-next"), (72, "a-next")] {
        let mut play = played(FADING);
        play.line("end c-one");
        play.line("job a-next tenant=a gang=w:1x4");
        play.line("job b-next tenant=b gang=w:1x3");
        assert!(play.step(4), "both lines are read, nobody is tried");
        assert_eq!(admitted(&play).len(), 4);
        play.line(&format!("wait {}", hours * 3600));
        play.line("schedule");
        let order = admitted(&play);
        assert_eq!(order[4], first, "{hours} h: {order:?}");
    }
}

/// What the books tell late counts from the instant that stands in them: whoever ended earlier
/// than was known goes before whom it stood behind.
#[test]
fn an_end_in_the_past_lowers_what_is_claimed() {
    let mut play = played(
        "past half-life=24h weight=9/1
        tenant root quota=p:9
        tenant a parent=root
        tenant b parent=root
        tenant c parent=root
        pool p card=gpu
        node n pool=p cards=9
        job a-old tenant=a gang=w:1x2
        job b-old tenant=b gang=w:1x1
        job c-old tenant=c gang=w:1x6
        schedule
        wait 86400
        job a-next tenant=a gang=w:1x3
        job b-next tenant=b gang=w:1x3
        schedule",
    );
    let key = play.purse.held[0].clone();
    assert_eq!(key.job.as_str(), "a-old");
    // In the books a's job ended after a minute.
    let at = Stamp::from_seconds(1060);
    play.recall(PastEvent::Ended { key, at });
    play.line("end c-old");
    play.line("schedule");
    let order = admitted(&play);
    assert_eq!(order[3..], ["a-next", "b-next"]);
}

/// Users are children too: who used little goes first within a tenant.
#[test]
fn users_have_a_past() {
    let mut play = played(
        "past half-life=24h weight=1/1
        tenant root quota=p:2
        tenant lab parent=root quota=p:2
        pool p card=gpu
        node n pool=p cards=2
        job j1 tenant=lab user=ann gang=w:1x2
        schedule
        wait 3600
        end j1
        job j2 tenant=lab user=ann gang=w:1x2 at=1
        job j3 tenant=lab user=bo gang=w:1x2 at=2
        schedule",
    );
    assert_eq!(admitted(&play), ["j1", "j3"]);
    // The lab used its own: it borrowed nothing.
    assert_eq!(average(&play, "lab"), MilliUnits::ZERO);
    play.line("end j3");
    play.line("schedule");
    assert_eq!(admitted(&play), ["j1", "j3", "j2"]);
}

/// A tenant that declares nothing later, or less, borrows more from then on; what it used of
/// its own before stays its own.
#[test]
fn what_was_owned_then_was_not_borrowed() {
    let mut play = played(
        "past half-life=1h weight=1/1
        tenant root quota=p:8
        tenant a parent=root quota=p:8
        pool p card=gpu
        node n pool=p cards=8
        job j tenant=a gang=w:1x8
        schedule
        wait 3600
        tenant a parent=root
        schedule",
    );
    assert_eq!(average(&play, "a"), MilliUnits::ZERO);
    play.line("wait 3600");
    play.line("schedule");
    assert_eq!(average(&play, "a"), MilliUnits::whole(4));
    play.line("tenant a parent=root quota=p:8");
    play.line("schedule");
    play.line("wait 3600");
    play.line("schedule");
    assert_eq!(average(&play, "a"), MilliUnits::whole(2));
}
