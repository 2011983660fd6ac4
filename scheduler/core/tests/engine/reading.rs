//! What people read: explanations, the queue, tenants and pools.

use edugrid_core::{PoolCondition, QueueFilter, Stage, TenantCondition, TreeFault};
use insta::assert_snapshot;

use crate::text::Play;

fn world(text: &str) -> Play {
    let mut play = Play::new();
    for line in text.lines() {
        play.line(line);
    }
    play
}

const BUSY: &str = "
tenant root
tenant a parent=root quota=p:8
tenant lab parent=a quota=p:2
tenant b parent=root quota=p:8
pool p card=gpu
pool q card=gpu
node n1 pool=p cards=8
node n2 pool=p cards=8
node m1 pool=q cards=8
job a1 tenant=lab gang=w:1x8 at=1
job b1 tenant=b gang=w:1x8 at=2
schedule
job a2 tenant=lab gang=w:1x8 pools=p,q at=3
job a3 tenant=lab gang=w:1x4 pools=p at=4
job b2 tenant=b gang=w:1x4 pools=p user=wang at=5
job held tenant=b held at=5
schedule
";

fn queue(play: &Play, filter: &QueueFilter) -> String {
    let line = |entry: edugrid_core::QueueEntry| {
        let place = entry.place.zip(entry.place_in_tenant);
        let place = place.map_or("-".to_owned(), |(pool, tenant)| {
            format!("{pool} ({tenant})")
        });
        let code = entry.reason.map_or("?", |reason| reason.code.as_str());
        format!(
            "{place} {} {} {} {code}\n",
            entry.job.name, entry.job.tenant, entry.submitter
        )
    };
    play.world.queue(filter).into_iter().map(line).collect()
}

#[test]
fn the_queue_is_told_in_the_order_of_trial() {
    let play = world(BUSY);
    assert_snapshot!(queue(&play, &QueueFilter::default()), @r"
    1 (1) a2 lab li QuotaExceeded
    2 (1) b2 b wang QuotaExceeded
    3 (2) a3 lab li QuotaExceeded
    - held b li Held
    ");
    let only = |tenant: Option<&str>, namespace: Option<&str>, pool: Option<&str>| QueueFilter {
        tenant: tenant.map(Into::into),
        namespace: namespace.map(Into::into),
        pool: pool.map(Into::into),
    };
    assert_eq!(
        queue(&play, &only(Some("b"), None, None)).lines().count(),
        2
    );
    assert_eq!(
        queue(&play, &only(None, Some("lab"), Some("p")))
            .lines()
            .count(),
        2
    );
    assert_eq!(queue(&play, &only(None, None, Some("q"))), "");
}

#[test]
fn an_explanation_has_the_numbers_of_the_whole_path() {
    let play = world(BUSY);
    let told = play.world.explain(&"a3".into()).expect("it is there");
    assert_eq!(told.stage, Stage::Waiting);
    let ahead: Vec<_> = told.ahead.iter().map(|job| job.name.as_str()).collect();
    let mut text = format!(
        "{} billed {} place {:?} ({:?}) behind {}\n",
        told.pool.expect("a pool"),
        told.billed.expect("billed"),
        told.place_in_pool.expect("in order"),
        told.place_in_tenant.expect("in order"),
        ahead.join(" "),
    );
    for (pool, reason) in told.pools {
        text += &format!("{pool}: {reason}\n");
    }
    for node in told.path {
        text += &format!(
            "{}: nominal {}, effective {}, used {}, borrowed {}, available {}\n",
            node.tenant,
            node.nominal
                .map_or("-".to_owned(), |units| units.to_string()),
            node.effective,
            node.used,
            node.borrowed,
            node.available
        );
    }
    assert_snapshot!(text, @r"
    p billed 4 place 3 (2) behind a2 b2
    p: not enough quota is free, pool p, tenant root, asked 4, free 0, missing 4
    lab: nominal 2, effective 2, used 8, borrowed 6, available 0
    a: nominal 8, effective 8, used 8, borrowed 0, available 0
    root: nominal -, effective 16, used 16, borrowed 0, available 0
    ");
    let admitted = play.world.explain(&"a1".into()).expect("it is there");
    assert!(matches!(admitted.stage, Stage::Admitted(key) if key.attempt == 1));
    assert_eq!(admitted.reason, None);
    assert_eq!(play.world.explain(&"nobody".into()), None);
}

#[test]
fn a_finished_job_stays_finished_until_its_object_goes() {
    let mut play = world(BUSY);
    play.line("end b1");
    play.line("job b1 tenant=b gang=w:1x8 at=2 held");
    play.line("schedule");
    let stage = |play: &Play| play.world.explain(&"b1".into()).map(|told| told.stage);
    assert_eq!(stage(&play), Some(Stage::Finished));
    play.line("gone job b1");
    assert_eq!(stage(&play), None);
}

#[test]
fn tenants_tell_what_is_wrong_with_them() {
    let play = world(
        "
        tenant root quota=p:10
        tenant old parent=root quota=p:8
        tenant young parent=root quota=p:4
        tenant stray parent=missing
        pool p card=gpu
        schedule
    ",
    );
    let conditions = |name: &str| {
        let mut tenants = play.world.tenants().into_iter();
        let tenant = tenants.find(|tenant| tenant.name.as_str() == name);
        tenant.expect("a tenant").conditions
    };
    let over = |claimed, effective| {
        (
            edugrid_units::MilliUnits::whole(claimed),
            edugrid_units::MilliUnits::whole(effective),
        )
    };
    let (claimed, effective) = over(12, 10);
    assert_eq!(
        conditions("root"),
        [TenantCondition::ChildrenOvercommitted {
            pool: "p".into(),
            claimed,
            effective
        }]
    );
    assert_eq!(conditions("old"), []);
    let (claimed, effective) = over(4, 2);
    assert_eq!(
        conditions("young"),
        [TenantCondition::QuotaOvercommitted {
            pool: "p".into(),
            claimed,
            effective
        }]
    );
    assert_eq!(
        conditions("stray"),
        [TenantCondition::Fault {
            at: "stray".into(),
            fault: TreeFault::UnknownParent("missing".into()),
        }]
    );
}

#[test]
fn pools_tell_what_is_there() {
    let play = world(
        "
        tenant root quota=p:20
        pool late card=gpu nodes=room:1 created=90
        pool p card=gpu created=10
        pool cores created=10 nodes=room:1
        node n1 pool=p cards=8 cpu=64 label=room:1
        node n2 pool=p cards=8 cpu=64 cordoned
        foreign n1 cards=2 cpu=4
        job j gang=w:1x4/8 pools=p at=1
        schedule
    ",
    );
    let text: String = play
        .world
        .pools()
        .into_iter()
        .map(|pool| {
            let contested: Vec<_> = pool
                .conditions
                .iter()
                .map(|condition| match condition {
                    PoolCondition::NodeContested { node, other } => format!(" {node}↔{other}"),
                    PoolCondition::Overdeclared { declared, healthy } => {
                        format!(" {declared} declared, {healthy} healthy")
                    }
                })
                .collect();
            format!(
                "{}: {}/{} nodes, cards {} of {}, foreign {}, used {} (billed {}), free {} and {} milli-cores{}\n",
                pool.name,
                pool.nodes_usable,
                pool.nodes,
                pool.allocatable.cards,
                pool.capacity.cards,
                pool.foreign.cards,
                pool.used.cards,
                pool.billed,
                pool.free.cards,
                pool.free.cpu_milli,
                contested.concat(),
            )
        })
        .collect();
    assert_snapshot!(text, @r"
    cores: 1/1 nodes, cards 0 of 0, foreign 0, used 0 (billed 0), free 0 and 52000 milli-cores
    late: 0/0 nodes, cards 0 of 0, foreign 0, used 0 (billed 0), free 0 and 0 milli-cores n1↔p
    p: 1/2 nodes, cards 8 of 16, foreign 2, used 4 (billed 4), free 2 and 52000 milli-cores n1↔late 20 declared, 8 healthy
    ");
}

/// An event is taken in whatever it names, and the rest stands as it would without.
#[test]
fn nonsense_changes_nothing() {
    let mut play = world(BUSY);
    let view = |play: &Play| {
        let mut tenants = play.world.tenants();
        tenants.retain(|tenant| tenant.name.as_str() != "cycle");
        (tenants, play.world.pools())
    };
    let before = view(&play);
    for line in [
        "gone tenant nobody",
        "gone pool nothing",
        "gone class nothing",
        "gone node nowhere",
        "gone job nobody",
        "replay a1 path=lab,a,root pool=p billed=8 nodes=n1:1 each=8",
        "tenant cycle parent=cycle quota=p:4",
        "gone tenant cycle",
    ] {
        play.line(line);
        play.line("schedule");
        assert_eq!(view(&play), before, "{line}");
    }
}

/// Q8: what is borrowed has lenders: first the owner of the pool, then whoever has most
/// unused, within the lending limits; both sides are told.
#[test]
fn lenders_and_borrowers_see_each_other() {
    let play = world(
        "
        tenant root quota=p:30
        tenant a parent=root quota=p:8
        tenant lab parent=a quota=p:2
        tenant b parent=root quota=p:6/-/2
        tenant c parent=root quota=p:8
        tenant d parent=root
        pool p card=gpu owner=c
        node n pool=p cards=30
        replay 1 path=lab,a,root pool=p billed=6 nodes=n:6
        replay 2 path=d,root pool=p billed=17 nodes=n:17
        replay 3 path=c,root pool=p billed=1 nodes=n:1
        schedule
    ",
    );
    let told = |sums: Vec<(edugrid_units::TenantName, edugrid_units::MilliUnits)>| {
        let told = sums.iter().map(|(name, units)| format!("{name} {units}"));
        told.collect::<Vec<_>>().join(", ")
    };
    let tenants = play.world.tenants().into_iter();
    let lines = tenants.map(|mut tenant| {
        let line = tenant.pools.remove(0);
        let (lenders, borrowers) = (told(line.lenders), told(line.borrowers));
        format!(
            "{}: borrowed {} from [{lenders}], lent {} to [{borrowers}]\n",
            tenant.name, line.borrowed, line.lent
        )
    });
    assert_snapshot!(lines.collect::<String>(), @r"
    a: borrowed 0 from [], lent 2 to [d 2]
    b: borrowed 0 from [], lent 0 to []
    c: borrowed 0 from [], lent 7 to [d 7]
    d: borrowed 17 from [a 2, c 7, root 8], lent 0 to []
    lab: borrowed 4 from [a 4], lent 0 to []
    root: borrowed 0 from [], lent 0 to []
    ");
}

/// Q4: a share follows the nodes that are healthy, and what is declared is held against
/// what there is.
#[test]
fn a_share_of_the_pool_follows_its_nodes() {
    let mut play = world(
        "
        tenant root quota=p:100%
        tenant a parent=root quota=p:25%
        tenant b parent=root quota=p:8
        pool p card=gpu
        node n1 pool=p cards=8
        node n2 pool=p cards=8
        schedule
    ",
    );
    let view = |play: &Play| {
        let tenants = play.world.tenants().into_iter();
        let owned = tenants.map(|tenant| format!("{} {}", tenant.name, tenant.pools[0].effective));
        let pool = play.world.pools().remove(0);
        let owned = owned.collect::<Vec<_>>().join(", ");
        format!("{owned}; declared {} of {}", pool.declared, pool.healthy)
    };
    assert_eq!(view(&play), "a 4, b 8, root 16; declared 16 of 16");
    for (line, told) in [
        (
            "node n2 pool=p cards=8 notready",
            "a 2, b 6, root 8; declared 8 of 8",
        ),
        (
            "node n2 pool=p cards=4",
            "a 3, b 8, root 12; declared 12 of 12",
        ),
        ("gone node n2", "a 2, b 6, root 8; declared 8 of 8"),
        ("tenant root quota=p:9", "a 2, b 7, root 9; declared 9 of 8"),
    ] {
        play.line(line);
        play.line("schedule");
        assert_eq!(view(&play), told, "{line}");
    }
    assert!(matches!(
        play.world.pools()[0].conditions[..],
        [PoolCondition::Overdeclared { .. }]
    ));
}
