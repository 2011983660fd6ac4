//! What was borrowed (O3) as the bytes that a snapshot carries (L12): one JSON document, its
//! integers as decimal strings. The ledger keeps it, and never looks into it.

use edugrid_core::{Past, PastHolder, PastParts, PastRow, PastUse};
use edugrid_units::{AttemptKey, ComputeKind, MilliUnits, PoolMeasure, Ratio, Seconds};
use serde::{Deserialize, Serialize};

/// The form that is written.
const FORMAT: &str = "past.v1";

/// Why the bytes aren't a past.
#[derive(Debug, thiserror::Error)]
pub enum ForgottenError {
    /// They aren't the document.
    #[error("what was borrowed can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A form that this version can't read.
    #[error("what was borrowed is written in the unknown form \"{0}\"")]
    Format(String),
    /// A value that can't be.
    #[error("what was borrowed says \"{value}\" where {expected} belongs")]
    Value {
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    decay: Option<(String, String)>,
    measures: Vec<(String, String, String, String)>,
    rows: Vec<Row>,
    open: Vec<Open>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    tenant: String,
    /// `Tenant`, `Own`, or `User:` with the user.
    holder: String,
    lines: Vec<(String, String, String)>,
    sums: Vec<(String, String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Open {
    job: String,
    task: String,
    attempt: String,
    path: Vec<String>,
    user: String,
    pool: String,
    billed: String,
}

/// The bytes of a past; equal ones have equal bytes.
pub fn to_bytes(past: &Past) -> Vec<u8> {
    let PastParts {
        decay,
        measures,
        rows,
        open,
    } = past.parts();
    let document = Document {
        format: FORMAT.to_owned(),
        decay: decay.map(|(since, half_life)| (since.to_string(), half_life.0.to_string())),
        measures: measures
            .into_iter()
            .map(|it| {
                let (num, den) = (it.factor.num().to_string(), it.factor.den().to_string());
                (it.pool.to_string(), it.kind.as_str().to_owned(), num, den)
            })
            .collect(),
        rows: rows.into_iter().map(row).collect(),
        open: open.into_iter().map(usage).collect(),
    };
    // Strings and lists alone: writing them can't fail.
    serde_json::to_vec(&document).unwrap_or_default()
}

fn row(row: PastRow) -> Row {
    let lines = row.lines.into_iter();
    let sums = row.sums.into_iter();
    Row {
        tenant: row.tenant.to_string(),
        holder: match row.holder {
            PastHolder::Tenant => "Tenant".to_owned(),
            PastHolder::Own => "Own".to_owned(),
            PastHolder::User(user) => format!("User:{user}"),
        },
        lines: lines
            .map(|(pool, nominal, used)| {
                (pool.to_string(), nominal.0.to_string(), used.0.to_string())
            })
            .collect(),
        sums: sums
            .map(|(kind, borrowed, past)| {
                let kind = kind.as_str().to_owned();
                (kind, borrowed.to_string(), past.to_string())
            })
            .collect(),
    }
}

fn usage(usage: PastUse) -> Open {
    Open {
        job: usage.key.job.to_string(),
        task: usage.key.task.to_string(),
        attempt: usage.key.attempt.to_string(),
        path: usage.path.iter().map(ToString::to_string).collect(),
        user: usage.user.to_string(),
        pool: usage.pool.to_string(),
        billed: usage.billed.0.to_string(),
    }
}

/// The past of these bytes.
///
/// # Errors
/// If they aren't what [`to_bytes`] makes.
pub fn from_bytes(bytes: &[u8]) -> Result<Past, ForgottenError> {
    let document: Document = serde_json::from_slice(bytes)?;
    if document.format != FORMAT {
        return Err(ForgottenError::Format(document.format));
    }
    let decay = match document.decay {
        Some((since, half_life)) => Some((number(&since)?, Seconds(number(&half_life)?))),
        None => None,
    };
    let measure = |(pool, kind, num, den): (String, String, String, String)| {
        let factor = Ratio::new(number(&num)?, number(&den)?);
        Ok(PoolMeasure {
            pool: pool.into(),
            kind: self::kind(&kind)?,
            factor: factor.map_err(|_| wrong(&den, "a denominator"))?,
        })
    };
    let measures = document.measures.into_iter().map(measure);
    Ok(Past::of_parts(PastParts {
        decay,
        measures: measures.collect::<Result<_, ForgottenError>>()?,
        rows: document
            .rows
            .into_iter()
            .map(row_of)
            .collect::<Result<_, _>>()?,
        open: document
            .open
            .into_iter()
            .map(usage_of)
            .collect::<Result<_, _>>()?,
    }))
}

fn row_of(row: Row) -> Result<PastRow, ForgottenError> {
    let line = |(pool, nominal, used): (String, String, String)| {
        let (nominal, used) = (MilliUnits(number(&nominal)?), MilliUnits(number(&used)?));
        Ok((pool.into(), nominal, used))
    };
    let sum = |(kind, borrowed, past): (String, String, String)| {
        Ok((self::kind(&kind)?, number(&borrowed)?, number(&past)?))
    };
    let lines = row.lines.into_iter().map(line);
    let sums = row.sums.into_iter().map(sum);
    Ok(PastRow {
        tenant: row.tenant.into(),
        holder: match (row.holder.as_str(), row.holder.strip_prefix("User:")) {
            ("Tenant", _) => PastHolder::Tenant,
            ("Own", _) => PastHolder::Own,
            (_, Some(user)) => PastHolder::User(user.into()),
            _ => return Err(wrong(&row.holder, "a holder")),
        },
        lines: lines.collect::<Result<_, ForgottenError>>()?,
        sums: sums.collect::<Result<_, ForgottenError>>()?,
    })
}

fn usage_of(open: Open) -> Result<PastUse, ForgottenError> {
    Ok(PastUse {
        key: AttemptKey {
            job: open.job.into(),
            task: number(&open.task)?,
            attempt: number(&open.attempt)?,
        },
        path: open.path.into_iter().map(Into::into).collect(),
        user: open.user.into(),
        pool: open.pool.into(),
        billed: MilliUnits(number(&open.billed)?),
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, ForgottenError> {
    text.parse().map_err(|_| wrong(text, "an integer"))
}

fn kind(word: &str) -> Result<ComputeKind, ForgottenError> {
    ComputeKind::from_word(word).ok_or_else(|| wrong(word, "a kind of compute"))
}

fn wrong(value: &str, expected: &'static str) -> ForgottenError {
    ForgottenError::Value {
        value: value.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edugrid_core::PastEvent;
    use edugrid_units::{Owned, Ownership, Stamp};

    fn past() -> Past {
        let mut past = Past::new();
        let at = Stamp::from_seconds(100);
        past.record(PastEvent::Owned(Ownership {
            at,
            measures: vec![PoolMeasure {
                pool: "a100".into(),
                kind: ComputeKind::General,
                factor: Ratio::ONE,
            }],
            owned: vec![Owned {
                tenant: "sdu".into(),
                beside_children: true,
                pool: "a100".into(),
                nominal: MilliUnits(500),
            }],
        }));
        past.record(PastEvent::Rebased {
            at,
            half_life: Seconds(60),
        });
        for (job, ends) in [("j", true), ("k", false)] {
            let key = AttemptKey {
                job: job.into(),
                task: 0,
                attempt: 1,
            };
            past.record(PastEvent::Began {
                key: key.clone(),
                path: vec!["sdu".into(), "root".into()],
                user: "li:na".into(),
                pool: "a100".into(),
                billed: MilliUnits(7000),
                at: Stamp::from_seconds(130),
            });
            if ends {
                let at = Stamp::from_seconds(900);
                past.record(PastEvent::Ended { key, at });
            }
        }
        past
    }

    #[test]
    fn what_was_borrowed_is_read_back_as_it_was() {
        for past in [Past::new(), past()] {
            assert_eq!(from_bytes(&to_bytes(&past)).expect("reads"), past);
        }
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let text = String::from_utf8(to_bytes(&past())).expect("text");
        for (from, to, says) in [
            ("past.v1", "past.v9", "unknown form \"past.v9\""),
            ("General", "Quantum", "a kind of compute"),
            ("\"7000\"", "\"7000.5\"", "an integer"),
            ("User:", "Somebody:", "a holder"),
            ("\"rows\"", "\"lines\"", "missing field"),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{from}");
            let error = from_bytes(altered.as_bytes()).expect_err(from).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
