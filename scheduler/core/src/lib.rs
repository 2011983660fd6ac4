//! The engine: a pure machine that shares capacity between tenants. Events go in,
//! decisions and explanations come out.
//!
//! ```text
//! tenants → quota → past → share → queue → topology → place → preempt → world → schedule → explain
//! ```
//! Each module uses only those before it. The crate knows no Kubernetes, disk, clock
//! or log, and no money: it asks for that through [`edugrid_units::Purse`]. The same
//! events give the same decisions, bit for bit (N2); time is an argument, numbers are
//! integers (N1), every map is ordered.

#![deny(
    clippy::float_arithmetic,
    clippy::disallowed_types,
    clippy::disallowed_methods
)]
// In tests an overflow is a failed test.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod explain;
mod past;
mod place;
mod preempt;
mod queue;
mod quota;
mod schedule;
mod share;
mod tenants;
mod topology;
mod world;

pub use explain::{
    Alike, Explanation, JobAhead, Order, PathNode, Pending, Place, PoolCondition, PoolView,
    QueueEntry, QueueFilter, Stage, TenantCondition, TenantPoolView, TenantView, UserNode,
    WaitingJob,
};
pub use past::{Past, PastEvent, PastHolder, PastParts, PastRow, PastUse};
pub use preempt::{Stop, StopCause};
pub use queue::{
    ClassSpec, DEFAULT_CLASS, DataClass, Devices, JobSpec, JobType, Request, RoleSpec, Taint,
    TaintEffect, Toleration,
};
pub use quota::Balance;
pub use schedule::Plan;
pub use share::{Average, Share};
pub use tenants::{ClassSubject, OnQuotaCut, QuotaSpec, TenantLimits, TenantSpec, TreeFault};
pub use topology::{Bundle, Counts, NodeResources, NodeSpec, PoolSpec};
pub use world::{AdmittedAttempt, Event, LedgerState, TakingBack, World};
