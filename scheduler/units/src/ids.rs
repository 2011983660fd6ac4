//! Names and ids as distinct types, so that a pool can't be passed where a tenant
//! is meant. All are cheap to clone and ordered by their text, which is what makes
//! every iteration over them deterministic (N2).

use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; the API server has validated it.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name! {
    /// A node of the tenant tree.
    TenantName
}
name! {
    /// A kind of capacity (`ComputePool`).
    PoolName
}
name! {
    /// A Kubernetes node.
    NodeName
}
name! {
    /// A `JobClass`.
    ClassName
}
name! {
    /// Who submits, as the API server knows them.
    UserName
}
name! {
    /// A `ComputeVoucher`.
    VoucherName
}
name! {
    /// A `FundingLine`.
    FundingLineName
}
name! {
    /// A `PriceBook`; the version of a price.
    PriceBookName
}
name! {
    /// A role of a job.
    RoleName
}
name! {
    /// The UID that the API server gave to a `ComputeJob`; unique for all time.
    JobUid
}
