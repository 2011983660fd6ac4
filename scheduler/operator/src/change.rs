//! What can wake the loop: one closed list (HOUSE, shape 4).

use edugrid_core::NodeSpec;
use edugrid_crds::{
    ComputeJob, ComputePool, ComputeVoucher, FundingLine, JobClass, PriceBook, Tenant,
};
use edugrid_units::{AttemptKey, RoleName};
use k8s_openapi::api::{batch::v1::Job, core::v1::Namespace};

use crate::{attempt::NativeJob, pods::PodFact, visibility::Asked, watch::Seen, writes::Done};

/// An event for the loop.
#[derive(Debug)]
pub enum Wake {
    /// The cluster changed.
    Change(Box<Change>),
    /// A write was answered.
    Done(Box<Done>),
    /// Somebody asks what is in memory.
    Asked(Asked),
    /// A look at the policies that the books rest on (L12): what of them is missing or altered.
    Guarded(Vec<String>),
    /// Time has passed.
    Tick,
}

/// Something in the cluster changed, or was told for the first time.
#[derive(Debug)]
pub enum Change {
    /// A tenant.
    Tenant(Seen<Tenant>),
    /// A pool.
    Pool(Seen<ComputePool>),
    /// A class.
    Class(Seen<JobClass>),
    /// A voucher.
    Voucher(Seen<ComputeVoucher>),
    /// A funding line.
    FundingLine(Seen<FundingLine>),
    /// A price book.
    PriceBook(Seen<PriceBook>),
    /// A namespace.
    Namespace(Seen<Namespace>),
    /// A job.
    Job(Box<Seen<ComputeJob>>),
    /// A node.
    Node(Seen<NodeSpec>),
    /// A pod, ours or not.
    Pod(Seen<PodFact>),
    /// A native Job of ours.
    Native(Seen<NativeFact>),
}

impl Change {
    /// The place of its watch among all, if this says that the watch has told all that exists.
    pub fn synced(&self) -> Option<usize> {
        let is_synced = |place: usize, synced: bool| synced.then_some(place);
        match self {
            Self::Tenant(seen) => is_synced(0, matches!(seen, Seen::Synced)),
            Self::Pool(seen) => is_synced(1, matches!(seen, Seen::Synced)),
            Self::Class(seen) => is_synced(2, matches!(seen, Seen::Synced)),
            Self::Voucher(seen) => is_synced(3, matches!(seen, Seen::Synced)),
            Self::FundingLine(seen) => is_synced(4, matches!(seen, Seen::Synced)),
            Self::PriceBook(seen) => is_synced(5, matches!(seen, Seen::Synced)),
            Self::Namespace(seen) => is_synced(6, matches!(seen, Seen::Synced)),
            Self::Job(seen) => is_synced(7, matches!(**seen, Seen::Synced)),
            Self::Node(seen) => is_synced(8, matches!(seen, Seen::Synced)),
            Self::Pod(seen) => is_synced(9, matches!(seen, Seen::Synced)),
            Self::Native(seen) => is_synced(10, matches!(seen, Seen::Synced)),
        }
    }
}

/// What is kept of a native Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeFact {
    /// Whose attempt.
    pub key: AttemptKey,
    /// Which role.
    pub role: RoleName,
    /// How it stands.
    pub state: NativeJob,
}

impl NativeFact {
    /// Reads a native Job; `None` if it is not one of ours.
    pub fn read(job: &Job) -> Option<Self> {
        use edugrid_crds::labels;
        let label = |key: &str| job.metadata.labels.as_ref()?.get(key).map(String::as_str);
        let uid = job.metadata.uid.clone()?;
        let conditions = job
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref());
        let ended = conditions.into_iter().flatten().any(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        });
        Some(Self {
            key: AttemptKey {
                job: label(labels::JOB_UID)?.into(),
                task: 0,
                attempt: label(labels::ATTEMPT)?.parse().ok()?,
            },
            role: label(labels::ROLE)?.into(),
            state: match job.metadata.deletion_timestamp {
                Some(_) => NativeJob::Deleting { uid },
                None => NativeJob::Present { uid, ended },
            },
        })
    }
}

impl<K> Seen<K> {
    /// What `translate` makes of the object; `None` where it makes nothing of it.
    pub fn map<T>(self, translate: impl FnOnce(K) -> Option<T>) -> Option<Seen<T>> {
        Some(match self {
            Self::There(object) => Seen::There(translate(object)?),
            Self::Gone { uid, name, last } => Seen::Gone {
                uid,
                name,
                last: last.and_then(translate),
            },
            Self::Synced => Seen::Synced,
        })
    }
}
