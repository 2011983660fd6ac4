//! What a scene makes of a view that is written down.

use super::*;
use crate::demo::fixture::evening;

#[test]
fn a_tenant_counts_all_below_it() {
    let scene = Scene::of(&evening());
    let line = |name: &str| &scene.tenants[place_of(name).expect("a place").0];
    let expected = vec![
        ("Fragmented".to_owned(), 2),
        ("QuotaExceeded".to_owned(), 1),
    ];
    for tenant in ["sdu", "sdu-cs"] {
        assert_eq!(line(tenant).running, 2, "{tenant}");
        assert_eq!(line(tenant).waiting, expected, "{tenant}");
    }
    for tenant in ["linyi", "yinan", "yn-rural"] {
        assert_eq!(
            (line(tenant).running, line(tenant).waits()),
            (0, 1),
            "{tenant}"
        );
    }
    assert_eq!(line("sdu-med").waits(), 0);
    assert_eq!(line("sdu").shares[0], Share { used: 18, own: 14 });
    assert_eq!((scene.running, scene.waiting), (2, 4));
    assert_eq!((scene.submitted, scene.finished), (2, 1));
}

#[test]
fn all_that_wait_are_counted_once() {
    let reasons = Scene::of(&evening()).reasons();
    assert_eq!(reasons[0], ("Fragmented".to_owned(), 2));
    assert_eq!(reasons.iter().map(|(_, count)| count).sum::<usize>(), 4);
}

#[test]
fn a_pool_tells_who_uses_it_and_who_is_first() {
    let pool = &Scene::of(&evening()).pools[0];
    assert_eq!(pool.used, [8, 0, 0, 0, 0]);
    let first = pool.first.as_ref().expect("somebody waits");
    assert_eq!(
        (first.job.as_str(), first.sentence.as_str()),
        ("sdu-cs/cc", "because of cc")
    );
}

#[test]
fn a_deposit_is_counted_in_the_money_that_it_became() {
    let purses = Scene::of(&evening()).purses;
    let names: Vec<(&str, bool)> = purses.iter().map(|it| (it.name.as_str(), it.own)).collect();
    assert_eq!(names, [("sdu-subsidy", false), ("sdu", true)]);
    assert_eq!(purses[1].face, 50_000_000);
}
