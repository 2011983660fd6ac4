//! The files of the demo's world, read as the kinds that they are, against its tables.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_crds::{ComputePool, ComputeVoucher, FundingLine, JobClass, PriceBook, Tenant, labels};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::demo::world::{BANDS, place_of, subtree};
use crate::installation::repository;

fn objects(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(repository().join(file)).expect("the file");
    serde_saphyr::from_multiple(&text).expect("YAML")
}

/// Everything but the namespaces, with who applies it.
fn declared() -> Vec<(&'static str, Value)> {
    let files = [PROVINCE_FILE, INSTITUTIONS_FILE, RURAL_FILE, MONEY_FILE];
    let files = files
        .map(|file| (PROVINCE, file))
        .into_iter()
        .chain(DIVISIONS);
    files
        .chain([SDU_MONEY])
        .flat_map(|(user, file)| objects(file).into_iter().map(move |object| (user, object)))
        .collect()
}

fn of_kind<T: DeserializeOwned>(kind: &str) -> Vec<(&'static str, T)> {
    let all = declared()
        .into_iter()
        .filter(|(_, object)| object["kind"] == kind);
    all.map(|(user, object)| {
        let read = serde_json::from_value(object.clone());
        (
            user,
            read.unwrap_or_else(|error| panic!("{error}: {object:#}")),
        )
    })
    .collect()
}

#[test]
fn the_province_is_written_in_our_kinds() {
    let count = of_kind::<Tenant>("Tenant").len()
        + of_kind::<JobClass>("JobClass").len()
        + of_kind::<ComputePool>("ComputePool").len()
        + of_kind::<PriceBook>("PriceBook").len()
        + of_kind::<FundingLine>("FundingLine").len()
        + of_kind::<ComputeVoucher>("ComputeVoucher").len();
    assert_eq!(count, declared().len(), "some object is of another kind");
}

#[test]
fn the_tree_is_the_table_s_and_everybody_writes_below_himself() {
    let tenants = of_kind::<Tenant>("Tenant");
    assert_eq!(tenants.len(), TREE.len() + 1);
    let institutions: BTreeMap<&str, &str> = DIVISIONS
        .iter()
        .map(|(user, _)| (*user, user.trim_end_matches("-admin")))
        .collect();
    for (writer, tenant) in &tenants {
        let name = tenant.metadata.name.as_deref().expect("a name");
        let Some((_, place)) = place_of(name) else {
            assert_eq!((name, tenant.spec.parent.as_deref()), ("province", None));
            continue;
        };
        let parent = tenant.spec.parent.as_deref().expect("a parent");
        let above = place_of(parent).map_or("province", |(_, place)| place.name);
        assert_eq!(above, parent);
        let depth = place_of(parent).map_or(0, |(_, place)| place.depth);
        assert_eq!(place.depth, depth + 1, "{name}");
        let called = tenant.spec.display_name.clone().expect("names");
        assert_eq!(
            [called.en, called.zh],
            place.called.map(|it| Some(it.to_owned()))
        );
        if let Some(institution) = institutions.get(writer) {
            let (index, _) = place_of(institution).expect("an institution");
            assert!(
                subtree(index)
                    .iter()
                    .skip(1)
                    .any(|below| below.name == name)
            );
        }
    }
}

#[test]
fn quotas_share_out_the_pools_and_nobody_divides_more_than_he_has() {
    let tenants = of_kind::<Tenant>("Tenant");
    let nominal = |name: &str, pool: &str| -> u32 {
        let tenant = tenants
            .iter()
            .find(|(_, it)| it.metadata.name.as_deref() == Some(name));
        let quotas = tenant.into_iter().flat_map(|(_, it)| &it.spec.quotas);
        let quota = quotas
            .filter(|quota| quota.pool == pool)
            .filter_map(|it| it.nominal.as_ref());
        quota
            .map(|it| it.text().parse::<u32>().expect("whole units"))
            .sum()
    };
    for pool in POOLS {
        let institutions = TREE.iter().filter(|place| place.depth == 1);
        let sum: u32 = institutions.map(|it| nominal(it.name, pool.name)).sum();
        assert_eq!(sum, pool.capacity(), "{}", pool.name);
        for (index, place) in TREE.iter().enumerate() {
            let children = subtree(index)
                .iter()
                .filter(|it| it.depth == place.depth + 1);
            let claimed: u32 = children.map(|it| nominal(it.name, pool.name)).sum();
            assert!(
                claimed <= nominal(place.name, pool.name),
                "{} {}",
                place.name,
                pool.name
            );
        }
    }
}

#[test]
fn pools_and_bands_are_the_table_s() {
    for (_, object) in of_kind::<ComputePool>("ComputePool") {
        let name = object.metadata.name.as_deref();
        let pool = POOLS
            .iter()
            .find(|pool| Some(pool.name) == name)
            .expect("a pool");
        assert_eq!(object.spec.resource, pool.resource);
        assert_eq!(object.spec.node_selector["edugrid.io/pool"], pool.name);
        assert_eq!(object.spec.domestic, pool.name == "ascend910b");
    }
    let (_, book) = of_kind::<PriceBook>("PriceBook").remove(0);
    assert_eq!(book.spec.prices.len(), POOLS.len());
    let object = serde_json::to_value(&book.spec.bands).expect("JSON");
    for (band, known) in object.as_array().expect("a list").iter().zip(&BANDS) {
        let clock = |hour: i8| format!("{hour:02}:00");
        assert_eq!(band["name"], known.called[0]);
        assert_eq!(band["from"], clock(known.from).as_str());
        assert_eq!(band["to"], clock(known.to).as_str());
        let factor = (
            band["factor"]["num"].as_u64(),
            band["factor"]["den"].as_u64(),
        );
        assert_eq!(factor, (Some(u64::from(known.tenths)), Some(10)));
    }
}

#[test]
fn vouchers_of_five_types_are_each_approved_by_somebody_else() {
    let vouchers = of_kind::<ComputeVoucher>("ComputeVoucher");
    let mut types = BTreeSet::new();
    assert_eq!(vouchers.len(), VOUCHERS.len());
    for (maker, object) in &vouchers {
        let name = object.metadata.name.as_deref();
        let known = VOUCHERS
            .iter()
            .find(|it| Some(it.name) == name)
            .expect("in the table");
        assert_ne!(known.checker, *maker, "{}", known.name);
        let issuer = if *maker == PROVINCE {
            "province"
        } else {
            "sdu"
        };
        assert_eq!(object.spec.issuer, issuer);
        types.insert(format!("{:?}", object.spec.type_));
    }
    assert_eq!(types.len(), 5, "{types:?}");
}

#[test]
fn every_member_has_a_namespace_of_its_own_and_its_users_their_rights() {
    let all = objects(NAMESPACES_FILE);
    for member in MEMBERS {
        let name = member.tenant;
        let namespace = all
            .iter()
            .find(|object| object["kind"] == "Namespace" && object["metadata"]["name"] == name);
        let namespace = namespace.expect("a namespace");
        assert_eq!(namespace["metadata"]["labels"][labels::TENANT], name);
        let bound: BTreeSet<(&str, &str)> = all
            .iter()
            .filter(|object| object["subjects"][0]["name"] == member.group().as_str())
            .filter_map(|object| {
                let namespace = object["metadata"]["namespace"].as_str()?;
                Some((namespace, object["roleRef"]["name"].as_str()?))
            })
            .collect();
        let home = labels::home_namespace(name);
        let expected = [
            (home.as_str(), "edugrid-tenant-viewer"),
            (name, "edugrid-user"),
        ];
        assert_eq!(bound, BTreeSet::from(expected));
    }
}

#[test]
fn the_chart_is_told_of_every_officer() {
    let values: Value = serde_saphyr::from_str(&rights()).expect("YAML");
    let delegates = values["rbac"]["delegates"].as_array().expect("a list");
    assert_eq!(delegates.len(), OFFICERS.len() + 1);
}
