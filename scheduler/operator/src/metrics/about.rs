//! What a metric is, once, for the exposition and for the generated table in the docs.
//!
//! Only this room knows how a name is put together: prefix, words, unit, `_total`. It must
//! not know where a number comes from.

use prometheus_client::registry::Unit;

/// All names but those of the process begin so.
pub const PREFIX: &str = "edugrid";

/// How a metric behaves (OpenMetrics).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only goes up, and begins again at 0 with each process.
    Counter,
    /// How often a value fell below each bound.
    Histogram,
    /// Always 1: the labels are what it says.
    Info,
}

impl Kind {
    /// The word of the exposition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// A base unit, as it stands at the end of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A plain count.
    None,
    /// Units of a pool: cards, or cores (N4).
    Units,
    /// Units of a pool times seconds (N3).
    UnitSeconds,
    /// Yuan.
    Yuan,
    /// Seconds.
    Seconds,
    /// Seconds since 1970.
    TimestampSeconds,
    /// Bytes.
    Bytes,
}

impl Base {
    /// What stands in the name; empty for a plain count.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Units => "units",
            Self::UnitSeconds => "unit_seconds",
            Self::Yuan => "yuan",
            Self::Seconds => "seconds",
            Self::TimestampSeconds => "timestamp_seconds",
            Self::Bytes => "bytes",
        }
    }

    pub(super) fn unit(self) -> Option<Unit> {
        (self != Self::None).then(|| Unit::Other(self.as_str().to_owned()))
    }
}

/// A metric: its name and what it means, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The words of its name, without prefix, unit and `_total`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its unit.
    pub unit: Base,
    /// What it means, in English: one line, also in the exposition.
    pub english: &'static str,
    /// The same in Chinese.
    pub chinese: &'static str,
}

impl About {
    /// The name under which Prometheus stores it.
    pub fn full_name(&self) -> String {
        let mut name = match self.name.starts_with("process_") {
            true => self.name.to_owned(),
            false => format!("{PREFIX}_{}", self.name),
        };
        if self.unit != Base::None {
            name = format!("{name}_{}", self.unit.as_str());
        }
        match self.kind {
            Kind::Counter => name + "_total",
            Kind::Info => name + "_info",
            Kind::Gauge | Kind::Histogram => name,
        }
    }
}

/// A metric in one line: name, unit, what it means in English and in Chinese.
pub(super) const fn gauge(
    name: &'static str,
    unit: Base,
    english: &'static str,
    chinese: &'static str,
) -> About {
    about(Kind::Gauge, name, unit, english, chinese)
}

/// The same for what only goes up.
pub(super) const fn counter(
    name: &'static str,
    unit: Base,
    english: &'static str,
    chinese: &'static str,
) -> About {
    about(Kind::Counter, name, unit, english, chinese)
}

/// The same for a distribution.
pub(super) const fn histogram(
    name: &'static str,
    unit: Base,
    english: &'static str,
    chinese: &'static str,
) -> About {
    about(Kind::Histogram, name, unit, english, chinese)
}

/// The same for what its labels say.
pub(super) const fn info(
    name: &'static str,
    english: &'static str,
    chinese: &'static str,
) -> About {
    about(Kind::Info, name, Base::None, english, chinese)
}

const fn about(
    kind: Kind,
    name: &'static str,
    unit: Base,
    english: &'static str,
    chinese: &'static str,
) -> About {
    About {
        name,
        kind,
        unit,
        english,
        chinese,
    }
}
