//! Two tenants that can't see each other. Unmistakable words stand in everything that each
//! has: tenants, namespaces, jobs, people, vouchers, reasons. Then every byte is searched that
//! the people of one can read in any way, found by discovery rather than by a list of ours:
//! list, get and watch of every resource, in every namespace and in all, the visibility API
//! with it, and what `kubectl edugrid` prints.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::scope,
};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{
    binaries,
    door::{Door, Person, Request},
    job, wait_for,
};
use serde_json::Value;
use xtask::{
    cluster::{Cluster, ClusterOptions, NodeShape},
    installation::{InstallOptions, Installation},
};

/// The word in all that one side has.
const SIDES: [&str; 2] = ["quokka", "zebra"];
/// Requests at once.
const ASKED_AT_ONCE: usize = 8;

/// What a side has: a university, a college, their money and the college's namespace.
fn declared(side: &str) -> String {
    format!(
        "apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {{name: {side}}}
spec:
  parent: province
  displayName: {{en: University of {side}}}
  quotas: [{{pool: a100, nominal: 8}}]
  admins: [{{kind: Group, name: {side}-admins}}]
---
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {{name: {side}-college}}
spec: {{parent: {side}, quotas: [{{pool: a100, nominal: 8}}]}}
---
apiVersion: edugrid.io/v1alpha1
kind: FundingLine
metadata: {{name: {side}-line}}
spec: {{issuer: province, fiscalYear: 2026, backing: Quota, total: \"1000.00\", source: {side} programme}}
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {{name: {side}-voucher}}
spec:
  issuer: province
  fundingLine: {side}-line
  holder: {side}
  type: Subsidy
  faceValue: \"500.00\"
  coverage: {{num: 1, den: 2}}
  validFrom: \"2026-01-01T00:00:00Z\"
  validUntil: \"2028-01-01T00:00:00Z\"
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {{name: {side}-own}}
spec: {{issuer: province, holder: {side}, type: OwnFunds, faceValue: \"1000.00\"}}
"
    )
}

fn namespace(side: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {side}-jobs
  labels: {{edugrid.io/tenant: {side}-college, pod-security.kubernetes.io/enforce: baseline}}
"
    )
}

/// The people of a side: its administrator and a researcher, who also edits his namespace.
fn people(side: &str) -> [Person; 2] {
    let person = |role: &str| Person {
        user: format!("{side}-{role}"),
        groups: vec![format!("{side}-{role}s"), "system:authenticated".to_owned()],
    };
    [person("admin"), person("user")]
}

struct Province {
    edugrid: Installation,
    door: Door,
}

/// Two universities on one pool that is too small: both run, both wait, both have spent.
fn start() -> Result<Province> {
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let shape = NodeShape::with_cards(8).label("edugrid.io/pool", "a100");
    cluster.add_nodes("gpu", 2, &shape)?;
    let group = |name: String| format!("{{kind: Group, name: '{name}'}}");
    let groups = |role: &str| {
        SIDES
            .map(|side| group(format!("{side}-{role}s")))
            .join(", ")
    };
    let (admins, users) = (groups("admin"), groups("user"));
    let checkers = group("edugrid:province-checkers".to_owned());
    let values = format!(
        "rbac: {{delegates: [{checkers}, {admins}], catalogueReaders: [{admins}, {users}]}}"
    );
    let options = InstallOptions {
        values,
        ..Default::default()
    };
    let edugrid = Installation::new(cluster, binaries()?, options)?;
    edugrid.start()?;
    edugrid.apply_file("province-admin", "examples/first-job/00-province.yaml")?;
    let home = "edugrid-province";
    edugrid.bind(home, "edugrid-approver", "edugrid:province-checkers")?;
    for side in SIDES {
        let cluster = edugrid.cluster();
        let (user, users) = (format!("{side}-user"), format!("{side}-users"));
        cluster.user(&user, &[&users])?;
        cluster.user(&format!("{side}-admin"), &[&format!("{side}-admins")])?;
        cluster.apply("province-admin", &declared(side))?;
        cluster.apply("admin", &namespace(side))?;
        edugrid.bind(&format!("{side}-jobs"), "edit", &users)?;
        edugrid.bind(&format!("edugrid-{side}"), "edugrid-tenant-viewer", &users)?;
        edugrid.approve(&format!("{side}-voucher"))?;
        edugrid.approve(&format!("{side}-own"))?;
    }
    let door = Door::open(edugrid.cluster())?;
    let province = Province { edugrid, door };
    province.play()?;
    Ok(province)
}

impl Province {
    /// A job of each side that has ended, one that runs, one that waits for the other's.
    fn play(&self) -> Result<()> {
        let cluster = self.edugrid.cluster();
        for side in SIDES {
            let (namespace, user) = (format!("{side}-jobs"), format!("{side}-user"));
            cluster.apply(
                &user,
                &job(&namespace, &format!("{side}-done"), 1, 2, "1s", 0),
            )?;
            self.wait_phase(side, "done", "Succeeded")?;
        }
        for side in SIDES {
            let (namespace, user) = (format!("{side}-jobs"), format!("{side}-user"));
            cluster.apply(
                &user,
                &job(&namespace, &format!("{side}-runs"), 1, 8, "3600s", 0),
            )?;
            self.wait_phase(side, "runs", "Running")?;
        }
        for side in SIDES {
            let (namespace, user) = (format!("{side}-jobs"), format!("{side}-user"));
            cluster.apply(
                &user,
                &job(&namespace, &format!("{side}-waits"), 1, 8, "1s", 0),
            )?;
        }
        // A reason that may end by itself is written to the object after 30 s (A6).
        for side in SIDES {
            wait_for(&format!("the reason of {side}-waits"), || {
                let name = format!("{side}-waits");
                let job = self
                    .edugrid
                    .object("computejob", &format!("{side}-jobs"), &name)?;
                Ok(job["status"]["reason"].is_string())
            })?;
        }
        Ok(())
    }

    fn wait_phase(&self, side: &str, job: &str, phase: &str) -> Result<()> {
        let (namespace, name) = (format!("{side}-jobs"), format!("{side}-{job}"));
        wait_for(&format!("{name} to be {phase}"), || {
            let job = self.edugrid.object("computejob", &namespace, &name)?;
            Ok(job["status"]["phase"] == phase)
        })
    }

    /// Every path of the API server, by discovery: collections in each namespace and in all,
    /// their watches, and single objects where names are known.
    fn paths(&self) -> Result<Vec<String>> {
        let root = Person::default();
        let read =
            |path: &str| -> Result<Value> { Ok(self.door.ask(&root, &Request::get(path))?.json()) };
        let names = |list: &Value| -> Vec<String> {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
            items.iter().filter_map(name).collect()
        };
        let mut groups = vec!["/api/v1".to_owned()];
        for group in read("/apis")?["groups"].as_array().into_iter().flatten() {
            for version in group["versions"].as_array().into_iter().flatten() {
                let version = version["groupVersion"].as_str().context("a version")?;
                groups.push(format!("/apis/{version}"));
            }
        }
        let namespaces = names(&read("/api/v1/namespaces")?);
        let mut paths = vec!["/metrics".to_owned(), "/openapi/v2".to_owned()];
        for group in groups {
            for resource in read(&group)?["resources"].as_array().into_iter().flatten() {
                let plural = resource["name"].as_str().context("a resource")?;
                let verbs = resource["verbs"].to_string();
                let mut roots = vec![format!("{group}/{plural}")];
                if resource["namespaced"] == true {
                    let within = |name: &String| format!("{group}/namespaces/{name}/{plural}");
                    roots.extend(namespaces.iter().map(within));
                }
                for root in roots {
                    if verbs.contains("list") {
                        paths.push(root.clone());
                    }
                    if verbs.contains("watch") {
                        paths.push(format!("{root}?watch=1&timeoutSeconds=1"));
                    }
                    if plural == "explanations" {
                        let jobs = SIDES.map(|side| format!("{root}/{side}-waits"));
                        paths.extend(jobs);
                    } else if plural == "tenantmetrics" {
                        let own = SIDES.map(|side| format!("{root}/{side}"));
                        let colleges = SIDES.map(|side| format!("{root}/{side}-college"));
                        paths.extend(own.into_iter().chain(colleges));
                    } else if verbs.contains("get") && !plural.contains('/') {
                        let known = names(&read(&root)?);
                        paths.extend(known.iter().map(|name| format!("{root}/{name}")));
                    }
                }
            }
        }
        Ok(paths)
    }

    /// What is answered to one of these paths with success, by path.
    fn readable(&self, person: &Person, paths: &[String]) -> Result<Vec<(String, String)>> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let failed: Mutex<Option<anyhow::Error>> = Mutex::new(None);
        scope(|threads| {
            for _ in 0..ASKED_AT_ONCE {
                threads.spawn(|| {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match self.door.ask(person, &Request::get(path)) {
                            Ok(answer) if answer.is_done() => found
                                .lock()
                                .expect("no holder panicked")
                                .push((path.clone(), answer.body)),
                            Ok(_) => {}
                            Err(error) => {
                                *failed.lock().expect("no holder panicked") = Some(error);
                            }
                        }
                    }
                });
            }
        });
        match failed.into_inner().expect("no holder panicked") {
            Some(error) => Err(error),
            None => Ok(found.into_inner().expect("no holder panicked")),
        }
    }

    /// What `kubectl edugrid` prints to a person of a side, of his own and of the other's.
    fn printed(&self, person: &Person, own: &str, other: &str) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for of in [own, other] {
            let (jobs, home) = (format!("--namespace={of}-jobs"), format!("{of}-waits"));
            for args in [
                vec!["queue", &jobs, "--output=json"],
                vec!["queue", &jobs],
                vec!["explain", &home, &jobs],
                vec!["explain", &home, &jobs, "--output=json"],
                vec!["statement", of],
                vec!["statement", of, "--output=json"],
            ] {
                let output = self.edugrid.edugrid(&person.user, &args)?;
                if output.status.success() {
                    let text = String::from_utf8_lossy(&output.stdout).into_owned();
                    found.push((format!("kubectl edugrid {}", args.join(" ")), text));
                }
            }
        }
        Ok(found)
    }
}

#[test]
fn whoever_is_of_one_tenant_reads_no_byte_of_the_other() -> Result<()> {
    let province = start()?;
    let paths = province.paths()?;
    // The search finds what there is to find: the administrator of the cluster reads it all.
    let all = province.readable(&Person::default(), &paths)?;
    for side in SIDES {
        let hits = all.iter().filter(|(_, body)| body.contains(side)).count();
        ensure!(
            hits > 40,
            "only {hits} of {} answers name {side}",
            all.len()
        );
    }
    for (own, other) in [(SIDES[0], SIDES[1]), (SIDES[1], SIDES[0])] {
        for person in people(own) {
            let mut read = province.readable(&person, &paths)?;
            read.extend(province.printed(&person, own, other)?);
            let leaks: BTreeSet<String> = read
                .iter()
                .filter(|(_, body)| body.contains(other))
                .map(|(path, body)| format!("{path}: {}", around(body, other)))
                .collect();
            let leaks: Vec<String> = leaks.into_iter().collect();
            ensure!(
                leaks.is_empty(),
                "{} reads of {other}:\n{}",
                person.user,
                leaks.join("\n")
            );
            let mine = read.iter().filter(|(_, body)| body.contains(own)).count();
            ensure!(
                mine > 3,
                "{} reads {mine} answers about his own",
                person.user
            );
            let searched = read.len();
            println!(
                "{}: {searched} of {} answers, {mine} of his own, 0 of {other}",
                person.user,
                paths.len()
            );
        }
    }
    Ok(())
}

/// The first place of a word in a text, with what stands around it.
fn around(text: &str, word: &str) -> String {
    const WIDTH: usize = 80;
    let at = text.find(word).unwrap_or(0);
    let start = text.floor_char_boundary(at.saturating_sub(WIDTH));
    let end = text.ceil_char_boundary((at + WIDTH).min(text.len()));
    text[start..end].replace('\n', " ")
}
