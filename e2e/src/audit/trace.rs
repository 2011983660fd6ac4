//! What the API server recorded of each write: who made it, when it came and was answered, and the revision of etcd at
//! which it stands, by which all writes have one order. It knows nothing of the books.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// The operator's name as a user.
pub const OPERATOR_USER: &str = "system:serviceaccount:edugrid-system:edugrid-scheduler";
/// Where the API server says which token was shown.
const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";
/// Between looks at a record that grows.
const LOOK_AGAIN: Duration = Duration::from_micros(300);

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// When it arrived.
    pub received: Timestamp,
    /// When it was answered; the end of time if it never was.
    pub answered: Timestamp,
    /// `create`, `patch`, …
    pub verb: String,
    /// The plural, with the subresource: `computejobs/status`.
    pub resource: String,
    /// `namespace/name`; the name alone of what has no namespace.
    pub name: String,
    /// Who asked.
    pub user: String,
    /// By which token, where it was one.
    pub credential: String,
    /// The HTTP status of the answer; 0 if there was none.
    pub code: u64,
    /// The object as it stands after the write.
    pub after: Value,
}

impl Write {
    /// Whether it was done.
    pub fn stands(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether the operator made it.
    pub fn is_the_operator_s(&self) -> bool {
        self.user == OPERATOR_USER
    }

    /// The revision of etcd at which it stands; 0 where the record doesn't say.
    pub fn revision(&self) -> u64 {
        revision(&self.after)
    }

    /// A label of the object.
    pub fn label(&self, key: &str) -> &str {
        self.after["metadata"]["labels"][key].as_str().unwrap_or("")
    }
}

/// `metadata.resourceVersion` as a number: comparable since Kubernetes 1.35.
pub fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Every write, in the order of the answers; last those that never were answered, since the API server died.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The writes.
    pub writes: Vec<Write>,
}

impl Trace {
    /// Reads a record. A line that is being written is left out.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).context("the API server's record can't be read")?;
        let mut arrived: BTreeMap<String, Write> = BTreeMap::new();
        let mut writes = Vec::new();
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            let Some((id, is_answered, write)) = write(&line) else {
                continue;
            };
            if is_answered {
                arrived.remove(&id);
                writes.push(write);
            } else {
                arrived.insert(id, write);
            }
        }
        writes.extend(arrived.into_values());
        Ok(Self { writes })
    }

    /// Writes that stand, of this verb and resource.
    pub fn standing<'a>(
        &'a self,
        verb: &'a str,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Write> {
        let asked = move |write: &&Write| {
            write.stands() && write.verb == verb && write.resource == resource
        };
        self.writes.iter().filter(asked)
    }

    /// When each segment of the journal was durable, by its sequence number: where somebody took one away and brought it
    /// back, the first time.
    pub fn segments(&self) -> BTreeMap<u64, &Write> {
        let mut first: BTreeMap<u64, &Write> = BTreeMap::new();
        for (sequence, write) in self.segment_creates() {
            first.entry(sequence).or_insert(write);
        }
        first
    }

    /// Segments that somebody took away and brought back: their objects are younger than what they say.
    pub fn segments_made_again(&self) -> BTreeSet<u64> {
        let (mut once, mut again) = (BTreeSet::new(), BTreeSet::new());
        for (sequence, _) in self.segment_creates() {
            if !once.insert(sequence) {
                again.insert(sequence);
            }
        }
        again
    }

    fn segment_creates(&self) -> impl Iterator<Item = (u64, &Write)> {
        let created = self.standing("create", "ledgersegments");
        created.filter_map(|write| Some((write.name.parse().ok()?, write)))
    }
}

/// A line of the record: by which id its write is known, whether it is the answer, and the write.
fn write(line: &str) -> Option<(String, bool, Write)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let is_a_try = event["requestURI"].as_str()?.contains("dryRun=All");
    if is_a_try {
        return None;
    }
    let is_answered = event["stage"] == "ResponseComplete";
    let about = &event["objectRef"];
    let after = event["responseObject"].clone();
    // A create by `generateName` has no name before it is answered.
    let name = match text(&about["name"]) {
        name if name.is_empty() => text(&after["metadata"]["name"]),
        name => name,
    };
    let resource = match about["subresource"].as_str() {
        Some(part) => format!("{}/{part}", text(&about["resource"])),
        None => text(&about["resource"]),
    };
    let answered = event["stageTimestamp"].as_str()?.parse().ok()?;
    let write = Write {
        received: event["requestReceivedTimestamp"].as_str()?.parse().ok()?,
        answered: if is_answered {
            answered
        } else {
            Timestamp::MAX
        },
        verb: text(&event["verb"]),
        resource,
        name: match about["namespace"].as_str() {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        },
        user: text(&event["user"]["username"]),
        credential: text(&event["user"]["extra"][CREDENTIAL][0]),
        code: event["responseStatus"]["code"].as_u64().unwrap_or(0),
        after,
    };
    Some((text(&event["auditID"]), is_answered, write))
}

/// Looks at the record as it grows: by it a fault is put into the middle of a write.
pub struct Lookout {
    path: PathBuf,
    seen: u64,
}

impl Lookout {
    /// From here on.
    ///
    /// # Errors
    /// If there is no record.
    pub fn from_now(path: &Path) -> Result<Self> {
        let seen = std::fs::metadata(path)
            .context("the API server's record can't be read")?
            .len();
        Ok(Self {
            path: path.to_owned(),
            seen,
        })
    }

    /// Waits until the operator's next write of this verb and resource arrives, answered or not.
    /// `false`: none came in time.
    ///
    /// # Errors
    /// If the record can't be read.
    pub fn wait(&mut self, verb: &str, resource: &str, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        let wanted = [
            "\"stage\":\"RequestReceived\"".to_owned(),
            format!("\"verb\":\"{verb}\""),
            format!("\"resource\":\"{resource}\""),
            format!("\"username\":\"{OPERATOR_USER}\""),
        ];
        while Instant::now() < deadline {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.seen))?;
            let mut line = String::new();
            let mut lines = BufReader::new(file);
            while lines.read_line(&mut line)? > 0 && line.ends_with('\n') {
                self.seen += line.len() as u64;
                if wanted.iter().all(|word| line.contains(word)) && !line.contains("dryRun=All") {
                    return Ok(true);
                }
                line.clear();
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(false)
    }
}
