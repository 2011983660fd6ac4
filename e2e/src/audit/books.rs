//! The books as an auditor reads them: the lines of `ledger export`, understood from their text alone and replayed in
//! their order. It shares no code with the books themselves, so that a fault of theirs is not checked with itself, and
//! knows neither objects nor requests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// Nanoseconds of a second: stamps are counted in them.
const NANOS: i128 = 1_000_000_000;
/// Milli-units of a unit times seconds of an hour: what a price per unit and hour is divided by.
const MILLI_SECONDS: u128 = 1000 * 3600;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the book.
    pub sequence: u64,
    /// When it was decided, nanoseconds since 1970, virtual.
    pub at: i128,
    /// What it says: the command's name.
    pub verb: String,
    /// The command's fields.
    pub fields: Value,
    /// What the books answered.
    pub answer: Value,
    /// What moved.
    pub legs: Vec<Value>,
}

/// An attempt: the job's UID and the number.
pub type Key = (String, u64);

/// What the books tell of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// `namespace/name` of its job.
    pub job: String,
    /// From its tenant to the root.
    pub path: Vec<String>,
    /// The entry that admitted it.
    pub admit: u64,
    /// The entry that says that it started.
    pub started: Option<u64>,
    /// The entry that says that it is being stopped.
    pub stop: Option<u64>,
    /// The entry that settled it.
    pub end: Option<u64>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The charged interval, in seconds since 1970.
    pub interval: Option<(i64, i64)>,
    /// What was set aside, in micro-yuan.
    pub held: u64,
    /// What it cost, in micro-yuan.
    pub charged: u64,
    /// Milli-cards by node, as planned and then as bound.
    pub nodes: BTreeMap<String, u64>,
    captured: u64,
    requests: BTreeMap<String, u64>,
    billed: u128,
    price: u128,
}

/// All of it, replayed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Every entry.
    pub entries: Vec<Entry>,
    /// Every attempt that was ever admitted.
    pub attempts: BTreeMap<Key, Attempt>,
    /// The epoch of the last leader.
    pub epoch: u64,
    /// What can't be, in words.
    pub faults: Vec<String>,
    used: BTreeMap<String, u64>,
    /// By account: what is in it, and what of that is held.
    accounts: BTreeMap<String, (i128, i128)>,
}

impl Books {
    /// Replays exported lines on nodes that have `node_cards` cards each.
    ///
    /// # Errors
    /// If a line is none of an export.
    pub fn read(export: &str, node_cards: u64) -> Result<Self> {
        let mut books = Self::default();
        for line in export.lines() {
            let entry = entry(line).with_context(|| format!("no entry: {line}"))?;
            books.take(&entry, node_cards * 1000);
            books.entries.push(entry);
        }
        let open: Vec<String> = (books.attempts.iter())
            .filter(|(_, attempt)| attempt.end.is_none())
            .map(|((_, number), attempt)| format!("{} attempt {number} is open", attempt.job))
            .collect();
        if open.is_empty() {
            let held = books.accounts.iter().filter(|(_, (_, held))| *held != 0);
            let held = held.map(|(name, (_, held))| format!("{held} stays held in {name}"));
            books.faults.extend(held.collect::<Vec<_>>());
        }
        books.faults.extend(open);
        Ok(books)
    }

    /// What was charged to a tenant and all below it, in micro-yuan.
    pub fn charged_below(&self, tenant: &str) -> u64 {
        let below = |attempt: &&Attempt| attempt.path.iter().any(|name| name == tenant);
        self.attempts
            .values()
            .filter(below)
            .map(|it| it.charged)
            .sum()
    }

    /// The attempts of a job by its UID, oldest first.
    pub fn of_job<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = (&'a Key, &'a Attempt)> {
        self.attempts.iter().filter(move |((job, _), _)| job == uid)
    }

    fn take(&mut self, entry: &Entry, node_milli: u64) {
        if entry.sequence != self.entries.len() as u64 {
            self.fault(entry, "is out of sequence");
        }
        if self.entries.last().is_some_and(|last| last.at >= entry.at) {
            self.fault(entry, "is not later than the one before it");
        }
        match entry.verb.as_str() {
            "Epoch" => {
                let epoch = number(&entry.fields["epoch"]);
                if epoch != self.epoch + 1 {
                    self.fault(entry, &format!("begins epoch {epoch} after {}", self.epoch));
                }
                self.epoch = epoch;
            }
            "Admit" => self.admit(entry, node_milli),
            "Bound" | "Started" | "Stop" | "Capture" | "End" => self.change(entry, node_milli),
            _ => {}
        }
        for leg in &entry.legs {
            self.leg(entry, leg);
        }
    }

    fn admit(&mut self, entry: &Entry, node_milli: u64) {
        let admission = &entry.fields["admission"];
        let key = key(&admission["key"]);
        let (hold, text) = (&entry.fields["hold"], |field: &str| {
            string(&admission[field])
        });
        let before = self
            .of_job(&key.0)
            .last()
            .map(|((_, number), last)| (*number, last.end));
        match before {
            Some((_, None)) => self.fault(entry, "admits a job whose last attempt is open"),
            Some((last, _)) if key.1 <= last => {
                self.fault(entry, &format!("admits attempt {} after {last}", key.1))
            }
            _ => {}
        }
        if self.attempts.contains_key(&key) {
            self.fault(entry, "admits an attempt for the second time");
        }
        if number(&entry.fields["epoch"]) != self.epoch {
            self.fault(
                entry,
                &format!("is of epoch {}, not {}", entry.fields["epoch"], self.epoch),
            );
        }
        let roles = admission["placement"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let requests = roles
            .iter()
            .map(|role| (string(&role["role"]), number(&role["request"]["cards"])));
        let bands = hold["rates"]["bands"]
            .as_array()
            .is_none_or(|bands| !bands.is_empty());
        if bands {
            self.fault(
                entry,
                "is priced by the hour of the day, which this audit can't recompute",
            );
        }
        let price = match hold["own_pool"] == true {
            true => 0,
            false => u128::from(number(&hold["rates"]["per_unit_hour"])),
        };
        let mut attempt = Attempt {
            job: format!("{}/{}", text("namespace"), text("name")),
            path: strings(&admission["path"]),
            admit: entry.sequence,
            started: None,
            stop: None,
            end: None,
            outcome: None,
            interval: None,
            held: number(&entry.answer["Admitted"]["held"]),
            charged: 0,
            nodes: BTreeMap::new(),
            captured: 0,
            requests: requests.collect(),
            billed: u128::from(number(&admission["billed"])),
            price,
        };
        attempt.nodes = cards(&attempt.requests, &admission["placement"]);
        self.occupy(entry, &attempt.nodes, node_milli);
        self.attempts.insert(key, attempt);
    }

    fn change(&mut self, entry: &Entry, node_milli: u64) {
        let key = key(&entry.fields["key"]);
        let Some(mut attempt) = self.attempts.remove(&key) else {
            return self.fault(entry, "is about an attempt that was never admitted");
        };
        if attempt.end.is_some() {
            self.fault(entry, "is about an attempt that has ended");
        }
        match entry.verb.as_str() {
            "Bound" => {
                self.vacate(&attempt.nodes);
                attempt.nodes = cards(&attempt.requests, &entry.fields["placement"]);
                self.occupy(entry, &attempt.nodes, node_milli);
            }
            "Started" if attempt.started.is_some() => {
                self.fault(entry, "starts an attempt for the second time")
            }
            "Started" => attempt.started = Some(entry.sequence),
            "Stop" => attempt.stop = Some(entry.sequence),
            "Capture" => attempt.captured += number(&entry.answer["Captured"]["charged"]),
            _ => {
                self.vacate(&attempt.nodes);
                self.settle(entry, &mut attempt);
            }
        }
        if attempt.captured > attempt.held || attempt.charged > attempt.held {
            let (charged, held) = (attempt.captured.max(attempt.charged), attempt.held);
            self.fault(entry, &format!("charges {charged} of {held} held"));
        }
        self.attempts.insert(key, attempt);
    }

    /// Price × billed units × whole seconds, floored once and never more than was held (A5, L4).
    fn settle(&mut self, entry: &Entry, attempt: &mut Attempt) {
        let settled = &entry.answer["Settled"];
        attempt.end = Some(entry.sequence);
        attempt.outcome = Some(string(&entry.fields["outcome"]));
        attempt.charged = number(&settled["charged"]);
        let second = |field: &str| {
            settled[field]
                .as_str()
                .and_then(|text| text.parse::<i128>().ok())
        };
        let seconds = |nanos: i128| i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX);
        attempt.interval = second("started")
            .zip(second("ended"))
            .map(|(from, to)| (seconds(from), seconds(to)));
        let lasted = attempt
            .interval
            .map_or(0, |(from, to)| to.saturating_sub(from));
        let lasted = u128::try_from(lasted).unwrap_or(0);
        let cost =
            (attempt.price * attempt.billed * lasted / MILLI_SECONDS).min(u128::from(attempt.held));
        if u128::from(attempt.charged) != cost {
            self.fault(
                entry,
                &format!("charges {}, its {lasted} s cost {cost}", attempt.charged),
            );
        }
        if attempt.captured + number(&settled["last_charged"])
            != attempt.charged + number(&settled["refunded"])
        {
            self.fault(entry, "does not add up with what was charged before");
        }
    }

    /// Double entry: what is held stays in its account until it is charged or released (L1).
    fn leg(&mut self, entry: &Entry, leg: &Value) {
        let amount = i128::from(number(&leg["amount"]));
        let (debit, credit) = (string(&leg["debit"]), string(&leg["credit"]));
        let (moved, held) = match leg["phase"].as_str() {
            Some("Hold") => (0, amount),
            Some("Release") => (0, -amount),
            Some("Capture") => (amount, -amount),
            _ => (amount, 0),
        };
        self.accounts.entry(credit).or_default().0 += moved;
        let account = self.accounts.entry(debit.clone()).or_default();
        account.0 -= moved;
        account.1 += held;
        let (rest, held) = *account;
        let is_bounded = debit.starts_with("grant:") || debit.starts_with("budget:");
        if is_bounded && (rest < held || held < 0) {
            self.fault(
                entry,
                &format!("leaves {rest} in {debit}, of which {held} is held"),
            );
        }
    }

    fn occupy(&mut self, entry: &Entry, nodes: &BTreeMap<String, u64>, node_milli: u64) {
        for (node, milli) in nodes {
            let used = self.used.entry(node.clone()).or_default();
            *used += milli;
            if *used > node_milli {
                let words = format!("puts {used} milli-cards on {node}, which has {node_milli}");
                self.fault(entry, &words);
            }
        }
    }

    fn vacate(&mut self, nodes: &BTreeMap<String, u64>) {
        for (node, milli) in nodes {
            let used = self.used.entry(node.clone()).or_default();
            *used = used.saturating_sub(*milli);
        }
    }

    fn fault(&mut self, entry: &Entry, what: &str) {
        let verb = &entry.verb;
        self.faults
            .push(format!("entry {} ({verb}) {what}", entry.sequence));
    }

    /// Nodes on which an attempt was planned or bound from an entry on.
    pub fn nodes_from(&self, sequence: u64) -> BTreeSet<&str> {
        let later = self
            .attempts
            .values()
            .filter(|attempt| attempt.admit >= sequence);
        later
            .flat_map(|attempt| attempt.nodes.keys().map(String::as_str))
            .collect()
    }
}

fn entry(line: &str) -> Option<Entry> {
    let line: Value = serde_json::from_str(line).ok()?;
    let body = &line["body"];
    let (verb, fields) = body["command"].as_object()?.iter().next()?;
    Some(Entry {
        sequence: body["sequence"].as_str()?.parse().ok()?,
        at: body["at"].as_str()?.parse().ok()?,
        verb: verb.clone(),
        fields: fields.clone(),
        answer: body["answer"].clone(),
        legs: body["legs"].as_array()?.clone(),
    })
}

/// The attempt that an entry is about.
pub fn key(value: &Value) -> Key {
    (string(&value["job"]), number(&value["attempt"]))
}

fn cards(requests: &BTreeMap<String, u64>, placement: &Value) -> BTreeMap<String, u64> {
    let mut nodes: BTreeMap<String, u64> = BTreeMap::new();
    for role in placement.as_array().into_iter().flatten() {
        let each = requests.get(&string(&role["role"])).copied().unwrap_or(0);
        for place in role["nodes"].as_array().into_iter().flatten() {
            *nodes.entry(string(&place[0])).or_default() += each * number(&place[1]);
        }
    }
    nodes
}

fn number(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(string).collect()
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
