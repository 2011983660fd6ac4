//! Where the books are read from: the cluster's `LedgerSegment`s, a journal file, or an
//! exported one, piece by piece in bounded memory. Reads only; a file is never opened for
//! writing, so one that the operator has open, or that lies on a sealed medium, can be read too.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use edugrid_crds::LedgerSegment;
use edugrid_ledger::{Ending, PAYLOAD_BYTES_MAX, Records, Segment};
use edugrid_translate::segment::segment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::{
    Api,
    api::{ListParams, ObjectList},
};

use crate::{
    cluster::{self, Cluster},
    failure::Failure,
};

/// Segments of one page: at most 16 × 700 kB in memory.
const PAGE: u32 = 16;
/// No line of an export is longer; what is, is none, and is handed out cut off.
const LINE_BYTES_MAX: u64 = PAYLOAD_BYTES_MAX as u64 + 1;

/// The books, wherever they are read from.
pub enum Source {
    /// The cluster's segments.
    Cluster(Box<Pages>),
    /// A journal file's.
    Journal(Box<Journal>),
    /// An export's lines. It has no segments.
    Export(Box<Export>),
}

/// What is read in one step.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A segment.
    Segment(Segment),
    /// A line of an export with its line feed; without one, the file was cut off.
    Line(Vec<u8>),
    /// A segment that can't be read. Nothing is read beyond it.
    Damage(Unread),
}

/// A segment that can't be read; which entry would come next is only known to whoever
/// reads the ones before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its sequence.
    pub segment: u64,
    /// What is wrong with it.
    pub what: String,
}

impl Unread {
    /// The same as a failure, now that the entry is known.
    pub fn at(self, entry: u64) -> Failure {
        Failure::Unreadable {
            segment: self.segment,
            entry,
            what: self.what,
        }
    }
}

impl Source {
    /// The cluster's books.
    pub fn of_cluster(cluster: &Cluster) -> Self {
        let api = Api::all(cluster.client().clone());
        Self::Cluster(Box::new(Pages {
            api,
            token: Some(String::new()),
            read: 0,
            left: None,
            ready: VecDeque::new(),
        }))
    }

    /// The books in a file, whichever of the two it is.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let opened = || -> io::Result<Self> {
            let mut opened = File::open(path)?;
            let mut begin = Vec::new();
            Read::by_ref(&mut opened).take(8).read_to_end(&mut begin)?;
            opened.rewind()?;
            let length = opened.metadata()?.len();
            let path = path.to_owned();
            Ok(if Records::<File>::is_journal(&begin) {
                Self::Journal(Box::new(Journal {
                    records: Records::new(opened)?,
                    path,
                    ended: false,
                    torn_bytes: 0,
                }))
            } else {
                Self::Export(Box::new(Export {
                    lines: BufReader::new(opened),
                    path,
                    read: 0,
                    length,
                }))
            })
        };
        opened().map_err(file("read", path))
    }

    /// The next piece; `None`: there is no more.
    ///
    /// # Errors
    /// If it can't be read now. Damage is no error: it is part of the answer.
    pub async fn next(&mut self) -> Result<Option<Piece>, Failure> {
        match self {
            Self::Cluster(pages) => pages.next().await,
            Self::Journal(journal) => journal.next(),
            Self::Export(export) => export.next(),
        }
    }

    /// How much of it was handed out and how much there is, in bytes or segments; `None`
    /// where nobody knows.
    pub fn progress(&self) -> (u64, Option<u64>) {
        match self {
            Self::Cluster(pages) => pages.progress(),
            Self::Journal(it) => (it.records.offset(), Some(it.records.length())),
            Self::Export(it) => (it.read, Some(it.length)),
        }
    }

    /// Bytes at the end of a journal file that were never acknowledged, once all is read.
    pub fn torn_bytes(&self) -> u64 {
        match self {
            Self::Journal(journal) => journal.torn_bytes,
            _ => 0,
        }
    }
}

/// The segments of a journal file.
pub struct Journal {
    records: Records<File>,
    path: PathBuf,
    ended: bool,
    torn_bytes: u64,
}

impl Journal {
    fn next(&mut self) -> Result<Option<Piece>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let (number, offset) = (self.records.read(), self.records.offset());
        let damage = |what| {
            Some(Piece::Damage(Unread {
                segment: number,
                what,
            }))
        };
        let record = self.records.next_record();
        if let Some(bytes) = record.map_err(file("read", &self.path))? {
            return Ok(match Segment::from_bytes(&bytes) {
                Ok(segment) => Some(Piece::Segment(segment)),
                Err(error) => {
                    self.ended = true;
                    damage(format!("its header {error}"))
                }
            });
        }
        self.ended = true;
        Ok(
            match self.records.ending().map_err(file("read", &self.path))? {
                Ending::Whole => None,
                Ending::Torn { bytes } => {
                    self.torn_bytes = bytes;
                    None
                }
                Ending::Damaged => damage(format!(
                    "the record at byte {offset} is not as it was written"
                )),
            },
        )
    }
}

/// The lines of an export.
pub struct Export {
    lines: BufReader<File>,
    path: PathBuf,
    read: u64,
    length: u64,
}

impl Export {
    fn next(&mut self) -> Result<Option<Piece>, Failure> {
        let mut line = Vec::new();
        let mut bounded = Read::by_ref(&mut self.lines).take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        let read = read.map_err(file("read", &self.path))?;
        self.read = self
            .read
            .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok((read > 0).then_some(Piece::Line(line)))
    }
}

/// The cluster's segments, page by page, in the order of their names.
pub struct Pages {
    api: Api<LedgerSegment>,
    /// Where the list goes on; `None`: it has ended.
    token: Option<String>,
    read: u64,
    /// How many the server said are behind the last page.
    left: Option<u64>,
    ready: VecDeque<Result<Segment, String>>,
}

impl Pages {
    /// The next segment; `None`: there is no more.
    async fn next(&mut self) -> Result<Option<Piece>, Failure> {
        while self.ready.is_empty() {
            let Some(token) = self.token.take() else {
                return Ok(None);
            };
            let page = self
                .page(Some(token).filter(|token| !token.is_empty()))
                .await?;
            self.token = next_token(&page.metadata);
            let left = page.metadata.remaining_item_count;
            self.left = Some(left.and_then(|it| u64::try_from(it).ok()).unwrap_or(0));
            let read = |object| segment(object).map_err(|why| why.to_string());
            self.ready = page.items.iter().map(read).collect();
        }
        let next = match self.ready.pop_front() {
            Some(Err(what)) => {
                self.token = None;
                self.ready.clear();
                let segment = self.read;
                Piece::Damage(Unread { segment, what })
            }
            Some(Ok(segment)) => Piece::Segment(segment),
            None => return Ok(None),
        };
        self.read = self.read.saturating_add(1);
        Ok(Some(next))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let ready = u64::try_from(self.ready.len()).unwrap_or(u64::MAX);
        let all = |left: u64| self.read.saturating_add(ready).saturating_add(left);
        (self.read, self.left.map(all))
    }

    /// Segments only ever join at the end, so a list that grew too old goes on from where
    /// it was: the server says where in its refusal.
    async fn page(&self, token: Option<String>) -> Result<ObjectList<LedgerSegment>, Failure> {
        let list = |token| {
            let mut params = ListParams::default().limit(PAGE);
            params.continue_token = token;
            params
        };
        match self.api.list(&list(token)).await {
            Err(kube::Error::Api(status)) if status.code == 410 => {
                let again = status.metadata.as_ref().and_then(next_token);
                let again = again.ok_or_else(|| cluster::general(&status))?;
                self.api
                    .list(&list(Some(again)))
                    .await
                    .map_err(|error| refused(&error))
            }
            other => other.map_err(|error| refused(&error)),
        }
    }
}

fn next_token(metadata: &ListMeta) -> Option<String> {
    metadata.continue_.clone().filter(|token| !token.is_empty())
}

fn refused(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if status.code == 403 => Failure::NoAccess {
            verb: "list",
            resource: "ledgersegments.ledger.edugrid.io".to_owned(),
            namespace: None,
            role: "edugrid-auditor",
        },
        kube::Error::Api(status) if status.code == 404 => {
            Failure::NotServed("ledger.edugrid.io/v1alpha1".to_owned())
        }
        other => cluster::failure(other),
    }
}

/// Says which file it was.
pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path: PathBuf = path.to_owned();
    move |source| Failure::File { what, path, source }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub(crate) mod tests;
