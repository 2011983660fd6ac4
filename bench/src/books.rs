//! B11: how many charges the books make durable in a second for 1 to 4,096 clients that each
//! wait for theirs, beside what the disk does: the same bytes written and made durable by
//! `fdatasync` with nothing else, in turns on the same disk. And how much of a processor a charge
//! takes, beside what it takes at the least: the system's part for the disk, and every hash that
//! the stored form asks for over as many bytes. That tells something on a busy machine too.
//!
//! A charge is a `Capture` of a running attempt (L5). Charges that wait together are one batch,
//! as in the operator (A3).

use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use edugrid_ledger::{Algorithm, Books, Command, Entry, FileJournal, Line as Stored, Segment};
use edugrid_units::{AttemptKey, Seconds, Stamp};
use serde_json::json;

use crate::host;
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
        let unit = "durable charges/s";
        let rate = Line::limited(
            format!("{clients} clients"),
            unit,
            point.charges,
            point.disk,
        );
        let what = format!("{clients} clients: processor, beside disk and hashes");
        lines.extend([rate, Line::beside(what, "µs", point.used, point.least)]);
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
    disk: Samples,
    /// Microseconds of processor per charge.
    used: Samples,
    /// Microseconds of processor for disk and hashes of a charge.
    least: Samples,
    batch_seconds: Samples,
    sync_seconds: Samples,
    bytes_per_charge: usize,
}

/// What something took: of the clock, and of the processor.
#[derive(Clone, Copy, Default)]
struct Took {
    wall: Duration,
    used: Duration,
}

impl Took {
    fn of(work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let (begun, before) = (Instant::now(), host::thread_time());
        work()?;
        let (wall, used) = (begun.elapsed(), host::thread_time() - before);
        Ok(Self { wall, used })
    }
}

impl std::ops::AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.used += other.used;
    }
}

fn point(directory: &Path, clients: usize) -> Result<Point> {
    let mut bench = Bench::new(directory, clients)?;
    // The first round says what is written.
    let mut written = Vec::new();
    bench.charge(|segment| written.push(segment.to_bytes()))?;
    let bytes_per_charge = written.iter().map(Vec::len).sum::<usize>() / clients;
    let mut limits = Limits::new(directory, clients, written)?;
    let [mut charges, mut disk, mut used, mut least] = [const { Samples(Vec::new()) }; 4];
    let [mut batch_seconds, mut sync_seconds] = [const { Samples(Vec::new()) }; 2];
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (count, rounds) = ((clients * ROUNDS) as f64, ROUNDS as f64);
    for _ in 0..RUNS {
        let [mut books, mut synced, mut hashed] = [Took::default(); 3];
        // In turns, so that a disk or a core that slows down slows all of them.
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                books += bench.charge(|_| {})?;
            }
            synced += limits.disk()?;
            hashed += limits.hashes()?;
            if round % 2 == 1 {
                books += bench.charge(|_| {})?;
            }
        }
        charges.0.push(count / books.wall.as_secs_f64());
        disk.0.push(count / synced.wall.as_secs_f64());
        let micros = |used: Duration| used.as_secs_f64() * 1e6 / count;
        used.0.push(micros(books.used));
        least.0.push(micros(synced.used + hashed.used));
        batch_seconds.0.push(books.wall.as_secs_f64() / rounds);
        sync_seconds.0.push(synced.wall.as_secs_f64() / rounds);
    }
    Ok(Point {
        charges,
        disk,
        used,
        least,
        batch_seconds,
        sync_seconds,
        bytes_per_charge,
    })
}

/// Books with a running attempt per client, on a journal in a file.
struct Bench {
    books: Books,
    journal: FileJournal,
    keys: Vec<AttemptKey>,
    now: Stamp,
}

impl Bench {
    fn new(directory: &Path, clients: usize) -> Result<Self> {
        let path = directory.join(format!("journal-{clients}"));
        remove(&path)?;
        let mut bench = Self {
            books: Books::new(),
            journal: FileJournal::open(&path)?.0,
            keys: Vec::new(),
            now: running::BEGIN,
        };
        // The file lives as long as it is open: an interrupted run leaves nothing behind.
        remove(&path)?;
        for command in running::opening() {
            bench.stage(command)?;
        }
        bench.commit(|_| {})?;
        for client in 0..clients {
            let key = running::begin(&mut bench.books, client, bench.now)?;
            bench.keys.push(key);
        }
        bench.commit(|_| {})?;
        Ok(bench)
    }

    /// Every client charges once and waits until all of the round is durable. That time
    /// passes before is written down too, untimed.
    fn charge(&mut self, each: impl FnMut(&Segment)) -> Result<Took> {
        self.now = self.now.after(Seconds(60));
        let until = self.now;
        let except = Vec::new();
        self.stage(Command::Alive { at: until, except })?;
        self.commit(|_| {})?;
        Took::of(|| {
            for index in 0..self.keys.len() {
                let key = self.keys[index].clone();
                self.stage(Command::Capture { key, until })?;
            }
            self.commit(each)
        })
    }

    fn stage(&mut self, command: Command) -> Result<()> {
        self.books.stage(self.now, command)?;
        Ok(())
    }

    /// Makes what is staged durable and shows each segment.
    fn commit(&mut self, mut each: impl FnMut(&Segment)) -> Result<()> {
        while let Some(batch) = self.books.take_batch() {
            let segment = batch.segment();
            self.journal.append_now(segment)?;
            self.books.committed(segment.sequence)?;
            each(segment);
        }
        Ok(())
    }
}

/// What a round of charges takes at the least.
struct Limits {
    plain: File,
    /// The segments of a round, as bytes.
    written: Vec<Vec<u8>>,
    /// How many bytes of each entry are hashed: for its id and for its command (L10), and in its
    /// link (L11). Each segment is hashed once more as a record of the file.
    hashed: Vec<[usize; 3]>,
}

impl Limits {
    fn new(directory: &Path, clients: usize, written: Vec<Vec<u8>>) -> Result<Self> {
        let path = directory.join(format!("plain-{clients}"));
        let plain = File::create(&path)?;
        remove(&path)?;
        let mut hashed = Vec::new();
        for bytes in &written {
            let segment = Segment::from_bytes(bytes)?;
            for line in segment.payload.split_inclusive(|byte| *byte == b'\n') {
                hashed.push(hashed_of(line)?);
            }
        }
        Ok(Self {
            plain,
            written,
            hashed,
        })
    }

    /// Each segment written and made durable, and nothing else.
    fn disk(&mut self) -> Result<Took> {
        Took::of(|| {
            for bytes in &self.written {
                self.plain.seek(SeekFrom::End(0))?;
                self.plain.write_all(bytes)?;
                self.plain.sync_data()?;
            }
            Ok(())
        })
    }

    /// As many bytes hashed, in as many pieces, and nothing else.
    fn hashes(&self) -> Result<Took> {
        Took::of(|| {
            for bytes in &self.written {
                black_box(Algorithm::Sha256.digest(bytes));
            }
            // Any bytes do; a segment is longer than each of its entries with its hash.
            let bytes = &self.written[0];
            for size in self.hashed.as_flattened() {
                black_box(Algorithm::Sha256.digest(&bytes[..*size]));
            }
            Ok(())
        })
    }
}

/// What is hashed of the line of a charge.
fn hashed_of(line: &[u8]) -> Result<[usize; 3]> {
    let body = line.strip_suffix(b"\n").and_then(Stored::parse);
    let body = body.context("a line is not one")?.body;
    let Command::Capture { key, until } = Entry::parse(body)?.command else {
        bail!("something else than a charge was written");
    };
    let id = format!("Capture\n{key}/{}", until.0).len();
    let text = str::from_utf8(body)?;
    let command = text.split_once("\"command\":");
    let command = command.and_then(|(_, rest)| rest.split_once(",\"format\":"));
    let command = command.context("an entry has no command")?.0.len();
    // Before the body stand the hash before it, the algorithm and the length.
    Ok([id, command, 32 + 1 + 8 + body.len()])
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
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
        let mut written = Vec::new();
        let charged = bench.charge(|segment| written.push(segment.to_bytes()));
        assert!(charged.expect("charges").used > Duration::ZERO);
        // One entry says that time passed, three are charges.
        assert_eq!(bench.books.position().entries, before + 4);
        let mut limits = Limits::new(&folder, 3, written).expect("charges");
        assert_eq!(limits.hashed.len(), 3);
        assert!(limits.disk().expect("a disk").wall > Duration::ZERO);
        assert!(limits.hashes().expect("memory").used > Duration::ZERO);
        let left = std::fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(left, 0, "files outlive the run");
        std::fs::remove_dir(&folder).expect("removed");
    }
}
