//! The ledger's objects in a cluster, and what takes them away once they are kept elsewhere
//! (L12): the archiver. It knows the books, by which it judges what it keeps, and no engine;
//! it never writes into the cluster, and deletes only what it has read back.
//!
//! The operator writes and reads the same snapshots, so the requests for them stand here for both.

pub mod cluster;
pub mod journal;
pub mod keeper;
pub mod logs;
pub mod probes;
pub mod process;
