//! `explain`: why a job waits, with the numbers that would change it, or where it runs.

use edugrid_crds::visibility::{Ahead, EXPLANATIONS, Explanation, PathStep, Reason};

use crate::{
    arguments::{Explain, Format},
    cluster::{Cluster, Wanted},
    duration,
    failure::{Elsewhere, Failure},
    grid::{Cell, Grid, folded, padded},
    look::{Look, Tone},
    output::{self, Page},
    queue, reasons, sentences, watch,
    words::{Word, value},
};

/// Columns that labels take.
const LABEL_WIDTH: usize = 14;

/// Shows one job.
///
/// # Errors
/// If it can't be read or isn't there.
pub async fn run(cluster: &Cluster, asked: &Explain, look: Look) -> Result<(), Failure> {
    let look = look.wide(asked.output == Format::Wide);
    let wanted = Wanted {
        resource: &EXPLANATIONS,
        namespace: Some(&cluster.namespace),
        name: Some(&asked.job),
        role: "edugrid-user",
        elsewhere: Elsewhere::Finished,
    };
    watch::show(&asked.watch, look, async || {
        let told: Explanation = cluster.read(wanted).await?;
        Ok(match asked.output {
            Format::Table | Format::Wide => Page::aged(text(&told, look), &told.age, look),
            Format::Json => Page::json(&told)?,
            Format::Yaml => Page::yaml(&told)?,
        })
    })
    .await
}

/// The explanation in paragraphs; each stands only if there is something to say.
fn text(told: &Explanation, look: Look) -> String {
    let paragraphs = [
        head(told, look),
        placement(told, look),
        path(&told.path, look),
        ahead(told, look),
        other_pools(&told.other_pools, look),
    ];
    let paragraphs = paragraphs.into_iter().filter(|text| !text.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

fn head(told: &Explanation, look: Look) -> String {
    let language = look.language;
    let name = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, job) = (name(&told.metadata.namespace), name(&told.metadata.name));
    let phase = look.paint(
        queue::tone(told.phase),
        value(language, told.phase.as_str()),
    );
    let since = told
        .since
        .as_ref()
        .map(|since| duration::between(since, &told.age.as_of));
    let mut lines = vec![match since {
        Some(span) => sentences::standing(language, &namespace, &job, &phase, &span),
        None => sentences::standing_now(language, &namespace, &job, &phase),
    }];
    if let Some(reason) = &told.reason {
        lines.extend(why(reason, look));
    }
    let mut field = |word: Word, said: Option<String>| {
        if let Some(said) = said {
            lines.push(line(look, word, &said));
        }
    };
    field(Word::Tenant, told.tenant.clone());
    let place = |place| match told.waiting_in_pool {
        Some(all) => sentences::place_of(language, place, all),
        None => sentences::place(language, place),
    };
    field(Word::Position, told.position_in_pool.map(place));
    let in_tenant = told.position_in_tenant.map(|place| place.to_string());
    field(Word::PositionInTenant, in_tenant.filter(|_| look.wide));
    let attempts = Some(told.attempts).filter(|attempts| *attempts > 0);
    field(Word::Attempt, attempts.map(|attempts| attempts.to_string()));
    field(
        Word::Walltime,
        told.walltime.as_ref().map(ToString::to_string),
    );
    let cost = told.highest_cost.as_ref();
    field(
        Word::CostAtMost,
        cost.map(|cost| sentences::yuan(language, cost.as_str())),
    );
    lines.join("\n") + "\n"
}

/// The reason, and what would help.
fn why(reason: &Reason, look: Look) -> Vec<String> {
    let language = look.language;
    let mut lines = vec![format!(
        "{} {}",
        look.paint(Tone::Wait, &padded(&reason.code, LABEL_WIDTH - 1)),
        folded(reasons::sentence(reason, language)),
    )];
    if let Some(way_out) = reasons::way_out(reason, language) {
        lines.push(sentences::way_out(language, way_out));
    }
    if let Some(until) = &reason.details.until {
        lines.push(line(look, Word::Until, &output::instant(until)));
    }
    lines
}

fn line(look: Look, word: Word, said: &str) -> String {
    format!("{}{said}", padded(&word.label(look.language), LABEL_WIDTH))
}

fn placement(told: &Explanation, look: Look) -> String {
    if told.placement.is_empty() {
        return String::new();
    }
    let heads = [Word::Role, Word::Pool, Word::Node, Word::Replicas];
    let mut grid = Grid::new(look, &heads);
    for placed in &told.placement {
        grid.row(vec![
            placed.role.as_str().into(),
            placed.pool.as_str().into(),
            placed.node.as_str().into(),
            placed.replicas.to_string().into(),
        ]);
    }
    let title = sentences::placed_on(look.language);
    format!("{title}\n{}", grid.text())
}

fn path(steps: &[PathStep], look: Look) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let heads = [
        Word::Tenant,
        Word::Pool,
        Word::Nominal,
        Word::Effective,
        Word::Used,
        Word::Borrowed,
        Word::Available,
        Word::MayBorrow,
        Word::Average,
        Word::Share,
    ];
    let mut grid = Grid::new(look, &heads);
    for step in steps {
        let limit = step.borrowing_limit.as_ref().map(ToString::to_string);
        let limit = limit.unwrap_or_else(|| sentences::no_limit(look.language));
        grid.row(vec![
            step.tenant.as_str().into(),
            step.pool.as_str().into(),
            step.nominal.to_string().into(),
            step.effective_nominal.to_string().into(),
            step.usage.to_string().into(),
            step.borrowed.to_string().into(),
            available(&step.available.to_string()),
            limit.into(),
            step.average_borrowed.to_string().into(),
            step.share.to_string().into(),
        ]);
    }
    let title = sentences::quota_on_path(look.language);
    format!("{title}\n{}", grid.text())
}

/// What is available; below nothing after a cut (Q3).
pub fn available(amount: &str) -> Cell {
    let tone = if amount.starts_with('-') {
        Tone::Bad
    } else {
        Tone::Plain
    };
    Cell::toned(tone, amount)
}

fn ahead(told: &Explanation, look: Look) -> String {
    if told.ahead.is_empty() {
        return String::new();
    }
    let heads = [
        Word::Position,
        Word::Tenant,
        Word::Job,
        Word::Jobs,
        Word::Units,
    ];
    let mut grid = Grid::new(look, &heads);
    for job in &told.ahead {
        let tenant = job.tenant.clone();
        grid.row(vec![
            job.position.to_string().into(),
            tenant
                .unwrap_or_else(|| sentences::others(look.language))
                .into(),
            named(job).into(),
            job.jobs.to_string().into(),
            job.units.to_string().into(),
        ]);
    }
    let shown = told
        .ahead
        .iter()
        .fold(0_u64, |sum, line| sum.saturating_add(line.jobs));
    let before = told.position_in_pool.unwrap_or(0).saturating_sub(1);
    let rest = match before.saturating_sub(shown) {
        0 => String::new(),
        rest => sentences::and_more(look.language, rest) + "\n",
    };
    let title = sentences::before_it(look.language);
    format!("{title}\n{}{rest}", grid.text())
}

/// The job's name, where the reader may know it.
fn named(ahead: &Ahead) -> String {
    match (&ahead.namespace, &ahead.name) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => String::new(),
    }
}

fn other_pools(others: &[Reason], look: Look) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(look, &[Word::Pool, Word::Reason, Word::Message]);
    for reason in others {
        grid.row(vec![
            reason.details.pool.clone().unwrap_or_default().into(),
            reason.code.as_str().into(),
            reasons::sentence(reason, look.language).into(),
        ]);
    }
    let title = sentences::other_pools(look.language);
    format!("{title}\n{}", grid.text())
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
