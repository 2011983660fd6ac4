//! What a log gets to read.

use super::*;
use crate::demo::fixture::evening;

#[test]
fn a_log_gets_one_line_with_pools_and_reasons_and_no_colours() {
    let scene = Scene::of(&evening());
    assert_eq!(
        plain(4500, &scene, 200, Language::En),
        " 1h15m  submitted 2/200, running 2, finished 1 | a100 8/48, ascend910b 0/40, general 0/368 \
         | waiting 4: 2 Fragmented, 1 InsufficientFunds, 1 QuotaExceeded",
    );
    assert!(plain(0, &scene, 200, Language::Zh).contains("已提交 2/200"));
}

#[test]
fn a_new_reason_is_told_with_its_sentence() {
    let news = News {
        job: "a/b".to_owned(),
        code: "Held".to_owned(),
        sentence: ["on hold", "挂起"].map(str::to_owned),
    };
    assert_eq!(
        told(60, &news, Language::En),
        "    1m  first to wait for Held: a/b: on hold"
    );
}

#[test]
fn a_frame_is_drawn_over_the_one_before() {
    let mut out = Vec::new();
    redraw(&mut out, 2, &["a".to_owned()]).expect("drawn");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "\x1b[?7l\x1b[2A\r\x1b[2Ka\n\x1b[J\x1b[?7h"
    );
}
