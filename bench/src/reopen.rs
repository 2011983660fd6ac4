//! B12: how long the books take to open again, beside reading the same files from one end to
//! the other with nothing else, in the same run and from the disk, not from memory. From
//! everything: the file of the journal opened, and every entry carried out again. As an operator
//! starts: what is noted beside the view, a snapshot and the segments after it. And as its shadow
//! catches up beside it: the same with the view that is there, or with a view that is lost and made
//! again from every entry.
//!
//! What an operator asks of the API server for that is not in these figures.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use edugrid_ledger::{
    Earlier, FileJournal, Known, ReadError, RealDisk, Records, Replay, Segment, ViewFound, Witness,
    look, restore,
};
use serde_json::json;

use crate::copied;
use crate::host;
use crate::made_up::Written;
use crate::measure::Samples;
use crate::report::{Line, Report};

/// Entries, unless somebody asks for more.
pub const ENTRIES: u64 = 300_000;
/// Segments after the snapshot: as many as the operator lets pile up before it writes the next
/// one (`--snapshot-segments`).
pub const AFTER: u64 = 2000;
/// Live attempts, unless somebody asks for others.
pub const ATTEMPTS: [usize; 2] = [10_000, 100_000];
/// Seconds within which an operator is to have its books, from a snapshot.
const SECONDS_MAX: f64 = 3.0;
/// Bytes of one read, where nothing is done with them.
const READ_BYTES: usize = 1 << 20;
/// Segments that a view takes at once from what was before the snapshot, as in the operator.
const READ_LIMIT: usize = 64;

/// What is measured.
pub struct Sizes {
    /// Entries of the book.
    pub entries: u64,
    /// Segments after the snapshot.
    pub after: u64,
    /// How often all of it is done.
    pub runs: usize,
    /// Live attempts in books that are copied for a snapshot, ascending.
    pub attempts: Vec<usize>,
}

/// Measures and reports.
///
/// # Errors
/// If the file system fails, or if what is opened isn't the book that was written.
pub fn run(directory: &Path, sizes: &Sizes) -> Result<Report> {
    let folder = Folder::new(directory)?;
    let begun = Instant::now();
    let book = Written::make(&folder.0, sizes.entries, sizes.after)?;
    eprintln!(
        "  B12: a book of {} entries in {} segments, made in {:.0} s",
        book.entries,
        book.segments,
        begun.elapsed().as_secs_f64()
    );
    let mut taken = Taken::default();
    for number in 1..=sizes.runs {
        taken.once(&book)?;
        eprintln!("  B12: run {number} of {} done", sizes.runs);
    }
    let mut lines = taken.lines(&book);
    let (bytes, snapshot) = (book.bytes()?, book.snapshot_bytes()?);
    let view = bytes_below(&book.view())?;
    let raw = json!({
        "entries": book.entries,
        "segments": book.segments,
        "bytes": bytes,
        "snapshotBytes": snapshot,
        "viewBytes": view,
        "segmentsAfter": sizes.after,
    });
    for attempts in &sizes.attempts {
        lines.extend(copied::lines(*attempts)?);
        eprintln!("  B12: books with {attempts} live attempts written down");
    }
    Ok(Report {
        id: "B12",
        title: "books: opened again, beside reading the same files with nothing else",
        lines,
        notes: vec![
            format!(
                "{} entries in {} segments, {:.2} GB; a snapshot of {:.1} MB, {} segments after it; a view of {:.2} GB",
                book.entries,
                book.segments,
                giga(bytes),
                giga(snapshot) * 1e3,
                sizes.after,
                giga(view),
            ),
            format!(
                "before each reading the files are taken out of the page cache; on the file system of {}",
                directory.display()
            ),
        ],
        raw,
    })
}

/// Seconds of each part, a run each.
#[derive(Default)]
struct Taken {
    read: Samples,
    opened: Samples,
    replayed: Samples,
    rebuilt: Samples,
    started: Samples,
    resumed: Samples,
    caught_up: Samples,
}

impl Taken {
    fn once(&mut self, book: &Written) -> Result<()> {
        let read = timed("files read", book, || read_through(book))?;
        self.read.0.push(read);
        let opened = timed("journal opened", book, || open(book))?;
        self.opened.0.push(opened);
        let replayed = timed("entries carried out again", book, || replay(book))?;
        self.replayed.0.push(replayed);
        if book.view().exists() {
            fs::remove_dir_all(book.view())?;
        }
        let missing = |found: &ViewFound| *found == ViewFound::Missing;
        let rebuilt = timed("lost view made again", book, || catch_up(book, missing))?;
        self.rebuilt.0.push(rebuilt);
        note(book)?;
        let mut resumed = 0.0;
        let started = timed("opened from a snapshot", book, || {
            start(book).map(|spent| resumed = spent)
        })?;
        self.started.0.push(started);
        self.resumed.0.push(resumed);
        let kept = |found: &ViewFound| *found == ViewFound::Kept;
        let caught_up = timed("view that is there caught up", book, || {
            catch_up(book, kept)
        })?;
        self.caught_up.0.push(caught_up);
        Ok(())
    }

    fn lines(self, book: &Written) -> Vec<Line> {
        let of = |what: &str| format!("{} entries: {what}", book.entries);
        let beside =
            |what: &str, measured| Line::beside(of(what), "s", measured, self.read.clone());
        vec![
            beside("journal opened, records checked", self.opened),
            beside("every entry carried out again", self.replayed),
            beside("a lost view made again", self.rebuilt),
            Line::below(of("from a snapshot"), "s", self.started, SECONDS_MAX),
            Line::plain("  of it: the snapshot read", "s", self.resumed),
            beside("the view that is there, beside it", self.caught_up),
        ]
    }
}

/// Seconds that something takes when none of the book is in memory; told at once, since the
/// whole of a large book takes long.
fn timed(what: &str, book: &Written, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    book.cool()?;
    let worked = || host::cpu_seconds(std::process::id());
    let (begun, before) = (Instant::now(), worked()?);
    work()?;
    let seconds = begun.elapsed().as_secs_f64();
    let busy = worked()? - before;
    eprintln!("  B12: {what} in {seconds:.2} s, {busy:.2} s of processor time");
    Ok(seconds)
}

/// The limit: every byte once, and nothing done with it.
fn read_through(book: &Written) -> Result<()> {
    let mut bytes = vec![0; READ_BYTES];
    for path in book.files() {
        let mut file = File::open(path)?;
        while file.read(&mut bytes)? > 0 {}
    }
    Ok(())
}

/// As whoever appends to the file opens it: every record's hash is checked.
fn open(book: &Written) -> Result<()> {
    let [before, after] = book.files();
    let (journal, _) = FileJournal::open(&before)?;
    let (rest, _) = FileJournal::open_on(&RealDisk, &after, book.first_after)?;
    let segments = journal.segments().saturating_add(rest.segments());
    ensure!(segments == book.segments, "{segments} segments");
    Ok(())
}

fn replay(book: &Written) -> Result<()> {
    let mut replay = Replay::new();
    for path in book.files() {
        let mut records = Records::new(File::open(path)?)?;
        while let Some(bytes) = records.next_record()? {
            replay.segment(&Segment::from_bytes(&bytes)?)?;
        }
    }
    let entries = replay.position().entries;
    ensure!(entries == book.entries, "{entries} entries");
    Ok(())
}

/// What a shadow would have noted beside the view.
fn note(book: &Written) -> Result<()> {
    let snapshot = book.snapshot()?;
    let known = Known {
        book: snapshot.manifest().book.clone(),
        journal: snapshot.manifest().position(),
        view: snapshot.manifest().position(),
    };
    Ok(Witness::new(RealDisk, &book.view()).write(&known)?)
}

/// As an operator starts; the seconds until the snapshot was read.
fn start(book: &Written) -> Result<f64> {
    let begun = Instant::now();
    let sight = look(&book.view());
    ensure!(sight.opened.is_none(), "the view was opened");
    let known = sight.known.context("nothing is noted")?;
    let mut replay = Replay::resume(&book.snapshot()?)?;
    let read = begun.elapsed().as_secs_f64();
    for segment in &after(book)? {
        replay.segment(segment)?;
    }
    known.check(&replay)?;
    let entries = replay.finish().position().entries;
    ensure!(entries == book.entries, "{entries} entries");
    Ok(read)
}

/// As the shadow of an operator catches up.
fn catch_up(book: &Written, expected: impl Fn(&ViewFound) -> bool) -> Result<()> {
    let snapshot = book.snapshot()?;
    let [before, _] = book.files();
    let after = after(book)?;
    let mut kept: Option<FileJournal> = None;
    let mut from_before = |from: u64| earlier(&mut kept, &before, from);
    let earlier: Earlier<'_> = &mut from_before;
    let start = || Replay::resume(&snapshot);
    let restored = restore(&book.view(), None, &start, &after, Some(earlier), |_| {})?;
    let entries = restored.replay.position().entries;
    ensure!(entries == book.entries, "{entries} entries");
    let (_, found) = restored.view?;
    ensure!(expected(&found), "the view was {found:?}");
    Ok(())
}

fn after(book: &Written) -> Result<Vec<Segment>> {
    let [_, after] = book.files();
    let (mut after, _) = FileJournal::open_on(&RealDisk, &after, book.first_after)?;
    Ok(after.read_now(0, usize::MAX)?)
}

/// Segments from before the snapshot; the file is opened when somebody first asks for them.
fn earlier(
    kept: &mut Option<FileJournal>,
    path: &Path,
    from: u64,
) -> Result<Vec<Segment>, ReadError> {
    if kept.is_none() {
        let (journal, _) = FileJournal::open(path).map_err(|error| ReadError {
            from,
            source: Box::new(error),
        })?;
        *kept = Some(journal);
    }
    kept.as_mut()
        .map_or(Ok(Vec::new()), |journal| journal.read_now(from, READ_LIMIT))
}

/// A folder of this process, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(directory: &Path) -> Result<Self> {
        let path = directory.join(format!("b12-{}", std::process::id()));
        fs::create_dir_all(&path).context("the book's folder can't be made")?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed is told by the disk that fills up.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

fn bytes_below(path: &Path) -> Result<u64> {
    if !path.is_dir() {
        return Ok(fs::metadata(path)?.len());
    }
    let entries = fs::read_dir(path)?.map(|entry| bytes_below(&entry?.path()));
    entries.sum()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn giga(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_book_is_opened_in_every_way_and_nothing_is_left() {
        let directory = std::env::temp_dir().join(format!("edugrid-b12-{}", std::process::id()));
        let sizes = Sizes {
            entries: 300,
            after: 20,
            runs: 1,
            attempts: vec![3],
        };
        let report = run(&directory, &sizes).expect("a report");
        // Three attempts may fit into memory that the process has already.
        for line in report.lines.iter().filter(|line| line.unit == "s") {
            assert!(line.measured.min() > 0.0, "{}", line.what);
        }
        let left = fs::read_dir(&directory).expect("the folder").count();
        assert_eq!(left, 0, "files outlive the run");
        fs::remove_dir(&directory).expect("removed");
    }
}
