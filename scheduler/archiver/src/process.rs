//! The archiver as a whole: round after round until it is told to stop. It knows neither
//! arguments nor signals, and takes the time and the disk from whoever starts it, so that a
//! simulation can be the one.

use std::{path::PathBuf, sync::Arc, time::Duration};

use edugrid_ledger::{Archive, ArchiveError, Disk, Segment};
use edugrid_units::Stamp;
use kube::Client;

use crate::{
    cluster::cluster_uid,
    journal::ClusterJournal,
    keeper::{KeepError, Keeper, Round},
    probes::Probes,
};

/// Why the archiver ended.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The cluster does not say which one it is.
    #[error("the UID of namespace kube-system can't be read")]
    Cluster(#[from] kube::Error),
    /// The archive can't be opened.
    #[error("the archive can't be opened")]
    Archive(#[from] ArchiveError),
    /// A round said that it must stop.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// What an archiver needs.
pub struct Process<D> {
    /// The client.
    pub client: Client,
    /// The disk that the archive is on.
    pub disk: D,
    /// The directory of the archive.
    pub archive: PathBuf,
    /// Between two rounds.
    pub pause: Duration,
    /// How many of the last segments always stay in the cluster.
    pub stay: u64,
    /// Real time.
    pub now: fn() -> Stamp,
    /// What is told of the rounds.
    pub probes: Arc<Probes>,
}

impl<D: Disk + Clone> Process<D> {
    /// Goes round until `stop`. A round that is under way is left where it stands, as by a kill.
    ///
    /// # Errors
    /// With why it must not go on.
    pub async fn live(self, stop: impl Future<Output = ()>) -> Result<(), ProcessError> {
        tokio::select! {
            biased;
            () = stop => Ok(()),
            ended = self.rounds() => ended,
        }
    }

    async fn rounds(self) -> Result<(), ProcessError> {
        let cluster = cluster_uid(&self.client).await?;
        let archive = Archive::open(self.disk, &self.archive)?;
        tracing::info!(segments = archive.next(), "the archive is open");
        let journal = ClusterJournal::new(self.client);
        let mut keeper = Keeper::open(journal, archive, cluster, self.stay)?;
        loop {
            match keeper.round((self.now)()).await {
                // What was not asked was not done, so the next round does it.
                Err(error) if error.is_unanswered() => {
                    let words = chain(&error);
                    tracing::warn!(words, "trying again");
                    self.probes.failed(words);
                }
                round => {
                    let round = round?;
                    tell(&round);
                    let now = (self.now)();
                    self.probes.went_round(&round, keeper.position(), now);
                }
            }
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// The words of an error and of all that it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    words
}

fn tell(round: &Round) {
    let Round {
        kept,
        proved,
        false_snapshots,
        deleted,
        strays,
    } = round;
    if *kept > 0 || *deleted > 0 || !proved.is_empty() {
        tracing::info!(kept, ?proved, deleted, "a round");
    }
    for Segment {
        sequence,
        epoch,
        nonce,
        ..
    } in strays
    {
        tracing::error!(
            sequence,
            epoch,
            nonce,
            "a segment of a leader that slept stood where another was archived, and was taken away"
        );
    }
    for (sequence, why) in false_snapshots {
        tracing::error!(sequence, why, "a snapshot is not what the segments give");
    }
}
