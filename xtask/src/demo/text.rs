//! How the demo writes durations, shares and sums of money. It must not know what they are of.

use edugrid_crds::visibility::VirtualClock;
use jiff::Timestamp;

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

/// Kubernetes stamps objects in real time; only what the operator writes is virtual (N5).
pub fn in_virtual_time(real: Timestamp, clock: Option<&VirtualClock>) -> Timestamp {
    let Some(clock) = clock else { return real };
    let passed = real.duration_since(clock.origin.0);
    let factor = i32::try_from(clock.factor).unwrap_or(i32::MAX);
    clock
        .origin
        .0
        .saturating_add(passed.saturating_mul(factor))
        .unwrap_or(real)
}

/// The columns that a text takes on a terminal: two for each Chinese character.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The text in exactly so many columns: filled with spaces, or cut with an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    let cut = cut(text, columns);
    let missing = columns.saturating_sub(width(&cut));
    cut + &" ".repeat(missing)
}

/// The text in so many columns at most, with an ellipsis where it is cut.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        let mut next = kept.clone();
        next.push(letter);
        if width(&next) + 1 > columns {
            break;
        }
        kept = next;
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// A table: the first `left` columns to the left, the others to the right, three spaces between.
pub fn table(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, widest)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(widest.saturating_sub(width(cell)));
            let (before, after) = if column < left {
                ("", space.as_str())
            } else {
                (space.as_str(), "")
            };
            line += if column > 0 { "   " } else { "" };
            line += before;
            line += cell;
            line += after;
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Writes an amount in whole yuan; what is less is left out.
pub fn whole(micro: u64) -> u64 {
    micro / MICRO
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

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!(fit("计算机", 8), "计算机  ");
        assert_eq!(fit("计算机学院", 6), "计算… ");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("abcd", 0), "");
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let rows = [row(["TENANT", "N"]), row(["学院", "10"])];
        assert_eq!(table(&rows, 1), "TENANT    N\n学院     10\n");
    }
}
