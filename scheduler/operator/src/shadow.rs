//! The books a second time, beside the loop: a thread that reads back what the leader has made
//! durable, carries it out again and so proves it, keeps the local view with it, answers what is
//! asked of the past, and writes the books down whole (L12, design 0014). The loop hands over
//! each durable segment and never waits.
//!
//! Contract: what is told of the past is told at or after the segment that was durable when it was
//! asked; until the view has caught up nothing is told. Where a segment, carried out again, leads to
//! other books than the leader's, the process ends: then one of the two is wrong. A shadow that
//! falls behind makes snapshots and answers late, never wrong.

mod follow;
mod keeping;

use edugrid_ledger::{Batch, Damage, Position, Rewound, Segment, SnapshotError};
use tokio::sync::{mpsc, watch};

use crate::{desk::Recollection, visibility::NotFound};

pub use follow::{Beside, Follow, Reading};

/// Segments and questions that wait. Segments for which there is no room are read from the
/// journal again.
const WORKS_MAX: usize = 1024;

/// Why the books and their shadow can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// The journal, carried out again, is damaged.
    #[error("what the leader wrote can't be carried out again")]
    Journal(#[from] Damage),
    /// Carried out again, it leads elsewhere.
    #[error(
        "the leader's books end before entry {leader} with hash {leader_head}, carried out again they end before entry {again} with hash {again_head}"
    )]
    Differs {
        /// Where the leader's end.
        leader: u64,
        /// With which hash.
        leader_head: String,
        /// Where the same segments lead.
        again: u64,
        /// With which hash.
        again_head: String,
    },
    /// The snapshot that the leader began with can't be read again.
    #[error("the snapshot that the leader began with can't be read again")]
    Snapshot(#[from] SnapshotError),
    /// The local view knows more of the journal than the journal does.
    #[error(transparent)]
    Rewound(#[from] Rewound),
    /// It panicked, or its thread is gone.
    #[error("the books' shadow is gone")]
    Gone,
}

/// What can be told of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The view is read, or made again.
    CatchingUp,
    /// All of it.
    Ready,
    /// No view can be made, for that reason; it is tried again.
    NoView(String),
}

/// What the loop hands over.
#[derive(Debug)]
enum Work {
    /// A durable segment, and where the leader's books end with it.
    Segment(Box<Segment>, Position),
    /// Somebody asks.
    Recall(Box<Recollection>),
}

/// The loop's end of it.
#[derive(Debug)]
pub struct Shadow {
    works: mpsc::Sender<Work>,
    state: watch::Receiver<State>,
}

/// The other end.
#[derive(Debug)]
pub struct Other {
    works: mpsc::Receiver<Work>,
    state: watch::Sender<State>,
}

impl Shadow {
    /// Both ends.
    pub fn new() -> (Self, Other) {
        let (works_in, works) = mpsc::channel(WORKS_MAX);
        let (state, state_seen) = watch::channel(State::CatchingUp);
        let shadow = Self {
            works: works_in,
            state: state_seen,
        };
        (shadow, Other { works, state })
    }

    /// A batch is durable.
    pub fn tell(&self, batch: &Batch) {
        let segment = Box::new(batch.segment().clone());
        // One for which there is no room is read from the journal; the process finds out itself
        // where the shadow is gone.
        let _ = self.works.try_send(Work::Segment(segment, batch.after()));
    }

    /// Has somebody's question about the past answered, at once where it can't be.
    pub fn recall(&self, asked: Recollection) {
        let why = match &*self.state.borrow() {
            State::Ready => None,
            State::CatchingUp => Some("it is being read after a start".to_owned()),
            State::NoView(why) => Some(why.clone()),
        };
        if let Some(why) = why {
            asked.answer(Err(NotFound::NotYet(why)));
            return;
        }
        match self.works.try_send(Work::Recall(Box::new(asked))) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(Work::Recall(asked))) => {
                asked.answer(Err(NotFound::NotYet("too much waits for it".into())));
            }
            // A dropped question is an answer too.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
