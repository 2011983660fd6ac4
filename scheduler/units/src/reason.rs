//! Why a job waits: the closed list of rule W, with numbers. The same value makes the
//! condition, the CLI's text, the metric's label and the test's expectation.

use std::fmt;

use crate::{MicroYuan, MilliUnits, PoolName, Seconds, Stamp, TenantName};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident,)*) => {
        /// A code of rule W.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $($(#[$doc])* $code,)*
        }

        impl ReasonCode {
            /// Every code, in the order of rule W.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The word that conditions, labels and tables use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }
        }
    };
}

codes! {
    /// The user holds it.
    Held,
    /// Its `startAfter` has not come.
    NotBefore,
    /// A job it depends on has not finished.
    DependsOn,
    /// A limit of the tenant, the user, the class or the job itself.
    LimitReached,
    /// No quota is free on the tenant's path.
    QuotaExceeded,
    /// The tenant or an ancestor may not borrow as much.
    BorrowingLimit,
    /// Vouchers and own money don't reach.
    InsufficientFunds,
    /// No price is known for the pool and tier.
    NoPrice,
    /// No pool could ever hold it.
    NoMatchingPool,
    /// The pool may not see its class of data.
    DataClass,
    /// A large model is served without its filing number.
    ModelNotFiled,
    /// Fractions need an isolation layer that no node has.
    NoIsolation,
    /// Enough is free in sum, but not in the shapes it needs.
    Fragmented,
    /// No topology domain holds it.
    Topology,
    /// What is free is reserved.
    Reserved,
    /// What is free is claimed by a job before it.
    BehindClaim,
    /// Others come first and take what is free.
    BehindInOrder,
    /// Victims have been given notice.
    WaitingForPreemption,
    /// Reclaimed too often to run on lent quota without checkpoints.
    NeedsCheckpoint,
    /// It did not start and waits before the next attempt.
    BackOff,
    /// Its nodes are not healthy.
    Unhealthy,
    /// It asks for more than the pool or quota could ever give.
    TooLarge,
    /// The tenant or user may not use what it names.
    NotAllowed,
    /// The tenant is on hold or draining.
    TenantStopped,
    /// It names something that does not exist.
    UnknownReference,
    /// The API server refuses its pod template.
    TemplateRefused,
    /// Its namespace lacks Pod Security `baseline`.
    NamespaceNotRestricted,
    /// The journal can't be written.
    LedgerUnavailable,
    /// The journal is older than its published head.
    LedgerRewound,
}

impl ReasonCode {
    /// Whether only a person can cure it: such reasons are told at once (A6).
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::NoPrice
                | Self::NoMatchingPool
                | Self::DataClass
                | Self::ModelNotFiled
                | Self::NoIsolation
                | Self::TooLarge
                | Self::NotAllowed
                | Self::UnknownReference
                | Self::TemplateRefused
                | Self::NamespaceNotRestricted
                | Self::NeedsCheckpoint
        )
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Billed units of a pool (N4).
    Units(MilliUnits),
    /// Money.
    Money(MicroYuan),
    /// A plain count, of jobs or nodes.
    Count(u64),
    /// A span.
    Span(Seconds),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units(units) => write!(f, "{units}"),
            Self::Money(money) => write!(f, "{money} yuan"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Span(span) => write!(f, "{span}"),
        }
    }
}

/// Why a job waits, with what is needed to say what would help (W).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The node of the tenant tree where the check failed.
    pub node: Option<TenantName>,
    /// The pool that the reason is about.
    pub pool: Option<PoolName>,
    /// What the reason names: a field, a resource, an object, a job in front.
    pub subject: Option<String>,
    /// How much was asked.
    pub asked: Option<Amount>,
    /// How much there is for it.
    pub free: Option<Amount>,
    /// How much is missing.
    pub missing: Option<Amount>,
    /// When it may end by itself, if that is known.
    pub until: Option<Stamp>,
}

impl Reason {
    /// A reason with a code and nothing else; fields are added by the `with` methods.
    pub fn new(code: ReasonCode) -> Self {
        Self {
            code,
            node: None,
            pool: None,
            subject: None,
            asked: None,
            free: None,
            missing: None,
            until: None,
        }
    }

    /// Names the node of the tree.
    #[must_use]
    pub fn at(mut self, node: TenantName) -> Self {
        self.node = Some(node);
        self
    }

    /// Names the pool.
    #[must_use]
    pub fn in_pool(mut self, pool: PoolName) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Names what the reason is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Says what was asked, what there is and so what is missing.
    #[must_use]
    pub fn numbers(mut self, asked: Amount, free: Amount) -> Self {
        self.missing = match (asked, free) {
            (Amount::Units(a), Amount::Units(f)) => Some(Amount::Units(a.saturating_sub(f))),
            (Amount::Money(a), Amount::Money(f)) => Some(Amount::Money(a.saturating_sub(f))),
            (Amount::Count(a), Amount::Count(f)) => Some(Amount::Count(a.saturating_sub(f))),
            (Amount::Span(a), Amount::Span(f)) => {
                Some(Amount::Span(Seconds(a.0.saturating_sub(f.0))))
            }
            _ => None,
        };
        self.asked = Some(asked);
        self.free = Some(free);
        self
    }

    /// Says when it may end.
    #[must_use]
    pub fn until(mut self, until: Stamp) -> Self {
        self.until = Some(until);
        self
    }
}

/// The English sentence of `kubectl get` and `explain`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(meaning(self.code))?;
        if let Some(subject) = &self.subject {
            write!(f, ": {subject}")?;
        }
        if let Some(pool) = &self.pool {
            write!(f, ", pool {pool}")?;
        }
        if let Some(node) = &self.node {
            write!(f, ", tenant {node}")?;
        }
        if let Some(asked) = &self.asked {
            write!(f, ", asked {asked}")?;
        }
        if let Some(free) = &self.free {
            write!(f, ", free {free}")?;
        }
        if let Some(missing) = &self.missing {
            write!(f, ", missing {missing}")?;
        }
        Ok(())
    }
}

fn meaning(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Held => "on hold by spec.state",
        ReasonCode::NotBefore => "waits for spec.startAfter",
        ReasonCode::DependsOn => "waits for another job",
        ReasonCode::LimitReached => "a limit is reached",
        ReasonCode::QuotaExceeded => "not enough quota is free",
        ReasonCode::BorrowingLimit => "the borrowing limit is reached",
        ReasonCode::InsufficientFunds => "vouchers and own money don't reach",
        ReasonCode::NoPrice => "no price is in effect for the pool and tier",
        ReasonCode::NoMatchingPool => "no pool can hold it",
        ReasonCode::DataClass => "the pool may not see this class of data",
        ReasonCode::ModelNotFiled => "serving needs spec.modelFiling",
        ReasonCode::NoIsolation => "no node can share a card safely",
        ReasonCode::Fragmented => "enough is free in sum, but not in the shapes it needs",
        ReasonCode::Topology => "no topology domain holds it",
        ReasonCode::Reserved => "what is free is reserved",
        ReasonCode::BehindClaim => "what is free is claimed by an earlier job",
        ReasonCode::BehindInOrder => "others come first",
        ReasonCode::WaitingForPreemption => "waits until preempted jobs have stopped",
        ReasonCode::NeedsCheckpoint => "was reclaimed too often to borrow without checkpoints",
        ReasonCode::BackOff => "did not start, waits before the next attempt",
        ReasonCode::Unhealthy => "nodes are not healthy",
        ReasonCode::TooLarge => "asks for more than there can ever be",
        ReasonCode::NotAllowed => "not allowed",
        ReasonCode::TenantStopped => "the tenant is stopped",
        ReasonCode::UnknownReference => "names something that does not exist",
        ReasonCode::TemplateRefused => "the API server refuses the pod template",
        ReasonCode::NamespaceNotRestricted => {
            "the namespace lacks the label pod-security.kubernetes.io/enforce: baseline"
        }
        ReasonCode::LedgerUnavailable => "the ledger can't be written",
        ReasonCode::LedgerRewound => "the ledger is older than its published head",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_as_a_sentence() {
        let reason = Reason::new(ReasonCode::QuotaExceeded)
            .in_pool("a100".into())
            .at("lnu".into())
            .numbers(
                Amount::Units(MilliUnits::whole(32)),
                Amount::Units(MilliUnits::whole(8)),
            );
        assert_eq!(
            reason.to_string(),
            "not enough quota is free, pool a100, tenant lnu, asked 32, free 8, missing 24",
        );
    }
}
