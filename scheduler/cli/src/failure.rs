//! What goes wrong, in words that say what to do, and its exit code.

use std::{path::PathBuf, process::ExitCode};

use edugrid_ledger::Damage;

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
    #[error("you may not {verb} {resource} {place}")]
    NoAccess {
        /// `get` or `list`.
        verb: &'static str,
        /// The resource with its group.
        resource: String,
        /// `in namespace "sdu-cs"` or `in all namespaces`.
        place: String,
        /// Who can help, and with what.
        way_out: String,
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
        way_out: &'static str,
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
    /// The exit code, as `--help` documents it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Damaged(_) | Self::Unreadable { .. } => 3,
            Self::NotFound { .. } => 4,
            _ => 1,
        }
    }

    /// The same for `main`.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The way out, if one is known.
    fn hint(&self) -> Option<&str> {
        match self {
            Self::Kubeconfig(_) => {
                Some("name a file with --kubeconfig and a context with --context")
            }
            Self::NoAnswer(_) => Some("try `kubectl version` with the same flags"),
            Self::Unknown(_) => Some("renew the kubeconfig's credentials"),
            Self::NoAccess { way_out, .. } => Some(way_out),
            Self::NotServed(_) => {
                Some("is EduGrid installed? see `kubectl get apiservices,crds | grep edugrid`")
            }
            Self::Unavailable(_) => {
                Some("try again; see `kubectl -n edugrid-system get pods` if it stays so")
            }
            Self::NotFound { way_out, .. } => {
                Some(way_out).copied().filter(|hint| !hint.is_empty())
            }
            Self::Damaged(_) | Self::Unreadable { .. } => Some(
                "nothing after it can be trusted: keep a copy, and compare with an earlier export",
            ),
            Self::Codec { .. } => Some("use the kubectl-edugrid that came with the operator"),
            Self::Refused(_) | Self::File { .. } | Self::Output(_) | Self::Print(_) => None,
        }
    }

    /// Message and hint, as they stand on standard error.
    pub fn told(&self) -> String {
        match self.hint() {
            Some(hint) => format!("error: {self}\nhint: {hint}"),
            None => format!("error: {self}"),
        }
    }
}
