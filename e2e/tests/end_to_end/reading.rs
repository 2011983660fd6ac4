//! What people read of the operator's memory, through a real API server's aggregation layer:
//! pages, rights, whose names are told to whom, and replicas that do not lead.

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::Value;
use xtask::installation::{InstallOptions, repository};

/// What stands in every name of the tenant that alice may not know.
const PLANTED: &str = "zzforeign";
/// A university of its own; everything about it carries the planted name.
const FOREIGN: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: zzforeign}
spec: {parent: province, level: University, quotas: [{pool: a100, nominal: 0}]}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: zzforeign-own}
spec: {issuer: province, holder: zzforeign, type: OwnFunds, faceValue: \"1000.00\"}
---
apiVersion: v1
kind: Namespace
metadata:
  name: zzforeign-ns
  labels: {edugrid.io/tenant: zzforeign, pod-security.kubernetes.io/enforce: baseline}
";
const API: &str = "/apis/visibility.edugrid.io/v1alpha1";
/// Jobs of alice that wait.
const WAITING: usize = 7;

#[test]
fn reading() -> Result<()> {
    let options = InstallOptions {
        arguments: vec!["--language=zh".to_owned()],
        ..InstallOptions::default()
    };
    let province = Province::start(1, options)?;
    populate(&province)?;
    pages_join(&province)?;
    tables_speak_the_operators_language(&province)?;
    rights_are_by_namespace(&province)?;
    nothing_foreign_is_told(&province)?;
    homes_show_tenants_and_vouchers(&province)?;
    kubectl_finds_its_way(&province)?;
    the_chart_passes_the_language_on(&province)?;
    a_standby_says_who_leads(&province)
}

/// The foreign university fills the one node and waits for more; alice waits too.
fn populate(province: &Province) -> Result<()> {
    let cluster = province.cluster();
    cluster.apply("admin", FOREIGN)?;
    cluster.user("zzforeign-user", &["zzforeign-users"])?;
    let edugrid = &province.edugrid;
    edugrid.bind("zzforeign-ns", "edugrid-user", "zzforeign-users")?;
    edugrid.approve("zzforeign-own")?;
    cluster.apply(
        "zzforeign-user",
        &job("zzforeign-ns", "zzforeign-runs", 1, 8, "3600s", 0),
    )?;
    province.wait_phase("zzforeign-ns", "zzforeign-runs", "Running")?;
    for at in 0..WAITING {
        cluster.apply(
            "alice",
            &job("sdu-cs", &format!("mine-{at}"), 1, 8, "1s", 0),
        )?;
    }
    for at in 0..2 {
        let name = format!("zzforeign-waits-{at}");
        cluster.apply("zzforeign-user", &job("zzforeign-ns", &name, 1, 8, "1s", 0))?;
    }
    wait_for("a reason for every waiting job", || {
        let list = raw(province, "admin", "/queuedjobs")?;
        let items = list["items"].as_array().context("items")?;
        let waiting = items.iter().filter(|item| item["reason"].is_string());
        Ok(waiting.count() == WAITING + 2)
    })
}

/// An answer as JSON.
fn raw(province: &Province, user: &str, path: &str) -> Result<Value> {
    Ok(serde_json::from_str(&text(province, user, path)?)?)
}

fn text(province: &Province, user: &str, path: &str) -> Result<String> {
    let path = format!("{API}{path}");
    province
        .cluster()
        .kubectl(user, &["get", "--raw", &path])?
        .ok()
}

fn refused(province: &Province, user: &str, path: &str) -> Result<String> {
    let path = format!("{API}{path}");
    province
        .cluster()
        .kubectl(user, &["get", "--raw", &path])?
        .refused()
}

fn table(province: &Province, user: &str, args: &[&str]) -> Result<String> {
    let args: Vec<&str> = std::iter::once("get").chain(args.iter().copied()).collect();
    province.cluster().kubectl(user, &args)?.ok()
}

/// kubectl reads in chunks and prints the same; a token leads on, nonsense does not.
fn pages_join(province: &Province) -> Result<()> {
    let chunked = |size: &str| {
        let size = format!("--chunk-size={size}");
        table(
            province,
            "alice",
            &["queuedjobs", "-n", "sdu-cs", &size, "--no-headers"],
        )
    };
    let names = |text: String| -> Vec<String> {
        let lines = text
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        lines.map(str::to_owned).collect()
    };
    let (whole, chunks) = (names(chunked("0")?), names(chunked("3")?));
    ensure!(
        whole.len() == WAITING && whole == chunks,
        "{whole:?} in chunks: {chunks:?}"
    );

    let queue = "/namespaces/sdu-cs/queuedjobs";
    let first = raw(province, "alice", &format!("{queue}?limit=3"))?;
    ensure!(
        first["items"].as_array().map(Vec::len) == Some(3),
        "{first}"
    );
    ensure!(first["metadata"]["remainingItemCount"] == 4, "{first}");
    ensure!(first["asOf"].is_string(), "the age is stated: {first}");
    let token = first["metadata"]["continue"].as_str().context("a token")?;
    let rest = raw(province, "alice", &format!("{queue}?continue={token}"))?;
    ensure!(rest["items"].as_array().map(Vec::len) == Some(4), "{rest}");
    for (query, words) in [
        ("continue=abc", "is not a token of this list"),
        ("limit=-1", "is not a whole number"),
        ("fieldSelector=spec.tier%3Dx", "field label not supported"),
        ("sortBy=name", "sortBy"),
    ] {
        let said = refused(province, "alice", &format!("{queue}?{query}"))?;
        ensure!(said.contains(words), "{query}: {said}");
    }
    let selector = "--field-selector=phase=Running";
    let none = table(
        province,
        "alice",
        &["queuedjobs", "-n", "sdu-cs", selector, "-o=name"],
    )?;
    ensure!(none.is_empty(), "nothing of alice runs: {none}");
    Ok(())
}

/// Tables of kubectl and messages in jobs follow `--language`; JSON has both.
fn tables_speak_the_operators_language(province: &Province) -> Result<()> {
    let wide = table(
        province,
        "alice",
        &["queuedjobs", "-n", "sdu-cs", "-o=wide"],
    )?;
    for word in ["POSITION", "MESSAGE", "alice", "其他租户"] {
        ensure!(wide.contains(word), "no {word} in\n{wide}");
    }
    let told = raw(province, "alice", "/namespaces/sdu-cs/explanations/mine-0")?;
    let reason = &told["reason"];
    ensure!(
        reason["message"].as_str().is_some_and(str::is_ascii),
        "{reason}"
    );
    ensure!(
        reason["messageZh"]
            .as_str()
            .is_some_and(|it| it.contains("其他租户")),
        "{reason}"
    );
    ensure!(reason["missing"]["unit"] == "PoolUnit", "{reason}");
    // Reasons that may end by themselves are written after 30 s (A6).
    wait_for("the message in the job", || {
        let job = province.job("sdu-cs", "mine-0")?;
        Ok(job["status"]["message"]
            .as_str()
            .is_some_and(|it| it.contains("其他租户")))
    })
}

fn rights_are_by_namespace(province: &Province) -> Result<()> {
    for (user, path) in [
        ("bob", "/namespaces/sdu-cs/queuedjobs"),
        ("bob", "/namespaces/sdu-cs/explanations/mine-0"),
        ("bob", "/namespaces/edugrid-sdu/tenantuses"),
        ("bob", "/namespaces/edugrid-sdu/voucheruses"),
        ("alice", "/namespaces/zzforeign-ns/queuedjobs"),
        ("alice", "/namespaces/edugrid-zzforeign/voucheruses"),
        // All namespaces at once only for whoever may list in the whole cluster.
        ("alice", "/queuedjobs"),
        ("alice", "/tenantuses"),
        ("alice", "/voucheruses"),
    ] {
        let said = refused(province, user, path)?;
        ensure!(said.contains("Forbidden"), "{user} {path}: {said}");
    }
    let all = table(
        province,
        "province-admin",
        &["queuedjobs", "--all-namespaces"],
    )?;
    ensure!(
        all.contains("zzforeign-runs") && all.contains("mine-0"),
        "{all}"
    );
    Ok(())
}

/// Nothing that alice can read carries a name of the foreign university.
fn nothing_foreign_is_told(province: &Province) -> Result<()> {
    let mut told = String::new();
    for path in [
        "/namespaces/sdu-cs/queuedjobs",
        "/namespaces/edugrid-sdu/tenantuses",
        "/namespaces/edugrid-sdu/voucheruses",
        "/namespaces/edugrid-sdu/statements",
    ] {
        told += &text(province, "alice", path)?;
    }
    for at in 0..WAITING {
        let path = format!("/namespaces/sdu-cs/explanations/mine-{at}");
        let explained = raw(province, "alice", &path)?;
        let ahead = explained["ahead"].as_array().cloned().unwrap_or_default();
        let jobs: u64 = ahead.iter().filter_map(|line| line["jobs"].as_u64()).sum();
        let position = explained["positionInPool"].as_u64().context("a position")?;
        ensure!(
            jobs == position - 1,
            "everybody before it is counted: {explained}"
        );
        told += &explained.to_string();
    }
    let jobs = ["computejobs", "-n", "sdu-cs", "-o=json"];
    told += &table(province, "alice", &jobs)?;
    for known in ["mine-0", "sdu-2026-a", "BehindInOrder"] {
        ensure!(told.contains(known), "{known} is not in {told}");
    }
    ensure!(!told.contains(PLANTED), "{told}");
    // The same search does find them where they may be read.
    let all = text(province, "province-admin", "/queuedjobs")?;
    ensure!(all.contains(PLANTED), "{all}");
    Ok(())
}

fn homes_show_tenants_and_vouchers(province: &Province) -> Result<()> {
    let tenants = raw(province, "alice", "/namespaces/edugrid-sdu/tenantuses")?;
    let items = tenants["items"].as_array().context("items")?;
    let line = |item: &Value| {
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        format!(
            "{} {name} {} {}",
            item["depth"], item["displayName"]["zh"], item["waiting"]
        )
    };
    let lines: Vec<String> = items.iter().map(line).collect();
    let expected = [r#"0 sdu "山东大学" 7"#, r#"1 sdu-cs "计算机学院" 7"#];
    ensure!(lines == expected, "{lines:?}");
    ensure!(items[1]["users"][0]["user"] == "alice", "{tenants}");

    let vouchers = raw(province, "alice", "/namespaces/edugrid-sdu/voucheruses")?;
    let of = |name: &str| {
        let mut items = vouchers["items"].as_array().into_iter().flatten();
        items.find(|item| item["metadata"]["name"] == name).cloned()
    };
    let subsidy = of("sdu-2026-a").context("sdu-2026-a")?;
    ensure!(
        subsidy["left"] == "50000.00" && subsidy["relation"] == "Own",
        "{subsidy}"
    );
    ensure!(
        vouchers["ownMoney"][0]["available"] == "10000.00",
        "{vouchers}"
    );
    for (kind, words) in [
        ("tenantuses", ["NAME", "AVAILABLE", "sdu-cs"]),
        ("voucheruses", ["HOLDER", "LEFT", "50000.00"]),
    ] {
        let shown = table(province, "alice", &[kind, "-n", "edugrid-sdu"])?;
        for word in words {
            ensure!(shown.contains(word), "no {word} in\n{shown}");
        }
    }
    Ok(())
}

/// Short names, one by its name, and `explain`.
fn kubectl_finds_its_way(province: &Province) -> Result<()> {
    let one = table(
        province,
        "alice",
        &["qj", "mine-3", "-n", "sdu-cs", "-o=name"],
    )?;
    ensure!(
        one.trim() == "queuedjob.visibility.edugrid.io/mine-3",
        "{one}"
    );
    let missing = ["get", "qj", "nobody", "-n", "sdu-cs"];
    let missing = province.cluster().kubectl("alice", &missing)?.refused()?;
    ensure!(missing.contains("NotFound"), "{missing}");
    let explain = ["explain", "queuedjobs.visibility.edugrid.io"];
    let explained = province.cluster().kubectl("alice", &explain)?.ok()?;
    ensure!(explained.contains("QueuedJob"), "{explained}");
    Ok(())
}

fn the_chart_passes_the_language_on(province: &Province) -> Result<()> {
    let chart = repository().join("charts/edugrid").display().to_string();
    let render = |language: &str| {
        let set = format!("--set=operator.language={language}");
        let fixed = ["template", "edugrid", &chart, "--namespace=edugrid-system"];
        let rest = ["--kube-version=1.36.3", set.as_str()];
        let args: Vec<&str> = fixed.into_iter().chain(rest).collect();
        province.cluster().helm("admin", &args)
    };
    let rendered = render("zh")?.ok()?;
    let line = rendered
        .lines()
        .skip_while(|line| !line.contains("EDUGRID_LANGUAGE"))
        .nth(1);
    ensure!(
        line.is_some_and(|line| line.trim() == "value: \"zh\""),
        "{line:?}"
    );
    let refused = render("de")?.refused()?;
    ensure!(refused.contains("language"), "{refused}");
    Ok(())
}

/// A second replica answers discovery and says who leads; after the leader is killed it
/// answers everything.
fn a_standby_says_who_leads(province: &Province) -> Result<()> {
    let edugrid = &province.edugrid;
    let standby = edugrid.launch_replica("edugrid-scheduler-b")?;
    let leader = edugrid.object("lease", "edugrid-system", "edugrid-scheduler")?;
    let leader = leader["spec"]["holderIdentity"]
        .as_str()
        .context("a leader")?
        .to_owned();
    edugrid.ask_replica(Some(&standby))?;
    wait_for("the standby to be asked", || {
        let path = format!("{API}/namespaces/sdu-cs/queuedjobs");
        let asked = province
            .cluster()
            .kubectl("alice", &["get", "--raw", &path])?;
        Ok(asked.stderr.contains("is a standby"))
    })?;
    let said = refused(province, "alice", "/namespaces/sdu-cs/queuedjobs")?;
    let words = format!("is a standby and knows no queue, {leader} leads");
    ensure!(said.contains(&words), "not `{words}` but: {said}");
    let resources = raw(province, "alice", "")?;
    ensure!(resources["kind"] == "APIResourceList", "{resources}");
    // A namespace goes while only a standby can be asked.
    let cluster = province.cluster();
    cluster
        .kubectl("admin", &["create", "namespace", "passing"])?
        .ok()?;
    let delete = ["delete", "namespace", "passing", "--wait", "--timeout=60s"];
    cluster.kubectl("admin", &delete)?.ok()?;

    edugrid.kill()?;
    wait_for("the other replica to lead and answer", || {
        let path = format!("{API}/namespaces/sdu-cs/queuedjobs");
        let asked = cluster.kubectl("alice", &["get", "--raw", &path])?;
        Ok(asked.success() && asked.stdout.contains("mine-0"))
    })
}
