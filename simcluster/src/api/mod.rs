//! An API server in memory, as far as the operator uses one: objects with versions, patches,
//! preconditions, lists in pages, watches. It answers a request at once and in full; that
//! answers are late, lost or wrong is the [network](crate::network)'s doing.
//!
//! What it must get right is what the operator's promises rest on: a name is created once,
//! a version that was overtaken is refused, a status' epoch never falls, a watch tells every
//! change in order or says that it can't (410).

mod merge;
mod rules;
mod serve;
mod store;
mod target;

pub use merge::merge;
pub use rules::Rules;
pub use serve::{Account, Answer, Ask, Reply, Verb, expired, has_label, refusal};
pub use store::{Change, ChangeKind, Key, Store, stamp};
pub use target::Kind;
