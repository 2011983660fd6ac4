//! Every reason the engine gives, with its numbers, in W's order.

use crate::text::play;
use insta::assert_snapshot;

const ONE: &str = "
tenant root
tenant a parent=root quota=p:8
pool p card=gpu cpu=12 mem=120
node n1 pool=p cards=4 cpu=48 mem=480
node n2 pool=p cards=4 cpu=48 mem=480
";

fn check(jobs: &str) -> String {
    play(&format!("{ONE}{jobs}\nschedule"))
}

#[test]
fn what_is_the_jobs_own_comes_first() {
    assert_snapshot!(check("
        job h tenant=nobody held refused
        job n tenant=nobody not-before=2000 refused
        job t tenant=nobody refused
        job u tenant=nobody refused until=900
    "), @r"
    - h Held: on hold by spec.state
    - n NotBefore until 2000: waits for spec.startAfter
    - t TemplateRefused: the API server refuses the pod template: spec.containers is required
    - u TemplateRefused until 900: the API server refuses the pod template: spec.containers is required
    ");
}

#[test]
fn unknown_and_forbidden_names() {
    assert_snapshot!(check("
        tenant only parent=root classes=standard quota=p:0
        tenant shut parent=root stopped
        tenant lab parent=shut
        class exam tier=Mission
        class old retired
        job 1 tenant=nobody
        job 2 tenant=a class=nothing
        job 3 tenant=only class=exam
        job 4 tenant=a class=old
        job 5 tenant=lab
        job 6 tenant=a pools=q
        job 7 tenant=a pools=q,p gang=w:1x8
    "), @r"
    - 1 UnknownReference: names something that does not exist: tenant nobody
    - 2 UnknownReference: names something that does not exist: class nothing
    - 3 NotAllowed: not allowed: class exam, tenant only
    - 4 NotAllowed: not allowed: class old is retired
    - 5 TenantStopped: the tenant is stopped, tenant shut
    - 6 UnknownReference: names something that does not exist: pool q
    - 7 NoMatchingPool: no pool can hold it: q UnknownReference, p TooLarge
    ");
}

/// What the books say has a code each, and the words of what it is about.
#[test]
fn what_the_books_refuse() {
    assert_snapshot!(check("
        unpaid 1 no-price
        unpaid 2 max-cost
        unpaid 3 unknown-voucher
        unpaid 4 barred-voucher
        unpaid 5 refused
        job 1 tenant=a user=u1
        job 2 tenant=a user=u2
        job 3 tenant=a user=u3
        job 4 tenant=a user=u4
        job 5 tenant=a user=u5
    "), @r"
    - 1 NoPrice: no price is in effect for the pool and tier: price tier standard, pool p
    - 2 LimitReached: a limit is reached: spec.maxCost, pool p, asked 9.00 yuan, free 5.00 yuan, missing 4.00 yuan
    - 3 UnknownReference: names something that does not exist: voucher lost, pool p
    - 4 NotAllowed: not allowed: voucher theirs by its holder, pool p
    - 5 LedgerUnavailable: the ledger can't be written: decided before, pool p
    ");
}

#[test]
fn a_gang_of_nobody_and_cards_that_a_pool_has_not() {
    assert_snapshot!(check("
        pool cores owner=root
        node c pool=cores cpu=64 mem=64
        job 1 tenant=a gang=w:0x1
        job 2 tenant=a gang=w:1x1 device=other pools=p
        job 3 tenant=a gang=w:1x1 pools=cores
    "), @r"
    - 1 NotAllowed: not allowed: spec.roles without a replica, at least 1 is needed
    - 2 NoMatchingPool: no pool can hold it: no node has the labels or devices that role w wants, pool p
    - 3 NoMatchingPool: no pool can hold it: role w asks for cards and the pool counts cores, pool cores
    ");
}

#[test]
fn tenants_that_hang_in_no_tree_admit_nothing() {
    assert_snapshot!(check("
        tenant second
        tenant below parent=second quota=p:4
        tenant orphan parent=missing
        tenant x parent=y
        tenant y parent=x
        job 1 tenant=below
        job 2 tenant=orphan
        job 3 tenant=x
    "), @r"
    - 1 UnknownReference: names something that does not exist: its parent (the one root is root), tenant second
    - 2 UnknownReference: names something that does not exist: parent missing, tenant orphan
    - 3 UnknownReference: names something that does not exist: its path to the root (parents form a cycle), tenant x
    ");
}

#[test]
fn what_can_never_be() {
    assert_snapshot!(check("
        pool q card=npu data=important
        node m1 pool=q cards=4 device=npu
        pool cores kind=general
        node c1 pool=cores cpu=64
        job 1 tenant=a gang=w:1x5
        job 2 tenant=a gang=w:3x4
        job 3 tenant=a gang=w:1x1/100
        job 4 tenant=a gang=w:2x3+v:2x2 pools=p
        job 5 tenant=a device=tpu
        job 6 tenant=a gang=w:1x0.5 pools=p
        job 7 tenant=a data=core pools=q
        job 8 tenant=a select=disk:fast pools=p
        job 9 tenant=a pools=cores,q data=core
        job x tenant=a gang=w:1x0/96 pools=cores
        job y tenant=a gang=w:1x1 pools=q
    "), @r"
    - 1 TooLarge: asks for more than there can ever be: cards of one replica of role w, on the largest node, pool p, asked 5, free 4, missing 1
    - 2 TooLarge: asks for more than there can ever be: cards, in the whole pool, pool p, asked 12, free 8, missing 4
    - 3 TooLarge: asks for more than there can ever be: cores of one replica of role w, on the largest node, pool p, asked 100, free 48, missing 52
    - 4 TooLarge: asks for more than there can ever be: cards, in the whole pool, pool p, asked 10, free 8, missing 2
    - 5 NoMatchingPool: no pool can hold it: no node has the labels or devices that role main wants, pool cores
    - 6 NoIsolation: no node can share a card safely: role w asks for a part of a card, pool p
    - 7 DataClass: the pool may not see this class of data: Core data, allowed up to Important, pool q
    - 8 NoMatchingPool: no pool can hold it: no node has the labels or devices that role main wants, pool p
    - 9 DataClass: the pool may not see this class of data: Core data, allowed up to General, pool cores
    - x TooLarge: asks for more than there can ever be: cores of one replica of role w, on the largest node, pool cores, asked 96, free 64, missing 32
    - y TooLarge: asks for more than there can ever be: quota, pool q, tenant a, asked 1, free 0, missing 1
    ");
}

#[test]
fn limits() {
    assert_snapshot!(check("
        tenant b parent=root walltime=2h running=1 cards-per-job=3 quota=p:0
        tenant lab parent=b
        class short max=1h default=30m
        job 1 tenant=a walltime=1m
        job 2 tenant=a class=short walltime=90m
        job 3 tenant=lab walltime=3h
        job 4 tenant=lab walltime=1h gang=w:2x2
        job 5 tenant=lab walltime=1h at=1
        job 6 tenant=lab walltime=1h at=2
    "), @r"
    + 5 p 1 on n1×1
    - 1 LimitReached: a limit is reached: walltime 1m is not longer than the notice 2m of class standard
    - 2 LimitReached: a limit is reached: walltime of class short, asked 1h30m, free 1h, missing 30m
    - 3 LimitReached: a limit is reached: walltime, tenant b, asked 3h, free 2h, missing 1h
    - 4 LimitReached: a limit is reached: cardsPerJob, pool p, tenant b, asked 4, free 3, missing 1
    - 6 LimitReached: a limit is reached: runningJobs, pool p, tenant b, asked 1, free 0, missing 1
    ");
}

/// Q5: limits of each user, and on cards in use, whichever way a job asks for them.
#[test]
fn limits_of_users_and_on_cards() {
    assert_snapshot!(check("
        tenant b parent=root cards=5 quota=p:0
        tenant club parent=root user-running=1 quota=p:0
        tenant lab parent=b user-cards=3 user-cards-per-job=2 user-walltime=5h
        job 1 tenant=lab user=an gang=w:1x2 at=1
        job 2 tenant=lab user=an gang=w:1x2 device=gpu at=2
        job 3 tenant=lab user=an gang=w:1x0/12 at=3
        job 4 tenant=lab user=an at=4
        job 5 tenant=lab user=bo gang=w:1x3 at=5
        job 6 tenant=lab user=bo walltime=6h at=6
        job 7 tenant=lab user=bo gang=w:1x2 at=7
        job 8 tenant=lab user=bo gang=w:1x1 at=8
        job 9 tenant=a user=an at=9
        job x tenant=club user=an at=10
        job y tenant=club user=an at=11
    "), @r"
    + 9 p 1 on n1×1
    + 1 p 2 on n1×1
    + x p 1 on n1×1
    + 7 p 2 on n2×1
    + 3 p 1 on n1×1
    - 2 LimitReached: a limit is reached: cards of user an, pool p, tenant lab, asked 2, free 0, missing 2
    - 4 LimitReached: a limit is reached: cards of user an, pool p, tenant lab, asked 1, free 0, missing 1
    - 5 LimitReached: a limit is reached: cardsPerJob of user bo, pool p, tenant lab, asked 3, free 2, missing 1
    - 6 LimitReached: a limit is reached: walltime of user bo, tenant lab, asked 6h, free 5h, missing 1h
    - 8 LimitReached: a limit is reached: cards, pool p, tenant b, asked 1, free 0, missing 1
    - y LimitReached: a limit is reached: runningJobs of user an, pool p, tenant club, asked 1, free 0, missing 1
    ");
}

/// Q5: the oldest may wait in the order, whoever came first; who is over comes in when
/// a place falls free.
#[test]
fn limits_on_how_many_wait() {
    assert_snapshot!(check("
        tenant b parent=root running=1 pending=2 quota=p:0
        tenant lab parent=b user-pending=1
        job 5 tenant=lab user=an at=5
        job 4 tenant=lab user=bo at=4
        job 3 tenant=lab user=an at=3
        job 2 tenant=b user=an at=2
        job h tenant=lab user=bo at=1 held
        schedule
        end 2
    "), @r"
    + 2 p 1 on n1×1
    - 3 LimitReached: a limit is reached: runningJobs, pool p, tenant b, asked 1, free 0, missing 1
    - 4 LimitReached: a limit is reached: runningJobs, pool p, tenant b, asked 1, free 0, missing 1
    - 5 LimitReached: a limit is reached: pendingJobs of user an, tenant lab, asked 2, free 1, missing 1
    - h Held: on hold by spec.state
    + 3 p 1 on n1×1
    - 4 LimitReached: a limit is reached: runningJobs, pool p, tenant b, asked 1, free 0, missing 1
    - 5 LimitReached: a limit is reached: runningJobs, pool p, tenant b, asked 1, free 0, missing 1
    - h Held: on hold by spec.state
    ");
}

/// O1, Q5: a class that a tenant gives to some people only; below it may be narrowed,
/// never widened.
#[test]
fn classes_for_some_people() {
    assert_snapshot!(check("
        class exam tier=Mission
        tenant u parent=root classes=standard,exam@group:office@user:dean quota=p:8
        tenant lab parent=u classes=exam,standard@user:li
        tenant tight parent=u classes=exam@user:an
        job 1 tenant=u class=exam user=dean at=1
        job 2 tenant=u class=exam user=li groups=staff,office at=2
        job 3 tenant=u class=exam user=li at=3
        job 4 tenant=lab class=exam user=bo at=4
        job 5 tenant=lab user=bo at=5
        job 6 tenant=lab user=li at=6
        job 7 tenant=tight class=exam user=an at=7
        job 8 tenant=tight user=an groups=office at=8
        job 9 tenant=tight class=exam user=an groups=office at=9
    "), @r"
    + 1 p 1 on n1×1
    + 2 p 1 on n1×1
    + 9 p 1 on n1×1
    + 6 p 1 on n1×1
    - 3 NotAllowed: not allowed: class exam is for others than user li, tenant u
    - 4 NotAllowed: not allowed: class exam is for others than user bo, tenant u
    - 5 NotAllowed: not allowed: class standard is for others than user bo, tenant lab
    - 7 NotAllowed: not allowed: class exam is for others than user an, tenant u
    - 8 NotAllowed: not allowed: class standard, tenant tight
    ");
}

#[test]
fn quota_then_order_then_nodes() {
    assert_snapshot!(play("
        tenant root
        tenant a parent=root quota=p:8
        tenant b parent=root quota=p:2/2
        pool p card=gpu
        node n1 pool=p cards=4
        node n2 pool=p cards=4
        job a1 tenant=a gang=w:2x3 at=1
        job a2 tenant=a gang=w:1x5 at=2
        job a3 tenant=a gang=w:1x2 at=3
        job b1 tenant=b gang=w:1x3 at=4
        job b2 tenant=b gang=w:1x4 at=5
        schedule
    "), @r"
    + a1 p 6 on n1×1 n2×1
    - a2 TooLarge: asks for more than there can ever be: cards of one replica of role w, on the largest node, pool p, asked 5, free 4, missing 1
    - a3 Fragmented: enough is free in sum, but not in the shapes it needs, pool p, asked 2, free 2, missing 0
    - b1 BehindInOrder: others come first: cards held by other tenants 6, pool p, asked 3, free 2, missing 1
    - b2 BehindInOrder: others come first: cards held by other tenants 6, pool p, asked 4, free 2, missing 2
    ");
}

#[test]
fn foreign_pods_and_ill_nodes() {
    assert_snapshot!(play("
        tenant root quota=p:12
        pool p card=gpu
        node n1 pool=p cards=4 cpu=8
        node n2 pool=p cards=4 cpu=8 cordoned
        node n3 pool=p cards=4 cpu=8 taint=repair
        foreign n1 cards=1 cpu=6
        job a gang=w:1x4 at=1
        job b gang=w:1x1/3 at=2
        job c gang=w:3x4 at=3
        job d gang=w:1x2/1 at=4
        schedule
        node n2 pool=p cards=4 cpu=8
        schedule
    "), @r"
    + d p 2 on n1×1
    - a Unhealthy: nodes are not healthy: n2, n3, pool p
    - b Unhealthy: nodes are not healthy: n2, n3, pool p
    - c QuotaExceeded: not enough quota is free, pool p, tenant root, asked 12, free 10, missing 2
    + a p 4 on n2×1
    - b Fragmented: enough is free in sum, but not in the shapes it needs, pool p, asked 1, free 1, missing 0
    - c QuotaExceeded: not enough quota is free, pool p, tenant root, asked 12, free 6, missing 6
    ");
}

#[test]
fn money_comes_last() {
    assert_snapshot!(play("
        tenant root quota=p:4
        tenant a parent=root
        tenant b parent=root
        tenant rich parent=root
        pool p card=gpu owner=b
        node n1 pool=p cards=4
        poor a
        poor b
        job 1 tenant=a at=1
        job 2 tenant=b at=2
        job 3 tenant=a gang=w:1x8 at=3
        schedule
        rich a
        schedule
    "), @r"
    + 2 p 1 on n1×1
    - 1 InsufficientFunds: vouchers and own money don't reach: vouchers pay 100.00, own money 4.00, pool p, asked 384.00 yuan, free 104.00 yuan, missing 280.00 yuan
    - 3 TooLarge: asks for more than there can ever be: cards of one replica of role w, on the largest node, pool p, asked 8, free 4, missing 4
    + 1 p 1 on n1×1
    - 3 TooLarge: asks for more than there can ever be: cards of one replica of role w, on the largest node, pool p, asked 8, free 4, missing 4
    ");
}

#[test]
fn a_ledger_that_cannot_write_comes_before_all() {
    assert_snapshot!(check("
        job h tenant=a held
        job j tenant=a
        ledger down
        schedule
        ledger rewound
        schedule
        ledger ready
    "), @r"
    - h LedgerUnavailable: the ledger can't be written: a test
    - j LedgerUnavailable: the ledger can't be written: a test
    - h LedgerRewound: the ledger is older than its published head
    - j LedgerRewound: the ledger is older than its published head
    + j p 1 on n1×1
    - h Held: on hold by spec.state
    ");
}

/// W: the code is that of the most preferred pool that could ever hold it.
#[test]
fn other_pools_stand_in_details() {
    assert_snapshot!(play("
        tenant root quota=big:8 quota=small:1
        pool big card=gpu
        pool small card=gpu
        pool tiny card=gpu
        node b pool=big cards=8
        node s pool=small cards=8
        node t pool=tiny cards=1
        replay x path=root pool=big billed=8 nodes=b:8
        replay y path=root pool=small billed=1 nodes=s:1
        job j gang=w:1x1 pools=tiny,big,small
        schedule
    "), @"- j QuotaExceeded: not enough quota is free, pool big, tenant root, asked 1, free 0, missing 1");
}
