//! What a snapshot of large books takes, by the number of live attempts in them: rows made beside
//! the operator's loop (0014, R3), and read again by the next leader; and the memory that the books
//! take a second time there.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use edugrid_ledger::{Books, Replay};

use crate::host;
use crate::measure::Samples;
use crate::report::Line;
use crate::running;

/// Entries that are made durable at once while the books are made up.
const BATCH: usize = 500;

/// The lines of books with so many live attempts.
///
/// # Errors
/// If the books refuse an attempt, or read other books out of their copy.
pub fn lines(attempts: usize) -> Result<Vec<Line>> {
    let books = made_up(attempts)?;
    let frozen = books.freeze().context("something is staged")?;
    let begun = Instant::now();
    let rows: Vec<u8> = frozen.lines().flatten().collect();
    let written = begun.elapsed().as_secs_f64();
    let snapshot = frozen.snapshot(rows, Vec::new()).context("not opened")?;
    let memory = || host::resident_bytes(std::process::id());
    let (begun, before) = (Instant::now(), memory()?);
    let replay = Replay::resume(&snapshot)?;
    let read = begun.elapsed().as_secs_f64();
    let twice = (memory()? - before) / f64::from(1 << 20);
    ensure!(replay.position() == books.position(), "another place");
    let of = |what: &str| format!("{attempts} live attempts: {what}");
    let plain = |what: &str, unit, value| Line::plain(of(what), unit, Samples(vec![value]));
    Ok(vec![
        plain("rows made", "s", written),
        plain("rows read again", "s", read),
        plain(
            "resident memory more, with the books read again",
            "MiB",
            twice,
        ),
    ])
}

/// Books in which so many attempts run.
fn made_up(attempts: usize) -> Result<Books> {
    let (mut books, at) = (Books::new(), running::BEGIN);
    for command in running::opening() {
        books.stage(at, command)?;
    }
    for client in 0..attempts {
        running::begin(&mut books, client, at)?;
        if client % BATCH == 0 {
            commit(&mut books)?;
        }
    }
    commit(&mut books)?;
    Ok(books)
}

fn commit(books: &mut Books) -> Result<()> {
    while let Some(batch) = books.take_batch() {
        books.committed(batch.segment().sequence)?;
    }
    Ok(())
}
