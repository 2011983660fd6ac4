//! Paths, the questions they become, and what is picked out of the answers.

use edugrid_crds::visibility::{Age, Explanation, QueuePhase, TenantUse, TenantUseList};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::*;

const BASE: &str = "/apis/visibility.edugrid.io/v1alpha1";

fn target(path: &str) -> Option<Target> {
    match Route::parse(&format!("{BASE}{path}")) {
        Some(Route::Read(target)) => Some(target),
        _ => None,
    }
}

/// The first page of some list.
fn page() -> Page {
    Page::parse("queuedjobs/", Some("2"), None).unwrap()
}

fn asked(path: &str) -> Result<Query, String> {
    let target = target(path).ok_or_else(|| "no such path".to_owned())?;
    let query = target.query(page(), Select::default());
    query.map_err(|refusal| refusal.to_string())
}

fn age() -> Age {
    Age {
        as_of: Time(Timestamp::UNIX_EPOCH),
        clock: None,
    }
}

#[test]
fn paths_of_discovery() {
    for (path, route) in [
        ("/healthz", Route::Health),
        ("/apis", Route::Groups),
        ("/apis/", Route::Groups),
        ("/apis/visibility.edugrid.io", Route::Group),
        (BASE, Route::Resources),
        ("/openapi/v2", Route::OpenApiV2),
        ("/openapi/v3", Route::OpenApiV3),
        (
            "/openapi/v3/apis/visibility.edugrid.io/v1alpha1",
            Route::OpenApiV3Version,
        ),
    ] {
        assert_eq!(Route::parse(path), Some(route), "{path}");
    }
}

#[test]
fn paths_that_lead_nowhere() {
    for path in [
        "/",
        "",
        "/api",
        "/apis/edugrid.io",
        "/apis/visibility.edugrid.io/v1",
        "/apis/visibility.edugrid.io/v1alpha1/pods",
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu-cs",
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu-cs/pods",
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu-cs/queuedjobs/a/status",
        "/apis/visibility.edugrid.io/v1alpha1/namespaces//queuedjobs",
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/sdu%2Dcs/queuedjobs",
        "/metrics",
    ] {
        assert_eq!(Route::parse(path), None, "{path}");
    }
}

#[test]
fn paths_become_questions() {
    let queue = |namespace: &str| Query::Queue {
        namespace: Some(namespace.into()),
        select: Select::default(),
        page: page(),
    };
    let home = || TenantName::from("sdu");
    for (path, query) in [
        (
            "/queuedjobs",
            Query::Queue {
                namespace: None,
                select: Select::default(),
                page: page(),
            },
        ),
        ("/namespaces/sdu-cs/queuedjobs", queue("sdu-cs")),
        (
            "/namespaces/sdu-cs/queuedjobs/resnet",
            Query::Job {
                namespace: "sdu-cs".into(),
                name: "resnet".into(),
            },
        ),
        (
            "/namespaces/sdu-cs/explanations/resnet",
            Query::Explain {
                namespace: "sdu-cs".into(),
                name: "resnet".into(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/statements",
            Query::Statements {
                tenant: home(),
                page: page(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/statements/2026-11",
            Query::Statement {
                tenant: home(),
                month: "2026-11".into(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/tenantuses",
            Query::TenantUses {
                home: Some(home()),
                page: page(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/tenantuses/sdu-cs",
            Query::TenantUses {
                home: Some(home()),
                page: Page::whole(),
            },
        ),
        (
            "/tenantuses",
            Query::TenantUses {
                home: None,
                page: page(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/voucheruses",
            Query::VoucherUses {
                home: Some(home()),
                page: page(),
            },
        ),
        (
            "/namespaces/edugrid-sdu/voucheruses/sdu-2026-a",
            Query::VoucherUses {
                home: Some(home()),
                page: Page::whole(),
            },
        ),
        (
            "/voucheruses",
            Query::VoucherUses {
                home: None,
                page: page(),
            },
        ),
    ] {
        assert_eq!(asked(path), Ok(query), "{path}");
    }
}

#[test]
fn what_is_not_read_so_is_refused_with_the_way_out() {
    for (path, words) in [
        (
            "/namespaces/sdu-cs/explanations",
            "explanations.visibility.edugrid.io can't be listed so: name one job, or list queuedjobs",
        ),
        (
            "/statements",
            "statements.visibility.edugrid.io can't be listed so: name one tenant's home, \
             -n edugrid-<tenant>",
        ),
        (
            "/namespaces/sdu-cs/statements",
            "namespaces \"sdu-cs\" not found: it is no tenant's home, statements stand in \
             edugrid-<tenant>",
        ),
        (
            "/namespaces/edugrid-system/tenantuses",
            "namespaces \"edugrid-system\" not found: it is no tenant's home, tenantuses stand \
             in edugrid-<tenant>",
        ),
    ] {
        assert_eq!(asked(path), Err(words.to_owned()), "{path}");
    }
}

#[test]
fn what_the_loop_does_not_find_becomes_a_status_of_kubernetes() {
    for (why, group, kind, name) in [
        (
            NotFound::Namespace("sdu-cs".into()),
            "",
            "namespaces",
            "sdu-cs",
        ),
        (
            NotFound::Tenant("sdu".into()),
            "edugrid.io",
            "tenants",
            "sdu",
        ),
        (
            NotFound::Job {
                namespace: "sdu-cs".into(),
                name: "resnet".into(),
            },
            "visibility.edugrid.io",
            "explanations",
            "resnet",
        ),
    ] {
        let target = target("/namespaces/sdu-cs/explanations/resnet").unwrap();
        let status = target.pick(Err(why)).unwrap_err().status();
        assert_eq!(status.code, Some(404));
        assert_eq!(status.reason.as_deref(), Some("NotFound"));
        let details = status.details.unwrap();
        assert_eq!(
            (
                details.group.as_deref(),
                details.kind.as_deref(),
                details.name.as_deref()
            ),
            (Some(group), Some(kind), Some(name)),
        );
    }
}

#[test]
fn one_tenant_is_picked_out_of_a_home() {
    let tenant = |name: &str| TenantUse::new(age(), "edugrid-sdu", name);
    let list = TenantUseList::new(age(), vec![tenant("sdu"), tenant("sdu-cs")]);
    let pick = |path: &str| {
        target(path)
            .unwrap()
            .pick(Ok(Reply::TenantUses(list.clone())))
    };
    assert_eq!(
        pick("/namespaces/edugrid-sdu/tenantuses"),
        Ok(Answer::TenantUses(list.clone()))
    );
    assert_eq!(
        pick("/namespaces/edugrid-sdu/tenantuses/sdu-cs"),
        Ok(Answer::TenantUse(Box::new(tenant("sdu-cs")))),
    );
    let missing = pick("/namespaces/edugrid-sdu/tenantuses/hit").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "tenantuses.visibility.edugrid.io \"hit\" not found: no tenant of that name there",
    );
}

#[test]
fn an_explanation_passes_through() {
    let explanation = Explanation::new(age(), "sdu-cs", "resnet", QueuePhase::Running);
    let target = target("/namespaces/sdu-cs/explanations/resnet").unwrap();
    let picked = target.pick(Ok(Reply::Explanation(Box::new(explanation.clone()))));
    assert_eq!(picked, Ok(Answer::Explanation(Box::new(explanation))));
}

/// What is not told yet is no absence: whoever asks comes again by itself.
#[test]
fn what_can_not_be_told_yet_is_asked_again() {
    let why = NotFound::NotYet("it is being read after a start".into());
    let refusal = Refusal::not_found(&edugrid_crds::visibility::STATEMENTS, "2026-11", &why);
    let status = refusal.status();
    assert_eq!(status.code, Some(503));
    assert_eq!(status.reason.as_deref(), Some("ServiceUnavailable"));
    let again = status
        .details
        .and_then(|details| details.retry_after_seconds);
    assert_eq!(again, Some(1));
    assert!(refusal.is_worth_another_try());
    let says = status.message.unwrap_or_default();
    assert!(says.contains("being read after a start"), "{says}");
}
