//! Watching a made-up source by a made-up clock.

use std::cell::RefCell;

use super::*;

fn page(text: &str, age: &str) -> Result<Page, Failure> {
    Ok(Page {
        text: format!("{text}\n"),
        age: Some(age.to_owned()),
        gap: "\n",
    })
}

fn standby() -> Result<Page, Failure> {
    Err(Failure::Unavailable("a standby".into()))
}

/// Shows what the source says in turn; returns what was written, how often the clock was asked
/// to pause, and how it ended. The source ends with a refusal that doesn't pass.
fn watched(
    terminal: Option<usize>,
    said: Vec<Result<Page, Failure>>,
) -> (String, usize, Option<Failure>) {
    let mut screen = Screen {
        look: Look::default(),
        out: Vec::new(),
        terminal: terminal.is_some(),
        rows: terminal,
        shown: None,
    };
    let said = RefCell::new(said.into_iter());
    let pauses = RefCell::new(0);
    let read = async || {
        let next = said.borrow_mut().next();
        next.unwrap_or_else(|| Err(Failure::Refused("the end".into())))
    };
    let pause = async || *pauses.borrow_mut() += 1;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let ended = runtime
        .expect("a runtime")
        .block_on(repeat(read, pause, &mut screen));
    let text = String::from_utf8(screen.out).expect("text");
    let pauses = *pauses.borrow();
    (text, pauses, ended.err())
}

#[test]
fn elsewhere_only_news_are_appended() {
    let (text, pauses, ended) = watched(
        None,
        vec![
            page("a", "at 1"),
            page("a", "at 2"),
            page("b", "at 3"),
            page("a", "at 4"),
        ],
    );
    assert_eq!(text, "a\n\nat 1\n\nb\n\nat 3\n\na\n\nat 4\n");
    assert_eq!(pauses, 4);
    assert!(matches!(ended, Some(Failure::Refused(_))));
}

#[test]
fn a_stream_of_yaml_has_documents_and_one_of_json_values() {
    let yaml = |number| Page::yaml(&[number]);
    assert_eq!(watched(None, vec![yaml(1), yaml(2)]).0, "- 1\n---\n- 2\n");
    let json = |number| Page::json(&number);
    assert_eq!(watched(None, vec![json(1), json(2)]).0, "1\n2\n");
}

#[test]
fn a_terminal_is_drawn_over() {
    let (text, ..) = watched(Some(24), vec![page("a", "at 1"), page("a", "at 2")]);
    assert_eq!(
        text,
        "\x1b[2J\x1b[H\x1b[?7la\x1b[K\n\x1b[K\nat 1\x1b[K\n\x1b[J\x1b[?7h\
         \x1b[H\x1b[?7la\x1b[K\n\x1b[K\nat 2\x1b[K\n\x1b[J\x1b[?7h",
    );
}

#[test]
fn what_does_not_fit_the_terminal_is_counted() {
    let (text, ..) = watched(Some(4), vec![page("1\n2\n3\n4", "at 1")]);
    assert!(
        text.contains("1\x1b[K\n2\x1b[K\n… 4 more lines\x1b[K\n\x1b[J"),
        "{text:?}"
    );
}

#[test]
fn what_may_pass_is_asked_again_but_not_at_first() {
    let (text, pauses, _) = watched(None, vec![page("a", "at 1"), standby(), page("b", "at 2")]);
    assert_eq!(pauses, 3);
    assert!(
        text.contains("error: a standby") && text.ends_with("b\n\nat 2\n"),
        "{text}"
    );
    let (text, pauses, ended) = watched(None, vec![standby()]);
    assert_eq!((text.as_str(), pauses), ("", 0));
    assert!(matches!(ended, Some(Failure::Unavailable(_))));
}
