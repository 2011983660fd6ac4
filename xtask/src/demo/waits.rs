//! Adds up who waited how long for what reason: between two looks at the queue, every job that
//! waits is taken to have waited for the reason that the later one shows. It must not know what is
//! made of it.

use std::collections::BTreeMap;

use edugrid_crds::visibility::QueuePhase;
use jiff::Timestamp;

use super::window::View;

/// Reasons that a job's own user makes.
const USERS_OWN: [&str; 2] = ["Held", "NotBefore"];

/// What one job waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Virtual seconds by the reason's code.
    pub seconds: BTreeMap<String, u64>,
    /// The sentence that was told last for the code that it waited for longest, English and Chinese.
    pub sentence: [String; 2],
}

impl Wait {
    /// All of it, in virtual seconds.
    pub fn total(&self) -> u64 {
        self.seconds.values().sum()
    }

    /// All of it but what its own user asked for.
    pub fn for_others(&self) -> u64 {
        let others = self.seconds.iter();
        let others = others.filter(|(code, _)| !USERS_OWN.contains(&code.as_str()));
        others.map(|(_, seconds)| seconds).sum()
    }

    /// The code, not its user's own, that it waited for longest.
    pub fn longest(&self) -> Option<&str> {
        let others = self.seconds.iter();
        let others = others.filter(|(code, _)| !USERS_OWN.contains(&code.as_str()));
        let longest = others.max_by_key(|(_, seconds)| **seconds);
        longest.map(|(code, _)| code.as_str())
    }
}

/// A reason that nobody waited for before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// `namespace/name`.
    pub job: String,
    /// The reason's code.
    pub code: String,
    /// Its sentence, English and Chinese.
    pub sentence: [String; 2],
}

/// All that was waited.
#[derive(Debug, Default)]
pub struct Waits {
    jobs: BTreeMap<(String, String), Wait>,
    looked: Option<Timestamp>,
    told: Vec<String>,
}

impl Waits {
    /// Adds what passed since the last look, and gives back the jobs that are the first to wait for
    /// their reason in the whole play.
    pub fn look(&mut self, view: &View) -> Vec<News> {
        let now = view.now();
        let since = self.looked.replace(now).unwrap_or(now);
        let passed = u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0);
        let mut news = Vec::new();
        for job in &view.queue.items {
            let (Some(namespace), Some(name)) = (&job.metadata.namespace, &job.metadata.name)
            else {
                continue;
            };
            let Some(code) = job
                .reason
                .as_ref()
                .filter(|_| job.phase == QueuePhase::Waiting)
            else {
                continue;
            };
            let key = (namespace.clone(), name.clone());
            let wait = self.jobs.entry(key).or_insert_with(|| Wait {
                namespace: namespace.clone(),
                name: name.clone(),
                ..Wait::default()
            });
            *wait.seconds.entry(code.clone()).or_default() += passed;
            let sentence = [&job.message, &job.message_zh].map(|it| it.clone().unwrap_or_default());
            if wait.longest() == Some(code) {
                wait.sentence.clone_from(&sentence);
            }
            if !self.told.contains(code) {
                self.told.push(code.clone());
                news.push(News {
                    job: format!("{namespace}/{name}"),
                    code: code.clone(),
                    sentence,
                });
            }
        }
        news
    }

    /// The jobs of a namespace that were seen waiting, the longest first.
    pub fn of(&self, namespace: &str) -> Vec<&Wait> {
        let mut waits: Vec<&Wait> = self
            .jobs
            .values()
            .filter(|wait| wait.namespace == namespace && wait.total() > 0)
            .collect();
        waits.sort_by_key(|wait| std::cmp::Reverse(wait.total()));
        waits
    }

    /// The reasons that were seen, in the order of their first appearance.
    pub fn codes(&self) -> &[String] {
        &self.told
    }
}

#[cfg(test)]
#[path = "waits_tests.rs"]
mod tests;
