//! Where the books are read from: the cluster's `LedgerSegment`s, a journal file, or an
//! exported one. Reads only; a file is never opened for writing, so one that the operator
//! has open, or that lies on a sealed medium, can be read too.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use edugrid_crds::LedgerSegment;
use edugrid_ledger::{FileJournal, JournalError, Segment};
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
/// What a journal file begins with.
const JOURNAL_MAGIC: &[u8] = b"EDUGRID\n";

/// The books, wherever they are read from.
pub enum Source {
    /// The cluster's segments.
    Cluster(Box<Pages>),
    /// A journal file's.
    Journal {
        /// What of it hasn't been handed out.
        rest: Option<Stretch>,
        /// Bytes at the end that were never acknowledged.
        torn_bytes: u64,
    },
    /// An export, whole. It has no segments.
    Export(Vec<u8>),
}

/// Some segments that follow each other.
#[derive(Debug, Default)]
pub struct Stretch {
    /// The segments.
    pub segments: Vec<Segment>,
    /// What is wrong with the one after them; nothing is read beyond it.
    pub damage: Option<Unread>,
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
        }))
    }

    /// The books in a file, whichever of the two it is.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(file("read", path))?;
        if bytes.starts_with(JOURNAL_MAGIC) {
            journal(&bytes).map_err(file("read", path))
        } else {
            Ok(Self::Export(bytes))
        }
    }

    /// The next segments; `None`: there are no more.
    ///
    /// # Errors
    /// If they can't be read now. Damage is no error: it is part of the answer.
    pub async fn next(&mut self) -> Result<Option<Stretch>, Failure> {
        match self {
            Self::Cluster(pages) => pages.next().await,
            Self::Journal { rest, .. } => Ok(rest.take()),
            Self::Export(_) => Ok(None),
        }
    }
}

/// The cluster's segments, page by page, in the order of their names.
pub struct Pages {
    api: Api<LedgerSegment>,
    /// Where the list goes on; `None`: it has ended.
    token: Option<String>,
    read: u64,
}

impl Pages {
    /// The next page; `None`: there is no more.
    async fn next(&mut self) -> Result<Option<Stretch>, Failure> {
        let Some(token) = self.token.take() else {
            return Ok(None);
        };
        let page = self
            .page(Some(token).filter(|token| !token.is_empty()))
            .await?;
        self.token = next_token(&page.metadata);
        let mut stretch = Stretch::default();
        for object in page.items {
            match segment(&object) {
                Ok(segment) => stretch.segments.push(segment),
                Err(why) => {
                    stretch.damage = Some(Unread {
                        segment: self.read,
                        what: why.to_string(),
                    });
                    self.token = None;
                    break;
                }
            }
            self.read = self.read.saturating_add(1);
        }
        Ok(Some(stretch))
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

/// Opening a journal cuts its torn tail off and locks it, so a copy is opened.
fn journal(bytes: &[u8]) -> std::io::Result<Source> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("journal");
    std::fs::File::create(&copy)?.write_all(bytes)?;
    let (mut opened, torn_bytes, damage) = match FileJournal::open(&copy) {
        Ok((opened, found)) => (opened, found.torn_bytes, None),
        Err(JournalError::Damaged { record, offset }) => {
            std::fs::OpenOptions::new()
                .write(true)
                .open(&copy)?
                .set_len(offset)?;
            let what = format!("the record at byte {offset} is not as it was written");
            let (opened, _) = FileJournal::open(&copy).map_err(std::io::Error::other)?;
            (
                opened,
                0,
                Some(Unread {
                    segment: record,
                    what,
                }),
            )
        }
        Err(error) => return Err(std::io::Error::other(error)),
    };
    let segments = opened
        .read_now(0, usize::MAX)
        .map_err(std::io::Error::other)?;
    Ok(Source::Journal {
        rest: Some(Stretch { segments, damage }),
        torn_bytes,
    })
}

/// Says which file it was.
pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path: PathBuf = path.to_owned();
    move |source| Failure::File { what, path, source }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub(crate) mod tests;
