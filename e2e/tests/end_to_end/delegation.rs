//! Delegated administration two levels deep, without asking anybody above: a university's
//! administrator makes a college and gives it quota, the college's makes a lab, a lab member
//! runs a job there. Nobody of them touches a neighbour, what he has from above, or the
//! system (API.md, Q1).

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, binaries, job, wait_for};
use serde_json::Value;
use xtask::{
    cluster::{Cluster, ClusterOptions, NodeShape},
    installation::{InstallOptions, Installation},
};

/// Which groups write tenants at all; policies say which.
const VALUES: &str = "
rbac:
  delegates:
  - {kind: Group, name: 'edugrid:province-checkers'}
  - {kind: Group, name: uni-admins}
  - {kind: Group, name: college-admins}
  - {kind: Group, name: uni-finance}
";

/// What the owner of the cluster grants once: administrators may write namespaces.
const NAMESPACE_MAKERS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: namespace-makers}
rules: [{apiGroups: [''], resources: [namespaces], verbs: [get, create, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: namespace-makers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: namespace-makers}
subjects:
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: uni-admins}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: college-admins}
";

/// The province's part: two universities, and money for the first.
const UNIVERSITIES: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: uni}
spec:
  parent: province
  quotas: [{pool: a100, nominal: 8}]
  admins: [{kind: Group, name: uni-admins}]
---
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: neighbour}
spec: {parent: province, quotas: [{pool: a100, nominal: 8}]}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: uni-own}
spec: {issuer: province, holder: uni, type: OwnFunds, faceValue: \"1000.00\"}
";

fn tenant(name: &str, parent: &str, nominal: u32, admins: &str) -> String {
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  parent: {parent}
  quotas: [{{pool: a100, nominal: {nominal}}}]
  admins: [{admins}]
"
    )
}

fn namespace(name: &str, tenant: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels: {{edugrid.io/tenant: {tenant}, pod-security.kubernetes.io/enforce: baseline}}
"
    )
}

/// The province with nothing below its root but what this story makes.
fn start() -> Result<Province> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let shape = NodeShape::with_cards(8).label("edugrid.io/pool", "a100");
    cluster.add_nodes("gpu", 2, &shape)?;
    for (user, group) in [
        ("uma", "uni-admins"),
        ("carl", "college-admins"),
        ("lena", "lab"),
        ("fiona", "uni-finance"),
    ] {
        cluster.user(user, &[group])?;
    }
    let options = InstallOptions {
        values: VALUES.to_owned(),
        ..Default::default()
    };
    let edugrid = Installation::new(cluster, binaries()?, options)?;
    edugrid.start()?;
    edugrid.cluster().apply("admin", NAMESPACE_MAKERS)?;
    edugrid.apply_file("province-admin", "examples/first-job/00-province.yaml")?;
    edugrid.bind(
        "edugrid-province",
        "edugrid-approver",
        "edugrid:province-checkers",
    )?;
    edugrid.cluster().apply("province-admin", UNIVERSITIES)?;
    edugrid.approve("uni-own")?;
    Ok(Province { edugrid })
}

/// Whom the home of a tenant names, in order.
fn administrators(province: &Province, tenant: &str) -> Result<Vec<String>> {
    let home = format!("edugrid-{tenant}");
    let binding = province
        .edugrid
        .object("rolebinding", &home, "edugrid-tenant-admin")?;
    let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
    let name = |subject: &Value| subject["name"].as_str().map(str::to_owned);
    Ok(subjects.iter().filter_map(name).collect())
}

/// Waits until a tenant's home names these, and a moment more for the caches of rights.
fn wait_administrators(province: &Province, tenant: &str, wanted: &[&str]) -> Result<()> {
    wait_for(&format!("{tenant}'s administrators"), || {
        Ok(administrators(province, tenant).is_ok_and(|found| found == wanted))
    })?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    Ok(())
}

/// Applies, again while rights are still on their way.
fn apply(province: &Province, user: &str, manifest: &str) -> Result<()> {
    let mut last = Ok(String::new());
    wait_for(&format!("{user} to be let"), || {
        last = province.cluster().apply(user, manifest);
        Ok(last.is_ok())
    })
    .with_context(|| format!("{last:?}"))
}

#[test]
fn a_university_makes_a_college_and_the_college_a_lab_where_a_job_runs() -> Result<()> {
    let province = start()?;
    wait_administrators(&province, "uni", &["uni-admins"])?;
    let admins = "{kind: Group, name: college-admins}";
    apply(&province, "uma", &tenant("college", "uni", 8, admins))?;
    wait_administrators(&province, "college", &["college-admins", "uni-admins"])?;
    apply(&province, "carl", &tenant("lab", "college", 4, ""))?;
    wait_administrators(&province, "lab", &["college-admins", "uni-admins"])?;
    apply(&province, "carl", &namespace("lab-jobs", "lab"))?;
    province.edugrid.bind("lab-jobs", "edugrid-user", "lab")?;
    handed_down(&province)?;

    apply(&province, "lena", &job("lab-jobs", "train", 1, 4, "2s", 0))?;
    let done = province.wait_phase("lab-jobs", "train", "Succeeded")?;
    ensure!(done["status"]["tenant"] == "lab", "{:#}", done["status"]);
    let charged = done["status"]["cost"]["own"]["charged"].as_str();
    let charged: f64 = charged.context("what it cost")?.parse()?;
    ensure!(
        charged > 0.0,
        "charged to the college's own money: {done:#}"
    );

    nobody_reaches_further(&province)?;
    overcommitted(&province)?;
    moved(&province)
}

/// The university's money for its college: one person makes the voucher, another approves it,
/// neither of them reads what he writes by name.
fn handed_down(province: &Province) -> Result<()> {
    let voucher = "apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: college-own}
spec: {issuer: uni, holder: college, type: OwnFunds, faceValue: \"100.00\"}
";
    let approval = "apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: college-own}
status: {approval: {by: fiona, at: \"2026-11-22T09:00:00Z\", decision: Approved}}
";
    let home = "edugrid-uni";
    province
        .edugrid
        .bind(home, "edugrid-approver", "uni-finance")?;
    apply(province, "uma", voucher)?;
    let approve = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--filename=-",
    ];
    let mut said = String::new();
    let waited = wait_for("fiona to approve", || {
        let answer = province
            .cluster()
            .kubectl_with_input("fiona", &approve, approval)?;
        said.clone_from(&answer.stderr);
        Ok(answer.success())
    });
    waited.map_err(|error| error.context(said))?;
    wait_for("the college's money", || {
        let voucher = province
            .edugrid
            .object("computevoucher", "default", "college-own")?;
        Ok(voucher["status"]["conditions"][0]["status"] == "True")
    })
}

/// What each of them tries beyond his own, and who refuses.
fn nobody_reaches_further(province: &Province) -> Result<()> {
    let policy = "ValidatingAdmissionPolicy";
    let root = tenant("uni", "province", 64, "{kind: Group, name: uni-admins}");
    let college = tenant("college", "uni", 64, "{kind: Group, name: college-admins}");
    let neighbour = tenant("neighbour", "province", 0, "");
    for (user, manifest, refused_by) in [
        ("uma", root.clone(), policy),
        ("uma", neighbour.clone(), policy),
        ("uma", tenant("foothold", "neighbour", 1, ""), policy),
        ("uma", namespace("kube-system", "uni"), policy),
        ("uma", namespace("theirs", "neighbour"), policy),
        ("carl", college, policy),
        ("carl", root, policy),
        ("carl", neighbour, policy),
        ("carl", tenant("sibling", "uni", 1, ""), policy),
        ("carl", namespace("edugrid-system", "lab"), policy),
        ("carl", namespace("lab-jobs", "uni"), policy),
        (
            "lena",
            tenant("mine", "lab", 1, ""),
            "cannot patch resource",
        ),
        ("lena", namespace("mine", "lab"), "cannot patch resource"),
    ] {
        let words = match province.cluster().apply(user, &manifest) {
            Ok(said) => anyhow::bail!("{user} did {said}: {manifest}"),
            Err(error) => format!("{error:#}"),
        };
        ensure!(
            words.contains(refused_by),
            "{user} is not refused by {refused_by}: {words}\n{manifest}"
        );
    }
    Ok(())
}

/// Two labs claim more than the college has: the older counts whole, the younger with the
/// rest, and both the younger and the college say so (Q1).
fn overcommitted(province: &Province) -> Result<()> {
    apply(province, "carl", &tenant("lab2", "college", 8, ""))?;
    let condition = |name: &str| -> Result<Value> {
        let tenant = province.edugrid.object("tenant", "default", name)?;
        let conditions = tenant["status"]["conditions"].as_array().cloned();
        let of_kind = |it: &Value| it["type"] == "QuotaOvercommitted";
        let found = conditions.unwrap_or_default().into_iter().find(of_kind);
        Ok(found.unwrap_or(Value::Null))
    };
    wait_for("lab2 to be overcommitted", || {
        Ok(condition("lab2")?["status"] == "True" && condition("college")?["status"] == "True")
    })?;
    ensure!(
        condition("lab")?["status"] == "False",
        "the older lab counts whole"
    );
    let lab2 = province.edugrid.object("tenant", "default", "lab2")?;
    let effective = &lab2["status"]["quotas"][0]["nominal"];
    ensure!(
        effective == "4",
        "of lab2's 8 the rest of 4 counts: {lab2:#}"
    );
    let told = condition("lab2")?["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    ensure!(told.contains("8 is claimed, 4 counts"), "{told}");
    Ok(())
}

/// A lab that its university moves to another college takes the rights of that path.
fn moved(province: &Province) -> Result<()> {
    apply(province, "uma", &tenant("college2", "uni", 0, ""))?;
    apply(province, "uma", &tenant("lab", "college2", 4, ""))?;
    wait_administrators(province, "lab", &["uni-admins"])?;
    let again = province
        .cluster()
        .apply("carl", &tenant("lab", "college", 4, ""));
    ensure!(again.is_err(), "the lab is no longer carl's to take back");
    Ok(())
}
