//! `submit`: tries jobs as strictly as the cluster can, says what they cost at most, and creates
//! them, all or none.
//!
//! Flow: read every document; try every job and every template of it by dry runs; only if
//! nothing is refused, create them in the order of the files. Between trial and creation
//! somebody else may take a name: then what was created is told.

mod estimate;
mod manifest;
mod trial;

use std::fmt;

use edugrid_units::{Language, Stamp};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::{Connection, Format, Submit},
    cluster::Cluster,
    failure::Failure,
    grid::{Grid, folded},
    look::{Look, Tone},
    output, sentences,
    words::Word,
};
use estimate::{Catalogue, Estimate};
use manifest::Manifest;
use trial::Tried;

/// What is wrong with a job, in the field that has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, and which of its documents.
    pub source: String,
    /// The job, where it has a name.
    pub job: Option<String>,
    /// The field's path, where one is known.
    pub field: Option<String>,
    /// What is wrong and how it should be.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        for part in [&self.job, &self.field].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", folded(&self.what))
    }
}

/// A job that was tried, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    namespace: String,
    name: String,
    /// Whether it stands in the cluster; not after a dry run.
    created: bool,
    /// Whether the API server has tried its templates.
    templates_tried: bool,
    /// What it costs at most in each pool that could hold it; empty where that isn't known.
    estimates: Vec<Estimate>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    dry_run: bool,
    jobs: Vec<Submitted>,
    /// Whether pools and prices could be read.
    prices_known: bool,
}

/// Tries jobs and creates them.
///
/// # Errors
/// If a file can't be read, a job is refused (then none is created), or the cluster can't be
/// asked.
pub async fn run(connection: &Connection, asked: &Submit, look: Look) -> Result<(), Failure> {
    let look = look.wide(asked.output == Format::Wide);
    let manifests = manifest::read(&asked.files, look.language)?;
    let cluster = Cluster::connect(connection).await?;
    let manifests = manifest::placed(
        manifests,
        &cluster.namespace,
        connection.namespace.is_some(),
        look.language,
    )?;
    let tried = try_all(&cluster, &manifests, look.language).await?;
    let catalogue = Catalogue::read(&cluster).await?;
    let now = now(&cluster, &manifests).await;
    let submitted = tried.iter().map(|tried| Submitted {
        namespace: tried.namespace.clone(),
        name: tried.name.clone(),
        created: false,
        templates_tried: tried.templates_tried,
        estimates: catalogue
            .as_ref()
            .map(|catalogue| catalogue.estimate(&tried.spec, now))
            .unwrap_or_default(),
    });
    let mut submission = Submission {
        dry_run: asked.dry_run,
        jobs: submitted.collect(),
        prices_known: catalogue.is_some(),
    };
    let created = if asked.dry_run {
        Ok(())
    } else {
        create(&cluster, &manifests, &mut submission.jobs).await
    };
    output::print(&match asked.output {
        Format::Table | Format::Wide => text(&submission, look),
        Format::Json => output::json(&submission)?,
        Format::Yaml => output::yaml(&submission)?,
    })?;
    created
}

/// Tries every job, so that all that is wrong is told at once.
async fn try_all(
    cluster: &Cluster,
    manifests: &[Manifest],
    language: Language,
) -> Result<Vec<Tried>, Failure> {
    let (mut tried, mut problems, mut refused) = (Vec::new(), Vec::new(), 0_usize);
    for manifest in manifests {
        match trial::run(cluster, manifest, language).await? {
            Ok(fine) => tried.push(fine),
            Err(found) => {
                refused += 1;
                problems.extend(found);
            }
        }
    }
    if refused == 0 {
        return Ok(tried);
    }
    Err(Failure::Submission {
        jobs: manifests.len(),
        refused,
        problems,
    })
}

async fn create(
    cluster: &Cluster,
    manifests: &[Manifest],
    jobs: &mut [Submitted],
) -> Result<(), Failure> {
    for (created, (manifest, job)) in manifests.iter().zip(jobs.iter_mut()).enumerate() {
        match trial::create(cluster, manifest).await {
            Ok(name) => {
                job.name = name;
                job.created = true;
            }
            Err(cause) if created == 0 => return Err(cause),
            Err(cause) => {
                return Err(Failure::Midway {
                    created,
                    jobs: manifests.len(),
                    cause: Box::new(cause),
                });
            }
        }
    }
    Ok(())
}

/// Now, by the clock that prices jobs: the operator's, which may be virtual (N5); where it can't
/// be asked, this machine's.
async fn now(cluster: &Cluster, manifests: &[Manifest]) -> Stamp {
    let told = match manifests.first() {
        Some(first) => crate::queue::clock(cluster, &first.namespace).await,
        None => None,
    };
    let seconds = told.map_or_else(|| Timestamp::now().as_second(), |time| time.0.as_second());
    Stamp::from_seconds(seconds)
}

fn text(submission: &Submission, look: Look) -> String {
    let language = look.language;
    let mut paragraphs = Vec::new();
    if submission.prices_known {
        let grid = costs(&submission.jobs, look);
        if !grid.is_empty() {
            let bound = sentences::cost_bound(language);
            paragraphs.push(format!("{}{bound}\n", grid.text()));
        }
        let mut unpriced = String::new();
        for job in submission
            .jobs
            .iter()
            .filter(|job| job.estimates.is_empty())
        {
            let name = format!("{}/{}", job.namespace, job.name);
            unpriced += &(sentences::no_pool_known(language, &name) + "\n");
        }
        if !unpriced.is_empty() {
            paragraphs.push(unpriced);
        }
    } else {
        paragraphs.push(sentences::prices_unknown(language) + "\n");
    }
    if submission.jobs.iter().any(|job| !job.templates_tried) {
        let aside = sentences::templates_not_tried(language);
        paragraphs.push(look.paint(Tone::Wait, &aside) + "\n");
    }
    let done = submission.jobs.iter().filter_map(|job| {
        let name = format!("computejob.edugrid.io/{} -n {}", job.name, job.namespace);
        match (job.created, submission.dry_run) {
            (true, _) => Some(sentences::created(language, &name) + "\n"),
            (false, true) => Some(sentences::would_be_created(language, &name) + "\n"),
            (false, false) => None,
        }
    });
    paragraphs.push(done.collect());
    paragraphs.join("\n")
}

/// A line for the dearest pool of each job; with `-o wide` for every pool.
fn costs(jobs: &[Submitted], look: Look) -> Grid {
    let heads = [
        Word::Job,
        Word::Pool,
        Word::Units,
        Word::Walltime,
        Word::Rate,
        Word::CostAtMost,
    ];
    let mut grid = Grid::new(look, &heads);
    for job in jobs {
        let name = format!("{}/{}", job.namespace, job.name);
        let dearest = job.estimates.iter().max_by_key(|it| it.order());
        let shown = job
            .estimates
            .iter()
            .filter(|it| look.wide || dearest == Some(*it));
        for estimate in shown {
            let unpriced = || sentences::no_price(look.language);
            grid.row(vec![
                name.as_str().into(),
                estimate.pool.as_str().into(),
                estimate.units.as_str().into(),
                estimate.walltime.as_str().into(),
                estimate
                    .rate_per_unit_hour
                    .clone()
                    .unwrap_or_default()
                    .into(),
                estimate
                    .cost_at_most
                    .clone()
                    .unwrap_or_else(unpriced)
                    .into(),
            ]);
        }
    }
    grid
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
