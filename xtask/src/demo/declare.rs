//! Makes the province real: nodes, people, and the objects of `examples/demo/`, each applied by the
//! person whose task it is. It must not know which jobs are played.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::world::{BURSAR, CHECKER, MEMBERS, OFFICERS, POOLS, PROVINCE, Pool, TREE, VOUCHERS};
use crate::cluster::{Cluster, NodeShape};
use crate::installation::Installation;

const PROVINCE_FILE: &str = "examples/demo/00-province.yaml";
const INSTITUTIONS_FILE: &str = "examples/demo/10-institutions.yaml";
/// How the institutions divide their parts: who writes which file.
const DIVISIONS: [(&str, &str); 5] = [
    ("sdu-admin", "examples/demo/21-sdu.yaml"),
    ("qdu-admin", "examples/demo/22-qdu.yaml"),
    ("ytu-admin", "examples/demo/23-ytu.yaml"),
    ("jinan-admin", "examples/demo/24-jinan.yaml"),
    ("linyi-admin", "examples/demo/25-linyi.yaml"),
];
const RURAL_FILE: &str = "examples/demo/30-rural.yaml";
const MONEY_FILE: &str = "examples/demo/40-money.yaml";
const SDU_MONEY: (&str, &str) = ("sdu-admin", "examples/demo/41-sdu-money.yaml");
const NAMESPACES_FILE: &str = "examples/demo/50-namespaces.yaml";

/// How long the operator may take to make homes and bind their administrators.
const HOMES_LIMIT: Duration = Duration::from_secs(60);
/// Between two tries of what is not allowed yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(400);

/// Values of the chart: whose writes on cluster-scoped kinds the policies judge one by one.
pub fn rights() -> String {
    let groups = OFFICERS.iter().map(|(_, group)| *group);
    let mut text = "rbac:\n  delegates:\n".to_owned();
    for group in groups.chain(["edugrid:province-checkers"]) {
        text += &format!("  - {{kind: Group, name: '{group}'}}\n");
    }
    text
}

/// Adds the nodes of all pools, and makes the people.
///
/// # Errors
/// If the cluster refuses.
pub fn furnish(cluster: &Cluster) -> Result<()> {
    for pool in POOLS {
        cluster.add_nodes(pool.prefix, pool.nodes as usize, &shape(pool))?;
    }
    for (user, group) in OFFICERS {
        cluster.user(user, &[group])?;
    }
    for member in MEMBERS {
        cluster.user(member.user, &[&member.group()])?;
    }
    Ok(())
}

fn shape(pool: &Pool) -> NodeShape {
    NodeShape::default()
        .label("edugrid.io/pool", pool.name)
        .capacity(pool.resource, &pool.per_node.to_string())
}

/// Applies the objects and has the vouchers approved. The operator must run: it makes the home
/// namespaces and binds their administrators.
///
/// # Errors
/// If an object is refused, or the operator does not do its part.
pub fn declare(edugrid: &Installation) -> Result<()> {
    edugrid.apply_file(PROVINCE, PROVINCE_FILE)?;
    edugrid.apply_file(PROVINCE, INSTITUTIONS_FILE)?;
    divide(edugrid)?;
    edugrid.apply_file(PROVINCE, RURAL_FILE)?;
    edugrid.apply_file(PROVINCE, MONEY_FILE)?;
    when_allowed(edugrid, SDU_MONEY)?;
    homes(edugrid.cluster())?;
    edugrid.apply_file("admin", NAMESPACES_FILE)?;
    approve(edugrid.cluster(), CHECKER)?;
    approve(edugrid.cluster(), BURSAR)
}

/// Every institution's administrator writes what is below it, all at the same time.
fn divide(edugrid: &Installation) -> Result<()> {
    std::thread::scope(|scope| {
        let writers =
            DIVISIONS.map(|division| scope.spawn(move || when_allowed(edugrid, division)));
        for writer in writers {
            writer
                .join()
                .map_err(|_| anyhow!("a thread that applies a file panicked"))??;
        }
        Ok(())
    })
}

/// Applies a file as somebody whom the operator is about to give the right.
fn when_allowed(edugrid: &Installation, (user, file): (&str, &str)) -> Result<()> {
    let deadline = Instant::now() + HOMES_LIMIT;
    loop {
        match edugrid.apply_file(user, file) {
            Err(error)
                if format!("{error:#}").contains("needs the verb manage")
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(RETRY_INTERVAL);
            }
            result => return result,
        }
    }
}

fn homes(cluster: &Cluster) -> Result<()> {
    let homes = std::iter::once("province").chain(TREE.iter().map(|place| place.name));
    let mut wait = vec![
        "wait".to_owned(),
        "--for=create".to_owned(),
        format!("--timeout={}s", HOMES_LIMIT.as_secs()),
    ];
    wait.extend(homes.map(|tenant| format!("namespace/edugrid-{tenant}")));
    let made = cluster.kubectl("admin", &wait)?.ok();
    made.map(drop)
        .context("the operator does not make the home namespaces")
}

/// Maker and checker are two persons: what one made, the other approves. By server-side apply, since
/// whoever approves for one tenant reads no voucher by its name.
fn approve(cluster: &Cluster, checker: &str) -> Result<()> {
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let theirs = VOUCHERS.iter().filter(|it| it.checker == checker);
    let approvals: Vec<String> = theirs
        .map(|voucher| {
            format!(
                "apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {{name: {}}}
status:
  approval: {{by: {checker}, at: \"{at}\", decision: Approved}}
",
                voucher.name
            )
        })
        .collect();
    let args = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--field-manager=approval",
        "--filename=-",
    ];
    let approved = cluster.kubectl_with_input(checker, &args, &approvals.join("---\n"))?;
    approved.ok().map(drop)
}

#[cfg(test)]
#[path = "declare_tests.rs"]
mod tests;
