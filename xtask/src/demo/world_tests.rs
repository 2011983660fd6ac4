//! The files of the demo's world, read as the kinds that they are.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_crds::{
    ComputePool, ComputeVoucher, FundingLine, JobClass, PriceBook, Tenant as TenantObject,
    compute_voucher::VoucherType, labels,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::installation::repository;

fn objects(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(repository().join(file)).expect("the file");
    serde_saphyr::from_multiple(&text).expect("YAML")
}

fn read<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object:#}"))
}

/// Reads an object as its kind; a kind that does not belong here fails the test.
fn read_as_its_kind(object: &Value) {
    match object["kind"].as_str().unwrap_or_default() {
        "Tenant" => drop(read::<TenantObject>(object)),
        "JobClass" => drop(read::<JobClass>(object)),
        "ComputePool" => drop(read::<ComputePool>(object)),
        "PriceBook" => drop(read::<PriceBook>(object)),
        "FundingLine" => drop(read::<FundingLine>(object)),
        "ComputeVoucher" => drop(read::<ComputeVoucher>(object)),
        other => panic!("{other} is none of the province's kinds"),
    }
}

#[test]
fn the_province_is_written_in_our_kinds() {
    let all: Vec<Value> = [PROVINCE_FILE, UNIVERSITIES_FILE]
        .into_iter()
        .flat_map(objects)
        .collect();
    assert_eq!(all.len(), 14);
    for object in &all {
        assert_eq!(object["apiVersion"], "edugrid.io/v1alpha1");
        read_as_its_kind(object);
    }
}

#[test]
fn quotas_share_out_the_nodes_and_no_more() {
    let all = objects(UNIVERSITIES_FILE);
    let tenants = all.iter().filter(|object| object["kind"] == "Tenant");
    let quotas: BTreeMap<String, i64> = tenants
        .map(|object| {
            let quota = &object["spec"]["quotas"][0];
            assert_eq!(quota["pool"], POOL);
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            (
                name.to_owned(),
                quota["nominal"].as_i64().expect("a number"),
            )
        })
        .collect();
    let names: Vec<&str> = quotas.keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = TENANTS.iter().map(|tenant| tenant.name).collect();
    assert_eq!(names, expected.into_iter().collect::<Vec<_>>());
    assert_eq!(
        quotas.values().sum::<i64>(),
        i64::from(NODES * CARDS_PER_NODE)
    );
}

#[test]
fn everyone_holds_a_subsidy_of_half_and_own_money() {
    let all = objects(UNIVERSITIES_FILE);
    let all = all
        .iter()
        .filter(|object| object["kind"] == "ComputeVoucher");
    let read: Vec<ComputeVoucher> = all.map(read).collect();
    let names: Vec<String> = read
        .iter()
        .filter_map(|it| it.metadata.name.clone())
        .collect();
    assert_eq!(names, vouchers());
    for voucher in &read {
        let half = voucher.spec.type_ == VoucherType::Subsidy;
        let coverage = &voucher.spec.coverage;
        assert_eq!(
            (coverage.num, coverage.den),
            if half { (1, 2) } else { (1, 1) }
        );
    }
}

#[test]
fn every_tenant_has_a_namespace_of_its_own_and_its_users_their_rights() {
    let all = objects(NAMESPACES_FILE);
    for tenant in &TENANTS {
        let namespace = all
            .iter()
            .find(|object| {
                object["kind"] == "Namespace" && object["metadata"]["name"] == tenant.name
            })
            .expect("a namespace");
        assert_eq!(namespace["metadata"]["labels"][labels::TENANT], tenant.name);
        let bound: BTreeSet<(&str, &str)> = all
            .iter()
            .filter(|object| object["subjects"][0]["name"] == tenant.group)
            .filter_map(|object| {
                Some((
                    object["metadata"]["namespace"].as_str()?,
                    object["roleRef"]["name"].as_str()?,
                ))
            })
            .collect();
        let home = labels::home_namespace(tenant.name);
        let expected = [
            (home.as_str(), "edugrid-tenant-viewer"),
            (tenant.name, "edugrid-user"),
        ];
        assert_eq!(bound, BTreeSet::from(expected));
    }
}
