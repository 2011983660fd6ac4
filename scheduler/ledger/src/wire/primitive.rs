//! Stored twins of what has no fields: integers as decimal strings, words, names, lists.

use edugrid_units::{
    ClassName, ComputeKind, FundingLineName, JobUid, MicroYuan, MilliUnits, NodeName, Outcome,
    PoolName, PriceBookName, Ratio, RoleName, Seconds, Stamp, TenantName, Tier, VoucherName,
};
use serde_json::Value;

use super::{Wire, WireError};
use crate::{
    account::{Account, Phase},
    chain::{Algorithm, Digest},
    command::CommandId,
    voucher::{Backing, VoucherKind, VoucherState},
};

fn text(value: &Value) -> Result<&str, WireError> {
    value
        .as_str()
        .ok_or_else(|| WireError::value(value, "a string"))
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            fn to_wire(&self) -> Value {
                Value::String(self.to_string())
            }

            fn from_wire(value: &Value) -> Result<Self, WireError> {
                let written = text(value)?;
                let parsed: Option<Self> = written.parse().ok();
                // One spelling: no sign but a minus, no zeros before it.
                let parsed = parsed.filter(|number| number.to_string() == written);
                parsed.ok_or_else(|| WireError::value(value, stringify!($type)))
            }
        }
    )*};
}
integers!(u32, u64, i64);

macro_rules! quantities {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn to_wire(&self) -> Value {
                self.0.to_wire()
            }

            fn from_wire(value: &Value) -> Result<Self, WireError> {
                Wire::from_wire(value).map(Self)
            }
        }
    )*};
}
quantities!(MicroYuan, MilliUnits, Seconds, Stamp);

macro_rules! names {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn to_wire(&self) -> Value {
                Value::String(self.as_str().to_owned())
            }

            fn from_wire(value: &Value) -> Result<Self, WireError> {
                text(value).map(Self::from)
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
            fn to_wire(&self) -> Value {
                Value::String(self.as_str().to_owned())
            }

            fn from_wire(value: &Value) -> Result<Self, WireError> {
                Self::from_word(text(value)?)
                    .ok_or_else(|| WireError::value(value, concat!("a ", stringify!($type))))
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

macro_rules! texts {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn to_wire(&self) -> Value {
                Value::String(self.to_string())
            }

            fn from_wire(value: &Value) -> Result<Self, WireError> {
                Self::parse(text(value)?)
                    .ok_or_else(|| WireError::value(value, concat!("an ", stringify!($type))))
            }
        }
    )*};
}
texts!(Account, CommandId, Digest);

impl Wire for bool {
    fn to_wire(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        value
            .as_bool()
            .ok_or_else(|| WireError::value(value, "true or false"))
    }
}

/// An array of numerator and denominator.
impl Wire for Ratio {
    fn to_wire(&self) -> Value {
        (self.num(), self.den()).to_wire()
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        let (num, den) = Wire::from_wire(value)?;
        Self::new(num, den).map_err(|_| WireError::value(value, "a fraction"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn to_wire(&self) -> Value {
        self.as_ref().map_or(Value::Null, Wire::to_wire)
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        if value.is_null() {
            Ok(None)
        } else {
            T::from_wire(value).map(Some)
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn to_wire(&self) -> Value {
        Value::Array(self.iter().map(Wire::to_wire).collect())
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        let items = value
            .as_array()
            .ok_or_else(|| WireError::value(value, "a list"))?;
        items.iter().map(T::from_wire).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn to_wire(&self) -> Value {
        Value::Array(vec![self.0.to_wire(), self.1.to_wire()])
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        match value.as_array().map(Vec::as_slice) {
            Some([a, b]) => Ok((A::from_wire(a)?, B::from_wire(b)?)),
            _ => Err(WireError::value(value, "a pair")),
        }
    }
}

impl<T: Wire> Wire for Box<T> {
    fn to_wire(&self) -> Value {
        self.as_ref().to_wire()
    }

    fn from_wire(value: &Value) -> Result<Self, WireError> {
        T::from_wire(value).map(Self::new)
    }
}
