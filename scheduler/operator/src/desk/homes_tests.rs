//! Who is given rights in which home, and when that is said again.

use edugrid_crds::TenantSpec;

use super::*;

fn user(name: &str) -> Subject {
    Subject {
        name: name.to_owned(),
        ..Subject::default()
    }
}

/// A tenant with administrators, below `parent` unless that is empty.
fn declare(tenants: &mut Tenants, name: &str, parent: &str, admins: Vec<Subject>) {
    let mut tenant = Tenant::new(
        name,
        TenantSpec {
            parent: (!parent.is_empty()).then(|| parent.to_owned()),
            admins,
            ..TenantSpec::default()
        },
    );
    tenant.metadata.uid = Some(format!("uid-of-{name}"));
    tenants.set(name, &tenant, None);
}

/// Each write in a line: the tenant, then whom its home names, or that it is left.
fn told(tenants: &mut Tenants, at: i64) -> Vec<String> {
    let writes = tenants.homes(Stamp::from_seconds(at));
    let line = |write: Write| match write {
        Write::Home { tenant, binding } => {
            let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = subjects
                .iter()
                .filter_map(|it| it["name"].as_str())
                .collect();
            format!("{tenant}: {}", names.join(" "))
        }
        Write::LeaveHome { tenant } => format!("{tenant} left"),
        other => format!("{other:?}"),
    };
    writes.into_iter().map(line).collect()
}

fn tree() -> Tenants {
    let mut tenants = Tenants::default();
    declare(&mut tenants, "province", "", vec![user("pat")]);
    declare(&mut tenants, "sdu", "province", vec![user("uma")]);
    declare(&mut tenants, "cs", "sdu", vec![user("carl"), user("uma")]);
    tenants
}

#[test]
fn a_home_names_the_administrators_of_the_tenant_and_of_all_above_each_once() {
    let mut tenants = tree();
    assert_eq!(
        told(&mut tenants, 0),
        ["cs: carl uma pat", "province: pat", "sdu: uma pat"]
    );
    assert_eq!(told(&mut tenants, 1), [""; 0], "nothing changed");
}

#[test]
fn a_tenant_that_moves_takes_the_administrators_of_its_new_path() {
    let mut tenants = tree();
    declare(&mut tenants, "lnu", "province", vec![user("lea")]);
    told(&mut tenants, 0);
    declare(&mut tenants, "cs", "lnu", vec![user("carl")]);
    assert_eq!(told(&mut tenants, 1), ["cs: carl lea pat"]);
}

#[test]
fn the_operator_is_never_an_administrator_and_keeps_nobody_from_being_one() {
    let mut tenants = tree();
    let account = Subject {
        kind: SubjectKind::ServiceAccount,
        name: "edugrid-scheduler".to_owned(),
        namespace: Some("edugrid-system".to_owned()),
    };
    let by_name = user("system:serviceaccount:edugrid-system:edugrid-scheduler");
    declare(
        &mut tenants,
        "cs",
        "sdu",
        vec![account, by_name, user("carl")],
    );
    assert!(told(&mut tenants, 0).contains(&"cs: carl uma pat".to_owned()));
}

#[test]
fn a_home_that_was_deleted_or_refused_is_said_again_the_latter_after_a_while() {
    let mut tenants = tree();
    told(&mut tenants, 0);
    tenants.see_namespace("edugrid-cs", true);
    tenants.see_namespace("edugrid-cs", false);
    assert_eq!(told(&mut tenants, 1), ["cs: carl uma pat"]);
    let real = Stamp::from_seconds(1);
    tenants.home_kept("cs", &Answer::Refused("no such name".to_owned()), real);
    assert_eq!(
        tenants.known["cs"].home_fault.as_deref(),
        Some("no such name")
    );
    assert_eq!(told(&mut tenants, 2), [""; 0], "not in a tight circle");
    assert_eq!(told(&mut tenants, 11), ["cs: carl uma pat"]);
    tenants.home_kept("cs", &Answer::Stands(String::new()), real);
    assert_eq!(tenants.known["cs"].home_fault, None);
}

#[test]
fn the_home_of_a_tenant_that_is_gone_gives_no_rights() {
    let mut tenants = tree();
    tenants.see_namespace("edugrid-cs", true);
    tenants.see_namespace("edugrid-gone-long-ago", true);
    tenants.see_namespace("edugrid-system", true);
    tenants.see_namespace("somewhere", true);
    assert!(told(&mut tenants, 0).contains(&"gone-long-ago left".to_owned()));
    tenants.remove("cs", "uid-of-cs");
    assert_eq!(told(&mut tenants, 1), ["cs left"]);
    assert_eq!(told(&mut tenants, 2), [""; 0]);
    // Another of the same name starts with its own administrators alone.
    declare(&mut tenants, "cs", "province", vec![user("new")]);
    assert_eq!(told(&mut tenants, 3), ["cs: new pat"]);
}
