//! Jobs of many kinds that come, are held, resumed, cancelled and deleted while faults happen, chosen by a seed; and what
//! must have become of each. It must not know the faults.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::{cluster::annotations, installation::OPERATOR};

use crate::{
    Province,
    audit::Audit,
    door::{Door, Person, Request},
    seeds::Random,
    wait_within,
};

/// The longest that a pod runs, in seconds.
const SECONDS_MAX: u64 = 10;
/// How long all of them together may take to their ends, once no more come.
const END_LIMIT: Duration = Duration::from_secs(300);

/// Where somebody submits.
#[derive(Clone, Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: &'static str,
    /// Who.
    pub user: &'static str,
    /// By which group.
    pub group: &'static str,
    /// The class of the jobs.
    pub class: &'static str,
}

/// The college of the example.
pub const COLLEGE: Place = Place {
    namespace: "sdu-cs",
    user: "alice",
    group: "sdu-cs-users",
    class: "standard",
};

/// The university that borrows, with a class that is stopped first.
pub const BORROWER: Place = Place {
    namespace: "lnu",
    user: "bob",
    group: "lnu-users",
    class: "scavenger",
};

/// What its user wants of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Run,
    Hold,
    Cancel,
    Gone,
}

#[derive(Clone, Debug)]
struct Planned {
    place: Place,
    name: String,
    fails: bool,
    wish: Wish,
}

/// See the module.
pub struct Load {
    door: Door,
    random: Random,
    jobs: Vec<Planned>,
}

impl Load {
    /// No job yet.
    ///
    /// # Errors
    /// If there is no way into the cluster.
    pub fn new(province: &Province, random: Random) -> Result<Self> {
        Ok(Self {
            door: Door::open(province.cluster())?,
            random,
            jobs: Vec::new(),
        })
    }

    /// How many jobs were submitted.
    pub fn submitted(&self) -> usize {
        self.jobs.len()
    }

    /// Submits one more: alone, a gang of two roles, one that fails and is tried again, with one or two replicas.
    ///
    /// # Errors
    /// If it is refused.
    pub fn submit(&mut self, place: &Place) -> Result<()> {
        let name = format!("job-{}", self.jobs.len());
        let fails = self.random.below(6) == 0;
        let mut roles = vec![self.role("worker", fails)];
        if self.random.below(3) == 0 {
            roles.push(self.role("server", false));
        }
        let job = json!({
            "apiVersion": "edugrid.io/v1alpha1",
            "kind": "ComputeJob",
            "metadata": {"namespace": place.namespace, "name": name},
            "spec": {"walltime": "1h", "class": place.class, "retries": 1, "roles": roles},
        });
        let path = path(place.namespace, "");
        let answer = self.door.ask(&person(place), &Request::post(&path, &job))?;
        // A create that is said again after a lost answer meets its own object.
        ensure!(
            answer.is_done() || answer.status == 409,
            "{}",
            answer.words()
        );
        self.jobs.push(Planned {
            place: place.clone(),
            name,
            fails,
            wish: Wish::Run,
        });
        Ok(())
    }

    fn role(&mut self, name: &str, fails: bool) -> Value {
        let seconds = format!("{}s", 1 + self.random.below(SECONDS_MAX));
        let exit = if fails { "1" } else { "0" };
        json!({
            "name": name,
            "replicas": 1 + self.random.below(2),
            "cards": 1 + self.random.below(2),
            "template": {
                "metadata": {"annotations": {annotations::RUN_FOR: seconds, annotations::EXIT_CODE: exit}},
                "spec": {"containers": [{"name": "main", "image": "registry.example.edu/train:1"}]},
            },
        })
    }

    /// Somebody changes his mind about one of the last few jobs: holds, resumes, cancels or deletes it.
    ///
    /// # Errors
    /// If it is refused.
    pub fn stir(&mut self) -> Result<()> {
        let Some(back) = (self.jobs.len() as u64).min(8).checked_sub(1) else {
            return Ok(());
        };
        let back = usize::try_from(self.random.below(back + 1))?;
        let index = self.jobs.len() - 1 - back;
        let wish = match (self.jobs[index].wish, self.random.below(4)) {
            (Wish::Cancel | Wish::Gone, _) => return Ok(()),
            (Wish::Hold, _) => Wish::Run,
            (Wish::Run, 0) => Wish::Cancel,
            (Wish::Run, 1) => Wish::Gone,
            (Wish::Run, _) => Wish::Hold,
        };
        self.change(index, wish)
    }

    fn change(&mut self, index: usize, wish: Wish) -> Result<()> {
        let job = &mut self.jobs[index];
        let path = path(job.place.namespace, &job.name);
        let state = match wish {
            Wish::Run => "Run",
            Wish::Hold => "Hold",
            Wish::Cancel => "Cancel",
            Wish::Gone => "",
        };
        let patch = json!({"spec": {"state": state}});
        let request = match wish {
            Wish::Gone => Request {
                method: "DELETE",
                ..Request::get(&path)
            },
            _ => Request {
                method: "PATCH",
                path: &path,
                content_type: "application/merge-patch+json",
                body: Some(&patch),
            },
        };
        let answer = self.door.ask(&person(&job.place), &request)?;
        let is_gone = wish == Wish::Gone && answer.status == 404;
        ensure!(
            answer.is_done() || is_gone,
            "{} {wish:?}: {}",
            job.name,
            answer.words()
        );
        job.wish = wish;
        Ok(())
    }

    /// Resumes what is held, and waits until every job has come to its end.
    ///
    /// # Errors
    /// If one does not come to it; with what it came to.
    pub fn finish(&mut self, province: &Province) -> Result<()> {
        for index in 0..self.jobs.len() {
            if self.jobs[index].wish == Wish::Hold {
                self.change(index, Wish::Run)?;
            }
        }
        let deadline = Instant::now() + END_LIMIT;
        for job in self.jobs.iter().filter(|job| job.wish != Wish::Gone) {
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = wait_within(left, &format!("{} to end", job.name), || {
                let now = province.job(job.place.namespace, &job.name)?;
                let phase = now["status"]["phase"].as_str().unwrap_or("");
                Ok(job.ends().contains(&phase))
            });
            ended.with_context(|| stuck(province, job))?;
        }
        Ok(())
    }

    /// The audit that knows what must have become of each job.
    pub fn audit(&self) -> Audit {
        let stays = self.jobs.iter().filter(|job| job.wish != Wish::Gone);
        stays.fold(Audit::default(), |audit, job| {
            audit.ends(job.place.namespace, &job.name, &job.ends())
        })
    }
}

impl Planned {
    /// The phases in which it may end: whoever cancels may come too late.
    fn ends(&self) -> Vec<&'static str> {
        let natural = if self.fails { "Failed" } else { "Succeeded" };
        match self.wish {
            Wish::Cancel => vec!["Cancelled", natural],
            _ => vec![natural],
        }
    }
}

/// All that is told of a job that does not come to its end.
fn stuck(province: &Province, job: &Planned) -> String {
    let (namespace, name) = (format!("--namespace={}", job.place.namespace), &job.name);
    let explained = province
        .edugrid
        .edugrid(job.place.user, &["explain", name, &namespace]);
    let words = explained
        .map(|it| [it.stdout, it.stderr].concat())
        .unwrap_or_default();
    let object = province.job(job.place.namespace, name).unwrap_or_default();
    let log = province.cluster().log_tail(OPERATOR, 20);
    format!("{object:#}\n{}\n{log}", String::from_utf8_lossy(&words))
}

fn person(place: &Place) -> Person {
    Person {
        user: place.user.to_owned(),
        groups: vec![place.group.to_owned(), "system:authenticated".to_owned()],
    }
}

fn path(namespace: &str, name: &str) -> String {
    let all = format!("/apis/edugrid.io/v1alpha1/namespaces/{namespace}/computejobs");
    match name {
        "" => all,
        name => format!("{all}/{name}"),
    }
}
