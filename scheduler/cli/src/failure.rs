//! What goes wrong, in words that say what to do, and its exit code. The English words stand
//! beside the kinds; the Chinese ones in `chinese`.

mod chinese;

use std::{path::PathBuf, process::ExitCode};

use edugrid_ledger::Damage;
use edugrid_units::Language;

use crate::{sentences, submit::Problem};

/// Why there is no answer. The message is one line; [`hint`](Self::hint) is the way out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kubeconfig can't be used.
    #[error("the kubeconfig can't be used: {0}")]
    Kubeconfig(String),
    /// The API server can't be reached or doesn't answer as one.
    #[error("the cluster does not answer: {0}")]
    NoAnswer(String),
    /// The API server doesn't know the caller.
    #[error("the cluster does not know you: {0}")]
    Unknown(String),
    /// RBAC says no.
    #[error("you may not {verb} {resource} {}", place(.namespace.as_deref()))]
    NoAccess {
        /// `get`, `list` or `create`.
        verb: &'static str,
        /// The resource with its group.
        resource: String,
        /// Where; none: in all namespaces.
        namespace: Option<String>,
        /// The ClusterRole that allows it when bound there.
        role: &'static str,
    },
    /// The API isn't installed.
    #[error("{0} is not served in this cluster")]
    NotServed(String),
    /// The operator can't answer now.
    #[error("{0}")]
    Unavailable(String),
    /// What was asked about isn't there.
    #[error("{message}")]
    NotFound {
        /// What isn't.
        message: String,
        /// Where to look instead.
        elsewhere: Elsewhere,
    },
    /// What was to be submitted is not as it must be; nothing was created.
    #[error("nothing was submitted, {} of {jobs} jobs can't be:\n{}", .refused, list(.problems))]
    Submission {
        /// How many jobs there were.
        jobs: usize,
        /// How many of them are refused.
        refused: usize,
        /// What is wrong with them.
        problems: Vec<Problem>,
    },
    /// A file holds what can't be submitted.
    #[error("nothing was submitted:\n{}", list(.0))]
    Manifest(Vec<Problem>),
    /// After some were created, the API server took no more.
    #[error("after {created} of {jobs} jobs were created: {cause}")]
    Midway {
        /// How many were.
        created: usize,
        /// How many there were.
        jobs: usize,
        /// Why no more.
        cause: Box<Failure>,
    },
    /// Any other refusal.
    #[error("refused: {0}")]
    Refused(String),
    /// A file can't be read or written.
    #[error("file \"{}\" can't be {what}: {source}", .path.display())]
    File {
        /// `read` or `written`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Standard output is gone.
    #[error("can't write to standard output: {0}")]
    Output(std::io::Error),
    /// An answer can't be printed in the form that was asked for.
    #[error("the answer can't be printed: {0}")]
    Print(String),
    /// The books aren't as they were written.
    #[error("the books are damaged: {0}")]
    Damaged(Damage),
    /// A segment or record isn't even one.
    #[error("the books are damaged: segment {segment}, entry {entry}: {what}")]
    Unreadable {
        /// Its sequence.
        segment: u64,
        /// The first entry that can't be read.
        entry: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The books say something else than the objects.
    #[error("the books and the objects differ in {0} places")]
    Differ(usize),
    /// The cluster has only younger segments, and nothing that stands for the older ones.
    #[error("the cluster's segments begin at {first}, and no snapshot stands for those before it")]
    Archived {
        /// The first segment that is there.
        first: u64,
    },
    /// A codec of a later version.
    #[error(
        "segment {segment} is written with codec \"{codec}\", which this version does not know"
    )]
    Codec {
        /// Its sequence.
        segment: u64,
        /// Its codec.
        codec: String,
    },
}

impl Failure {
    /// Every exit code but 2, which is clap's for a wrong command line.
    #[cfg(test)]
    pub const CODES: [u8; 7] = [0, 1, 3, 4, 5, 6, 7];

    /// The exit code, as `--help` documents it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Damaged(_) | Self::Unreadable { .. } => 3,
            Self::NotFound { .. } => 4,
            Self::Submission { .. } | Self::Manifest(_) => 5,
            Self::NoAccess { .. } => 6,
            Self::Differ(_) => 7,
            Self::Midway { cause, .. } => cause.code(),
            _ => 1,
        }
    }

    /// The same for `main`.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// Whether the same question may be answered a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer(_) | Self::Unavailable(_))
    }

    /// The way out, if one is known.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Kubeconfig(_) => "name a file with --kubeconfig and a context with --context",
            Self::NoAnswer(_) => "try `kubectl version` with the same flags",
            Self::Unknown(_) => "renew the kubeconfig's credentials",
            Self::NoAccess {
                namespace, role, ..
            } => {
                let binding = match namespace {
                    Some(_) => "RoleBinding there",
                    None => "ClusterRoleBinding",
                };
                return Some(format!(
                    "ask who manages it for a {binding} to ClusterRole {role}"
                ));
            }
            Self::NotServed(_) => {
                "is EduGrid installed? see `kubectl get apiservices,crds | grep edugrid`"
            }
            Self::Unavailable(_) => {
                "try again; see `kubectl -n edugrid-system get pods` if it stays so"
            }
            Self::NotFound { elsewhere, .. } => elsewhere.english(),
            Self::Damaged(_) | Self::Unreadable { .. } => {
                "nothing after it can be trusted: keep a copy, and compare with an earlier export"
            }
            Self::Differ(_) => {
                "the books are proved, so look at who wrote the object: \
                 `kubectl get -o yaml --show-managed-fields`"
            }
            Self::Archived { .. } => {
                "name the archive with --file, or a checkpoint with --from-checkpoint"
            }
            Self::Codec { .. } => "use the kubectl-edugrid that came with the operator",
            Self::Submission { .. } | Self::Manifest(_) => {
                "correct them and submit all again; --dry-run only tries"
            }
            Self::Midway { .. } => "see `kubectl edugrid queue` for those that were created",
            Self::Refused(_) | Self::File { .. } | Self::Output(_) | Self::Print(_) => return None,
        };
        Some(hint.to_owned())
    }

    /// Message and hint, as they stand on standard error.
    pub fn told(&self, language: Language) -> String {
        let (message, hint) = match language {
            Language::English => (self.to_string(), self.hint()),
            Language::Chinese => (self.chinese(), self.chinese_hint()),
        };
        let error = sentences::error(language, &message);
        match hint {
            Some(hint) => format!("{error}\n{}", sentences::hint(language, &hint)),
            None => error,
        }
    }
}

/// Where to look for what isn't where it was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// In another namespace.
    Namespaces,
    /// Among what is over.
    Finished,
    /// In another month or home.
    Months,
    /// In the home of another tenant.
    Homes,
}

impl Elsewhere {
    fn english(self) -> &'static str {
        match self {
            Self::Namespaces => "name a namespace with -n, or all with -A",
            Self::Finished => {
                "a finished job is told by `kubectl get computejob NAME -o yaml` and the tenant's \
                 statement"
            }
            Self::Months => {
                "name another --month; `kubectl edugrid statement` reads in the home namespace of \
                 the tenant"
            }
            Self::Homes => "name a tenant as `kubectl edugrid tenants` shows it",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Self::Namespaces => "用 -n 指定命名空间，或用 -A 查看全部",
            Self::Finished => "已结束的作业见 `kubectl get computejob NAME -o yaml` 和租户的对账单",
            Self::Months => {
                "用 --month 指定其他月份；`kubectl edugrid statement` 在租户命名空间中读取"
            }
            Self::Homes => "租户名以 `kubectl edugrid tenants` 所列为准",
        }
    }
}

fn place(namespace: Option<&str>) -> String {
    match namespace {
        Some(name) => format!("in namespace \"{name}\""),
        None => "in all namespaces".to_owned(),
    }
}

/// One problem a line.
fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("  {problem}"))
        .collect();
    lines.join("\n")
}
