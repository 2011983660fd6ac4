//! The aggregated API `visibility.edugrid.io`: what is in the operator's memory, read by
//! people (API.md, "How people read what is in memory").
//!
//! The way of a request: TLS ([`trust`]) → who asks ([`front_proxy`]) → what for ([`route`]) →
//! a [`Query`] with its page to the operator's loop and its [`Reply`] ([`desk`]) → object or table
//! ([`table`]). What the caller may read was decided by the API server's RBAC, namespace by
//! namespace, before the request reached us; so nobody but its front proxy is listened to.
//!
//! Must not know: the engine, the books. A question goes as a value to the operator's loop,
//! the answer comes back as one; here they only change their form.

mod desk;
mod discovery;
mod front_proxy;
mod media;
mod paging;
mod parameters;
mod query;
mod route;
mod server;
mod status;
mod table;
mod trust;

pub use desk::LIMIT;
pub use front_proxy::FrontProxyError;
pub use paging::Page;
pub use query::{Asked, NotFound, Query, Reply, Select};
pub use route::{Route, Target};
pub use server::serve;
pub use status::Leadership;
pub use trust::{TlsFiles, TrustError};
