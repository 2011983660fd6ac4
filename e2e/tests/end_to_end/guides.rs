//! The guides, followed to the letter: the values of the operator's guide are installed, the
//! objects of the administrator's and the user's are applied by such people, and the job runs.
//! A guide whose YAML no longer works fails here.

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{binaries, wait_for};
use serde_json::Value;
use xtask::{
    cluster::{Cluster, ClusterOptions, NodeShape},
    installation::{InstallOptions, Installation, repository},
};

/// Money for the university of the guides: the guides tell how vouchers work, not who pays sdu.
const DEPOSIT: &str = "
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: sdu-own}
spec: {issuer: province, holder: sdu, type: OwnFunds, faceValue: \"10000.00\"}
";

#[test]
fn the_english_guides_work_as_written() -> Result<()> {
    follow("en")
}

#[test]
fn the_chinese_guides_say_the_same() -> Result<()> {
    for guide in ["operator", "administrator"] {
        let [english, chinese] = [blocks("en", guide)?, blocks("zh", guide)?];
        ensure!(
            english == chinese,
            "docs/zh/{guide}.md has other YAML than docs/en"
        );
    }
    let objects = |language| -> Result<Vec<Value>> {
        let parsed = blocks(language, "user")?;
        parsed
            .iter()
            .map(|block| Ok(serde_saphyr::from_str(block)?))
            .collect()
    };
    ensure!(
        objects("en")? == objects("zh")?,
        "docs/zh/user.md has another job"
    );
    Ok(())
}

fn follow(language: &str) -> Result<()> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let nodes = NodeShape::with_cards(8).label("edugrid.io/pool", "a100");
    cluster.add_nodes("gpu", 2, &nodes)?;
    let [values] = blocks(language, "operator")?
        .try_into()
        .map_err(|found| anyhow::anyhow!("the operator's guide has other blocks: {found:?}"))?;
    let options = InstallOptions {
        values,
        ..InstallOptions::default()
    };
    let edugrid = Installation::new(cluster, binaries()?, options)?;
    edugrid.start()?;

    edugrid.bind(
        "edugrid-province",
        "edugrid-approver",
        "edugrid:province-checkers",
    )?;
    edugrid.cluster().apply("province-admin", DEPOSIT)?;
    edugrid.approve("sdu-own")?;

    administrator(&edugrid, language)?;
    user(&edugrid, language)
}

/// A university's administrator: a college below it, its namespace, its money.
fn administrator(edugrid: &Installation, language: &str) -> Result<()> {
    let [college, namespace, voucher] =
        blocks(language, "administrator")?
            .try_into()
            .map_err(|found| {
                anyhow::anyhow!("the administrator's guide has other blocks: {found:?}")
            })?;
    // The operator makes the home namespace and its bindings a moment after the tenant.
    wait_for("the right to make children of sdu", || {
        Ok(edugrid.cluster().apply("sdu-admin", &college).is_ok())
    })?;
    edugrid.cluster().apply("admin", &namespace)?;
    edugrid.bind("sdu-cs", "edugrid-user", "sdu-cs-users")?;
    wait_for("sdu's money", || {
        Ok(edugrid.cluster().apply("sdu-admin", &voucher).is_ok())
    })?;
    edugrid.bind(
        "edugrid-sdu",
        "edugrid-approver",
        "edugrid:province-checkers",
    )?;
    edugrid.approve("sdu-cs-2026")
}

/// A researcher of the college.
fn user(edugrid: &Installation, language: &str) -> Result<()> {
    let [job] = blocks(language, "user")?
        .try_into()
        .map_err(|found| anyhow::anyhow!("the user's guide has other blocks: {found:?}"))?;
    let file = edugrid.cluster().dir().join("job.yaml");
    std::fs::write(&file, job)?;
    let file = file
        .to_str()
        .context("the cluster's folder has a plain name")?;
    for args in [vec!["submit", "--dry-run", file], vec!["submit", file]] {
        let told = edugrid.edugrid("alice", &args)?;
        let words = String::from_utf8_lossy(&told.stderr);
        ensure!(told.status.success(), "{args:?}: {words}");
    }
    wait_for("the guide's job to run", || {
        let job = edugrid.object("computejob", "sdu-cs", "resnet")?;
        Ok(job["status"]["phase"] == "Running")
    })?;
    let queue = edugrid.edugrid("alice", &["queue", "-n", "sdu-cs"])?;
    let queue = String::from_utf8_lossy(&queue.stdout).into_owned();
    ensure!(queue.contains("resnet"), "{queue}");
    Ok(())
}

/// The YAML blocks of a guide, in order.
fn blocks(language: &str, guide: &str) -> Result<Vec<String>> {
    let page = format!("docs/{language}/{guide}.md");
    let text = std::fs::read_to_string(repository().join(&page)).with_context(|| page.clone())?;
    let parts = text.split("\n```yaml\n").skip(1);
    let blocks = parts.filter_map(|part| part.split("\n```").next());
    Ok(blocks.map(str::to_owned).collect())
}
