//! What stands outside of etcd and knows how far the journal reached (L12): the archive, and
//! this process's own memory. A restored etcd backup lacks what was acknowledged; whoever goes
//! on with it decides and charges twice. So it is compared at a start and while leading, and
//! where it lacks something nobody leads until it is restored.
//!
//! The local view is the third witness; the ledger asks it (`edugrid_ledger::restore`).

use std::path::Path;

use edugrid_archiver::journal::{ClusterJournal, Journal};
use edugrid_ledger::{
    ArchiveError, ArchiveReader, Head, Position, ReadError, RealDisk, Rewound, Segment,
};

/// Segments that are read from the archive at once.
const READ_LIMIT: usize = 256;

/// Why nobody may lead here, although the journal in the cluster is sound in itself.
#[derive(Debug, thiserror::Error)]
pub enum Barred {
    /// The journal lacks what was published of it.
    #[error("LedgerRewound: {0}; bring it back with `edugrid-scheduler restore --archive=DIR`")]
    Rewound(#[from] Rewound),
    /// The journal went another way than what was published of it.
    #[error(
        "LedgerRewound: entry {entry} in the cluster is not the one whose hash the archive has; move the segments from {segment} on away by the archiver's user, then run `edugrid-scheduler restore --archive=DIR`"
    )]
    Differs {
        /// The last segment that should be the same.
        segment: u64,
        /// Its last entry.
        entry: u64,
    },
    /// The book goes on elsewhere.
    #[error(
        "the archive belongs to cluster {owner}, this is {here}: the book was restored there and goes on there; this cluster may not go on beside it"
    )]
    Taken {
        /// Where it goes on.
        owner: String,
        /// This cluster.
        here: String,
    },
    /// The book lives in another cluster: whoever goes on with it here would make two of it.
    #[error(
        "this book lives in the cluster whose kube-system has UID {book}, this is {here}: move it here with `edugrid-scheduler restore --archive=DIR`"
    )]
    Elsewhere {
        /// The book's.
        book: String,
        /// This one.
        here: String,
    },
    /// The archive is another book's.
    #[error(
        "the archive keeps book {archived}, the cluster has book {book}: give the right --archive-dir"
    )]
    OtherBook {
        /// The archive's.
        archived: String,
        /// The cluster's.
        book: String,
    },
    /// The archive can't be read, so nobody knows.
    #[error("the archive can't be read, so nobody knows how far the journal reached")]
    Archive(#[from] ArchiveError),
}

/// The witnesses of a process.
#[derive(Clone, Debug)]
pub struct Outside {
    archive: Option<ArchiveReader<RealDisk>>,
    /// The UID of this cluster's namespace `kube-system`.
    here: String,
}

impl Outside {
    /// Those of the cluster `here`, with the archive in a directory if one is given.
    pub fn new(archive: Option<&Path>, here: String) -> Self {
        let archive = archive.map(|directory| ArchiveReader::new(RealDisk, directory));
        Self { archive, here }
    }

    /// The UID of this cluster.
    pub fn here(&self) -> &str {
        &self.here
    }

    /// Whether the book may go on here, as far as the archive knows.
    ///
    /// # Errors
    /// If it goes on elsewhere, or the archive can't be read.
    pub fn check_owner(&self) -> Result<(), Barred> {
        let owner = match &self.archive {
            Some(archive) => archive.owner()?,
            None => None,
        };
        match owner {
            Some(owner) if owner.cluster != self.here => Err(Barred::Taken {
                owner: owner.cluster,
                here: self.here.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a journal has all that was published of it: `segments` are some of its last
    /// ones, `end` is where it ends.
    ///
    /// # Errors
    /// If it lacks something, or has something else.
    pub fn check_head(
        &self,
        book: &str,
        segments: &[Segment],
        end: Position,
    ) -> Result<(), Barred> {
        let head = match &self.archive {
            Some(archive) => archive.head()?,
            None => None,
        };
        let Some(head) = head else {
            return Ok(());
        };
        if !book.is_empty() && head.book != book {
            return Err(Barred::OtherBook {
                archived: head.book,
                book: book.to_owned(),
            });
        }
        compare(&head, segments, end)
    }

    /// Whether the cluster still has what this leader has written: `end` is how far it knows
    /// the journal to reach. A cluster that does not answer says nothing.
    ///
    /// # Errors
    /// If the last segment is gone, which nobody deletes, or the archive knows more.
    pub async fn check_live(&self, journal: &ClusterJournal, end: Position) -> Result<(), Barred> {
        self.check_owner()?;
        self.check_head("", &[], end)?;
        let Some(last) = end.segments.checked_sub(1) else {
            return Ok(());
        };
        match journal.segment(last).await {
            Ok(None) => {
                let lost = Position {
                    segments: last,
                    ..end
                };
                Err(Rewound::new(lost, "the leader", end).into())
            }
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    /// Segments of the archive from a sequence on; none without one.
    ///
    /// # Errors
    /// If the archive can't be read.
    pub fn segments(&mut self, from: u64) -> Result<Vec<Segment>, ReadError> {
        let Some(archive) = &mut self.archive else {
            return Ok(Vec::new());
        };
        archive
            .segments(from, READ_LIMIT)
            .map_err(|error| ReadError {
                from,
                source: Box::new(error),
            })
    }

    /// Whether there is an archive with anything in it.
    pub fn has_archive(&self) -> bool {
        let head = self.archive.as_ref().map(ArchiveReader::head);
        matches!(head, Some(Ok(Some(_))))
    }
}

fn compare(head: &Head, segments: &[Segment], end: Position) -> Result<(), Barred> {
    if head.segments > end.segments {
        return Err(Rewound::new(end, "the archive", head.position()).into());
    }
    let there = if head.segments == end.segments {
        Some(end.head)
    } else {
        let next = segments.iter().find(|it| it.sequence == head.segments);
        next.map(|it| it.previous)
    };
    match there {
        Some(there) if there != head.head => Err(Barred::Differs {
            segment: head.segments.saturating_sub(1),
            entry: head.entries.saturating_sub(1),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_ledger::Digest;
    use edugrid_units::Stamp;

    fn head(segments: u64, head: u8) -> Head {
        Head {
            book: "b".into(),
            segments,
            entries: segments * 10,
            head: Digest([head; 32]),
            cluster: "uid-1".into(),
            written_at: Stamp(0),
        }
    }

    fn end(segments: u64, head: u8) -> Position {
        Position {
            segments,
            entries: segments * 10,
            head: Digest([head; 32]),
        }
    }

    fn segment(sequence: u64, previous: u8) -> Segment {
        Segment {
            sequence,
            epoch: 1,
            nonce: "n".into(),
            codec: "c".into(),
            previous: Digest([previous; 32]),
            payload: Vec::new(),
        }
    }

    #[test]
    fn a_journal_must_have_what_was_published_of_it() {
        let tail = [segment(6, 5), segment(7, 6)];
        assert!(compare(&head(8, 8), &tail, end(8, 8)).is_ok(), "all of it");
        assert!(compare(&head(7, 6), &tail, end(8, 8)).is_ok(), "and more");
        assert!(compare(&head(3, 9), &tail, end(8, 8)).is_ok(), "compacted");
        let rewound = compare(&head(9, 9), &tail, end(8, 8)).map_err(|it| it.to_string());
        let says = rewound.expect_err("it lacks one");
        assert!(
            says.contains("LedgerRewound") && says.contains("9 segments and 90 entries"),
            "{says}"
        );
        for (head, end) in [(head(8, 7), end(8, 8)), (head(7, 5), end(8, 8))] {
            let differs = compare(&head, &tail, end);
            assert!(
                matches!(differs, Err(Barred::Differs { .. })),
                "{differs:?}"
            );
        }
    }
}
