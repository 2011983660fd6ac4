//! The life of a shadow: it catches up with the leader from the same snapshot and segments, then
//! follows segment by segment. Everything here may take as long as it takes.

use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

use edugrid_archiver::{
    cluster::Snapshots,
    journal::{ClusterJournal, Journal},
};
use edugrid_core::Past;
use edugrid_ledger::{
    Earlier, Entry, Known, Position, ReadError, Replay, RestoreError, Restored, Section, Segment,
    Sight, SledView, Snapshot, SnapshotError, restore,
};
use kube::Client;
use tokio::sync::{mpsc, watch};

use super::{
    Other, ShadowError, State, Work,
    keeping::{Carried, Keeping, absent},
};
use crate::{
    beginning::{self, Beginning},
    compaction::Compaction,
    desk::{Recollection, recalled},
    journal,
    machine::Machine,
    metrics::Metrics,
    outside::Outside,
    remembered,
    visibility::NotFound,
};

/// Segments that the view takes at once.
const AT_ONCE: usize = 64;
/// Between two offers of what the view's disk did not take.
const OFFER_AGAIN: Duration = Duration::from_millis(500);
/// Between two tries to make a view.
const MAKE_AGAIN: Duration = Duration::from_secs(60);
/// Between two tries to read a segment.
const READ_AGAIN: Duration = Duration::from_millis(500);

/// What runs beside the loop.
pub type Beside = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the books are read from a second time.
pub struct Reading {
    /// Where they begin; none: before the first segment.
    pub snapshot: Option<Snapshot>,
    /// Every segment from there on.
    pub segments: Vec<Segment>,
    /// Those before that are still there.
    pub before: Vec<Segment>,
    /// Whether these, or they and the archive, go back to the first.
    pub is_told_of_all: bool,
}

impl Reading {
    /// What a start found in the cluster.
    pub fn new(beginning: Beginning, outside: &Outside) -> Self {
        let is_told_of_all = beginning.live.0 == 0 || outside.has_archive();
        Self {
            snapshot: beginning.snapshot,
            segments: beginning.segments,
            before: beginning.before,
            is_told_of_all,
        }
    }

    /// Its segments after the snapshot, and the bytes of their payloads.
    pub fn since_snapshot(&self) -> (u64, u64) {
        let bytes = self.segments.iter().map(|it| it.payload.len());
        let bytes = bytes.fold(0, usize::saturating_add);
        let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        (whole(self.segments.len()), whole(bytes))
    }

    fn start(&self) -> Result<Replay, SnapshotError> {
        self.snapshot
            .as_ref()
            .map_or_else(|| Ok(Replay::new()), Replay::resume)
    }

    /// The books alone, after the last segment.
    fn books(&self, mut past: Option<&mut Past>) -> Result<Replay, ShadowError> {
        let mut replay = self.start()?;
        for segment in &self.segments {
            let records = replay.segment(segment)?;
            let entries = records.iter().map(|record| &record.entry);
            entries.for_each(|entry| remember(past.as_deref_mut(), entry));
        }
        Ok(replay)
    }

    /// What was borrowed before the segments. The leader has read it too.
    fn past(&self) -> Past {
        let section = self.snapshot.as_ref().map(|it| it.section(Section::Past));
        let past = section.map(remembered::from_bytes);
        past.and_then(Result::ok).unwrap_or_default()
    }

    /// Segments that are there before the first: the archive's, where none is in the cluster.
    /// The archiver may be behind the snapshot, but never behind what it has deleted.
    fn earlier(&self, outside: &mut Outside, from: u64) -> Result<Vec<Segment>, ReadError> {
        let place = self.before.partition_point(|it| it.sequence < from);
        let there = self.before.get(place).filter(|it| it.sequence == from);
        if there.is_none() {
            return outside.segments(from);
        }
        Ok(self
            .before
            .iter()
            .skip(place)
            .take(AT_ONCE)
            .cloned()
            .collect())
    }
}

fn remember(past: Option<&mut Past>, entry: &Entry) {
    if let (Some(past), Some(event)) = (past, recalled(entry)) {
        past.record(event);
    }
}

/// What a shadow begins with.
pub struct Follow {
    /// What the leader's books were read from.
    pub reading: Reading,
    /// The book's id.
    pub book: String,
    /// Where they ended.
    pub end: Position,
    /// What was known beside them.
    pub sight: Sight,
    /// The client, for what does not come from the loop.
    pub client: Client,
    /// Of the view.
    pub directory: PathBuf,
    /// The archive, if there is one.
    pub outside: Outside,
    /// When the books are written down.
    pub compaction: Compaction,
    /// What it runs on.
    pub machine: Machine,
    /// What is counted.
    pub metrics: Metrics,
}

impl Follow {
    /// Lives until the loop is gone.
    ///
    /// # Errors
    /// If the books and their shadow can't both be right.
    pub async fn live(self, other: Other) -> Result<(), ShadowError> {
        let Self {
            reading,
            book,
            end,
            sight,
            client,
            directory,
            outside,
            compaction,
            machine,
            metrics,
        } = self;
        let Sight { known, opened } = sight;
        let of_it = known.filter(|known| known.book == book);
        let known = Known {
            book,
            journal: end,
            view: of_it.map_or(Position::START, |known| known.view),
        };
        let keeping = Keeping::new(&directory, machine, metrics, known);
        let mut past = reading.past();
        let mut making = Making { keeping, outside };
        let replay = making.make(&reading, opened, &other.state, Some(&mut past))?;
        drop(reading);
        let follower = Follower {
            replay,
            past,
            making,
            client,
            compaction,
            state: other.state,
        };
        follower.live(other.works).await
    }
}

/// The view, and what it can be made of.
struct Making {
    keeping: Keeping,
    outside: Outside,
}

impl Making {
    /// Books and view from what was read; the books alone where no view can be made.
    fn make(
        &mut self,
        reading: &Reading,
        opened: Option<SledView>,
        state: &watch::Sender<State>,
        mut past: Option<&mut Past>,
    ) -> Result<Replay, ShadowError> {
        // What is taken into the view on the way is in the journal, and must be noted before.
        if !self.keeping.note_again() {
            let why = "its disk takes nothing".to_owned();
            state.send_replace(State::NoView(why));
            return reading.books(past);
        }
        let outside = &mut self.outside;
        let mut earlier = |from| reading.earlier(outside, from);
        let earlier: Option<Earlier<'_>> = match reading.is_told_of_all {
            true => Some(&mut earlier),
            false => None,
        };
        let directory = self.keeping.directory().to_owned();
        let restored = restore(
            &directory,
            opened,
            &|| reading.start(),
            &reading.segments,
            earlier,
            |entry| remember(past.as_deref_mut(), entry),
        );
        let Restored { replay, view } = restored.map_err(|error| match error {
            RestoreError::Rewound(rewound) => {
                self.keeping.forget_note();
                rewound.into()
            }
            RestoreError::Journal(damage) => ShadowError::Journal(damage),
            RestoreError::Snapshot(error) => error.into(),
        })?;
        let now = match view {
            Ok((view, found)) => {
                self.keeping.put(view, &found);
                State::Ready
            }
            Err(error) => State::NoView(absent(&error)),
        };
        state.send_replace(now);
        Ok(replay)
    }
}

/// One that has caught up.
struct Follower {
    replay: Replay,
    past: Past,
    making: Making,
    client: Client,
    compaction: Compaction,
    state: watch::Sender<State>,
}

impl Follower {
    async fn live(mut self, mut works: mpsc::Receiver<Work>) -> Result<(), ShadowError> {
        let mut offer = tokio::time::interval(OFFER_AGAIN);
        let mut make = tokio::time::interval(MAKE_AGAIN);
        make.reset();
        let mut next: Option<Work> = None;
        loop {
            let work = match next.take() {
                Some(work) => Some(work),
                None => tokio::select! {
                    biased;
                    work = works.recv() => work,
                    _ = offer.tick(), if self.making.keeping.waits() => {
                        self.making.keeping.catch_up();
                        continue;
                    }
                    _ = make.tick(), if !self.making.keeping.has_view() => {
                        self.make_view().await?;
                        continue;
                    }
                },
            };
            match work {
                Some(Work::Segment(segment, after)) => {
                    next = self.follow(*segment, after, &mut works).await?;
                }
                Some(Work::Recall(asked)) => self.recall(*asked).await?,
                None => break,
            }
            tokio::task::yield_now().await;
        }
        self.making.keeping.flush();
        Ok(())
    }

    /// Follows a segment and those that wait behind it, and gives back what waits behind them.
    async fn follow(
        &mut self,
        segment: Segment,
        after: Position,
        works: &mut mpsc::Receiver<Work>,
    ) -> Result<Option<Work>, ShadowError> {
        let mut carried = Vec::new();
        let mut work = Some(Work::Segment(Box::new(segment), after));
        while let Some(Work::Segment(segment, after)) = work {
            self.fill(segment.sequence, &mut carried).await?;
            self.carry(&segment, Some(after), &mut carried)?;
            work = match carried.len() < AT_ONCE && !self.compaction.is_due() {
                true => works.try_recv().ok(),
                false => None,
            };
        }
        self.making.keeping.append(&carried);
        if !self.making.keeping.has_view() && *self.state.borrow() == State::Ready {
            self.make_view().await?;
        }
        if self.compaction.is_due() {
            // So that the next start needs no older snapshot than this one.
            self.making.keeping.flush();
            self.compaction.begin(&self.replay, &self.past).await;
        }
        Ok(work)
    }

    /// Carries a segment out again; one that was read before is passed over.
    fn carry(
        &mut self,
        segment: &Segment,
        leader: Option<Position>,
        carried: &mut Vec<Carried>,
    ) -> Result<(), ShadowError> {
        if segment.sequence < self.replay.position().segments {
            return Ok(());
        }
        let records = self.replay.segment(segment)?;
        let events = records.iter().filter_map(|record| recalled(&record.entry));
        events.for_each(|event| self.past.record(event));
        let here = self.replay.position();
        if let Some(leader) = leader.filter(|leader| *leader != here) {
            return Err(ShadowError::Differs {
                leader: leader.entries,
                leader_head: leader.head.to_string(),
                again: here.entries,
                again_head: here.head.to_string(),
            });
        }
        let bytes = u64::try_from(segment.payload.len()).unwrap_or(u64::MAX);
        self.compaction.count(bytes);
        carried.push((records, here));
        Ok(())
    }

    /// Carries out what lies before a segment and found no room on the way here.
    async fn fill(&mut self, until: u64, carried: &mut Vec<Carried>) -> Result<(), ShadowError> {
        let journal = ClusterJournal::new(self.client.clone());
        while self.replay.position().segments < until {
            let sequence = self.replay.position().segments;
            match journal.segment(sequence).await {
                Ok(Some(segment)) => self.carry(&segment, None, carried)?,
                // Nobody deletes it before this process has written a snapshot after it.
                Ok(None) => {
                    tracing::error!(sequence, "a segment that is durable is not there");
                    tokio::time::sleep(READ_AGAIN).await;
                }
                Err(error) => {
                    tracing::warn!(%error, sequence, "a segment can't be read yet");
                    tokio::time::sleep(READ_AGAIN).await;
                }
            }
        }
        Ok(())
    }

    /// Makes the view again, from the segments in the cluster and the archive.
    async fn make_view(&mut self) -> Result<(), ShadowError> {
        self.state.send_replace(State::CatchingUp);
        let end = self.replay.position();
        let reached = self.making.keeping.reached();
        let mut journal = journal::ClusterJournal::new(self.client.clone());
        let snapshots = Snapshots::new(self.client.clone());
        let beginning = match beginning::read(&mut journal, &snapshots, reached).await {
            Ok(beginning) => beginning,
            Err(error) => {
                let why = State::NoView(format!("the journal can't be read for it: {error}"));
                self.state.send_replace(why);
                return Ok(());
            }
        };
        let mut reading = Reading::new(beginning, &self.making.outside);
        reading.segments.retain(|it| it.sequence < end.segments);
        let replay = self.making.make(&reading, None, &self.state, None)?;
        if replay.position() != end {
            self.making.keeping.drop_view();
            let why = "the journal in the cluster is not the one that was followed".to_owned();
            self.state.send_replace(State::NoView(why));
        }
        Ok(())
    }

    /// Tells what is asked, once the view has what was durable when it was asked.
    async fn recall(&mut self, asked: Recollection) -> Result<(), ShadowError> {
        let mut carried = Vec::new();
        self.fill(asked.at.segments, &mut carried).await?;
        self.making.keeping.append(&carried);
        let position = self.replay.position();
        let is_read = match self.making.keeping.at(position) {
            Some(view) => asked.tell(view, position),
            None => {
                asked.answer(Err(NotFound::NotYet("it is made again".into())));
                true
            }
        };
        if !is_read {
            self.making.keeping.discard();
            self.make_view().await?;
        }
        Ok(())
    }
}
