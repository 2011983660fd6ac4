//! What differs between the books and the objects, each with its evidence.
//!
//! Amounts, outcomes and numbers of attempts are copies, so they are equal or wrong. Instants
//! are compared with a tolerance of max(60 s, 0.5 %) of the charged time (domain §4.14), or
//! exactly, which means to the second that a machine stamps.

use std::collections::BTreeMap;

use edugrid_crds::job_status::{self, ATTEMPTS_MAX};
use edugrid_translate::stamp;
use edugrid_units::{AttemptKey, MicroYuan, Seconds, Stamp};
use serde::Serialize;

use super::{
    booked::{Attempt, Booked, Evidence},
    objects::{Gang, Job},
};
use crate::output;

/// The least tolerance.
const TOLERANCE: Seconds = Seconds(60);
/// The larger one, as a part of the charged time: one in so many, 0.5 %.
const TOLERANCE_PART: u64 = 200;
/// What the books wrote so short a real time ago may not stand in a status yet (A6).
const WRITES_PENDING: Seconds = Seconds(30);

/// How closely instants must agree.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    exact: bool,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The entry that says so; none where no entry knows of it.
    pub entry: Option<u64>,
    /// Its hash.
    pub hash: Option<String>,
    /// `namespace/name` of the job.
    pub job: String,
    /// Its UID.
    pub uid: String,
    /// The attempt.
    pub attempt: u32,
    /// What differs: `attempt`, `startedAt`, `finishedAt`, `outcome` or `charged`.
    pub field: String,
    /// What the books say.
    pub in_books: Option<String>,
    /// What the object says.
    pub in_object: Option<String>,
    /// The object and the field in it.
    pub object: String,
}

impl Measure {
    /// Exactly, or with the tolerance.
    pub fn new(exact: bool) -> Self {
        Self { exact }
    }

    /// Whether two instants agree; `granularity`: the whole seconds of who stamped one of them.
    fn agree(self, a: Stamp, b: Stamp, charged: Seconds, granularity: u32) -> bool {
        let apart = a.seconds().abs_diff(b.seconds());
        let grain = u64::from(granularity).saturating_sub(1);
        let allowed = if self.exact {
            0
        } else {
            TOLERANCE.0.max(charged.0 / TOLERANCE_PART)
        };
        apart <= allowed.max(grain)
    }
}

/// All differences, in the order of the books; after them what the books don't know. `asked`:
/// when the objects were read, in the books' time.
pub fn compare(
    booked: &Booked,
    jobs: &[Job],
    gangs: &BTreeMap<AttemptKey, Gang>,
    asked: Stamp,
    measure: Measure,
) -> Vec<Difference> {
    let by_uid: BTreeMap<&str, &Job> = jobs.iter().map(|job| (job.uid.as_str(), job)).collect();
    let mut found: Vec<Difference> = Vec::new();
    for (key, attempt) in &booked.attempts {
        let job = by_uid.get(key.job.as_str()).copied();
        let here = Here {
            key,
            attempt,
            factor: booked.factor(),
            asked,
            measure,
        };
        found.extend(here.with_status(job));
        if let Some(gang) = gangs.get(key) {
            found.extend(here.with_pods(gang));
        }
    }
    found.sort_by_key(|difference| difference.entry);
    // What an archived entry may know of is no difference.
    for job in jobs.iter().filter(|_| !booked.begins_later) {
        let unknown = job.attempts.iter().zip(0_usize..).filter(|(attempt, _)| {
            let key = AttemptKey {
                job: job.uid.as_str().into(),
                task: 0,
                attempt: number(attempt),
            };
            !booked.attempts.contains_key(&key)
        });
        found.extend(unknown.map(|(attempt, index)| unknown_attempt(job, attempt, index)));
    }
    found
}

fn number(attempt: &job_status::Attempt) -> u32 {
    u32::try_from(attempt.number).unwrap_or(0)
}

/// An attempt that a status names and the books never admitted.
fn unknown_attempt(job: &Job, attempt: &job_status::Attempt, index: usize) -> Difference {
    Difference {
        entry: None,
        hash: None,
        job: job.name.clone(),
        uid: job.uid.clone(),
        attempt: number(attempt),
        field: "attempt".to_owned(),
        in_books: None,
        in_object: Some(attempt.number.to_string()),
        object: format!("ComputeJob {}, status.attempts[{index}]", job.name),
    }
}

/// An attempt under comparison.
struct Here<'a> {
    key: &'a AttemptKey,
    attempt: &'a Attempt,
    /// The books' seconds in a real one.
    factor: u32,
    asked: Stamp,
    measure: Measure,
}

impl Here<'_> {
    fn with_status(&self, job: Option<&Job>) -> Vec<Difference> {
        let latest = self.latest();
        let told = |evidence: &Evidence| !self.is_pending(evidence);
        let Some(job) = job else {
            // What is settled stays in the books alone (A7).
            let lost = self.attempt.settled.is_none() && told(&latest);
            let object = format!("ComputeJob {}", self.attempt.job);
            let open = Some("open".to_owned());
            return Vec::from_iter(
                lost.then(|| self.difference(latest, "attempt", open, None, object)),
            );
        };
        let place = |attempt: &&job_status::Attempt| number(attempt) == self.key.attempt;
        let Some(index) = job.attempts.iter().position(|it| place(&it)) else {
            let oldest = job.attempts.first().map_or(0, number);
            let cut = job.attempts.len() >= usize::try_from(ATTEMPTS_MAX).unwrap_or(usize::MAX)
                && self.key.attempt < oldest;
            let missing = !cut && told(&self.attempt.admitted);
            let object = format!("ComputeJob {}, status.attempts", job.name);
            let in_books = Some(self.key.attempt.to_string());
            return Vec::from_iter(missing.then(|| {
                self.difference(self.attempt.admitted, "attempt", in_books, None, object)
            }));
        };
        let Some(status) = job.attempts.get(index) else {
            return Vec::new();
        };
        let object =
            |field: &str| format!("ComputeJob {}, status.attempts[{index}].{field}", job.name);
        self.fields(status)
            .into_iter()
            .filter(|(_, evidence, ..)| told(evidence))
            .map(|(field, evidence, in_books, in_object)| {
                self.difference(evidence, field, in_books, in_object, object(field))
            })
            .collect()
    }

    /// The fields of a status that say something else, each with the entry that it is about.
    fn fields(
        &self,
        status: &job_status::Attempt,
    ) -> Vec<(&'static str, Evidence, Option<String>, Option<String>)> {
        let (settled, last) = (&self.attempt.settled, self.latest());
        let mut found = Vec::new();
        let mut instants = |field, books: Option<Stamp>, object: Option<Stamp>, evidence| {
            let agree = match (books, object) {
                (Some(a), Some(b)) => self.measure.agree(a, b, self.charged(), 1),
                (None, None) => true,
                _ => false,
            };
            if !agree {
                found.push((field, evidence, books.map(spelled), object.map(spelled)));
            }
        };
        let started = self.attempt.started;
        let start_entry = started.map_or(last, |(_, evidence)| evidence);
        let in_status = status.started_at.as_ref().map(stamp);
        instants(
            "startedAt",
            started.map(|(at, _)| at),
            in_status,
            start_entry,
        );
        let ended = settled.as_ref().and_then(|(it, ..)| it.ended);
        instants(
            "finishedAt",
            ended,
            status.finished_at.as_ref().map(stamp),
            last,
        );
        let outcome = settled.as_ref().map(|(_, it, _)| it.as_str().to_owned());
        let in_status = status.outcome.as_ref().map(output::word_of);
        if outcome != in_status {
            found.push(("outcome", last, outcome, in_status));
        }
        let charged = settled.as_ref().map(|(it, ..)| it.charged);
        let in_status = status.charged.as_ref().map(|it| it.as_str().to_owned());
        let amount = in_status.as_deref().map(MicroYuan::parse_yuan);
        if charged.map(Ok) != amount {
            found.push(("charged", last, charged.map(|it| it.to_string()), in_status));
        }
        found
    }

    fn with_pods(&self, gang: &Gang) -> Vec<Difference> {
        let mut found = Vec::new();
        // Of a gang that is there in part, the pod that was last may be gone.
        if gang.pods < self.attempt.replicas {
            return found;
        }
        let mut instants = |field, books: Stamp, pods: Stamp, evidence, pod: &String, what| {
            if !self.measure.agree(books, pods, self.charged(), self.factor) {
                let object = format!("Pod {pod}, {what}");
                let (a, b) = (Some(spelled(books)), Some(spelled(pods)));
                found.push(self.difference(evidence, field, a, b, object));
            }
        };
        if let (Some((books, evidence)), Some((pods, pod))) =
            (self.attempt.started, &gang.scheduled)
        {
            // A stamp has whole seconds, so it may lie before the decision it follows from.
            let pods = (*pods).max(Stamp::from_seconds(self.attempt.decided.seconds()));
            instants("startedAt", books, pods, evidence, pod, "PodScheduled");
        }
        if let (Some((settlement, _, evidence)), Some((pods, pod))) =
            (&self.attempt.settled, &gang.finished)
            && let (Some(started), Some(books)) = (settlement.started, settlement.ended)
        {
            // What runs beyond its walltime is not charged (T1).
            let pods = (*pods)
                .min(started.after(self.attempt.walltime))
                .max(started);
            instants("finishedAt", books, pods, *evidence, pod, "finishedAt");
        }
        found
    }

    fn difference(
        &self,
        evidence: Evidence,
        field: &str,
        in_books: Option<String>,
        in_object: Option<String>,
        object: String,
    ) -> Difference {
        Difference {
            entry: Some(evidence.entry),
            hash: Some(evidence.hash.to_string()),
            job: self.attempt.job.clone(),
            uid: self.key.job.to_string(),
            attempt: self.key.attempt,
            field: field.to_owned(),
            in_books,
            in_object,
            object,
        }
    }

    /// The entry that said last how the attempt stands.
    fn latest(&self) -> Evidence {
        match (&self.attempt.settled, self.attempt.started) {
            (Some((_, _, evidence)), _) => *evidence,
            (None, Some((_, evidence))) => evidence,
            (None, None) => self.attempt.admitted,
        }
    }

    fn charged(&self) -> Seconds {
        let settled = self.attempt.settled.as_ref();
        settled.map_or(self.attempt.walltime, |(it, ..)| Seconds(it.seconds))
    }

    /// Whether an entry is so new that its status may still be on its way.
    fn is_pending(&self, evidence: &Evidence) -> bool {
        let span = WRITES_PENDING.0.saturating_mul(u64::from(self.factor));
        evidence.at > self.asked.before(Seconds(span))
    }
}

fn spelled(at: Stamp) -> String {
    match k8s_openapi::jiff::Timestamp::from_second(at.seconds()) {
        Ok(time) => time.to_string(),
        Err(_) => at.seconds().to_string(),
    }
}
