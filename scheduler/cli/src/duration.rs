//! Spans of time as people read them: the two largest units, rounded down.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// How long it was from one instant to the other; nothing if it wasn't.
pub fn between(earlier: &Time, later: &Time) -> String {
    short(later.0.as_second().saturating_sub(earlier.0.as_second()))
}

/// `3d4h`, `2h5m`, `12m`, `45s`.
fn short(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [
        (seconds / 86_400, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
    ];
    let Some(first) = units.iter().position(|(count, _)| *count > 0) else {
        return format!("{seconds}s");
    };
    let parts = units
        .iter()
        .skip(first)
        .take(2)
        .filter(|(count, _)| *count > 0);
    parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        for (seconds, text) in [
            (-5, "0s"),
            (45, "45s"),
            (60, "1m"),
            (725, "12m"),
            (7_500, "2h5m"),
            (7_200, "2h"),
            (273_600 + 59, "3d4h"),
            (86_400 + 300, "1d"),
        ] {
            assert_eq!(short(seconds), text);
        }
    }
}
