//! `queue`: who runs, who waits, and why.

use edugrid_crds::visibility::{QUEUED_JOBS, QueuePhase, QueuedJob, QueuedJobList};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    arguments::{Format, Queue},
    cluster::{Cluster, Wanted},
    duration,
    failure::{Elsewhere, Failure},
    grid::{Cell, Grid},
    look::{Look, Tone},
    output::Page,
    reasons, sentences, watch,
    words::{Word, value},
};

/// Shows the queue of a namespace, or of all.
///
/// # Errors
/// If it can't be read.
pub async fn run(cluster: &Cluster, asked: &Queue, look: Look) -> Result<(), Failure> {
    let look = look.wide(asked.output == Format::Wide);
    let namespace = (!asked.all_namespaces).then_some(cluster.namespace.as_str());
    let wanted = wanted(namespace);
    let most = Some(asked.limit).filter(|most| *most > 0);
    watch::show(&asked.watch, look, async || {
        let list: QueuedJobList = cluster.read_list(wanted, most).await?;
        Ok(match asked.output {
            Format::Table | Format::Wide => {
                Page::aged(table(&list, namespace, look), &list.age, look)
            }
            Format::Json => Page::json(&list)?,
            Format::Yaml => Page::yaml(&list)?,
        })
    })
    .await
}

/// The operator's time, if it can be asked there: the smallest answer that has one.
pub async fn clock(cluster: &Cluster, namespace: &str) -> Option<Time> {
    let wanted = wanted(Some(namespace));
    let list = cluster.read_list::<QueuedJobList>(wanted, Some(1)).await;
    list.ok().map(|list| list.age.as_of)
}

fn wanted(namespace: Option<&str>) -> Wanted<'_> {
    Wanted {
        resource: &QUEUED_JOBS,
        namespace,
        name: None,
        role: match namespace {
            Some(_) => "edugrid-user",
            None => "edugrid-operator-admin",
        },
        elsewhere: Elsewhere::Namespaces,
    }
}

/// The tone in which a phase is told.
pub fn tone(phase: QueuePhase) -> Tone {
    match phase {
        QueuePhase::Waiting => Tone::Wait,
        QueuePhase::Admitted | QueuePhase::Running => Tone::Good,
    }
}

/// A column: its head, and what stands in it for a job.
type Column = (Word, fn(&QueuedJob, Look) -> Cell);

const COLUMNS: [Column; 8] = [
    (Word::Job, |job, _| text(&job.metadata.name)),
    (Word::Phase, |job, look| {
        Cell::toned(tone(job.phase), value(look.language, job.phase.as_str()))
    }),
    (Word::Reason, |job, _| text(&job.reason)),
    (Word::Tenant, |job, _| text(&job.tenant)),
    (Word::Pool, |job, _| text(&job.pool)),
    (Word::Units, |job, _| number(job.units.as_ref())),
    (Word::Position, |job, _| number(job.position_in_pool)),
    (Word::WaitingFor, |job, _| waiting_for(job)),
];
/// What stands before the message with `-o wide`.
const MORE_COLUMNS: [Column; 5] = [
    (Word::PositionInTenant, |job, _| {
        number(job.position_in_tenant)
    }),
    (Word::Class, |job, _| text(&job.class)),
    (Word::Tier, |job, look| {
        Cell::from(value(
            look.language,
            job.tier.as_deref().unwrap_or_default(),
        ))
    }),
    (Word::Submitter, |job, _| text(&job.submitter)),
    (Word::Held, |job, _| number(job.held.as_ref())),
];
const MESSAGE: Column = (Word::Message, |job, look| {
    let english = job.message.as_deref().unwrap_or_default();
    Cell::from(reasons::said(
        look.language,
        english,
        job.message_zh.as_ref(),
    ))
});

fn columns(look: Look, everywhere: bool) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    if everywhere {
        columns.push((Word::Namespace, |job, _| text(&job.metadata.namespace)));
    }
    columns.extend(COLUMNS);
    if look.wide {
        columns.extend(MORE_COLUMNS);
    }
    columns.push(MESSAGE);
    columns
}

fn text(field: &Option<String>) -> Cell {
    Cell::from(field.clone().unwrap_or_default())
}

fn number(field: Option<impl ToString>) -> Cell {
    Cell::from(field.map(|number| number.to_string()).unwrap_or_default())
}

fn waiting_for(job: &QueuedJob) -> Cell {
    let waits = job.phase == QueuePhase::Waiting;
    let since = job.waiting_since.as_ref().filter(|_| waits);
    number(since.map(|since| duration::between(since, &job.age.as_of)))
}

fn table(list: &QueuedJobList, namespace: Option<&str>, look: Look) -> String {
    let language = look.language;
    if list.items.is_empty() {
        let said = match namespace {
            Some(name) => sentences::no_jobs(language, name),
            None => sentences::no_jobs_anywhere(language),
        };
        return said + "\n";
    }
    let columns = columns(look, namespace.is_none());
    let heads: Vec<Word> = columns.iter().map(|(head, _)| *head).collect();
    let mut grid = Grid::new(look, &heads);
    for job in &list.items {
        grid.row(columns.iter().map(|(_, cell)| cell(job, look)).collect());
    }
    let left_out = list.metadata.remaining_item_count;
    let below = match left_out.filter(|count| *count > 0) {
        Some(more) => sentences::jobs_and_more(language, list.items.len(), more),
        None => sentences::jobs(language, list.items.len()),
    };
    format!("{}\n{below}\n", grid.text())
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
