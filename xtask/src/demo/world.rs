//! The province of the demo: its nodes, and the objects of `examples/demo/` applied by the people
//! whose task that is. It must not know which jobs are played.

use anyhow::{Context, Result};

use crate::cluster::{Cluster, NodeShape};
use crate::installation::Installation;

/// The pool that everyone shares.
pub const POOL: &str = "a100";
/// Its nodes.
pub const NODES: u32 = 4;
/// Cards of each node.
pub const CARDS_PER_NODE: u32 = 8;
/// What the nodes are called, with a number.
const NODE_PREFIX: &str = "gpu";

/// Who runs the province: made the objects, and asks for the queue.
pub const PROVINCE: &str = "province-admin";
/// Who checks: approves the vouchers that somebody else made, and audits the books.
pub const CHECKER: &str = "province-checker";

const PROVINCE_FILE: &str = "examples/demo/00-province.yaml";
const UNIVERSITIES_FILE: &str = "examples/demo/10-universities.yaml";
const NAMESPACES_FILE: &str = "examples/demo/20-namespaces.yaml";

/// A university, and the person who submits for it.
#[derive(Debug)]
pub struct Tenant {
    /// The tenant, and the namespace of its jobs.
    pub name: &'static str,
    /// What people call it.
    pub university: &'static str,
    /// Who submits.
    pub user: &'static str,
    /// The group that may.
    pub group: &'static str,
}

/// The universities, in the order in which the trace's virtual clusters are dealt to them.
pub static TENANTS: [Tenant; 3] = [
    Tenant {
        name: "sdu",
        university: "Shandong University",
        user: "ai",
        group: "sdu-users",
    },
    Tenant {
        name: "qdu",
        university: "Qingdao University",
        user: "bing",
        group: "qdu-users",
    },
    Tenant {
        name: "ytu",
        university: "Yantai University",
        user: "chun",
        group: "ytu-users",
    },
];

/// The names of a tenant's vouchers: a subsidy that covers half, and its own money.
fn vouchers() -> Vec<String> {
    TENANTS
        .iter()
        .flat_map(|tenant| ["subsidy", "own"].map(|kind| format!("{}-{kind}", tenant.name)))
        .collect()
}

/// The nodes' names.
pub fn nodes() -> impl Iterator<Item = String> {
    (0..NODES).map(|index| format!("{NODE_PREFIX}-{index}"))
}

/// Adds the nodes of the pool and makes the people.
///
/// # Errors
/// If the cluster refuses.
pub fn furnish(cluster: &Cluster) -> Result<()> {
    let shape = NodeShape::with_cards(CARDS_PER_NODE).label("edugrid.io/pool", POOL);
    cluster.add_nodes(NODE_PREFIX, NODES as usize, &shape)?;
    for tenant in &TENANTS {
        cluster.user(tenant.user, &[tenant.group])?;
    }
    Ok(())
}

/// Applies the objects, each as the person who would, and has the vouchers approved. The operator
/// must run: it makes the home namespaces.
///
/// # Errors
/// If an object is refused, or the operator does not do its part.
pub fn declare(edugrid: &Installation) -> Result<()> {
    edugrid.apply_file(PROVINCE, PROVINCE_FILE)?;
    edugrid.apply_file(PROVINCE, UNIVERSITIES_FILE)?;
    let cluster = edugrid.cluster();
    let homes = std::iter::once("province").chain(TENANTS.iter().map(|tenant| tenant.name));
    let mut wait = vec![
        "wait".to_owned(),
        "--for=create".to_owned(),
        "--timeout=30s".to_owned(),
    ];
    wait.extend(homes.map(|tenant| format!("namespace/edugrid-{tenant}")));
    let homes = cluster.kubectl("admin", &wait)?.ok();
    homes.context("the operator does not make the home namespaces")?;
    edugrid.apply_file("admin", NAMESPACES_FILE)?;
    approve(cluster)
}

/// Maker and checker are two persons: what the province made, the checker approves.
fn approve(cluster: &Cluster) -> Result<()> {
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let patch = format!(
        r#"--patch={{"status":{{"approval":{{"by":"{CHECKER}","at":"{at}","decision":"Approved"}}}}}}"#
    );
    let mut args = vec!["patch".to_owned(), "computevoucher".to_owned()];
    args.extend(vouchers());
    args.extend([
        "--subresource=status".to_owned(),
        "--type=merge".to_owned(),
        patch,
    ]);
    cluster.kubectl(CHECKER, &args)?.ok().map(drop)
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
