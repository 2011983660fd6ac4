//! What can be asked of the operator's memory, and in which form it is answered.
//!
//! Must not know: HTTP, TLS, who asks. Whoever got here was let in by the API server's RBAC.

use edugrid_crds::visibility::{
    Explanation, QueuePhase, QueuedJob, QueuedJobList, Statement, StatementList, TenantUseList,
    VoucherUseList,
};
use edugrid_units::{ReasonCode, TenantName};
use tokio::sync::oneshot;

use super::paging::Page;

/// A question: the closed list of what people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The unfinished jobs of a namespace.
    Queue {
        /// Which; `None`: of all namespaces.
        namespace: Option<String>,
        /// Which of them.
        select: Select,
        /// Which part of the list.
        page: Page,
    },
    /// One line of it.
    Job {
        /// The job's namespace.
        namespace: String,
        /// Its name.
        name: String,
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
        /// Which part of the list.
        page: Page,
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
        /// Which part of the list.
        page: Page,
    },
    /// The vouchers of a tenant, of those above it and of those below it.
    VoucherUses {
        /// Whose; `None`: all vouchers.
        home: Option<TenantName>,
        /// Which part of the list.
        page: Page,
    },
}

/// Which jobs of a queue; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Those that stand there.
    pub phase: Option<QueuePhase>,
    /// Those that wait for that.
    pub reason: Option<ReasonCode>,
    /// The one of that name.
    pub name: Option<String>,
}

/// The answer to the query of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To [`Query::Queue`].
    Queue(QueuedJobList),
    /// To [`Query::Job`].
    Job(Box<QueuedJob>),
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

/// What was asked about isn't there, or can't be told yet; each says what to do.
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
    /// The books in memory begin later: the month is in the archive.
    #[error(
        "the operator's view begins with {first}, statements of \"{tenant}\" for {month} need the archive: \
         ask the administrator to give the operator its directory (ledger.archiver.readByOperator in the chart)"
    )]
    Archived {
        /// Whose.
        tenant: TenantName,
        /// Which.
        month: String,
        /// The first month that is there.
        first: String,
    },
    /// It may be there: the local view, from which the past is told, isn't ready, for that
    /// reason.
    #[error("statements can't be told yet, the local view isn't ready: {0}; try again")]
    NotYet(String),
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
