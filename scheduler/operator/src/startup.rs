//! What must be in place before an operator may act: a server that is new enough, the
//! policies that the books rest on (L12), and the books themselves (A2, A4).

use std::path::{Path, PathBuf};

use edugrid_archiver::cluster::Snapshots;
use edugrid_core::Past;
use edugrid_ledger::{
    Algorithm, AppendError, Batch, Books, Command, Known, Opening, Position, ReadError, Refused,
    Replay, RestoreError, Segment, SegmentStore, Sight, look,
};
use edugrid_units::Stamp;
use kube::{
    Api, Client,
    api::ListParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Map, Value};

use crate::{
    beginning::{self, Beginning},
    clock::Clock,
    desk::recalled,
    journal::ClusterJournal,
    machine::Machine,
    outside::{Barred, Outside},
    policies::{self, Kind},
    shadow::Reading,
};

/// The oldest Kubernetes on which admission policies that write are stable.
const MINOR_MIN: u32 = 36;

/// Why the books can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal or the view is damaged.
    #[error("the journal can't be replayed")]
    Replay(#[from] RestoreError),
    /// The first commands of this leader are refused.
    #[error("the books refuse to be led")]
    Refused(#[from] Refused),
    /// Another leader was faster, or the segment is refused.
    #[error("the epoch can't be written")]
    Append(#[from] AppendError),
    /// The clock of the book isn't the one that was asked for.
    #[error(
        "this book runs its clock {book} times faster than real time and --clock-factor says {asked}: \
         give --clock-factor={book}, a book's clock never changes"
    )]
    Factor {
        /// The book's.
        book: u32,
        /// What was asked for.
        asked: u32,
    },
    /// Nobody may lead here until somebody has seen to it.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// No randomness for the nonce.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
    /// Nothing was staged where something must have been.
    #[error("the books hold no opening")]
    NotOpened,
}

impl OpenError {
    /// Why nobody may lead here, where trying again is of no use before somebody has seen to it.
    pub fn barred(&self) -> Option<String> {
        match self {
            Self::Barred(barred) => Some(barred.to_string()),
            Self::Replay(RestoreError::Rewound(rewound)) => {
                Some(Barred::from(rewound.clone()).to_string())
            }
            _ => None,
        }
    }
}

/// The books, led by this process.
pub struct Led {
    /// The books after this leader's epoch.
    pub books: Books,
    /// What was borrowed, up to the same entry.
    pub past: Past,
    /// The epoch of this leader.
    pub epoch: u64,
    /// The clock that stands in segment 0.
    pub clock: Clock,
    /// The first segment that is there, and how large each payload is from there on.
    pub live: (u64, Vec<u64>),
    /// This leader's first batch, which is durable.
    pub batch: Batch,
    /// Where the local view is.
    pub view: PathBuf,
    /// What was known beside the journal.
    pub sight: Sight,
    /// What the books were read from.
    pub reading: Reading,
    /// Where they ended with that.
    pub end: Position,
}

/// What is missing before this process may lead, and while it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Of the server: it does not answer, or is too old.
    pub server: Vec<String>,
    /// Of the policies: missing, or altered. Without them nothing is admitted or posted.
    pub policies: Vec<String>,
}

impl Missing {
    /// All of it, a line each.
    pub fn lines(&self) -> Vec<String> {
        [&self.server[..], &self.policies].concat()
    }
}

/// Looks at what is missing.
pub async fn missing(client: &Client) -> Missing {
    let mut missing = Missing::default();
    match client.apiserver_version().await {
        Ok(version) => {
            let digits: String = version
                .minor
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let minor = digits.parse().unwrap_or(0);
            if version.major == "1" && minor < MINOR_MIN {
                let found = version.git_version;
                missing.server.push(format!(
                    "kubernetes 1.{MINOR_MIN} or newer is needed, this is {found}"
                ));
            }
        }
        Err(error) => {
            let words = format!("the api server does not answer: {error}");
            missing.server.push(words);
        }
    }
    for kind in Kind::ALL {
        match specs(client, kind).await {
            Ok(found) => missing.policies.extend(policies::faults(kind, &found)),
            Err(error) => {
                let words = format!("{} objects can't be listed: {error}", kind.as_str());
                missing.server.push(words);
            }
        }
    }
    missing
}

/// The `spec` of every policy or binding of a kind, by name, as the server tells it: a type
/// of ours would lose the fields of tomorrow, by which a policy can be weakened too.
async fn specs(client: &Client, kind: Kind) -> kube::Result<Map<String, Value>> {
    let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind.as_str());
    let resource = ApiResource::from_gvk(&gvk);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let list = api.list(&ListParams::default()).await?;
    let named = |mut object: DynamicObject| {
        let name = object.metadata.name.take()?;
        Some((name, object.data["spec"].take()))
    };
    Ok(list.items.into_iter().filter_map(named).collect())
}

/// Replays the journal and begins this leader's epoch in it (A2, A4).
///
/// # Errors
/// If the journal can't be read or is damaged, or another leader was faster.
pub async fn open(
    outside: &mut Outside,
    journal: &mut ClusterJournal,
    snapshots: &Snapshots,
    directory: &Path,
    factor: u32,
    machine: Machine,
) -> Result<Led, OpenError> {
    let view = directory.join("view");
    outside.check_owner()?;
    let sight = look(&view);
    let Beginning {
        mut replay,
        mut past,
        snapshot,
        segments,
        before,
        mut live,
    } = beginning::read(journal, snapshots, sight.view()).await?;
    let reading = Reading {
        snapshot,
        segments,
        before,
        is_told_of_all: live.0 == 0 || outside.has_archive(),
    };
    carry_out(
        &mut replay,
        &mut past,
        &reading.segments,
        sight.known.as_ref(),
    )?;
    let end = replay.position();
    let mut books = replay.finish();
    let book = books.opening().map_or("", |opening| &opening.book);
    outside.check_head(book, &reading.segments, end)?;
    let here = outside.here().to_owned();
    let now = (machine.now)();
    if books.opening().is_none() {
        let origin = Stamp::from_seconds(now.seconds());
        let algorithm = Algorithm::Sha256;
        let opening = Opening {
            book: random_uuid(machine)?,
            algorithm,
            origin,
            factor,
        };
        books.stage(origin, Command::Open(opening))?;
    }
    let opening = books.opening().ok_or(OpenError::NotOpened)?;
    if opening.factor != factor {
        return Err(OpenError::Factor {
            book: opening.factor,
            asked: factor,
        });
    }
    let clock = Clock {
        origin: opening.origin,
        factor: opening.factor,
        real: machine.now,
    };
    check_cluster(&books, &here)?;
    let epoch = books.epoch().saturating_add(1);
    books.stage(
        clock.now(),
        Command::Epoch {
            epoch,
            writer: random_uuid(machine)?,
        },
    )?;
    if books.cluster().is_none() {
        let cluster = here;
        books.stage(clock.now(), Command::Moved { epoch, cluster })?;
    }
    let batch = books.take_batch().ok_or(OpenError::NotOpened)?;
    journal.append(batch.segment()).await?;
    live.1.push(bytes(batch.segment()));
    books
        .committed(batch.segment().sequence)
        .map_err(|_| OpenError::NotOpened)?;
    Ok(Led {
        books,
        past,
        epoch,
        clock,
        live,
        batch,
        view,
        sight,
        reading,
        end,
    })
}

/// Carries out what follows in the journal, which must have all that was seen of it: whoever goes on
/// with one that was set back decides and charges twice (L12).
pub(crate) fn carry_out(
    replay: &mut Replay,
    past: &mut Past,
    segments: &[Segment],
    known: Option<&Known>,
) -> Result<(), RestoreError> {
    for segment in segments {
        let records = replay.segment(segment)?;
        let events = records.iter().filter_map(|record| recalled(&record.entry));
        events.for_each(|event| past.record(event));
    }
    if let Some(known) = known {
        known.check(replay)?;
    }
    Ok(())
}

/// The bytes of a segment's payload.
fn bytes(segment: &Segment) -> u64 {
    u64::try_from(segment.payload.len()).unwrap_or(u64::MAX)
}

/// A book goes on in its own cluster, and nowhere else before it was moved (L12).
fn check_cluster(books: &Books, here: &str) -> Result<(), Barred> {
    match books.cluster() {
        Some(book) if book != here => Err(Barred::Elsewhere {
            book: book.to_owned(),
            here: here.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A random UUID (version 4) in text.
///
/// # Errors
/// If there is no randomness.
pub fn random_uuid(machine: Machine) -> Result<String, OpenError> {
    let mut bytes = [0_u8; 16];
    (machine.random)(&mut bytes).map_err(OpenError::Random)?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let groups = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(groups.join("-"))
}
