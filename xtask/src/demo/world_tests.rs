//! The tables against themselves and the trace.

use std::collections::BTreeSet;

use super::*;
use crate::demo::trace::{EXCERPT, read};

#[test]
fn some_forty_nodes_in_three_pools() {
    assert_eq!(POOLS.iter().map(|pool| pool.nodes).sum::<u32>(), 40);
}

#[test]
fn every_virtual_cluster_is_played_by_one_member_and_everybody_plays() {
    let rows = read(EXCERPT).expect("rows");
    let in_trace: BTreeSet<&str> = rows.iter().map(|row| row.cluster.as_str()).collect();
    let mut played: Vec<&str> = MEMBERS.iter().flat_map(|it| it.clusters).copied().collect();
    played.sort_unstable();
    assert_eq!(played, in_trace.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_tree_can_be_walked() {
    let names = |places: &[Place]| places.iter().map(|it| it.name).collect::<Vec<_>>();
    let from = |name| subtree(place_of(name).expect("a place").0);
    assert_eq!(names(from("sdu")), ["sdu", "sdu-cs", "sdu-med"]);
    assert_eq!(names(from("yinan")), ["yinan", "yn-high", "yn-rural"]);
    assert_eq!(names(from("yn-rural")), ["yn-rural"]);
    assert_eq!(institution_number("sdu-med"), Some(0));
    assert_eq!(institution_number("yn-rural"), Some(4));
    assert_eq!(institution_number("province"), None);
    let members: Vec<&str> = TREE
        .iter()
        .filter_map(|it| it.member)
        .map(|it| it.tenant)
        .collect();
    assert_eq!(members, MEMBERS.map(|member| member.tenant));
}

#[test]
fn nobody_is_two_people() {
    let mut people: Vec<&str> = MEMBERS.iter().map(|member| member.user).collect();
    people.extend(OFFICERS.map(|(officer, _)| officer));
    people.extend([PROVINCE, CHECKER]);
    let different: BTreeSet<&str> = people.iter().copied().collect();
    assert_eq!(different.len(), people.len());
}
