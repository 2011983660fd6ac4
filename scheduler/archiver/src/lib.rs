//! The ledger's objects in a cluster, and what takes them away once they are kept elsewhere
//! (L12): the archiver. It knows the books, by which it judges what it keeps, and no engine;
//! it never writes into the cluster, and deletes only what it has read back.
//!
//! The operator writes the same objects, so how they are read and written stands here for both.

pub mod cluster;
pub mod objects;
