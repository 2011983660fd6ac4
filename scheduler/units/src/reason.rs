//! Why a job waits: the closed list of rule W, with numbers. The same value makes the
//! condition, the CLI's text, the metric's label and the test's expectation. Its words
//! stand in `english` and `chinese` and nowhere else.

mod chinese;
mod english;
mod subject;

use std::fmt;

use crate::{MicroYuan, MilliUnits, PoolName, Seconds, Stamp, TenantName};

pub use subject::{Feature, ObjectKind, Subject};

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
    /// What the reason names: a field, a resource, an object, who holds what is missing.
    pub subject: Option<Subject>,
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
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
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

/// A language of the people who read (PRODUCT.md: in their own words).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese, simplified.
    Chinese,
}

impl Language {
    /// Its tag in flags and values: `en` or `zh`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language of a tag or of a POSIX locale, such as `zh`, `zh-CN` or `zh_CN.UTF-8`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let end = tag.find(['-', '_', '.', '@']).unwrap_or(tag.len());
        match tag.get(..end)? {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }
}

impl ReasonCode {
    /// What the code means, as a clause.
    pub fn meaning(self, language: Language) -> &'static str {
        match language {
            Language::English => english::meaning(self),
            Language::Chinese => chinese::meaning(self),
        }
    }

    /// What whoever waits can do about it, as a clause.
    pub fn way_out(self, language: Language) -> &'static str {
        match language {
            Language::English => english::way_out(self),
            Language::Chinese => chinese::way_out(self),
        }
    }
}

impl Reason {
    /// The whole reason as one sentence: what it means, what it is about, and the numbers.
    pub fn sentence(&self, language: Language) -> String {
        match language {
            Language::English => english::sentence(self),
            Language::Chinese => chinese::sentence(self),
        }
    }

    /// What the reason is about, in words.
    pub fn subject_in(&self, language: Language) -> Option<String> {
        let subject = self.subject.as_ref()?;
        Some(match language {
            Language::English => english::subject(subject),
            Language::Chinese => chinese::subject(subject),
        })
    }
}

/// The English sentence of `kubectl get` and logs.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&english::sentence(self))
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

    #[test]
    fn the_same_in_chinese() {
        let reason = Reason::new(ReasonCode::BehindInOrder)
            .in_pool("a100".into())
            .about(Subject::Holders {
                resource: "cards",
                own: Some(("sdu".into(), MilliUnits::whole(4))),
                others: MilliUnits::whole(24),
                foreign: Some(Amount::Units(MilliUnits::whole(2))),
            })
            .numbers(
                Amount::Units(MilliUnits::whole(8)),
                Amount::Units(MilliUnits::whole(2)),
            );
        assert_eq!(
            reason.sentence(Language::English),
            "others come first: cards held by sdu 4, other tenants 24, pods outside EduGrid 2, pool a100, asked 8, free 2, missing 6",
        );
        assert_eq!(
            reason.sentence(Language::Chinese),
            "排在其他作业之后：卡的占用情况为 sdu 4、其他租户 24、EduGrid 之外的 Pod 2；算力池 a100，申请 8，可用 2，缺 6",
        );
    }

    /// Every code has words of its own in both languages.
    #[test]
    fn every_code_is_told_apart() {
        for language in [Language::English, Language::Chinese] {
            let words: std::collections::BTreeSet<_> = ReasonCode::ALL
                .iter()
                .map(|code| code.meaning(language))
                .collect();
            assert_eq!(words.len(), ReasonCode::ALL.len(), "{language:?}");
            for code in ReasonCode::ALL {
                assert!(!code.way_out(language).is_empty(), "{code} in {language:?}");
            }
        }
    }

    #[test]
    fn a_locale_has_a_language() {
        assert_eq!(Language::of_tag("zh_CN.UTF-8"), Some(Language::Chinese));
        assert_eq!(Language::of_tag("en"), Some(Language::English));
        assert_eq!(Language::of_tag("C.UTF-8"), None);
    }
}
