//! Looks at every change in the cluster, at once, and says what must never be (A, L, Q7).
//! It believes the journal's bytes and the truth of the kubelets, and not a word of the
//! operator's.

mod kept;
mod objects;
mod read;

pub use read::month;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::PathBuf,
};

use edugrid_ledger::{Admit, Answer, Books, Command, Entry, Replay, Segment, Settlement};
use edugrid_units::{AttemptKey, NodeName, TenantName};
use serde_json::Value;

use crate::{
    api::{Change, ChangeKind, Key, Kind, Store},
    kubernetes::{Kubernetes, text},
    world::CARDS,
};

/// What the journal says of an attempt.
#[derive(Clone, Debug)]
struct Known {
    admit: Admit,
    stopped: bool,
    settled: Option<Settlement>,
}

/// See the module.
#[derive(Debug)]
pub struct Audit {
    replay: Replay,
    segments: Vec<Segment>,
    attempts: BTreeMap<AttemptKey, Known>,
    /// Native Jobs that were made, by job UID, attempt and role, with the leader of then.
    natives: BTreeMap<(String, String, String), usize>,
    /// What was written that can be written once, as words of this room's own: the books' ids are
    /// the operator's (L10).
    once: BTreeSet<String>,
    /// Nonces of leaders, by epoch.
    leaders: BTreeMap<u64, String>,
    /// Native Jobs of whose making no answer came, by namespace and name.
    unsure: BTreeSet<(String, String)>,
    /// Native Jobs that somebody deleted.
    taken: BTreeSet<Key>,
    /// Segments before this one have been deleted.
    archived: u64,
    /// Where the archive is, if there is one.
    archive: Option<PathBuf>,
    /// The most that a tenant may hold, in thousandths of a card.
    limits: BTreeMap<TenantName, u64>,
    /// Changes that somebody made by hand.
    by_hand: BTreeSet<u64>,
    /// Where books were written down whole.
    snapshots: BTreeSet<u64>,
    /// What must never be, and was.
    pub faults: Vec<String>,
}

/// How much happened, for whoever reads the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Entries of the journal.
    pub entries: u64,
    /// Admissions.
    pub admitted: u64,
    /// Settlements.
    pub settled: u64,
    /// Leaders.
    pub epochs: u64,
}

impl Audit {
    /// Nothing has happened. `limits`: the most that a tenant may hold, in thousandths of a card.
    pub fn new(limits: BTreeMap<TenantName, u64>, archive: Option<PathBuf>) -> Self {
        Self {
            replay: Replay::new(),
            segments: Vec::new(),
            attempts: BTreeMap::new(),
            natives: BTreeMap::new(),
            once: BTreeSet::new(),
            leaders: BTreeMap::new(),
            unsure: BTreeSet::new(),
            taken: BTreeSet::new(),
            archived: 0,
            archive,
            limits,
            by_hand: BTreeSet::new(),
            snapshots: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Looks at one change.
    pub fn note(&mut self, change: &Change, store: &Store, cluster: &Kubernetes) {
        match (
            change.key.kind.group.as_str(),
            change.key.kind.plural.as_str(),
        ) {
            ("ledger.edugrid.io", _) if change.kind == ChangeKind::Deleted => {
                self.taken_away(change, store);
            }
            ("ledger.edugrid.io", "ledgersnapshotparts") => {
                self.snapshots.extend(read::manifest_of(&change.key.name));
            }
            ("ledger.edugrid.io", "ledgersegments") => self.segment(change, store, cluster),
            ("batch", "jobs") if change.kind == ChangeKind::Added => self.native(change, cluster),
            ("batch", "jobs")
                if change.kind == ChangeKind::Deleted
                    && self.by_hand.contains(&change.revision) =>
            {
                self.taken.insert(change.key.clone());
            }
            ("", "pods") if change.kind == ChangeKind::Modified => self.pod(change),
            ("edugrid.io", "computejobs")
                if change.kind == ChangeKind::Modified
                    && !self.by_hand.contains(&change.revision) =>
            {
                self.status(change)
            }
            _ => {}
        }
    }

    /// Changes that somebody makes by hand: what they say is not the operator's.
    pub fn by_hand(&mut self, revisions: RangeInclusive<u64>) {
        self.by_hand.extend(revisions);
    }

    /// A native Job was asked for, and whoever leads does not hear, or late, whether it was made.
    pub fn unsure(&mut self, namespace: &str, name: &str) {
        self.unsure.insert((namespace.to_owned(), name.to_owned()));
    }

    /// How much happened.
    pub fn sums(&self) -> Sums {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let settled = self
            .attempts
            .values()
            .filter(|known| known.settled.is_some());
        Sums {
            entries: self.replay.position().entries,
            admitted: count(self.attempts.len()),
            settled: count(settled.count()),
            epochs: count(self.leaders.len()),
        }
    }

    /// Where the books were ever written down whole.
    pub fn snapshots(&self) -> &BTreeSet<u64> {
        &self.snapshots
    }

    /// The journal as it was seen to be written.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The books that follow from it.
    pub fn books(&self) -> Books {
        self.replay.clone().finish()
    }

    fn fault(&mut self, words: String) {
        self.faults.push(words);
    }

    /// A segment was written: it must go on where the journal ended, by whoever leads.
    fn segment(&mut self, change: &Change, store: &Store, cluster: &Kubernetes) {
        let name = &change.key.name;
        let sequence: u64 = name.parse().unwrap_or(0);
        if sequence < self.archived && change.kind == ChangeKind::Added {
            // Written by a leader that slept since long before, and nothing may follow of it.
            return;
        }
        if change.kind != ChangeKind::Added {
            return self.fault(format!(
                "segment {name} was {:?}: what it said is lost",
                change.kind
            ));
        }
        let Some(segment) = read::segment(&change.object) else {
            return self.fault(format!("segment {name} can't be read"));
        };
        let nonce = self
            .leaders
            .entry(segment.epoch)
            .or_insert_with(|| segment.nonce.clone());
        if *nonce != segment.nonce {
            self.fault(format!("epoch {} has two leaders", segment.epoch));
        }
        let records = match self.replay.segment(&segment) {
            Ok(records) => records,
            Err(damage) => return self.fault(format!("segment {name}: {damage}: {}", damage.what)),
        };
        self.segments.push(segment);
        for record in records {
            self.entry(&record.entry, store, cluster);
        }
        if let Err(imbalance) = self.books().audit() {
            self.fault(format!("after segment {name}: {imbalance}"));
        }
    }

    fn entry(&mut self, entry: &Entry, store: &Store, cluster: &Kubernetes) {
        let about = match &entry.command {
            Command::Grant(grant) => Some(grant.voucher.to_string()),
            Command::FundingLine(line) => Some(line.name.to_string()),
            Command::PriceBook(book) => Some(book.name.to_string()),
            Command::Expire { voucher } => Some(voucher.to_string()),
            Command::Started { key, .. } | Command::Stop { key, .. } | Command::End { key, .. } => {
                Some(key.to_string())
            }
            Command::Admit(admit) => Some(admit.admission.key.to_string()),
            _ => None,
        };
        if let Some(about) = about {
            let words = format!("{} of {about}", entry.command.verb());
            if !self.once.insert(words.clone()) {
                self.fault(format!("{words} is written twice"));
            }
        }
        match &entry.command {
            Command::Admit(admit) => self.admitted(admit),
            Command::Stop { key, .. } => {
                if let Some(known) = self.attempts.get_mut(key) {
                    known.stopped = true;
                }
            }
            Command::End { key, ended, .. } => {
                if let Answer::Settled(settlement) = &entry.answer {
                    self.settled(key, settlement.clone(), store);
                    self.charged(key, settlement, ended.is_some(), cluster);
                }
            }
            _ => {}
        }
    }

    fn admitted(&mut self, admit: &Admit) {
        let key = admit.admission.key.clone();
        let open = self
            .attempts
            .iter()
            .filter(|(_, known)| known.settled.is_none());
        if let Some((other, _)) = open.clone().find(|(other, _)| other.job == key.job) {
            let words = format!("{key} is admitted while {other} is open");
            return self.fault(words);
        }
        let known = Known {
            admit: admit.clone(),
            stopped: false,
            settled: None,
        };
        if self.attempts.insert(key.clone(), known).is_some() {
            self.fault(format!("{key} is admitted twice"));
        }
        self.fits(&key);
    }

    /// What is open after an admission fits onto the nodes, and its tenants' limits hold it (Q7).
    fn fits(&mut self, key: &AttemptKey) {
        let mut used: BTreeMap<NodeName, u64> = BTreeMap::new();
        let mut held: BTreeMap<TenantName, u64> = BTreeMap::new();
        for known in self
            .attempts
            .values()
            .filter(|known| known.settled.is_none())
        {
            for tenant in &known.admit.admission.path {
                *held.entry(tenant.clone()).or_default() += known.admit.admission.billed.0;
            }
            for role in &known.admit.admission.placement {
                for (node, count) in &role.nodes {
                    *used.entry(node.clone()).or_default() +=
                        role.request.cards.0 * u64::from(*count);
                }
            }
        }
        for (node, used) in used.into_iter().filter(|(_, used)| *used > CARDS * 1000) {
            self.fault(format!(
                "{key} makes {used} milli-cards of {} on {node}",
                CARDS * 1000
            ));
        }
        for (tenant, most) in self.limits.clone() {
            let held = held.get(&tenant).copied().unwrap_or(0);
            if held > most {
                self.fault(format!(
                    "{key} makes {held} milli-cards of {tenant}, {most} are the most"
                ));
            }
        }
    }

    /// No attempt is charged for longer than it had. Where its end was not `seen`, as between two lists of a watch, the
    /// charge goes to the last confirmed instant (A5).
    fn charged(
        &mut self,
        key: &AttemptKey,
        settlement: &Settlement,
        seen: bool,
        cluster: &Kubernetes,
    ) {
        let seconds = i64::try_from(settlement.seconds).unwrap_or(i64::MAX);
        match read::truth(key, seen, cluster) {
            Some(most) if seconds > most => self.fault(format!(
                "{key} is charged for {seconds} s and had {most} s at most"
            )),
            _ => {}
        }
    }

    /// An attempt ended: nothing of it may run, and it may not cost more than was held.
    fn settled(&mut self, key: &AttemptKey, settlement: Settlement, store: &Store) {
        let is_of_it = |pod: &Value| {
            let labels = &pod["metadata"]["labels"];
            labels["edugrid.io/job-uid"] == key.job.as_str()
                && labels["edugrid.io/attempt"] == key.attempt.to_string().as_str()
        };
        let pods = store
            .all(&Kind::new("", "pods"))
            .filter(|(_, pod)| is_of_it(pod));
        let running: Vec<&str> = pods
            .filter(|(_, pod)| pod["status"]["phase"] == "Running")
            .map(|(pod, _)| pod.name.as_str())
            .collect();
        if !running.is_empty() {
            self.fault(format!("{key} is settled while {running:?} run"));
        }
        let Some(known) = self.attempts.get_mut(key) else {
            return self.fault(format!("{key} is settled and was never admitted"));
        };
        if known.settled.is_some() {
            return self.fault(format!("{key} is settled twice"));
        }
        let held = known.admit.hold.total();
        if settlement.charged > held {
            let charged = settlement.charged;
            self.fault(format!(
                "{key} is charged {charged} yuan and {held} were held"
            ));
        }
        if let Some(known) = self.attempts.get_mut(key) {
            known.settled = Some(settlement);
        }
    }

    /// A native Job was made: an open `Admit` must precede it, and no other Job of its name.
    /// A leader that comes later, or that was not answered, can't know of one that was made and
    /// deleted before it looked; then nothing of the first may ever have been bound, unless
    /// somebody deleted it by hand with all that it had started.
    fn native(&mut self, change: &Change, cluster: &Kubernetes) {
        let label =
            |name: &str| text(&change.object["metadata"]["labels"][name]).unwrap_or_default();
        let [job, attempt, role] = [
            "edugrid.io/job-uid",
            "edugrid.io/attempt",
            "edugrid.io/role",
        ]
        .map(label);
        let key = AttemptKey {
            job: job.as_str().into(),
            task: 0,
            attempt: attempt.parse().unwrap_or(0),
        };
        if !self.attempts.contains_key(&key) {
            self.fault(format!("{key} is made and was never admitted"));
        }
        let leader = self.leaders.len();
        let of_it = |pod: &crate::kubernetes::Pod| {
            (&pod.of.0, &pod.of.1, &pod.of.2) == (&job, &attempt, &role)
        };
        let ran = cluster
            .pods
            .values()
            .any(|pod| of_it(pod) && pod.bound.is_some());
        let before = self
            .natives
            .insert((job.clone(), attempt.clone(), role.clone()), leader);
        let home = (change.key.namespace.clone(), change.key.name.clone());
        let knew = |before: usize| before == leader && !self.unsure.contains(&home);
        let ran = ran && !self.taken.contains(&change.key);
        if before.is_some_and(|before| knew(before) || ran) {
            self.fault(format!("{role} of {key} is made twice"));
        }
    }

    /// A pod lost its gate: its attempt must be admitted and not ended.
    fn pod(&mut self, change: &Change) {
        let gated = |pod: &Value| {
            pod["spec"]["schedulingGates"]
                .as_array()
                .is_some_and(|gates| !gates.is_empty())
        };
        let Some(before) = &change.before else { return };
        if !gated(before) || gated(&change.object) {
            return;
        }
        let label =
            |name: &str| text(&change.object["metadata"]["labels"][name]).unwrap_or_default();
        let key = AttemptKey {
            job: label("edugrid.io/job-uid").as_str().into(),
            task: 0,
            attempt: label("edugrid.io/attempt").parse().unwrap_or(0),
        };
        match self.attempts.get(&key) {
            None => self.fault(format!(
                "a pod of {key} is let go, which was never admitted"
            )),
            Some(known) if known.settled.is_some() => {
                self.fault(format!("a pod of {key} is let go, which has ended"))
            }
            Some(_) => {}
        }
    }
}
