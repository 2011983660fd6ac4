//! Families of series that are read off rows: a row per tenant, pool, voucher, each as the
//! loop's state had it. A series exists exactly as long as its row.
//!
//! By construction everything shown stands in the table of the docs: both walk the same
//! groups. Floats appear only here and in the docs' numbers (N1).

use std::sync::Arc;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::about::{About, Kind};

/// Something that series are about.
pub trait Row: Sync + 'static {
    /// The names of its labels.
    const LABELS: &'static [&'static str];

    /// Their values, in the same order.
    fn values(&self) -> Vec<&str>;
}

/// Makes a struct a row whose labels are these fields.
macro_rules! row {
    ($row:ty: $($label:ident),*) => {
        impl $crate::metrics::rows::Row for $row {
            const LABELS: &'static [&'static str] = &[$(stringify!($label)),*];

            fn values(&self) -> Vec<&str> {
                vec![$(self.$label.as_ref()),*]
            }
        }
    };
}
pub(super) use row;

/// A family: what it is, and the number that a row gives it. No number: no series.
pub struct Family<R: 'static> {
    /// What it is.
    pub about: About,
    /// The row's number.
    pub value: fn(&R) -> Option<f64>,
}

/// Families over the same rows of a state `S`.
pub struct Group<S: 'static, R: 'static> {
    /// Where the rows are.
    pub rows: fn(&S) -> &[R],
    /// What is read off them.
    pub families: &'static [Family<R>],
}

/// A group, whatever its rows.
pub trait Shown<S>: Sync {
    /// Its families and their labels.
    fn about(&self) -> Vec<(About, &'static [&'static str])>;

    /// Writes all its series.
    ///
    /// # Errors
    /// Those of the encoder.
    fn encode(&self, state: &S, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result;
}

impl<S, R: Row> Shown<S> for Group<S, R> {
    fn about(&self) -> Vec<(About, &'static [&'static str])> {
        let families = self.families.iter();
        families.map(|family| (family.about, R::LABELS)).collect()
    }

    fn encode(&self, state: &S, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
        let rows = (self.rows)(state);
        for family in self.families {
            // A family without series is left out, its heading too.
            if !rows.iter().any(|row| (family.value)(row).is_some()) {
                continue;
            }
            let about = &family.about;
            let unit = about.unit.unit();
            let kind = match about.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Info => MetricType::Info,
                Kind::Gauge | Kind::Histogram => MetricType::Gauge,
            };
            let help = format!("{}.", about.english);
            let mut metric = encoder.encode_descriptor(about.name, &help, unit.as_ref(), kind)?;
            for row in rows {
                if let Some(value) = (family.value)(row) {
                    one(about.kind, row, value, &mut metric)?;
                }
            }
        }
        Ok(())
    }
}

fn one<R: Row>(
    kind: Kind,
    row: &R,
    value: f64,
    metric: &mut MetricEncoder<'_>,
) -> std::fmt::Result {
    let labels: Vec<(&str, &str)> = R::LABELS.iter().copied().zip(row.values()).collect();
    match kind {
        Kind::Info => metric.encode_info(&labels),
        _ if labels.is_empty() => number(kind, value, metric),
        _ => number(kind, value, &mut metric.encode_family(&labels)?),
    }
}

fn number(kind: Kind, value: f64, series: &mut MetricEncoder<'_>) -> std::fmt::Result {
    match kind {
        Kind::Counter => series.encode_counter::<NoLabelSet, _, u64>(&value, None),
        Kind::Gauge | Kind::Histogram | Kind::Info => series.encode_gauge(&value),
    }
}

/// Shows one state in full.
pub(super) struct Exposed<S: 'static> {
    pub state: Arc<S>,
    pub groups: &'static [&'static dyn Shown<S>],
}

impl<S: std::fmt::Debug> std::fmt::Debug for Exposed<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Exposed").field(&self.state).finish()
    }
}

impl<S: std::fmt::Debug + Send + Sync + 'static> Collector for Exposed<S> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for group in self.groups {
            group.encode(&self.state, &mut encoder)?;
        }
        Ok(())
    }
}
