//! What can be asked of the operator's memory, and in which form it is answered.
//!
//! Must not know: HTTP, TLS, who asks. Whoever got here was let in by the API server's RBAC.

use edugrid_crds::visibility::{
    Explanation, QueuedJobList, Statement, StatementList, TenantUseList, VoucherUseList,
};
use edugrid_units::TenantName;
use tokio::sync::oneshot;

/// A question: the closed list of what people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The unfinished jobs of a namespace; `None`: of all namespaces.
    Queue {
        /// Which.
        namespace: Option<String>,
    },
    /// Why a job waits, or where it runs.
    Explain {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The months of a tenant that have movements, the latest first, without accounts and
    /// movements.
    Statements {
        /// Whose.
        tenant: TenantName,
    },
    /// One month of a tenant.
    Statement {
        /// Whose.
        tenant: TenantName,
        /// Its name as it was asked for, such as `2026-11`; not checked.
        month: String,
    },
    /// What a tenant and all below it have, use and can spend now.
    TenantUses {
        /// The one at the top; `None`: all tenants.
        home: Option<TenantName>,
    },
    /// The vouchers of a tenant, of those above it and of those below it.
    VoucherUses {
        /// Whose; `None`: all vouchers.
        home: Option<TenantName>,
    },
}

/// The answer to the query of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To [`Query::Queue`]: at most [`PAGE_MAX`](edugrid_crds::visibility::PAGE_MAX),
    /// the rest counted in the metadata.
    Queue(QueuedJobList),
    /// To [`Query::Explain`].
    Explanation(Box<Explanation>),
    /// To [`Query::Statements`].
    Statements(StatementList),
    /// To [`Query::Statement`].
    Statement(Box<Statement>),
    /// To [`Query::TenantUses`].
    TenantUses(TenantUseList),
    /// To [`Query::VoucherUses`].
    VoucherUses(VoucherUseList),
}

/// What was asked about isn't there; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// The namespace doesn't exist or has no tenant.
    #[error(
        "namespace \"{0}\" belongs to no tenant, ask who manages the tenant to label it edugrid.io/tenant"
    )]
    Namespace(String),
    /// No unfinished job of that name.
    #[error("no unfinished ComputeJob \"{name}\" in namespace \"{namespace}\"")]
    Job {
        /// Where it was looked for.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// No such tenant.
    #[error("no tenant \"{0}\"")]
    Tenant(TenantName),
    /// Nothing moved in that month.
    #[error("tenant \"{tenant}\" has no movements in {month}")]
    Month {
        /// Whose.
        tenant: TenantName,
        /// Which.
        month: String,
    },
}

/// A question on its way to the operator's loop. A dropped `reply` is an answer too: the
/// loop had to stop.
#[derive(Debug)]
pub struct Asked {
    /// The question.
    pub query: Query,
    /// Where the answer goes. Nobody listens any more once the time limit is over.
    pub reply: oneshot::Sender<Result<Reply, NotFound>>,
}
