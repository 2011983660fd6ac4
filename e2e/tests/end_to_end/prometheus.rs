//! A real Prometheus scrapes the operator, and a tenant's own slice of it through the API
//! server: numbers agree with objects, nothing foreign is told, series go with their objects.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use edugrid_e2e::{Province, job, wait_for};
use serde_json::{Value, json};
use xtask::{
    installation::{InstallOptions, free_address, repository},
    tools::Prometheus,
};

/// A university beside `sdu` that nobody of `sdu` may hear of.
const NEIGHBOUR: &str = "
apiVersion: edugrid.io/v1alpha1
kind: Tenant
metadata: {name: lnu}
spec:
  parent: province
  level: University
  displayName: {zh: 辽宁大学, en: Liaoning University}
  admins: [{kind: Group, name: lnu-users}]
---
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: lnu-2026-a}
spec:
  issuer: province
  fundingLine: strengthen-2026
  holder: lnu
  type: Subsidy
  faceValue: \"12.50\"
  coverage: {num: 1, den: 2}
  validFrom: \"2026-01-01T00:00:00+08:00\"
  validUntil: \"2027-12-31T00:00:00+08:00\"
";

/// A running Prometheus, ended with the cluster.
struct Scraper {
    tools: Prometheus,
    address: String,
}

impl Scraper {
    /// Scrapes the operator, the slice of tenant `sdu` as alice, and itself, every second.
    fn start(province: &Province) -> Result<Self> {
        let tools = Prometheus::ready()?;
        let cluster = province.cluster();
        let address = free_address()?.to_string();
        let alice: Value = serde_json::from_slice(&std::fs::read(cluster.kubeconfig("alice"))?)?;
        let user = &alice["users"][0]["user"];
        ensure!(
            user["client-certificate"].is_string(),
            "alice has a certificate of her own"
        );
        let server = cluster.server();
        let host = server
            .strip_prefix("https://")
            .context("an API server speaks TLS")?;
        let operator = province.edugrid.metrics_address().to_string();
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [alerts()],
            "scrape_configs": [
                {"job_name": "operator", "honor_labels": true, "static_configs": [{"targets": [operator]}]},
                {"job_name": "itself", "static_configs": [{"targets": [address]}]},
                {
                    "job_name": "sdu",
                    "scheme": "https",
                    "metrics_path": slice("sdu"),
                    "tls_config": {
                        "ca_file": cluster.ca(),
                        "cert_file": user["client-certificate"],
                        "key_file": user["client-key"],
                    },
                    "honor_labels": true,
                    "static_configs": [{"targets": [host]}],
                },
            ],
        });
        let file = cluster.dir().join("prometheus.json");
        std::fs::write(&file, config.to_string())?;
        let mut server = Command::new(&tools.server);
        server
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                cluster.dir().join("prometheus").display()
            ))
            .arg("--storage.tsdb.retention.time=1h")
            .arg(format!("--web.listen-address={address}"));
        cluster.spawn("prometheus", &mut server)?;
        Ok(Self { tools, address })
    }

    /// All series that an expression yields now, each with its labels and value.
    fn series(&self, expression: &str) -> Result<Vec<(Value, f64)>> {
        let server = format!("http://{}", self.address);
        let args = ["query", "--format=json", "instant", &server, expression];
        let found: Value = serde_json::from_str(&self.promtool(&args, "")?)?;
        let series = found.as_array().context("an instant vector")?.iter();
        series
            .map(|one| {
                let value = one["value"][1].as_str().context("a value")?;
                Ok((one["metric"].clone(), value.parse()?))
            })
            .collect()
    }

    /// Waits until an expression yields exactly one number, and that one.
    fn wait(&self, expression: &str, expected: f64) -> Result<()> {
        let mut found = Vec::new();
        wait_for(expression, || {
            // Prometheus may still be starting.
            found = self.series(expression).unwrap_or_default();
            Ok(matches!(found.as_slice(), [(_, value)] if (value - expected).abs() < 1e-6))
        })
        .with_context(|| format!("{expression} is {found:?} and not {expected}"))
    }

    /// Waits until an expression yields nothing.
    fn wait_gone(&self, expression: &str) -> Result<()> {
        wait_for(expression, || Ok(self.series(expression)?.is_empty()))
    }

    /// What `promtool` says; refused, if it finds fault.
    fn promtool(&self, args: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new(&self.tools.promtool)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("a pipe")?;
        stdin.write_all(input.as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        let (said, complaint) = (output.stdout, String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(said)?;
        ensure!(
            output.status.success() && complaint.is_empty(),
            "promtool {args:?}: {said}{complaint}"
        );
        Ok(said)
    }
}

/// The chart's alert rules.
fn alerts() -> PathBuf {
    repository().join("charts/edugrid/files/alerts.yaml")
}

/// Where a tenant's metrics are read.
fn slice(tenant: &str) -> String {
    format!(
        "/apis/visibility.edugrid.io/v1alpha1/namespaces/edugrid-{tenant}/tenantmetrics/{tenant}"
    )
}

#[test]
fn prometheus_scrapes_what_happens_and_a_tenant_its_own() -> Result<()> {
    let province = Province::start(2, InstallOptions::default())?;
    let edugrid = &province.edugrid;
    province.cluster().apply("province-admin", NEIGHBOUR)?;
    edugrid.approve("lnu-2026-a")?;
    let scraper = Scraper::start(&province)?;
    scraper.wait("edugrid_leading", 1.0)?;

    jobs_are_counted(&province, &scraper)?;
    capacity_and_money(&scraper)?;
    the_operator_itself(&scraper)?;
    texts_and_rules_are_sound(&province, &scraper)?;
    a_tenant_reads_its_own(&province, &scraper)?;
    series_go_with_their_objects(&province, &scraper)
}

/// One job succeeds, one fails half-way, one can never run.
fn jobs_are_counted(province: &Province, scraper: &Scraper) -> Result<()> {
    let jobs = [
        job("sdu-cs", "good", 2, 4, "9s", 0),
        job("sdu-cs", "bad", 1, 2, "5s", 1),
        job("sdu-cs", "huge", 3, 8, "5s", 0),
    ];
    province.cluster().apply("alice", &jobs.join("---\n"))?;
    province.wait_phase("sdu-cs", "good", "Running")?;
    scraper.wait(
        "max_over_time(edugrid_tenant_usage_units{job=\"operator\",tenant=\"sdu\"}[1m])",
        10.0,
    )?;
    let bad = province.wait_phase("sdu-cs", "bad", "Failed")?;
    province.wait_phase("sdu-cs", "good", "Succeeded")?;
    let of_operator = |metric: &str, labels: &str| {
        format!("{metric}{{job=\"operator\",tenant=\"sdu-cs\"{labels}}}")
    };
    for (metric, labels, expected) in [
        ("edugrid_attempts_admitted_total", "", 2.0),
        ("edugrid_attempts_started_total", "", 2.0),
        (
            "edugrid_attempts_ended_total",
            ",outcome=\"Succeeded\"",
            1.0,
        ),
        ("edugrid_attempts_ended_total", ",outcome=\"Failed\"", 1.0),
        ("edugrid_jobs_finished_total", ",phase=\"Failed\"", 1.0),
        ("edugrid_tenant_usage_units", "", 0.0),
        ("edugrid_pending_jobs", "", 1.0),
    ] {
        scraper.wait(&of_operator(metric, labels), expected)?;
    }
    // Two cards for the charged interval of the attempt that failed (E4); none for the other.
    let lost = 2 * charged_seconds(&bad["status"]["attempts"][0])?;
    scraper.wait(
        &of_operator("edugrid_lost_work_unit_seconds_total", ""),
        f64::from(lost),
    )?;
    // The reason in the series is the one that the job itself tells.
    let waiting = scraper.series(&of_operator("edugrid_pending_jobs", ""))?;
    wait_for("the reason in the job's status", || {
        let reason = &province.job("sdu-cs", "huge")?["status"]["reason"];
        Ok(*reason == waiting[0].0["reason"])
    })
}

fn charged_seconds(attempt: &Value) -> Result<u32> {
    let instant = |field: &str| -> Result<i64> {
        let text = attempt[field].as_str().context("an instant")?;
        Ok(text.parse::<jiff::Timestamp>()?.as_second())
    };
    Ok(u32::try_from(
        instant("finishedAt")? - instant("startedAt")?,
    )?)
}

fn capacity_and_money(scraper: &Scraper) -> Result<()> {
    for (expression, expected) in [
        ("edugrid_pool_capacity_units{pool=\"a100\"}", 16.0),
        ("edugrid_pool_healthy_units", 16.0),
        ("edugrid_pool_free_units", 16.0),
        ("edugrid_pool_declared_units", 16.0),
        ("edugrid_pool_nodes", 2.0),
        (
            "edugrid_tenant_nominal_units{job=\"operator\",tenant=\"sdu-cs\"}",
            16.0,
        ),
        (
            "count(edugrid_tenant_info{job=\"operator\",parent=\"province\"})",
            2.0,
        ),
        ("edugrid_voucher_face_yuan{voucher=\"lnu-2026-a\"}", 12.5),
        (
            "edugrid_voucher_held_yuan{job=\"operator\",voucher=\"sdu-2026-a\"}",
            0.0,
        ),
        // Face is what is held, spent, returned or still there.
        (
            "sum(edugrid_voucher_face_yuan{job=\"operator\",voucher!=\"sdu-own\"}) - sum({__name__=~\
             \"edugrid_voucher_(held|spent|returned|available)_yuan\",job=\"operator\"})",
            0.0,
        ),
        // Half by the voucher, half by own money, to the micro-yuan.
        (
            "round(1000000 * (edugrid_voucher_spent_yuan{job=\"operator\",voucher=\"sdu-2026-a\"} - \
             on () edugrid_tenant_own_money_spent_yuan{job=\"operator\"})) <= bool 2",
            1.0,
        ),
        (
            "edugrid_voucher_spent_yuan{job=\"operator\",voucher=\"sdu-2026-a\"} > bool 0",
            1.0,
        ),
        (
            "edugrid_funding_line_available_yuan{job=\"operator\"}",
            2_000_000.0 - 50_012.5,
        ),
    ] {
        scraper.wait(expression, expected)?;
    }
    Ok(())
}

fn the_operator_itself(scraper: &Scraper) -> Result<()> {
    for (expression, expected) in [
        ("sum(edugrid_conservation_faults)", 0.0),
        ("count(edugrid_conservation_faults)", 2.0),
        ("sum(edugrid_job_wait_seconds_count)", 2.0),
        ("edugrid_scheduling_latency_seconds_count > bool 0", 1.0),
        ("edugrid_status_delay_seconds_count > bool 3", 1.0),
        (
            "edugrid_ledger_segment_sequence - on () (edugrid_journal_append_duration_seconds_count)",
            0.0,
        ),
        (
            "edugrid_api_requests_total{verb=\"create\",resource=\"ledgersegments\",code=\"201\"} \
             >= bool on () edugrid_journal_append_duration_seconds_count",
            1.0,
        ),
        (
            "edugrid_writes_total{class=\"create_job\",outcome=\"stands\"}",
            2.0,
        ),
        ("sum(edugrid_watch_restarts_total)", 0.0),
        (
            "count(edugrid_watch_last_event_timestamp_seconds) > bool 8",
            1.0,
        ),
        ("edugrid_clock_factor", 1.0),
        (
            "abs(edugrid_clock_timestamp_seconds - time()) < bool 30",
            1.0,
        ),
        ("edugrid_build_info", 1.0),
        (
            "process_resident_memory_bytes{job=\"operator\"} > bool 1000000",
            1.0,
        ),
        ("process_open_fds{job=\"operator\"} > bool 3", 1.0),
        (
            "count({__name__=~\"edugrid_.*\",tenant=\"\",job=\"sdu\"}) or vector(0)",
            0.0,
        ),
        ("sum(prometheus_rule_evaluation_failures_total)", 0.0),
    ] {
        scraper.wait(expression, expected)?;
    }
    Ok(())
}

fn texts_and_rules_are_sound(province: &Province, scraper: &Scraper) -> Result<()> {
    scraper.promtool(&["check", "metrics"], &province.edugrid.plain_metrics()?)?;
    let alerts = alerts().display().to_string();
    let said = scraper.promtool(&["check", "rules", &alerts], "")?;
    ensure!(said.contains("SUCCESS"), "{said}");
    let cases = repository().join("charts/edugrid/tests/alerts.yaml");
    scraper.promtool(&["test", "rules", &cases.display().to_string()], "")?;
    // Every rule has a case, in which it fires and does not, and speaks both languages.
    let text = std::fs::read_to_string(&alerts)?;
    let tried = std::fs::read_to_string(&cases)?;
    for rule in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        ensure!(
            tried.contains(&format!("alertname: {rule}\n")),
            "no case of {rule}"
        );
    }
    let count = |word: &str| {
        text.lines()
            .filter(|line| line.trim().starts_with(word))
            .count()
    };
    let rules = count("- alert:");
    ensure!(rules > 0 && count("summary:") == rules && count("summary_zh:") == rules);
    Ok(())
}

/// With her own certificate alice reads what is `sdu`'s and below, and nothing else.
fn a_tenant_reads_its_own(province: &Province, scraper: &Scraper) -> Result<()> {
    scraper.wait("up{job=\"sdu\"}", 1.0)?;
    scraper.wait(
        "edugrid_attempts_ended_total{job=\"sdu\",outcome=\"Failed\"}",
        1.0,
    )?;
    scraper.wait(
        "edugrid_voucher_face_yuan{job=\"sdu\",voucher=\"sdu-2026-a\"}",
        50_000.0,
    )?;
    scraper.wait_gone("{job=\"sdu\",__name__=~\"edugrid_.*\",tenant!~\"sdu|sdu-cs\"}")?;

    let read = |user: &str, tenant: &str| {
        let path = slice(tenant);
        province
            .cluster()
            .kubectl(user, &["get", "--raw", path.as_str()])
    };
    let own = read("alice", "sdu")?.ok()?;
    ensure!(
        own.contains("tenant=\"sdu-cs\"") && own.ends_with("# EOF\n"),
        "{own}"
    );
    ensure!(
        !own.contains("lnu") && !own.contains("edugrid_pool_"),
        "{own}"
    );
    for (user, tenant) in [("alice", "lnu"), ("alice", "province"), ("bob", "sdu")] {
        let words = read(user, tenant)?.refused()?;
        ensure!(words.contains("forbidden"), "{user} on {tenant}: {words}");
    }
    let neighbour = read("bob", "lnu")?.ok()?;
    ensure!(
        neighbour.contains("lnu-2026-a") && !neighbour.contains("sdu"),
        "{neighbour}"
    );
    Ok(())
}

/// A voucher and a tenant are deleted: their series are gone at the next scrape.
fn series_go_with_their_objects(province: &Province, scraper: &Scraper) -> Result<()> {
    let delete = |kind: &str, name: &str| {
        province
            .cluster()
            .kubectl("admin", &["delete", kind, name])?
            .ok()
            .map(drop)
    };
    let of = |label: &str| format!("{{job=\"operator\",__name__=~\"edugrid_.*\",{label}}}");
    ensure!(!scraper.series(&of("voucher=\"lnu-2026-a\""))?.is_empty());
    ensure!(!scraper.series(&of("tenant=\"lnu\""))?.is_empty());
    delete("computevoucher", "lnu-2026-a")?;
    scraper.wait_gone(&of("voucher=\"lnu-2026-a\""))?;
    delete("tenant", "lnu")?;
    scraper.wait_gone(&of("tenant=\"lnu\""))?;
    scraper.wait("count(edugrid_tenant_info{job=\"operator\"})", 3.0)
}
