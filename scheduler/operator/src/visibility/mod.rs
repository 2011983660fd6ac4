//! The aggregated API `visibility.edugrid.io`: what is in the operator's memory, read by
//! people (API.md, "How people read what is in memory").
//!
//! Must not know: the engine, the books. A question goes as a value to the operator's loop,
//! the answer comes back as one; here they only change their form.

mod query;

pub use query::{Asked, NotFound, Query, Reply};
