//! Frames of a scene that is written down, without their colours.

use super::*;
use crate::demo::fixture::evening;

fn frame(columns: usize, rows: usize, language: Language) -> Vec<String> {
    let view = evening();
    let scene = crowded(Scene::of(&view));
    let size = Size { columns, rows };
    let lines = lines(&scene, 200, (4500, view.now()), size, language);
    lines.iter().map(|line| plain(line)).collect()
}

/// With as many purses as the demo has: seven vouchers, and seven tenants with own money.
fn crowded(mut scene: Scene) -> Scene {
    scene.purses = scene.purses.iter().cycle().take(14).cloned().collect();
    scene
}

/// The line as it is read, without colours.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut parts = line.split("\x1b[");
    text += parts.next().unwrap_or_default();
    for part in parts {
        text += part.split_once('m').map_or(part, |(_, rest)| rest);
    }
    text
}

#[test]
fn it_fits_a_hundred_by_thirty() {
    for language in [Language::En, Language::Zh] {
        let lines = frame(100, 30, language);
        assert!(lines.len() < 30, "{} lines", lines.len());
        for line in &lines {
            assert!(
                text::width(line) <= 100,
                "{} wide: {line}",
                text::width(line)
            );
        }
        assert!(lines.iter().any(|line| line.contains("sdu-subsidy")));
    }
}

#[test]
fn a_small_terminal_gets_its_first_lines_and_a_large_one_air() {
    assert_eq!(frame(100, 12, Language::En).len(), 11);
    let air = |rows| {
        frame(100, rows, Language::En)
            .iter()
            .filter(|line| line.is_empty())
            .count()
    };
    assert_eq!((air(32), air(33)), (0, 4));
    assert!(
        frame(160, 50, Language::En)
            .iter()
            .any(|line| line.contains("Qilu Medicine"))
    );
}

#[test]
fn a_tenant_shows_what_it_borrows_and_why_it_waits() {
    let lines = frame(100, 30, Language::En);
    let line = lines
        .iter()
        .find(|line| line.trim_start().starts_with("sdu-cs"));
    let line = line.expect("a line of Computer Science");
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>().join(" "),
        "sdu-cs 18/14 +4 · · 2 3 2 Fragmented, 1 QuotaExceeded"
    );
}

#[test]
fn the_clock_is_the_province_s_and_names_the_cheap_hours() {
    assert!(
        frame(100, 30, Language::En)[0]
            .starts_with("EduGrid  18:00 (+1h15m, 300×)   submitted 2/200")
    );
    let at = |hour| band_at(jiff::civil::time(hour, 30, 0, 0)).map(|band| band.tenths);
    assert_eq!(
        [at(7), at(8), at(12), at(21), at(22)],
        [Some(6), None, Some(8), None, Some(6)]
    );
}

#[test]
fn a_bar_is_full_when_the_pool_is() {
    let line = |used| PoolLine { used, first: None };
    let pool = POOLS[0];
    let drawn = |used| plain(&bar(&line(used), pool, 12));
    assert_eq!(drawn([0; 5]), "░░░░░░░░░░░░");
    assert_eq!(drawn([20, 12, 12, 2, 2]), "████████████");
    assert_eq!(drawn([24, 0, 0, 0, 0]), "██████░░░░░░");
}

#[test]
fn a_purse_shows_spent_held_and_left() {
    let lines = frame(100, 30, Language::En);
    let line = lines.last().expect("purses");
    assert!(
        line.starts_with("sdu-subsidy    ████▒▒░░ 500/1000"),
        "{line}"
    );
}
