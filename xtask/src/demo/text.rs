//! How the demo writes durations, shares and sums of money. It must not know what they are of.

/// Micro-yuan in a yuan.
const MICRO: u64 = 1_000_000;

/// A duration in virtual seconds, to the minute: `36m`, `2h05m`.
pub fn minutes(seconds: u64) -> String {
    let minutes = seconds / 60;
    match minutes {
        0..60 => format!("{minutes}m"),
        _ => format!("{}h{:02}m", minutes / 60, minutes % 60),
    }
}

/// A duration as a user writes it in `spec.walltime`: `2h`, `1h30m`.
pub fn walltime(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    match (hours, minutes) {
        (hours, 0) => format!("{hours}h"),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}

/// Unit-seconds as hours with one decimal: `29.7`.
pub fn hours(unit_seconds: u64) -> String {
    let tenths = unit_seconds.saturating_add(180) / 360;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Reads an amount in yuan as the objects hold it; `None` if it is none.
pub fn micro_yuan(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 6 {
        return None;
    }
    let digits = format!("{whole}{fraction:0<6}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Writes an amount in yuan, exactly and always with six decimals, so that columns line up.
pub fn yuan(micro: u64) -> String {
    format!("{}.{:06}", micro / MICRO, micro % MICRO)
}

/// Writes an amount in yuan down to the fen; what is less is left out.
pub fn fen(micro: u64) -> String {
    format!("{}.{:02}", micro / MICRO, micro % MICRO / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_hours() {
        assert_eq!(minutes(59), "0m");
        assert_eq!(minutes(7500), "2h05m");
        assert_eq!(walltime(5400), "1h30m");
        assert_eq!(walltime(7200), "2h");
        assert_eq!(walltime(1800), "30m");
        assert_eq!(hours(106_920), "29.7");
        assert_eq!(hours(179), "0.0");
    }

    #[test]
    fn money_survives_reading_and_writing() {
        for text in ["0.000000", "12.500000", "0.000001", "18446744073709.551615"] {
            assert_eq!(yuan(micro_yuan(text).expect("an amount")), text);
        }
        assert_eq!(micro_yuan("7"), Some(7_000_000));
        assert_eq!(micro_yuan("12.5"), Some(12_500_000));
        assert_eq!(fen(12_509_999), "12.50");
        for text in ["", ".5", "-1", "1e3", "0.0000001", "18446744073709.551616"] {
            assert_eq!(micro_yuan(text), None, "{text}");
        }
    }
}
