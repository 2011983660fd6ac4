//! Three looks at a queue, ten virtual minutes apart.

use super::*;
use crate::demo::fixture::{queued, view};

#[test]
fn the_time_between_two_looks_counts_for_the_reason_seen_last() {
    let at = |minute: &str| format!("2026-11-22T10:{minute}:00Z");
    let waiting = |reason| [queued("sdu-cs", "a", "Waiting", reason)];
    let mut waits = Waits::default();
    let first = waits.look(&view(&at("00"), &waiting("Held")));
    assert_eq!(first.len(), 1, "nobody waited for it before");
    assert!(waits.of("sdu-cs").is_empty(), "no time has passed");
    let news = waits.look(&view(&at("10"), &waiting("Held")));
    assert!(news.is_empty(), "told already");
    waits.look(&view(&at("15"), &waiting("Held")));
    let news = waits.look(&view(&at("20"), &waiting("QuotaExceeded")));
    assert_eq!(news[0].code, "QuotaExceeded");
    waits.look(&view(&at("30"), &[queued("sdu-cs", "a", "Running", "")]));
    let wait = waits.of("sdu-cs")[0];
    assert_eq!(wait.seconds["Held"], 900);
    assert_eq!((wait.total(), wait.for_others()), (1200, 300));
    assert_eq!(
        wait.longest(),
        Some("QuotaExceeded"),
        "not what its user asked for"
    );
    assert_eq!(wait.sentence[0], "because of a");
    assert_eq!(waits.codes(), ["Held", "QuotaExceeded"]);
    assert!(waits.of("sdu-med").is_empty());
}
