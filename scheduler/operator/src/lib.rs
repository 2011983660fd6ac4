//! The operator: the hands between the API server on one side and the engine and the books
//! on the other. Watches become events, plans become journal batches, and from durable
//! batches follow writes (rules A).
//!
//! It makes no scheduling choice and does no arithmetic with money: whoever looks for an
//! `if` about who runs, or a sum, finds it in `edugrid-core` and `edugrid-ledger`.

#[cfg(test)]
mod api_fixture;
pub mod args;
pub mod attempt;
pub mod barred;
pub mod beginning;
pub mod change;
pub mod clock;
pub mod compaction;
pub mod desk;
pub mod external;
pub mod fingerprint;
pub mod history;
pub mod http;
pub mod jobs;
pub mod journal;
pub mod lead;
pub mod lease;
pub mod machine;
pub mod metrics;
pub mod native;
pub mod outside;
pub mod pile;
pub mod pods;
pub mod policies;
pub mod process;
pub mod remembered;
pub mod restoring;
pub mod shadow;
pub mod startup;
pub mod telling;
pub mod visibility;
pub mod watch;
pub mod writes;

pub use edugrid_translate::{self as translate, requests};
