//! Who may do what: the table `rights/matrix.yaml`, whose head says how it is read, put to a
//! real API server with the chart's policies and roles, cell by cell.

#[path = "rights/ask.rs"]
mod ask;
#[path = "rights/mutation.rs"]
mod mutation;
#[path = "rights/table.rs"]
mod table;

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{binaries, door::Door};
use table::Matrix;
use xtask::{
    cluster::{Cluster, ClusterOptions},
    installation::{InstallOptions, Installation, repository},
};

const MATRIX: &str = "e2e/tests/end_to_end/rights/matrix.yaml";
const WORLD: &str = "e2e/tests/end_to_end/rights/world.yaml";
/// The suite's own delegates and archiver in place of the province's.
const VALUES: &str = "
ledger: {archiver: {user: archiver}}
rbac:
  delegates:
  - {kind: Group, name: 'edugrid:province-checkers'}
  - {kind: Group, name: u-admins}
  - {kind: Group, name: uc-admins}
  - {kind: Group, name: v-admins}
  catalogueReaders: [{kind: Group, name: uc-people}, {kind: Group, name: v-people}]
";

/// Rules that no request reaches while what stands before them does.
const SECOND_LINES: [&str; 5] = [
    // The stamp writes who made or submitted it before any policy looks.
    "maker[0]",
    "submitter[0]",
    // The schema's own transition rules refuse a change first.
    "maker[1]",
    "submitter[1]",
    "voucher-approval[1]",
];

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(repository().join(file)).context(file.to_owned())
}

/// A cluster with chart, operator and the world of the matrix.
fn world(matrix: &Matrix) -> Result<(Installation, Door)> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let options = InstallOptions {
        values: VALUES.to_owned(),
        // A leader whose rights are taken for a moment must not lose its lease over it.
        lease_seconds: 60,
        ..Default::default()
    };
    let edugrid = Installation::new(cluster, binaries()?, options)?;
    edugrid.start()?;
    let door = Door::open(edugrid.cluster())?;
    ask::build(&door, matrix, &read(WORLD)?).context(WORLD)?;
    Ok((edugrid, door))
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() -> Result<()> {
    let matrix = Matrix::read(&read(MATRIX)?).context(MATRIX)?;
    let (_edugrid, door) = world(&matrix)?;
    let faults = ask::faults(&door, &matrix)?;
    ensure!(
        faults.is_empty(),
        "{} of {} rows:\n{}",
        faults.len(),
        matrix.rows.len(),
        faults.join("\n")
    );
    println!(
        "{} rows of {} cells",
        matrix.rows.len(),
        matrix.columns.len()
    );
    Ok(())
}

/// Ten minutes, so by hand: `cargo test -p edugrid-e2e rights -- --ignored --nocapture`.
#[test]
#[ignore = "takes out every rule in turn; run after a change of policies or roles"]
fn every_rule_of_policies_and_roles_is_missed_by_a_cell() -> Result<()> {
    let matrix = Matrix::read(&read(MATRIX)?).context(MATRIX)?;
    let (_edugrid, door) = world(&matrix)?;
    let unmissed = mutation::unmissed(&door, &matrix)?;
    let surplus: Vec<&String> = unmissed
        .iter()
        .filter(|name| !SECOND_LINES.contains(&name.as_str()))
        .collect();
    ensure!(surplus.is_empty(), "no cell misses {surplus:#?}");
    Ok(())
}
