//! Stored twins of what has no fields: integers as decimal strings, words, names, lists.

use edugrid_units::{
    ClassName, ComputeKind, FundingLineName, JobUid, MicroYuan, MilliUnits, NodeName, Outcome,
    PoolName, PriceBookName, Ratio, RoleName, Seconds, Stamp, TenantName, Tier, VoucherName,
};

use super::{Json, Wire, WireError, canonical};
use crate::{
    account::{Account, Phase},
    chain::{Algorithm, Digest, hex},
    command::CommandId,
    voucher::{Backing, VoucherKind, VoucherState},
};

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                // It goes into memory: that never fails.
                let _written = serde_json::to_writer(&mut *out, self);
                out.push(b'"');
            }

            fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
                let written = json.text()?;
                let parsed = written.parse().ok().filter(|_| is_plain(written));
                parsed.ok_or_else(|| WireError::value(json, stringify!($type)))
            }
        }
    )*};
}
integers!(u32, u64, i64);

/// Whether an integer is in its one spelling: no sign but a minus, no zeros before it.
fn is_plain(integer: &str) -> bool {
    matches!(
        integer.as_bytes(),
        b"0" | [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..]
    )
}

macro_rules! quantities {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }

            fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
                Wire::from_wire(json).map(Self)
            }
        }
    )*};
}
quantities!(MicroYuan, MilliUnits, Seconds, Stamp);

macro_rules! names {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                canonical::text(&[self.as_str()], out);
            }

            fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
                json.text().map(Self::from)
            }
        }
    )*};
}
names!(
    ClassName,
    FundingLineName,
    JobUid,
    NodeName,
    PoolName,
    PriceBookName,
    RoleName,
    TenantName,
    VoucherName,
    String
);

macro_rules! words {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                canonical::text(&[self.as_str()], out);
            }

            fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
                Self::from_word(json.text()?)
                    .ok_or_else(|| WireError::value(json, concat!("a ", stringify!($type))))
            }
        }
    )*};
}
words!(
    ComputeKind,
    Tier,
    Outcome,
    Algorithm,
    Phase,
    Backing,
    VoucherKind,
    VoucherState
);

macro_rules! hashes {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                out.extend(hex(&self.0));
                out.push(b'"');
            }

            fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
                Self::parse(json.text()?)
                    .ok_or_else(|| WireError::value(json, concat!("an ", stringify!($type))))
            }
        }
    )*};
}
hashes!(CommandId, Digest);

/// As it is shown.
impl Wire for Account {
    fn write(&self, out: &mut Vec<u8>) {
        match self.words() {
            (kind, Some(name)) => canonical::text(&[kind, ":", name], out),
            (kind, None) => canonical::text(&[kind], out),
        }
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        Self::parse(json.text()?).ok_or_else(|| WireError::value(json, "an Account"))
    }
}

impl Wire for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        match json {
            Json::Bool(is_it) => Ok(*is_it),
            other => Err(WireError::value(other, "true or false")),
        }
    }
}

/// An array of numerator and denominator.
impl Wire for Ratio {
    fn write(&self, out: &mut Vec<u8>) {
        canonical::pair(&self.num(), &self.den(), out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        let (num, den) = Wire::from_wire(json)?;
        Self::new(num, den).map_err(|_| WireError::value(json, "a fraction"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(it) => it.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        match json {
            Json::Null => Ok(None),
            other => T::from_wire(other).map(Some),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        canonical::list(self.iter(), out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        let items = json
            .list()
            .ok_or_else(|| WireError::value(json, "a list"))?;
        items.iter().map(T::from_wire).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        canonical::pair(&self.0, &self.1, out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        match json.list() {
            Some([a, b]) => Ok((A::from_wire(a)?, B::from_wire(b)?)),
            _ => Err(WireError::value(json, "a pair")),
        }
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_ref().write(out);
    }

    fn from_wire(json: &Json<'_>) -> Result<Self, WireError> {
        T::from_wire(json).map(Self::new)
    }
}
