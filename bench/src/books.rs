//! B11: how many charges the books make durable in a second for 1 to 4,096 clients that each
//! wait for theirs, beside what the disk does: the same bytes written and made durable by
//! `fdatasync` with nothing else, in turns on the same disk.
//!
//! A charge is a `Capture` of a running attempt (L5). Charges that wait together are one batch,
//! as in the operator (A3).

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use edugrid_ledger::{Books, Command, FileJournal};
use edugrid_units::{AttemptKey, Seconds, Stamp};
use serde_json::json;

use crate::measure::{RUNS, Samples};
use crate::report::{Line, Report};
use crate::running;

/// Clients that wait at once.
const CLIENTS: [usize; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];
/// Batches of one run, so that small ones are not all noise.
const ROUNDS: usize = 40;
/// Measures and reports.
///
/// # Errors
/// If the books refuse a charge or the disk fails.
pub fn run(directory: &Path) -> Result<Report> {
    std::fs::create_dir_all(directory).context("the journal's directory can't be made")?;
    let (mut lines, mut raw) = (Vec::new(), Vec::new());
    for clients in CLIENTS {
        let point = point(directory, clients)?;
        let what = format!("{clients} clients");
        lines.push(Line::limited(
            what,
            "durable charges/s",
            point.charges,
            point.limit,
        ));
        if clients == 1 {
            let (one, sync) = (point.batch_seconds, point.sync_seconds);
            lines.push(Line::beside(
                "1 client, beside one fdatasync",
                "s",
                one,
                sync,
            ));
        }
        raw.push(json!({"clients": clients, "bytesPerCharge": point.bytes_per_charge}));
        eprintln!("  B11: {clients} clients: done");
    }
    Ok(Report {
        id: "B11",
        title: "books: durable charges, beside write and fdatasync of the same bytes",
        lines,
        notes: vec![
            "a ratio near 1 means that the disk is all one waits for".to_owned(),
            format!("on the file system of {}", directory.display()),
        ],
        raw: json!(raw),
    })
}

struct Point {
    charges: Samples,
    limit: Samples,
    batch_seconds: Samples,
    sync_seconds: Samples,
    bytes_per_charge: usize,
}

fn point(directory: &Path, clients: usize) -> Result<Point> {
    let mut bench = Bench::new(directory, clients)?;
    let (mut charges, mut limit) = (Samples::default(), Samples::default());
    let (mut batch_seconds, mut sync_seconds) = (Samples::default(), Samples::default());
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (count, rounds) = ((clients * ROUNDS) as f64, ROUNDS as f64);
    // The first round says how large the segments are.
    bench.charge()?;
    for _ in 0..RUNS {
        let (mut books, mut disk) = (Duration::ZERO, Duration::ZERO);
        // In turns, so that a disk that slows down slows both.
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                books += bench.charge()?;
                disk += bench.disk()?;
            } else {
                disk += bench.disk()?;
                books += bench.charge()?;
            }
        }
        charges.0.push(count / books.as_secs_f64());
        limit.0.push(count / disk.as_secs_f64());
        batch_seconds.0.push(books.as_secs_f64() / rounds);
        sync_seconds.0.push(disk.as_secs_f64() / rounds);
    }
    Ok(Point {
        charges,
        limit,
        batch_seconds,
        sync_seconds,
        bytes_per_charge: bench.written.iter().sum::<usize>() / clients,
    })
}

/// Books with a running attempt per client, on a journal in a file; and a plain file.
struct Bench {
    books: Books,
    journal: FileJournal,
    plain: File,
    keys: Vec<AttemptKey>,
    now: Stamp,
    /// The sizes of the segments of the last batch.
    written: Vec<usize>,
}

impl Bench {
    fn new(directory: &Path, clients: usize) -> Result<Self> {
        let path = directory.join(format!("journal-{clients}"));
        let plain = directory.join(format!("plain-{clients}"));
        remove(&[&path, &plain])?;
        let mut bench = Self {
            books: Books::new(),
            journal: FileJournal::open(&path)?.0,
            plain: File::create(&plain)?,
            keys: Vec::new(),
            now: running::BEGIN,
            written: Vec::new(),
        };
        // The files live as long as they are open: an interrupted run leaves nothing behind.
        remove(&[&path, &plain])?;
        for command in running::opening() {
            bench.stage(command)?;
        }
        bench.commit()?;
        for client in 0..clients {
            let key = running::begin(&mut bench.books, client, bench.now)?;
            bench.keys.push(key);
        }
        bench.commit()?;
        Ok(bench)
    }

    /// Every client charges once and waits until all of the round is durable. That time
    /// passes before is written down too, untimed.
    fn charge(&mut self) -> Result<Duration> {
        self.now = self.now.after(Seconds(60));
        let until = self.now;
        let except = Vec::new();
        self.stage(Command::Alive { at: until, except })?;
        self.commit()?;
        let begun = Instant::now();
        for index in 0..self.keys.len() {
            let key = self.keys[index].clone();
            self.stage(Command::Capture { key, until })?;
        }
        self.written = self.commit()?;
        Ok(begun.elapsed())
    }

    /// The bytes of such a round, each segment written and made durable, and nothing else.
    fn disk(&mut self) -> Result<Duration> {
        let largest = self.written.iter().copied().max().unwrap_or(0);
        let bytes = vec![0x5a_u8; largest];
        let begun = Instant::now();
        for size in &self.written {
            self.plain.seek(SeekFrom::End(0))?;
            self.plain.write_all(&bytes[..*size])?;
            self.plain.sync_data()?;
        }
        Ok(begun.elapsed())
    }

    fn stage(&mut self, command: Command) -> Result<()> {
        self.books.stage(self.now, command)?;
        Ok(())
    }

    /// Makes what is staged durable and says how many bytes each segment has.
    fn commit(&mut self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        while let Some(batch) = self.books.take_batch() {
            let segment = batch.segment();
            self.journal.append_now(segment)?;
            self.books.committed(segment.sequence)?;
            sizes.push(segment.payload.len());
        }
        Ok(sizes)
    }
}

fn remove(paths: &[&Path]) -> Result<()> {
    for path in paths {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_s_charge_of_a_round_is_made_durable() {
        let folder = std::env::temp_dir().join(format!("edugrid-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut bench = Bench::new(&folder, 3).expect("three attempts run");
        let before = bench.books.position().entries;
        assert!(bench.charge().expect("charges") > Duration::ZERO);
        // One entry says that time passed, three are charges.
        assert_eq!(bench.books.position().entries, before + 4);
        assert!(bench.written.iter().sum::<usize>() > 0);
        assert!(bench.disk().expect("a disk") > Duration::ZERO);
        let left = std::fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(left, 0, "files outlive the run");
        std::fs::remove_dir(&folder).expect("removed");
    }
}
