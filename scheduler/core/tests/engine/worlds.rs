//! Worlds that break simpler rules, and the ordinary ones beside them.

use crate::text::play;
use insta::assert_snapshot;

/// Province and two universities with quota, one node of 8 cards each.
const TWO: &str = "
tenant root
tenant a parent=root quota=a100:8
tenant b parent=root quota=a100:8
pool a100 card=gpu
node n1 pool=a100 cards=8 cpu=96 mem=960
node n2 pool=a100 cards=8 cpu=96 mem=960
";

#[test]
fn the_owner_goes_first_and_the_other_borrows_what_is_left() {
    assert_snapshot!(play(&format!("{TWO}
        job b1 tenant=b gang=w:1x8 at=1
        job b2 tenant=b gang=w:1x8 at=2
        job a1 tenant=a gang=w:1x4 at=3
        schedule
    ")), @r"
    + a1 a100 4 on n1×1
    + b1 a100 8 on n2×1
    - b2 QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 8, free 4, missing 4
    ");
}

/// World 4: the province owns 40 idle cards, U1's nominal of 64 is all used. On total
/// usage U2 would take all 40; on what is borrowed both take 20.
#[test]
fn world_4_bringing_nodes_costs_no_share() {
    let mut text = "
        tenant root quota=p:104
        tenant u1 parent=root quota=p:64
        tenant u2 parent=root
        pool p card=gpu
        node big pool=p cards=104
        replay old path=u1,root pool=p billed=64 nodes=big:64
    "
    .to_owned();
    for at in 0..40 {
        text += &format!("job u1-{at:02} tenant=u1 at={at}\njob u2-{at:02} tenant=u2 at={at}\n");
    }
    let output = play(&format!("{text}schedule"));
    let admitted = |tenant: &str| output.matches(&format!("+ {tenant}-")).count();
    assert_eq!((admitted("u1"), admitted("u2")), (20, 20));
}

/// World 6, first half: j1 < k < j2 < j1 under "within nominal first, then share". The
/// lexicographic key is a total order: V's k and L's jobs sort whoever compares them.
#[test]
fn world_6_the_key_is_a_total_order() {
    const WORLD: &str = "
        tenant root quota=p:24
        tenant u parent=root quota=p:10
        tenant l1 parent=u
        tenant l2 parent=u
        tenant v parent=root quota=p:10
        pool p card=gpu
        node big pool=p cards=24
        replay x1 path=l1,u,root pool=p billed=2 nodes=big:2
        replay x2 path=l2,u,root pool=p billed=6 nodes=big:6
        replay x3 path=v,root pool=p billed=9 nodes=big:9
    ";
    let orders = [["j1", "j2", "k"], ["k", "j2", "j1"], ["j2", "k", "j1"]];
    let outputs = orders.map(|jobs| {
        let lines = jobs.map(|job| match job {
            "j1" => "job j1 tenant=l2 at=1",
            "j2" => "job j2 tenant=l1 gang=w:1x4 at=1",
            _ => "job k tenant=v at=1",
        });
        play(&format!("{WORLD}{}\nschedule", lines.join("\n")))
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
    assert_snapshot!(outputs[0], @r"
    + j1 p 1 on big×1
    + k p 1 on big×1
    + j2 p 4 on big×1
    ");
}

/// World 6, second half: three equal tenants without nominal; A's gang of 48 comes
/// first as soon as its share is the least, for the share is the one before the job.
#[test]
fn world_6_a_large_job_of_an_idle_tenant_is_first() {
    assert_snapshot!(play("
        tenant root quota=p:64
        tenant a parent=root
        tenant b parent=root
        tenant c parent=root
        pool p card=gpu
        node n pool=p cards=64
        replay b0 path=b,root pool=p billed=8 nodes=n:8
        replay c0 path=c,root pool=p billed=8 nodes=n:8
        job b1 tenant=b at=1
        job c1 tenant=c at=2
        job a1 tenant=a gang=w:6x8 at=3
        schedule
    "), @r"
    + a1 p 48 on n×6
    - b1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 1, free 0, missing 1
    - c1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 1, free 0, missing 1
    ");
}

/// World 7: one student submits 5,000 jobs of four hours to a lab of 8 cards, another
/// one a minute later. In order of time the second would wait for 104 days; as users
/// are the leaf's children, the next card that is free is hers, and then they take turns.
#[test]
fn world_7_users_of_a_leaf_take_turns() {
    let mut text = "
        tenant root quota=p:8
        tenant lab parent=root quota=p:8
        pool p card=gpu
        node n pool=p cards=8
    "
    .to_owned();
    for at in 0..5000 {
        text += &format!("job a{at:04} tenant=lab user=an at=540\n");
    }
    text += "schedule\n";
    for at in 0..6 {
        text += &format!("job b{at:04} tenant=lab user=bo at=600\n");
    }
    for at in 0..6 {
        text += &format!("end a{at:04}\nschedule\n");
    }
    let output = play(&text);
    let admitted: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("+ "))
        .filter_map(|line| line.split(' ').next())
        .skip(8)
        .collect();
    assert_eq!(
        admitted,
        ["b0000", "b0001", "b0002", "b0003", "a0008", "a0009"]
    );
}

/// Users are compared within their leaf only: whoever shares a lab with a busy user is
/// not ranked behind other labs for it, and a user's name decides between equals.
#[test]
fn users_count_within_their_leaf_and_per_kind() {
    assert_snapshot!(play("
        tenant root quota=p:8 quota=h:8
        tenant a parent=root
        tenant b parent=root
        pool p card=gpu
        pool h kind=super
        node n pool=p cards=4
        node m pool=h cpu=8
        replay old path=a,root user=zhao pool=h billed=8 nodes=m:8
        job a1 tenant=a user=zhao pools=p at=2
        job a2 tenant=a user=qian pools=p at=3
        job b1 tenant=b user=zhao pools=p at=4
        job a3 tenant=a user=zhao pools=p at=1
        schedule
    "), @r"
    + a2 p 1 on n×1
    + b1 p 1 on n×1
    + a3 p 1 on n×1
    + a1 p 1 on n×1
    ");
}

/// World 10: U's idle cores don't count against its cards: shares are per kind.
#[test]
fn world_10_shares_are_kept_per_kind() {
    assert_snapshot!(play("
        tenant root quota=gpu:4 quota=hpc:100
        tenant u parent=root
        tenant v parent=root
        pool gpu card=gpu
        pool hpc kind=super
        node g pool=gpu cards=4
        node h pool=hpc cpu=100
        replay held path=u,root pool=hpc billed=90 nodes=h:90
        job v1 tenant=v at=1
        job v2 tenant=v at=2
        job v3 tenant=v at=3
        job u1 tenant=u at=4
        job u2 tenant=u at=5
        schedule
    "), @r"
    + u1 gpu 1 on g×1
    + v1 gpu 1 on g×1
    + u2 gpu 1 on g×1
    + v2 gpu 1 on g×1
    - v3 QuotaExceeded: not enough quota is free, pool gpu, tenant root, asked 1, free 0, missing 1
    ");
}

/// The pool's factor weighs what is borrowed in it, within a kind (O3).
#[test]
fn a_share_counts_standard_units() {
    assert_snapshot!(play("
        tenant root quota=fast:4 quota=slow:8
        tenant a parent=root
        tenant b parent=root
        pool fast card=gpu factor=3/1
        pool slow card=gpu
        node f pool=fast cards=4
        node s pool=slow cards=8
        replay af path=a,root pool=fast billed=2 nodes=f:2
        replay bs path=b,root pool=slow billed=4 nodes=s:4
        job a1 tenant=a pools=slow at=1
        job b1 tenant=b pools=slow gang=w:1x4 at=2
        schedule
    "), @r"
    + b1 slow 4 on s×1
    - a1 QuotaExceeded: not enough quota is free, pool slow, tenant root, asked 1, free 0, missing 1
    ");
}

#[test]
fn a_weight_of_two_borrows_twice_as_much() {
    let mut text = "
        tenant root quota=p:12
        tenant a parent=root weight=2
        tenant b parent=root
        pool p card=gpu
        node n pool=p cards=12
    "
    .to_owned();
    for at in 0..12 {
        text += &format!("job a-{at:02} tenant=a at={at}\njob b-{at:02} tenant=b at={at}\n");
    }
    let output = play(&format!("{text}schedule"));
    let admitted = |tenant: &str| output.matches(&format!("+ {tenant}-")).count();
    assert_eq!((admitted("a"), admitted("b")), (8, 4));
}

#[test]
fn tiers_come_before_shares_and_priority_before_age() {
    assert_snapshot!(play(&format!("{TWO}
        class exam tier=Mission
        class urgent priority=5
        job old tenant=a gang=w:1x8 at=1
        job exam tenant=b class=exam gang=w:1x8 at=9
        job urgent tenant=a class=urgent gang=w:1x8 at=5
        schedule
    ")), @r"
    + exam a100 8 on n1×1
    + urgent a100 8 on n2×1
    - old QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 8, free 0, missing 8
    ");
}

/// Q1: what children claim above their parent's is not effective, the oldest first.
#[test]
fn claims_above_the_parents_are_cut_from_the_youngest() {
    assert_snapshot!(play("
        tenant root quota=p:10
        tenant young parent=root quota=p:6 created=30
        tenant old parent=root quota=p:6 created=10
        tenant last parent=root quota=p:1 created=40
        pool p card=gpu
        node n pool=p cards=8
        job l tenant=last at=1
        job y1 tenant=young gang=w:1x4 at=2
        job y2 tenant=young gang=w:1x1 at=3
        job o tenant=old gang=w:1x6 at=4
        schedule
    "), @r"
    + o p 6 on n×1
    + y2 p 1 on n×1
    + l p 1 on n×1
    - y1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 4, free 2, missing 2
    ");
}

/// Q2: the own jobs of a tenant with children stand beside the children, as a child
/// that holds the rest of the nominal.
#[test]
fn an_inner_tenants_own_jobs_hold_its_residual() {
    assert_snapshot!(play("
        tenant root quota=p:8
        tenant u parent=root quota=p:8
        tenant lab parent=u quota=p:5
        pool p card=gpu
        node n pool=p cards=8
        job own1 tenant=u gang=w:1x3 at=5
        job own2 tenant=u gang=w:1x1 at=1
        job lab1 tenant=lab gang=w:1x5 at=9
        schedule
    "), @r"
    + own2 p 1 on n×1
    + lab1 p 5 on n×1
    - own1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 3, free 2, missing 1
    ");
}

#[test]
fn lending_and_borrowing_limits_bind() {
    assert_snapshot!(play("
        tenant root
        tenant keeps parent=root quota=p:8/-/3
        tenant takes parent=root quota=p:4/2
        tenant free parent=root quota=p:4
        pool p card=gpu
        node n pool=p cards=32
        job t1 tenant=takes gang=w:1x6 at=1
        job t2 tenant=takes at=2
        job f1 tenant=free gang=w:1x5 at=3
        job f2 tenant=free at=4
        job k1 tenant=keeps gang=w:1x5 at=5
        schedule
        end f1
        schedule
    "), @r"
    + f2 p 1 on n×1
    + k1 p 5 on n×1
    + t2 p 1 on n×1
    + f1 p 5 on n×1
    - t1 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 6, free 4, missing 2
    - t1 BorrowingLimit: the borrowing limit is reached, pool p, tenant takes, asked 6, free 5, missing 1
    ");
}

/// O6: who sleeps for a borrowing limit wakes when that has room, also if there is none above it at that moment: what ends
/// elsewhere later tells nothing to the limit's tenant.
#[test]
fn who_waits_for_a_borrowing_limit_is_not_forgotten_when_room_comes_from_elsewhere() {
    assert_snapshot!(play("
        tenant root
        tenant takes parent=root quota=p:4/2
        tenant free parent=root quota=p:8
        pool p card=gpu
        node n pool=p cards=32
        job t1 tenant=takes gang=w:1x2 at=1
        job t2 tenant=takes gang=w:1x6 at=2
        schedule
        job f1 tenant=free gang=w:1x10 at=3
        schedule
        end t1
        schedule
        end f1
        schedule
    "), @r"
    + t1 p 2 on n×1
    - t2 BorrowingLimit: the borrowing limit is reached, pool p, tenant takes, asked 6, free 4, missing 2
    + f1 p 10 on n×1
    - t2 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 6, free 0, missing 6
    - t2 QuotaExceeded: not enough quota is free, pool p, tenant root, asked 6, free 2, missing 4
    + t2 p 6 on n×1
    ");
}

/// Q3: a cut leaves what runs alone; nothing new is admitted until it is made good.
#[test]
fn a_quota_cut_overdraws_and_blocks() {
    assert_snapshot!(play(&format!("{TWO}
        job a1 tenant=a gang=w:1x8 at=1
        schedule
        tenant a parent=root quota=a100:2
        tenant b parent=root quota=a100:2
        job b1 tenant=b at=2
        schedule
        end a1
        schedule
    ")), @r"
    + a1 a100 8 on n1×1
    - b1 QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 1, free 0, missing 1
    + b1 a100 1 on n1×1
    ");
}

#[test]
fn a_gang_goes_whole_and_tight() {
    assert_snapshot!(play("
        tenant root quota=p:40
        pool p card=gpu
        node n1 pool=p cards=8 cpu=64
        node n2 pool=p cards=8 cpu=64
        node n3 pool=p cards=8 cpu=64
        node n4 pool=p cards=4 cpu=64
        replay x path=root pool=p billed=2 nodes=n3:2
        job single gang=w:1x3 at=1
        schedule
        job gang gang=worker:4x4/8+launcher:1x0/2 at=2
        schedule
        job never gang=w:2x8 at=3
        schedule
    "), @r"
    + single p 3 on n4×1
    + gang p 16 on n1×2 n2×2 | n1×1
    - never BehindInOrder: others come first: cards held by root 21, pool p, asked 16, free 7, missing 9
    ");
}

#[test]
fn pools_are_tried_in_the_jobs_order() {
    assert_snapshot!(play("
        tenant root quota=a100:8 quota=h800:8
        pool a100 card=gpu
        pool h800 card=gpu
        node a pool=a100 cards=8
        node h pool=h800 cards=8
        job j1 gang=w:1x6 pools=h800,a100 at=1
        job j2 gang=w:1x6 pools=h800,a100 at=2
        job j3 gang=w:1x4 pools=h800,a100 at=3
        job any gang=w:1x2 at=4
        schedule
    "), @r"
    + any a100 2 on a×1
    + j1 h800 6 on h×1
    + j2 a100 6 on a×1
    - j3 QuotaExceeded: not enough quota is free, pool h800, tenant root, asked 4, free 2, missing 2
    ");
}

/// A job without cards leaves card pools alone while a pool of cores has room.
#[test]
fn work_without_cards_prefers_cores() {
    assert_snapshot!(play("
        tenant root quota=a:8 quota=cores:8
        pool a card=gpu cpu=4
        pool cores
        node g pool=a cards=8 cpu=32
        node c pool=cores cpu=8
        job j1 gang=w:1x0/8 at=1
        job j2 gang=w:1x0/8 at=2
        schedule
    "), @r"
    + j1 cores 8 on c×1
    + j2 a 2 on g×1
    ");
}

/// A2: an open `Admit` counts whatever the objects say, and is never decided again.
#[test]
fn replay_counts_without_objects() {
    assert_snapshot!(play("
        replay j path=lab,a,root pool=a100 billed=8 nodes=n1:1 each=8
        job j tenant=lab gang=w:1x8
        schedule
        tenant root quota=a100:16
        tenant a parent=root
        pool a100 card=gpu
        node n1 pool=a100 cards=8
        node n2 pool=a100 cards=8
        job k tenant=a gang=w:1x8 at=1
        job l tenant=a gang=w:1x8 at=2
        schedule
        gone job j
        schedule
        end j
        schedule
    "), @r"
    + k a100 8 on n2×1
    - l QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 8, free 0, missing 8
    - l QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 8, free 0, missing 8
    + l a100 8 on n1×1
    ");
}

/// P7: where pods really are takes the place of the plan.
#[test]
fn bound_nodes_replace_planned_ones() {
    assert_snapshot!(play("
        tenant root quota=p:16
        pool p card=gpu
        node n1 pool=p cards=8
        node n2 pool=p cards=8
        job j gang=w:1x6 at=1
        schedule
        bound j nodes=n2:1 each=6
        job k gang=w:1x8 at=2
        schedule
    "), @r"
    + j p 6 on n1×1
    + k p 8 on n1×1
    ");
}

#[test]
fn an_attempt_that_did_not_start_backs_off_and_comes_again() {
    assert_snapshot!(play("
        tenant root quota=p:8
        pool p card=gpu
        node n1 pool=p cards=8
        job j gang=w:1x8 at=1
        schedule
        job k gang=w:1x8 at=2
        end j again back-off=1300
        schedule
        wait 300
        schedule
        end k
        schedule
    "), @r"
    + j p 8 on n1×1
    + k p 8 on n1×1
    - j BackOff until 1300: did not start, waits before the next attempt
    - j QuotaExceeded: not enough quota is free, pool p, tenant root, asked 8, free 0, missing 8
    + j p 8 on n1×1
    ");
}

#[test]
fn a_hold_earns_no_place_in_order() {
    assert_snapshot!(play("
        tenant root quota=p:8
        pool p card=gpu
        node n1 pool=p cards=8
        job farmer gang=w:1x8 at=1 held
        job later gang=w:1x8 at=3 not-before=1100
        schedule
        job honest gang=w:1x8 at=900
        wait 50
        job farmer gang=w:1x8 at=1
        schedule
        wait 60
        end honest
        schedule
    "), @r"
    - farmer Held: on hold by spec.state
    - later NotBefore until 1100: waits for spec.startAfter
    + honest p 8 on n1×1
    - farmer QuotaExceeded: not enough quota is free, pool p, tenant root, asked 8, free 0, missing 8
    - later NotBefore until 1100: waits for spec.startAfter
    + farmer p 8 on n1×1
    - later QuotaExceeded: not enough quota is free, pool p, tenant root, asked 8, free 0, missing 8
    ");
}

/// O5, A1: the eligible time is in the journal, so a job that was on hold before a
/// restart does not gain by its failed attempt.
#[test]
fn an_attempt_brings_its_eligible_time_back() {
    assert_snapshot!(play("
        tenant root quota=p:8
        pool p card=gpu
        node n1 pool=p cards=8
        replay old path=root pool=p billed=8 nodes=n1:1 each=8 eligible=500
        job old gang=w:1x8 at=1
        job new gang=w:1x8 at=400
        end old again
        schedule
    "), @r"
    + new p 8 on n1×1
    - old QuotaExceeded: not enough quota is free, pool p, tenant root, asked 8, free 0, missing 8
    ");
}

#[test]
fn steps_end_where_the_ops_run_out() {
    assert_snapshot!(play(&format!("{TWO}
        job a1 tenant=a gang=w:1x8 at=1
        job b1 tenant=b gang=w:1x8 at=2
        job b2 tenant=b gang=w:1x4 at=3
        ops 3
        schedule
    ")), @r"
      …
    + a1 a100 8 on n1×1
      …
    + b1 a100 8 on n2×1
      …
    - b2 QuotaExceeded: not enough quota is free, pool a100, tenant root, asked 4, free 0, missing 4
    ");
}
