//! What the audit of the books finds in short books that are whole, and in such that can't be. It knows only their text.

use super::*;

/// A book of one voucher of 2 yuan and one job of 8 cards at 6 yuan an hour for 60 s; `more` stands after its admission.
fn book(more: &[&str]) -> Books {
    let mut lines = vec![
        r#"{"Open":{"book":"b"}}|{"Done":{}}|[]"#.to_owned(),
        r#"{"Epoch":{"epoch":"1","writer":"w"}}|{"Done":{}}|[]"#.to_owned(),
        r#"{"Grant":{"voucher":"v"}}|{"Done":{}}|[{"amount":"2000000","credit":"grant:v","debit":"issuer:l","phase":"Post"}]"#
            .to_owned(),
        admit("j", 1, 8),
    ];
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    let export: Vec<String> = (0..)
        .zip(&lines)
        .map(|(at, line)| exported(at, line))
        .collect();
    Books::read(&export.join("\n"), 8).expect("an export")
}

fn exported(sequence: usize, line: &str) -> String {
    let parts: Vec<&str> = line.split('|').collect();
    format!(
        r#"{{"sequence":"{sequence}","hash":"h","body":{{"answer":{},"at":"{}","command":{},"legs":{},"sequence":"{sequence}"}}}}"#,
        parts[1],
        sequence + 1,
        parts[0],
        parts[2]
    )
}

fn admit(job: &str, attempt: u32, cards: u32) -> String {
    format!(
        r#"{{"Admit":{{"admission":{{"billed":"{cards}000","key":{{"attempt":"{attempt}","job":"{job}","task":"0"}},"name":"{job}",
        "namespace":"n","path":["t","root"],"placement":[{{"nodes":[["a","1"]],"request":{{"cards":"{cards}000"}},"role":"w"}}]}},
        "epoch":"1","hold":{{"own_pool":false,"rates":{{"bands":[],"per_unit_hour":"6000000"}}}}}}}}|{{"Admitted":{{"held":"800000"}}}}
        |[{{"amount":"800000","credit":"provider:p","debit":"grant:v","phase":"Hold"}}]"#
    )
    .replace('\n', "")
}

fn end(charged: u32, seconds: u32) -> String {
    let released = 800_000 - charged;
    format!(
        r#"{{"End":{{"key":{{"attempt":"1","job":"j","task":"0"}},"outcome":"Succeeded"}}}}|{{"Settled":{{"charged":"{charged}",
        "ended":"{seconds}000000000","last_charged":"{charged}","refunded":"0","released":"{released}","started":"0"}}}}
        |[{{"amount":"{charged}","credit":"provider:p","debit":"grant:v","phase":"Capture"}},
        {{"amount":"{released}","credit":"provider:p","debit":"grant:v","phase":"Release"}}]"#
    )
    .replace('\n', "")
}

const STARTED: &str =
    r#"{"Started":{"at":"0","key":{"attempt":"1","job":"j","task":"0"}}}|{"Done":{}}|[]"#;

fn check(more: &[&str], expected: &[&str]) {
    let found = book(more).faults;
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} is not {expected}");
    }
}

#[test]
fn a_life_that_is_whole_has_no_fault() {
    // 8 cards, 6 yuan an hour, 60 s: 0.8 yuan.
    check(&[STARTED, &end(800_000, 60)], &[]);
    let books = book(&[STARTED, &end(800_000, 60)]);
    assert_eq!(
        (books.charged_below("root"), books.charged_below("other")),
        (800_000, 0)
    );
}

#[test]
fn what_can_t_be_is_named() {
    check(&[], &["n/j attempt 1 is open"]);
    check(&[&end(799_999, 60)], &["its 60 s cost 800000"]);
    // Held was 0.8 yuan: no second more is charged.
    check(&[&end(800_000, 61)], &[]);
    check(
        &[STARTED, STARTED, &end(800_000, 60)],
        &["for the second time"],
    );
    check(&[&end(800_000, 60), STARTED], &["has ended"]);
    let epoch = r#"{"Epoch":{"epoch":"3","writer":"x"}}|{"Done":{}}|[]"#;
    check(&[&end(800_000, 60), epoch], &["epoch 3 after 1"]);
    let unknown = STARTED.replace("\"j\"", "\"k\"");
    check(&[&end(800_000, 60), &unknown], &["never admitted"]);
}

#[test]
fn an_attempt_is_admitted_once_and_a_node_has_eight_cards() {
    let twice = book(&[&admit("j", 1, 8), &end(800_000, 60)]).faults;
    let all = twice.join("\n");
    for words in [
        "last attempt is open",
        "for the second time",
        "16000 milli-cards on a",
    ] {
        assert!(all.contains(words), "{all}");
    }
    // One that follows the other uses the same cards.
    let after = book(&[&end(800_000, 60), &admit("k", 1, 8)]).faults;
    assert_eq!(after, ["n/k attempt 1 is open"]);
}

#[test]
fn an_account_is_never_overdrawn() {
    let lines = [admit("k", 1, 0), admit("l", 1, 0)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let all = book(&lines).faults.join("\n");
    assert!(
        all.contains("leaves 2000000 in grant:v, of which 2400000 is held"),
        "{all}"
    );
}
