//! `explain`: why a job waits, with the numbers that would change it, or where it runs.

use edugrid_crds::visibility::{Amount, EXPLANATIONS, Explanation, PathStep, Reason};

use crate::{
    arguments::{Explain, Format},
    cluster::{Cluster, Wanted},
    duration,
    failure::Failure,
    grid::Grid,
    output,
};

/// Shows one job.
///
/// # Errors
/// If it can't be read or isn't there.
pub async fn run(cluster: &Cluster, asked: &Explain) -> Result<(), Failure> {
    let explanation: Explanation = cluster
        .read(Wanted {
            resource: &EXPLANATIONS,
            namespace: Some(&cluster.namespace),
            name: Some(&asked.job),
            role: "edugrid-user",
            elsewhere: "a finished job is told by `kubectl get computejob NAME -o yaml` and the \
                        tenant's statement",
        })
        .await?;
    output::print(&match asked.output {
        Format::Table => text(&explanation),
        Format::Json => output::json(&explanation)?,
        Format::Yaml => output::yaml(&explanation)?,
    })
}

/// The explanation in paragraphs; each stands only if there is something to say.
fn text(told: &Explanation) -> String {
    let paragraphs = [
        head(told),
        placement(told),
        path(&told.path),
        ahead(told),
        other_pools(&told.other_pools),
        format!("{}.\n", capital(&output::stated(&told.age))),
    ];
    let paragraphs: Vec<String> = paragraphs
        .into_iter()
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n")
}

fn head(told: &Explanation) -> String {
    let name = |text: &Option<String>| text.clone().unwrap_or_default();
    let since = told
        .since
        .as_ref()
        .map(|since| duration::between(since, &told.age.as_of));
    let since = since.map_or_else(String::new, |span| format!(" for {span}"));
    let mut lines = vec![format!(
        "{}/{}: {}{since}",
        name(&told.metadata.namespace),
        name(&told.metadata.name),
        told.phase.as_str(),
    )];
    if let Some(reason) = &told.reason {
        lines.push(format!("{:<13} {}", reason.code, reason.message));
        lines.extend(numbers(reason));
    }
    let mut field = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{label:<14}{value}"));
        }
    };
    field("Tenant", told.tenant.clone());
    field(
        "Place",
        told.position_in_pool
            .map(|place| format!("{place} of those who wait for the pool")),
    );
    field(
        "Attempts",
        (told.attempts > 0).then(|| told.attempts.to_string()),
    );
    field("Walltime", told.walltime.as_ref().map(ToString::to_string));
    field(
        "Highest cost",
        told.highest_cost
            .as_ref()
            .map(|cost| format!("{cost} yuan")),
    );
    lines.join("\n") + "\n"
}

/// The reason's numbers and what it is about, one a line.
fn numbers(reason: &Reason) -> Vec<String> {
    let details = &reason.details;
    let amount = |amount: &Option<Amount>| amount.as_ref().map(ToString::to_string);
    let fields = [
        ("about", details.subject.clone()),
        ("tenant", details.node.clone()),
        ("pool", details.pool.clone()),
        ("asked", amount(&details.asked)),
        ("free", amount(&details.free)),
        ("missing", amount(&details.missing)),
    ];
    let mut lines: Vec<String> = fields
        .iter()
        .filter_map(|(label, value)| value.as_ref().map(|value| format!("  {label:<12}{value}")))
        .collect();
    if let Some(until) = &details.until {
        lines.push(format!("  {:<12}{}", "until", output::instant(until)));
    }
    lines
}

fn placement(told: &Explanation) -> String {
    if told.placement.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(&["ROLE", "POOL", "NODE", "REPLICAS"]);
    for placed in &told.placement {
        let replicas = placed.replicas.to_string();
        grid.row(vec![
            placed.role.clone(),
            placed.pool.clone(),
            placed.node.clone(),
            replicas,
        ]);
    }
    format!("Placed on:\n{}", grid.text())
}

fn path(steps: &[PathStep]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let head = [
        "TENANT",
        "POOL",
        "NOMINAL",
        "EFFECTIVE",
        "USED",
        "AVAILABLE",
        "MAY BORROW",
    ];
    let mut grid = Grid::new(&head);
    for step in steps {
        let limit = step.borrowing_limit.as_ref();
        grid.row(vec![
            step.tenant.clone(),
            step.pool.clone(),
            step.nominal.to_string(),
            step.effective_nominal.to_string(),
            step.usage.to_string(),
            step.available.to_string(),
            limit.map_or_else(|| "no limit".to_owned(), ToString::to_string),
        ]);
    }
    format!(
        "Quota on the way to the root, in the pool's units:\n{}",
        grid.text()
    )
}

fn ahead(told: &Explanation) -> String {
    if told.ahead.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(&["PLACE", "TENANT", "JOB", "UNITS"]);
    for job in &told.ahead {
        let named = job.namespace.as_ref().zip(job.name.as_ref());
        grid.row(vec![
            job.position.to_string(),
            job.tenant.clone().unwrap_or_else(|| "others".to_owned()),
            named.map_or_else(
                || format!("{} jobs", job.jobs),
                |(namespace, name)| format!("{namespace}/{name}"),
            ),
            job.units.to_string(),
        ]);
    }
    let shown = told.ahead.iter().map(|line| line.jobs).sum::<u64>();
    let before = told.position_in_pool.unwrap_or(0).saturating_sub(1);
    let rest = match before.saturating_sub(shown) {
        0 => String::new(),
        rest => format!("and {rest} more\n"),
    };
    format!("Before it:\n{}{rest}", grid.text())
}

fn other_pools(reasons: &[Reason]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(&["POOL", "REASON", "MESSAGE"]);
    for reason in reasons {
        let pool = reason.details.pool.clone().unwrap_or_default();
        grid.row(vec![pool, reason.code.clone(), reason.message.clone()]);
    }
    format!("Other pools:\n{}", grid.text())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
