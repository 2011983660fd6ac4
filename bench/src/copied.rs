//! How long the operator's loop stands still while the books, and with them what was borrowed,
//! are copied for a snapshot (0012, R2), by the number of live attempts in them; and what is done
//! beside the loop: rows made of the copy, and read again by the next leader.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use edugrid_core::{Past, PastEvent};
use edugrid_ledger::{Books, Replay};
use edugrid_units::{MilliUnits, UserName};

use crate::measure::Samples;
use crate::report::Line;
use crate::running;

/// Entries that are made durable at once while the books are made up.
const BATCH: usize = 500;

/// The lines of books with so many live attempts.
///
/// # Errors
/// If the books refuse an attempt, or read other books out of their copy.
pub fn lines(attempts: usize, runs: usize) -> Result<Vec<Line>> {
    let (books, past) = made_up(attempts)?;
    let mut copies = Samples::default();
    for _ in 0..runs.max(1) {
        let begun = Instant::now();
        let copy = (books.freeze().context("something is staged")?, past.clone());
        copies.0.push(begun.elapsed().as_secs_f64());
        drop(copy);
    }
    let frozen = books.freeze().context("something is staged")?;
    let begun = Instant::now();
    let rows: Vec<u8> = frozen.lines().flatten().collect();
    let written = begun.elapsed().as_secs_f64();
    let snapshot = frozen.snapshot(rows, Vec::new()).context("not opened")?;
    let begun = Instant::now();
    let replay = Replay::resume(&snapshot)?;
    let read = begun.elapsed().as_secs_f64();
    ensure!(replay.position() == books.position(), "another place");
    let of = |what: &str| format!("{attempts} live attempts: {what}");
    let plain = |what: &str, seconds| Line::plain(of(what), "s", seconds);
    Ok(vec![
        plain("the loop copies", copies),
        plain("rows made", Samples(vec![written])),
        plain("rows read again", Samples(vec![read])),
    ])
}

/// Books in which so many attempts run, and what they borrow.
fn made_up(attempts: usize) -> Result<(Books, Past)> {
    let (mut books, mut past, at) = (Books::new(), Past::new(), running::BEGIN);
    for command in running::opening() {
        books.stage(at, command)?;
    }
    for client in 0..attempts {
        let key = running::begin(&mut books, client, at)?;
        past.record(PastEvent::Began {
            key,
            path: running::path(),
            user: UserName::from("student"),
            pool: "a100".into(),
            billed: MilliUnits::whole(8),
            at,
        });
        if client % BATCH == 0 {
            commit(&mut books)?;
        }
    }
    commit(&mut books)?;
    Ok((books, past))
}

fn commit(books: &mut Books) -> Result<()> {
    while let Some(batch) = books.take_batch() {
        books.committed(batch.segment().sequence)?;
    }
    Ok(())
}
