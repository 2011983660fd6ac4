//! `ledger export` and `ledger verify`: copy the books, and check them.
//!
//! What a sound book is, is known to `edugrid-ledger` alone; here it is fed and its verdict
//! told.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use edugrid_ledger::{CODEC, Record, Replay, Segment};
use serde::Serialize;

use crate::{
    arguments::{Connection, Export, Format, Verify},
    checkpoint,
    cluster::Cluster,
    failure::Failure,
    grid::Grid,
    journal::{self, Piece, Source},
    look::{Look, Tone},
    output,
    progress::Progress,
    sentences,
    words::Word,
};

/// What a sound book holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    /// The book's id; empty where there is no entry.
    book: String,
    /// How many segments; 0 for an export.
    segments: u64,
    /// How many entries.
    entries: u64,
    /// The hash of the last one.
    head: String,
    /// The entry at which the proof began, where it was not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_entry: Option<u64>,
    /// Bytes at the end of a journal file that were never acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    torn_bytes: Option<u64>,
    /// Always true: damage is an error.
    ok: bool,
}

/// Where the books are: in the named file, or in the cluster.
async fn source(connection: &Connection, file: Option<&Path>) -> Result<Source, Failure> {
    match file {
        Some(path) => Source::of_file(path),
        None => Ok(Source::of_cluster(&Cluster::connect(connection).await?)),
    }
}

/// Writes all entries as exported lines.
///
/// # Errors
/// If the books can't be read or the file can't be written.
pub async fn export(connection: &Connection, asked: &Export) -> Result<(), Failure> {
    let mut source = source(connection, asked.file.as_deref()).await?;
    let failed = |error| match &asked.output {
        Some(path) => journal::file("written", path)(error),
        None => Failure::Output(error),
    };
    let mut out: Box<dyn Write> = match &asked.output {
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(failed)?)),
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let done = copy(&mut source, &mut out, &failed).await;
    // What could be read is worth keeping even where the rest is damaged.
    out.flush().map_err(failed)?;
    done
}

async fn copy(
    source: &mut Source,
    out: &mut dyn Write,
    failed: &impl Fn(io::Error) -> Failure,
) -> Result<(), Failure> {
    let mut entries: u64 = 0;
    while let Some(piece) = source.next().await? {
        let segment = match piece {
            Piece::Segment(segment) => segment,
            Piece::Line(line) => {
                out.write_all(&line).map_err(failed)?;
                continue;
            }
            Piece::Damage(damage) => return Err(damage.at(entries)),
        };
        let lines = lines(&segment)?;
        out.write_all(lines).map_err(failed)?;
        let ends = lines.iter().filter(|byte| **byte == b'\n').count();
        entries = entries.saturating_add(u64::try_from(ends).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// The exported lines of a segment: its payload, byte for byte.
fn lines(segment: &Segment) -> Result<&[u8], Failure> {
    if segment.codec == CODEC {
        Ok(&segment.payload)
    } else {
        let codec = segment.codec.clone();
        Err(Failure::Codec {
            segment: segment.sequence,
            codec,
        })
    }
}

/// Checks the books and tells the verdict.
///
/// # Errors
/// With the first thing that isn't as it was written, or if they can't be read.
pub async fn verify(connection: &Connection, asked: &Verify, look: Look) -> Result<(), Failure> {
    let mut source = source(connection, asked.file.as_deref()).await?;
    let begin = match &asked.from_checkpoint {
        Some(path) => checkpoint::read(path)?,
        None => begin(connection, &mut source).await?,
    };
    let (verdict, replay) = check(&mut source, begin, Progress::of_terminal(look)).await?;
    if let Some(path) = &asked.write_checkpoint {
        checkpoint::write(path, &replay)?;
    }
    output::print(&match asked.output {
        Format::Table | Format::Wide => text(&verdict, look),
        Format::Json => output::json(&verdict)?,
        Format::Yaml => output::yaml(&verdict)?,
    })
}

/// The books before what a source has: empty ones, but for a cluster whose older segments are
/// archived.
///
/// # Errors
/// If there are older segments and no snapshot stands for them.
pub async fn begin(connection: &Connection, source: &mut Source) -> Result<Replay, Failure> {
    match source.archived_before().await? {
        Some(first) => checkpoint::of_cluster(&Cluster::connect(connection).await?, first).await,
        None => Ok(Replay::new()),
    }
}

async fn check(
    source: &mut Source,
    begin: Replay,
    progress: Progress,
) -> Result<(Verdict, Replay), Failure> {
    let from_entry = begin.position().entries;
    let replay = prove(source, begin, progress, |_| {}).await?;
    let verified = replay.verified();
    let verdict = Verdict {
        book: verified.book,
        segments: verified.segments,
        entries: verified.entries,
        head: verified.head.to_string(),
        from_entry: Some(from_entry).filter(|entry| *entry > 0),
        torn_bytes: Some(source.torn_bytes()).filter(|bytes| *bytes > 0),
        ok: true,
    };
    Ok((verdict, replay))
}

/// Carries everything out again and hands each entry on, once it is proved. Memory holds the
/// books as they stand and one piece, however long the journal is.
///
/// # Errors
/// With the first thing that isn't as it was written, or if the books can't be read.
pub async fn prove(
    source: &mut Source,
    begin: Replay,
    mut progress: Progress,
    mut each: impl FnMut(&Record),
) -> Result<Replay, Failure> {
    let mut replay = begin;
    while let Some(piece) = source.next().await? {
        match piece {
            // Proved before.
            piece if checkpoint::is_before(&piece, &replay) => {}
            Piece::Segment(segment) => {
                let records = replay.segment(&segment).map_err(Failure::Damaged)?;
                records.iter().for_each(&mut each);
            }
            Piece::Line(line) => {
                each(&replay.exported(&line).map_err(Failure::Damaged)?);
            }
            Piece::Damage(damage) => return Err(damage.at(replay.position().entries)),
        }
        progress.at(source.progress(), replay.position().entries);
    }
    Ok(replay)
}

fn text(verdict: &Verdict, look: Look) -> String {
    let language = look.language;
    if verdict.entries == 0 {
        return sentences::no_entry(language) + "\n";
    }
    let heads = [Word::Book, Word::Segments, Word::Entries, Word::Head];
    let mut grid = Grid::new(look, &heads);
    let segments = match verdict.segments {
        0 => "-".to_owned(),
        segments => segments.to_string(),
    };
    grid.row(vec![
        verdict.book.as_str().into(),
        segments.into(),
        verdict.entries.to_string().into(),
        verdict.head.as_str().into(),
    ]);
    let from = verdict
        .from_entry
        .map(|entry| sentences::from_entry(language, entry) + "\n");
    let torn = verdict
        .torn_bytes
        .map(|bytes| sentences::torn(language, bytes) + "\n");
    format!(
        "{}{}{}{}\n",
        grid.text(),
        from.unwrap_or_default(),
        torn.unwrap_or_default(),
        look.paint(Tone::Good, &sentences::sound(language)),
    )
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
