//! Where the books are read from: the cluster's `LedgerSegment`s, a journal file, the archiver's
//! directory, or an exported file, piece by piece in bounded memory. Reads only; a file is never opened for
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

    /// The books in a file, whichever of the two it is, or in an archive's directory.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            let journal = Journal::of_archive(path).map_err(file("read", path))?;
            return Ok(Self::Journal(Box::new(journal)));
        }
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
                    rest: VecDeque::new(),
                    before: Before::default(),
                    length,
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
            Self::Journal(it) => (it.offset(), Some(it.length)),
            Self::Export(it) => (it.read, Some(it.length)),
        }
    }

    /// The first segment that a cluster still has, where it isn't the first of all: older ones
    /// are archived.
    ///
    /// # Errors
    /// If the cluster's segments can't be read.
    pub async fn archived_before(&mut self) -> Result<Option<u64>, Failure> {
        match self {
            Self::Cluster(pages) => pages.first().await.map(|first| first.filter(|it| *it > 0)),
            _ => Ok(None),
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

/// The segments of a journal file, or of the files of an archive one after the other.
pub struct Journal {
    records: Records<File>,
    path: PathBuf,
    /// Files that follow this one.
    rest: VecDeque<PathBuf>,
    before: Before,
    /// All files together, in bytes.
    length: u64,
    ended: bool,
    torn_bytes: u64,
}

/// What stood in the files before.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    records: u64,
    bytes: u64,
}

impl Journal {
    /// The files of an archive: named by their first segment, so that names sort as numbers.
    fn of_archive(path: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path.join("segments"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "journal") {
                files.push(path);
            }
        }
        files.sort();
        let mut length: u64 = 0;
        for file in &files {
            length = length.saturating_add(file.metadata()?.len());
        }
        let mut rest = VecDeque::from(files);
        let first = rest.pop_front();
        let first = first.ok_or_else(|| io::Error::other("it has no segments"))?;
        Ok(Self {
            records: Records::new(File::open(&first)?)?,
            path: first,
            rest,
            before: Before::default(),
            length,
            ended: false,
            torn_bytes: 0,
        })
    }

    fn offset(&self) -> u64 {
        self.before.bytes.saturating_add(self.records.offset())
    }

    fn next(&mut self) -> Result<Option<Piece>, Failure> {
        while !self.ended {
            let number = self.before.records.saturating_add(self.records.read());
            let record = self.records.next_record();
            if let Some(bytes) = record.map_err(file("read", &self.path))? {
                let segment = Segment::from_bytes(&bytes);
                self.ended = segment.is_err();
                return Ok(Some(match segment {
                    Ok(segment) => Piece::Segment(segment),
                    Err(error) => damage(number, format!("its header {error}")),
                }));
            }
            if let Some(damage) = self.end_of_file(number)? {
                self.ended = true;
                return Ok(Some(damage));
            }
        }
        Ok(None)
    }

    /// Goes on to the next file, if there is one; what is wrong with the end of this one.
    fn end_of_file(&mut self, number: u64) -> Result<Option<Piece>, Failure> {
        let ending = self.records.ending().map_err(file("read", &self.path))?;
        let (offset, name) = (self.records.offset(), self.path.clone());
        let next = self.rest.pop_front();
        match (ending, next) {
            (Ending::Whole, None) => self.ended = true,
            (Ending::Torn { bytes }, None) => {
                self.ended = true;
                self.torn_bytes = bytes;
            }
            (Ending::Whole, Some(path)) => {
                self.before.records = number;
                self.before.bytes = self.before.bytes.saturating_add(offset);
                let opened = File::open(&path).and_then(Records::new);
                self.records = opened.map_err(file("read", &path))?;
                self.path = path;
            }
            (Ending::Damaged, _) | (Ending::Torn { .. }, Some(_)) => {
                let place = match self.before.records {
                    0 => format!("byte {offset}"),
                    _ => format!("byte {offset} of {}", name.display()),
                };
                let what = format!("the record at {place} is not as it was written");
                return Ok(Some(damage(number, what)));
            }
        }
        Ok(None)
    }
}

fn damage(segment: u64, what: String) -> Piece {
    Piece::Damage(Unread { segment, what })
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
    /// The sequence of the first segment; `None`: there is none, or it can't be read.
    async fn first(&mut self) -> Result<Option<u64>, Failure> {
        self.fill().await?;
        let first = self.ready.front().and_then(|it| it.as_ref().ok());
        let first = first.map(|segment| segment.sequence);
        self.read = first.unwrap_or(self.read);
        Ok(first)
    }

    /// Reads a page, if nothing is ready.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.ready.is_empty() {
            let Some(token) = self.token.take() else {
                return Ok(());
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
        Ok(())
    }

    /// The next segment; `None`: there is no more.
    async fn next(&mut self) -> Result<Option<Piece>, Failure> {
        self.fill().await?;
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
