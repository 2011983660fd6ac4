//! Exported books: a line, a body, and whole exports with edits, with and without hashes that
//! follow again.

use std::sync::OnceLock;

use edugrid_ledger::{Algorithm, Command, Entry, Line, Replay, verify_export};

use crate::input::Input;

/// One line: its frame has one spelling.
pub fn export_line(data: &[u8]) {
    if let Some(line) = Line::parse(data) {
        assert_eq!(line.write(), data, "another spelling was taken");
        entry_body(line.body);
    }
}

/// A body: what is read and written again stays the same, and a body that isn't the one that
/// would be written is not believed.
pub fn entry_body(data: &[u8]) {
    let Ok(entry) = Entry::parse(data) else {
        return;
    };
    let body = entry.body();
    assert_eq!(Entry::parse(&body), Ok(entry.clone()), "it reads back");
    if let Command::Open(opening) = &entry.command
        && body != data
    {
        let genesis = opening.algorithm.genesis(&opening.book);
        let line = Line {
            sequence: entry.sequence,
            hash: opening.algorithm.link(&genesis, data),
            body: data,
        };
        assert!(Replay::new().line(&line.write()).is_err(), "two spellings");
    }
}

/// A whole export: any bytes, a sound one with edits, or one whose bodies were edited and whose
/// hashes follow again.
pub fn export(data: &[u8]) {
    let mut input = Input(data);
    let sound = sound();
    match input.byte() % 3 {
        0 => balanced(input.0),
        1 => {
            let edited = input.edit(sound);
            named(sound, &edited);
        }
        _ => {
            let chosen = usize::from(input.byte());
            let mut number = 0;
            let edits = std::cell::RefCell::new(input);
            let counter = std::cell::RefCell::new(&mut number);
            let lie = edugrid_lives::rehashed(Algorithm::Sha256, sound, |body| {
                let mut number = counter.borrow_mut();
                **number += 1;
                if **number == chosen {
                    let edited = edits.borrow_mut().edit(body.as_bytes());
                    String::from_utf8(edited).unwrap_or_else(|_| body.to_owned())
                } else {
                    body.to_owned()
                }
            });
            balanced(&lie);
        }
    }
}

/// What is believed conserves money.
fn balanced(export: &[u8]) {
    let verified = verify_export(export);
    let mut replay = Replay::new();
    let mut lines = export
        .split(|byte| *byte == b'\n')
        .take_while(|it| !it.is_empty());
    let whole = lines.all(|line| replay.line(line).is_ok());
    if let Ok(verified) = verified {
        assert!(whole);
        assert_eq!(replay.position().entries, verified.entries);
        assert_eq!(replay.position().head, verified.head);
        replay.finish().audit().expect("the books balance");
    }
}

/// Nobody who can't make hashes changes a byte unseen; the entry that is named is the first
/// that changed. Whole lines at the end may be missing: only the published head tells that.
fn named(sound: &[u8], edited: &[u8]) {
    let same = sound.iter().zip(edited).take_while(|(a, b)| a == b).count();
    let is_prefix = same == edited.len() && (same == 0 || edited.ends_with(b"\n"));
    let entry = sound[..same].iter().filter(|it| **it == b'\n').count() as u64;
    match verify_export(edited) {
        Ok(verified) => {
            assert!(is_prefix, "byte {same} was altered unseen");
            assert_eq!(verified.entries, entry);
        }
        Err(damage) => {
            assert!(!is_prefix, "{damage}, and it is sound");
            assert_eq!(damage.entry, entry, "byte {same}: {damage}");
        }
    }
}

fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| edugrid_lives::export(&edugrid_lives::worked_example()))
}
