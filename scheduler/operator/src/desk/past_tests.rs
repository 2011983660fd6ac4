//! What the books are told of who owns how much, and what a new leader knows from them.

use std::collections::BTreeMap;

use edugrid_core::Past;
use edugrid_ledger::{Batch, Command};
use edugrid_units::Stamp;
use serde_json::json;

use super::*;
use crate::{
    change::{Change, Wake},
    desk::fixture::{desk, object},
};

impl Desk {
    /// All that is written until nothing is left to do.
    fn batches(&mut self) -> Vec<Batch> {
        let mut batches = Vec::new();
        while let Some(batch) = self.step() {
            self.appended(&batch).unwrap();
            batches.push(batch);
        }
        batches
    }
}

fn commands(batches: &[Batch]) -> impl Iterator<Item = &Command> {
    let entries = batches.iter().flat_map(Batch::entries);
    entries.map(|entry| &entry.command)
}

/// Tenant, whether beside its children, units: of all that is owned.
fn owned(batches: &[Batch]) -> BTreeMap<(String, bool), u64> {
    let owned = commands(batches).filter_map(|command| match command {
        Command::Owned(ownership) => Some(&ownership.owned),
        _ => None,
    });
    let lines = owned.flatten();
    lines
        .map(|line| {
            (
                (line.tenant.to_string(), line.beside_children),
                line.nominal.0 / 1000,
            )
        })
        .collect()
}

fn rebases(batches: &[Batch]) -> usize {
    let commands = commands(batches);
    commands
        .filter(|command| matches!(command, Command::Rebase { .. }))
        .count()
}

fn province() -> Desk {
    let mut desk = desk();
    let spec = json!({
        "kind": "Intelligent", "owner": "province", "resource": "nvidia.com/gpu",
        "nodeSelector": {"pool": "a100"},
    });
    desk.told(Change::Pool(object("ComputePool", "a100", spec)));
    desk.tenant("province", None, 64);
    desk.tenant("sdu", Some("province"), 24);
    desk
}

#[test]
fn the_books_are_told_once_and_again_only_of_what_changed() {
    let mut desk = province();
    let first = desk.batches();
    assert_eq!(rebases(&first), 1);
    let line = |tenant: &str, beside| (tenant.to_owned(), beside);
    let whole = BTreeMap::from([
        (line("province", false), 64),
        (line("province", true), 40),
        (line("sdu", false), 24),
        (line("sdu", true), 24),
    ]);
    assert_eq!(owned(&first), whole);
    assert_eq!(desk.batches().len(), 0, "nothing has changed");

    desk.tenant("sdu", Some("province"), 16);
    let then = desk.batches();
    let changed = BTreeMap::from([
        (line("province", true), 48),
        (line("sdu", false), 16),
        (line("sdu", true), 16),
    ]);
    assert_eq!((owned(&then), rebases(&then)), (changed, 0));

    // Who takes over knows it all from the journal.
    let mut past = Past::new();
    let entries = first.iter().chain(&then).flat_map(Batch::entries);
    entries
        .filter_map(recalled)
        .for_each(|event| past.record(event));
    let mut next = province();
    next.world = edugrid_core::World::with_past(past);
    next.tenant("province", None, 64);
    next.tenant("sdu", Some("province"), 16);
    let spec = json!({
        "kind": "Intelligent", "owner": "province", "resource": "nvidia.com/gpu",
        "nodeSelector": {"pool": "a100"},
    });
    next.told(Change::Pool(object("ComputePool", "a100", spec)));
    assert_eq!(next.batches().len(), 0, "nothing is new to the books");
}

#[test]
fn another_half_life_is_an_entry() {
    let mut desk = province();
    desk.batches();
    desk.fair_share.half_life = Seconds(3600);
    let batches = desk.batches();
    let half_lives: Vec<Seconds> = commands(&batches)
        .filter_map(|command| match command {
            Command::Rebase { half_life, .. } => Some(*half_life),
            _ => None,
        })
        .collect();
    assert_eq!(half_lives, [Seconds(3600)]);
    assert_eq!(desk.world.past().half_life(), Some(Seconds(3600)));
    assert_eq!(desk.batches().len(), 0);
}

/// A province of thousands of tenants is told in commands that fit any segment.
#[test]
fn many_lines_go_in_pieces() {
    let mut desk = province();
    desk.tenant("province", None, 6400);
    for at in 0..400 {
        desk.tenant(&format!("lab{at}"), Some("province"), 2);
    }
    let batches = desk.batches();
    let sizes: Vec<usize> = commands(&batches)
        .filter_map(|command| match command {
            Command::Owned(it) => Some(it.measures.len() + it.owned.len()),
            _ => None,
        })
        .collect();
    assert_eq!(
        sizes.iter().sum::<usize>(),
        805,
        "800 of labs, 4 of others, one pool"
    );
    assert!(
        sizes.len() == 2 && sizes.iter().all(|size| *size <= LINES_MAX),
        "{sizes:?}"
    );
}

/// While a policy is missing nothing is written down; it is afterwards.
#[test]
fn nothing_is_noted_unguarded() {
    let mut desk = province();
    desk.apply(Wake::Guarded(vec!["submitter.edugrid.io".to_owned()]));
    assert_eq!(desk.batches().len(), 0);
    desk.apply(Wake::Guarded(Vec::new()));
    assert_eq!(rebases(&desk.batches()), 1);
    let due = Stamp::from_seconds(i64::MAX / 1_000_000_000);
    assert!(
        desk.world.past().is_rebase_due(due, Seconds(604_800)),
        "when G has grown"
    );
}
