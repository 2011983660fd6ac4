//! A `LedgerSegment` object and the books' own segment (L12): read alike by the operator that
//! appends it and by whoever proves the books. What the payload says is not known here.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edugrid_crds::{LedgerSegment, LedgerSegmentSpec};
use edugrid_ledger::{Digest, Segment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Why an object and a segment aren't two forms of the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSegment {
    /// A number outside of what the other form can hold.
    #[error("spec.{field} is {number}, it must be from 0 to {max}", max = i64::MAX)]
    Number {
        /// The field.
        field: &'static str,
        /// What stands there.
        number: i128,
    },
    /// The previous hash isn't one.
    #[error("spec.previous is not a hash of 64 hexadecimal digits")]
    Previous,
    /// The payload isn't base64.
    #[error("spec.payload is not base64: {0}")]
    Payload(String),
    /// The name isn't the sequence, which is what makes it the only one of its number.
    #[error("it is called \"{name}\" and spec.sequence is {sequence}")]
    Name {
        /// The object's name.
        name: String,
        /// Its sequence.
        sequence: u64,
    },
}

/// The object in the books' form.
///
/// # Errors
/// With the first field that can't be one of a segment.
pub fn segment(object: &LedgerSegment) -> Result<Segment, BadSegment> {
    let spec = &object.spec;
    let number = |field, number: i64| {
        u64::try_from(number).map_err(|_| BadSegment::Number {
            field,
            number: number.into(),
        })
    };
    let segment = Segment {
        sequence: number("sequence", spec.sequence)?,
        epoch: number("epoch", spec.epoch)?,
        nonce: spec.nonce.clone(),
        codec: spec.codec.clone(),
        previous: Digest::parse(&spec.previous).ok_or(BadSegment::Previous)?,
        payload: BASE64
            .decode(&spec.payload)
            .map_err(|error| BadSegment::Payload(error.to_string()))?,
    };
    match &object.metadata.name {
        Some(name) if *name == segment.name() => Ok(segment),
        name => Err(BadSegment::Name {
            name: name.clone().unwrap_or_default(),
            sequence: segment.sequence,
        }),
    }
}

/// The segment as an object to be created.
///
/// # Errors
/// If a number is above what an object can hold.
pub fn object(segment: &Segment) -> Result<LedgerSegment, BadSegment> {
    let number = |field, number: u64| {
        i64::try_from(number).map_err(|_| BadSegment::Number {
            field,
            number: number.into(),
        })
    };
    Ok(LedgerSegment {
        metadata: ObjectMeta {
            name: Some(segment.name()),
            ..ObjectMeta::default()
        },
        spec: LedgerSegmentSpec {
            sequence: number("sequence", segment.sequence)?,
            epoch: number("epoch", segment.epoch)?,
            nonce: segment.nonce.clone(),
            codec: segment.codec.clone(),
            previous: segment.previous.to_string(),
            payload: BASE64.encode(&segment.payload),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Segment {
        Segment {
            sequence: 7,
            epoch: 2,
            nonce: "w".into(),
            codec: edugrid_ledger::CODEC.into(),
            previous: Digest([3; 32]),
            payload: b"line\n".to_vec(),
        }
    }

    #[test]
    fn an_object_reads_back() {
        let there = object(&sample()).expect("small numbers");
        assert_eq!(there.metadata.name.as_deref(), Some("00000000000000000007"));
        assert_eq!(segment(&there), Ok(sample()));
    }

    #[test]
    fn what_is_no_segment_is_refused_with_its_field() {
        let altered = |alter: fn(&mut LedgerSegment)| {
            let mut there = object(&sample()).expect("small numbers");
            alter(&mut there);
            segment(&there).expect_err("altered").to_string()
        };
        for (alter, words) in [
            (
                (|it| it.metadata.name = Some("7".into())) as fn(&mut LedgerSegment),
                "it is called \"7\" and spec.sequence is 7",
            ),
            (|it| it.spec.sequence = -1, "spec.sequence is -1"),
            (|it| it.spec.epoch = -1, "spec.epoch is -1"),
            (|it| it.spec.previous.push('0'), "spec.previous is not"),
            (|it| it.spec.payload.push('='), "spec.payload is not base64"),
            // Bits that no byte has: two spellings of one payload.
            (|it| it.spec.payload = "bGluZQr=".into(), "spec.payload"),
        ] {
            let found = altered(alter);
            assert!(found.contains(words), "{found}");
        }
        let beyond = Segment {
            sequence: u64::MAX,
            ..sample()
        };
        assert!(object(&beyond).is_err());
    }
}
