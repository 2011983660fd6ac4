//! `queue`: who runs, who waits, and why.

use edugrid_crds::visibility::{QUEUED_JOBS, QueuePhase, QueuedJob, QueuedJobList};

use crate::{
    arguments::{Format, Queue},
    cluster::{Cluster, Wanted},
    duration,
    failure::Failure,
    grid::Grid,
    output,
};

/// Shows the queue of a namespace, or of all.
///
/// # Errors
/// If it can't be read.
pub async fn run(cluster: &Cluster, asked: &Queue) -> Result<(), Failure> {
    let namespace = (!asked.all_namespaces).then_some(cluster.namespace.as_str());
    let list: QueuedJobList = cluster
        .read(Wanted {
            resource: &QUEUED_JOBS,
            namespace,
            name: None,
            role: if asked.all_namespaces {
                "edugrid-operator-admin"
            } else {
                "edugrid-user"
            },
            elsewhere: "name a namespace with -n, or all with -A",
        })
        .await?;
    output::print(&match asked.output {
        Format::Table => table(&list, namespace),
        Format::Json => output::json(&list)?,
        Format::Yaml => output::yaml(&list)?,
    })
}

fn table(list: &QueuedJobList, namespace: Option<&str>) -> String {
    let stated = output::stated(&list.age);
    if list.items.is_empty() {
        let place = namespace.map_or_else(String::new, |name| format!(" in namespace {name}"));
        return format!("No unfinished jobs{place}, {stated}.\n");
    }
    let mut head = vec!["NAMESPACE"; usize::from(namespace.is_none())];
    head.extend([
        "NAME", "PHASE", "REASON", "TENANT", "POOL", "UNITS", "POSITION", "WAITING", "MESSAGE",
    ]);
    let mut grid = Grid::new(&head);
    for job in &list.items {
        let mut cells = Vec::new();
        if namespace.is_none() {
            cells.push(job.metadata.namespace.clone().unwrap_or_default());
        }
        cells.extend(line(job));
        grid.row(cells);
    }
    let left_out = list
        .metadata
        .remaining_item_count
        .filter(|count| *count > 0);
    let left_out = left_out.map_or_else(String::new, |count| format!(", {count} more not shown"));
    let count = match list.items.len() {
        1 => "1 job".to_owned(),
        count => format!("{count} jobs"),
    };
    format!("{}\n{count} {stated}{left_out}.\n", grid.text())
}

fn line(job: &QueuedJob) -> [String; 9] {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let waits = job.phase == QueuePhase::Waiting;
    let since = job.waiting_since.as_ref().filter(|_| waits);
    [
        text(&job.metadata.name),
        job.phase.as_str().to_owned(),
        text(&job.reason),
        text(&job.tenant),
        text(&job.pool),
        job.units
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        job.position_in_pool
            .map(|place| place.to_string())
            .unwrap_or_default(),
        since
            .map(|since| duration::between(since, &job.age.as_of))
            .unwrap_or_default(),
        text(&job.message),
    ]
}

#[cfg(test)]
mod tests {
    use edugrid_crds::visibility::{Age, VirtualClock};
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse::<Timestamp>().unwrap())
    }

    fn list() -> QueuedJobList {
        let age = Age {
            as_of: at("2026-11-22T08:00:00Z"),
            clock: None,
        };
        let mut waiting = QueuedJob::new(age.clone(), "sdu-cs", "resnet", QueuePhase::Waiting);
        waiting.reason = Some("QuotaExceeded".into());
        waiting.message = Some("not enough quota is free, missing 24".into());
        waiting.tenant = Some("sdu-cs".into());
        waiting.pool = Some("a100".into());
        waiting.units = Some("32".into());
        waiting.position_in_pool = Some(3);
        waiting.waiting_since = Some(at("2026-11-22T05:48:00Z"));
        let mut running = QueuedJob::new(age.clone(), "sdu-cs", "bert", QueuePhase::Running);
        running.pool = Some("a100".into());
        running.waiting_since = Some(at("2026-11-22T05:00:00Z"));
        QueuedJobList::new(age, vec![running, waiting])
    }

    #[test]
    fn a_queue_of_one_namespace() {
        assert_eq!(
            table(&list(), Some("sdu-cs")),
            "\
NAME     PHASE     REASON          TENANT   POOL   UNITS   POSITION   WAITING   MESSAGE
bert     Running                            a100
resnet   Waiting   QuotaExceeded   sdu-cs   a100   32      3          2h12m     \
not enough quota is free, missing 24

2 jobs as of 2026-11-22T08:00:00Z.
",
        );
    }

    #[test]
    fn a_queue_of_all_namespaces_says_what_it_lacks_and_whose_time_it_is() {
        let mut list = list();
        list.metadata.remaining_item_count = Some(7);
        list.age.clock = Some(VirtualClock {
            origin: at("2026-11-01T00:00:00Z"),
            factor: 60,
        });
        let text = table(&list, None);
        assert!(text.starts_with("NAMESPACE   NAME     PHASE"), "{text}");
        assert!(text.contains("\nsdu-cs      resnet   Waiting"), "{text}");
        assert!(
            text.ends_with(
                "2 jobs as of 2026-11-22T08:00:00Z by a virtual clock, 60 times real time since \
                 2026-11-01T00:00:00Z, 7 more not shown.\n"
            ),
            "{text}",
        );
    }

    #[test]
    fn an_empty_queue() {
        let list = QueuedJobList::new(list().age, Vec::new());
        assert_eq!(
            table(&list, Some("sdu-cs")),
            "No unfinished jobs in namespace sdu-cs, as of 2026-11-22T08:00:00Z.\n",
        );
    }
}
