//! The demo as a guest on a cluster that somebody already has: it looks first whether it can play
//! there without touching anything, brings its own fake nodes and people, and takes all of it away
//! again. What it made is known by name and by the chart it applied; it deletes nothing else.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::world::{MEMBERS, POOLS, ROOT, TREE};
use crate::cluster::{self, Cluster};
use crate::installation::{OPERATOR, RENDERED};

/// What protects the kinds, and with them the books, from deletion. The operator does not act
/// without it, so it goes only when a guest leaves.
const PROTECTION: &str = "validatingadmissionpolicybinding/crd-protection.edugrid.io";
/// How often what was just protected is deleted again, and how long between: the API server
/// notices within seconds that a policy is gone.
const DELETIONS: u32 = 10;
const BETWEEN_DELETIONS: Duration = Duration::from_secs(2);
/// The bindings that `installation` makes beside the chart.
const BINDINGS: [&str; 2] = ["province-admins", "province-auditors"];
/// How long Kubernetes may take to finish one deletion.
const DELETION_TIMEOUT: &str = "--timeout=180s";

/// Borrows the cluster of a context, after a look whether nothing is there that would be touched.
///
/// # Errors
/// If there is no such context, the cluster is too old, its user has too few rights, or something
/// that the demo would make is there already.
pub fn arrive(context: &str, keep: bool) -> Result<Cluster> {
    let dir = folder(context);
    ensure!(
        !dir.exists(),
        "a demo on context {context} was not ended: {} is there\n\
         end it with `cargo xtask demo --context '{context}' --end`",
        dir.display()
    );
    let borrowed = Cluster::borrow(context, &dir, keep);
    let cluster = borrowed.and_then(|cluster| {
        look_around(&cluster)?;
        cluster.play_nodes()?;
        Ok(cluster)
    });
    if cluster.is_err() && dir.exists() {
        cluster::end(&dir)?;
    }
    cluster
}

/// Where a context's demo keeps what it must know to end.
fn folder(context: &str) -> PathBuf {
    let plain = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter,
        false => '-',
    };
    let name: String = context.chars().map(plain).collect();
    cluster::default_dir().with_file_name(format!("demo-on-{name}"))
}

/// Whatever is there by a name that the demo would use is somebody else's.
fn look_around(cluster: &Cluster) -> Result<()> {
    let kinds = "customresourcedefinitions,namespaces,nodes,clusterrolebindings,apiservices";
    let list = ["get", kinds, "--output=name"];
    let there = cluster.kubectl("admin", &list)?.ok()?;
    let taken = taken(&there);
    ensure!(
        taken.is_empty(),
        "the cluster has what the demo would make: {}\n\
         play on a cluster without EduGrid, or without --context on one of its own",
        taken.join(", ")
    );
    Ok(())
}

/// The objects of such a list that are in the demo's way.
fn taken(there: &str) -> Vec<&str> {
    let mine = mine();
    let is_taken = |line: &&str| {
        let (kind, name) = line.split_once('/').unwrap_or(("", line));
        match kind.split('.').next().unwrap_or_default() {
            "customresourcedefinition" | "apiservice" => name.ends_with("edugrid.io"),
            "namespace" => {
                name.starts_with("edugrid-")
                    || mine.iter().any(|it| it == &format!("namespace/{name}"))
            }
            "clusterrolebinding" => name.starts_with("edugrid") || BINDINGS.contains(&name),
            "node" => POOLS.iter().any(|pool| {
                let number = name
                    .strip_prefix(pool.prefix)
                    .and_then(|it| it.strip_prefix('-'));
                number.is_some_and(|it| it.parse::<u32>().is_ok())
            }),
            _ => false,
        }
    };
    there.lines().filter(is_taken).collect()
}

/// The namespaces that the demo makes, and has the operator make.
fn mine() -> Vec<String> {
    let homes = std::iter::once(ROOT).chain(TREE.iter().map(|place| place.name));
    let homes = homes.map(|tenant| format!("namespace/edugrid-{tenant}"));
    let jobs = MEMBERS.map(|member| format!("namespace/{}", member.tenant));
    homes.chain(jobs).collect()
}

/// Takes away what an earlier demo left on a context's cluster.
///
/// # Errors
/// If there was none, or something can't be deleted.
pub fn end(context: &str) -> Result<()> {
    let dir = folder(context);
    ensure!(
        dir.exists(),
        "no demo of this checkout is on context {context}: there is no {}",
        dir.display()
    );
    let cluster = Cluster::borrow(context, &dir, false)?;
    // Pods on fake nodes end only where somebody plays the nodes.
    cluster.play_nodes()?;
    leave(&cluster)
}

/// Takes everything away that the demo made, and ends its processes.
///
/// # Errors
/// If something can't be deleted; what is left is left for [`end`].
pub fn leave(cluster: &Cluster) -> Result<()> {
    if cluster.is_running(OPERATOR) {
        cluster.terminate(OPERATOR)?;
    }
    // A registered API that nobody serves would hold every namespace's deletion up.
    delete(
        cluster,
        &["apiservice/v1alpha1.visibility.edugrid.io".to_owned()],
    )?;
    let rendered = cluster.dir().join(RENDERED);
    if rendered.is_file() {
        delete(cluster, &[PROTECTION.to_owned()])?;
        // The kinds go with the chart, and with them every object of theirs.
        let chart = [format!("--filename={}", rendered.display())];
        let mut deleted = delete(cluster, &chart);
        for _ in 1..DELETIONS {
            if deleted.is_ok() {
                break;
            }
            sleep(BETWEEN_DELETIONS);
            deleted = delete(cluster, &chart);
        }
        deleted?;
    }
    delete(cluster, &mine())?;
    delete(
        cluster,
        &BINDINGS.map(|name| format!("clusterrolebinding/{name}")),
    )?;
    let nodes = POOLS.iter().flat_map(|pool| {
        let names = (0..pool.nodes).map(|index| format!("{}-{index}", pool.prefix));
        names.collect::<Vec<_>>()
    });
    let nodes: Vec<String> = nodes.collect();
    let named = |kind: &str| {
        nodes
            .iter()
            .map(|name| format!("{kind}/{name}"))
            .collect::<Vec<_>>()
    };
    delete(cluster, &named("node"))?;
    let mut leases = named("lease");
    leases.push("--namespace=kube-node-lease".to_owned());
    delete(cluster, &leases)?;
    cluster::end(cluster.dir()).map(drop)
}

fn delete(cluster: &Cluster, what: &[String]) -> Result<()> {
    let mut args = vec![
        "delete".to_owned(),
        "--ignore-not-found".to_owned(),
        DELETION_TIMEOUT.to_owned(),
    ];
    args.extend_from_slice(what);
    let deleted = cluster.kubectl("admin", &args)?.ok();
    deleted.map(drop).context("something can't be deleted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_named_and_nothing_else() {
        let there = "\
customresourcedefinition.apiextensions.k8s.io/tenants.edugrid.io
customresourcedefinition.apiextensions.k8s.io/widgets.example.org
namespace/sdu-cs
namespace/default
namespace/edugrid-system
node/gpu-7
node/gpu-server
node/worker-1
clusterrolebinding.rbac.authorization.k8s.io/cluster-admin
clusterrolebinding.rbac.authorization.k8s.io/province-admins
apiservice.apiregistration.k8s.io/v1.apps
apiservice.apiregistration.k8s.io/v1alpha1.visibility.edugrid.io
";
        let expected = [
            "customresourcedefinition.apiextensions.k8s.io/tenants.edugrid.io",
            "namespace/sdu-cs",
            "namespace/edugrid-system",
            "node/gpu-7",
            "clusterrolebinding.rbac.authorization.k8s.io/province-admins",
            "apiservice.apiregistration.k8s.io/v1alpha1.visibility.edugrid.io",
        ];
        assert_eq!(taken(there), expected);
    }

    #[test]
    fn contexts_have_folders_of_their_own() {
        assert!(folder("kind-a").ends_with("demo-on-kind-a"));
        assert!(folder("../../etc").ends_with("demo-on-------etc"));
    }
}
