//! Answers over a desk that was told of a province, without a cluster: who is named to whom,
//! and what pages, trees and vouchers say.

use edugrid_crds::visibility::{Explanation, QueuePhase, VoucherUseState};
use serde_json::{Value, json};

use super::*;
use crate::{
    change::Change,
    desk::fixture::{desk, object},
    visibility::{Page, Select},
    watch::Seen,
    writes::Write,
};

/// What stands in every name of the tenants that the reader may not know.
const PLANTED: &str = "zzforeign";

impl Desk {
    fn page(&mut self, namespace: Option<&str>, limit: &str, token: Option<&str>) -> Value {
        let query = Query::Queue {
            namespace: namespace.map(str::to_owned),
            select: Select::default(),
            page: Page::parse("q", Some(limit), token).unwrap(),
        };
        match self.answered(query) {
            Ok(Reply::Queue(list)) => serde_json::to_value(list).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn explained(&mut self, namespace: &str, name: &str) -> Explanation {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        match self.answered(Query::Explain { namespace, name }) {
            Ok(Reply::Explanation(told)) => *told,
            other => panic!("{other:?}"),
        }
    }

    /// All that the people of a tenant can read, in its namespace and its home, as text.
    fn all_of(&mut self, tenant: &str) -> String {
        let namespace = format!("ns-{tenant}");
        let queue = self.page(Some(&namespace), "", None);
        let mut text = queue.to_string();
        for item in queue["items"].as_array().unwrap() {
            let name = item["metadata"]["name"].as_str().unwrap();
            let told = self.explained(&namespace, name);
            text += &serde_json::to_string(&told).unwrap();
        }
        let (page, home) = (Page::whole(), Some(TenantName::from(tenant)));
        let tenants = Query::TenantUses {
            home: home.clone(),
            page: page.clone(),
        };
        let vouchers = Query::VoucherUses {
            home: home.clone(),
            page,
        };
        for query in [tenants, vouchers] {
            text += &match self.answered(query) {
                Ok(Reply::TenantUses(list)) => serde_json::to_string(&list).unwrap(),
                Ok(Reply::VoucherUses(list)) => serde_json::to_string(&list).unwrap(),
                other => panic!("{other:?}"),
            };
        }
        text
    }
}

/// Two universities that don't know each other, on 16 cards: the foreign one has filled them
/// and has more that waits, between and beside the jobs of the other, its college and a
/// sibling of that college that is as foreign to it.
fn province() -> Desk {
    let mut desk = desk();
    desk.site();
    let foreign_lab = format!("{PLANTED}-lab");
    let sibling = format!("{PLANTED}-sibling");
    desk.tenant("province", None, 16);
    desk.tenant("sdu", Some("province"), 8);
    desk.tenant("sdu-cs", Some("sdu"), 4);
    desk.tenant(&sibling, Some("sdu"), 4);
    desk.tenant(PLANTED, Some("province"), 8);
    desk.tenant(&foreign_lab, Some(PLANTED), 8);
    let day = |days: i64| {
        Stamp::from_seconds((crate::machine::Machine::REAL.now)().seconds() + days * 24 * 3600)
    };
    desk.voucher("of-sdu", "sdu", day(10));
    desk.voucher("of-sdu-cs", "sdu-cs", day(300));
    desk.voucher(&format!("{PLANTED}-voucher"), PLANTED, day(300));
    for node in ["n1", "n2"] {
        desk.node(node);
    }
    let user = format!("{PLANTED}-user");
    for at in 0..2 {
        desk.job(&foreign_lab, &format!("{PLANTED}-runs-{at}"), &user, 8);
        desk.settle();
    }
    for at in 0..3 {
        desk.job(&foreign_lab, &format!("{PLANTED}-waits-{at}"), &user, 2);
        desk.job(&sibling, &format!("{PLANTED}-beside-{at}"), &user, 2);
        desk.job("sdu-cs", &format!("mine-{at}"), "li", 2);
        desk.job("sdu", &format!("above-{at}"), "wang", 1);
    }
    desk.settle();
    desk
}

#[test]
fn nothing_about_a_foreign_tenant_is_told() {
    let mut desk = province();
    // The names are there for whoever may read everything.
    let all = desk.page(None, "", None).to_string();
    for planted in ["runs-0", "waits-2", "beside-1", "lab", "sibling", "user"] {
        let name = format!("{PLANTED}-{planted}");
        assert!(all.contains(&name), "{name} is not in {all}");
    }
    let told = desk.all_of("sdu-cs");
    for known in ["mine-0", "mine-2", "of-sdu-cs", "of-sdu", "unitsAhead"] {
        assert!(told.contains(known), "{known} is not in {told}");
    }
    assert!(!told.contains(PLANTED), "{told}");
}

#[test]
fn nothing_about_a_foreign_tenant_is_written_into_a_job() {
    let mut desk = province();
    let uids: Vec<_> = desk.jobs.keys().cloned().collect();
    desk.untold.extend(uids);
    let mut seen = 0;
    for write in desk.writes(usize::MAX) {
        if let Write::JobStatus {
            namespace, status, ..
        } = &write
            && namespace == "ns-sdu-cs"
        {
            seen += 1;
            let text = status.to_string();
            assert!(
                text.contains("QuotaExceeded") || text.contains("BehindInOrder"),
                "{text}"
            );
            assert!(!text.contains(PLANTED), "{text}");
        }
    }
    assert_eq!(seen, 3, "each waiting job has a reason to tell");
}

#[test]
fn those_ahead_are_named_as_far_as_the_reader_may_know_them() {
    let mut desk = province();
    let told = desk.explained("ns-sdu-cs", "mine-2");
    let (position, total) = (
        told.position_in_pool.unwrap(),
        told.waiting_in_pool.unwrap(),
    );
    assert_eq!(total, 12);
    let jobs: u64 = told.ahead.iter().map(|line| line.jobs).sum();
    assert_eq!(
        jobs,
        position - 1,
        "every job before it is counted: {:?}",
        told.ahead
    );
    let units: u64 = told
        .ahead
        .iter()
        .map(|line| line.units.text().parse::<u64>().unwrap())
        .sum();
    assert_eq!(told.units_ahead.unwrap().text(), units.to_string());
    let mut next = 1;
    for line in &told.ahead {
        assert_eq!(line.position, next);
        next += line.jobs;
        match line.tenant.as_deref() {
            Some("sdu-cs") => assert!(line.name.as_ref().unwrap().starts_with("mine-")),
            Some("sdu") => assert_eq!(line.name, None, "a tenant above is named, its jobs are not"),
            None => assert_eq!((&line.namespace, &line.name), (&None, &None)),
            Some(other) => panic!("{other} is nobody that sdu-cs may know"),
        }
    }
    assert!(
        told.ahead.iter().any(|line| line.tenant.is_none()),
        "{:?}",
        told.ahead
    );
    // The university sees what is below it.
    let above = desk.explained("ns-sdu", "above-2");
    let named = above.ahead.iter().filter_map(|line| line.name.as_deref());
    assert!(
        named.clone().any(|name| name.starts_with("mine-")),
        "{:?}",
        above.ahead
    );
}

#[test]
fn a_queue_comes_in_pages_that_join() {
    let mut desk = province();
    let whole = desk.page(None, "", None);
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(name).collect()
    };
    let (mut joined, mut token) = (Vec::new(), None);
    loop {
        let page = desk.page(None, "5", token.as_deref());
        joined.extend(names(&page));
        token = page["metadata"]["continue"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(joined.len(), 14);
    assert_eq!(joined, names(&whole));
    let phases = whole["items"].as_array().unwrap().iter();
    let phases: Vec<&Value> = phases.map(|item| &item["phase"]).collect();
    assert_eq!(
        phases[..3],
        [QueuePhase::Admitted.as_str(), "Admitted", "Waiting"]
    );

    let select = |desk: &mut Desk, select: Select| {
        let query = Query::Queue {
            namespace: None,
            select,
            page: Page::whole(),
        };
        match desk.answered(query) {
            Ok(Reply::Queue(list)) => list.items.len(),
            other => panic!("{other:?}"),
        }
    };
    let admitted = Select {
        phase: Some(QueuePhase::Admitted),
        ..Select::default()
    };
    assert_eq!(select(&mut desk, admitted), 2);
    let mine = Select {
        name: Some("mine-1".into()),
        ..Select::default()
    };
    assert_eq!(select(&mut desk, mine), 1);
}

#[test]
fn a_home_shows_its_tenant_and_all_below_it() {
    let mut desk = province();
    let query = Query::TenantUses {
        home: Some("sdu".into()),
        page: Page::whole(),
    };
    let Ok(Reply::TenantUses(list)) = desk.answered(query) else {
        panic!("no tenants");
    };
    let line = |told: &edugrid_crds::visibility::TenantUse| {
        let name = told.metadata.name.clone().unwrap_or_default();
        let users: Vec<_> = told.users.iter().map(|user| user.user.as_str()).collect();
        let names = told
            .display_name
            .as_ref()
            .and_then(|names| names.zh.clone());
        let by_reason: u64 = told.waiting_by_reason.iter().map(|count| count.jobs).sum();
        format!(
            "{} {name} {} waiting {} ({by_reason}) users {}",
            told.depth,
            names.unwrap_or_default(),
            told.waiting,
            users.join(" "),
        )
    };
    let lines: Vec<String> = list.items.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "0 sdu sdu学院 waiting 9 (9) users wang",
            "1 sdu-cs sdu-cs学院 waiting 3 (3) users li",
            "1 zzforeign-sibling zzforeign-sibling学院 waiting 3 (3) users zzforeign-user",
        ],
    );
}

#[test]
fn a_home_shows_the_vouchers_that_its_jobs_can_be_paid_with() {
    let mut desk = province();
    let query = Query::VoucherUses {
        home: Some("sdu-cs".into()),
        page: Page::whole(),
    };
    let Ok(Reply::VoucherUses(list)) = desk.answered(query) else {
        panic!("no vouchers");
    };
    let line = |told: &edugrid_crds::visibility::VoucherUse| {
        assert_eq!(told.state, VoucherUseState::Active);
        let name = told.metadata.name.clone().unwrap_or_default();
        let relation = told.relation.map_or("-", Relation::as_str);
        let left = told.left.clone().unwrap_or_default();
        let soon = told.expiring_soon;
        format!("{name} {relation} {} left {left} soon {soon}", told.holder)
    };
    let lines: Vec<String> = list.items.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "of-sdu-cs Own sdu-cs left 100.00 soon false",
            "of-sdu Above sdu left 100.00 soon true",
        ],
    );
}

#[path = "forget_tests.rs"]
mod forget;

#[path = "cut_tests.rs"]
mod cuts;
